//! What a workflow may not open is gathered: one run of the hour stands for all incidents that were over a limit,
//! investigates the first of them, and counts and lists the others. Nothing is dropped.

use domain::{AttachedEvent, Attachment, Counts, Event, Name, Run, RunId};
use jiff::Timestamp;
use ports::{Condition, Key, Refusal, TableError, When, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::{
    Accepted, EVENTS_KEPT, RUN_DAYS, Store, StoreError,
    accept::{Opening, closed, found},
    expiry, item, keys,
};

/// How many runs a workflow may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenLimits {
    /// In one UTC hour.
    pub runs_per_hour: Option<u32>,
    /// That have not ended, of those that it opened on one UTC day.
    pub max_open: Option<u32>,
}

/// Where the parts of the limits begin in the transaction of an opening.
const FIRST_PART: usize = 2;

/// How long the counts of an hour and of a day are kept, in days: longer than the dead letters, from which a run may be taken
/// up again.
const COUNT_DAYS: i64 = 21;

const RUNS: &str = "runs";
const OPEN: &str = "open";

/// Counts the events on a storm's run that have a record of their own.
const RECORDED: &str = "recorded";

impl OpenLimits {
    /// The parts of an opening at `now` that count it, and refuse it at a limit.
    pub(crate) fn writes(self, workflow: &Name, now: Timestamp) -> impl Iterator<Item = Write> {
        let rate = self.runs_per_hour.map(|limit| (keys::rate(workflow, now), RUNS, limit));
        let open = self.max_open.map(|limit| (keys::open(workflow, keys::day(now)), OPEN, limit));
        rate.into_iter().chain(open).map(move |(key, name, limit)| {
            let below = When::all([Condition::Absent]).or([Condition::Below(name, i64::from(limit))]);
            add(key, name, 1, now, below)
        })
    }

    /// Whether a limit refused an opening.
    pub(crate) fn refused(self, refusals: &[Refusal]) -> bool {
        let parts = usize::from(self.runs_per_hour.is_some()) + usize::from(self.max_open.is_some());
        refusals.iter().any(|refusal| (FIRST_PART..FIRST_PART + parts).contains(&refusal.part))
    }
}

/// Changes the count of a workflow's runs that have not ended, for `run`: down when it ends, up again when it is taken up
/// again. Its place is that of the day on which it was opened, so that a run that never ends takes a place from that day and
/// not for ever.
pub(crate) fn count_open(run: &Run, amount: i64) -> Option<Write> {
    let workflow = run.workflow.as_ref()?;
    let key = keys::open(workflow, keys::day(run.created_at));
    Some(add(key, OPEN, amount, run.created_at, When::always()))
}

fn add(key: Key, name: &'static str, amount: i64, opened_at: Timestamp, when: When) -> Write {
    let set = [(item::EXPIRES_AT.to_owned(), json!(expiry(opened_at, COUNT_DAYS)))].into_iter().collect();
    Write::Update { key, set, add: vec![(name, amount)], remove: vec![], when }
}

/// The hour's pointer to its storm's run.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    run: RunId,
}

impl Store {
    /// Takes an event in that a limit keeps from opening a run of its own. `None`: somebody was faster, read again.
    pub(crate) async fn gather(&self, opening: &Opening<'_>) -> Result<Option<Accepted>, StoreError> {
        let Opening { event, run, incident, alias_key, alias, before } = opening;
        let (now, hour) = (self.clock.now(), run.created_at);
        let storm = keys::storm(&incident.workflow, hour);
        let known = keys::gathered(&incident.workflow, hour, &incident.key);
        let (pointer, seen) = (self.table.get(&storm).await?, self.table.get(&known).await?.is_some());
        let id = match &pointer {
            Some(pointer) => item::read::<Pointer>(pointer)?.run,
            None => run.id,
        };
        // That the incident has no run of its own: events of one incident shall not be in two places.
        let alone = keys::incident(&incident.workflow, &incident.key);
        let mut beside = vec![Write::Check { key: alone, when: closed(now) }];
        let put = |key, value: &Map<_, _>| Write::Put {
            item: item::item(key, value, expiry(now, 2)),
            when: When::all([Condition::Absent]),
        };
        if !seen {
            beside.push(put(known, &Map::new()));
        }
        beside.extend(self.leads_to(id, *alias_key, alias));
        beside.extend(before.leaves.clone());
        if pointer.is_some() {
            let first = if seen { vec![] } else { vec![(item::INCIDENTS, 1)] };
            return self.note_on_storm(event, id, Attachment::Gathered, first, beside).await;
        }
        let counts = Counts { incidents: 1, ..run.counts };
        let run = Run { counts, ..(*run).clone().into_storm() };
        let mut writes = vec![self.take(event, Some(id), Attachment::Opened)];
        writes.push(put(storm, &item::attributes(&Pointer { run: id })));
        writes.extend(self.records(event, &run, false));
        writes.extend(beside);
        match self.transact(writes).await {
            Ok(()) => Ok(Some(Accepted::Opened(id))),
            Err(TableError::Refused(refusals)) => match found(&refusals, 0) {
                Some(refusal) => self.taken_before(event, refusal).await.map(Some),
                None => Ok(None),
            },
            Err(other) => Err(StoreError::unexpected("to open a storm's run")(other)),
        }
    }

    /// Counts `event` on a storm's run as one that is attached or gathered, and records it while there are few; with what is
    /// to be written `beside`, and added to the run. Unlike on other runs nothing is conditioned on what was read, since
    /// hundreds come at once. `None`: somebody was faster, read again.
    pub(crate) async fn note_on_storm(
        &self,
        event: &Event,
        id: RunId,
        came: Attachment,
        adds: Vec<(&'static str, i64)>,
        beside: Vec<Write>,
    ) -> Result<Option<Accepted>, StoreError> {
        let (counter, accepted) = match came {
            Attachment::Gathered => (item::GATHERED, Accepted::Gathered(id)),
            _ => (item::ATTACHED, Accepted::Attached(id)),
        };
        for recorded in [true, false] {
            let mut add = adds.clone();
            add.push((counter, 1));
            let few = When::all([Condition::Present, Condition::Without(RECORDED)])
                .or([Condition::Below(RECORDED, i64::from(EVENTS_KEPT))]);
            if recorded {
                add.push((RECORDED, 1));
            }
            let when = if recorded { few } else { When::all([Condition::Present]) };
            let counted = Write::Update { key: keys::meta(id), set: Map::new(), add, remove: vec![], when };
            let mut writes = vec![self.take(event, Some(id), came), counted];
            if recorded {
                let keep = expiry(self.clock.now(), RUN_DAYS);
                let record = item::item(keys::event(id, event.id), &AttachedEvent::of(event, came), keep);
                writes.push(Write::Put { item: record, when: When::all([Condition::Absent]) });
            }
            writes.extend(beside.iter().cloned());
            match self.transact(writes).await {
                Ok(()) => return Ok(Some(accepted)),
                Err(TableError::Refused(refusals)) => {
                    if let Some(refusal) = found(&refusals, 0) {
                        return self.taken_before(event, refusal).await.map(Some);
                    }
                    match (recorded, found(&refusals, 1), refusals.len()) {
                        // Too many to record.
                        (true, Some(_), 1) => {}
                        (false, Some(_), _) => return Err(StoreError::NoRun(id)),
                        _ => return Ok(None),
                    }
                }
                Err(other) => return Err(StoreError::unexpected("to gather an event")(other)),
            }
        }
        Ok(None)
    }
}
