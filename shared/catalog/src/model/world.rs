use domain::{Name, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bindings, Deliver, ModelRef, Names, Span, Tags, TaskRef};
use crate::expr::Expression;

/// A thing the team cares about. An alert speaks of it when one of its tags is a label or tag of the alert, or is `service`
/// or `team` with the alert's service (id or name) or team, or when the alert links to one of its pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slx {
    /// Its name.
    pub name: Name,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What alerts are matched against, without regard to case: one tag with one of its values is enough.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Its dashboards and runbooks, to which alerts link: a URL that the link begins with, or a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Its Tasks; `slx` cannot stand in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskRef>,
}

/// How much one run of an Assistant may use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssistantLimits {
    /// Time for the whole run; at the limit it concludes with what it has. Default: 5 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

/// Who reads the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assistant {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its model: `none`, or the name of a Model.
    pub model: ModelRef,
    /// How much one run may use.
    #[serde(default)]
    pub limits: AssistantLimits,
    /// The Tasks it may run besides the Command's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Names,
}

/// What the Assistants of all workflows together may spend. One document of a catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// US dollars in a day (UTC). Near it Assistants answer at once, at it they read nothing more; the checks always run.
    pub usd_per_day: f64,
}

/// What a Rule does to a finding. One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Leaves it out of the findings; it is counted, and shown with the reason.
    Suppress(bool),
    /// Gives it another severity.
    Severity(Severity),
    /// Says beside it what it means here.
    Reframe(String),
}

/// Changes how findings are read, never what is collected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// Rules are applied from the highest to the lowest, each to what those before made of a finding; those of one priority by
    /// name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Which alerts it is about: those that have all these tags, themselves or through an Slx that they speak of. None: all.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// CEL over `issue` and `alert`.
    pub when: Expression,
    /// What it does.
    pub then: Effect,
    /// Why, for whoever reads the report.
    pub reason: String,
}

/// A fact about resources. Written as Markdown with front matter; the text below is `text`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// What it is about: the Slxs and alerts that have all these tags, each with one of its values. None: everything.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The text.
    #[serde(default)]
    pub text: String,
}

/// What else is secret here: masked in everything before it is stored, besides what is known by its form or by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A regular expression without look-around. What its group `secret` matches is masked; without one, all that it
    /// matches.
    pub pattern: String,
    /// What stands in its place; default: `[redacted]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// Texts in which it finds something, at least one. Invented ones: they stand here for everyone to read.
    pub masks: Vec<String>,
    /// Texts in which it finds nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps: Vec<String>,
}

/// A Command on a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// An EventBridge Scheduler expression: `cron(0 8 ? * MON-FRI *)` or `rate(1 hour)`.
    pub schedule: String,
    /// An IANA time zone; default: UTC.
    #[serde(default = "utc")]
    pub timezone: String,
    /// Whether it stands still.
    #[serde(default)]
    pub paused: bool,
    /// How many runs it has in all; what is due after them is recorded and not run. Default: as many as are due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runs: Option<u32>,
    /// The Command.
    pub command: Name,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Bindings::is_empty")]
    pub with: Bindings,
    /// Where the answer goes.
    #[serde(default)]
    pub deliver: Vec<Deliver>,
}

fn utc() -> String {
    "UTC".to_owned()
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &i32) -> bool {
    *number == 0
}
