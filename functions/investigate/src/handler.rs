//! Takes one message of the investigate queue to its end: an event is opened, attached or recorded; a run is driven as
//! far as this invocation reaches.

use std::{collections::BTreeSet, error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use catalog::model::SourceType;
use domain::{
    ChatReply, DeliverMessage, Disposition, Event, EventId, InvestigateMessage, LastTime, LeaseToken, Mode, Name, Run,
    RunId, RunStatus, Trigger,
};
use engine::{DriveError, Driven, Engine, Redactor, Stood, reader::Read};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, HandleMessage, PortError, Queue, Received, RetimeMessage, SendMessage};
use store::{Accepted, Claim, Fired, IncidentWindow, OpenLimits, StoreError};

/// Why a message could not be taken to its end. It stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum InvestigateError {
    /// It is not a message of ours, or of a later release than this one.
    #[error("the message cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// It names a run that does not exist.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// The store did not do its work.
    #[error("the run cannot be read or written")]
    Store(#[from] StoreError),
    /// It was received for the last time, and the run failed for that; it goes to the dead letters.
    #[error("the run {run} is given up: its message was received {receives} times")]
    GivenUp {
        /// The run.
        run: RunId,
        /// How often its message was received.
        receives: u32,
    },
    /// A queue did not do its work.
    #[error("the run's news cannot be sent on")]
    Queue(#[from] PortError),
}

/// The handler, over its ports.
#[derive(Clone)]
pub struct Investigate {
    /// What drives a run.
    pub engine: Engine,
    /// Where news and continuations go.
    pub sender: Arc<dyn SendMessage>,
    /// When the message in hand comes back, should this invocation die.
    pub retimer: Arc<dyn RetimeMessage>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a run is held without a sign of life. A killed run goes on after this long.
    pub lease: Duration,
    /// How often a message is received before it goes to the dead letters.
    pub max_receives: u32,
}

#[async_trait]
impl HandleMessage for Investigate {
    async fn handle(&self, message: &Received, deadline: Timestamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.take(message, deadline).await?)
    }
}

impl Investigate {
    async fn take(&self, message: &Received, deadline: Timestamp) -> Result<(), InvestigateError> {
        // On receipt: whatever happens from here on, the message comes back with the lease, not with the queue's own
        // visibility, which is long.
        self.retime(message).await;
        match serde_json::from_str(&message.body).map_err(InvestigateError::Unreadable)? {
            InvestigateMessage::EventV1 { mut event } => {
                // Before anything of it is stored (I9).
                Redactor::of(&self.engine.catalog).event(&mut event);
                match self.accept(&event).await? {
                    Accepted::Opened(run) => self.go_on(run, message, deadline).await,
                    Accepted::Attached(run) => self.attached(run, event.id).await,
                    Accepted::Gathered(run) | Accepted::Duplicate(run) => self.counted(run, event.id).await,
                    Accepted::Unmatched => Ok(()),
                }
            }
            InvestigateMessage::CommandV1 { request } => {
                let run = self.requested(&request);
                self.engine.store.open_command(&run).await?;
                self.go_on(run.id, message, deadline).await
            }
            InvestigateMessage::ScheduleV1 { schedule, at, id } => match self.fired(&schedule, at, &id).await? {
                Fired::Opened(run) => self.go_on(run, message, deadline).await,
                Fired::Skipped => Ok(()),
            },
            InvestigateMessage::ReplyV1 { reply } => self.reply(reply).await,
            InvestigateMessage::PressV1 { press } => match self.pressed(&press).await? {
                Some(run) => self.go_on(run, message, deadline).await,
                None => Ok(()),
            },
            InvestigateMessage::CountedV1 { run } => self.tell_count(run).await,
            InvestigateMessage::ContinueV1 { run, .. } => self.go_on(run, message, deadline).await,
        }
    }

