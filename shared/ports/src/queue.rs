use std::time::Duration;

use async_trait::async_trait;

use crate::{PortError, Received};

/// The longest delay that a message can be sent with (SQS `DelaySeconds`).
pub const MAX_DELAY: Duration = Duration::from_secs(900);

/// How long after the receipt of its message something is claimed, at most.
const CLAIMED_WITHIN: Duration = Duration::from_secs(1);

/// The queues there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Events and continuations, for investigate.
    Investigate,
    /// News for targets, for deliver.
    Deliver,
    /// What investigate could not take.
    InvestigateDlq,
    /// What deliver could not take, and what it gave up.
    DeliverDlq,
    /// The alarms that AWS could not hand to ingest. It stands only where `infra/cloudwatch.yaml` is deployed.
    AlarmsDlq,
}

impl Queue {
    /// The queue's name in both worlds, after the stack's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Investigate => "investigate",
            Self::Deliver => "deliver",
            Self::InvestigateDlq => "investigate-dlq",
            Self::DeliverDlq => "deliver-dlq",
            Self::AlarmsDlq => "alarms-dlq",
        }
    }

    /// Where its messages go in the end when nobody can take them.
    #[must_use]
    pub fn dead_letters(self) -> Option<Self> {
        match self {
            Self::Investigate => Some(Self::InvestigateDlq),
            Self::Deliver => Some(Self::DeliverDlq),
            Self::InvestigateDlq | Self::DeliverDlq | Self::AlarmsDlq => None,
        }
    }
}

/// Names one receipt of one message (SQS `ReceiptHandle`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it says, as [`SendMessage::send`] takes it.
    pub body: String,
    /// Its fair-queue group.
    pub group: String,
}

/// Sending.
#[async_trait]
pub trait SendMessage: Send + Sync {
    /// Sends `body`, JSON of at most 1 MiB, and returns once the queue has accepted it durably. `group` is the fair-queue
    /// group: one storming group does not starve the others. `delay` is cut at [`MAX_DELAY`].
    ///
    /// # Errors
    /// [`PortError`]; nothing was sent, or it is not known whether it was.
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError>;

    /// Sends all of `messages` without a delay, in as few calls as the queue allows, and returns once it has accepted
    /// them.
    ///
    /// # Errors
    /// [`PortError`]; of at least one it is not known that it was accepted, while others may have been.
    async fn send_all(&self, queue: Queue, messages: &[Outgoing]) -> Result<(), PortError> {
        for Outgoing { body, group } in messages {
            self.send(queue, body, group, Duration::ZERO).await?;
        }
        Ok(())
    }
}

/// Changing when a received message comes back.
#[async_trait]
pub trait RetimeMessage: Send + Sync {
    /// Makes the message invisible for `visibility` from now.
    ///
    /// # Errors
    /// [`PortError`]; permanent when the receipt is no longer the message's newest.
    async fn retime(&self, queue: Queue, receipt: &Receipt, visibility: Duration) -> Result<(), PortError>;

    /// Makes `message` come back when a lease of length `lease` that is claimed for it now has ended, not when the queue's long
    /// visibility does. Not before: what meets the lease waits as a copy, whose receipts are counted from 1 again.
    ///
    /// # Errors
    /// As [`retime`](Self::retime).
    async fn come_back_with(&self, lease: Duration, message: &Received) -> Result<(), PortError> {
        self.retime(message.queue, &message.receipt, lease + CLAIMED_WITHIN).await
    }
}
