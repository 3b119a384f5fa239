//! The documents of a catalog, as users write them.

mod account;
mod case;
mod cluster;
mod command;
mod provider;
mod run;
mod source;
mod task;
mod topic;
mod workflow;
mod world;

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr, time::Duration};

use domain::Name;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use account::Account;
pub use case::{CommandCase, SourceCase, TaskCase, WorkflowCase};
pub use cluster::{Cluster, Eks};
pub use command::{Command, Parameter, ParameterType, SlxSelector, TaskRef};
pub use provider::{LimitKey, Model, ModelRef, Price, Provider, Tokens, Usd};
pub use run::{
    Auth, AuthForm, AwsApiRun, AwsPlace, CloudtrailRun, CloudwatchAlarmsRun, CloudwatchLogsRun, CloudwatchMetricsRun,
    DnsRecord, DnsRun, EcsRun, GithubRun, HttpMethod, HttpRun, KubernetesRead, KubernetesRun, LambdaAnswer,
    LambdaEvent, LambdaFinding, LambdaHealthRun, LambdaRun, LogPatterns, LokiDirection, LokiRun, Nested, PagerdutyRun,
    Parameters, PromqlRange, PromqlRun, RunSpec, Slot, SqsRun, TcpRun, TlsRun,
};
pub use source::{AlertMap, ChatCommand, Scheme, Source, SourceType, Verify};
pub use task::{Access, IssueRule, Task};
pub use topic::TopicArn;
pub use workflow::{Deliver, Incident, Investigate, Limits, StopWhen, Trigger, Workflow};
pub use world::{Assistant, AssistantLimits, Budget, Effect, Knowledge, Redaction, Rule, Schedule, Slx};

/// A length of time as users write it: `500ms`, `5s`, `4h`, `1h 30m`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(ms|s|m|h)( ?[0-9]+(ms|s|m|h))*$", "examples" = ["5s", "4h"]))]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a length of time: write it as 500ms, 5s, 10m or 4h");
        let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(duration).map(Self).map_err(|_| wrong())
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Any document, told apart by `kind`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
#[allow(missing_docs)]
pub enum Document {
    Source(Source),
    Workflow(Workflow),
    Command(Command),
    Task(Task),
    Slx(Slx),
    Assistant(Assistant),
    Rule(Rule),
    Knowledge(Knowledge),
    Schedule(Schedule),
    Model(Box<Model>),
    Cluster(Cluster),
    Budget(Budget),
    Account(Account),
    Redaction(Redaction),
}

/// Values for parameters or inputs: a literal, or text with `${{ CEL }}` in it.
pub type Bindings = BTreeMap<String, serde_json::Value>;

/// A tag's value, or several of which one is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum TagValues {
    One(String),
    Several(Vec<String>),
}

impl TagValues {
    /// The values, in order.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

impl JsonSchema for TagValues {
    fn schema_name() -> Cow<'static, str> {
        "TagValues".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A tag's value, or several of which one is enough.",
            "type": ["string", "array"],
            "items": {"type": "string"},
        })
    }
}

/// Tags by name.
pub type Tags = BTreeMap<String, TagValues>;

/// References to documents by name.
pub type Names = Vec<Name>;
