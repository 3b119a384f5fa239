//! Taking an event in: it opens a run, attaches to one, is a duplicate, or is recorded as leading nowhere. Each of these
//! is one transaction whose first part is the event's delivery key, so the same delivery is taken once, whatever dies
//! when; and the same event taken again (a redelivery, a redrive) is told what came of it the first time.

use std::time::Duration;

use domain::{
    Alerts, AttachedEvent, Attachment, Counts, Event, EventId, EventKind, IncidentState, Name, Run, RunId, Target,
    Which,
};
use jiff::Timestamp;
use ports::{Condition, Item, Key, Refusal, TableError, When, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::{
    EVENTS_KEPT, KEY_DAYS, OpenLimits, RUN_DAYS, Store, StoreError, UnmatchedEvent,
    alias::Alias,
    before::{Before, leaves},
    expiry, item, keys, later,
};

/// What came of an event. The same for the same event, however often it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It opened this run.
    Opened(RunId),
    /// It belongs to this run, which stands.
    Attached(RunId),
    /// Its workflow was at a limit: it is one of those that this run, which stands, has gathered.
    Gathered(RunId),
    /// Its delivery had been taken already; counted on this run.
    Duplicate(RunId),
    /// Nothing follows from it, and that is recorded.
    Unmatched,
}

impl Accepted {
    /// The run that it led to.
    #[must_use]
    pub fn run(self) -> Option<RunId> {
        match self {
            Self::Opened(run) | Self::Attached(run) | Self::Gathered(run) | Self::Duplicate(run) => Some(run),
            Self::Unmatched => None,
        }
    }

    /// The word for it in logs, where it is counted by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Attached(_) => "attached",
            Self::Gathered(_) => "gathered",
            Self::Duplicate(_) => "duplicate",
            Self::Unmatched => "unmatched",
        }
    }
}

/// Which events belong together: the workflow's incident, evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentWindow {
    /// The workflow.
    pub workflow: Name,
    /// The incident key.
    pub key: String,
    /// How long after its opening the incident takes events in.
    pub window: Duration,
    /// How many runs its workflow may open.
    pub limits: OpenLimits,
}

/// What an event opens, and what was read of it before.
pub(crate) struct Opening<'a> {
    pub(crate) event: &'a Event,
    pub(crate) run: &'a Run,
    pub(crate) incident: &'a IncidentWindow,
    /// Where later events of its external id find the run, and what stood there.
    pub(crate) alias_key: Option<&'a Key>,
    pub(crate) alias: &'a Alias,
    pub(crate) before: &'a Before,
}

/// The delivery key's item: who came first, and what came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    event: EventId,
    #[serde(default)]
    run: Option<RunId>,
    opened: bool,
    #[serde(default)]
    gathered: bool,
}

const CLOSES_AT: &str = "closes_at";

pub(crate) fn found(refusals: &[Refusal], part: usize) -> Option<&Refusal> {
    refusals.iter().find(|refusal| refusal.part == part)
}

