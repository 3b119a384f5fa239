//! `lambda-health`: how a function is set up, and what it did in the window and before.
//!
//! The APIs: docs.aws.amazon.com/lambda/latest/api (REST) and CloudWatch's GetMetricData (JSON 1.0).

#[cfg(test)]
mod tests;

use awscall::{AwsError, AwsRequest, JsonVersion};
use catalog::model::LambdaHealthRun;
use engine::{Answer, Called};
use jiff::{SignedDuration, Timestamp};
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::Cloud,
    cloudwatch,
    common::{limit, number},
    signed::{self, Notes, Signed, list, short, text, time, whole},
};

/// How much of a text is kept, in characters.
const TEXT: usize = 300;
/// How many event source mappings are kept.
const MAPPINGS: usize = 20;

/// What is measured: the field of the result, CloudWatch's name, and its statistic. A mean is made of a sum and a count.
const METRICS: [(&str, &str, &str); 8] = [
    ("invocations", "Invocations", "Sum"),
    ("errors", "Errors", "Sum"),
    ("throttles", "Throttles", "Sum"),
    ("dead_letter_errors", "DeadLetterErrors", "Sum"),
    ("duration_sum", "Duration", "Sum"),
    ("duration_count", "Duration", "SampleCount"),
    ("duration_max_ms", "Duration", "Maximum"),
    ("concurrency_max", "ConcurrentExecutions", "Maximum"),
];

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &LambdaHealthRun<String>) -> Called {
    let windows = Windows::of(clock.now(), run);
    let request = signed::request(
        "lambda:GetFunctionConfiguration",
        run.account.as_ref(),
        json!({"function": run.function, "qualifier": run.qualifier, "window": windows.shown()}),
    );
    let answer = async {
        if run.function.is_empty() || run.qualifier.as_ref().is_some_and(String::is_empty) {
            return Err("the name of the function is empty".to_owned());
        }
        let there = cloud.at(run.place())?;
        let signed = Signed::new(&there, limit(run.timeout));
        look(signed, run, &windows).await.map_err(|error| signed.reason(&error))
    };
    Called { request, answer: answer.await }
}

/// The window and the same before it, in whole minutes, as metrics are kept.
struct Windows {
    from: Timestamp,
    middle: Timestamp,
    until: Timestamp,
    /// How long a point of a metric is, in seconds.
    period: i64,
}

impl Windows {
    fn of(now: Timestamp, run: &LambdaHealthRun<String>) -> Self {
        let long = i64::try_from(run.last.0.as_secs()).unwrap_or(i64::MAX).clamp(60, 24 * 3600);
        // One call gives a few hundred points of each metric.
        let period = if long <= 3 * 3600 { 60 } else { 300 };
        let until = now.as_second().div_euclid(period) * period;
        let long = long.div_euclid(period).max(1) * period;
        let at = |back: i64| now.checked_sub(SignedDuration::from_secs(now.as_second() - until + back)).unwrap_or(now);
        let whole = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
        Self { from: whole(at(2 * long)), middle: whole(at(long)), until: whole(at(0)), period }
    }

    fn shown(&self) -> Value {
        json!({"from": self.middle.to_string(), "until": self.until.to_string(), "before": self.from.to_string()})
    }
}

