//! An alert: a verified event in normalized form. Its field names are also what CEL sees as `alert.*`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad the sender says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum AlertSeverity {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

/// The service that the sender says is hurt. Either part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The sender's own id of the service; empty when it has none.
    #[serde(default)]
    pub id: String,
    /// Its name for people; empty when it has none.
    #[serde(default)]
    pub name: String,
}

/// What an alert about a service level objective says of it, each as the sender wrote it; empty where it says nothing. As
/// numbers in CEL: `double(alert.slo.burn_rate) > 10.0`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slo {
    /// The objective's name.
    pub name: String,
    /// How much of the time, or of the requests, shall be good, in percent: `99.9`.
    pub objective: String,
    /// The time over which it is reckoned: `30d`.
    pub window: String,
    /// How many times faster than allowed the budget is spent: `14.4`.
    pub burn_rate: String,
    /// The part of the budget that is left, in percent; negative when it is overspent.
    pub budget_remaining: String,
}

/// A page of the sender that a person may want to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the page is.
    pub title: String,
    /// Where it is. Never fetched, and shown only as a link that says so.
    pub url: String,
}

/// A verified event in normalized form. Every text in it is untrusted: it fills typed parameters and is shown, but it
/// never chooses a host, a path, a query or a tool (I8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The sender's id of the incident or alert; the same for every event of it.
    pub external_id: String,
    /// One line that says what fired.
    pub title: String,
    /// What the sender says beyond the title; empty when it says nothing.
    #[serde(default)]
    pub description: String,
    /// How bad the sender says it is.
    pub severity: AlertSeverity,
    /// `high` or `low` where the sender has an urgency, else empty.
    #[serde(default)]
    pub urgency: String,
    /// The sender's own priority text (`P1`), else empty.
    #[serde(default)]
    pub priority: String,
    /// The service that is hurt.
    #[serde(default)]
    pub service: Service,
    /// The team it is assigned to, else empty.
    #[serde(default)]
    pub team: String,
    /// Labels and tags, as the sender names them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Pages to look at.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The service level objective that the alert is about; empty for every other alert.
    #[serde(default)]
    pub slo: Slo,
    /// When the trouble began, by the sender's clock.
    pub started_at: Timestamp,
}