impl Store {
    /// Opens `run` for `event`, or attaches `event` to the run of its incident if that is open; where a limit of the
    /// workflow refuses a further run, `event` is gathered. `run` is as it is to stand, its id that of the event.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was written, or (after a transient one) the next try finds out what was.
    pub async fn open(&self, event: &Event, run: &Run, incident: &IncidentWindow) -> Result<Accepted, StoreError> {
        let alias_key = event.external_id.as_deref().map(|id| keys::alias(&event.source, id));
        let counts = Counts { fired: 1, ..run.counts };
        let run = &Run { counts, ..run.clone() };
        self.optimistic(async || {
            let alias = match &alias_key {
                Some(key) => Alias::read(self.table.get(key).await?.as_ref())?,
                None => Alias::default(),
            };
            let now = self.clock.now();
            let pointer = match alias.run {
                Some(_) => self.table.get(&keys::incident(&incident.workflow, &incident.key)).await?,
                None => None,
            };
            let open = pointer.as_ref().map(item::read::<Pointer>).transpose()?;
            let open = open.filter(|open| open.closes_at >= now.as_millisecond());
            // The run of an alert that stays hears by itself what is older than what stands.
            let before = match &open {
                Some(open) if alias.run == Some(open.run) => Before::default(),
                _ => self.before(event, &alias).await?,
            };
            let alias_key = alias_key.as_ref();
            let opening = Opening { event, run, incident, alias_key, alias: &alias, before: &before };
            if let Some(open) = open {
                return self.fires_again(&opening, &open).await;
            }
            let pointer = Pointer { run: run.id, closes_at: later(now, incident.window).as_millisecond() };
            match self.transact(self.opening(&opening, run, &pointer, closed(now))).await {
                Ok(()) => Ok(Some(Accepted::Opened(run.id))),
                Err(TableError::Refused(refusals)) => {
                    if let Some(refusal) = found(&refusals, 0) {
                        return self.taken_before(event, refusal).await.map(Some);
                    }
                    match found(&refusals, 1).and_then(|refusal| refusal.found.as_ref()) {
                        Some(open) => self.fires_again(&opening, &item::read(open)?).await,
                        None if incident.limits.refused(&refusals) => self.gather(&opening).await,
                        // The alias changed under us, or the incident's window ended this moment.
                        None => Ok(None),
                    }
                }
                Err(other) => Err(StoreError::unexpected("to open a run")(other)),
            }
        })
        .await
    }

    /// What comes of an opening event whose incident is open: a new look where the last one has ended and the incident is
    /// back, else it attaches.
    async fn fires_again(&self, opening: &Opening<'_>, open: &Pointer) -> Result<Option<Accepted>, StoreError> {
        let Opening { event, alias_key, alias, before, .. } = opening;
        if event.kind == EventKind::Reopened {
            let last = self.reader().run(open.run).await?.ok_or(StoreError::NoRun(open.run))?;
            let at = event.occurred_at;
            let run = Run { incident: IncidentState::Reopened { at }, ..opening.run.clone().after(&last) };
            // What is older than the sender's last word says nothing of now, what flaps would be looked at for ever, and
            // what goes on in another alert is not back.
            let stood = match alias.which(open.run) {
                Which::First => last.first_alert().clone(),
                Which::Other(state) => state,
                Which::New => IncidentState::Resolved { at },
            };
            let news = stood.since().is_none_or(|since| since <= at) && !last.others_go_on(&stood);
            if last.status.is_terminal() && news && run.flapping().is_none() {
                let pointer = Pointer { run: run.id, closes_at: open.closes_at };
                let when = When::all([Condition::Equals("run", json!(open.run))]);
                let leaves = match alias.which(open.run) {
                    Which::New => before.leaves.clone(),
                    which => leaves(&last, &which, at),
                };
                let before = Before { overtook: before.overtook, leaves };
                let opening = Opening { before: &before, ..*opening };
                match self.transact(self.opening(&opening, &run, &pointer, when)).await {
                    Ok(()) => return Ok(Some(Accepted::Opened(run.id))),
                    Err(TableError::Refused(refusals)) => {
                        if let Some(refusal) = found(&refusals, 0) {
                            return self.taken_before(event, refusal).await.map(Some);
                        }
                        if found(&refusals, 1).is_some() || !opening.incident.limits.refused(&refusals) {
                            return Ok(None);
                        }
                        // At a limit: its incident has a run already, so it is not one of the storm's.
                    }
                    Err(other) => return Err(StoreError::unexpected("to open a run")(other)),
                }
            }
        }
        self.attach_to(event, open.run, *alias_key, alias, before).await
    }

    /// The parts of an opening. [`Self::open`] reads refusals by their places: 0 the delivery, 1 the incident, then those of
    /// the limits.
    fn opening(&self, opening: &Opening<'_>, run: &Run, pointer: &Pointer, when: When) -> Vec<Write> {
        let Opening { event, incident, alias_key, alias, before, .. } = opening;
        let mut run = run.clone();
        if let Some((kind, at)) = before.overtook {
            run.incident = run.incident.after(kind, at);
        }
        let key = keys::incident(&incident.workflow, &incident.key);
        let points = item::item(key, pointer, pointer.closes_at / 1000 + 86_400);
        let mut writes = vec![self.take(event, Some(run.id), Attachment::Opened), Write::Put { item: points, when }];
        writes.extend(incident.limits.writes(&incident.workflow, run.created_at));
        writes.extend(self.records(event, &run, incident.limits.max_open.is_some()));
        writes.extend(self.leads_to(run.id, *alias_key, alias));
        writes.extend(before.leaves.clone());
        writes
    }

