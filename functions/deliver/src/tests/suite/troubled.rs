//! Providers that limit, refuse, break and vanish: each target ends sent, or failed where people see it.

use std::time::Duration;

use domain::{RunId, TargetState};
use inbox::{Fault, Inbox, Service};
use outlets::Style;
use ports::{Queue, Received};

use super::{Subject, each};
use crate::{
    MAX_ATTEMPTS,
    tests::support::{World, received},
};

/// Takes `news` to its end, which is failed, visibly, with a reason that has `word`; the one letter that lies among the dead.
pub(super) async fn given_up(world: &World, it: &Subject, run: RunId, news: &Received, word: &str) -> Received {
    world.handle(news).await.unwrap();
    let letters = world.drain().await;
    assert_eq!(letters.len(), 1, "{} {word}: {letters:?}", it.name());
    assert_eq!((letters[0].queue, letters[0].body.as_str()), (Queue::DeliverDlq, news.body.as_str()));
    let target = world.target(run, it.name()).await;
    assert_eq!((target.state, target.lease), (TargetState::Failed, None), "{}: {target:?}", it.name());
    let reason = target.last_error.unwrap();
    assert!(reason.contains(word), "{}: {reason}", it.name());
    for secret in world.keys.live.lock().unwrap().values() {
        assert!(!reason.contains(secret.as_str()), "{}: {reason}", it.name());
    }
    received(letters[0].body.clone())
}

#[tokio::test]
async fn i5_a_rate_limit_is_waited_out_in_each_providers_way() {
    each(async |world: World, it: Subject| {
        let (run, mut news) = it.concluded(&world).await;
        for seconds in [7, 11] {
            world.inbox.fault(it.post, Fault::status(429, seconds));
            world.handle(&news).await.unwrap();
            let sent = world.outbox.take();
            assert_eq!((sent.len(), sent[0].queue), (1, Queue::Deliver), "{}", it.name());
            assert_about(sent[0].delay, it.wait(seconds), it.name());
            let target = world.target(run, it.name()).await;
            assert_eq!((target.state, target.attempts), (TargetState::Pending, 0), "{}", it.name());
            world.clock.forward(sent[0].delay);
            news = received(sent[0].body.clone());
        }
        world.handle(&news).await.unwrap();
        it.stands(&world, run, 1).await;
    })
    .await;
}

/// It was waited for as long as was asked for, and up to a quarter longer by chance.
fn assert_about(waits: Duration, asked: Duration, who: &str) {
    assert!(asked <= waits && waits <= asked * 5 / 4, "{who}: {waits:?} for {asked:?}");
}

/// A provider that is down says when it is back.
#[tokio::test]
async fn i5_what_breaks_is_left_alone_for_as_long_as_it_asks_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        world.inbox.fault(it.post, Fault::status(503, 77));
        world.handle(&news).await.unwrap();
        let sent = world.outbox.take();
        assert_eq!((sent.len(), sent[0].queue), (1, Queue::Deliver), "{}", it.name());
        // SES has no such header.
        let asked = if it.service == Service::Email { sent[0].delay } else { Duration::from_secs(77) };
        assert_about(sent[0].delay, asked, it.name());
        assert_eq!(world.target(run, it.name()).await.attempts, 1, "{}: it was tried", it.name());
        world.clock.forward(sent[0].delay);
        world.handle(&received(sent[0].body.clone())).await.unwrap();
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i5_a_refusal_fails_where_people_see_it_and_a_redrive_mends_it_at_each_outlet() {
    for refused in [400, 401, 403, 404] {
        each(async |world: World, it: Subject| {
            let (run, news) = it.concluded(&world).await;
            // A webhook's receiver may mean anything by these, so it is asked again.
            for _ in 0..MAX_ATTEMPTS {
                world.inbox.fault(it.post, Fault::status(refused, None));
            }
            let letter = given_up(&world, &it, run, &news, &it.refusal(refused)).await;
            assert!(it.seen(&world, run).is_empty(), "{}", it.name());
            world.inbox.mend();
            world.handle(&letter).await.unwrap();
            it.stands(&world, run, 1).await;
        })
        .await;
    }
}

#[tokio::test]
async fn i5_what_breaks_six_times_is_given_up_and_a_redrive_mends_it_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        // Where a 500 may hide a message that nobody can look up, one more is sent and no third.
        let blind = matches!(it.service, Service::SlackWebhook | Service::Teams);
        let (times, reason) = if blind { (2, "may have been posted") } else { (MAX_ATTEMPTS, "500") };
        for _ in 0..times {
            world.inbox.fault(it.post, Fault::status(500, None));
        }
        let letter = given_up(&world, &it, run, &news, reason).await;
        assert_eq!(world.target(run, it.name()).await.attempts, times, "{}", it.name());
        // The last try may still land, so this waits for that.
        world.handle(&letter).await.unwrap();
        assert!(world.drain().await.is_empty(), "{}", it.name());
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i5_a_provider_that_cannot_be_reached_is_given_up_and_a_redrive_mends_it_at_each_outlet() {
    each(async |mut world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        let clock: std::sync::Arc<dyn ports::Clock> = world.clock.clone();
        let elsewhere = Inbox::start("127.0.0.1:0".parse().unwrap(), clock.clone()).await.unwrap();
        let address = world.inbox.address();
        drop(std::mem::replace(&mut world.inbox, elsewhere));
        // Its server ends when it is next looked at.
        tokio::task::yield_now().await;
        let letter = given_up(&world, &it, run, &news, "refused").await;
        world.inbox = Inbox::start(address, clock).await.unwrap();
        world.inbox.say("ops", "hello");
        world.handle(&letter).await.unwrap();
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i5_a_place_that_is_gone_fails_where_people_see_it_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        match it.service {
            Service::Webhook => world.inbox.fault(it.post, Fault::status(410, None)),
            Service::Slack => world.inbox.remove_channel(it.place),
            _ => world.inbox.remove_incident(it.place),
        }
        let letter = given_up(&world, &it, run, &news, "").await;
        world.inbox.mend();
        world.handle(&letter).await.unwrap();
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i4_what_a_person_deleted_is_not_posted_again_at_any_outlet() {
    each(async |world: World, it: Subject| {
        if it.style() != Style::Edited {
            return;
        }
        let run = world.open(std::slice::from_ref(&it.spec)).await;
        world.evidence(run).await;
        world.handle(&world.news(run, it.name(), 2)).await.unwrap();
        world.inbox.delete(&it.seen(&world, run)[0].id);
        let last = world.conclude(run).await;
        let news = world.news(run, it.name(), last);
        for _ in 0..2 {
            world.handle(&news).await.unwrap();
            assert!(world.drain().await.is_empty(), "{}", it.name());
            let target = world.target(run, it.name()).await;
            assert_eq!((target.state, target.revision), (TargetState::Deleted, 2), "{}", it.name());
        }
        assert!(it.seen(&world, run).is_empty(), "{}", it.name());
    })
    .await;
}
