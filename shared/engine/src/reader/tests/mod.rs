//! The loop over a real table, with a model that answers as a script says.

mod budgets;
mod corpus;
mod killed;
mod paid;
mod support;
mod troubled;

use domain::{Confidence, Entry, Outcome};
use serde_json::json;

use super::testing::{answer, calls};
use support::{HEALTH, reading_world};

#[tokio::test(start_paused = true)]
async fn i11_a_model_reads_the_evidence_asks_for_more_and_answers_with_what_it_can_quote() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([
        calls(&[("look", json!({"url": "http://queue"})), ("read_evidence", json!({"step": "health"}))]),
        answer("assistant.1_1.look", "\"depth\": 4711"),
    ]);
    let report = world.concluded().await;
    assert_eq!(world.called(), ["http://health", "http://queue"]);
    let reading = report.reading.as_ref().unwrap();
    let cause = reading.cause.as_ref().unwrap();
    assert_eq!((cause.confidence, cause.claims[0].step.as_str()), (Confidence::High, "assistant.1_1.look"));
    assert_eq!((report.headline(), report.read_by.as_str()), ("Checkout is down: it answers 503", "sonnet"));
    assert_eq!(report.verdict, HEALTH, "what the checks say stays beside it");
    let steps = world.steps().await;
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["health", "assistant.1_1.look"]);
    assert_eq!((steps[1].index, &steps[1].outcome), (1, &Outcome::Ok));

    let heard = world.model.heard();
    assert_eq!(heard.len(), 2);
    let names: Vec<&str> = heard[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["answer", "read_evidence", "search_knowledge", "earlier_runs", "look"]);
    assert_eq!(heard[0].must_use, None);
    let told = heard[1].results();
    assert!(told[0].0.contains("4711") && !told[0].1 && told[1].0.contains("pool exhausted"), "{told:?}");
    assert_eq!(heard[0].messages[0], heard[1].messages[0]);

    let view = world.view().await;
    let kinds: Vec<&str> = view
        .transcript
        .iter()
        .map(|entry| match entry {
            Entry::Opening(_) => "opening",
            Entry::Turn(_) => "turn",
            Entry::Call(call) => {
                if call.is_error {
                    "error"
                } else {
                    "call"
                }
            }
        })
        .collect();
    assert_eq!(kinds, ["opening", "turn", "call", "call", "turn", "call"]);
    let cost = view.run.cost;
    assert_eq!((cost.turns, cost.usage.input, cost.usage.output), (2, 2000, 200));
    assert_eq!(cost.usd.to_string(), "$0.0090");
    assert!(view.run.prompt_bytes.is_some_and(|bytes| bytes > 1000 && bytes <= super::PROMPT_CAP as u64));
}

#[tokio::test(start_paused = true)]
async fn i8_what_the_policy_does_not_allow_is_told_to_the_model_and_never_runs() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([
        calls(&[
            ("other", json!({"url": "http://queue"})),
            ("look", json!({"url": "http://evil.example"})),
            ("look", json!({"url": "http://queue", "method": "DELETE"})),
            ("shell", json!({"command": "rm -rf /"})),
            ("read_evidence", json!({"step": "run_01KAPW8Z000000000000000009/health"})),
        ]),
        answer("health", "503 at once"),
    ]);
    let report = world.concluded().await;
    assert_eq!(world.called(), ["http://health"]);
    let told = world.model.heard()[1].results();
    assert_eq!(told.iter().filter(|(_, is_error)| *is_error).count(), 5, "{told:?}");
    assert!(report.reading.is_some(), "{report:?}");
    assert_eq!(world.steps().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn i6_a_call_that_was_made_before_is_answered_from_the_record() {
    let world = reading_world(json!({}), json!({}));
    let same = || calls(&[("look", json!({"url": "http://queue"})), ("look", json!({"url": "http://queue"}))]);
    world.model.says([same(), same(), answer("health", "503 at once")]);
    world.concluded().await;
    assert_eq!(world.called(), ["http://health", "http://queue"]);
    let told = world.model.heard()[2].results();
    assert!(told.iter().all(|(text, is_error)| text.contains("4711") && !is_error), "{told:?}");
    let calls: Vec<(bool, Option<String>)> =
        world.calls().await.into_iter().map(|c| (c.repeated, c.step.map(|s| s.to_string()))).collect();
    let step = Some("assistant.1_1.look".to_owned());
    assert_eq!(calls[..4], [(false, step.clone()), (true, step.clone()), (true, step.clone()), (true, step)]);
}

#[tokio::test(start_paused = true)]
async fn knowledge_and_earlier_runs_are_at_hand() {
    let knowledge =
        json!({"knowledge": {"pool": {"name": "pool", "title": "The pool", "text": "The pool has 50 connections."}}});
    let world = reading_world(knowledge, json!({}));
    world.model.says([
        calls(&[("search_knowledge", json!({"query": "pool connections"})), ("earlier_runs", json!({}))]),
        answer("health", "503 at once"),
    ]);
    world.concluded().await;
    let told = world.model.heard()[1].results();
    assert!(told[0].0.contains("The pool has 50 connections.") && !told[0].1, "{told:?}");
    assert!(told[1].0.contains("no investigation of the same alert before"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn i11_what_no_quote_shows_leads_nobody() {
    let world = reading_world(json!({}), json!({}));
    world.model.says([answer("health", "the database is on fire")]);
    let report = world.concluded().await;
    assert_eq!(report.headline(), HEALTH);
    let reading = report.reading.as_ref().unwrap();
    assert!(reading.cause.is_none() && reading.hypotheses.iter().all(|one| one.demoted.is_some()));
    assert!(report.remarks[0].starts_with("None of the claims of the model `sonnet` stands"), "{:?}", report.remarks);
}