    /// The records of a run that `event` opens.
    pub(crate) fn records(&self, event: &Event, run: &Run, counts_open: bool) -> Vec<Write> {
        let absent = || When::all([Condition::Absent]);
        let mut record = self.run_item(keys::meta(run.id), run);
        if counts_open {
            record.attributes.insert(item::COUNTS_OPEN.to_owned(), json!(true));
        }
        let keep = expiry(self.clock.now(), RUN_DAYS);
        let opened = item::item(keys::event(run.id, event.id), &AttachedEvent::of(event, Attachment::Opened), keep);
        let items = [record, opened].into_iter().chain(self.targets(run));
        items.map(|item| Write::Put { item, when: absent() }).collect()
    }

    /// Lets later events of the external id find `run`.
    pub(crate) fn leads_to(&self, run: RunId, alias_key: Option<&Key>, alias: &Alias) -> Option<Write> {
        alias_key.map(|key| self.points(key, &Alias::to(run), alias))
    }

    /// Puts `ours` in place of the alias that was read as `stood`.
    fn points(&self, key: &Key, ours: &Alias, stood: &Alias) -> Write {
        let keep = expiry(self.clock.now(), RUN_DAYS);
        Write::Put { item: item::item(key.clone(), ours, keep), when: stood.unchanged() }
    }

