//! What stands in the thread of a Slack message: later looks at the same, and what had no room.

use std::sync::atomic::Ordering;

use domain::{ChatPlace, Issue, MergedIssue, OutletSpec, Report, Run, RunId, Severity, SlackSpec, StepId, TargetState};
use inbox::{Endpoint, Fault, Posted};
use ports::Clock as _;

use super::support::{LEASE, World, pagerduty, received, slack, world};

/// The messages of `run`, oldest first.
fn messages(world: &World, run: RunId) -> Vec<Posted> {
    let id = run.to_string();
    let ours = |post: &Posted| post.body["metadata"]["event_payload"]["run"] == id.as_str();
    world.inbox.posts().into_iter().filter(ours).collect()
}

fn ts(post: &Posted) -> &str {
    post.id.split_once('/').unwrap().1
}

/// `run` has concluded, and all its news are delivered.
async fn delivered(world: &World, run: RunId, report: Option<Report>) {
    let last = match report {
        Some(report) => world.conclude_with(run, &report).await,
        None => world.conclude(run).await,
    };
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    assert!(world.drain().await.is_empty());
}

/// A look at the same after `last`, that Ann asked for.
async fn again(world: &World, last: RunId, number: u128) -> RunId {
    world.clock.forward(std::time::Duration::from_secs(60));
    let ann = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: "U0123ABCD".to_owned(),
        user_name: "ann".to_owned(),
        outside: false,
    };
    let before = world.store.reader().run(last).await.unwrap().unwrap();
    let now = world.clock.now();
    let run = Run::queued(RunId::mint(now, number), before.command.clone(), "d", now).again(&before, ann);
    assert_eq!(world.store.open_again(last, &run).await.unwrap(), store::Again::Opened);
    run.id
}

/// So many findings, with details that have no room.
fn long(findings: usize, letters: usize) -> Report {
    let issue = |number: usize| Issue {
        severity: Severity::Major,
        title: format!("Finding {number}"),
        expected: "200".to_owned(),
        actual: "503".to_owned(),
        details: format!("{} end of {number}", "word & word ".repeat(letters / 12)),
        reproduce: String::new(),
        next_steps: vec![],
        resource: String::new(),
        fault: String::new(),
        observed_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let merged = |number| MergedIssue { issue: issue(number), last_seen_at: None, steps: vec![StepId::new("health")] };
    Report {
        verdict: "Much is wrong".to_owned(),
        worst: Some(Severity::Major),
        issues: (1..=findings).map(merged).collect(),
        read_by: "none".to_owned(),
        ..Report::default()
    }
}

#[tokio::test]
async fn a_later_look_stands_under_the_first_one_which_says_what_it_came_to() {
    let world = world().await;
    let first = world.open(&[slack()]).await;
    delivered(&world, first, None).await;
    let second = again(&world, first, 2).await;
    world.handle(&world.evidence(second).await).await.unwrap();
    assert!(world.drain().await.is_empty());
    let [root] = <[_; 1]>::try_from(messages(&world, first)).unwrap();
    assert!(root.body.get("thread_ts").is_none());
    assert!(root.current().to_string().contains("Run again by ann, 2026-11-22 10:01:"), "{:?}", root.current());
    assert!(root.current().to_string().contains("UTC: First findings"));
    delivered(&world, second, None).await;
    let third = again(&world, second, 3).await;
    delivered(&world, third, Some(Report { verdict: "It is the disk".to_owned(), ..Report::default() })).await;
    for run in [second, third] {
        let [under] = <[_; 1]>::try_from(messages(&world, run)).unwrap();
        assert_eq!(under.body["thread_ts"].as_str(), Some(ts(&root)), "in the first one's thread");
    }
    let [root] = <[_; 1]>::try_from(messages(&world, first)).unwrap();
    let shown = root.current().to_string();
    assert!(shown.contains("UTC: It is the disk") && !shown.contains("UTC: First findings"), "{shown}");
    let told = world.store.reader().run(first).await.unwrap().unwrap();
    assert_eq!(world.target(first, "slack").await.revision, told.revision);
    // A mention in the thread goes on belonging to the first.
    assert_eq!(world.target(third, "slack").await.root.unwrap().run, first);
}

#[tokio::test]
async fn i6_the_first_one_tells_of_a_later_look_also_when_the_table_fails_at_any_write() {
    for write in 0..=7 {
        let world = world().await;
        let first = world.open(&[slack()]).await;
        delivered(&world, first, None).await;
        let second = again(&world, first, 2).await;
        let last = world.conclude(second).await;
        let news = world.news(second, "slack", last);
        world.table.before_failing.store(write, Ordering::SeqCst);
        let handled = world.handle(&news).await;
        world.table.before_failing.store(u32::MAX, Ordering::SeqCst);
        world.clock.forward(LEASE + std::time::Duration::from_secs(1));
        if handled.is_err() {
            world.handle(&news).await.unwrap();
        }
        assert!(world.drain().await.is_empty());
        let [root] = <[_; 1]>::try_from(messages(&world, first)).unwrap();
        assert!(root.current().to_string().contains("UTC: The last word"), "write {write}: {:?}", root.current());
        assert_eq!(messages(&world, second).len(), 1, "write {write}");
    }
}

#[tokio::test]
async fn a_later_look_stands_for_itself_where_the_first_has_no_message() {
    let world = world().await;
    let first = world.open(&[slack()]).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("not_in_channel"));
    let last = world.conclude(first).await;
    world.handle(&world.news(first, "slack", last)).await.unwrap();
    world.drain().await;
    let second = again(&world, first, 2).await;
    delivered(&world, second, None).await;
    let [alone] = <[_; 1]>::try_from(messages(&world, second)).unwrap();
    assert!(alone.body.get("thread_ts").is_none());
}

