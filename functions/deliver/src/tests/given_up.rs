//! Messages that are received for the last time, and deliveries that panic: people see that they failed.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use domain::{OutletSpec, RunId, TargetState};
use inbox::Endpoint;
use outlets::{OpenOutlet, Outlet, OutletError, Post};
use ports::{Clock as _, Queue, Received};
use store::TargetClaim;

use super::support::{LEASE, MAX_RECEIVES, World, received, slack, world};
use crate::{LANDS, MAX_ATTEMPTS};

fn for_the_last_time(message: Received) -> Received {
    Received { receives: MAX_RECEIVES, ..message }
}

/// The target has failed, for this; its letter.
async fn failed(world: &World, run: RunId, reason: &str) -> Received {
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.lease), (TargetState::Failed, None));
    assert_eq!(target.last_error.as_deref(), Some(reason));
    let letters = world.drain().await;
    assert_eq!((letters.len(), letters[0].queue), (1, Queue::DeliverDlq), "{letters:?}");
    received(letters[0].body.clone())
}

/// A redrive of `letter` leads to one message that shows the run as it is.
async fn redriven(world: &World, run: RunId, letter: &Received) {
    // What was begun last may still land, so this waits for that.
    world.handle(letter).await.unwrap();
    assert!(world.drain().await.is_empty());
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision), (TargetState::Sent, world.revision(run).await));
    assert_eq!(posts(world), 1);
}

fn posts(world: &World) -> usize {
    world.inbox.requests().iter().filter(|request| request.endpoint == Endpoint::SlackPost).count()
}

#[tokio::test]
async fn i5_what_ends_its_process_each_time_fails_where_people_see_it_and_is_redriven() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = for_the_last_time(world.evidence(run).await);
    let TargetClaim::Claimed(_) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else { panic!() };
    // While somebody has it, nobody has died: a copy waits.
    world.handle(&news).await.unwrap();
    assert_eq!(world.outbox.take()[0].queue, Queue::Deliver);
    world.clock.forward(LEASE * 2);
    world.handle(&news).await.unwrap();
    assert!(world.inbox.requests().is_empty(), "it is not begun again");
    let letter = failed(&world, run, "given up: of 1 tries none came to an end").await;
    redriven(&world, run, &letter).await;
}

#[tokio::test]
async fn i5_what_ends_each_process_fails_however_many_messages_there_are_of_it() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let mut news = world.evidence(run).await;
    for _ in 0..MAX_ATTEMPTS {
        let TargetClaim::Claimed(_) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else { panic!() };
        // Another message meets each of them, and waits as a copy: none of them ever grows old.
        world.handle(&news).await.unwrap();
        let [copy] = <[_; 1]>::try_from(world.outbox.take()).unwrap();
        world.clock.forward(LEASE * 2);
        news = received(copy.body);
    }
    world.handle(&news).await.unwrap();
    assert!(world.inbox.requests().is_empty(), "it is not begun again");
    let letter = failed(&world, run, "given up: of 6 tries none came to an end").await;
    redriven(&world, run, &letter).await;
    assert_eq!(world.target(run, "slack").await.claims, 0);
}

#[tokio::test]
async fn i5_a_last_receipt_is_a_try_where_nobody_died() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = for_the_last_time(world.evidence(run).await);
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
    // What stands already is not given up over somebody who died with older news.
    let TargetClaim::Claimed(_) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else { panic!() };
    world.clock.forward(LEASE * 2);
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
    assert!(world.outbox.take().is_empty());
}

#[tokio::test]
async fn i5_a_last_try_that_fails_by_ourselves_fails_where_people_see_it_and_is_redriven() {
    let world = world().await;
    world.inbox.say("ops", "hello");
    let run = world.open(&[slack()]).await;
    // As it comes when it has waited: its letter must not wait any more.
    let waited =
        world.evidence(run).await.body.replace("\"revision\"", "\"waits_since\":\"2026-11-22T09:59:00Z\",\"revision\"");
    let news = for_the_last_time(received(waited));
    // The claim is written, the mark that it is being sent is not.
    world.table.before_failing.store(1, Ordering::SeqCst);
    world.handle(&news).await.unwrap();
    let reason = "given up: its message was received 10 times, and the last try ended because the target cannot be read or \
                  written: write to the table did not work this time: throttled";
    let letter = failed(&world, run, reason).await;
    redriven(&world, run, &letter).await;
}

/// Opens outlets that panic, before the request or after it, until there were enough.
struct Panicking {
    inner: Arc<dyn OpenOutlet>,
    left: Arc<AtomicU32>,
    after: bool,
}

#[async_trait]
impl OpenOutlet for Panicking {
    async fn open(&self, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError> {
        let inner = self.inner.open(spec).await?;
        Ok(Box::new(Panics { inner, left: Arc::clone(&self.left), after: self.after }))
    }
}

struct Panics {
    inner: Box<dyn Outlet>,
    left: Arc<AtomicU32>,
    after: bool,
}

impl Panics {
    fn panic(&self) {
        if self.left.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            panic!("as it was told");
        }
    }
}

#[async_trait]
impl Outlet for Panics {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        self.inner.find(post).await
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        if !self.after {
            self.panic();
        }
        let posted = self.inner.post(post).await;
        self.panic();
        posted
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        self.inner.edit(provider_id, post).await
    }
}

async fn panicking(times: u32, after: bool) -> World {
    let mut world = world().await;
    world.inbox.say("ops", "hello");
    let (inner, left) = (Arc::clone(&world.deliver.outlets), Arc::new(AtomicU32::new(times)));
    world.deliver.outlets = Arc::new(Panicking { inner, left, after });
    world
}

#[tokio::test]
async fn i5_a_delivery_that_panics_each_time_fails_where_people_see_it_and_is_redriven() {
    let world = panicking(MAX_ATTEMPTS, false).await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.handle(&news).await.unwrap();
    let letters = world.drain().await;
    assert_eq!((letters.len(), letters[0].queue), (1, Queue::DeliverDlq), "{letters:?}");
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts), (TargetState::Failed, MAX_ATTEMPTS));
    assert!(target.last_error.unwrap().contains("panicked"));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert!(world.drain().await.is_empty());
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
}

#[tokio::test]
async fn i4_a_panic_after_the_post_leaves_one_post() {
    let world = panicking(1, true).await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!(target.state, TargetState::Sending);
    // A request may have been under way.
    assert!(target.rests_until.unwrap() >= world.clock.now() + LANDS);
    assert!(world.drain().await.is_empty());
    assert_eq!((posts(&world), world.target(run, "slack").await.state), (1, TargetState::Sent));
}
