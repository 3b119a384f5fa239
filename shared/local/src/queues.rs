use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ports::{Clock, MAX_DELAY, PortError, Queue, Receipt, Received, RetimeMessage, SendMessage};
use rusqlite::{OptionalExtension, Transaction, params};
use tokio::sync::Notify;

use crate::Database;

/// The largest message body in bytes (SQS: 1 MiB).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The longest that a received message can be kept invisible (SQS: 12 h).
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600);

/// The most messages of one receive (SQS: 10).
const MAX_BATCH: usize = 10;

const QUEUES: [Queue; 4] = [Queue::Investigate, Queue::Deliver, Queue::InvestigateDlq, Queue::DeliverDlq];

/// How often a message is received before it goes to the dead letters (`maxReceiveCount` of a redrive policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxReceives {
    /// In the investigate queue.
    pub investigate: u32,
    /// In the deliver queue.
    pub deliver: u32,
}

impl Default for MaxReceives {
    /// As in `infra/template.yaml`.
    fn default() -> Self {
        Self { investigate: 10, deliver: 10 }
    }
}

/// What stands in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Messages that a receive would get now (SQS `ApproximateNumberOfMessages`).
    pub visible: u64,
    /// Received, and neither deleted nor visible again (SQS `ApproximateNumberOfMessagesNotVisible`).
    pub in_flight: u64,
    /// Sent with a delay that is not over (SQS `ApproximateNumberOfMessagesDelayed`).
    pub delayed: u64,
}

/// The queues on SQLite, with what SQS means by them: at least once, a receive hides the message for its visibility,
/// each receive gives a new receipt and outdates the older ones, and a message received too often goes to the dead
/// letters. Messages are kept until they are deleted. Cheap to clone: clones wake each other's workers.
#[derive(Clone)]
pub struct SqliteQueues {
    database: Database,
    clock: Arc<dyn Clock>,
    max_receives: MaxReceives,
    sent: Arc<[Notify; 4]>,
}

