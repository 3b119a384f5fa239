//! A run under its lease: claim, record steps, let the evidence stand, end.

use std::time::Duration;

use domain::{LastTime, LeaseToken, Newest, Rating, Report, Run, RunId, RunStatus, Step};
use jiff::Timestamp;
use ports::{Condition, Item, Key, TableError, When, Write};
use serde_json::{Map, Value, json};

use crate::{Store, StoreError, expiry, item, keys, later, storm::count_open, target::lost};

/// What came of claiming a run.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Claim {
    /// It is ours until the lease ends.
    Claimed {
        /// The run, as it stands.
        run: Run,
        /// What every write must show.
        token: LeaseToken,
    },
    /// Another invocation has it.
    Held {
        /// Until then, unless it renews or gives back.
        until: Timestamp,
    },
    /// It has ended.
    Ended(Run),
    /// There is no such run.
    Missing,
}

/// What came of recording a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It stands.
    Now,
    /// It stood already, and stays as it was.
    Before,
}

/// What came of running a run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is open.
    Opened,
    /// It was not opened: this newer look has not ended.
    GoesOn(RunId),
}

/// Stands on a run that failed because nobody could take its message: it may be claimed again.
const GIVEN_UP: &str = "given_up";

pub(crate) fn fields(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn spent_ms(spent: Duration) -> (&'static str, Value) {
    ("spent_ms", json!(u64::try_from(spent.as_millis()).unwrap_or(u64::MAX)))
}

/// Makes what was written of a run beside its record news of it.
pub(crate) fn news(id: RunId) -> Write {
    let (key, add) = (keys::meta(id), vec![(item::REVISION, 1)]);
    Write::Update { key, set: Map::new(), add, remove: vec![], when: When::all([Condition::Present]) }
}

pub(crate) fn holds(token: LeaseToken) -> Condition {
    Condition::Equals(item::LEASE_TOKEN, json!(token))
}

impl Store {
    /// Claims the run for `length` and sets it running. One that was given up ([`Self::give_up_run`]) is claimed as if it
    /// had not been: a message of it came, which somebody has redriven or which was still under way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_run(&self, id: RunId, length: Duration) -> Result<Claim, StoreError> {
        let key = keys::meta(id);
        let (token, now, until) = self.lease(length);
        let going = |status: RunStatus| Condition::Equals("status", json!(status));
        let expired = Condition::Below(item::LEASE_UNTIL, now.as_millisecond());
        let set = fields([
            (item::LEASE_TOKEN, json!(token)),
            (item::LEASE_UNTIL, json!(until.as_millisecond())),
            ("status", json!(RunStatus::Running)),
        ]);
        let write = Write::Update {
            key: key.clone(),
            set: set.clone(),
            add: vec![],
            remove: vec![],
            when: When::all([going(RunStatus::Queued), Condition::Without(item::LEASE_TOKEN)])
                .or([going(RunStatus::Queued), expired.clone()])
                .or([going(RunStatus::Running), Condition::Without(item::LEASE_TOKEN)])
                .or([going(RunStatus::Running), expired]),
        };
        match self.transact(vec![write]).await {
            Ok(()) => {}
            Err(TableError::Refused(refusals)) => {
                let Some(found) = refusals.into_iter().next().and_then(|refusal| refusal.found) else {
                    return Ok(Claim::Missing);
                };
                let run = item::read_run(&found)?;
                match run.lease {
                    _ if found.attributes.contains_key(GIVEN_UP) => {
                        let again = Write::Update {
                            key: key.clone(),
                            set,
                            add: vec![(item::REVISION, 1)],
                            remove: vec![GIVEN_UP, "ended_at", "reason"],
                            when: When::all([Condition::Equals(GIVEN_UP, json!(true))]),
                        };
                        let mut writes = vec![again];
                        if found.attributes.contains_key(item::COUNTS_OPEN) {
                            writes.extend(count_open(&run, 1));
                        }
                        // Refused: another one was faster.
                        self.transact(writes).await.map_err(lost)?;
                    }
                    _ if run.status.is_terminal() => return Ok(Claim::Ended(run)),
                    Some(lease) => return Ok(Claim::Held { until: lease.until }),
                    None => return Err(StoreError::Refused { doing: "to claim a run" }),
                }
            }
            Err(other) => return Err(StoreError::unexpected("to claim a run")(other)),
        }
        match self.table.get(&key).await?.as_ref().map(item::read_run).transpose()? {
            Some(run) if run.lease.is_some_and(|lease| lease.token == token) => Ok(Claim::Claimed { run, token }),
            _ => Err(StoreError::LeaseLost),
        }
    }

    async fn update_held(
        &self,
        id: RunId,
        token: LeaseToken,
        set: Map<String, Value>,
        add: Vec<(&'static str, i64)>,
        remove: Vec<&'static str>,
    ) -> Result<(), StoreError> {
        let write = Write::Update { key: keys::meta(id), set, add, remove, when: When::all([holds(token)]) };
        self.transact(vec![write]).await.map_err(lost)
    }

    /// Holds the run for `length` from now, and notes how long it was worked on in all.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another invocation has it by now; others.
    pub async fn renew_run(
        &self,
        id: RunId,
        token: LeaseToken,
        length: Duration,
        spent: Duration,
    ) -> Result<(), StoreError> {
        let until = later(self.clock.now(), length).as_millisecond();
        let set = fields([(item::LEASE_UNTIL, json!(until)), spent_ms(spent)]);
        self.update_held(id, token, set, vec![], vec![]).await
    }

    /// Gives the run back as it stands, notes how long it was worked on in all, and counts the slice that ends with it when `sliced`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn release_run(
        &self,
        id: RunId,
        token: LeaseToken,
        sliced: bool,
        spent: Duration,
    ) -> Result<(), StoreError> {
        let add = if sliced { vec![("slice", 1)] } else { vec![] };
        let given_back = vec![item::LEASE_TOKEN, item::LEASE_UNTIL];
        self.update_held(id, token, fields([spent_ms(spent)]), add, given_back).await
    }

    /// Records a step, once and for ever.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::PlaceTaken`] when another step stands at its place; others.
    pub async fn record_step(&self, id: RunId, token: LeaseToken, step: &Step) -> Result<Recorded, StoreError> {
        let expires = expiry(self.clock.now(), crate::RUN_DAYS);
        let recorded = item::item(keys::step(id, step.index), step, expires);
        let held = Write::Check { key: keys::meta(id), when: When::all([holds(token)]) };
        let put = Write::Put { item: recorded, when: When::all([Condition::Absent]) };
        match self.transact(vec![held, put]).await {
            Ok(()) => Ok(Recorded::Now),
            Err(TableError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.part == 1) => {
                let Some(found) = refusals.into_iter().find_map(|refusal| refusal.found) else {
                    return Err(StoreError::Refused { doing: "to record a step" });
                };
                match item::read::<Step>(&found)?.id {
                    id if id == step.id => Ok(Recorded::Before),
                    by => Err(StoreError::PlaceTaken { index: step.index, by }),
                }
            }
            Err(other) => Err(lost(other)),
        }
    }

    /// Lets a first report stand, since the deterministic evidence does.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn evidence_stands(&self, id: RunId, token: LeaseToken, report: &Report) -> Result<(), StoreError> {
        let set = fields([("report", json!(report)), ("evidence_at", json!(self.clock.now()))]);
        self.update_held(id, token, set, vec![(item::REVISION, 1)], vec![]).await
    }

    /// Keeps on the run when the same fired before. It is shown with the run's next news.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn note_last_time(&self, id: RunId, token: LeaseToken, last: &LastTime) -> Result<(), StoreError> {
        self.update_held(id, token, fields([("last_time", json!(last))]), vec![], vec![]).await
    }

    /// Ends the run with `report` and gives it back. Where no evidence stood before, since no model reads it, it does now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn conclude_run(&self, id: RunId, token: LeaseToken, report: &Report) -> Result<(), StoreError> {
        let set = fields([("report", json!(report))]);
        self.end(id, token, RunStatus::Concluded, set).await
    }

    /// Ends the run as one that could not be investigated, and gives it back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn fail_run(&self, id: RunId, token: LeaseToken, reason: &str) -> Result<(), StoreError> {
        self.end(id, token, RunStatus::Failed, fields([("reason", json!(reason))])).await
    }

    /// Ends the run as failed because nobody could take its message, and gives it back. Who claims it later takes it up
    /// again where it stands.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn give_up_run(&self, id: RunId, token: LeaseToken, reason: &str) -> Result<(), StoreError> {
        self.end(id, token, RunStatus::Failed, fields([("reason", json!(reason)), (GIVEN_UP, json!(true))])).await
    }

    async fn end(
        &self,
        id: RunId,
        token: LeaseToken,
        status: RunStatus,
        set: Map<String, Value>,
    ) -> Result<(), StoreError> {
        let before = self.table.get(&keys::meta(id)).await?;
        let writes = self.ending(id, status, set, before, When::all([holds(token)]))?;
        self.transact(writes).await.map_err(lost)
    }

    /// Ends the run that stands as `before`, and nobody holds it any more.
    fn ending(
        &self,
        id: RunId,
        status: RunStatus,
        mut set: Map<String, Value>,
        before: Option<Item>,
        when: When,
    ) -> Result<Vec<Write>, StoreError> {
        let now = self.clock.now();
        set.extend(fields([("status", json!(status)), ("ended_at", json!(now))]));
        if status == RunStatus::Concluded
            && before.as_ref().is_some_and(|found| !found.attributes.contains_key("evidence_at"))
        {
            set.extend(fields([("evidence_at", json!(now))]));
        }
        let mut add = vec![(item::REVISION, 1)];
        let reserved = before.as_ref().and_then(|found| item::reserved(&found.attributes));
        add.extend(reserved.into_iter().flat_map(item::lost_turn));
        let ended = Write::Update {
            key: keys::meta(id),
            set,
            add,
            remove: vec![item::LEASE_TOKEN, item::LEASE_UNTIL, item::RESERVED, item::RESERVED_TOKENS],
            when,
        };
        let mut writes = vec![ended];
        // Whether it is one of its workflow's open ones was said when it was opened, and stays so.
        if let Some(found) = before.filter(|found| found.attributes.contains_key(item::COUNTS_OPEN)) {
            writes.extend(count_open(&item::read_run(&found)?, -1));
        }
        Ok(writes)
    }

    /// Ends the run as one that somebody stopped, whoever holds it: the holder finds its lease lost. `false`: it has ended
    /// before.
    ///
    /// # Errors
    /// [`StoreError::NoRun`]; others.
    pub async fn cancel_run(&self, id: RunId, reason: &str) -> Result<bool, StoreError> {
        self.optimistic(async || {
            let found = self.table.get(&keys::meta(id)).await?.ok_or(StoreError::NoRun(id))?;
            let status = item::read_run(&found)?.status;
            if status.is_terminal() {
                return Ok(Some(false));
            }
            // A turn of a model may be reserved or settled at this moment.
            let reserved = match found.attributes.get(item::RESERVED) {
                Some(nanos) => Condition::Equals(item::RESERVED, nanos.clone()),
                None => Condition::Without(item::RESERVED),
            };
            let when = When::all([Condition::Equals("status", json!(status)), reserved]);
            let set = fields([("reason", json!(reason))]);
            match self.transact(self.ending(id, RunStatus::Cancelled, set, Some(found), when)?).await {
                Ok(()) => Ok(Some(true)),
                Err(TableError::Refused(_)) => Ok(None),
                Err(other) => Err(StoreError::unexpected("to stop a run")(other)),
            }
        })
        .await
    }

    /// Opens `run`, which is `before` run again, and lets `before` tell of it; unless the newest look after `before` goes
    /// on. The same run again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoRun`]; others.
    pub async fn open_again(&self, before: RunId, run: &Run) -> Result<Again, StoreError> {
        let key = keys::meta(before);
        self.optimistic(async || {
            let last = self.reader().run(before).await?.ok_or(StoreError::NoRun(before))?;
            let newest = last.newest.as_ref().filter(|newest| newest.id != run.id);
            if let Some(newest) = newest
                && self.reader().run(newest.id).await?.is_some_and(|run| self.goes_on(&run))
            {
                return Ok(Some(Again::GoesOn(newest.id)));
            }
            let absent = || When::all([Condition::Absent]);
            let unchanged = match &last.newest {
                Some(newest) => Condition::Equals(item::NEWEST_AT, json!(newest.created_at.as_millisecond())),
                None => Condition::Without(item::NEWEST_AT),
            };
            let mut writes = vec![
                Write::Put { item: self.run_item(keys::meta(run.id), run), when: absent() },
                self.tells_of(&key, &run.as_newest(), When::all([Condition::Present, unchanged])),
            ];
            writes.extend(self.targets(run).map(|item| Write::Put { item, when: absent() }));
            match self.transact(writes).await {
                Ok(()) => Ok(Some(Again::Opened)),
                Err(TableError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.part == 0) => {
                    Ok(Some(Again::Opened))
                }
                Err(TableError::Refused(_)) => Ok(None),
                Err(other) => Err(StoreError::unexpected("to run again")(other)),
            }
        })
        .await
    }

    /// Lets the run `id` tell of `newest`, a look after it. The run as it then is; nothing where it tells of a newer one, or is no
    /// longer kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_of(&self, id: RunId, newest: &Newest) -> Result<Option<Run>, StoreError> {
        let tells = async || {
            let run = self.reader().run(id).await?;
            Ok::<_, StoreError>(run.filter(|run| run.newest.as_ref() == Some(newest)))
        };
        if let Some(run) = tells().await? {
            return Ok(Some(run));
        }
        let below = newest.created_at.as_millisecond().saturating_add(1);
        let when = When::all([Condition::Present, Condition::Without(item::NEWEST_AT)])
            .or([Condition::Below(item::NEWEST_AT, below)]);
        match self.transact(vec![self.tells_of(&keys::meta(id), newest, when)]).await {
            Ok(()) => tells().await,
            Err(TableError::Refused(_)) => Ok(None),
            Err(other) => Err(StoreError::unexpected("to tell of a newer look")(other)),
        }
    }

    /// The run at `key` tells of `newest`.
    fn tells_of(&self, key: &Key, newest: &Newest, when: When) -> Write {
        let at = newest.created_at.as_millisecond();
        let set = fields([("newest", json!(newest)), (item::NEWEST_AT, json!(at))]);
        Write::Update { key: key.clone(), set, add: vec![(item::REVISION, 1)], remove: vec![], when }
    }

    /// Keeps what somebody says of the report; their last word stands. `false`: it stood already, or a newer one does.
    ///
    /// # Errors
    /// [`StoreError::NoRun`]; others.
    pub async fn rate_run(&self, id: RunId, rating: &Rating) -> Result<bool, StoreError> {
        const RATED_AT: &str = "rated_at";
        let at = rating.at.as_millisecond();
        let mut kept = item::item(keys::rating(id, &rating.by), rating, expiry(self.clock.now(), crate::RUN_DAYS));
        kept.attributes.insert(RATED_AT.to_owned(), json!(at));
        let newer = When::all([Condition::Absent]).or([Condition::Below(RATED_AT, at)]);
        match self.transact(vec![Write::Put { item: kept, when: newer }, news(id)]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.part == 1) => {
                Err(StoreError::NoRun(id))
            }
            Err(TableError::Refused(_)) => Ok(false),
            Err(other) => Err(StoreError::unexpected("to keep a rating")(other)),
        }
    }

    /// The item of a run that is opened now.
    pub(crate) fn run_item(&self, key: Key, run: &Run) -> Item {
        let mut attributes = item::run_attributes(run);
        attributes.insert(item::EXPIRES_AT.to_owned(), json!(expiry(run.created_at, crate::RUN_DAYS)));
        attributes.insert("gsi1pk".to_owned(), json!(keys::runs_of(keys::day(run.created_at))));
        attributes.insert("gsi1sk".to_owned(), json!(run.id));
        if let Some(alike) = item::fingerprint(run) {
            attributes.insert("gsi2pk".to_owned(), json!(alike));
            attributes.insert("gsi2sk".to_owned(), json!(run.id));
        }
        Item { key, attributes }
    }
}
