//! One accepted event, as it travels from ingest to investigate.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Alert, EventId, Name};

/// How much of an event's raw body is kept, in bytes.
pub const RAW_CAP: usize = 48 * 1024;

/// What happened to the incident, in one vocabulary for all senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It fired.
    Triggered,
    /// It fired again after it was over.
    Reopened,
    /// A person has it.
    Acknowledged,
    /// Nobody has it any more.
    Unacknowledged,
    /// It went to somebody else, or higher.
    Escalated,
    /// A field of it changed.
    Updated,
    /// Somebody wrote a note.
    Annotated,
    /// It is over.
    Resolved,
    /// It became a part of another incident, which is not a fix.
    Merged,
    /// The sender tests the connection.
    Ping,
    /// A verified event of a kind that Firstlook does not know.
    Unknown,
}

/// What an event of a kind may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRole {
    /// May start an investigation.
    Opens,
    /// Belongs to an investigation that stands.
    Attaches,
    /// Speaks to Firstlook itself, or says nothing that it knows.
    Control,
}

impl EventKind {
    /// What an event of this kind may do.
    #[must_use]
    pub fn role(self) -> EventRole {
        match self {
            Self::Triggered | Self::Reopened => EventRole::Opens,
            Self::Acknowledged
            | Self::Unacknowledged
            | Self::Escalated
            | Self::Updated
            | Self::Annotated
            | Self::Resolved
            | Self::Merged => EventRole::Attaches,
            Self::Ping | Self::Unknown => EventRole::Control,
        }
    }

    /// The word for it in config, table and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Reopened => "reopened",
            Self::Acknowledged => "acknowledged",
            Self::Unacknowledged => "unacknowledged",
            Self::Escalated => "escalated",
            Self::Updated => "updated",
            Self::Annotated => "annotated",
            Self::Resolved => "resolved",
            Self::Merged => "merged",
            Self::Ping => "ping",
            Self::Unknown => "unknown",
        }
    }
}

/// The event's own part of the raw body, kept for review and replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFragment {
    /// At most [`RAW_CAP`] bytes of it.
    pub text: String,
    /// How many bytes were cut off at the end; 0 when it is whole.
    #[serde(default)]
    pub cut_bytes: usize,
}

impl RawFragment {
    /// Keeps the first [`RAW_CAP`] bytes of `text`, at a character's edge, and counts the rest.
    #[must_use]
    pub fn keep(text: &str) -> Self {
        let end = text.floor_char_boundary(RAW_CAP);
        Self { text: text.get(..end).unwrap_or_default().to_owned(), cut_bytes: text.len() - end }
    }
}

/// What ingest decided about an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Disposition {
    /// It opens an investigation, or attaches to the open one of the same incident.
    Opens {
        /// The one workflow that was chosen.
        workflow: Name,
        /// The incident key, evaluated.
        incident_key: String,
    },
    /// It belongs to the investigation of the same source and external id.
    Attaches,
    /// Nothing follows from it; it is recorded with the reason.
    Unmatched {
        /// Why nothing follows, for people.
        reason: String,
    },
}

/// One accepted event. It is all that ingest leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Minted by ingest, once for each accepted request and event in it.
    pub id: EventId,
    /// The source that verified it.
    pub source: Name,
    /// The type of that source.
    pub source_type: String,
    /// What happened.
    pub kind: EventKind,
    /// The sender's own word for the kind.
    pub provider_kind: String,
    /// Names the delivery: two events with the same key are one event, sent twice. Taken from verified content only.
    pub delivery_key: String,
    /// The sender's id of the incident; absent for events that are about none.
    #[serde(default)]
    pub external_id: Option<String>,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// When ingest took it.
    pub received_at: Timestamp,
    /// One line for people: the alert's title, the ping's message, who acknowledged.
    #[serde(default)]
    pub summary: String,
    /// The alert, where the event carries enough of it.
    #[serde(default)]
    pub alert: Option<Alert>,
    /// What ingest decided.
    pub disposition: Disposition,
    /// Its raw part.
    pub raw: RawFragment,
}
