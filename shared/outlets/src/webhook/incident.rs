//! What a webhook carries of the incident and of earlier looks at it.

use domain::RunId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{optional_time_schema, run_schema, time_schema};

/// What a storm's run has gathered. It investigates the first incident of them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StormV1 {
    /// How many incidents, the first included.
    pub incidents: u64,
    /// How many alerts of them came after the first.
    pub gathered: u64,
}

/// The look before this one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PreviousV1 {
    /// Its run.
    #[schemars(schema_with = "run_schema")]
    pub id: RunId,
    /// When it ended.
    #[schemars(schema_with = "time_schema")]
    pub ended_at: Timestamp,
    /// What it ended with.
    pub verdict: String,
    /// Its page; null where there is no console.
    pub link: Option<String>,
}

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

/// The state of the sender's incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IncidentV1 {
    /// The state.
    #[schemars(extend("enum" = ["open", "acknowledged", "resolved", "merged"]))]
    pub state: &'static str,
    /// Since when, by the sender's clock; null while it is open.
    #[schemars(schema_with = "optional_time_schema")]
    pub since: Option<Timestamp>,
}
