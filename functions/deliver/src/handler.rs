//! Takes one message of the deliver queue: the target comes to stand where the run stands (I4), or it is tried again
//! later, or it visibly fails (I5). What is saved is saved before what follows from it is sent, and only then is the
//! message acknowledged; so each step may be the last of this process.

use std::{error::Error, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{DeliverMessage, LeaseToken, OnePost, OutletSpec, Run, RunId, Shown, Target, TargetState, Words};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use outlets::{AnswerChat, OpenOutlet, Outlet, OutletError, Post, Style};
use ports::{Clock, Entropy, HandleMessage, PortError, Queue, ReadSecret, Received, RetimeMessage, SendMessage};
use store::{Store, StoreError, TargetClaim};

use crate::{
    CatalogNow,
    limits::Sparing,
    links::Links,
    schedule::{BETWEEN_EDITS, MAX_ATTEMPTS, waiting},
    wanted::words,
};

/// How long to wait for a held target, at most. It is nearly always given back within a second, and a conclusion that was
/// announced meanwhile should not wait for a lease to end that nobody holds any more.
const HELD: Duration = Duration::from_secs(2);

/// Why a message could not be taken to its end. It stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// It is not a message of ours, or of a later release than this one.
    #[error("the message cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// It names a run that does not exist.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// It names a target that the run does not have.
    #[error("the run {run} has no target `{target}`")]
    NoTarget {
        /// The run.
        run: RunId,
        /// The target's name.
        target: String,
    },
    /// Too many have died who had the target before.
    #[error("of {tries} tries none came to an end")]
    Unfinished {
        /// How many there were.
        tries: u32,
    },
    /// The invocation ends too soon to begin anything.
    #[error("the invocation ends too soon to begin a delivery")]
    TooLate,
    /// The store did not do its work.
    #[error("the target cannot be read or written")]
    Store(#[from] StoreError),
    /// Somebody in a chat could not be told something this time.
    #[error("{who} cannot be answered now: {reason}")]
    Answer {
        /// Whom, and where.
        who: String,
        /// Why not.
        reason: String,
    },
    /// A queue did not do its work.
    #[error("the message cannot be sent on")]
    Queue(#[from] PortError),
}

/// The handler, over its ports.
#[derive(Clone)]
pub struct Deliver {
    /// The table.
    pub store: Store,
    /// What the catalog says by now, for targets that were given up.
    pub catalog: Arc<CatalogNow>,
    /// Where targets are.
    pub outlets: Arc<dyn OpenOutlet>,
    /// Where people are told what they asked for.
    pub chat: Arc<dyn AnswerChat>,
    /// Where messages wait, and where those go that are given up.
    pub sender: Arc<dyn SendMessage>,
    /// When the message in hand comes back, should this invocation die.
    pub retimer: Arc<dyn RetimeMessage>,
    /// The key of the links.
    pub secrets: Arc<dyn ReadSecret>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Spreads what is tried again.
    pub entropy: Arc<dyn Entropy>,
    /// How long a target is held. One message's work ends before it does.
    pub lease: Duration,
    /// How often a message is received before it goes to the dead letters.
    pub max_receives: u32,
    /// How long a first post of which nothing more is known may still come to stand ([`crate::LANDS`]). Nobody looks for it sooner.
    pub lands: Duration,
    /// The console's URL, without a slash at the end; without one, deliveries carry no link.
    pub console_url: Option<String>,
    /// How many days after a run's opening its links end.
    pub link_days: u32,
}

/// Why a target does not stand where it should.
enum Trouble {
    /// The outlet's.
    Outlet(OutletError),
    /// Our own; the message stays.
    Own(DeliverError),
}

impl From<OutletError> for Trouble {
    fn from(error: OutletError) -> Self {
        Self::Outlet(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Own(error.into())
    }
}

/// What is to stand at a target.
pub(crate) struct Shows<'a> {
    pub(crate) view: &'a Shown,
    words: Option<&'a Words>,
    links: Links,
}

/// [`DeliverMessage::TargetV1`].
pub(crate) struct News {
    pub(crate) run: RunId,
    pub(crate) target: String,
    pub(crate) revision: u64,
    pub(crate) waits_since: Option<Timestamp>,
}

/// A target that is ours for now.
pub(crate) struct Held {
    pub(crate) run: RunId,
    pub(crate) target: Target,
    token: LeaseToken,
}

#[async_trait]
impl HandleMessage for Deliver {
    async fn handle(&self, message: &Received, deadline: Timestamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.take(message, deadline).await?)
    }
}

impl Deliver {
    async fn take(&self, message: &Received, deadline: Timestamp) -> Result<(), DeliverError> {
        // On receipt: whatever happens from here on, the message comes back.
        if let Err(error) = self.retimer.come_back_with(self.lease, message).await {
            tracing::warn!(error = ports::chain(&error), "the message could not be retimed");
        }
        let last = message.receives >= self.max_receives;
        // Not begun when it could not be ended; but nothing ends without a word.
        if !last {
            self.time_until(deadline).ok_or(DeliverError::TooLate)?;
        }
        let news = match serde_json::from_str(&message.body).map_err(DeliverError::Unreadable)? {
            DeliverMessage::TargetV1 { run, target, revision, waits_since } => {
                News { run, target, revision, waits_since }
            }
            DeliverMessage::ReplyV1 { reply } => return self.reply(&reply, &message.body).await,
        };
        let run = news.run;
        let target = match self.store.claim_target(run, &news.target, self.lease).await? {
            TargetClaim::Claimed(target) => target,
            TargetClaim::Missing => return Err(DeliverError::NoTarget { run, target: news.target }),
            TargetClaim::Held { until } => {
                // Another worker may be bringing it to an older revision: come back when it is done. A copy waits, since
                // each receipt of this one counts towards the dead letters.
                let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
                // Whose it is was not read.
                let group = format!("waiting/{}", news.target);
                return Ok(self.sender.send(Queue::Deliver, &message.body, &group, waiting(left.min(HELD))).await?);
            }
        };
        let Some(lease) = target.lease else { return Err(StoreError::LeaseLost.into()) };
        let mut held = Held { run, target, token: lease.token };
        // Its work ends before its lease does, since after that another worker may begin, and before the invocation.
        let ends = lease.until.checked_sub(SignedDuration::try_from(self.lease / 6).unwrap_or_default());
        // What ended the processes before this one may end it too, and then nobody would ever be told. Not of the message's
        // receipts alone: who meets a lease is replaced by a copy, whose receipts are counted from 1 again.
        let most = if last { 1 } else { MAX_ATTEMPTS };
        match self.converge(&mut held, &news, deadline.min(ends.unwrap_or(lease.until)), most).await {
            Err(error) if matches!(error, DeliverError::Store(StoreError::LeaseLost)) => Err(error),
            Err(error) if last || matches!(error, DeliverError::Unfinished { .. }) => {
                self.give_up_at_last(&mut held, &news, message.receives, &error).await
            }
            Err(error) => {
                // What is known of the target is kept, so that the next try knows it too. If this fails as well, the lease
                // ends by itself and the next one finds the target as it was saved last.
                let _ = self.leave(&mut held).await;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// The time until `end`, with a tenth of it kept for saving what came of it; none when it is too little.
    fn time_until(&self, end: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(end.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
        let time = left * 9 / 10;
        (time >= Duration::from_secs(1)).then_some(time)
    }

    /// Brings it there, unless as many as `most` have died of it.
    async fn converge(&self, held: &mut Held, news: &News, ends: Timestamp, most: u32) -> Result<(), DeliverError> {
        let News { revision, waits_since, .. } = *news;
        if held.target.revision >= revision || held.target.state == TargetState::Deleted {
            return self.leave(held).await;
        }
        let reader = self.store.reader();
        if held.target.state == TargetState::Failed {
            let run = reader.run(held.run).await?.ok_or(DeliverError::NoRun(held.run))?;
            if waits_since.is_some_and(|since| since <= held.target.updated_at) {
                // It waited with the one for which the target was given up; only news and a redrive begin afresh.
                self.leave(held).await?;
                return self.bury(news).await;
            }
            self.begin_afresh(&mut held.target, &run);
        }
        if let Some(left) = rests(&held.target, self.clock.now()) {
            // The copy brings it to whatever the run shows by then, so what comes meanwhile is one edit.
            let run = reader.run(held.run).await?.ok_or(DeliverError::NoRun(held.run))?;
            self.leave(held).await?;
            return self.wait(news, &run, left).await;
        }
        let tries = held.target.claims.saturating_sub(1);
        if tries >= most {
            return Err(DeliverError::Unfinished { tries });
        }
        let view = reader.shown(held.run).await?.ok_or(DeliverError::NoRun(held.run))?;
        let brought = if view.run.revision < revision {
            Err(Trouble::Outlet(OutletError::Transient {
                reason: format!("revision {revision} was announced, and the table has {}", view.run.revision),
                retry_after: None,
            }))
        } else {
            let time = self.time_until(ends).ok_or(DeliverError::TooLate)?;
            match tokio::time::timeout(time, AssertUnwindSafe(self.bring(held, &view)).catch_unwind()).await {
                Ok(Ok(brought)) => brought,
                // Another try meets the same, mostly: counted, it is given up where people see it. What it had begun may land, too.
                Ok(Err(_)) => Err(Trouble::Outlet(OutletError::Ambiguous {
                    reason: "the delivery panicked, which is a fault of Firstlook's own: its log says where".to_owned(),
                    retry_after: None,
                })),
                // A first post that was begun is marked so, and looked for next time.
                Err(_) => Err(Trouble::Outlet(OutletError::Ambiguous {
                    reason: format!("it was not done within {} s", time.as_secs()),
                    retry_after: None,
                })),
            }
        };
        held.target.claims = 0;
        match brought {
            Ok(()) => {
                self.give_back(held).await?;
                let Target { spec, state, revision, provider_id, .. } = &held.target;
                let (run, target) = (held.run, spec.name.as_str());
                match state {
                    // What stands is counted by this line.
                    TargetState::Sent => {
                        tracing::info!(%run, target, revision, provider_id, "the target was brought there")
                    }
                    TargetState::NotWanted => tracing::info!(%run, target, "the target is not wanted"),
                    _ => tracing::info!(%run, target, "the target waits for the conclusion"),
                }
                Ok(())
            }
            Err(Trouble::Own(error)) => Err(error),
            Err(Trouble::Outlet(error)) => self.settle(held, &view.run, error, news).await,
        }
    }

    /// Brings the target to what `view` shows, or leaves it where its style has nothing to show yet or its condition does not
    /// hold.
    async fn bring(&self, held: &mut Held, view: &Shown) -> Result<(), Trouble> {
        let style = Style::of(&held.target.spec.outlet);
        if style == Style::OnceConcluded {
            if !view.run.status.is_terminal() {
                // The conclusion is announced too.
                return Ok(());
            }
            if held.target.provider_id.is_some() {
                self.tell_outcome(held, &view.run).await.map_err(Trouble::Own)?;
                stands(&mut held.target, view);
                return Ok(());
            }
        }
        if !self.is_wanted(&mut held.target, &view.run) {
            if view.run.status.is_terminal() {
                stands(&mut held.target, view);
                held.target.state = TargetState::NotWanted;
            }
            // Else the conclusion is announced too, and asked again.
            return Ok(());
        }
        self.find_root(held, &view.run).await?;
        let words = words(&held.target.spec, &view.run);
        let shows = Shows { view, words: words.as_ref(), links: self.links(&view.run).await? };
        let spec = held.target.spec.outlet.clone();
        let outlet = self.outlets.open(&spec).await?;
        let outlet = Sparing { outlet, store: self.store.clone(), clock: Arc::clone(&self.clock), spec };
        if style != Style::EachRevision
            && held.target.provider_id.is_none()
            && held.target.sending_since.is_some()
            && let Some(id) = outlet.find(&self.post(&held.target, &shows)).await?
        {
            self.stands_as(held, id, &outlet).await?;
            held.target.state = TargetState::Sent;
        }
        let mut gains_a_button = false;
        match held.target.provider_id.clone() {
            Some(id) if style == Style::Edited => {
                outlet.edit(&id, &self.post(&held.target, &shows)).await?;
                self.rest(&mut held.target);
            }
            // Found: what stands there cannot be edited.
            Some(_) if style == Style::OnceConcluded => {
                self.tell_outcome(held, &view.run).await.map_err(Trouble::Own)?
            }
            _ => {
                self.first_post(held, &shows, &outlet, style).await?;
                gains_a_button = outlets::slack::gains_a_button(&held.target, &view.run);
            }
        }
        self.follow(held, &shows).await.map_err(Trouble::Own)?;
        stands(&mut held.target, view);
        if gains_a_button {
            // It does not show all of the revision yet. The edit is one as any other: news of it come when it may be made, and
            // should this not be sent or not be saved, the message in hand comes back, and its post is found and edited.
            held.target.revision = view.run.revision.saturating_sub(1);
            self.announce_after(BETWEEN_EDITS, &view.run, &held.target.spec.name).await.map_err(Trouble::Own)?;
        }
        Ok(())
    }

    async fn first_post(
        &self,
        held: &mut Held,
        shows: &Shows<'_>,
        outlet: &Sparing,
        style: Style,
    ) -> Result<(), Trouble> {
        outlet.may("post").await?;
        let Target { state, sending_since, in_doubt, rests_until, one_post, .. } = held.target;
        if style != Style::EachRevision {
            let now = self.clock.now();
            held.target.state = TargetState::Sending;
            held.target.sending_since.get_or_insert(now);
            held.target.in_doubt = held.target.in_doubt.saturating_add(1);
            let Run { revision, status, .. } = shows.view.run;
            held.target.one_post = (style == Style::OnceConcluded).then_some(OnePost { revision, status });
            // Should this process die, who comes next waits for it: a lease may be shorter.
            held.target.rests_until = now.checked_add(self.lands).ok();
            held.target.updated_at = now;
            self.store.save_target(held.run, &held.target, held.token).await?;
        }
        match outlet.post(&self.post(&held.target, shows)).await {
            Ok(id) => {
                self.stands_as(held, id, outlet).await?;
                if style == Style::Edited {
                    self.rest(&mut held.target);
                }
                Ok(())
            }
            Err(error) => {
                if !matches!(error, OutletError::Ambiguous { .. } | OutletError::Taken { .. }) {
                    // Nothing was posted now. Whether an earlier try has posted is as open as it was.
                    held.target =
                        Target { state, sending_since, in_doubt, rests_until, one_post, ..held.target.clone() };
                }
                Err(error.into())
            }
        }
    }

    /// The post stands as `id`. What is written in its thread finds the run from now on; should this not be saved, the post is
    /// found again by the next try, and with it this.
    async fn stands_as(&self, held: &mut Held, id: String, outlet: &dyn Outlet) -> Result<(), StoreError> {
        let mut stands =
            Target { provider_id: Some(id), in_doubt: 0, taken: None, rests_until: None, ..held.target.clone() };
        if outlet.stands_apart() {
            // The look under which it was to stand has no message any more: it begins a thread of its own.
            (stands.apart, stands.root) = (true, None);
        }
        if matches!(stands.spec.outlet, OutletSpec::Slack(_))
            && let Some((channel, ts)) = outlets::slack::thread(&stands)
        {
            self.store.thread_leads_to(&format!("{channel}:{ts}"), held.run).await?;
        }
        held.target = stands;
        Ok(())
    }

    pub(crate) fn post<'a>(&self, target: &'a Target, shows: &'a Shows<'_>) -> Post<'a> {
        let Shows { view, words, links } = shows;
        let (link, previous) = (links.run.as_deref(), links.previous.as_deref());
        Post { view, target, words: *words, link, previous, now: self.clock.now() }
    }

    /// What was edited is not edited again for a moment.
    fn rest(&self, target: &mut Target) {
        target.rests_until = self.clock.now().checked_add(BETWEEN_EDITS).ok();
    }

    /// Gives the target back to which nothing was done: that was no try.
    async fn leave(&self, held: &mut Held) -> Result<(), DeliverError> {
        held.target.claims = held.target.claims.saturating_sub(1);
        self.give_back(held).await
    }

    pub(crate) async fn give_back(&self, held: &mut Held) -> Result<(), DeliverError> {
        held.target.lease = None;
        held.target.updated_at = self.clock.now();
        Ok(self.store.save_target(held.run, &held.target, held.token).await?)
    }
}

/// How long nothing is sent to the target yet.
fn rests(target: &Target, now: Timestamp) -> Option<Duration> {
    let left = target.rests_until?.duration_since(now);
    Duration::try_from(left).ok().filter(|left| !left.is_zero()).map(waiting)
}

/// The target shows what `view` shows.
fn stands(target: &mut Target, view: &Shown) {
    target.state = TargetState::Sent;
    target.revision = view.run.revision;
    target.attempts = 0;
    target.limited_since = None;
    target.last_error = None;
}
