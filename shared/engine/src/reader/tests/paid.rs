//! What was paid and never read, what is reserved, and what is not begun (I12).

use std::{sync::atomic::Ordering, time::Duration};

use domain::{EventId, Money, RunId};
use serde_json::{Value, json};
use store::BudgetScope;

use super::support::{HEALTH, reading_world, world_of};
use crate::{
    model::ModelError,
    reader::{
        MAX_TURNS, PROMPT_CAP, TRIES, budget,
        testing::{answer, calls},
    },
    tests::{World, entry},
};

async fn spent(world: &World) -> Money {
    let day = "2026-11-22".parse().unwrap();
    world.engine.store.reader().spent(&BudgetScope::Account, day).await.unwrap()
}

fn broken(may_cost: bool, is_permanent: bool) -> ModelError {
    let reason = "its answer is not JSON".to_owned();
    if is_permanent {
        ModelError::Permanent { reason, may_cost }
    } else {
        ModelError::Transient { reason, retry_after: None, may_cost }
    }
}

#[tokio::test(start_paused = true)]
async fn i12_an_answer_that_was_paid_and_could_not_be_read_stays_counted() {
    for (may_cost, is_permanent) in [(true, true), (true, false), (false, true), (false, false)] {
        let world = reading_world(json!({}), json!({}));
        world.model.says([Err(broken(may_cost, is_permanent)), answer("health", "503 at once")]);
        let report = world.concluded().await;
        assert_eq!(report.reading.is_some(), !is_permanent);
        let cost = world.view().await.run.cost;
        assert_eq!((cost.lost_turns, cost.pending), (u64::from(may_cost), None), "{cost:?}");
        assert_eq!((cost.lost_usd.nanos() > 0, cost.lost_tokens > 4096), (may_cost, may_cost), "{cost:?}");
        assert_eq!(spent(&world).await, cost.at_most());
        let said: Vec<&String> = report.remarks.iter().filter(|remark| remark.contains("got lost")).collect();
        assert_eq!(said.len(), usize::from(may_cost), "{report:?}");
        // Also of the one that nobody reserved over before the end.
        assert!(said.iter().all(|said| said.contains(&format!("up to {} more", cost.lost_usd))), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i12_each_try_is_held_to_the_runs_limits_with_what_earlier_ones_may_have_cost() {
    for (limits, which) in [
        (json!({"time": "1h", "usd": 0.2}), "the run's budget of $0.2000"),
        (json!({"time": "1h", "tokens": 30_000}), "the run's budget of 30000 tokens"),
    ] {
        let world = reading_world(json!({}), limits.clone());
        world.model.seconds.store(100_000, Ordering::Relaxed);
        let report = world.concluded().await;
        let wanted = format!("the model `sonnet` did not answer within 120s; then {which} was reached.");
        assert_eq!(report.remarks[0], format!("Not read by the model `sonnet`: {wanted}"));
        // The last is a shorter one, which is still paid for.
        let heard = world.model.heard();
        assert!((2..TRIES as usize).contains(&heard.len()), "{}", heard.len());
        let cost = world.view().await.run.cost;
        assert_eq!((cost.turns, cost.lost_turns), (0, heard.len() as u64));
        assert!(cost.at_most() <= budget::usd(limits["usd"].as_f64().unwrap_or(1.0)), "{cost:?}");
        assert!(cost.tokens_at_most() <= limits["tokens"].as_u64().unwrap_or(u64::MAX), "{cost:?}");
        assert_eq!(spent(&world).await, cost.at_most());
    }
}

#[tokio::test(start_paused = true)]
async fn i12_turns_whose_answer_is_lost_are_turns_in_every_invocation() {
    let world = reading_world(json!({}), json!({"time": "10h", "tokens": 10_000_000}));
    world.model.seconds.store(100_000, Ordering::Relaxed);
    let report = loop {
        if let Some(report) = world.slice(300).await.unwrap() {
            break report;
        }
    };
    assert_eq!(world.model.heard().len(), MAX_TURNS as usize);
    assert!(report.remarks[0].contains(&format!("the limit of {MAX_TURNS} turns was reached")), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn i12_what_a_killed_process_had_reserved_counts_before_the_next_turn() {
    let world = reading_world(json!({}), json!({"usd": 0.1}));
    world.model.says([answer("health", "503 at once"), answer("health", "503 at once")]);
    // Open, claim, step, evidence, opening, reservation: it ends before the turn is recorded.
    *world.table.left.lock().unwrap() = (7, false);
    world.slice(3000).await.unwrap_err();
    assert_eq!(world.model.heard().len(), 1);
    let cost = world.view().await.run.cost;
    assert!(cost.turns == 0 && cost.lost() == 1 && cost.at_most() > budget::usd(0.05), "{cost:?}");

    *world.table.left.lock().unwrap() = (u64::MAX, false);
    tokio::time::advance(Duration::from_secs(31)).await;
    let report = world.concluded().await;
    assert!(world.model.heard().is_empty());
    assert_eq!(report.remarks[0], "Not read by the model `sonnet`: the run's budget of $0.1000 was reached.");
    let cost = world.view().await.run.cost;
    assert!(cost.lost_turns == 1 && cost.pending.is_none() && cost.at_most() <= budget::usd(0.1), "{cost:?}");
    assert_eq!(spent(&world).await, cost.at_most());
}

#[tokio::test(start_paused = true)]
async fn i12_two_runs_at_once_stay_within_one_days_budget_and_both_conclude() {
    let day = 0.09;
    let world = reading_world(json!({"budgets": {"all": {"name": "all", "usd_per_day": day}}}), json!({}));
    // Both are under way when the other asks.
    world.model.seconds.store(20, Ordering::Relaxed);
    let look = || calls(&[("read_evidence", json!({"step": "health"}))]);
    world.model.says([look(), look(), answer("health", "503 at once"), answer("health", "503 at once")]);
    let mut other = world.run.clone();
    other.id = RunId::opened_by(EventId::mint(other.created_at, 2));
    let (one, two) = tokio::join!(world.slice(3000), world.slice_of(&other, 3000));
    let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
    for report in [&one, &two] {
        assert_eq!(report.verdict, HEALTH, "what the checks found is said");
        let over = report.remarks.iter().any(|remark| remark.contains("the account's budget for the day"));
        assert_eq!(over, report.reading.is_none(), "{report:?}");
    }
    assert!(one.reading.is_none() || two.reading.is_none(), "there is not enough for both");
    assert!(spent(&world).await <= budget::usd(day), "{}", spent(&world).await);
}

#[tokio::test(start_paused = true)]
async fn i12_no_turn_begins_where_too_little_of_the_invocation_is_left() {
    // The checks took a minute of it.
    let commands = json!({"commands": {"triage": {"name": "triage", "description": "x", "tasks": [
        entry("health", "http://health"), entry("slow", "http://minute"),
    ]}}});
    let minute = ("http://minute", 60, Ok(json!({"status": 200})));
    let world = world_of(commands, json!({"time": "20m"}), &[minute]);
    world.model.says([answer("health", "503 at once")]);
    assert!(world.slice(100).await.unwrap().is_none());
    assert!(world.model.heard().is_empty(), "it would have been cut off after 40 s, and paid");
    assert!(world.slice(100).await.unwrap().unwrap().reading.is_some());

    // A try that comes late.
    let world = reading_world(json!({}), json!({"time": "20m"}));
    let busy =
        ModelError::Transient { reason: "busy".into(), retry_after: Some(Duration::from_secs(60)), may_cost: false };
    world.model.says([Err(busy), answer("health", "503 at once")]);
    assert!(world.slice(100).await.unwrap().is_none());
    assert_eq!(world.model.heard().len(), 1);
    assert!(world.slice(100).await.unwrap().unwrap().reading.is_some());
    assert_eq!(world.view().await.run.cost.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn i12_a_prompt_is_25_kb_at_most_before_any_tool_was_asked_and_its_size_is_on_the_record() {
    let much = |what: &str| format!("{what} checkout pool exhausted \u{1F525} \"503\"\n").repeat(800);
    let named = |kind: &str, count: usize, document: &dyn Fn(&str) -> Value| -> Value {
        (0..count).map(|n| format!("{kind}-{n}")).map(|name| (name.clone(), document(&name))).collect()
    };
    let rules = named(
        "rule",
        200,
        &|name| json!({"name": name, "when": "issue.severity == 2", "then": {"severity": 3}, "reason": much(name)}),
    );
    let knowledge = named("note", 50, &|name| json!({"name": name, "title": "Checkout is down", "text": much(name)}));
    let tasks = named("check", 60, &|name| {
        json!({
            "name": name, "access": "read-only", "description": much(name), "title": name,
            "inputs": {"text": {"type": "string", "enum": ["a", "b"], "description": much("input")}},
            "run": {"http": {"url": "http://health"}},
        })
    });
    let mut extra = json!({"rules": rules, "knowledge": knowledge});
    extra["assistants"] = json!({"cathy": {"name": "cathy", "model": "sonnet", "tasks": tasks.as_object().unwrap().keys().collect::<Vec<_>>()}});
    let health = ("http://health", 0, Ok(json!({"status": 503, "body": much("body")})));
    let mut world = world_of(extra, json!({}), &[health]);
    let catalog = std::sync::Arc::get_mut(&mut world.engine.catalog).unwrap();
    for (name, task) in tasks.as_object().unwrap() {
        catalog.tasks.insert(name.parse().unwrap(), serde_json::from_value(task.clone()).unwrap());
    }
    let command = catalog.commands.values_mut().next().unwrap();
    (command.description, command.procedure) = (much("about"), Some(much("procedure")));
    let alert = world.run.alert.as_mut().unwrap();
    (alert.title, alert.description) = ("title ".repeat(2000), much("description"));
    alert.labels = (0..500).map(|n| (format!("label-{n}"), "label ".repeat(50))).collect();
    world.model.says([answer("health", "503 at once")]);
    world.concluded().await;
    let heard = world.model.heard();
    let said: usize = heard[0]
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .map(|part| match part {
            domain::Part::Text { text } => text.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    let bytes = heard[0].system.len() + said + serde_json::to_string(&heard[0].tools).unwrap().len();
    assert!((20_000..=PROMPT_CAP).contains(&bytes) && PROMPT_CAP == 25_000, "{bytes}");
    let view = world.view().await;
    assert_eq!(view.run.prompt_bytes, Some(bytes as u64));
    assert!(
        view.transcript
            .iter()
            .any(|entry| matches!(entry, domain::Entry::Opening(opening) if opening.bytes == bytes as u64))
    );
}
