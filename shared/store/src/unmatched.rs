use domain::{Event, EventId, EventKind, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An event that no investigation followed from, and why (I14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedEvent {
    /// The event.
    pub id: EventId,
    /// The source that verified it.
    pub source: Name,
    /// What happened.
    pub kind: EventKind,
    /// The sender's own word for the kind.
    pub provider_kind: String,
    /// One line for people.
    pub summary: String,
    /// Why nothing followed.
    pub reason: String,
    /// When ingest took it.
    pub received_at: Timestamp,
}

impl UnmatchedEvent {
    pub(crate) fn of(event: &Event, reason: String) -> Self {
        Self {
            id: event.id,
            source: event.source.clone(),
            kind: event.kind,
            provider_kind: event.provider_kind.clone(),
            summary: event.summary.clone(),
            reason,
            received_at: event.received_at,
        }
    }
}
