use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use ports::{HandleMessage, Queue, Received, SendMessage, SystemClock};
use tokio::sync::{Semaphore, mpsc};

use super::World;
use crate::{Depth, SqliteQueues, Worker, WorkerSettings};

/// Does what the body says, and tells when it begins.
struct Obedient {
    begun: mpsc::UnboundedSender<Received>,
    gate: Semaphore,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Obedient {
    fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Received>) {
        let (begun, heard) = mpsc::unbounded_channel();
        let gate = Semaphore::new(0);
        (Arc::new(Self { begun, gate, at_once: AtomicUsize::new(0), most_at_once: AtomicUsize::new(0) }), heard)
    }
}

#[async_trait]
impl HandleMessage for Obedient {
    async fn handle(&self, message: &Received, _: Timestamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        self.begun.send(message.clone())?;
        let result = match message.body.as_str() {
            "fail" if message.receives == 1 => Err("asked to fail".into()),
            "panic" if message.receives == 1 => panic!("asked to panic"),
            "hang" => std::future::pending().await,
            "wait" => {
                self.gate.acquire().await?.forget();
                Ok(())
            }
            _ => Ok(()),
        };
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

fn start(queues: &SqliteQueues, handler: &Arc<Obedient>, settings: WorkerSettings) -> Worker {
    Worker::start(queues.clone(), Queue::Investigate, handler.clone(), Arc::new(SystemClock), settings)
}

async fn send(queues: &SqliteQueues, body: &str) {
    queues.send(Queue::Investigate, body, "g", Duration::ZERO).await.unwrap();
}

/// Polling is out of the picture, so that what happens, happens because the worker was woken or told.
const NO_POLL: WorkerSettings = WorkerSettings {
    concurrency: 2,
    deadline: Duration::from_secs(300),
    visibility: Duration::from_secs(330),
    poll: Duration::from_secs(3600),
};

#[tokio::test]
async fn a_local_send_wakes_the_worker_and_what_is_done_is_deleted() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    let worker = start(&queues, &handler, NO_POLL);
    for n in 0..5 {
        send(&queues, &n.to_string()).await;
        assert_eq!(begun.recv().await.unwrap().body, n.to_string());
    }
    worker.stop(Duration::from_secs(60)).await;
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn what_another_process_sent_is_found_by_polling() {
    let world = World::new();
    let queues = world.queues();
    let elsewhere = SqliteQueues::new(world.elsewhere(), Arc::new(world.clock.clone()), Default::default());
    let (handler, mut begun) = Obedient::new();
    let worker = start(&queues, &handler, WorkerSettings { poll: Duration::from_millis(5), ..NO_POLL });
    send(&elsewhere, "from elsewhere").await;
    assert_eq!(begun.recv().await.unwrap().body, "from elsewhere");
    worker.stop(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_failing_and_a_panicking_handler_leave_their_message_and_keep_no_other() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    let worker = start(&queues, &handler, WorkerSettings { poll: Duration::from_millis(5), ..NO_POLL });
    for body in ["fail", "panic", "fine"] {
        send(&queues, body).await;
        assert_eq!(begun.recv().await.unwrap().body, body);
    }
    // Their visibility ends; they come back, and now they are done.
    world.clock.go(330_000);
    let mut again = [begun.recv().await.unwrap(), begun.recv().await.unwrap()].map(|m| (m.body, m.receives));
    again.sort();
    assert_eq!(again, [("fail".to_owned(), 2), ("panic".to_owned(), 2)]);
    worker.stop(Duration::from_secs(60)).await;
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn no_more_are_handled_at_once_than_it_has_hands() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    for _ in 0..6 {
        send(&queues, "wait").await;
    }
    let worker = start(&queues, &handler, NO_POLL);
    for _ in 0..6 {
        begun.recv().await.unwrap();
        handler.gate.add_permits(1);
    }
    worker.stop(Duration::from_secs(60)).await;
    assert!(handler.most_at_once.load(Ordering::SeqCst) <= 2);
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_hand_and_takes_nothing_more() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    let worker = start(&queues, &handler, WorkerSettings { concurrency: 1, ..NO_POLL });
    send(&queues, "wait").await;
    begun.recv().await.unwrap();
    send(&queues, "left").await;
    let stopped = tokio::spawn(worker.stop(Duration::from_secs(60)));
    tokio::task::yield_now().await;
    handler.gate.add_permits(1);
    stopped.await.unwrap();
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth { visible: 1, ..Depth::default() });
}

#[tokio::test]
async fn i6_a_dropped_worker_leaves_its_message_to_come_back() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    let worker = start(&queues, &handler, NO_POLL);
    send(&queues, "hang").await;
    begun.recv().await.unwrap();
    drop(worker);
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap().in_flight, 1);
    world.clock.go(330_000);
    assert_eq!(queues.receive(Queue::Investigate, 1, Duration::ZERO).await.unwrap()[0].receives, 2);
}

#[tokio::test]
async fn a_handler_that_hangs_is_ended_at_its_deadline_and_frees_its_hand() {
    let world = World::new();
    let queues = world.queues();
    let (handler, mut begun) = Obedient::new();
    let settings = WorkerSettings { concurrency: 1, deadline: Duration::from_millis(20), ..NO_POLL };
    let worker = start(&queues, &handler, settings);
    send(&queues, "hang").await;
    begun.recv().await.unwrap();
    send(&queues, "next").await;
    assert_eq!(begun.recv().await.unwrap().body, "next");
    worker.stop(Duration::from_secs(60)).await;
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth { in_flight: 1, ..Depth::default() });
}
