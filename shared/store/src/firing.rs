//! A Schedule's firing: it opens a run, or is recorded as one that nothing followed from. The clock may say it several times,
//! and it is taken once: what the first taking came to, run or record, every later one finds.

use domain::{EventId, Name, Run, RunId};
use jiff::{SignedDuration, Timestamp};
use ports::{Condition, Item, TableError, When, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{RUN_DAYS, Store, StoreError, UnmatchedEvent, expiry, item, keys};

/// How long a run that nobody holds keeps the next one of its Schedule, or of who wants it again, from beginning. A run in hand keeps it as long as it
/// is; one whose message is in the dead letters must not keep it for ever.
const WAITED_FOR: SignedDuration = SignedDuration::from_hours(4);

/// What came of a firing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fired {
    /// It opened this run.
    Opened(RunId),
    /// Nothing follows from it, and that is recorded.
    Skipped,
}

/// What stands of a Schedule: its last run, and how many there were.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Last {
    #[serde(default)]
    run: Option<RunId>,
    #[serde(default)]
    runs: u64,
}

impl Last {
    /// That it is still as it was read.
    fn unchanged(&self) -> When {
        match self.run {
            Some(run) => When::all([Condition::Equals("run", json!(run))]),
            None => When::all([Condition::Absent]),
        }
    }
}

/// The parts of each transaction here: the run, the Schedule's item, the record of a firing that came to nothing.
const RUN: usize = 0;
const RECORD: usize = 2;

impl Store {
    /// Opens `run` for the firing of `schedule` at `at`, whose id it has; unless the run before has not ended, or there were
    /// `max_runs` already: that is recorded, and stays so when the same firing comes again.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or (after a transient one) the next try finds out what was.
    pub async fn open_scheduled(
        &self,
        schedule: &Name,
        at: Timestamp,
        run: &Run,
        max_runs: Option<u32>,
    ) -> Result<Fired, StoreError> {
        let key = keys::schedule(schedule);
        self.optimistic(async || {
            let last: Last = self.table.get(&key).await?.as_ref().map_or_else(|| Ok(Last::default()), item::read)?;
            let hindrance = self.hindrance(&last, run.id, max_runs).await?;
            let Some(reason) = hindrance else {
                let absent = || When::all([Condition::Absent]);
                let set = item::attributes(&json!({ "run": run.id }));
                let mut writes = vec![
                    Write::Put { item: self.run_item(keys::meta(run.id), run), when: absent() },
                    Write::Update {
                        key: key.clone(),
                        set,
                        add: vec![("runs", 1)],
                        remove: vec![],
                        when: last.unchanged(),
                    },
                    Write::Check { key: keys::unmatched(at, EventId::of_firing(schedule, at)), when: absent() },
                ];
                writes.extend(self.targets(run).map(|item| Write::Put { item, when: absent() }));
                return self.fire(writes, run.id, Fired::Opened(run.id)).await;
            };
            let mut writes = self.recorded(schedule, at, &reason);
            writes.insert(RECORD - 1, Write::Check { key: key.clone(), when: last.unchanged() });
            self.fire(writes, run.id, Fired::Skipped).await
        })
        .await
    }

    /// Records that nothing follows from the firing of `schedule` at `at`, and why; unless it has opened a run before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn skip_scheduled(&self, schedule: &Name, at: Timestamp, reason: &str) -> Result<Fired, StoreError> {
        let id = RunId::opened_by(EventId::of_firing(schedule, at));
        let done = self.fire(self.recorded(schedule, at, reason), id, Fired::Skipped).await?;
        // Refused by neither: by its own record, which stands in the place of the Schedule's item.
        Ok(done.unwrap_or(Fired::Skipped))
    }

    async fn fire(&self, writes: Vec<Write>, run: RunId, done: Fired) -> Result<Option<Fired>, StoreError> {
        match self.transact(writes).await {
            Ok(()) => Ok(Some(done)),
            Err(TableError::Refused(refusals)) => {
                let stands = |part| refusals.iter().any(|refusal| refusal.part == part);
                Ok(match () {
                    () if stands(RUN) => Some(Fired::Opened(run)),
                    () if stands(RECORD) => Some(Fired::Skipped),
                    // Another firing was taken meanwhile.
                    () => None,
                })
            }
            Err(other) => Err(StoreError::unexpected("to take a firing")(other)),
        }
    }

    /// Why the run cannot begin now.
    async fn hindrance(&self, last: &Last, id: RunId, max_runs: Option<u32>) -> Result<Option<String>, StoreError> {
        let Some(before) = last.run.filter(|before| *before != id) else { return Ok(None) };
        if let Some(most) = max_runs.filter(|most| last.runs >= u64::from(*most)) {
            return Ok(Some(format!("the Schedule has had its {most} runs (`max_runs`)")));
        }
        let stands = self.reader().run(before).await?.is_some_and(|run| self.goes_on(&run));
        Ok(stands.then(|| format!("the run before, `{before}`, has not ended")))
    }

    /// Whether `run` keeps another one of the same from beginning.
    pub(crate) fn goes_on(&self, run: &Run) -> bool {
        let now = self.clock.now();
        let held = run.lease.is_some_and(|lease| lease.until > now);
        !run.status.is_terminal() && (held || now.duration_since(run.created_at) < WAITED_FOR)
    }

    /// The record of a firing that came to nothing, while it has no run.
    fn recorded(&self, schedule: &Name, at: Timestamp, reason: &str) -> Vec<Write> {
        let record = UnmatchedEvent::of_firing(schedule, at, reason.to_owned());
        let run = keys::meta(RunId::opened_by(record.id));
        let put = Write::Put { item: self.unmatched_item(&record), when: When::all([Condition::Absent]) };
        vec![Write::Check { key: run, when: When::all([Condition::Absent]) }, put]
    }

    /// The record of what nothing followed from.
    pub(crate) fn unmatched_item(&self, record: &UnmatchedEvent) -> Item {
        let key = keys::unmatched(record.received_at, record.id);
        let mut item = item::item(key, record, expiry(self.clock.now(), RUN_DAYS));
        item.attributes.insert("gsi1pk".to_owned(), json!(item.key.pk));
        item.attributes.insert("gsi1sk".to_owned(), json!(item.key.sk));
        item
    }
}
