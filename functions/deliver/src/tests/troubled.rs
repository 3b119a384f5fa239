//! Providers that refuse, limit and break: everything ends sent or visibly failed.

use std::time::Duration;

use domain::TargetState;
use inbox::{Endpoint, Fault};
use jiff::SignedDuration;
use ports::{MAX_DELAY, Queue};

use super::support::{pagerduty, received, slack, world};
use crate::{MAX_ATTEMPTS, MAX_LIMITED};

#[tokio::test]
async fn i5_a_rate_limit_is_waited_out_and_is_no_attempt() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let mut news = world.evidence(run).await;
    for seconds in (1..=20).chain([86_400]) {
        world.inbox.fault(Endpoint::SlackPost, Fault::status(429, seconds));
        world.handle(&news).await.unwrap();
        let sent = world.outbox.take();
        assert_eq!((sent.len(), sent[0].queue), (1, Queue::Deliver));
        // A quarter by chance is added, so that not all come back at once.
        let (wait, least) = (sent[0].delay, Duration::from_secs(seconds).min(MAX_DELAY));
        assert!(least <= wait && wait <= least * 5 / 4, "{seconds} s: {wait:?}");
        assert_eq!(sent[0].group, "checkout-pages/slack");
        let target = world.target(run, "slack").await;
        assert_eq!((target.state, target.attempts, target.lease), (TargetState::Pending, 0, None));
        assert_eq!(target.last_error.as_deref(), Some("Slack's chat.postMessage asks to wait"));
        world.clock.forward(wait);
        news = received(sent[0].body.clone());
    }
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(run, "slack").await.last_error, None);
    assert_eq!(world.inbox.posts().len(), 1);
}

#[tokio::test]
async fn i5_a_rate_limit_without_end_is_given_up_and_a_redrive_waits_as_long_again() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    for _ in 0..2 {
        for _ in 0..25 {
            world.inbox.fault(Endpoint::SlackPost, Fault::status(429, 900));
        }
        let began = ports::Clock::now(world.clock.as_ref());
        world.handle(&news).await.unwrap();
        let target = world.target(run, "slack").await;
        assert_eq!((target.state, target.limited_since), (TargetState::Pending, Some(began)));
        let letters = world.drain().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!((letters[0].queue, letters[0].body.as_str()), (Queue::DeliverDlq, news.body.as_str()));
        let took = ports::Clock::now(world.clock.as_ref()).duration_since(began);
        assert!((MAX_LIMITED..MAX_LIMITED + SignedDuration::from_mins(19)).contains(&took), "{took:#}");
        world.inbox.mend();
        let target = world.target(run, "slack").await;
        assert_eq!((target.state, target.attempts, target.lease), (TargetState::Failed, 0, None));
        let since = format!("Slack's chat.postMessage asks to wait, and has since {began:.0}: given up after 6h");
        assert_eq!(target.last_error, Some(since));
    }
    // What Slack has asked for last is waited out.
    world.handle(&news).await.unwrap();
    assert!(world.drain().await.is_empty());
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.limited_since, target.last_error), (TargetState::Sent, None, None));
    assert_eq!(world.inbox.posts().len(), 1);
}

/// Evidence and conclusion are announced one after the other, and both wait.
#[tokio::test]
async fn i5_a_target_is_given_up_once_however_many_messages_wait_for_it() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let mut waiting = Vec::new();
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::status(429, 900));
    for _ in 0..2 {
        world.handle(&news).await.unwrap();
        waiting.extend(world.outbox.take());
    }
    world.clock.forward(Duration::from_secs(6 * 3600));
    world.inbox.fault(Endpoint::SlackPost, Fault::status(429, 900));
    for copy in waiting {
        world.handle(&received(copy.body)).await.unwrap();
        // The second one is not tried: the target has failed since it began to wait.
        let letters = world.outbox.take();
        assert_eq!(
            (letters.len(), letters[0].queue, letters[0].body.as_str()),
            (1, Queue::DeliverDlq, news.body.as_str())
        );
        assert_eq!(world.target(run, "slack").await.state, TargetState::Failed);
        world.clock.forward(Duration::from_secs(60));
    }
    // Later news, and what is redriven, is tried when Slack's time is over.
    world.handle(&news).await.unwrap();
    assert!(world.drain().await.is_empty());
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
}

#[tokio::test]
async fn i5_limits_with_deliveries_between_them_are_never_given_up() {
    let world = world().await;
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    for revision in [2, 3] {
        for _ in 0..20 {
            world.inbox.fault(Endpoint::Webhook, Fault::status(429, 900));
        }
        world.handle(&world.news(run, "webhook", revision)).await.unwrap();
        assert!(world.drain().await.is_empty(), "5 h of waiting and more");
        let target = world.target(run, "webhook").await;
        assert_eq!((target.state, target.revision, target.limited_since), (TargetState::Sent, revision, None));
        if revision == 2 {
            world.conclude(run).await;
        }
    }
}

#[tokio::test]
async fn i5_what_breaks_again_and_again_is_given_up_and_a_redrive_brings_it_back() {
    let world = world().await;
    world.inbox.say("ops", "hello");
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    for _ in 0..MAX_ATTEMPTS {
        world.inbox.fault(Endpoint::SlackPost, Fault::status(500, None));
    }
    let began = ports::Clock::now(world.clock.as_ref());
    world.handle(&news).await.unwrap();
    let letters = world.drain().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0].queue, letters[0].body.as_str()), (Queue::DeliverDlq, news.body.as_str()));
    let took = ports::Clock::now(world.clock.as_ref()).duration_since(began).as_secs();
    assert!((867..=1085).contains(&took), "12 s, 15 s, 1 min, 3 min, 10 min and a quarter by chance: {took} s");
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts, target.lease), (TargetState::Failed, MAX_ATTEMPTS, None));
    assert!(target.last_error.unwrap().contains("500"));

    // The last try may still land, so this waits for that.
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert!(world.drain().await.is_empty());
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.attempts, target.last_error), (TargetState::Sent, 0, None));
}

