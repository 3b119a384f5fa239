//! Where the events of an alert find its run, by the sender's id of it.

use domain::{Event, EventKind, IncidentState, RunId, Which};
use jiff::Timestamp;
use ports::{Condition, Item, When};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{StoreError, item};

/// Finds the run of an alert; or, before there is one, what was said of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Alias {
    #[serde(default)]
    pub(crate) run: Option<RunId>,
    /// How the alert stands, where it is not the one that opened its run, which stands on that; or where its run is a storm's,
    /// which keeps the state of none.
    #[serde(flatten)]
    pub(crate) state: Option<IncidentState>,
    /// Epoch milliseconds of an attaching event that found no run.
    #[serde(default)]
    tombstone_at: Option<i64>,
    #[serde(default)]
    tombstone_kind: Option<EventKind>,
}

/// The attributes of a state.
const STATE: [&str; 2] = ["incident", "at"];
const TOMBSTONE_AT: &str = "tombstone_at";

impl Alias {
    /// Of the alert that opened `run`.
    pub(crate) fn to(run: RunId) -> Self {
        Self { run: Some(run), ..Self::default() }
    }

    /// Of another alert of `run`, which stands so.
    pub(crate) fn of(run: RunId, state: IncidentState) -> Self {
        Self { state: Some(state), ..Self::to(run) }
    }

    /// That `event` found no run.
    pub(crate) fn mark(event: &Event) -> Self {
        let at = event.occurred_at.as_millisecond();
        Self { tombstone_at: Some(at), tombstone_kind: Some(event.kind), ..Self::default() }
    }

    pub(crate) fn read(found: Option<&Item>) -> Result<Self, StoreError> {
        found.map_or_else(|| Ok(Self::default()), item::read)
    }

    /// Which alert of `run` it is of. Of an earlier release's run all are the first.
    pub(crate) fn which(&self, run: RunId) -> Which {
        match &self.state {
            _ if self.run != Some(run) => Which::New,
            Some(state) => Which::Other(state.clone()),
            None => Which::First,
        }
    }

    /// When the newest was said that stands here, in epoch milliseconds.
    pub(crate) fn said_at(&self) -> Option<i64> {
        let since = self.state.as_ref().and_then(IncidentState::since);
        since.map(Timestamp::as_millisecond).max(self.tombstone_at)
    }

    /// What was said before `opening` came, unless that is newer.
    pub(crate) fn overtook(&self, opening: &Event) -> Option<(EventKind, Timestamp)> {
        let (at, kind) = (self.tombstone_at?, self.tombstone_kind?);
        let at = Timestamp::from_millisecond(at).unwrap_or(opening.occurred_at);
        (at >= opening.occurred_at).then_some((kind, at))
    }

    /// That the alias still says what was read. Its state moves under the run's revision, but the run is read after it.
    pub(crate) fn unchanged(&self) -> When {
        let stood = item::attributes(self);
        let run = self.run.map(|run| json!(run));
        let tombstone_at = self.tombstone_at.map(|at| json!(at));
        let is =
            |name, value: Option<_>| value.map_or(Condition::Without(name), |value| Condition::Equals(name, value));
        let mut all = vec![is("run", run), is(TOMBSTONE_AT, tombstone_at)];
        all.extend(STATE.map(|name| is(name, stood.get(name).cloned())));
        When::all(all)
    }
}