    async fn accept(&self, event: &Event) -> Result<Accepted, InvestigateError> {
        let store = &self.engine.store;
        let (workflow, accepted) = match &event.disposition {
            Disposition::Unmatched { reason } => (None, store.unmatched(event, reason).await?),
            Disposition::Attaches => (None, store.attach(event).await?),
            Disposition::Opens { workflow, incident_key } => match self.run_of(event, workflow, incident_key) {
                Some((run, incident)) => (Some(workflow), store.open(event, &run, &incident).await?),
                None => {
                    let reason = format!("the workflow `{workflow}` was taken out of the catalog meanwhile");
                    (Some(workflow), store.unmatched(event, &reason).await?)
                }
            },
        };
        let (run, workflow) = (accepted.run(), workflow.map(Name::as_str));
        let (id, source, kind) = (event.id, event.source.as_str(), event.kind.as_str());
        let run = run.map(tracing::field::display);
        tracing::info!(event = %id, source, kind, workflow, accepted = accepted.as_str(), run, "event taken");
        Ok(accepted)
    }

    /// The run that `event` opens under `workflow`, and its incident.
    fn run_of(&self, event: &Event, workflow: &Name, incident_key: &str) -> Option<(Run, IncidentWindow)> {
        let catalog = &self.engine.catalog;
        let workflow = catalog.workflows.get(workflow)?;
        let investigate = &workflow.investigate;
        // Parameters that do not fit do not keep the run from being opened: it fails where people see it (I14).
        let params = engine::parameters(catalog, &investigate.command, &investigate.with, event.alert.as_ref());
        let targets = match workflow.mode {
            Mode::Live => catalog::targets(&workflow.deliver, event.alert.as_ref()),
            Mode::Shadow => vec![],
        };
        let run = Run {
            title: event.alert.as_ref().map_or_else(|| event.summary.clone(), |alert| alert.title.clone()),
            trigger: Trigger::Event { event: event.id, source: event.source.clone() },
            workflow: Some(workflow.name.clone()),
            assistant: investigate.assistant.clone(),
            alert: event.alert.clone(),
            mode: workflow.mode,
            targets,
            reason: params.as_ref().err().cloned(),
            params: params.unwrap_or_default(),
            ..self.queued(RunId::opened_by(event.id), &investigate.command)
        };
        let incident = IncidentWindow {
            workflow: workflow.name.clone(),
            key: incident_key.to_owned(),
            window: workflow.incident.window.0,
            limits: OpenLimits { runs_per_hour: workflow.limits.runs_per_hour, max_open: workflow.limits.max_open },
        };
        Some((run, incident))
    }

    pub(crate) fn queued(&self, id: RunId, command: &Name) -> Run {
        let catalog = &self.engine.catalog;
        let slack = catalog.sources.values().filter(|source| source.source_type == SourceType::Slack);
        let entries = slack.clone().flat_map(|source| &source.commands).filter(|entry| entry.command == *command);
        let asked_from: BTreeSet<&String> = entries.flat_map(|entry| &entry.channels).collect();
        Run {
            buttons: slack.count() > 0,
            asked_from: asked_from.into_iter().cloned().collect(),
            ..Run::queued(id, command.clone(), &catalog.digest, self.clock.now())
        }
    }

