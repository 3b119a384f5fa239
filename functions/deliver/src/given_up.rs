//! What is given up: it shows as failed, and a letter of it lies among the dead ones.

use std::time::Duration;

use domain::TargetState;
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

    /// The message was received for the last time, or too many have died of its target; `error` is what came of it. The letter is a
    /// copy as always, so that a redrive begins afresh.
    pub(crate) async fn give_up_at_last(
        &self,
        held: &mut Held,
        news: &News,
        receives: u32,
        error: &DeliverError,
    ) -> Result<(), DeliverError> {
        let reason = match error {
            DeliverError::Unfinished { .. } => format!("given up: {error}"),
            error => {
                let why = ports::chain(error);
                format!("given up: its message was received {receives} times, and the last try ended because {why}")
            }
        };
        held.target.claims = 0;
        self.give_up(held, news, reason).await
    }

    /// The target fails for `reason`, where people see it.
    pub(crate) async fn give_up(&self, held: &mut Held, news: &News, reason: String) -> Result<(), DeliverError> {
        held.target.state = TargetState::Failed;
        held.target.last_error = Some(reason.clone());
        self.give_back(held).await?;
        self.bury(news).await?;
        let (target, attempts) = (&held.target.spec.name, held.target.attempts);
        tracing::error!(run = %held.run, target, attempts, reason, "the delivery is given up");
        Ok(())
    }
}