#[tokio::test]
async fn i5_a_first_message_that_a_person_deleted_is_told_once_and_later_looks_stand_for_themselves() {
    let world = world().await;
    let first = world.open(&[slack()]).await;
    delivered(&world, first, None).await;
    let second = again(&world, first, 2).await;
    world.handle(&world.evidence(second).await).await.unwrap();
    assert!(world.drain().await.is_empty());
    world.inbox.delete(&messages(&world, first)[0].id);
    // The news of the second are news of the first, whose message is gone: an end, and no letter.
    delivered(&world, second, None).await;
    assert_eq!(world.target(first, "slack").await.state, TargetState::Deleted);
    let edits = || world.inbox.requests().iter().filter(|request| request.endpoint == Endpoint::SlackUpdate).count();
    let asked = edits();
    let third = again(&world, first, 3).await;
    delivered(&world, third, None).await;
    let [alone] = <[_; 1]>::try_from(messages(&world, third)).unwrap();
    assert!(alone.body.get("thread_ts").is_none());
    assert_eq!(edits(), asked, "nobody tries to edit what is gone");
}

#[tokio::test]
async fn i4_what_was_meant_for_a_thread_that_a_person_deleted_begins_one_of_its_own() {
    for lost in [false, true] {
        let world = world().await;
        let first = world.open(&[slack()]).await;
        delivered(&world, first, None).await;
        world.inbox.delete(&messages(&world, first)[0].id);
        // Nobody has noticed yet. Slack puts the next one into the channel and says nothing of it; its answer may be lost, too.
        let second = again(&world, first, 2).await;
        if lost {
            world.inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
        }
        delivered(&world, second, Some(long(8, 3000))).await;
        let posts = messages(&world, second);
        let [root, below @ ..] = posts.as_slice() else { panic!("{posts:?}") };
        assert!(root.body.get("thread_ts").is_none(), "lost: {lost}");
        let in_its_thread = |post: &Posted| post.body["thread_ts"].as_str() == Some(ts(root));
        assert!(below.len() == 3 && below.iter().all(in_its_thread), "lost: {lost}: {below:?}");
        let target = world.target(second, "slack").await;
        assert_eq!((target.state, target.apart, target.root), (TargetState::Sent, true, None));
        let third = again(&world, second, 3).await;
        delivered(&world, third, None).await;
        assert!(in_its_thread(&messages(&world, third)[0]), "lost: {lost}");
        assert!(messages(&world, second)[0].current().to_string().contains("UTC: The last word"));
    }
}

#[tokio::test]
async fn what_was_meant_for_somebody_elses_deleted_message_begins_a_thread_of_its_own() {
    let world = world().await;
    let asked = world.inbox.say("#ops", "it is slow again").unwrap();
    world.inbox.delete(&asked);
    let (channel, thread) = asked.split_once('/').unwrap();
    let spec = SlackSpec { channel: channel.to_owned(), thread: Some(thread.to_owned()) };
    let first = world.open(&[OutletSpec::Slack(spec)]).await;
    delivered(&world, first, Some(long(8, 3000))).await;
    let posts = messages(&world, first);
    assert!(posts[0].body.get("thread_ts").is_none());
    let mut last = first;
    for number in [2, 3] {
        last = again(&world, last, number).await;
        delivered(&world, last, None).await;
    }
    let later = [posts[1].clone(), messages(&world, last)[0].clone()];
    assert!(later.iter().all(|post| post.body["thread_ts"].as_str() == Some(ts(&posts[0]))), "{later:?}");
}

/// Its channel is archived, say: each later look would leave a letter for the same mend.
#[tokio::test]
async fn i5_a_first_message_that_failed_is_not_tried_again_for_later_looks() {
    let world = world().await;
    let first = world.open(&[slack()]).await;
    delivered(&world, first, None).await;
    world.clock.forward(crate::BETWEEN_EDITS);
    world.inbox.fault(Endpoint::SlackUpdate, Fault::SlackError("cant_update_message"));
    let second = again(&world, first, 2).await;
    world.handle(&world.evidence(second).await).await.unwrap();
    assert_eq!(world.drain().await.len(), 1);
    assert_eq!(world.target(first, "slack").await.state, TargetState::Failed);
    delivered(&world, second, None).await;
    assert_eq!(messages(&world, second).len(), 1);
    // The redrive brings it to what the newest came to.
    let revision = world.revision(first).await;
    world.handle(&world.news(first, "slack", revision)).await.unwrap();
    assert!(messages(&world, first)[0].current().to_string().contains("UTC: The last word"));
}

