//! Edits that come too fast for anybody, and limits that more than one message meets.

use std::time::Duration;

use domain::{ChatPlace, Mark, Rating, RunId, TargetState};
use inbox::{Endpoint, Fault};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, Received};

use super::support::{World, received, slack, world};

/// Somebody else rates the report: one revision more, and its news.
async fn rated(world: &World, run: RunId, who: u32) -> Received {
    let by = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: format!("U{who:08}"),
        user_name: format!("u{who:02}"),
        outside: false,
    };
    let rating = Rating { rating: Mark::SpotOn, by, at: world.clock.now() };
    assert!(world.store.rate_run(run, &rating).await.unwrap());
    let revision = world.store.reader().run(run).await.unwrap().unwrap().revision;
    world.news(run, "slack", revision)
}

/// When the message was made and edited.
fn changes(world: &World) -> Vec<Timestamp> {
    let [post] = <[_; 1]>::try_from(world.inbox.posts()).unwrap();
    std::iter::once(post.at).chain(post.edits.iter().map(|edit| edit.at)).collect()
}

fn assert_a_second_apart(changes: &[Timestamp]) {
    for pair in changes.windows(2) {
        assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_secs(1), "{changes:?}");
    }
}

#[tokio::test]
async fn fifty_revisions_at_once_are_one_edit_a_second_later() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    let last = world.conclude(run).await;
    let mut burst = vec![world.news(run, "slack", last)];
    for who in 0..50 {
        burst.push(rated(&world, run, who).await);
    }
    for news in &burst {
        world.handle(news).await.unwrap();
    }
    assert_eq!(changes(&world).len(), 1, "it was posted this moment");
    assert!(world.drain().await.is_empty());
    let changes = changes(&world);
    assert_eq!(changes.len(), 2, "all of it is in one edit: {changes:?}");
    assert_a_second_apart(&changes);
    let target = world.target(run, "slack").await;
    let stands = world.store.reader().run(run).await.unwrap().unwrap().revision;
    assert_eq!((target.state, target.revision, target.attempts), (TargetState::Sent, stands, 0));
}

#[tokio::test]
async fn fifty_revisions_within_five_seconds_are_at_most_six_edits_and_the_last_state_stands() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    world.conclude(run).await;
    let mut waiting: Vec<(Timestamp, String)> = Vec::new();
    let mut who = 0;
    while who < 50 || !waiting.is_empty() {
        let mut now = vec![];
        if who < 50 {
            now.push(rated(&world, run, who).await.body);
            who += 1;
        }
        let due = waiting.extract_if(.., |(at, _)| *at <= world.clock.now());
        now.extend(due.map(|(_, body)| body));
        for body in now {
            world.handle(&received(body)).await.unwrap();
        }
        for sent in world.outbox.take() {
            waiting.push((world.clock.now() + sent.delay, sent.body));
        }
        world.clock.forward(Duration::from_millis(100));
    }
    let changes = changes(&world);
    assert!((3..=7).contains(&changes.len()), "{changes:?}");
    assert_a_second_apart(&changes);
    let stands = world.store.reader().run(run).await.unwrap().unwrap().revision;
    assert_eq!(world.target(run, "slack").await.revision, stands);
    let shown = world.inbox.posts()[0].current().to_string();
    assert!(shown.contains("The last word") && shown.contains("(u00)"), "{shown}");
}

#[tokio::test]
async fn what_was_asked_to_wait_is_not_asked_again_by_another_message() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let early = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::status(429, 60));
    world.handle(&early).await.unwrap();
    let last = world.conclude(run).await;
    world.clock.forward(Duration::from_secs(20));
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    assert_eq!(world.inbox.requests().len(), 1, "Slack is left alone until then");
    let delays: Vec<_> = world.outbox.take().into_iter().map(|sent| (sent.delay, sent.body)).collect();
    assert_eq!(delays.iter().map(|(delay, _)| delay.as_secs()).collect::<Vec<_>>(), [60, 40]);
    world.clock.forward(delays[1].0);
    for (_, body) in delays {
        world.handle(&received(body)).await.unwrap();
    }
    assert_eq!(changes(&world).len(), 1);
    assert_eq!(world.target(run, "slack").await.revision, last);
}