impl SqliteQueues {
    /// The queues of this database.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn Clock>, max_receives: MaxReceives) -> Self {
        Self { database, clock, max_receives, sent: Arc::new([const { Notify::const_new() }; 4]) }
    }

    /// Receives up to `max` messages (1 to 10), hiding them for `visibility`. Of what is due, groups with the fewest
    /// messages in flight come first (SQS fair queues), then the oldest.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn receive(&self, queue: Queue, max: usize, visibility: Duration) -> Result<Vec<Received>, PortError> {
        let now = self.now();
        let visible_at = now.saturating_add(millis(visibility.min(MAX_VISIBILITY)));
        let limit = max.clamp(1, MAX_BATCH);
        let dead = queue.dead_letters().map(|letters| (letters, self.max_receives(queue)));
        let (messages, died) = self
            .database
            .transact("receive from the queue", move |transaction| {
                let died = match dead {
                    Some((letters, most)) => bury(transaction, queue, letters, most, now)?,
                    None => 0,
                };
                let mut messages = Vec::new();
                for (id, body, receives) in due(transaction, queue, limit, now)? {
                    let receipt = format!("{:032x}", rand::random::<u128>());
                    transaction
                        .prepare_cached(
                            "UPDATE messages SET receives = ?2, receipt = ?3, visible_at = ?4 WHERE id = ?1",
                        )?
                        .execute(params![id, receives, receipt, visible_at])?;
                    messages.push(Received { queue, body, receipt: Receipt(receipt), receives });
                }
                Ok((messages, died))
            })
            .await?;
        if let Some((letters, most)) = dead.filter(|_| died > 0) {
            tracing::warn!(
                queue = queue.as_str(),
                messages = died,
                "messages were received {most} times and went to {}",
                letters.as_str()
            );
            self.wake(letters);
        }
        Ok(messages)
    }

    /// Deletes a received message. An outdated receipt deletes nothing, which is no error: the message is somebody
    /// else's now.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn delete(&self, queue: Queue, receipt: &Receipt) -> Result<(), PortError> {
        let receipt = receipt.0.clone();
        self.database
            .transact("delete from the queue", move |transaction| {
                transaction
                    .prepare_cached("DELETE FROM messages WHERE receipt = ?1 AND queue = ?2")?
                    .execute([&receipt, queue.as_str()])
            })
            .await?;
        Ok(())
    }

    /// What stands in a queue.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn depth(&self, queue: Queue) -> Result<Depth, PortError> {
        let now = self.now();
        self.database
            .call("measure the queue", move |connection| {
                connection.query_row(
                    "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                            count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NOT NULL),
                            count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NULL)
                     FROM messages WHERE queue = ?1",
                    params![queue.as_str(), now],
                    |row| {
                        let count = |column| row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0));
                        Ok(Depth { visible: count(0)?, in_flight: count(1)?, delayed: count(2)? })
                    },
                )
            })
            .await
    }

    /// Sends what lies visible in the dead letters of `queue` back to it, as new messages, and says how many there were.
    /// All or none.
    ///
    /// # Errors
    /// [`PortError`]; permanent when the queue has no dead letters.
    pub async fn redrive(&self, queue: Queue) -> Result<u64, PortError> {
        let letters = queue
            .dead_letters()
            .ok_or_else(|| PortError::permanent("redrive", format!("{} has no dead letters", queue.as_str())))?;
        let now = self.now();
        let moved = self
            .database
            .transact("redrive", move |transaction| {
                transaction.execute(
                    "UPDATE messages SET queue = ?1, receives = 0, receipt = NULL, visible_at = ?3
                     WHERE queue = ?2 AND visible_at <= ?3",
                    params![queue.as_str(), letters.as_str(), now],
                )
            })
            .await?;
        self.wake(queue);
        Ok(moved as u64)
    }

    /// When the next message of a queue can be received, as far as is known now; absent when it is empty.
    pub(crate) async fn next_due_in(&self, queue: Queue) -> Result<Option<Duration>, PortError> {
        let now = self.now();
        let due: Option<i64> = self
            .database
            .call("look at the queue", move |connection| {
                connection
                    .prepare_cached("SELECT min(visible_at) FROM messages WHERE queue = ?1")?
                    .query_row([queue.as_str()], |row| row.get(0))
            })
            .await?;
        Ok(due.map(|due| Duration::from_millis(u64::try_from(due.saturating_sub(now)).unwrap_or(0))))
    }

    /// Resolves when something was sent to the queue through this object or a clone since the last time.
    pub(crate) async fn sent_to(&self, queue: Queue) {
        match self.bell(queue) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }

    fn wake(&self, queue: Queue) {
        if let Some(bell) = self.bell(queue) {
            bell.notify_one();
        }
    }

    fn bell(&self, queue: Queue) -> Option<&Notify> {
        let place = QUEUES.iter().position(|known| *known == queue)?;
        self.sent.get(place)
    }

    /// How often a message of `queue` is received before it goes to the dead letters.
    #[must_use]
    pub fn max_receives(&self, queue: Queue) -> u32 {
        match queue {
            Queue::Investigate => self.max_receives.investigate,
            Queue::Deliver => self.max_receives.deliver,
            Queue::InvestigateDlq | Queue::DeliverDlq | Queue::AlarmsDlq => u32::MAX,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Moves what was received `most` times and is due again to the dead letters.
fn bury(transaction: &Transaction<'_>, queue: Queue, letters: Queue, most: u32, now: i64) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "UPDATE messages SET queue = ?1, receipt = NULL WHERE queue = ?2 AND visible_at <= ?3 AND receives >= ?4",
        )?
        .execute(params![letters.as_str(), queue.as_str(), now, most])
}

/// What is due: id, body and how often it will have been received.
fn due(
    transaction: &Transaction<'_>,
    queue: Queue,
    limit: usize,
    now: i64,
) -> rusqlite::Result<Vec<(i64, String, u32)>> {
    transaction
        .prepare_cached(
            "SELECT due.id, due.body, due.receives + 1
             FROM messages AS due
             LEFT JOIN (SELECT fair_group, count(*) AS busy FROM messages
                        WHERE queue = ?1 AND visible_at > ?2 AND receipt IS NOT NULL GROUP BY fair_group) AS flying
             ON flying.fair_group = due.fair_group
             WHERE due.queue = ?1 AND due.visible_at <= ?2
             ORDER BY coalesce(flying.busy, 0), due.visible_at, due.id LIMIT ?3",
        )?
        .query_map(params![queue.as_str(), now, i64::try_from(limit).unwrap_or(1)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect()
}

#[async_trait]
impl SendMessage for SqliteQueues {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        let doing = "send to the queue";
        if body.is_empty() || body.len() > MAX_BODY_BYTES {
            let reason = format!("a message has 1 to {MAX_BODY_BYTES} bytes, not {}", body.len());
            return Err(PortError::permanent(doing, reason));
        }
        if body.contains(|letter: char| letter < ' ' && !matches!(letter, '\t' | '\n' | '\r')) {
            return Err(PortError::permanent(doing, "a message holds no control characters but tabs and line ends"));
        }
        let visible_at = self.now().saturating_add(millis(delay.min(MAX_DELAY)));
        let (body, group) = (body.to_owned(), group.to_owned());
        self.database
            .transact(doing, move |transaction| {
                transaction
                    .prepare_cached(
                        "INSERT INTO messages (queue, body, fair_group, visible_at) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![queue.as_str(), body, group, visible_at])
            })
            .await?;
        self.wake(queue);
        Ok(())
    }
}

#[async_trait]
impl RetimeMessage for SqliteQueues {
    async fn retime(&self, queue: Queue, receipt: &Receipt, visibility: Duration) -> Result<(), PortError> {
        let doing = "change when the message comes back";
        let now = self.now();
        let visible_at = now.saturating_add(millis(visibility.min(MAX_VISIBILITY)));
        let receipt = receipt.0.clone();
        let known = self
            .database
            .transact(doing, move |transaction| {
                let in_flight: Option<i64> = transaction
                    .prepare_cached("SELECT id FROM messages WHERE receipt = ?1 AND queue = ?2 AND visible_at > ?3")?
                    .query_row(params![receipt, queue.as_str(), now], |row| row.get(0))
                    .optional()?;
                if let Some(id) = in_flight {
                    transaction
                        .prepare_cached("UPDATE messages SET visible_at = ?2 WHERE id = ?1")?
                        .execute([id, visible_at])?;
                }
                Ok(in_flight.is_some())
            })
            .await?;
        if !known {
            return Err(PortError::permanent(doing, "the receipt is not that of a message in flight"));
        }
        // Also earlier than before: a waiting worker looks anew.
        self.wake(queue);
        Ok(())
    }
}
