//! What is given up: it shows as failed, and a letter of it lies among the dead ones.

use std::time::Duration;

use domain::{Target, TargetState};
use ports::Queue;

use crate::{
    Deliver, DeliverError,
    handler::{Held, News},
    settled::waiting_since,
};

impl Deliver {
    /// Leaves a copy among the dead letters: it is what a redrive brings back after the mend, and what the alarm sees.
    pub(crate) async fn bury(&self, news: &News) -> Result<(), DeliverError> {
        // Nobody receives letters in turn, so their group says nothing.
        Ok(self.sender.send(Queue::DeliverDlq, &waiting_since(news, None)?, &news.target, Duration::ZERO).await?)
    }

    /// Whether the target, which is not where `news` says, was left by somebody who died: a lease has ended there that nobody
    /// gave back. Asked at the last receipt: what ended that process may end this one too, and then nobody would ever be told.
    pub(crate) async fn died(&self, news: &News) -> Result<bool, DeliverError> {
        let target = self.store.reader().target(news.run, &news.target).await?;
        let left = |target: Target| target.lease.is_some_and(|lease| lease.until < self.clock.now());
        Ok(target.filter(|target| target.revision < news.revision).is_some_and(left))
    }

    /// The message was received for the last time, and `error` is what came of it. The letter is a copy as always, so that a
    /// redrive begins afresh.
    pub(crate) async fn give_up_at_last(
        &self,
        held: &mut Held,
        news: &News,
        receives: u32,
        error: &DeliverError,
    ) -> Result<(), DeliverError> {
        let why = match error {
            DeliverError::Unfinished => error.to_string(),
            error => format!("the last try ended because {}", ports::chain(error)),
        };
        let reason = format!("given up: its message was received {receives} times, and {why}");
        held.target.state = TargetState::Failed;
        held.target.last_error = Some(reason.clone());
        self.give_back(held).await?;
        self.bury(news).await?;
        let (target, attempts) = (&held.target.spec.name, held.target.attempts);
        tracing::error!(run = %held.run, target, attempts, reason, "the delivery is given up");
        Ok(())
    }
}
