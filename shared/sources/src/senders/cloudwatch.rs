//! CloudWatch alarms, by the three ways in which they come: through SNS, through EventBridge ("CloudWatch Alarm State
//! Change"), and from the alarm straight to the function (CloudWatch User Guide, "Alarm events and EventBridge", "Invoke a
//! Lambda function from an alarm"; an SNS notification has the fields of the older form).
//!
//! All three say the alarm's ARN, its state and when it changed, which names the delivery. EventBridge and the alarm itself come
//! to one Source, so an alarm that is wired both ways is one event; SNS comes to a Source of its own, whose event attaches.

use std::{borrow::Cow, collections::BTreeMap};

use catalog::encoded;
use domain::{Alert, AlertSeverity, EventKind, EventRole, Slo};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    json::{self, first, first_time, first_word, list, text, word},
    said::{Said, alert, links, service},
};

const STATE_CHANGE: &str = "CloudWatch Alarm State Change";

/// What SNS signs of a message, beside the token: the address that ends the subscription is for nobody's eyes.
const SIGNED: [&str; 6] = ["Type", "MessageId", "TopicArn", "Subject", "Timestamp", "Message"];

/// The dimensions that name what is hurt, the best first.
const SERVICES: [&str; 18] = [
    "Service",
    "ServiceName",
    "FunctionName",
    "ApiName",
    "ApiId",
    "QueueName",
    "TableName",
    "DBClusterIdentifier",
    "DBInstanceIdentifier",
    "CacheClusterId",
    "StateMachineArn",
    "LoadBalancer",
    "ClusterName",
    "AutoScalingGroupName",
    "TopicName",
    "StreamName",
    "BucketName",
    "InstanceId",
];

/// The body with only what is signed, and with the alarm in the message read. What is so already stays so.
pub(crate) fn opened(body: Value) -> Value {
    let Value::Object(mut message) = body else { return body };
    if !(message.contains_key("TopicArn") && message.contains_key("Type")) {
        return Value::Object(message);
    }
    message.retain(|key, _| SIGNED.contains(&key.as_str()));
    if let Some(inner) = message.get("Message").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok())
        && let inner @ Value::Object(_) = inner
    {
        message.insert("Message".to_owned(), inner);
    }
    Value::Object(message)
}

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![Said { part: Some(body), ..event(body, received_at) }]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    if let Some(word) = text(body, "/Type").filter(|_| body.get("TopicArn").is_some()) {
        let delivery = text(body, "/MessageId").map(str::to_owned);
        let topic = text(body, "/TopicArn").unwrap_or_default();
        return match word {
            "SubscriptionConfirmation" => Said {
                delivery,
                ..Said::ping(word, format!("SNS asks whether `{topic}` may send here, and it is confirmed"))
            },
            "UnsubscribeConfirmation" => {
                let reason = format!("`{topic}` no longer sends here; subscribe it again if that was not meant");
                Said { delivery, ..Said::unknown(word, reason) }
            }
            _ => match Alarm::of_sns(body) {
                Some(alarm) => alarm.said(received_at),
                None => {
                    let reason = "the message is not about a CloudWatch alarm: give the alarms a topic of their own";
                    Said { delivery, ..Said::unknown(word, reason) }
                }
            },
        };
    }
    let kind = text(body, "/detail-type");
    // The alarm itself says no kind.
    if let Some(other) = kind.filter(|kind| *kind != STATE_CHANGE) {
        return Said { delivery: text(body, "/id").map(str::to_owned), ..Said::foreign(other) };
    }
    match Alarm::of_event(body) {
        Some(alarm) => alarm.said(received_at),
        None => Said::unknown(
            kind.unwrap_or_default(),
            "the event has no `detail` or `alarmData` with an alarm's name and state, so it is no CloudWatch alarm",
        ),
    }
}

/// An alarm and its state, whichever way it came.
struct Alarm<'a> {
    arn: String,
    name: &'a str,
    description: &'a str,
    state: &'a str,
    previous: &'a str,
    reason: &'a str,
    at: Option<Timestamp>,
    suppressed_by: Option<&'a str>,
    rule: Option<&'a str>,
    /// The numbers behind the reason, where they came with it.
    data: Value,
    threshold: Option<String>,
    metrics: Vec<Metric<'a>>,
}

/// One metric or expression of an alarm.
#[derive(Default)]
struct Metric<'a> {
    namespace: &'a str,
    name: &'a str,
    expression: &'a str,
    dimensions: BTreeMap<String, String>,
}

