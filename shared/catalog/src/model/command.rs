use std::collections::BTreeMap;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bindings, CommandCase};
use crate::expr::Expression;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Text. What comes from an alert needs a `pattern` or an `enum` beside it.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A length of time, such as `15m`.
    Duration,
    /// An absolute `http` or `https` URL. Never filled from an alert.
    Url,
    /// A host name or an IP address. Never filled from an alert.
    Host,
}

impl ParameterType {
    /// The word for it in config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Url => "url",
            Self::Host => "host",
        }
    }
}

/// One typed parameter of a Command, or input of a Task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it may be.
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The only values there are.
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<serde_json::Value>>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// What it is when nobody says; without it the parameter must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

impl Parameter {
    /// A parameter of this type and no other limits.
    #[must_use]
    pub fn of(parameter_type: ParameterType) -> Self {
        Self { parameter_type, description: None, pattern: None, one_of: None, min: None, max: None, default: None }
    }
}

/// Which Slxs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SlxSelector {
    /// Those whose tags match the alert.
    Matched,
}

/// One entry of a Command: a Task with its inputs, or the tasks of Slxs. Exactly one of `task` and `slx` stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// Its id within the Command, which is the step's id.
    pub id: Name,
    /// The Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Name>,
    /// The Slxs whose tasks are run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slx: Option<SlxSelector>,
    /// The Task's inputs: literals, or CEL over `params`, `alert` and `steps.<id>` of what it needs.
    #[serde(default, skip_serializing_if = "Bindings::is_empty")]
    pub with: Bindings,
    /// Entries that must have ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Name>,
    /// CEL over the same that must be true, else it is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
}

/// A named, parameterized, reusable investigation procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Its name.
    pub name: Name,
    /// What it finds out.
    pub description: String,
    /// What it can be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// What it checks; at least one.
    pub tasks: Vec<TaskRef>,
    /// How an assistant should read the evidence, for people too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    /// Cases it must pass.
    // They stay out of the compiled catalog, since no function runs them.
    #[serde(default, skip_serializing)]
    pub tests: Vec<CommandCase>,
}
