//! Cases: what a document must make of what it is given. `firstlook test` runs them, without a network.

use std::collections::BTreeMap;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Bindings;
use crate::expr::Expression;

/// A case of a Source: what an event file tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceCase {
    /// What it shows, in a few words.
    pub name: String,
    /// The event file, the body as it is sent, relative to the document's folder.
    pub event: String,
    /// CEL over `event` (`kind`, `source`, `external_id`) and `alert` that must be true of each event in the file.
    pub expect: Expression,
}

/// A case of a Workflow: which one an event gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowCase {
    /// What it shows, in a few words.
    pub name: String,
    /// The event file, the body as it is sent, relative to the document's folder.
    pub event: String,
    /// The Source that it is sent to.
    pub source: Name,
    /// CEL over `event`, `alert`, `chosen` (the Workflow's name, or null) and `incident_key` (or null) that must be true of
    /// each event in the file.
    pub expect: Expression,
}

/// A case of a Task: what its rules say of a result. The call is not made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskCase {
    /// What it shows, in a few words.
    pub name: String,
    /// The inputs: values, no expressions; those without one have their default.
    #[serde(default, skip_serializing_if = "Bindings::is_empty")]
    pub inputs: Bindings,
    /// The alert, as far as the rules look at it; without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Map<String, Value>>,
    /// What the call gave, shaped as the page of its task kind says; fields that no rule looks at may be left out.
    pub result: Map<String, Value>,
    /// CEL over `issues`, `result` and `inputs` that must be true.
    pub expect: Expression,
}

/// A case of a Command: which steps it takes, and what they find. No call is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandCase {
    /// What it shows, in a few words.
    pub name: String,
    /// The parameters: values, no expressions; those without one have their default.
    #[serde(default, skip_serializing_if = "Bindings::is_empty")]
    pub with: Bindings,
    /// The alert, as far as it matters; without it the Command is run by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Map<String, Value>>,
    /// What the call of each step gave, by the step's id (of an Slx's Task `<entry>.<slx>.<id>`). A call without a result
    /// could not be made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Map<String, Value>>,
    /// CEL over `steps` (by id), `issues` (of the report, merged and ranked, each with its `steps`), `verdict` and `params`
    /// that must be true.
    pub expect: Expression,
}
