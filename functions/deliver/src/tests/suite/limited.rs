//! A rate limit that one target meets holds for all that are counted with it.

use std::{sync::atomic::Ordering, time::Duration};

use domain::{OutletSpec, SlackSpec, TargetState};
use inbox::Fault;
use outlets::Style;
use ports::{Clock as _, MAX_DELAY, Queue};

use super::{Subject, each, subject};
use crate::tests::support::{World, received, slack, world};

/// Asked of `Retry-After`.
const ASKED: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_one_target_is_told_of_a_limit_no_other_asks_again_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let mut runs = Vec::new();
        for _ in 0..5 {
            runs.push(it.concluded(&world).await);
            world.clock.forward(Duration::from_millis(1));
        }
        world.inbox.fault(it.post, Fault::status(429, ASKED.as_secs()));
        for (_, news) in &runs {
            world.handle(news).await.unwrap();
        }
        let posts = world.inbox.requests().into_iter().filter(|request| request.endpoint == it.post).count();
        assert_eq!(posts, 1, "{}: one is told for all", it.name());
        let sent = world.outbox.take();
        assert_eq!(sent.len(), runs.len(), "{}: {sent:?}", it.name());
        let least = it.wait(ASKED.as_secs()) - Duration::from_millis(1);
        let mut delays: Vec<Duration> = sent.iter().map(|copy| copy.delay).collect();
        assert!(delays.iter().all(|delay| *delay >= least && *delay <= ASKED * 5 / 4), "{}: {delays:?}", it.name());
        delays.dedup();
        assert_eq!(delays.len(), runs.len(), "{}: they come back one after the other: {delays:?}", it.name());
        for ((run, _), copy) in runs.iter().zip(&sent) {
            let target = world.target(*run, it.name()).await;
            assert_eq!((target.state, target.attempts), (TargetState::Pending, 0), "{}: {target:?}", it.name());
            assert!(target.last_error.is_some_and(|why| why.contains("wait")), "{}", it.name());
            assert_eq!(copy.queue, Queue::Deliver);
        }
        world.clock.forward(ASKED * 5 / 4);
        for copy in sent {
            world.handle(&received(copy.body)).await.unwrap();
        }
        for (run, _) in runs {
            it.stands(&world, run, 1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn i4_who_waits_for_a_limit_is_not_marked_as_one_who_has_begun_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let (_, first) = it.concluded(&world).await;
        world.clock.forward(Duration::from_millis(1));
        let (run, second) = it.concluded(&world).await;
        world.inbox.fault(it.post, Fault::status(429, ASKED.as_secs()));
        world.handle(&first).await.unwrap();
        // The claim and one write more, then it is killed.
        world.table.stays_broken.store(true, Ordering::SeqCst);
        world.table.before_failing.store(2, Ordering::SeqCst);
        let _ = world.handle(&second).await;
        world.table.mend();
        let target = world.target(run, it.name()).await;
        assert_eq!((target.sending_since, target.in_doubt), (None, 0), "{}: {target:?}", it.name());
    })
    .await;
}

/// Another channel, and another of a provider's methods, are counted apart.
#[tokio::test]
async fn a_limit_holds_for_its_place_and_its_method_alone() {
    let world = world().await;
    let it = subject(slack());
    let other = OutletSpec::Slack(SlackSpec::channel("#other"));
    let early = world.open(&[slack()]).await;
    world.handle(&world.evidence(early).await).await.unwrap();
    assert_eq!(it.style(), Style::Edited);
    world.clock.forward(Duration::from_secs(2));
    world.inbox.fault(it.post, Fault::status(429, 600));
    let limited = world.open(&[slack()]).await;
    let news = world.evidence(limited).await;
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(limited, "slack").await.state, TargetState::Pending);
    // Its edits are not its posts.
    let last = world.conclude(early).await;
    world.handle(&world.news(early, "slack", last)).await.unwrap();
    it.stands(&world, early, 1).await;
    world.clock.forward(Duration::from_millis(1));
    let elsewhere = world.open(&[other]).await;
    let news = world.evidence(elsewhere).await;
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(elsewhere, "slack").await.state, TargetState::Sent);
}

/// A provider may ask for a day; it is asked again after as long as a message can wait, as without others.
#[tokio::test]
async fn a_limit_without_end_is_asked_about_again() {
    let world = world().await;
    let it = subject(slack());
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(it.post, Fault::status(429, 86_400));
    world.handle(&news).await.unwrap();
    let began = world.clock.now();
    assert!(world.drain().await.is_empty());
    let waited = Duration::try_from(world.clock.now().duration_since(began)).unwrap();
    assert!(waited >= MAX_DELAY && waited <= MAX_DELAY * 5 / 4, "{waited:?}");
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
}