impl<'a> Alarm<'a> {
    fn of_sns(body: &'a Value) -> Option<Self> {
        let said = body.get("Message")?;
        let (name, state) = (text(said, "/AlarmName")?, text(said, "/NewStateValue")?);
        let account = word(said, "/AWSAccountId");
        // Older notifications have no ARN. An alarm tells topics of its own region and account only, so those say it.
        let arn = text(said, "/AlarmArn").map(str::to_owned).or_else(|| {
            let topic = text(body, "/TopicArn")?;
            let mut parts = topic.split(':').skip(1);
            let (partition, _, region) = (parts.next()?, parts.next(), parts.next()?);
            Some(format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"))
        })?;
        let trigger = said.get("Trigger").unwrap_or(&Value::Null);
        let one = Metric {
            namespace: text(trigger, "/Namespace").unwrap_or_default(),
            name: text(trigger, "/MetricName").unwrap_or_default(),
            expression: "",
            dimensions: json::labels(trigger.get("Dimensions")),
        };
        let several = list(trigger, "/Metrics").iter().map(|metric| Metric {
            namespace: text(metric, "/MetricStat/Metric/Namespace").unwrap_or_default(),
            name: text(metric, "/MetricStat/Metric/MetricName").unwrap_or_default(),
            expression: text(metric, "/Expression").unwrap_or_default(),
            dimensions: json::labels(metric.pointer("/MetricStat/Metric/Dimensions")),
        });
        Some(Self {
            arn,
            name,
            description: text(said, "/AlarmDescription").unwrap_or_default(),
            state,
            previous: text(said, "/OldStateValue").unwrap_or_default(),
            reason: text(said, "/NewStateReason").unwrap_or_default(),
            at: json::time(said, "/StateChangeTime"),
            suppressed_by: text(said, "/ActionsSuppressedBy"),
            rule: text(said, "/AlarmRule"),
            data: inner(said, "/NewStateReasonData"),
            threshold: first_word(trigger, &["/Threshold"]),
            metrics: std::iter::once(one).chain(several).filter(Metric::says_something).collect(),
        })
    }

    fn of_event(body: &'a Value) -> Option<Self> {
        let said = body.get("alarmData").or_else(|| body.get("detail"))?;
        let (name, state) = (text(said, "/alarmName")?, text(said, "/state/value")?);
        let account = first(body, &["/accountId", "/account"]).unwrap_or_default();
        let region = text(body, "/region").unwrap_or_default();
        let arn = first(body, &["/alarmArn", "/resources/0"]).map(str::to_owned);
        let metrics = list(said, "/configuration/metrics").iter().map(|metric| Metric {
            namespace: text(metric, "/metricStat/metric/namespace").unwrap_or_default(),
            name: text(metric, "/metricStat/metric/name").unwrap_or_default(),
            expression: text(metric, "/expression").unwrap_or_default(),
            dimensions: json::labels(metric.pointer("/metricStat/metric/dimensions")),
        });
        let data = inner(said, "/state/reasonData");
        Some(Self {
            arn: arn.unwrap_or_else(|| format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}")),
            name,
            description: text(said, "/configuration/description").unwrap_or_default(),
            state,
            previous: text(said, "/previousState/value").unwrap_or_default(),
            reason: text(said, "/state/reason").unwrap_or_default(),
            at: first_time(said, &["/state/timestamp"]).or_else(|| json::time(body, "/time")),
            suppressed_by: text(said, "/state/actionsSuppressedBy"),
            rule: text(said, "/configuration/alarmRule"),
            threshold: first_word(&data, &["/threshold"]),
            metrics: metrics.filter(Metric::says_something).collect(),
            data,
        })
    }

    fn said(self, received_at: Timestamp) -> Said<'a> {
        let kind = match self.state {
            "ALARM" => EventKind::Triggered,
            "OK" => EventKind::Resolved,
            // Nobody knows: the metric is silent, which mends nothing.
            "INSUFFICIENT_DATA" => EventKind::Updated,
            other => return Said::unknown(other, format!("`{other}` is not a state that an alarm can have")),
        };
        let suppressed = self.suppressed_by.map(|by| format!("its actions are suppressed by {by}"));
        let mut summary = match kind.role() {
            EventRole::Opens => self.name.to_owned(),
            _ => format!("{} of {}: {}", self.state, self.name, self.reason),
        };
        if let Some(suppressed) = &suppressed {
            summary = format!("{summary} ({suppressed})");
        }
        Said {
            // By the moment and not as it was written, which is not the same by all ways.
            delivery: self.at.map(|at| format!("{} {} {at}", self.arn, self.state)),
            external_id: Some(self.arn.clone()),
            at: self.at,
            summary,
            alert: Some(self.alert(suppressed, received_at)),
            ..Said::new(kind, self.state)
        }
    }