async fn look(signed: Signed<'_>, run: &LambdaHealthRun<String>, windows: &Windows) -> Result<Answer, AwsError> {
    let started = Instant::now();
    let name = catalog::encoded(&run.function);
    let base = format!("/2015-03-31/functions/{name}/configuration");
    let concurrency = format!("/2019-09-30/functions/{name}/concurrency");
    let qualifier: Vec<(&str, &str)> = run.qualifier.iter().map(|one| ("Qualifier", one.as_str())).collect();
    let of_function = match &run.qualifier {
        Some(qualifier) => format!("{}:{qualifier}", run.function),
        None => run.function.clone(),
    };
    let of_mappings = [("FunctionName", of_function.as_str()), ("MaxItems", "100")];
    let (configuration, concurrency, mappings, metrics) = tokio::join!(
        signed.get("lambda:GetFunctionConfiguration", &base, &qualifier),
        signed.get("lambda:GetFunctionConcurrency", &concurrency, &[]),
        signed.get("lambda:ListEventSourceMappings", "/2015-03-31/event-source-mappings", &of_mappings),
        metrics(signed, run, windows),
    );
    let configuration = configuration?;
    let Metrics { found: metrics, unread: unmeasured } = metrics?;
    let (mut notes, mut unread) = (Notes::default(), Vec::new());
    // What is denied is to be granted; what did not come in time is a gap that is told.
    let mut beside = |answer: Result<Value, AwsError>, what: &str| match answer {
        Err(error @ (AwsError::TimedOut { .. } | AwsError::Throttled { .. } | AwsError::Failed { .. })) => {
            unread.push(format!("{what} is not known: {}", signed.note(&error)));
            Ok(Value::Null)
        }
        other => other,
    };
    let concurrency = beside(concurrency, "the reserved concurrency")?;
    let mappings = beside(mappings, "the state of the event source mappings")?;
    unread.extend(unmeasured);
    let reserved = concurrency.get("ReservedConcurrentExecutions").filter(|value| value.is_i64()).cloned();
    let all = list(&mappings, "EventSourceMappings");
    if all.len() > MAPPINGS || !text(&mappings, "NextMarker").is_empty() {
        notes.say(format!("the first {MAPPINGS} event source mappings are kept: there are more"));
    }
    let mappings: Vec<Value> = all.iter().map(mapping_of).collect();
    let failing = mappings.iter().filter(|mapping| mapping.get("failing") == Some(&Value::Bool(true))).count();
    let of = |name: &str| {
        metrics.iter().find(|metric| metric.0 == name).map(|(_, now, before)| (*now, *before)).unwrap_or_default()
    };
    let shown = |(now, before): (Option<f64>, Option<f64>)| json!({"now": measured(now), "before": measured(before)});
    let share = |part: (Option<f64>, Option<f64>), whole: (Option<f64>, Option<f64>)| {
        (quotient(part.0, whole.0), quotient(part.1, whole.1))
    };
    let (invocations, errors, throttles) = (of("invocations"), of("errors"), of("throttles"));
    let (rate, rate_before) = share(errors, invocations);
    let summary = format!(
        "{} {}: {} invocations, {} errors, {} throttles{}",
        run.function,
        text(&configuration, "State"),
        measured(invocations.0.or(Some(0.0))),
        measured(errors.0.or(Some(0.0))),
        measured(throttles.0.or(Some(0.0))),
        if reserved == Some(json!(0)) { ", and its reserved concurrency is 0" } else { "" },
    );
    let result = json!({
        "version": text(&configuration, "Version"),
        "state": text(&configuration, "State"),
        "state_reason": short(&configuration, "StateReason", TEXT),
        "last_update": text(&configuration, "LastUpdateStatus"),
        "last_update_reason": short(&configuration, "LastUpdateStatusReason", TEXT),
        "runtime": text(&configuration, "Runtime"),
        "timeout_s": whole(&configuration, "Timeout"),
        "memory_mb": whole(&configuration, "MemorySize"),
        "modified_at": signed::shown(time(configuration.get("LastModified")).or_else(|| modified(&configuration))),
        "reserved_concurrency": reserved,
        "blocked": reserved == Some(json!(0)),
        "invocations": shown(invocations),
        "errors": shown(errors),
        "throttles": shown(throttles),
        "dead_letter_errors": shown(of("dead_letter_errors")),
        "duration_avg_ms": shown(share(of("duration_sum"), of("duration_count"))),
        "duration_max_ms": shown(of("duration_max_ms")),
        "concurrency_max": shown(of("concurrency_max")),
        "error_rate": measured(rate),
        "error_rate_before": measured(rate_before),
        "mappings": mappings.iter().take(MAPPINGS).collect::<Vec<_>>(),
        "mappings_failing": failing,
        "unread": unread,
    });
    Ok(Answer { summary, result: signed::ended(result, notes, started) })
}