    /// Drives the run as far as this invocation reaches, under its lease.
    #[tracing::instrument(name = "run", skip_all, fields(run = %id))]
    async fn go_on(&self, id: RunId, message: &Received, deadline: Timestamp) -> Result<(), InvestigateError> {
        let store = &self.engine.store;
        let last = message.receives >= self.max_receives;
        // What had begun may be what ends the process each time: it is not begun again, or nobody would be told (I14).
        // What had not is tried; a receipt counts also where there was no room for an invocation.
        let begun = last && store.reader().run(id).await?.is_some_and(|run| run.status == RunStatus::Running);
        match store.claim_run(id, self.lease).await? {
            Claim::Missing => Err(InvestigateError::NoRun(id)),
            // Killed between the end and its announcement, perhaps: announcing twice does no harm.
            Claim::Ended(run) => self.announce(&run).await,
            Claim::Held { until } => self.wait_for(until, message).await,
            // What could not have been investigated anyway is not given up: it fails for that reason, below.
            Claim::Claimed { run, token } if begun && run.reason.is_none() => {
                let receives = message.receives;
                self.give_up(&run, token, receives, "none of the tries came to an end").await?;
                // The message goes to the dead letters, for their alarm and for a redrive.
                Err(InvestigateError::GivenUp { run: id, receives })
            }
            Claim::Claimed { run, token } => {
                let began = self.clock.now();
                let spent = || {
                    let now = Duration::try_from(self.clock.now().duration_since(began)).unwrap_or(Duration::ZERO);
                    Duration::from_millis(run.spent_ms) + now
                };
                let held = self.hold(id, token, message, &spent);
                let done = tokio::select! {
                    done = self.drive(&run, token, deadline, &spent) => done,
                    lost = held => Err(lost),
                };
                let done = match done {
                    Err(InvestigateError::Store(StoreError::LeaseLost)) => self.taken_away(id).await,
                    // It would fail the same way again: that is the run's outcome, and people are told (I14).
                    Err(InvestigateError::Store(error)) if !error.is_transient() => {
                        tracing::error!(error = ports::chain(&error), "the run cannot go on");
                        self.fail(id, token, &format!("the run cannot go on: {error}")).await
                    }
                    done => done,
                };
                match &done {
                    Ok(()) => {}
                    Err(error) if last => self.give_up_after(&run, token, message.receives, error).await,
                    // Given back, so that the next try need not wait the lease out; it ends by itself if this fails.
                    Err(_) => drop(store.release_run(id, token, false, spent()).await),
                }
                done
            }
        }
    }

    /// The lease is lost: somebody has stopped the run, and people are told, or another invocation has it.
    async fn taken_away(&self, id: RunId) -> Result<(), InvestigateError> {
        match self.engine.store.reader().run(id).await? {
            Some(run) if run.status == RunStatus::Cancelled => self.announce(&run).await,
            _ => Err(StoreError::LeaseLost.into()),
        }
    }

    async fn fail(&self, id: RunId, token: LeaseToken, reason: &str) -> Result<(), InvestigateError> {
        self.engine.store.fail_run(id, token, reason).await?;
        self.announce_now(id).await
    }

    /// The last try of a message has failed: the run is given up, unless it has ended or is another's by now.
    async fn give_up_after(&self, run: &Run, token: LeaseToken, receives: u32, error: &InvestigateError) {
        let why = format!("the last try ended because {error}");
        let mut given_up = self.give_up(run, token, receives, &why).await;
        if matches!(given_up, Err(InvestigateError::Store(StoreError::LeaseLost))) {
            // The try itself had given it back before it failed.
            given_up = match self.engine.store.claim_run(run.id, self.lease).await {
                Ok(Claim::Claimed { run, token }) => self.give_up(&run, token, receives, &why).await,
                Ok(Claim::Ended(_)) => Ok(()),
                Ok(Claim::Held { .. } | Claim::Missing) => Err(StoreError::LeaseLost.into()),
                Err(error) => Err(error.into()),
            };
        }
        if let Err(error) = given_up {
            tracing::error!(error = ports::chain(&error), "nobody could be told that the run is given up");
        }
    }

    async fn give_up(&self, run: &Run, token: LeaseToken, receives: u32, why: &str) -> Result<(), InvestigateError> {
        if let Some(reason) = &run.reason {
            // It could not have been investigated anyway.
            return self.fail(run.id, token, reason).await;
        }
        tracing::error!(receives, why, "the run is given up");
        let reason = format!(
            "given up: its message was received {receives} times, and {why}. It goes to the dead letters; `firstlook redrive \
             investigate` (with `--stack NAME` for a deployed one) takes the run up again where it stands"
        );
        self.engine.store.give_up_run(run.id, token, &reason).await?;
        self.announce_now(run.id).await
    }

