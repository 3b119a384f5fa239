//! Providers that limit, refuse, break and stall where something stands already: it shows what it showed, then the newest state.

use domain::TargetState;
use inbox::Fault;
use ports::Queue;

use super::{Subject, each, killed::until_given_up, troubled::given_up};
use crate::{
    MAX_ATTEMPTS,
    tests::support::{World, received},
};

/// The first findings stand as they were, however often the edit was tried.
async fn unchanged(world: &World, it: &Subject, run: domain::RunId) {
    let target = world.target(run, it.name()).await;
    assert_eq!((target.revision, target.lease), (2, None), "{}", it.name());
    let seen = it.seen(world, run);
    assert_eq!(seen.len(), 1, "{}: {seen:?}", it.name());
    assert!(seen[0].current().to_string().contains("First findings"), "{}: {seen:?}", it.name());
}

#[tokio::test]
async fn i5_a_rate_limit_of_an_edit_is_waited_out_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let Some((run, mut news)) = it.changed(&world).await else { return };
        for seconds in [7, 11] {
            world.inbox.fault(it.edit, Fault::status(429, seconds));
            world.handle(&news).await.unwrap();
            let sent = world.outbox.take();
            assert_eq!((sent.len(), sent[0].queue), (1, Queue::Deliver), "{}", it.name());
            assert!(sent[0].delay >= it.wait(seconds), "{}: {:?}", it.name(), sent[0].delay);
            unchanged(&world, &it, run).await;
            let target = world.target(run, it.name()).await;
            assert_eq!((target.state, target.attempts), (TargetState::Sent, 0), "{}", it.name());
            world.clock.forward(sent[0].delay);
            news = received(sent[0].body.clone());
        }
        world.handle(&news).await.unwrap();
        it.stands(&world, run, it.after_a_change()).await;
    })
    .await;
}

#[tokio::test]
async fn i5_an_edit_that_is_refused_fails_where_people_see_it_and_a_redrive_mends_it_at_each_outlet() {
    for refused in [400, 401, 403] {
        each(async |world: World, it: Subject| {
            let Some((run, news)) = it.changed(&world).await else { return };
            // A webhook's receiver may mean anything by these, so it is asked again.
            for _ in 0..MAX_ATTEMPTS {
                world.inbox.fault(it.edit, Fault::status(refused, None));
            }
            let letter = given_up(&world, &it, run, &news, &it.refusal(refused)).await;
            unchanged(&world, &it, run).await;
            world.inbox.mend();
            world.handle(&letter).await.unwrap();
            it.stands(&world, run, it.after_a_change()).await;
        })
        .await;
    }
}

#[tokio::test]
async fn i5_an_edit_that_breaks_six_times_is_given_up_and_a_redrive_mends_it_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let Some((run, news)) = it.changed(&world).await else { return };
        for status in [500, 502, 503, 504, 500, 502].into_iter().take(MAX_ATTEMPTS as usize) {
            world.inbox.fault(it.edit, Fault::status(status, None));
        }
        let letter = given_up(&world, &it, run, &news, "502").await;
        assert_eq!(world.target(run, it.name()).await.attempts, MAX_ATTEMPTS, "{}", it.name());
        unchanged(&world, &it, run).await;
        world.handle(&letter).await.unwrap();
        it.stands(&world, run, it.after_a_change()).await;
    })
    .await;
}

#[tokio::test]
async fn i4_a_slow_edit_leaves_the_newest_state_at_each_outlet() {
    for fault in [Fault::HangAfterAccepting, Fault::Drip] {
        each(async |world: World, it: Subject| {
            let Some((run, news)) = it.changed(&world).await else { return };
            world.inbox.fault(it.edit, fault.clone());
            until_given_up(&world, &news).await;
            let target = world.target(run, it.name()).await;
            assert_eq!((target.attempts, target.revision), (1, 2), "{}", it.name());
            assert!(target.last_error.is_some_and(|error| error.contains("in time")), "{}", it.name());
            assert!(world.drain().await.is_empty());
            it.stands(&world, run, it.after_a_change()).await;
        })
        .await;
    }
}

#[tokio::test]
async fn i4_an_edit_whose_answer_is_lost_is_made_again_at_each_outlet() {
    for fault in [Fault::CloseAfterAccepting, Fault::StatusAfterAccepting(502)] {
        each(async |world: World, it: Subject| {
            let Some((run, news)) = it.changed(&world).await else { return };
            world.inbox.fault(it.edit, fault.clone());
            world.handle(&news).await.unwrap();
            let target = world.target(run, it.name()).await;
            assert_eq!((target.attempts, target.revision), (1, 2), "{}: {target:?}", it.name());
            assert!(world.drain().await.is_empty());
            it.stands(&world, run, it.after_a_change()).await;
        })
        .await;
    }
}
