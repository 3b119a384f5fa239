//! The buttons of a message whose channel the target names: its id is known when the message stands.

use std::sync::atomic::Ordering;

use domain::{OutletSpec, RunId, SlackSpec, TargetSpec, TargetState};
use inbox::{Endpoint, Fault, Moment, Posted};
use jiff::SignedDuration;
use ports::Received;

use super::{
    suite::killed_at,
    support::{LEASE, World, received, world},
};

/// A run that is delivered to `channel` and may be asked for from `from`, as is known once it has concluded: the run of a Command
/// without a model. And the news of it.
async fn concluded(world: &World, channel: &str, from: &str) -> (RunId, Received) {
    // The first channel of the inbox has this id.
    assert!(world.inbox.say("ops", "hello").unwrap().starts_with("C0INBOX0001/"));
    let spec = TargetSpec::new("slack", OutletSpec::Slack(SlackSpec::channel(channel)));
    let run = world.open_for(vec![spec], &[from]).await;
    let last = world.conclude(run).await;
    (run, world.news(run, "slack", last))
}

/// The run's one message.
fn message(world: &World, run: RunId) -> Posted {
    let ours = |post: &Posted| post.body.to_string().contains(&run.to_string());
    let [message] = <[_; 1]>::try_from(world.inbox.posts().into_iter().filter(ours).collect::<Vec<_>>()).unwrap();
    message
}

fn runs_again(post: &Posted) -> bool {
    post.current().to_string().contains("firstlook_again")
}

/// All news are delivered: the message has its button, and the target what the run shows.
async fn stands(world: &World, run: RunId) {
    assert!(world.drain().await.is_empty());
    let message = message(world, run);
    assert!(runs_again(&message), "{message:?}");
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision), (TargetState::Sent, world.revision(run).await));
    assert_eq!((target.attempts, target.lease), (0, None));
}

#[tokio::test]
async fn what_is_posted_once_gets_its_button_with_one_edit_a_second_later() {
    let world = world().await;
    let (run, news) = concluded(&world, "#ops", "C0INBOX0001").await;
    world.handle(&news).await.unwrap();
    assert!(!runs_again(&message(&world, run)), "where it stands is known from the answer");
    stands(&world, run).await;
    let message = message(&world, run);
    let [edit] = <[_; 1]>::try_from(message.edits).unwrap();
    assert!(edit.at.duration_since(message.at) >= SignedDuration::try_from(crate::BETWEEN_EDITS).unwrap());
    // The same news again change nothing.
    world.handle(&news).await.unwrap();
    assert!(world.outbox.take().is_empty());
}

#[tokio::test]
async fn what_gains_no_button_is_not_edited() {
    // The id is known before, and nobody may ask for it from there.
    for (channel, from, again) in [("C0INBOX0001", "C0INBOX0001", true), ("#ops", "C0INBOX0002", false)] {
        let world = world().await;
        let (run, news) = concluded(&world, channel, from).await;
        world.handle(&news).await.unwrap();
        assert!(world.outbox.take().is_empty(), "{channel}");
        let message = message(&world, run);
        assert_eq!((runs_again(&message), message.edits.len()), (again, 0), "{channel}");
        assert_eq!(world.target(run, "slack").await.revision, world.revision(run).await);
    }
}

#[tokio::test]
async fn i4_the_button_comes_once_also_where_the_process_dies_in_between() {
    // After the post, before its answer.
    let killed = world().await;
    let (run, news) = concluded(&killed, "#ops", "C0INBOX0001").await;
    killed.inbox.fault(Endpoint::SlackPost, Fault::HangAfterAccepting);
    killed_at(&killed, &news, Endpoint::SlackPost, Moment::Accepted).await;
    killed.clock.forward(LEASE + std::time::Duration::from_secs(1));
    killed.handle(&news).await.unwrap();
    stands(&killed, run).await;
    // At any write, and all after it.
    let mut write = 0;
    loop {
        let world = world().await;
        let (run, news) = concluded(&world, "#ops", "C0INBOX0001").await;
        world.table.stays_broken.store(true, Ordering::SeqCst);
        world.table.before_failing.store(write, Ordering::SeqCst);
        let handled = world.handle(&news).await;
        world.table.mend();
        // The message in hand and what was sent come in either order.
        for news_first in [true, false] {
            if news_first == (write % 2 == 0) && handled.is_err() {
                world.clock.forward(LEASE + std::time::Duration::from_secs(1));
                world.handle(&received(news.body.clone())).await.unwrap();
            }
            assert!(world.drain().await.is_empty());
        }
        stands(&world, run).await;
        assert_eq!(message(&world, run).edits.len(), 1, "{write}");
        if handled.is_ok() {
            break;
        }
        write += 1;
    }
    assert!(write > 2, "claiming, marking and recording are writes");
}

#[tokio::test]
async fn later_news_are_in_the_same_edit() {
    let world = world().await;
    assert!(world.inbox.say("ops", "hello").is_some());
    let spec = TargetSpec::new("slack", OutletSpec::Slack(SlackSpec::channel("#ops")));
    let run = world.open_for(vec![spec], &["C0INBOX0001"]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    stands(&world, run).await;
    assert_eq!(message(&world, run).edits.len(), 1);
}
