use domain::{Event, EventId, EventKind, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where something came from that nothing followed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// A sender.
    Event {
        /// The source that verified it.
        source: Name,
        /// What happened.
        kind: EventKind,
        /// The sender's own word for the kind.
        provider_kind: String,
    },
    /// A clock.
    Schedule {
        /// The Schedule that was due.
        schedule: Name,
    },
}

/// An event, or a Schedule's firing, that no investigation followed from, and why (I14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedEvent {
    /// The event, or the firing.
    pub id: EventId,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
    /// One line for people.
    pub summary: String,
    /// Why nothing followed.
    pub reason: String,
    /// When ingest took it, or when the Schedule was due.
    pub received_at: Timestamp,
}

impl UnmatchedEvent {
    pub(crate) fn of(event: &Event, reason: String) -> Self {
        Self {
            id: event.id,
            origin: Origin::Event {
                source: event.source.clone(),
                kind: event.kind,
                provider_kind: event.provider_kind.clone(),
            },
            summary: event.summary.clone(),
            reason,
            received_at: event.received_at,
        }
    }

    pub(crate) fn of_firing(schedule: &Name, at: Timestamp, reason: String) -> Self {
        Self {
            id: EventId::of_firing(schedule, at),
            origin: Origin::Schedule { schedule: schedule.clone() },
            summary: format!("The Schedule `{schedule}` was due"),
            reason,
            received_at: at,
        }
    }
}
