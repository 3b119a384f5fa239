//! What the variables of expressions are made of.

use std::collections::BTreeMap;

use super::kinds;
use crate::model::{
    AwsApiRun, CloudwatchAlarmsRun, CloudwatchMetricsRun, DnsRun, GithubRun, HttpRun, KubernetesRun, LokiRun,
    PagerdutyRun, Parameter, ParameterType, PromqlRun, RunSpec, SqsRun, TcpRun, TlsRun,
};

/// What a value is made of, as far as it is known before there is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    /// Anything.
    Any,
    Text,
    Number,
    Bool,
    List(Box<Type>),
    /// A map with these fields and no others.
    Fields(BTreeMap<String, Type>),
    /// A map with any keys.
    Free(Box<Type>),
}

impl Type {
    pub(crate) fn fields<'k>(fields: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        Self::Fields(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// What it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text => "text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::List(_) => "a list",
            Self::Fields(_) | Self::Free(_) => "a map",
        }
    }

    /// Whether a value of this type may be one of the other.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        matches!(self, Self::Any) || matches!(other, Self::Any) || self.what() == other.what()
    }
}

pub(crate) fn list(of: Type) -> Type {
    Type::List(Box::new(of))
}

/// `alert`, as [`domain::Alert`] is written.
pub(crate) fn alert() -> Type {
    let link = Type::fields([("title", Type::Text), ("url", Type::Text)]);
    Type::fields([
        ("external_id", Type::Text),
        ("title", Type::Text),
        ("description", Type::Text),
        ("severity", Type::Text),
        ("urgency", Type::Text),
        ("priority", Type::Text),
        ("service", Type::fields([("id", Type::Text), ("name", Type::Text)])),
        ("team", Type::Text),
        ("labels", Type::Free(Box::new(Type::Text))),
        ("links", list(link)),
        (
            "slo",
            Type::fields(
                ["name", "objective", "window", "burn_rate", "budget_remaining"].map(|field| (field, Type::Text)),
            ),
        ),
        ("started_at", Type::Text),
    ])
}

/// `event`, as the matcher gives it.
pub(crate) fn event() -> Type {
    Type::fields([("kind", Type::Text), ("source", Type::Text)])
}

/// `run`, as [`crate::wanted`] gives it.
pub(crate) fn run() -> Type {
    let texts = ["id", "title", "workflow", "command", "status", "outcome", "reason", "verdict", "headline"];
    let texts = texts.into_iter().chain(["confidence", "incident"]).map(|name| (name, Type::Text));
    let numbers = ["worst_severity", "issue_count", "gap_count", "cost_usd", "fired"].map(|name| (name, Type::Number));
    let issue = Type::fields([("severity", Type::Number), ("title", Type::Text), ("resource", Type::Text)]);
    let others = [("issues", list(issue)), ("flapping", Type::Bool), ("storm", Type::Bool)];
    Type::fields(texts.chain(numbers).chain(others))
}

/// `issue`, as [`domain::Issue`] is written.
pub(crate) fn issue() -> Type {
    Type::fields([
        ("severity", Type::Number),
        ("title", Type::Text),
        ("expected", Type::Text),
        ("actual", Type::Text),
        ("details", Type::Text),
        ("reproduce", Type::Text),
        ("next_steps", list(Type::Text)),
        ("resource", Type::Text),
        ("fault", Type::Text),
        ("observed_at", Type::Text),
    ])
}

/// `steps.<id>`, as the engine gives it, of a task with this `result`.
pub(crate) fn step(result: Type) -> Type {
    Type::fields([("outcome", Type::Text), ("summary", Type::Text), ("result", result), ("issues", list(issue()))])
}

/// `params` or `inputs`.
pub(crate) fn parameters(parameters: &BTreeMap<String, Parameter>) -> Type {
    let of = |parameter: &Parameter| match parameter.parameter_type {
        ParameterType::Integer | ParameterType::Number => Type::Number,
        ParameterType::Boolean => Type::Bool,
        ParameterType::String | ParameterType::Duration | ParameterType::Url | ParameterType::Host => Type::Text,
    };
    Type::Fields(parameters.iter().map(|(name, parameter)| (name.clone(), of(parameter))).collect())
}

/// What a query of metrics gives.
pub(crate) fn series(ranged: bool) -> Type {
    let mut series = vec![("labels", Type::Free(Box::new(Type::Text))), ("value", Type::Any), ("special", Type::Text)];
    if ranged {
        let numbers = [("first", Type::Any), ("min", Type::Any), ("max", Type::Any)];
        series.extend(numbers);
        series.push(("points", list(list(Type::Any))));
    }
    // A value may be null, and not a number where Prometheus says NaN.
    Type::fields([
        ("series", list(Type::fields(series))),
        ("series_total", Type::Number),
        ("value", Type::Any),
        ("special", Type::Text),
        ("warnings", list(Type::Text)),
        ("notes", list(Type::Text)),
        ("elapsed_ms", Type::Number),
    ])
}

