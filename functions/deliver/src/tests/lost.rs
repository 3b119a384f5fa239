//! Processes that die, answers that never come: still one post.

use domain::TargetState;
use inbox::{Endpoint, Fault, Moment};

use super::support::{slack, world};

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
    world.clock.forward(again.delay);
    world.handle(&super::support::received(again.body)).await.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts), (TargetState::Sending, 2));
    assert!(target.sending_since.is_some());
    assert!(world.drain().await.is_empty());
    assert_eq!(world.target(run, "slack").await.provider_id, Some(lost.id));
    assert_eq!(world.inbox.posts().len(), 2);
}