    /// Opens a run that no event asked for. The same run again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_command(&self, run: &Run) -> Result<(), StoreError> {
        let absent = || When::all([Condition::Absent]);
        let mut writes = vec![Write::Put { item: self.run_item(keys::meta(run.id), run), when: absent() }];
        writes.extend(self.targets(run).map(|item| Write::Put { item, when: absent() }));
        match self.transact(writes).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(other) => Err(StoreError::unexpected("to open a run")(other)),
        }
    }

    /// Attaches `event` to the run that its source and external id lead to; where there is none yet, leaves a mark for
    /// the opening that it may have overtaken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attach(&self, event: &Event) -> Result<Accepted, StoreError> {
        let Some(external_id) = event.external_id.as_deref() else {
            return self.unmatched(event, "it names no incident").await;
        };
        let key = keys::alias_of(event, external_id);
        self.optimistic(async || {
            let alias = Alias::read(self.table.get(&key).await?.as_ref())?;
            let mut reason = match event.source_type.as_str() {
                keys::CHAT => "no RunSession stands in its thread",
                _ => "no RunSession stands for its incident",
            };
            if let Some(run) = alias.run {
                match self.attach_to(event, run, Some(&key), &alias, &Before::default()).await {
                    // What is kept for as long is not removed at one moment.
                    Err(StoreError::NoRun(_)) => reason = "the RunSession of its incident is no longer kept",
                    attached => return attached,
                }
            }
            let mut writes = self.leads_nowhere(event, reason);
            let lasting = IncidentState::Open.after(event.kind, event.occurred_at) != IncidentState::Open;
            // A run that the alias leads to is no longer kept.
            if lasting && alias.said_at().is_none_or(|before| before < event.occurred_at.as_millisecond()) {
                let marked = item::item(key.clone(), &Alias::mark(event), expiry(self.clock.now(), KEY_DAYS));
                // No run may have come meanwhile: it would never hear of this.
                writes.push(Write::Put { item: marked, when: alias.unchanged() });
            }
            match self.transact(writes).await {
                Ok(()) => Ok(Some(Accepted::Unmatched)),
                Err(TableError::Refused(refusals)) => match found(&refusals, 0) {
                    Some(refusal) => self.taken_before(event, refusal).await.map(Some),
                    None => Ok(None),
                },
                Err(other) => Err(StoreError::unexpected("to record an event")(other)),
            }
        })
        .await
    }

    /// Records that nothing follows from `event`, and why.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unmatched(&self, event: &Event, reason: &str) -> Result<Accepted, StoreError> {
        match self.transact(self.leads_nowhere(event, reason)).await {
            Ok(()) => Ok(Accepted::Unmatched),
            Err(TableError::Refused(refusals)) => match found(&refusals, 0) {
                Some(refusal) => self.taken_before(event, refusal).await,
                None => Ok(Accepted::Unmatched),
            },
            Err(other) => Err(StoreError::unexpected("to record an event")(other)),
        }
    }

    /// Attaches `event` to `run` where nothing was said of it since it was read, so that the incident's state is never set from a
    /// stale one. `None`: somebody was faster, read again.
    ///
    /// How the alert stands that opened the run is on the run itself; each other one's state is on its own `alias`, written
    /// with the run's, and later events of an alert that is new to the run find it by that.
    async fn attach_to(
        &self,
        event: &Event,
        id: RunId,
        alias_key: Option<&Key>,
        alias: &Alias,
        before: &Before,
    ) -> Result<Option<Accepted>, StoreError> {
        let Some(run) = self.reader().run(id).await? else {
            return Err(StoreError::NoRun(id));
        };
        if run.storm {
            // It hears of no alert's end, so that stands on the alias, for an opening that it may have overtaken.
            let stood = alias.state.clone().unwrap_or_default();
            let stands = stood.after(event.kind, event.occurred_at);
            let marked = alias_key.filter(|_| stands != stood);
            let beside = marked.map(|key| self.points(key, &Alias::of(id, stands), alias)).into_iter().collect();
            return self.note_on_storm(event, id, Attachment::Attached, vec![], beside).await;
        }
        // Without an id of its own it is about the incident, as its opening was.
        let which = alias_key.map_or(Which::First, |_| alias.which(id));
        let heard = run.hears(&which, event.kind, event.occurred_at, before.overtook);
        let mut add = vec![(item::ATTACHED, 1)];
        if heard.fired_again {
            add.push((item::FIRED_AGAIN, 1));
        }
        let changed = stands(&run, &heard.incident, heard.alerts.as_ref(), add);
        let keep = expiry(self.clock.now(), RUN_DAYS);
        let mut writes = vec![self.take(event, Some(id), Attachment::Attached), changed];
        if run.counts.attached < u64::from(EVENTS_KEPT) {
            let record = item::item(keys::event(id, event.id), &AttachedEvent::of(event, Attachment::Attached), keep);
            writes.push(Write::Put { item: record, when: When::all([Condition::Absent]) });
        }
        if let Some(key) = alias_key.filter(|_| which != Which::First) {
            writes.push(self.points(key, &Alias::of(id, heard.alert), alias));
            writes.extend(before.leaves.clone());
        }
        match self.transact(writes).await {
            Ok(()) => Ok(Some(Accepted::Attached(id))),
            Err(TableError::Refused(refusals)) => match found(&refusals, 0) {
                Some(refusal) => self.taken_before(event, refusal).await.map(Some),
                None => Ok(None),
            },
            Err(other) => Err(StoreError::unexpected("to attach an event")(other)),
        }
    }

    /// The delivery key stands already: by this very event, or by another delivery of it.
    pub(crate) async fn taken_before(&self, event: &Event, refusal: &Refusal) -> Result<Accepted, StoreError> {
        let Some(found) = &refusal.found else {
            return Err(StoreError::Refused { doing: "to take an event" });
        };
        let taken: Taken = item::read(found)?;
        if taken.event == event.id {
            return Ok(match taken.run {
                Some(run) if taken.opened => Accepted::Opened(run),
                Some(run) if taken.gathered => Accepted::Gathered(run),
                Some(run) => Accepted::Attached(run),
                None => Accepted::Unmatched,
            });
        }
        let Some(run) = taken.run else {
            let again = UnmatchedEvent::of(event, format!("it is the same delivery as {}", taken.event));
            let written = self.transact(vec![self.unmatched_put(&again)]).await;
            return match written {
                Ok(()) | Err(TableError::Refused(_)) => Ok(Accepted::Unmatched),
                Err(other) => Err(StoreError::unexpected("to record a duplicate")(other)),
            };
        };
        let now = self.clock.now();
        let record = AttachedEvent::of(event, Attachment::Duplicate);
        let record = item::item(keys::event(run, event.id), &record, expiry(now, RUN_DAYS));
        let few = Condition::Below(item::DUPLICATES, i64::from(EVENTS_KEPT));
        if !self.count_duplicate(run, record, few).await? {
            // Too many to record, or the run is no longer kept.
            let key = keys::counted(&event.source, &event.delivery_key, event.id);
            let mark = item::item(key, &json!({}), expiry(now, KEY_DAYS));
            self.count_duplicate(run, mark, Condition::Present).await?;
        }
        Ok(Accepted::Duplicate(run))
    }

    /// Counts a duplicate on `run` once, which `mark` remembers; whether it stands counted. The refusal of what the run
    /// must be is the only `false`.
    async fn count_duplicate(&self, run: RunId, mark: Item, is: Condition) -> Result<bool, StoreError> {
        let counted = Write::Update {
            key: keys::meta(run),
            set: Map::new(),
            add: vec![(item::DUPLICATES, 1)],
            remove: vec![],
            when: When::all([is]),
        };
        match self.transact(vec![Write::Put { item: mark, when: When::all([Condition::Absent]) }, counted]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(refusals)) => Ok(found(&refusals, 0).is_some()),
            Err(other) => Err(StoreError::unexpected("to count a duplicate")(other)),
        }
    }

    /// Takes the delivery, and remembers what came of it.
    pub(crate) fn take(&self, event: &Event, run: Option<RunId>, came: Attachment) -> Write {
        let (opened, gathered) = (came == Attachment::Opened, came == Attachment::Gathered);
        let taken = Taken { event: event.id, run, opened, gathered };
        let expires = expiry(self.clock.now(), KEY_DAYS);
        let item = item::item(keys::delivery(&event.source, &event.delivery_key), &taken, expires);
        Write::Put { item, when: When::all([Condition::Absent]) }
    }

    fn leads_nowhere(&self, event: &Event, reason: &str) -> Vec<Write> {
        let record = UnmatchedEvent::of(event, reason.to_owned());
        vec![self.take(event, None, Attachment::Attached), self.unmatched_put(&record)]
    }

    fn unmatched_put(&self, record: &UnmatchedEvent) -> Write {
        Write::Put { item: self.unmatched_item(record), when: When::all([Condition::Absent]) }
    }

    pub(crate) fn targets<'a>(&self, run: &'a Run) -> impl Iterator<Item = Item> + use<'a> {
        let keep = expiry(self.clock.now(), RUN_DAYS);
        run.targets.iter().map(move |spec| {
            let target = Target::new(spec.clone(), run.created_at);
            item::target_item(keys::target(run.id, &spec.name), &target, keep)
        })
    }
}