    /// Renews the lease and the message's invisibility together, until one of them is lost.
    async fn hold(
        &self,
        id: RunId,
        token: LeaseToken,
        message: &Received,
        spent: &(dyn Fn() -> Duration + Sync),
    ) -> InvestigateError {
        // Once more now that the lease stands, however long it took until then.
        self.retime(message).await;
        loop {
            tokio::time::sleep(self.lease / 3).await;
            match self.engine.store.renew_run(id, token, self.lease, spent()).await {
                Ok(()) => self.retime(message).await,
                Err(error) if error.is_transient() && !matches!(error, StoreError::LeaseLost) => {
                    tracing::warn!(error = ports::chain(&error), "the lease could not be renewed this time");
                }
                Err(error) => return error.into(),
            }
        }
    }

    async fn retime(&self, message: &Received) {
        if let Err(error) = self.retimer.come_back_with(self.lease, message).await {
            tracing::warn!(error = ports::chain(&error), "the message could not be retimed");
        }
    }

    /// Another invocation has the run. The message is not done before the run is, so a copy of it waits out the lease;
    /// its own receipts are spared, since each of them counts towards the dead letters.
    async fn wait_for(&self, until: Timestamp, message: &Received) -> Result<(), InvestigateError> {
        let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
        let delay = left.max(Duration::from_secs(1));
        Ok(self.sender.send(Queue::Investigate, &message.body, "waiting", delay).await?)
    }

    async fn drive(
        &self,
        run: &Run,
        token: LeaseToken,
        deadline: Timestamp,
        spent: &(dyn Fn() -> Duration + Sync),
    ) -> Result<(), InvestigateError> {
        let store = &self.engine.store;
        if let Some(reason) = &run.reason {
            return self.fail(run.id, token, reason).await;
        }
        let last_time = match run.last_time {
            Some(_) => None,
            None => self.last_time(run, token).await?,
        };
        let run = &Run { last_time: last_time.or_else(|| run.last_time.clone()), ..run.clone() };
        let done = store.reader().steps(run.id).await?;
        let until = self.until(deadline);
        match self.engine.drive(run, token, done, until).await {
            Ok(Driven::Finished(stood)) => self.read(run, token, *stood, until, spent).await,
            Ok(Driven::Paused) => self.go_on_later(run, token, spent).await,
            Err(error) => self.undriven(run, token, error).await,
        }
    }

    /// The evidence stands: it is announced, and an Assistant reads it. Where none does, the evidence is the conclusion.
    async fn read(
        &self,
        run: &Run,
        token: LeaseToken,
        stood: Stood,
        until: Timestamp,
        spent: &(dyn Fn() -> Duration + Sync),
    ) -> Result<(), InvestigateError> {
        let store = &self.engine.store;
        let Some(reads) = self.engine.reads(run) else {
            store.conclude_run(run.id, token, &stood.report).await?;
            return self.announce_now(run.id).await;
        };
        if run.evidence_at.is_none() {
            store.evidence_stands(run.id, token, &stood.report).await?;
        }
        // In each slice: one that was killed may have had no time to, and reading takes minutes (I10).
        self.announce_now(run.id).await?;
        match Box::pin(self.engine.read(run, token, &reads, stood, until)).await {
            Ok(Read::Concluded(report)) => {
                store.conclude_run(run.id, token, &report).await?;
                self.announce_now(run.id).await
            }
            Ok(Read::Paused) => self.go_on_later(run, token, spent).await,
            Err(error) => self.undriven(run, token, error).await,
        }
    }

