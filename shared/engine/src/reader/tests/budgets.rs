//! Budgets that hold (I12), and an incident that is over.

use std::sync::atomic::Ordering;

use domain::{IncidentState, Trigger};
use serde_json::json;

use super::support::{HEALTH, reading_world, world_of};
use crate::{
    reader::{
        MAX_TURNS,
        testing::{answer, calls},
    },
    tests::World,
};

fn look(n: usize) -> Result<crate::model::Answered, crate::model::ModelError> {
    calls(&[("read_evidence", json!({"step": "health", "from": n}))])
}

fn workflow(rest: serde_json::Value) -> serde_json::Value {
    let mut workflow = json!({
        "name": "pages", "trigger": {"sources": ["pagerduty"]},
        "investigate": {"command": "triage", "assistant": "cathy"},
    });
    for (key, value) in rest.as_object().unwrap() {
        workflow[key] = value.clone();
    }
    json!({"pages": workflow})
}

fn of_workflow(mut world: World) -> World {
    world.run.workflow = Some("pages".parse().unwrap());
    let event = domain::EventId::mint(world.run.created_at, 1);
    world.run.trigger = Trigger::Event { event, source: "pagerduty".parse().unwrap() };
    world
}

#[tokio::test(start_paused = true)]
async fn i12_near_the_runs_tokens_the_next_turn_is_the_answer() {
    // Each turn uses 1100; its estimate is some thousands, the first one's ten.
    let world = reading_world(json!({}), json!({"tokens": 22_500}));
    world.model.says((1..20).map(look).chain([answer("health", "503 at once")]));
    let report = world.concluded().await;
    let heard = world.model.heard();
    let first = heard.iter().position(|one| one.must_use.as_deref() == Some("answer")).unwrap();
    assert!(first >= 1 && heard.len() <= first + 3, "{first} {}", heard.len());
    assert!(report.remarks.iter().any(|remark| remark.contains("Not read by the model")), "{report:?}");
    assert!(world.view().await.run.cost.usage.total() <= 22_500);
}

#[tokio::test(start_paused = true)]
async fn i12_where_not_even_an_answer_is_paid_for_no_model_is_asked() {
    for (limits, name) in [
        (json!({"tokens": 900}), "the run's budget of 900 tokens"),
        (json!({"usd": 0.001}), "the run's budget of $0.0010"),
    ] {
        let world = reading_world(json!({}), limits);
        let report = world.concluded().await;
        assert!(world.model.heard().is_empty());
        assert_eq!(report.remarks, [format!("Not read by the model `sonnet`: {name} was reached.")]);
        assert_eq!(report.headline(), HEALTH);
    }
}

#[tokio::test(start_paused = true)]
async fn i12_the_money_of_a_day_is_one_for_all_runs_of_a_workflow_and_one_for_everybody() {
    for (limits, budgets, whose) in [
        (json!({"limits": {"usd_per_day": 0.2}}), json!({}), "the budget of the workflow `pages`"),
        (json!({}), json!({"all": {"name": "all", "usd_per_day": 0.2}}), "the account's budget"),
    ] {
        let mut world =
            of_workflow(reading_world(json!({"workflows": workflow(limits), "budgets": budgets}), json!({})));
        let (mut read, mut unread) = (0, 0);
        for number in 0..60 {
            let event = domain::EventId::mint(world.run.created_at, number);
            world.run.id = domain::RunId::opened_by(event);
            world.model.says([answer("health", "503 at once")]);
            let report = world.concluded().await;
            match report.reading {
                Some(_) => read += 1,
                None => {
                    unread += 1;
                    assert!(report.remarks[0].contains(whose), "{:?}", report.remarks);
                }
            }
            if unread == 0 {
                assert_eq!(world.model.left(), 0);
            }
        }
        // A turn costs 4.5 thousandths, and its reservation some hundredths.
        assert!(read > 5 && unread > 5, "{read} {unread}");
        let must: Vec<bool> = world.model.heard().iter().map(|one| one.must_use.is_some()).collect();
        assert!(!must[0] && must[read - 1], "the plan narrows before it ends: {must:?}");
        let day = "2026-11-22".parse().unwrap();
        let spent = world.engine.store.reader().spent(&store::BudgetScope::Account, day).await.unwrap();
        assert!(spent.usd() <= 0.2, "{spent}");
    }
}

#[tokio::test(start_paused = true)]
async fn i12_turns_are_bounded_and_the_last_is_the_answer() {
    let world = reading_world(json!({}), json!({"tokens": 10_000_000}));
    world.model.says((1..100).map(look));
    let report = world.concluded().await;
    assert!(report.reading.is_none());
    let heard = world.model.heard();
    assert!(heard.len() <= MAX_TURNS as usize && heard.last().unwrap().must_use.is_some(), "{}", heard.len());
}

#[tokio::test(start_paused = true)]
async fn i12_the_time_of_a_run_ends_tools_and_turns() {
    let world = reading_world(json!({}), json!({"time": "20s"}));
    world.model.says([calls(&[("look", json!({"url": "http://slow"}))]), answer("health", "503 at once")]);
    let began = tokio::time::Instant::now();
    let report = world.concluded().await;
    assert_eq!(began.elapsed().as_secs(), 20);
    assert_eq!(report.remarks, ["Not read by the model `sonnet`: the run's time budget was reached."]);
    assert_eq!(world.steps().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_resolved_incident_stops_the_run_where_its_workflow_says_so() {
    for (policy, by_hand, stops) in [("resolved", false, true), ("never", false, false), ("resolved", true, false)] {
        let investigate = json!({"investigate": {"command": "triage", "assistant": "cathy", "stop_when": policy}});
        let mut world = of_workflow(reading_world(json!({"workflows": workflow(investigate)}), json!({})));
        world.run.incident = IncidentState::Resolved { at: world.run.created_at };
        if by_hand {
            // Whoever asked knew that it was over.
            world.run.trigger = Trigger::Hand { who: "ann".to_owned() };
        }
        world.model.says([answer("health", "503 at once")]);
        let report = world.concluded().await;
        assert_eq!(report.reading.is_none(), stops);
        assert_eq!(world.model.heard().len(), usize::from(!stops));
        if stops {
            assert!(
                report.remarks[0].contains("the incident was over at 2026-11-22T10:00:00Z"),
                "{:?}",
                report.remarks
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_resolved_incident_stops_the_checks_between_two_of_them() {
    let investigate = json!({"investigate": {"command": "triage", "assistant": "cathy", "stop_when": "resolved"}});
    let commands = json!({"triage": {"name": "triage", "description": "x", "tasks": [
        {"id": "a", "task": "look", "with": {"url": "http://health"}},
        {"id": "b", "task": "look", "with": {"url": "http://queue"}, "needs": ["a"]},
    ]}});
    let extra = json!({"workflows": workflow(investigate), "commands": commands});
    let mut world = of_workflow(world_of(extra, json!({}), &[]));
    world.run.incident = IncidentState::Merged { at: world.run.created_at };
    world.model.seconds.store(1, Ordering::Relaxed);
    let report = world.concluded().await;
    assert_eq!(world.called(), ["http://health"]);
    assert!(report.remarks[0].starts_with("Concluded early: the incident was over at "), "{:?}", report.remarks);
    assert!(world.model.heard().is_empty());
}
