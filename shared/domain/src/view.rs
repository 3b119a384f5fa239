//! A whole RunSession, as readers see it: pages, deliveries, the command line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Entry, Event, EventId, EventKind, Rating, RawFragment, Run, Step, Target};

/// How an event belongs to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attachment {
    /// It opened the run.
    Opened,
    /// It is another event of the same incident.
    Attached,
    /// It is a delivery that had already come.
    Duplicate,
    /// It is of an incident that its workflow was over a limit for.
    Gathered,
}

/// An event of a run, as recorded there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedEvent {
    /// The event's id.
    pub id: EventId,
    /// How it belongs to the run.
    pub attachment: Attachment,
    /// What happened.
    pub kind: EventKind,
    /// The sender's own word for the kind.
    pub provider_kind: String,
    /// One line for people.
    pub summary: String,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// When ingest took it.
    pub received_at: Timestamp,
    /// Its raw part; absent for duplicates, which add nothing.
    #[serde(default)]
    pub raw: Option<RawFragment>,
}

impl AttachedEvent {
    /// The record of `event` on the run that it belongs to.
    #[must_use]
    pub fn of(event: &Event, attachment: Attachment) -> Self {
        Self {
            id: event.id,
            attachment,
            kind: event.kind,
            provider_kind: event.provider_kind.clone(),
            summary: event.summary.clone(),
            occurred_at: event.occurred_at,
            received_at: event.received_at,
            raw: (attachment != Attachment::Duplicate).then(|| event.raw.clone()),
        }
    }
}

/// What deliveries show of a RunSession: its own record, which counts its events, and its steps in plan order. The steps are
/// those of the record or newer ones.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Shown {
    pub run: Run,
    pub steps: Vec<Step>,
    pub ratings: Vec<Rating>,
}

/// A whole RunSession at one moment. Steps are in plan order, events and targets in order of their keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RunView {
    pub run: Run,
    pub steps: Vec<Step>,
    pub events: Vec<AttachedEvent>,
    pub targets: Vec<Target>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Rating>,
    /// What was said between the engine and the Assistant's model, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<Entry>,
}

impl RunView {
    /// How many events are counted in the run's record and stand nowhere else, because there were too many of them.
    #[must_use]
    pub fn only_counted(&self) -> u64 {
        let recorded = self.events.iter().filter(|event| event.attachment != Attachment::Opened).count();
        let counts = self.run.counts;
        let counted = counts.attached.saturating_add(counts.duplicates).saturating_add(counts.gathered);
        counted.saturating_sub(u64::try_from(recorded).unwrap_or(u64::MAX))
    }
}
