//! A model that is busy, silent, broken or unwilling: each run concludes, with what the checks found and the reason.

use std::{sync::atomic::Ordering, time::Duration};

use domain::{Part, Stop};
use serde_json::json;

use super::support::{HEALTH, reading_world};
use crate::{
    model::ModelError,
    reader::{
        TRIES, TURN_TIME,
        testing::{answer, calls, said, text},
    },
    tests::World,
};

fn busy(seconds: Option<u64>) -> Result<crate::model::Answered, ModelError> {
    let retry_after = seconds.map(Duration::from_secs);
    Err(ModelError::Transient { reason: "the model is busy (529)".into(), retry_after, may_cost: false })
}

/// Concludes without a reading, for this reason.
async fn unread(world: &World, reason: &str) {
    let report = world.concluded().await;
    assert_eq!((report.headline(), report.read_by.as_str()), (HEALTH, "none"));
    assert!(report.reading.is_none());
    let said = report.remarks.iter().find(|remark| remark.starts_with("Not read by the model `sonnet`: "));
    assert!(said.is_some_and(|said| said.contains(reason)), "{:?}", report.remarks);
    let run = world.view().await.run;
    assert!(run.status.is_terminal() && run.evidence_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn i14_a_reply_that_is_not_valid_is_asked_again_and_then_the_checks_speak() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([
        text("It is the pool.", Stop::End),
        calls(&[("answer", json!({"summary": ""}))]),
        answer("health", "503 at once"),
    ]);
    let report = world.concluded().await;
    assert!(report.reading.is_some());
    let heard = world.model.heard();
    assert_eq!(
        heard.iter().map(|one| one.must_use.as_deref()).collect::<Vec<_>>(),
        [None, Some("answer"), Some("answer")]
    );
    assert!(heard[2].results()[0].0.contains("`summary` is empty") && heard[2].results()[0].1);

    let world = reading_world(json!({}), json!({}));
    world.model.says([
        calls(&[("answer", json!({"verdict": "x"}))]),
        text("No.", Stop::End),
        calls(&[("look", json!({"url": "http://queue"}))]),
        answer("health", "503 at once"),
    ]);
    unread(&world, "3 replies of the model could not be used; the last: it was not the answer that was asked for")
        .await;
    assert_eq!(world.model.left(), 1, "it is not asked a fourth time");
    assert_eq!(world.called(), ["http://health"], "what must be the answer is nothing else");
}

#[tokio::test(start_paused = true)]
async fn i14_a_refusal_ends_it() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([text("I cannot help with that.", Stop::Refused)]);
    unread(&world, "the model declined to answer").await;
}

#[tokio::test(start_paused = true)]
async fn i14_a_reply_that_is_cut_off_is_asked_for_again_shorter() {
    let world = reading_world(json!({}), json!({}));
    let half = Part::ToolCall { id: "c".into(), name: "answer".into(), arguments: json!("{\"summary\": \"Check") };
    world.model.says([said(vec![half], Stop::Length), said(vec![], Stop::Length), text("x", Stop::Length)]);
    unread(&world, "it was cut off at its limit of length").await;
    let heard = world.model.heard();
    let last = |at: usize| format!("{:?}", heard[at].messages.last().unwrap().parts);
    assert!(last(1).contains("Give a shorter answer") && last(1).contains("does not fit the schema"), "{}", last(1));
}

#[tokio::test(start_paused = true)]
async fn i10_a_model_that_is_out_of_reach_costs_nothing_and_the_evidence_stands() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([Err(ModelError::Permanent {
        reason: "the API key is refused (401): put a live one into `key`".into(),
        may_cost: false,
    })]);
    unread(&world, "the API key is refused (401)").await;
    let cost = world.view().await.run.cost;
    assert_eq!((cost.turns, cost.lost_turns, cost.at_most().nanos()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn i14_a_busy_model_is_asked_again_when_it_says_so_and_not_for_ever() {
    let world = reading_world(json!({}), json!({}));
    let began = tokio::time::Instant::now();
    world.model.says([busy(Some(7)), busy(None), answer("health", "503 at once")]);
    assert!(world.concluded().await.reading.is_some());
    assert_eq!(began.elapsed().as_secs(), 9, "7 s as asked, then 2 s");
    assert_eq!(world.view().await.run.cost.lost_turns, 0);

    let world = reading_world(json!({}), json!({}));
    world.model.says((0..9).map(|_| busy(None)));
    unread(&world, &format!("the model is busy (529); it was tried {TRIES} times")).await;
    assert_eq!(world.model.heard().len(), TRIES as usize);

    let world = reading_world(json!({}), json!({"time": "30s"}));
    world.model.says([busy(Some(600))]);
    unread(&world, "the run's time does not reach to another try").await;
}

#[tokio::test(start_paused = true)]
async fn i14_a_silent_model_is_not_waited_for_beyond_the_budget_and_may_have_been_paid() {
    let world = reading_world(json!({}), json!({"time": "5m"}));
    world.model.seconds.store(100_000, Ordering::Relaxed);
    let began = tokio::time::Instant::now();
    unread(&world, "time").await;
    assert!(began.elapsed() <= Duration::from_secs(300), "{:?}", began.elapsed());
    let cost = world.view().await.run.cost;
    assert!(cost.lost_turns >= 2 && cost.lost_usd.nanos() > 0, "{cost:?}");
    assert!(TURN_TIME < Duration::from_secs(300));
}