/// `2026-03-01T11:00:00.000+0000`: Lambda writes no colon in the offset.
fn modified(configuration: &Value) -> Option<Timestamp> {
    text(configuration, "LastModified").replace("+0000", "Z").parse().ok()
}

fn measured(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| number((value * 1000.0).round() / 1000.0))
}

fn quotient(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let whole = whole.filter(|whole| *whole > 0.0)?;
    Some(part.unwrap_or_default() / whole)
}

fn mapping_of(mapping: &Value) -> Value {
    let (state, last) = (text(mapping, "State"), short(mapping, "LastProcessingResult", TEXT));
    let source = text(mapping, "EventSourceArn");
    json!({
        "source": if source.is_empty() { "(self-managed)" } else { source },
        "state": state,
        "failing": !matches!(state, "Enabled" | "Creating" | "Updating" | "Enabling") || last.contains("PROBLEM") || last.contains("rror"),
        "last_result": last,
    })
}

/// What was measured.
struct Metrics {
    /// Each metric in the window and before; nothing where CloudWatch has no point.
    found: Vec<(&'static str, Option<f64>, Option<f64>)>,
    /// Those of which something could not be read.
    unread: Vec<String>,
}

/// Reads all of them.
async fn metrics(signed: Signed<'_>, run: &LambdaHealthRun<String>, windows: &Windows) -> Result<Metrics, AwsError> {
    // A function that is named by its ARN is measured under its name.
    let name = run.function.split(":function:").last().unwrap_or_default().split(':').next().unwrap_or_default();
    let mut dimensions = vec![json!({"Name": "FunctionName", "Value": name})];
    if let Some(qualifier) = &run.qualifier {
        dimensions.push(json!({"Name": "Resource", "Value": format!("{name}:{qualifier}")}));
    }
    let queries: Vec<Value> = METRICS
        .iter()
        .enumerate()
        .map(|(place, (_, metric, statistic))| {
            json!({
                "Id": format!("m{place}"),
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
                    "Period": windows.period,
                    "Stat": statistic,
                },
            })
        })
        .collect();
    let mut body = json!({
        "MetricDataQueries": queries,
        "StartTime": windows.from.as_second(),
        "EndTime": windows.until.as_second(),
    });
    let mut found: Vec<(&'static str, Option<f64>, Option<f64>)> =
        METRICS.iter().map(|(name, ..)| (*name, None, None)).collect();
    let mut unread = Vec::new();
    // A page has 100 800 points; there are a few thousand.
    for _ in 0..5 {
        let request = AwsRequest::Json {
            service: "monitoring",
            signing: "monitoring",
            target: "GraniteServiceVersion20100801.GetMetricData",
            version: JsonVersion::V1_0,
            body: &body,
        };
        let answer = signed.answer(&request).await?.body;
        let next = text(&answer, "NextToken");
        for result in list(&answer, "MetricDataResults") {
            let place = text(result, "Id").strip_prefix('m').and_then(|place| place.parse::<usize>().ok());
            let Some(((.., now, before), (_, metric, statistic))) =
                place.and_then(|place| found.get_mut(place).zip(METRICS.get(place)))
            else {
                continue;
            };
            let part = cloudwatch::unread(result, next.is_empty()).map(|what| format!("the metric {metric}: {what}"));
            unread.extend(part.filter(|part| !unread.contains(part)));
            for (at, value) in list(result, "Timestamps").iter().zip(list(result, "Values")) {
                let (Some(at), Some(value)) = (time(Some(at)), value.as_f64()) else { continue };
                let sum = if at < windows.middle { &mut *before } else { &mut *now };
                *sum = Some(match *sum {
                    Some(known) if *statistic == "Maximum" => known.max(value),
                    Some(known) => known + value,
                    None => value,
                });
            }
        }
        if next.is_empty() {
            break;
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("NextToken".to_owned(), Value::from(next));
        }
    }
    Ok(Metrics { found, unread })
}
