//! What is only counted, and when it is told.

use std::time::Duration;

use domain::{Disposition, Event, EventKind, InvestigateMessage, OnePost, RunId, RunStatus, TargetState};
use ports::Queue;
use store::TargetClaim;

use super::support::{LEASE, Sent, World, message, slack, world};

/// Handles the one message that has the count of `run` told, when it is due; the news that come of it.
async fn tell(world: &World, run: RunId, told: Vec<Sent>) -> Vec<(String, u64)> {
    let [told] = <[Sent; 1]>::try_from(told).expect("one message for all that are counted");
    assert_eq!((told.queue, told.delay), (Queue::Investigate, Duration::from_secs(11)));
    let says: InvestigateMessage = serde_json::from_str(&told.body).unwrap();
    assert_eq!(says, InvestigateMessage::CountedV1 { run });
    tokio::time::sleep(told.delay).await;
    world.handle(&told.body, 1, 300).await.unwrap();
    world.outbox.news()
}

#[tokio::test(start_paused = true)]
async fn i3_duplicates_are_one_news_for_all_that_come_in_ten_seconds() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    let duplicate = || message(&world.opening("pages")).0;
    let counted = async || world.view(run).await.run.counts.duplicates;
    // On a run that nobody has begun: the first delivery will have it in.
    world.handle(&body, 1, 0).await.unwrap();
    world.outbox.take();
    world.handle(&duplicate(), 1, 300).await.unwrap();
    assert!(world.outbox.take().is_empty());
    world.handle(&body, 2, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);

    let first = duplicate();
    world.handle(&first, 1, 300).await.unwrap();
    assert_eq!(world.outbox.take().len(), 1);
    // Received again, as after a death before that was sent.
    world.handle(&first, 2, 300).await.unwrap();
    let told = world.outbox.take();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.handle(&duplicate(), 1, 300).await.unwrap();
    }
    assert!(world.outbox.take().is_empty(), "the first one's news has them in");
    assert_eq!(counted().await, 7);
    assert_eq!(tell(&world, run, told).await, [slack(3)]);
    // The next one is told anew.
    world.handle(&duplicate(), 1, 300).await.unwrap();
    let told = world.outbox.take();
    assert_eq!(tell(&world, run, told).await, [slack(4)]);
    assert_eq!(counted().await, 8);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_given_up_or_deleted_or_has_its_one_post_is_not_told_of_a_count() {
    for state in [TargetState::Failed, TargetState::Deleted, TargetState::Sent] {
        let world = world(&[("http://a", 1)]);
        let (body, run) = message(&world.opening("pages"));
        world.handle(&body, 1, 300).await.unwrap();
        world.outbox.take();
        let TargetClaim::Claimed(mut target) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else {
            panic!("it is held")
        };
        let token = target.lease.take().unwrap().token;
        target.state = state;
        if state == TargetState::Sent {
            target.one_post = Some(OnePost { revision: 2, status: RunStatus::Concluded });
            target.provider_id = Some("note".to_owned());
        }
        world.store.save_target(run, &target, token).await.unwrap();
        world.handle(&message(&world.opening("pages")).0, 1, 300).await.unwrap();
        let told = world.outbox.take();
        assert!(tell(&world, run, told).await.is_empty(), "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i3_what_a_limit_refuses_is_gathered_and_is_one_news_with_what_attaches_to_it() {
    let world = world(&[("http://a", 1)]);
    let page = |incident: &str| {
        let disposition =
            Disposition::Opens { workflow: "limited".parse().unwrap(), incident_key: incident.to_owned() };
        Event {
            disposition,
            delivery_key: incident.to_owned(),
            external_id: Some(incident.to_owned()),
            ..world.opening("limited")
        }
    };
    let (own, first, second) = (page("Q1"), page("Q2"), page("Q3"));
    world.handle(&message(&own).0, 1, 300).await.unwrap();
    let (body, storm) = message(&first);
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.called(), ["http://a", "http://a"], "the first of them is investigated");
    assert_eq!(world.outbox.take().len(), 2);
    world.handle(&message(&second).0, 1, 300).await.unwrap();
    let told = world.outbox.take();
    let resolved =
        Event { external_id: Some("Q3".to_owned()), ..world.event(EventKind::Resolved, Disposition::Attaches) };
    world.handle(&message(&resolved).0, 1, 300).await.unwrap();
    assert!(world.outbox.take().is_empty());
    assert_eq!(tell(&world, storm, told).await, [slack(3)]);
    let view = world.view(storm).await;
    assert_eq!((view.run.storm, view.run.status), (true, RunStatus::Concluded));
    assert_eq!((view.run.counts.gathered, view.run.counts.incidents, view.run.counts.attached), (1, 2, 1));
    assert!(world.called().is_empty(), "and the others are not");
}
