use domain::{EventKind, Mode, Name, OutletSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bindings, Names, Span, WorkflowCase};
use crate::expr::{Expression, Template};

/// Which events start it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The sources it listens to; at least one.
    pub sources: Names,
    /// The kinds of opening events; default: `triggered`.
    #[serde(default = "triggered")]
    pub events: Vec<EventKind>,
    /// CEL over `alert` and `event` that must be true; default: every event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
}

fn triggered() -> Vec<EventKind> {
    vec![EventKind::Triggered]
}

/// Which events belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What names the incident; default: the sender's id of it.
    #[serde(default = "external_id")]
    pub key: Template,
    /// How long after its opening an incident still takes events in; default: 4 h.
    #[serde(default = "four_hours")]
    pub window: Span,
}

impl Default for Incident {
    fn default() -> Self {
        Self { key: external_id(), window: four_hours() }
    }
}

fn external_id() -> Template {
    Template::new("${{ alert.external_id }}")
}

fn four_hours() -> Span {
    Span(std::time::Duration::from_secs(4 * 3600))
}

/// What is investigated, and who reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Investigate {
    /// The Command.
    pub command: Name,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Bindings::is_empty")]
    pub with: Bindings,
    /// The Assistant; default: none, the report is the deterministic one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Name>,
    /// What ends it early; default: `never`.
    #[serde(default, skip_serializing_if = "StopWhen::is_never")]
    pub stop_when: StopWhen,
}

/// What ends an investigation early. It concludes with what it has, and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StopWhen {
    /// Nothing: it goes on also when the incident is over.
    #[default]
    Never,
    /// The sender says that the incident is resolved, or became a part of another one.
    Resolved,
}

impl StopWhen {
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// One target: an outlet's name with its settings, and beside it when it is wanted and what stands above the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = beside_each)]
pub struct Deliver {
    /// The outlet.
    #[serde(flatten)]
    pub outlet: OutletSpec,
    /// CEL over `run` and `alert` that must hold before anything is posted there; default: always. What was posted is kept up
    /// to date whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    /// Your own words above the report: text over `run` and `alert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
}

impl From<OutletSpec> for Deliver {
    fn from(outlet: OutletSpec) -> Self {
        Self { outlet, when: None, text: None }
    }
}

/// Puts the keys that stand beside the outlet's into the schema of each outlet, so that each is whole and takes no others.
fn beside_each(schema: &mut schemars::Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    let Some(beside) = schema.remove("properties").and_then(|beside| beside.as_object().cloned()) else { return };
    for unneeded in ["type", "required", "unevaluatedProperties", "additionalProperties"] {
        schema.remove(unneeded);
    }
    let outlets = schema.get_mut("oneOf").and_then(serde_json::Value::as_array_mut);
    for outlet in outlets.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        outlet.insert("additionalProperties".to_owned(), false.into());
        if let Some(properties) = outlet.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
            properties.extend(beside.clone());
        }
    }
}

/// How much it may use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Runs that it may open in an hour (UTC); further incidents of the hour are gathered in one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_per_hour: Option<u32>,
    /// Runs that it may have open at once; while so many have not ended, further incidents are gathered in one run an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_open: Option<u32>,
    /// Money that its assistants may spend in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_day: Option<f64>,
}

/// Trigger, investigation, delivery, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// Its name.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of several workflows that want an event, the one with the highest priority gets it; default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Which events start it.
    pub trigger: Trigger,
    /// Which events belong together.
    #[serde(default)]
    pub incident: Incident,
    /// What is investigated.
    pub investigate: Investigate,
    /// Where the answer goes.
    #[serde(default)]
    pub deliver: Vec<Deliver>,
    /// How much it may use.
    #[serde(default)]
    pub limits: Limits,
    /// `shadow` investigates and stores, but delivers nothing; default: `live`.
    #[serde(default)]
    pub mode: Mode,
    /// Cases it must pass.
    // They stay out of the compiled catalog, since no function runs them.
    #[serde(default, skip_serializing)]
    pub tests: Vec<WorkflowCase>,
}
