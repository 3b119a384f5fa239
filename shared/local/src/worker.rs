use std::{error::Error, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use ports::{Clock, HandleMessage, Queue, Received};
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
        let free = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let mut in_hand = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(done) = in_hand.join_next() => self.note_panic(done),
                idle = self.take(&free, &mut in_hand) => {
                    if idle && !self.rest(&mut stopping, &mut in_hand).await {
                        break;
                    }
                }
            }
        }
        while let Some(done) = in_hand.join_next().await {
            self.note_panic(done);
        }
    }

    /// Takes up what can be taken; true when nothing was due.
    async fn take(self: &Arc<Self>, free: &Arc<Semaphore>, in_hand: &mut JoinSet<()>) -> bool {
        todo!()
    }
}