/// The open incident's pointer to its run.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    run: RunId,
    /// Epoch milliseconds.
    closes_at: i64,
}

/// That the incident of `run` now stands so, if nobody has said another thing of it since it was read; `add` is counted.
pub(crate) fn stands(
    run: &Run,
    incident: &IncidentState,
    alerts: Option<&Alerts>,
    mut add: Vec<(&'static str, i64)>,
) -> Write {
    let mut set = item::attributes(incident);
    if let Some(alerts) = alerts {
        set.insert(item::ALERTS.to_owned(), json!(alerts));
    }
    add.push((item::REVISION, 1));
    Write::Update {
        key: keys::meta(run.id),
        set,
        add,
        remove: if incident.since().is_none() { vec!["at"] } else { vec![] },
        when: unsaid(run),
    }
}

/// That nothing was said of the incident of `run` since it was read. What is counted of a run's alerts changes also where one
/// leaves it, which attaches nothing.
pub(crate) fn unsaid(run: &Run) -> When {
    When::all([match run.alerts {
        Some(_) => Condition::Equals(item::REVISION, json!(run.revision)),
        None => Condition::Equals(item::ATTACHED, json!(run.counts.attached)),
    }])
}

/// That no incident is open.
pub(crate) fn closed(now: Timestamp) -> When {
    When::all([Condition::Absent]).or([Condition::Below(CLOSES_AT, now.as_millisecond())])
}
