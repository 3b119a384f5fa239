//! Processes that die, answers that never come: still one post.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::{OutletSpec, RunId, TargetState};
use inbox::{Endpoint, Fault, Moment};
use ports::Received;

use super::support::{LEASE, World, pagerduty, slack, world};

/// A run that has concluded, with one target.
async fn concluded(world: &World, outlet: OutletSpec) -> (RunId, Received) {
    let run = world.open(std::slice::from_ref(&outlet)).await;
    world.evidence(run).await;
    let last = world.conclude(run).await;
    (run, world.news(run, outlet.kind(), last))
}

/// Handles `news` and is killed at `moment` of its first post.
async fn killed_at(world: &World, news: &Received, endpoint: Endpoint, moment: Moment) {
    let mut arrivals = world.inbox.subscribe();
    tokio::select! {
        biased;
        () = async {
            loop {
                let arrival = arrivals.recv().await.unwrap();
                if (arrival.endpoint, arrival.moment) == (endpoint, moment) {
                    return;
                }
            }
        } => {}
        handled = world.handle(news) => panic!("it was not killed: {handled:?}"),
    }
}

#[tokio::test]
async fn i4_killed_between_sent_and_recorded_leaves_one_post() {
    for (outlet, endpoint) in [(slack(), Endpoint::SlackPost), (pagerduty(), Endpoint::PagerDutyPost)] {
        let world = world().await;
        let (run, news) = concluded(&world, outlet.clone()).await;
        // The answer is held back, so that it cannot win against the kill.
        world.inbox.fault(endpoint, Fault::HangAfterAccepting);
        killed_at(&world, &news, endpoint, Moment::Accepted).await;
        let target = world.target(run, outlet.kind()).await;
        assert_eq!((target.state, target.provider_id), (TargetState::Sending, None));
        world.handle(&news).await.unwrap();
        assert_eq!(world.outbox.take().len(), 1, "the dead worker's lease still stands");
        world.clock.forward(LEASE + Duration::from_secs(1));
        world.handle(&news).await.unwrap();
        let posts = world.inbox.posts();
        assert_eq!(posts.len(), 1, "{posts:?}");
        let target = world.target(run, outlet.kind()).await;
        assert_eq!((target.state, target.provider_id), (TargetState::Sent, Some(posts[0].id.clone())));
    }
}

#[tokio::test]
async fn i4_killed_before_anything_was_accepted_leaves_one_post() {
    for (outlet, endpoint) in [(slack(), Endpoint::SlackPost), (pagerduty(), Endpoint::PagerDutyPost)] {
        let world = world().await;
        // The channel exists in Slack, whoever has posted there.
        world.inbox.say("ops", "hello");
        let (run, news) = concluded(&world, outlet.clone()).await;
        world.inbox.fault(endpoint, Fault::HangBefore);
        killed_at(&world, &news, endpoint, Moment::Arrived).await;
        world.clock.forward(LEASE + Duration::from_secs(1));
        world.handle(&news).await.unwrap();
        assert_eq!(world.target(run, outlet.kind()).await.state, TargetState::Sent);
        let ours = world.inbox.posts().into_iter().filter(|post| post.body.to_string().contains(&run.to_string()));
        assert_eq!(ours.count(), 1);
    }
}

#[tokio::test]
async fn i4_a_table_that_fails_at_any_write_leaves_one_post() {
    // Claiming, marking, in Slack noting the thread, recording; and the last, at which nothing fails.
    for (outlet, writes) in [(slack(), 4), (pagerduty(), 3)] {
        for write in 0..=writes {
            let world = world().await;
            world.inbox.say("ops", "hello");
            let (run, news) = concluded(&world, outlet.clone()).await;
            world.table.before_failing.store(write, Ordering::SeqCst);
            let handled = world.handle(&news).await;
            assert_eq!(handled.is_err(), write < writes, "{write}: {handled:?}");
            world.table.before_failing.store(u32::MAX, Ordering::SeqCst);
            world.clock.forward(LEASE + Duration::from_secs(1));
            world.handle(&news).await.unwrap();
            let ours = world.inbox.posts().into_iter().filter(|post| post.body.to_string().contains(&run.to_string()));
            assert_eq!(ours.count(), 1, "{outlet:?}, write {write}");
            let target = world.target(run, outlet.kind()).await;
            assert_eq!((target.state, target.lease), (TargetState::Sent, None));
        }
    }
}

#[tokio::test]
async fn i4_a_post_that_is_never_answered_is_found_and_edited() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::HangAfterAccepting);
    let mut arrivals = world.inbox.subscribe();
    let (handled, ()) = tokio::join!(world.handle(&news), async {
        while arrivals.recv().await.unwrap().moment != Moment::Accepted {}
        // Nothing but timers is left, so they run out at once.
        tokio::time::pause();
    });
    tokio::time::resume();
    handled.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts, target.provider_id), (TargetState::Sending, 1, None));
    assert!(target.last_error.unwrap().contains("did not answer in time"));
    world.conclude(run).await;
    assert!(world.drain().await.is_empty());
    let posts = world.inbox.posts();
    assert_eq!((posts.len(), posts[0].current()["text"].as_str()), (1, Some("The last word")));
    assert_eq!(world.target(run, "slack").await.attempts, 0);
}

#[tokio::test]
async fn i4_a_first_try_that_may_have_posted_is_not_forgotten_over_later_ones_that_did_not() {
    let world = world().await;
    world.inbox.say("ops", "hello");
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    // Accepted and lost; then the search does not see it yet and Slack asks to wait; then it is there.
    world.inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
    world.handle(&news).await.unwrap();
    let lost = world.inbox.posts()[1].clone();
    world.inbox.fault(Endpoint::SlackHistory, Fault::SlackError("internal_error"));
    let again = world.outbox.take().remove(0);
    world.handle(&super::support::received(again.body)).await.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts), (TargetState::Sending, 2));
    assert!(target.sending_since.is_some());
    assert!(world.drain().await.is_empty());
    assert_eq!(world.target(run, "slack").await.provider_id, Some(lost.id));
    assert_eq!(world.inbox.posts().len(), 2);
}

#[tokio::test]
async fn i4_a_worker_that_lost_its_lease_writes_nothing() {
    let world = Arc::new(world().await);
    let (run, news) = concluded(&world, slack()).await;
    let other = Arc::clone(&world);
    let stolen = std::sync::Mutex::new(false);
    world.inbox.fault(Endpoint::SlackPost, Fault::HangAfterAccepting);
    let mut arrivals = world.inbox.subscribe();
    let (handled, ()) = tokio::join!(world.handle(&news), async {
        while arrivals.recv().await.unwrap().moment != Moment::Accepted {}
        // This worker hangs for longer than its lease by the table's clock; another one finishes the work.
        other.clock.forward(LEASE + Duration::from_secs(1));
        other.handle(&other.news(run, "slack", 3)).await.unwrap();
        *stolen.lock().unwrap() = true;
        tokio::time::pause();
    });
    tokio::time::resume();
    assert!(*stolen.lock().unwrap() && handled.is_err(), "{handled:?}");
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision, target.attempts), (TargetState::Sent, 3, 0));
    assert_eq!(world.inbox.posts().len(), 1);
}