    async fn go_on_later(
        &self,
        run: &Run,
        token: LeaseToken,
        spent: &(dyn Fn() -> Duration + Sync),
    ) -> Result<(), InvestigateError> {
        tracing::info!(slice = run.slice, "the run goes on in the next invocation");
        self.engine.store.release_run(run.id, token, true, spent()).await?;
        let next = InvestigateMessage::ContinueV1 { run: run.id, slice: run.slice + 1 };
        self.send(Queue::Investigate, &next, run, Duration::ZERO).await
    }

    async fn undriven(&self, run: &Run, token: LeaseToken, error: DriveError) -> Result<(), InvestigateError> {
        match error {
            DriveError::Store(error) => Err(error.into()),
            error @ DriveError::NoCommand(_) => self.fail(run.id, token, &error.to_string()).await,
        }
    }

    /// When the same fired before, kept on the run, so that deliveries need not look for it. Where it cannot be read the run
    /// goes on without.
    async fn last_time(&self, run: &Run, token: LeaseToken) -> Result<Option<LastTime>, InvestigateError> {
        match self.engine.store.reader().last_time(run).await {
            Ok(Some(last)) => {
                self.engine.store.note_last_time(run.id, token, &last).await?;
                Ok(Some(last))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::warn!(error = ports::chain(&error), "earlier runs could not be read");
                Ok(None)
            }
        }
    }

    /// When to stop, so that there is time to leave things in order: a fifth of what is left, at most 20 s, before the
    /// invocation is ended by force.
    fn until(&self, deadline: Timestamp) -> Timestamp {
        let left = deadline.duration_since(self.clock.now());
        let margin = (left / 5).min(SignedDuration::from_secs(20));
        deadline.checked_sub(margin).unwrap_or(deadline)
    }

    /// What attaches to a storm's run is one of hundreds.
    async fn attached(&self, id: RunId, event: EventId) -> Result<(), InvestigateError> {
        let run = self.run(id).await?;
        if run.storm { self.counted(id, event).await } else { self.announce_if_shown(&run).await }
    }

    pub(crate) async fn run(&self, id: RunId) -> Result<Run, InvestigateError> {
        self.engine.store.reader().run(id).await?.ok_or(InvestigateError::NoRun(id))
    }

    /// What comes to a run beside its investigation is news only where something is shown already; before that the first
    /// delivery has it in.
    pub(crate) async fn announce_if_shown(&self, run: &Run) -> Result<(), InvestigateError> {
        if run.is_shown() { self.announce(run).await } else { Ok(()) }
    }

    async fn announce_now(&self, id: RunId) -> Result<(), InvestigateError> {
        self.announce(&self.run(id).await?).await
    }

    pub(crate) async fn announce(&self, run: &Run) -> Result<(), InvestigateError> {
        let news = run.targets.iter().map(async |target| {
            let news = DeliverMessage::TargetV1 {
                run: run.id,
                target: target.name.clone(),
                revision: run.revision,
                waits_since: None,
            };
            self.send_in(Queue::Deliver, &news, &run.group_at(&target.name), Duration::ZERO).await
        });
        try_join_all(news).await.map(drop)
    }

    pub(crate) async fn send(
        &self,
        queue: Queue,
        message: &(impl serde::Serialize + Sync),
        run: &Run,
        delay: Duration,
    ) -> Result<(), InvestigateError> {
        self.send_in(queue, message, run.group(), delay).await
    }

    pub(crate) async fn reply(&self, reply: Box<ChatReply>) -> Result<(), InvestigateError> {
        let group = reply.place.source.clone();
        self.send_in(Queue::Deliver, &DeliverMessage::ReplyV1 { reply }, group.as_str(), Duration::ZERO).await
    }

    async fn send_in(
        &self,
        queue: Queue,
        message: &(impl serde::Serialize + Sync),
        group: &str,
        delay: Duration,
    ) -> Result<(), InvestigateError> {
        let body = serde_json::to_string(message).map_err(InvestigateError::Unreadable)?;
        Ok(self.sender.send(queue, &body, group, delay).await?)
    }
}
