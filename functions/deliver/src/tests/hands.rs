//! A provider that hangs, under the worker's own limits: everything else is delivered meanwhile.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{DeliverMessage, OutletSpec, RunId, TargetState};
use inbox::Service;
use local::{Database, MaxReceives, SqliteQueues, Worker, WorkerSettings};
use outlets::{OpenOutlet, Outlet, OutletError, Post};
use ports::{Queue, SendMessage};
use tokio::sync::Semaphore;

use super::support::{World, pagerduty, slack, world};
use crate::{AT_ONCE, Deliver};

/// All outlets; Slack's take what is posted and never answer.
struct Hanging {
    others: Arc<dyn OpenOutlet>,
    begun: Arc<Semaphore>,
}

struct Mute(Arc<Semaphore>);

#[async_trait]
impl OpenOutlet for Hanging {
    async fn open(&self, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError> {
        match spec {
            OutletSpec::Slack(_) => Ok(Box::new(Mute(Arc::clone(&self.begun)))),
            _ => self.others.open(spec).await,
        }
    }
}

#[async_trait]
impl Outlet for Mute {
    async fn find(&self, _: &Post<'_>) -> Result<Option<String>, OutletError> {
        Ok(None)
    }

    async fn post(&self, _: &Post<'_>) -> Result<String, OutletError> {
        self.0.add_permits(1);
        std::future::pending().await
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        std::future::pending().await
    }
}

/// News of `target` of each of these runs, as investigate sends it.
async fn announce(world: &World, queues: &SqliteQueues, runs: &[RunId], target: &str) {
    for id in runs {
        let run = world.store.reader().run(*id).await.unwrap().unwrap();
        let (target, revision) = (target.to_owned(), run.revision);
        let group = run.group_at(&target);
        let news = DeliverMessage::TargetV1 { run: *id, target, revision, waits_since: None };
        let body = serde_json::to_string(&news).unwrap();
        queues.send(Queue::Deliver, &body, &group, Duration::ZERO).await.unwrap();
    }
}

/// More messages hang than can be handled at once, and they came first.
#[tokio::test]
async fn i5_a_provider_that_hangs_delays_no_other_however_many_of_its_messages_wait() {
    let world = world().await;
    let mut runs = Vec::new();
    for _ in 0..AT_ONCE + 10 {
        let run = world.open(&[slack(), pagerduty()]).await;
        world.conclude(run).await;
        world.clock.forward(Duration::from_millis(1));
        runs.push(run);
    }
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("queues.db")).unwrap();
    let queues = SqliteQueues::new(database, Arc::clone(&world.clock) as Arc<_>, MaxReceives::default());
    announce(&world, &queues, &runs, "slack").await;
    let noted = &runs[..10];
    announce(&world, &queues, noted, "pagerduty").await;

    let begun = Arc::new(Semaphore::new(0));
    let outlets = Hanging { others: Arc::clone(&world.deliver.outlets), begun: Arc::clone(&begun) };
    let deliver = Deliver {
        outlets: Arc::new(outlets),
        sender: Arc::new(queues.clone()),
        retimer: Arc::new(queues.clone()),
        // What hangs, hangs until the end of this test.
        lease: Duration::from_secs(3600),
        ..world.deliver.clone()
    };
    let (concurrency, long) = (AT_ONCE, Duration::from_secs(3600));
    let settings = WorkerSettings { concurrency, deadline: long, visibility: long, ..WorkerSettings::default() };
    let worker =
        Worker::start(queues.clone(), Queue::Deliver, Arc::new(deliver), Arc::clone(&world.clock) as Arc<_>, settings);
    // All hands but those that the notes go through come to hang; before that the notes stand.
    let all = u32::try_from(AT_ONCE).unwrap();
    let hung = tokio::time::timeout(Duration::from_secs(120), begun.acquire_many(all)).await;
    assert!(hung.is_ok(), "{} of {AT_ONCE} hang", begun.available_permits());
    for run in noted {
        assert_eq!(world.target(*run, "pagerduty").await.state, TargetState::Sent);
        assert_eq!(world.target(*run, "slack").await.state, TargetState::Sending);
    }
    let notes = world.inbox.posts().into_iter().filter(|post| post.service == Service::PagerDuty);
    assert_eq!(notes.count(), noted.len());
    drop(worker);
}
