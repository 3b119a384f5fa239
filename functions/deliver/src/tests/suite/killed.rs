//! Processes that die at any moment of a delivery, and answers that never come whole.

use std::{sync::atomic::Ordering, time::Duration};

use domain::TargetState;
use inbox::{Fault, Moment};
use outlets::Style;
use ports::Received;

use super::{Subject, each, killed_at};
use crate::tests::support::{LEASE, World};

#[tokio::test]
async fn i4_killed_before_and_after_the_answer_leaves_one_post_at_each_outlet() {
    for (moment, fault) in [(Moment::Arrived, Fault::HangBefore), (Moment::Accepted, Fault::HangAfterAccepting)] {
        each(async |world: World, it: Subject| {
            let (run, news) = it.concluded(&world).await;
            // The answer is held back, so that it cannot win against the kill.
            world.inbox.fault(it.post, fault.clone());
            killed_at(&world, &news, it.post, moment).await;
            let target = world.target(run, it.name()).await;
            let marked = if it.style() == Style::EachRevision { TargetState::Pending } else { TargetState::Sending };
            assert_eq!((target.state, target.provider_id), (marked, None), "{}", it.name());
            world.handle(&news).await.unwrap();
            assert_eq!(world.outbox.take().len(), 1, "{}: the dead worker's lease still stands", it.name());
            world.clock.forward(LEASE + Duration::from_secs(1));
            world.handle(&news).await.unwrap();
            it.stands(&world, run, if moment == Moment::Accepted { it.after_a_lost_answer() } else { 1 }).await;
        })
        .await;
    }
}

#[tokio::test]
async fn i4_killed_in_an_edit_leaves_the_newest_state_at_each_outlet() {
    for (moment, fault) in [(Moment::Arrived, Fault::HangBefore), (Moment::Accepted, Fault::HangAfterAccepting)] {
        each(async |world: World, it: Subject| {
            let Some((run, news)) = it.changed(&world).await else { return };
            world.inbox.fault(it.edit, fault.clone());
            killed_at(&world, &news, it.edit, moment).await;
            world.clock.forward(LEASE + Duration::from_secs(1));
            world.handle(&news).await.unwrap();
            it.stands(&world, run, it.after_a_change()).await;
        })
        .await;
    }
}

/// The provider's front door gives up, and what is behind it goes on; so does what a dead worker has begun, whose lease ends sooner.
#[tokio::test]
async fn i4_a_post_that_lands_after_its_error_or_its_workers_end_is_found_at_each_outlet() {
    for killed in [false, true] {
        each(async |mut world: World, it: Subject| {
            if it.style() == Style::EachRevision || !it.found_again {
                return;
            }
            world.deliver.lease = Duration::from_secs(2);
            let (run, news) = it.concluded(&world).await;
            world.inbox.fault(it.post, Fault::StatusLongBeforeAccepting(502, Duration::from_secs(9)));
            if killed {
                killed_at(&world, &news, it.post, Moment::Arrived).await;
                world.clock.forward(Duration::from_secs(3));
                let asked = world.inbox.requests().len();
                world.handle(&news).await.unwrap();
                assert_eq!(world.inbox.requests().len(), asked, "{}: it is too soon to look", it.name());
            } else {
                world.handle(&news).await.unwrap();
            }
            assert!(it.seen(&world, run).is_empty(), "{}", it.name());
            assert!(world.drain().await.is_empty());
            world.clock.forward(Duration::from_secs(9));
            world.inbox.accept_late().await;
            it.stands(&world, run, 1).await;
        })
        .await;
    }
}

/// What happens when write number `write` of a delivery fails, and where `stays`, all after it. Whether one failed anywhere.
async fn failing_at(write: u32, stays: bool) -> bool {
    let failed = std::cell::Cell::new(false);
    each(async |world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        world.table.stays_broken.store(stays, Ordering::SeqCst);
        world.table.before_failing.store(write, Ordering::SeqCst);
        let handled = world.handle(&news).await;
        world.table.mend();
        failed.set(failed.get() || handled.is_err());
        // What was posted is saved once more as the target is given back.
        let lost = stays && handled.is_err() && !it.seen(&world, run).is_empty();
        world.clock.forward(LEASE + Duration::from_secs(1));
        world.handle(&news).await.unwrap();
        it.stands(&world, run, if lost { it.after_a_lost_answer() } else { 1 }).await;
    })
    .await;
    failed.get()
}

#[tokio::test]
async fn i4_a_table_that_fails_at_any_write_leaves_one_post_at_each_outlet() {
    for stays in [false, true] {
        let mut writes = 0;
        while failing_at(writes, stays).await {
            writes += 1;
        }
        assert!(writes > 2, "claiming, marking and recording are writes");
    }
}

/// Handles `news`, whose next request is accepted and then not answered, until that is waited for no longer.
pub(super) async fn until_given_up(world: &World, news: &Received) {
    let mut arrivals = world.inbox.subscribe();
    let (handled, ()) = tokio::join!(world.handle(news), async {
        while arrivals.recv().await.unwrap().moment != Moment::Accepted {}
        // Nothing but timers is left, so they run out at once.
        tokio::time::pause();
    });
    tokio::time::resume();
    handled.unwrap();
}

/// An answer that never comes, and one that drips in for longer than a request may take.
#[tokio::test]
async fn i4_a_slow_provider_leaves_one_post_at_each_outlet() {
    for fault in [Fault::HangAfterAccepting, Fault::Drip] {
        each(async |world: World, it: Subject| {
            let (run, news) = it.concluded(&world).await;
            world.inbox.fault(it.post, fault.clone());
            until_given_up(&world, &news).await;
            let target = world.target(run, it.name()).await;
            assert_eq!(target.attempts, 1, "{}: {target:?}", it.name());
            assert!(target.last_error.is_some_and(|error| error.contains("in time")), "{}", it.name());
            assert!(world.drain().await.is_empty());
            it.stands(&world, run, it.after_a_lost_answer()).await;
        })
        .await;
    }
}
