use std::collections::BTreeMap;

use domain::{Name, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Parameter, RunSpec, TaskCase};
use crate::expr::{Expression, Template};

/// What a Task may do. There is one answer (I7); it stands in each Task so that it is read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It changes nothing.
    ReadOnly,
}

/// When a result is an Issue, and what the Issue says. All CEL is over `result`, `inputs` and `alert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueRule {
    /// What must be true.
    pub when: Expression,
    /// How bad it is: 1 critical, 2 major, 3 minor, 4 informational.
    pub severity: Severity,
    /// One line that names the thing and what is wrong with it.
    pub title: Template,
    /// A word for the fault, such as `not-ready`: findings of one resource and one fault are one, whichever Tasks found them and
    /// whatever their titles say. Without it, those of one title are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Name>,
    /// What a healthy answer would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Template>,
    /// What was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Template>,
    /// The evidence in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Template>,
    /// How a person sees the same; default: the call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce: Option<Template>,
    /// What to do next; at least one, each a whole sentence.
    pub next_steps: Vec<Template>,
}

/// One typed read-only check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name.
    pub name: Name,
    /// What it finds out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `read-only`.
    pub access: Access,
    /// What it needs to be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Parameter>,
    /// What it checks, for people, with the thing's name in it: ``Check that `${{ inputs.url }}` answers``.
    pub title: Template,
    /// The thing it looks at; default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Template>,
    /// The call. CEL over `inputs` only.
    pub run: RunSpec<Template>,
    /// When the result is an Issue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<IssueRule>,
    /// Cases it must pass.
    // They stay out of the compiled catalog, since no function runs them.
    #[serde(default, skip_serializing)]
    pub tests: Vec<TaskCase>,
}