#[tokio::test]
async fn a_note_that_stands_is_not_told_of_a_later_look() {
    let world = world().await;
    let first = world.open(&[slack(), pagerduty()]).await;
    delivered(&world, first, None).await;
    let last = world.revision(first).await;
    world.handle(&world.news(first, "pagerduty", last)).await.unwrap();
    let second = again(&world, first, 2).await;
    let ended = world.conclude(second).await;
    world.handle(&world.news(second, "slack", ended)).await.unwrap();
    let news = world.outbox.take();
    assert!(!news.is_empty() && news.iter().all(|news| !news.body.contains("pagerduty")), "{news:?}");
    assert!(world.revision(first).await > last && world.target(first, "pagerduty").await.revision == last);
}

#[tokio::test]
async fn looks_in_a_thread_of_somebody_elses_message_stay_there_and_the_first_tells_of_the_second() {
    let world = world().await;
    let asked = world.inbox.say("#ops", "it is slow again").unwrap();
    let (channel, thread) = asked.split_once('/').unwrap();
    let spec = SlackSpec { channel: channel.to_owned(), thread: Some(thread.to_owned()) };
    let first = world.open(&[OutletSpec::Slack(spec)]).await;
    delivered(&world, first, None).await;
    let second = again(&world, first, 2).await;
    delivered(&world, second, None).await;
    for run in [first, second] {
        let [post] = <[_; 1]>::try_from(messages(&world, run)).unwrap();
        assert_eq!(post.body["thread_ts"].as_str(), Some(thread));
    }
    assert!(messages(&world, first)[0].current().to_string().contains("UTC: The last word"));
}

#[tokio::test]
async fn i4_what_has_no_room_stands_once_in_the_thread_and_is_edited_there() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    assert!(world.drain().await.is_empty());
    assert_eq!(messages(&world, run).len(), 1);
    // The answer to the second message is lost; it is found again in the thread.
    let report = long(8, 3000);
    let last = world.conclude_with(run, &report).await;
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    world.clock.forward(std::time::Duration::from_secs(2));
    world.inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
    assert!(world.drain().await.is_empty());
    let posts = messages(&world, run);
    assert_eq!(posts.len(), 4, "three messages hold the rest: {posts:?}");
    let root = &posts[0];
    let below = |number: usize| {
        let posts = posts.iter().filter(|post| post.body["thread_ts"].as_str() == Some(ts(root)));
        posts.filter(|post| post.current().to_string().contains(&format!("end of {number}"))).count()
    };
    // Each of the first ones is whole there, with a detail that its own message has not.
    assert!((1..=6).all(|number| below(number) == 1), "{:?}", (1..=8).map(below).collect::<Vec<_>>());
    let said = posts.iter().map(|post| post.current().to_string()).collect::<String>();
    assert!(!root.current().to_string().contains("end of 1") && said.contains("More stands on the run's page"));
    for (name, part) in [("slack-more", 0), ("slack-more-2", 1), ("slack-more-3", 2)] {
        let target = world.target(run, name).await;
        assert_eq!((target.state, target.revision), (TargetState::Sent, last), "{name}");
        let continues = target.continues.unwrap();
        assert_eq!((continues.target.as_str(), continues.part), ("slack", part));
    }
    // The same news again, and a redrive: nothing is posted anew.
    for name in ["slack", "slack-more", "slack-more-3"] {
        world.handle(&world.news(run, name, last)).await.unwrap();
    }
    assert!(world.drain().await.is_empty());
    assert_eq!(messages(&world, run).len(), 4);
}

#[tokio::test]
async fn i5_what_has_no_room_and_failed_leaves_one_letter_however_much_is_counted() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    let last = world.conclude_with(run, &long(8, 3000)).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("invalid_blocks"));
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    let letters = world.drain().await;
    assert_eq!((letters.len(), world.target(run, "slack-more").await.state), (1, TargetState::Failed));
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("invalid_blocks"));
    let counted = world.store.tell_count(run).await.unwrap().unwrap().revision;
    world.handle(&world.news(run, "slack", counted)).await.unwrap();
    assert!(world.drain().await.is_empty());
    world.inbox.mend();
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert!(world.drain().await.is_empty());
    let more = world.target(run, "slack-more").await;
    assert_eq!((more.state, more.revision, messages(&world, run).len()), (TargetState::Sent, counted, 4));
}

#[tokio::test]
async fn what_has_room_has_no_thread_and_other_outlets_have_none() {
    let world = world().await;
    let run = world.open(&[slack(), pagerduty()]).await;
    delivered(&world, run, Some(long(1, 60))).await;
    let revision = world.store.reader().run(run).await.unwrap().unwrap().revision;
    world.handle(&world.news(run, "pagerduty", revision)).await.unwrap();
    assert!(world.drain().await.is_empty());
    assert_eq!(world.inbox.posts().len(), 2);
}