/// `result` of a call, as the documentation of its task kind says.
pub(crate) fn result<T>(run: &RunSpec<T>) -> Type {
    match run {
        RunSpec::Http(HttpRun { .. }) => Type::fields([
            ("status", Type::Number),
            ("elapsed_ms", Type::Number),
            ("headers", Type::Free(Box::new(Type::Text))),
            ("body", Type::Text),
            ("truncated", Type::Bool),
            ("json", Type::Any),
            ("final_url", Type::Text),
            ("redirects", Type::Number),
            ("redirect_withheld", Type::Text),
        ]),
        RunSpec::Promql(PromqlRun { range, .. }) => series(range.is_some()),
        RunSpec::Loki(LokiRun { range, .. }) => kinds::loki::result(range.is_some()),
        RunSpec::Kubernetes(KubernetesRun { read, .. }) => kinds::kubernetes::result(*read),
        RunSpec::Pagerduty(PagerdutyRun { .. }) => kinds::pagerduty::result(),
        RunSpec::Github(GithubRun { .. }) => kinds::github::result(),
        RunSpec::Dns(DnsRun { .. }) => {
            Type::fields([("answers", list(Type::Text)), ("code", Type::Text), ("elapsed_ms", Type::Number)])
        }
        RunSpec::Tcp(TcpRun { .. }) => Type::fields([
            ("connected", Type::Bool),
            ("address", Type::Text),
            ("error", Type::Text),
            ("elapsed_ms", Type::Number),
        ]),
        RunSpec::Tls(TlsRun { .. }) => Type::fields([
            ("trusted", Type::Bool),
            ("error", Type::Text),
            ("subject", Type::Text),
            ("issuer", Type::Text),
            ("names", list(Type::Text)),
            ("not_before", Type::Text),
            ("not_after", Type::Text),
            ("days_left", Type::Any),
            ("chain", list(Type::fields([("subject", Type::Text), ("issuer", Type::Text), ("not_after", Type::Text)]))),
            ("version", Type::Text),
            ("address", Type::Text),
            ("elapsed_ms", Type::Number),
        ]),
        RunSpec::AwsApi(AwsApiRun { .. }) => Type::fields([
            ("body", Type::Any),
            ("status", Type::Number),
            ("pages", Type::Number),
            ("truncated", Type::Bool),
            ("elapsed_ms", Type::Number),
        ]),
        RunSpec::CloudwatchMetrics(CloudwatchMetricsRun { .. }) => {
            // Null where there is no data.
            let window = || {
                let numbers = ["average", "max", "min", "sum", "last"].map(|name| (name, Type::Any));
                Type::fields(numbers.into_iter().chain([("points", Type::Number)]))
            };
            let windows = ["now", "before", "day_ago", "week_ago"].map(|name| (name, window()));
            let ratios = ["ratio_before", "ratio_day", "ratio_week"].map(|name| (name, Type::Any));
            Type::fields(windows.into_iter().chain(ratios).chain([
                ("values", list(list(Type::Number))),
                ("missing", Type::Bool),
                ("period", Type::Number),
                ("notes", list(Type::Text)),
                ("unread", list(Type::Text)),
                ("elapsed_ms", Type::Number),
            ]))
        }
        RunSpec::CloudwatchAlarms(CloudwatchAlarmsRun { .. }) => {
            let texts = |names: &[&'static str]| names.iter().map(|name| (*name, Type::Text)).collect::<Vec<_>>();
            let mut alarm = texts(&["name", "state", "reason", "since", "what"]);
            alarm.push(("actions", Type::Bool));
            Type::fields([
                ("alarms", list(Type::fields(alarm))),
                ("alarms_total", Type::Number),
                ("alarming", Type::Number),
                ("changes", list(Type::fields(texts(&["name", "at", "from", "to", "summary"])))),
                ("notes", list(Type::Text)),
                ("elapsed_ms", Type::Number),
            ])
        }
        RunSpec::Sqs(SqsRun { .. }) => {
            let unsure = ["oldest_seconds", "max_receives", "dead_letters"].map(|name| (name, Type::Any));
            let numbers = ["visible", "in_flight", "delayed", "retention_seconds", "visibility_seconds", "elapsed_ms"];
            let numbers = numbers.map(|name| (name, Type::Number));
            Type::fields(unsure.into_iter().chain(numbers).chain([("arn", Type::Text), ("unread", list(Type::Text))]))
        }
        RunSpec::CloudwatchLogs(run) => super::kinds::cloudwatch_logs::result(run),
        RunSpec::Ecs(run) => super::kinds::ecs::result(run),
        RunSpec::Cloudtrail(run) => super::kinds::cloudtrail::result(run),
        RunSpec::LambdaHealth(run) => super::kinds::lambda::health_result(run),
        RunSpec::Lambda(run) => super::kinds::lambda::result(run),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The type of a value, as far as one value shows it.
    fn shown(value: &Value) -> Type {
        match value {
            Value::Object(map) => Type::Fields(map.iter().map(|(key, value)| (key.clone(), shown(value))).collect()),
            Value::Array(items) => list(items.first().map_or(Type::Any, shown)),
            Value::Number(_) => Type::Number,
            Value::Bool(_) => Type::Bool,
            Value::String(_) => Type::Text,
            Value::Null => Type::Any,
        }
    }

    #[test]
    fn alerts_and_issues_are_made_as_they_are_written() {
        let alert_with_all: domain::Alert = serde_json::from_value(json!({
            "external_id": "1", "title": "t", "severity": "high", "started_at": "2026-01-01T00:00:00Z",
            "links": [{"title": "t", "url": "u"}],
        }))
        .unwrap();
        let mut known = alert();
        if let Type::Fields(fields) = &mut known {
            assert_eq!(
                fields.insert("labels".to_owned(), Type::Fields(BTreeMap::new())),
                Some(Type::Free(Box::new(Type::Text)))
            );
        }
        assert_eq!(shown(&json!(alert_with_all)), known);
        let issue_with_all: domain::Issue = serde_json::from_value(json!({
            "severity": 1, "title": "t", "next_steps": ["n"], "fault": "f", "observed_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        assert_eq!(shown(&json!(issue_with_all)), issue());
    }
}
