use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use ports::{Clock, HandleMessage, Queue, Received, chain};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinError, JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use crate::SqliteQueues;

/// How a worker works: what the event source mapping and the function's timeout say on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerSettings {
    /// How many messages are handled at once; at least 1.
    pub concurrency: usize,
    /// How long one message may take; then its handler is dropped wherever it stands.
    pub deadline: Duration,
    /// How long a received message stays hidden; longer than the deadline.
    pub visibility: Duration,
    /// How often the queue is looked at when nothing was heard: for what other processes send.
    pub poll: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            concurrency: 8,
            deadline: Duration::from_secs(300),
            visibility: Duration::from_secs(330),
            poll: Duration::from_millis(500),
        }
    }
}

/// Hands the messages of one queue to a handler, each on its own: one that fails or panics keeps none of the others.
/// Dropping the worker is as if the process had been killed: handlers end where they stand and their messages come back.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Begins to work.
    #[must_use]
    pub fn start(
        queues: SqliteQueues,
        queue: Queue,
        handler: Arc<dyn HandleMessage>,
        clock: Arc<dyn Clock>,
        settings: WorkerSettings,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let bench = Arc::new(Bench { queues, queue, handler, clock, settings });
        Self { stop, task: tokio::spawn(bench.work(stopping)) }
    }

    /// Receives nothing more, waits up to `grace` for what is in hand, and drops what is then still not done.
    pub async fn stop(mut self, grace: Duration) {
        // Nobody listens any more only when the task has already ended.
        let _ = self.stop.send(true);
        if timeout(grace, &mut self.task).await.is_err() {
            tracing::warn!("a worker was stopped with work in hand; its messages come back");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Bench {
    queues: SqliteQueues,
    queue: Queue,
    handler: Arc<dyn HandleMessage>,
    clock: Arc<dyn Clock>,
    settings: WorkerSettings,
}

impl Bench {
    async fn work(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let hands = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let mut in_hand = JoinSet::new();
        loop {
            while let Some(done) = in_hand.try_join_next() {
                self.note_panic(done);
            }
            let free = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                free = free_hands(&hands) => free,
            };
            // Not inside a select: a receive that is dropped half-way would hide its messages for nothing.
            let rest = match self.queues.receive(self.queue, free.len(), self.settings.visibility).await {
                Ok(messages) if messages.is_empty() => self.until_due().await,
                Ok(messages) => {
                    for (message, hand) in messages.into_iter().zip(free) {
                        in_hand.spawn(Arc::clone(&self).handle(message, hand));
                    }
                    continue;
                }
                Err(error) => {
                    tracing::error!(
                        queue = self.queue.as_str(),
                        error = chain(&error),
                        "the queue was not received from"
                    );
                    self.settings.poll
                }
            };
            drop(free);
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                () = self.queues.sent_to(self.queue) => {}
                () = sleep(rest) => {}
            }
        }
        while let Some(done) = in_hand.join_next().await {
            self.note_panic(done);
        }
    }

    async fn until_due(&self) -> Duration {
        match self.queues.next_due_in(self.queue).await {
            Ok(Some(due)) => due.clamp(Duration::from_millis(1), self.settings.poll),
            Ok(None) | Err(_) => self.settings.poll,
        }
    }

    async fn handle(self: Arc<Self>, message: Received, _hand: OwnedSemaphorePermit) {
        let queue = self.queue.as_str();
        let deadline = self.deadline();
        let receives = message.receives;
        match timeout(self.settings.deadline, self.handler.handle(&message, deadline)).await {
            Ok(Ok(())) => {
                if let Err(error) = self.queues.delete(self.queue, &message.receipt).await {
                    tracing::error!(
                        queue,
                        error = chain(&error),
                        "a message was handled and not deleted; it comes back"
                    );
                }
            }
            Ok(Err(error)) => {
                tracing::error!(
                    queue,
                    receives,
                    error = chain(error.as_ref()),
                    "a message was not handled; it comes back"
                );
            }
            Err(_) => tracing::error!(queue, receives, "a message took longer than it may; it comes back"),
        }
    }

    fn deadline(&self) -> Timestamp {
        let now = self.clock.now();
        let may_take = SignedDuration::try_from(self.settings.deadline).unwrap_or(SignedDuration::MAX);
        now.checked_add(may_take).unwrap_or(Timestamp::MAX)
    }

    fn note_panic(&self, done: Result<(), JoinError>) {
        if let Err(error) = done
            && error.is_panic()
        {
            tracing::error!(queue = self.queue.as_str(), "a handler panicked; its message comes back");
        }
    }
}

/// Waits for one free hand and takes all others that are free, up to a receive's ten.
async fn free_hands(hands: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut free = Vec::new();
    // Fails only for a closed semaphore, and this one is never closed.
    free.extend(Arc::clone(hands).acquire_owned().await.ok());
    while free.len() < 10
        && let Ok(hand) = Arc::clone(hands).try_acquire_owned()
    {
        free.push(hand);
    }
    free
}