#[tokio::test]
async fn i5_a_given_up_target_gets_all_its_attempts_again() {
    let world = world().await;
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    let news = world.news(run, "webhook", 2);
    for _ in 0..2 * MAX_ATTEMPTS {
        world.inbox.fault(Endpoint::Webhook, Fault::status(503, 2));
    }
    world.handle(&news).await.unwrap();
    assert_eq!(world.drain().await.len(), 1);
    assert_eq!(world.inbox.requests().len(), 6);
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(run, "webhook").await.attempts, 1);
    assert_eq!(world.drain().await.len(), 1);
    assert_eq!(world.inbox.requests().len(), 12);
    world.handle(&news).await.unwrap();
    assert_eq!(world.inbox.posts().len(), 1);
}

#[tokio::test]
async fn i5_a_refusal_is_visible_at_once_and_mended_by_a_redrive() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("not_in_channel"));
    world.handle(&news).await.unwrap();
    let letters = world.outbox.take();
    assert_eq!((letters.len(), letters[0].queue, letters[0].delay), (1, Queue::DeliverDlq, Duration::ZERO));
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.lease), (TargetState::Failed, None));
    assert!(target.last_error.unwrap().contains("invite the bot to `#ops`"));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
    assert_eq!(world.inbox.posts().len(), 1);
}

#[tokio::test]
async fn i5_later_news_tries_a_failed_target_again() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("is_archived"));
    world.handle(&news).await.unwrap();
    let letters = world.outbox.take();
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    assert_eq!(world.target(run, "slack").await.revision, last);
    // The redrive finds that there is nothing left to do.
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    let posts = world.inbox.posts();
    assert_eq!((posts.len(), posts[0].edits.len()), (1, 0));
}

#[tokio::test]
async fn i5_an_archived_channel_takes_no_edit_and_what_it_shows_is_mended_by_a_redrive() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.handle(&world.evidence(run).await).await.unwrap();
    world.clock.forward(crate::BETWEEN_EDITS);
    world.inbox.close("ops");
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    let letters = world.outbox.take();
    assert_eq!((letters.len(), letters[0].queue), (1, Queue::DeliverDlq));
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision), (TargetState::Failed, 2));
    assert!(target.last_error.unwrap().contains("`#ops` is archived"));
    world.inbox.mend();
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision, world.inbox.posts().len()), (TargetState::Sent, last, 1));
}

#[tokio::test]
async fn i4_what_a_person_deleted_is_not_posted_again() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.handle(&news).await.unwrap();
    world.inbox.delete(&world.inbox.posts()[0].id);
    let last = world.conclude(run).await;
    world.clock.forward(crate::BETWEEN_EDITS);
    for _ in 0..2 {
        world.handle(&world.news(run, "slack", last)).await.unwrap();
        let target = world.target(run, "slack").await;
        assert_eq!((target.state, target.revision, &target.last_error), (TargetState::Deleted, 2, &None));
        assert_eq!((target.attempts, target.lease), (0, None));
        assert!(target.why_not().unwrap().contains("a person has deleted it"));
    }
    // An end and no failure: no letter waits for a mend, and Slack is asked once.
    assert!(world.outbox.take().is_empty());
    let edits = world.inbox.requests().into_iter().filter(|request| request.endpoint == Endpoint::SlackUpdate);
    assert_eq!((edits.count(), world.inbox.posts().len()), (1, 1));
}

#[tokio::test]
async fn i5_a_missing_key_is_named_and_a_secret_that_cannot_be_read_is_waited_for() {
    let world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let last = world.conclude(run).await;
    let news = world.news(run, "pagerduty", last);
    *world.keys.broken.lock().unwrap() = true;
    world.handle(&news).await.unwrap();
    let target = world.target(run, "pagerduty").await;
    assert_eq!((target.state, target.attempts), (TargetState::Pending, 1));
    let again = world.outbox.take().remove(0);
    assert_eq!(again.queue, Queue::Deliver);

    // Other news do not ask any sooner than the copy.
    world.handle(&news).await.unwrap();
    assert_eq!(world.target(run, "pagerduty").await.attempts, 1);
    world.outbox.take();
    world.clock.forward(again.delay);
    *world.keys.broken.lock().unwrap() = false;
    let key = world.keys.live.lock().unwrap().remove("pagerduty-api-key").unwrap();
    world.handle(&news).await.unwrap();
    let target = world.target(run, "pagerduty").await;
    assert_eq!(target.state, TargetState::Failed);
    assert!(target.last_error.unwrap().contains("`pagerduty-api-key`"));
    let letters = world.outbox.take();
    world.keys.live.lock().unwrap().insert("pagerduty-api-key", key);
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert_eq!(world.target(run, "pagerduty").await.state, TargetState::Sent);
}

#[tokio::test]
async fn i5_news_that_is_ahead_of_the_table_comes_again() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    world.evidence(run).await;
    world.handle(&world.news(run, "slack", 3)).await.unwrap();
    let target = world.target(run, "slack").await;
    assert_eq!((target.attempts, target.revision), (1, 0));
    assert!(target.last_error.unwrap().contains("revision 3 was announced"));
    assert!(world.inbox.requests().is_empty());
    world.conclude(run).await;
    assert!(world.drain().await.is_empty());
    assert_eq!(world.target(run, "slack").await.revision, 3);
}