    fn alert(&self, suppressed: Option<String>, received_at: Timestamp) -> Alert {
        let (region, account) = place(&self.arn);
        let mut labels = BTreeMap::new();
        let mut label = |key: &str, value: &str| {
            if !value.is_empty() {
                labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        };
        label("region", region);
        label("account", account);
        label("previous_state", self.previous);
        label("suppressed_by", self.suppressed_by.unwrap_or_default());
        label("alarm_rule", self.rule.unwrap_or_default());
        for metric in &self.metrics {
            label("namespace", metric.namespace);
            label("metric", metric.name);
            label("expression", metric.expression);
        }
        for (key, value) in self.metrics.iter().flat_map(|metric| &metric.dimensions) {
            label(key, value);
        }
        let hurt = SERVICES.iter().find_map(|name| self.dimension(name)).unwrap_or_default();
        let runbook = self.description.split_whitespace().find(|word| word.starts_with("https://"));
        let runbook = runbook.map(|url| url.trim_end_matches(['.', ',', ')', '>']));
        let console = console(region, self.name);
        let parts = [Some(self.description.to_owned()), Some(self.reason.to_owned()), suppressed];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Alert {
            description: parts.join("\n\n"),
            service: if hurt.is_empty() { domain::Service::default() } else { service(hurt) },
            labels,
            links: links([("Runbook", runbook), ("CloudWatch alarm", console.as_deref())]),
            slo: self.slo(),
            ..alert(self.name, severity(self.name, self.description), self.at.unwrap_or(received_at))
        }
    }

    fn dimension(&self, name: &str) -> Option<&str> {
        self.metrics.iter().find_map(|metric| metric.dimensions.get(name)).map(String::as_str)
    }

    /// What an alarm on a metric of Application Signals says of its objective. The objective itself is what the attainment
    /// is held against.
    fn slo(&self) -> Slo {
        let ours = |metric: &&Metric<'_>| {
            metric.namespace == "AWS/ApplicationSignals" && metric.dimensions.contains_key("SloName")
        };
        let Some(metric) = self.metrics.iter().find(ours) else { return Slo::default() };
        let dimension = |name: &str| metric.dimensions.get(name).cloned().unwrap_or_default();
        let mut slo = Slo { name: dimension("SloName"), ..Slo::default() };
        match metric.name {
            "BurnRate" => {
                let minutes = dimension("BurnRateWindowMinutes");
                slo.window = if minutes.is_empty() { minutes } else { format!("{minutes}m") };
                let newest = list(&self.data, "/recentDatapoints").last().and_then(json::scalar);
                slo.burn_rate = newest.or_else(|| in_brackets(self.reason)).unwrap_or_default();
            }
            "AttainmentRate" => slo.objective = self.threshold.clone().unwrap_or_default(),
            _ => {}
        }
        slo
    }
}

impl Metric<'_> {
    fn says_something(&self) -> bool {
        !(self.name.is_empty() && self.expression.is_empty() && self.dimensions.is_empty())
    }
}

/// The JSON that stands as text at a JSON pointer.
fn inner(value: &Value, at: &str) -> Value {
    text(value, at).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(json!(null))
}

/// The first number of `1 datapoint [16.2 (14/02/26 23:53:00)] was greater ...`, where the data did not come with it.
fn in_brackets(reason: &str) -> Option<String> {
    let number = reason.split_once('[')?.1.split([' ', ']']).next()?;
    json::decimal(number).map(|_| number.to_owned())
}

/// Region and account of an ARN.
fn place(arn: &str) -> (&str, &str) {
    let mut parts = arn.split(':').map(str::trim).skip(3);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// The alarm's page in the AWS console.
fn console(region: &str, name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || !region.bytes().all(plain) {
        return None;
    }
    let host: Cow<'_, str> = match region.get(..3) {
        Some("cn-") => "console.amazonaws.cn".into(),
        _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com".into(),
        _ => format!("{region}.console.aws.amazon.com").into(),
    };
    Some(format!("https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{}", encoded(name)))
}

/// CloudWatch has no severities. Two customs are read: `severity: high` (or `severity=high`) in the description, and a
/// priority as a word of the name (`checkout-5xx-P1`, `SEV2 checkout`). Without either an alarm is high: somebody set it.
fn severity(name: &str, description: &str) -> AlertSeverity {
    let lower = description.to_ascii_lowercase();
    let written = lower.split_once("severity").and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix([':', '='])?.trim_start();
        json::severity(rest.split(|c: char| !c.is_ascii_alphanumeric()).next()?)
    });
    let in_name = || {
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|word| {
            let known = word.len() == 2 && word.starts_with(['P', 'p']) || word.to_ascii_lowercase().starts_with("sev");
            json::severity(word).filter(|_| known)
        })
    };
    written.or_else(in_name).unwrap_or(AlertSeverity::High)
}
