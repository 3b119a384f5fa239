//! Targets that are told under a condition, and what a team says above the report.

use domain::{OutletSpec, RunId, Severity, TargetSpec, TargetState};
use inbox::{Endpoint, Fault};

use super::support::{World, pagerduty, slack, world};

fn when(outlet: OutletSpec, condition: &str) -> TargetSpec {
    TargetSpec { when: Some(condition.to_owned()), ..TargetSpec::new(outlet.kind(), outlet) }
}

async fn told(world: &World, run: RunId, target: &str, revision: u64) -> (TargetState, u64, usize) {
    world.handle(&world.news(run, target, revision)).await.unwrap();
    let stands = world.target(run, target).await;
    assert_eq!(stands.lease, None);
    (stands.state, stands.revision, world.inbox.posts().len())
}

#[tokio::test]
async fn i4_a_target_is_posted_to_when_its_condition_first_holds() {
    let world = world().await;
    let run = world.open_with(vec![when(slack(), "run.worst_severity <= 2")]).await;
    world.evidence(run).await;
    assert_eq!(told(&world, run, "slack", 2).await, (TargetState::Pending, 0, 0), "the conclusion is asked too");
    let last = world.conclude_at(run, Some(Severity::Major)).await;
    assert_eq!(told(&world, run, "slack", last).await, (TargetState::Sent, last, 1));
}

#[tokio::test]
async fn i4_what_was_posted_is_kept_up_to_date_whatever_the_condition_says() {
    let world = world().await;
    let run = world.open_with(vec![when(slack(), "run.status == \"running\"")]).await;
    world.evidence(run).await;
    assert_eq!(told(&world, run, "slack", 2).await, (TargetState::Sent, 2, 1));
    let last = world.conclude(run).await;
    world.clock.forward(crate::BETWEEN_EDITS);
    assert_eq!(told(&world, run, "slack", last).await, (TargetState::Sent, last, 1));
    assert_eq!(world.inbox.posts()[0].current()["text"], "The last word");
}

#[tokio::test]
async fn i4_a_condition_that_held_is_not_asked_again_while_the_provider_is_waited_for() {
    let world = world().await;
    let run = world.open_with(vec![when(slack(), "run.status == \"running\"")]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::status(429, 5));
    world.handle(&news).await.unwrap();
    let last = world.conclude(run).await;
    assert!(world.drain().await.is_empty());
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision, world.inbox.posts().len()), (TargetState::Sent, last, 1));
}

#[tokio::test]
async fn i5_a_condition_that_never_held_is_an_end_that_is_seen_and_later_news_asks_again() {
    let world = world().await;
    let condition = "run.status == \"concluded\"";
    let run = world.open_with(vec![when(slack(), condition), when(pagerduty(), "run.worst_severity <= 2")]).await;
    world.evidence(run).await;
    let given_up = world.give_up(run).await;
    assert_eq!(told(&world, run, "slack", given_up).await, (TargetState::NotWanted, given_up, 0));
    let why = world.target(run, "slack").await.why_not();
    assert_eq!(why.as_deref(), Some("its condition did not hold: run.status == \"concluded\""));
    // Doubled news is nothing new.
    assert_eq!(told(&world, run, "slack", given_up).await, (TargetState::NotWanted, given_up, 0));
    // What a failed run would have found is not known: people are told.
    assert_eq!(told(&world, run, "pagerduty", given_up).await, (TargetState::Sent, given_up, 1));
    let last = world.conclude(run).await;
    assert_eq!(told(&world, run, "slack", last).await, (TargetState::Sent, last, 2));
    assert!(world.outbox.take().is_empty());
}

#[tokio::test]
async fn a_note_that_is_written_once_is_asked_for_at_the_conclusion() {
    let world = world().await;
    let run = world.open_with(vec![when(pagerduty(), "run.worst_severity <= 2")]).await;
    world.evidence(run).await;
    assert_eq!(told(&world, run, "pagerduty", 2).await, (TargetState::Pending, 0, 0));
    let last = world.conclude_at(run, Some(Severity::Minor)).await;
    assert_eq!(told(&world, run, "pagerduty", last).await, (TargetState::NotWanted, last, 0));
    assert!(world.inbox.requests().is_empty());
}

#[tokio::test]
async fn i14_a_condition_without_a_value_tells_people() {
    let world = world().await;
    let targets = vec![when(slack(), "alert.labels.team == \"checkout\""), when(pagerduty(), "run.")];
    let run = world.open_with(targets).await;
    world.evidence(run).await;
    let last = world.conclude(run).await;
    assert_eq!(told(&world, run, "slack", last).await, (TargetState::Sent, last, 1));
    assert_eq!(told(&world, run, "pagerduty", last).await, (TargetState::Sent, last, 2));
}

#[tokio::test]
async fn the_teams_words_stand_above_the_report_and_follow_it() {
    let world = world().await;
    let text = "<!subteam^S1> ${{ run.verdict }} ${{ alert.labels.runbook }}";
    let run =
        world.open_with(vec![TargetSpec { text: Some(text.to_owned()), ..TargetSpec::new("slack", slack()) }]).await;
    world.evidence(run).await;
    told(&world, run, "slack", 2).await;
    let first = |body: &serde_json::Value| body["blocks"][0]["text"]["text"].clone();
    assert_eq!(first(&world.inbox.posts()[0].body), "<!subteam^S1> First findings");
    let last = world.conclude(run).await;
    world.clock.forward(crate::BETWEEN_EDITS);
    told(&world, run, "slack", last).await;
    assert_eq!(first(world.inbox.posts()[0].current()), "<!subteam^S1> The last word");
}
