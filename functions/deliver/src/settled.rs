//! What follows from a delivery that did not work: it is tried again later, or it is given up.

use std::time::Duration;

use domain::{DeliverMessage, Run, Taken, Target, TargetState};
use jiff::Timestamp;
use outlets::OutletError;
use ports::Queue;

use crate::{
    Deliver, DeliverError,
    handler::{Held, News},
    schedule::{MAX_ATTEMPTS, MAX_LIMITED, after_attempt, spread},
};

impl Deliver {
    /// What follows from a delivery that did not work.
    pub(crate) async fn settle(
        &self,
        held: &mut Held,
        run: &Run,
        error: OutletError,
        news: &News,
    ) -> Result<(), DeliverError> {
        if let OutletError::Deleted { reason } = error {
            // An end, and no failure: a letter would wait for a mend that there is none of.
            let (attempts, limited_since, last_error) = (0, None, None);
            let stood = held.target.clone();
            held.target = Target { state: TargetState::Deleted, attempts, limited_since, last_error, ..stood };
            self.give_back(held).await?;
            tracing::info!(run = %held.run, target = held.target.spec.name, reason, "the target was deleted by a person");
            return Ok(());
        }
        let mut reason = error.to_string();
        let again = match error {
            OutletError::Limited { wait, .. } => {
                let now = self.clock.now();
                let since = *held.target.limited_since.get_or_insert(now);
                let again = now.duration_since(since) < MAX_LIMITED;
                if !again {
                    reason = format!("{reason}, and has since {since:.0}: given up after {MAX_LIMITED:#}");
                }
                again.then(|| spread(wait, self.entropy.random()))
            }
            OutletError::Permanent { .. } | OutletError::Deleted { .. } => None,
            OutletError::Transient { retry_after, .. } => self.count(&mut held.target, retry_after),
            // It may land while our own request could be under way: nobody looks sooner.
            OutletError::Ambiguous { retry_after, .. } => {
                self.count(&mut held.target, retry_after.max(Some(self.lands)))
            }
            OutletError::Taken { request, .. } => {
                held.target.taken = Some(Taken { request, at: self.clock.now() });
                self.count(&mut held.target, None)
            }
        };
        let Some(delay) = again else { return self.give_up(held, news, reason).await };
        held.target.last_error = Some(reason.clone());
        // Other news of the target wait as long: what was posted without an answer may not be found yet.
        held.target.rests_until = self.clock.now().checked_add(delay).ok();
        self.give_back(held).await?;
        self.wait(news, run, delay).await?;
        let (target, attempts, delay_s) = (&held.target.spec.name, held.target.attempts, delay.as_secs());
        tracing::warn!(run = %held.run, target, attempts, delay_s, reason, "the delivery is tried again later");
        Ok(())
    }

    /// A copy of the message comes after `delay`.
    pub(crate) async fn wait(&self, news: &News, run: &Run, delay: Duration) -> Result<(), DeliverError> {
        let body = waiting_since(news, Some(self.clock.now()))?;
        Ok(self.sender.send(Queue::Deliver, &body, &run.group_at(&news.target), delay).await?)
    }

    /// Counts a real attempt; when the next one is due, if there is one.
    fn count(&self, target: &mut Target, asked: Option<Duration>) -> Option<Duration> {
        target.attempts = target.attempts.saturating_add(1);
        (target.attempts < MAX_ATTEMPTS).then(|| after_attempt(target.attempts, asked, self.entropy.random()))
    }
}

/// The message that says the same and waits since `now`, if it does not wait since earlier; or that is news again.
pub(crate) fn waiting_since(news: &News, now: Option<Timestamp>) -> Result<String, DeliverError> {
    let News { run, target, revision, waits_since } = news;
    let waits_since = now.map(|now| waits_since.unwrap_or(now));
    let copy = DeliverMessage::TargetV1 { run: *run, target: target.clone(), revision: *revision, waits_since };
    serde_json::to_string(&copy).map_err(DeliverError::Unreadable)
}
