//! One step of a run: one task, what was asked, what came back, what is wrong with it.

use std::{borrow::Borrow, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Issue, Name};

/// How much of a step's evidence is kept, in bytes of JSON. Far below the table's 400 KB item limit, compressed or not.
pub const EVIDENCE_CAP: usize = 96 * 1024;

/// The id of a step within its command. For tasks that come from an Slx it is `<entry>.<slx>.<task>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The id, as the plan names it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The call was made and answered, whatever the answer says.
    Ok,
    /// The call could not be made or was not answered.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// It was not tried.
    Skipped {
        /// Why, for people.
        reason: String,
    },
}

/// What was cut from evidence, so that nobody takes a part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Bytes kept.
    pub kept: usize,
    /// Bytes there were.
    pub total: usize,
}

/// What a task saw. Redacted before it is stored, and never changed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// One line for people, such as `503 in 12 ms`.
    pub summary: String,
    /// The result as CEL sees it in `result` and `steps.<id>.result`.
    #[serde(default)]
    pub data: Value,
    /// Set when `data` is only a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// One recorded step. Once written it is never run and never written again (I6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id within the command.
    pub id: StepId,
    /// Its place in the plan, from 0. It makes the key of the item.
    pub index: u32,
    /// What it checks, for people.
    pub title: String,
    /// The Task document.
    pub task: Name,
    /// The task kind, such as `http`.
    pub kind: String,
    /// The thing that was looked at; empty where there is none.
    #[serde(default)]
    pub resource: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was asked, without secrets.
    #[serde(default)]
    pub request: Value,
    /// What was seen.
    #[serde(default)]
    pub evidence: Evidence,
    /// What is wrong with it.
    #[serde(default)]
    pub issues: Vec<Issue>,
}
