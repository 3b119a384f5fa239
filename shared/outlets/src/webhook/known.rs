//! What a webhook's body says beside the findings: what was known before, and what is not among them.

use domain::{Name, RunId};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{run_schema, time_schema};

/// When the same (source, service and title) fired before.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LastTimeV1 {
    /// How often in the 30 days before this run; 100 stands for 100 or more.
    pub times_in_30_days: usize,
    /// The runs of it, newest first, at most five, however long ago. Empty: it has not fired before.
    pub runs: Vec<EarlierV1>,
}

/// An earlier run that fired alike.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EarlierV1 {
    /// The run.
    #[schemars(schema_with = "run_schema")]
    pub id: RunId,
    /// When it was opened.
    #[schemars(schema_with = "time_schema")]
    pub created_at: Timestamp,
    /// What it ended with.
    pub verdict: String,
    /// What people said of its answer.
    pub ratings: Vec<String>,
}

/// What a Rule suppressed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SuppressedV1 {
    /// The Rule.
    pub rule: Name,
    /// Why.
    pub reason: String,
    /// How many findings.
    pub count: usize,
    /// The titles of the first of them.
    pub titles: Vec<String>,
}

/// An Slx that the alert speaks of.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SlxV1 {
    /// Its name.
    pub name: Name,
    /// Why: which of its tags or links is in the alert.
    pub why: String,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KnowledgeV1 {
    /// The Knowledge document.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// The passage that says most of what was found.
    pub excerpt: String,
}
