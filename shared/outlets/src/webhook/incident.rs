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

/// The state of the sender's incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IncidentV1 {
    /// The state.
    #[schemars(extend("enum" = ["open", "acknowledged", "resolved", "merged"]))]
    pub state: &'static str,
    /// Since when, by the sender's clock; null while nothing was said of it but that it fires.
    #[schemars(schema_with = "optional_time_schema")]
    pub since: Option<Timestamp>,
}
