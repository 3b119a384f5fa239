//! One post that cannot be edited, and a run that goes on after it.

use domain::{Target, TargetSpec, TargetState};
use inbox::{Endpoint, Fault};
use serde_json::json;

use super::support::{World, pagerduty, received, world};

async fn told(world: &World, run: domain::RunId, revision: u64) -> Target {
    world.handle(&world.news(run, "pagerduty", revision)).await.unwrap();
    world.target(run, "pagerduty").await
}

fn notes(world: &World) -> Vec<String> {
    let posts = world.inbox.posts().into_iter();
    posts.map(|post| post.body.pointer("/note/content").unwrap().as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn i14_one_more_note_tells_what_a_redriven_run_came_to() {
    let world = world().await;
    let when = Some("run.worst_severity <= 2".to_owned());
    let run = world.open_with(vec![TargetSpec { when, ..TargetSpec::new("pagerduty", pagerduty()) }]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    assert_eq!(told(&world, run, given_up).await.shown(), given_up);
    let last = world.conclude(run).await;
    // However often that is heard of.
    for _ in 0..2 {
        let target = told(&world, run, last).await;
        assert_eq!((target.state, target.revision, target.shown()), (TargetState::Sent, last, given_up));
        assert!(world.drain().await.is_empty());
    }
    let [first, second] = <[String; 2]>::try_from(notes(&world)).unwrap();
    assert!(first.contains("none of the tries came to an end"), "{first}");
    assert!(second.starts_with("The last word\n"), "{second}");
    let beside = world.target(run, "pagerduty-concluded").await;
    assert_eq!((beside.state, beside.shown()), (TargetState::Sent, last));
}

#[tokio::test]
async fn i5_a_second_note_that_failed_leaves_one_letter_which_brings_it_back_after_a_mend_in_the_catalog() {
    let mut world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    told(&world, run, given_up).await;
    let last = world.conclude(run).await;
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::status(400, None));
    told(&world, run, last).await;
    let letters = world.drain().await;
    assert_eq!((letters.len(), letters[0].queue), (1, ports::Queue::DeliverDlq));
    // Counts and the like are news of the first.
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::status(400, None));
    let revision = world.store.tell_count(run).await.unwrap().unwrap().revision;
    told(&world, run, revision).await;
    assert!(world.drain().await.is_empty());
    world.inbox.mend();
    world.catalog_says(json!([{ "pagerduty": { "note": true, "from": "oncall@example.com" } }]));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    let beside = world.target(run, "pagerduty-concluded").await;
    assert_eq!((beside.state, beside.revision), (TargetState::Sent, revision));
    let from = world.inbox.requests().last().unwrap().headers.get("from").cloned();
    assert_eq!(from.as_deref(), Some("oncall@example.com"));
}

/// The two are told apart by their names, so a search for the second does not find the first.
#[tokio::test]
async fn i4_the_second_note_is_one_when_its_answer_is_lost() {
    let world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    told(&world, run, given_up).await;
    let last = world.conclude(run).await;
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::CloseAfterAccepting);
    told(&world, run, last).await;
    assert!(world.drain().await.is_empty());
    assert_eq!(notes(&world).len(), 2);
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::status(404, None));
    assert_eq!(told(&world, run, last).await.revision, last);
    assert!(world.drain().await.is_empty(), "what stands is not tried again");
}

#[tokio::test]
async fn a_note_that_was_found_again_shows_what_it_showed() {
    let world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::CloseAfterAccepting);
    assert_eq!(told(&world, run, given_up).await.shown(), 0);
    let waiting = world.outbox.take().remove(0);
    world.conclude(run).await;
    world.clock.forward(waiting.delay);
    world.handle(&received(waiting.body)).await.unwrap();
    assert_eq!(world.target(run, "pagerduty").await.shown(), given_up);
    assert!(world.drain().await.is_empty());
    assert_eq!(notes(&world).len(), 2, "and the conclusion beside it");
}

#[tokio::test]
async fn a_refused_note_shows_what_the_next_one_shows() {
    let world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::status(404, None));
    assert_eq!(told(&world, run, given_up).await.state, TargetState::Failed);
    world.outbox.take();
    let last = world.conclude(run).await;
    assert_eq!(told(&world, run, last).await.shown(), last);
    assert!(world.drain().await.is_empty());
    assert_eq!(notes(&world).len(), 1);
}
