//! What a model is asked and says, and what of a day's money that takes.

use domain::{Entry, Estimate, ModelTurn, Money, Opening, Part, Stop, ToolCall, Usage};
use futures_util::future::join_all;
use jiff::{Timestamp, civil::date};

use super::{World, world};
use crate::{BudgetScope, DayBudget, Recorded, Reserved, StoreError};

fn opening(prompt: &str) -> Opening {
    Opening { system: "s".into(), prompt: prompt.into(), fence: "f".into(), bytes: 2, at: Timestamp::UNIX_EPOCH }
}

fn turn(turn: u32, text: &str, usd: u64) -> ModelTurn {
    ModelTurn {
        turn,
        model: "m".parse().unwrap(),
        at: Timestamp::UNIX_EPOCH,
        elapsed_ms: 1,
        must_use: None,
        parts: vec![Part::Text { text: text.into() }],
        stop: Stop::End,
        usage: Usage { input: 10, output: 5, cache_read: 1, cache_write: 2 },
        usd: usd_of(usd),
    }
}

fn call(turn: u32, place: u32) -> ToolCall {
    ToolCall {
        turn,
        place,
        id: format!("c{place}"),
        tool: "look".into(),
        arguments: serde_json::json!({"n": 123.456_789_012_345_67}),
        step: None,
        repeated: false,
        text: "seen".into(),
        is_error: false,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn usd_of(nanos: u64) -> Money {
    Money::from_nanos(nanos)
}

/// What costs so much at most, and uses ten tokens for each.
fn most(usd: u64) -> Estimate {
    Estimate { tokens: usd * 10, usd: usd_of(usd) }
}

fn budgets(limit: u64) -> [DayBudget; 2] {
    let day = date(2026, 11, 22);
    [
        DayBudget { scope: BudgetScope::Workflow("pages".parse().unwrap()), day, limit: Some(usd_of(limit)) },
        DayBudget { scope: BudgetScope::Account, day, limit: None },
    ]
}

impl World {
    async fn spent(&self) -> [u64; 2] {
        let reader = self.store.reader();
        let [workflow, account] = budgets(0);
        [
            reader.spent(&workflow.scope, workflow.day).await.unwrap().nanos(),
            reader.spent(&account.scope, account.day).await.unwrap().nanos(),
        ]
    }
}

#[tokio::test]
async fn i6_what_was_said_is_recorded_once_and_read_back_in_order() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    assert_eq!(world.store.open_reading(run, token, &opening("first")).await.unwrap(), opening("first"));
    assert_eq!(world.store.open_reading(run, token, &opening("other")).await.unwrap(), opening("first"));
    for number in [1, 2] {
        assert_eq!(world.store.reserve_turn(run, token, most(100), &budgets(1000)).await.unwrap(), Reserved::Now);
        let said = turn(number, "said", 40);
        assert_eq!(
            world.store.record_turn(run, token, &said, usd_of(100), &budgets(1000)).await.unwrap(),
            Recorded::Now
        );
        assert_eq!(world.store.record_call(run, token, &call(number, 0)).await.unwrap(), Recorded::Now);
        assert_eq!(world.store.record_call(run, token, &call(number, 1)).await.unwrap(), Recorded::Now);
    }
    let again = turn(2, "another answer", 40);
    assert_eq!(world.store.record_turn(run, token, &again, usd_of(0), &budgets(1000)).await.unwrap(), Recorded::Before);
    assert_eq!(world.store.record_call(run, token, &call(2, 1)).await.unwrap(), Recorded::Before);
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!(view.transcript, world.store.reader().transcript(run).await.unwrap());
    let wanted = [
        Entry::Opening(opening("first")),
        Entry::Turn(turn(1, "said", 40)),
        Entry::Call(call(1, 0)),
        Entry::Call(call(1, 1)),
        Entry::Turn(turn(2, "said", 40)),
        Entry::Call(call(2, 0)),
        Entry::Call(call(2, 1)),
    ];
    assert_eq!(view.transcript, wanted);
    assert_eq!((view.run.prompt_bytes, view.run.cost.turns, view.run.cost.usd.nanos()), (Some(2), 2, 80));
    assert_eq!((view.run.cost.usage.total(), view.run.cost.lost_turns), (36, 0));
    assert_eq!(world.spent().await, [80, 80]);
}

#[tokio::test]
async fn i12_a_turn_whose_answer_was_lost_stays_counted() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    world.store.reserve_turn(run, token, most(100), &budgets(1000)).await.unwrap();
    // The process ended: it may have been paid.
    let cost = world.store.reader().run(run).await.unwrap().unwrap().cost;
    assert_eq!((cost.at_most().nanos(), cost.tokens_at_most(), cost.lost(), cost.asked()), (100, 1000, 1, 1));
    // The next one asks again.
    world.store.reserve_turn(run, token, most(100), &budgets(1000)).await.unwrap();
    world.store.record_turn(run, token, &turn(1, "said", 30), usd_of(100), &budgets(1000)).await.unwrap();
    // One that was refused costs nothing.
    world.store.reserve_turn(run, token, most(100), &budgets(1000)).await.unwrap();
    world.store.release_turn(run, token, usd_of(100), &budgets(1000)).await.unwrap();
    let cost = world.store.reader().run(run).await.unwrap().unwrap().cost;
    assert_eq!((cost.usd.nanos(), cost.lost_turns, cost.lost_usd.nanos()), (30, 1, 100));
    assert_eq!((cost.at_most().nanos(), cost.pending), (130, None));
    assert_eq!((cost.lost_tokens, cost.tokens_at_most(), cost.asked()), (1000, 1018, 2));
    assert_eq!(world.spent().await, [130, 130]);
}

#[tokio::test]
async fn i12_what_is_reserved_when_a_run_ends_is_counted_as_lost() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    world.store.reserve_turn(run, token, most(100), &budgets(1000)).await.unwrap();
    world.store.fail_run(run, token, "it cannot go on").await.unwrap();
    let cost = world.store.reader().run(run).await.unwrap().unwrap().cost;
    assert_eq!((cost.lost_turns, cost.lost_usd.nanos(), cost.lost_tokens, cost.pending), (1, 100, 1000, None));
    assert_eq!(world.spent().await, [100, 100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i12_a_days_money_holds_when_many_ask_at_once() {
    let world = world();
    let mut runs = Vec::new();
    for number in 0..12 {
        let event = world.event(domain::EventKind::Triggered, &format!("d{number}"), "2026-11-22T09:59:00Z");
        let run = world.run(&event);
        world.store.open_command(&run).await.unwrap();
        runs.push((run.id, world.claimed(run.id).await));
    }
    let budgets = budgets(500);
    let asked = runs.iter().map(|(run, token)| world.store.reserve_turn(*run, *token, most(100), &budgets));
    let reserved: Vec<Reserved> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(reserved.iter().filter(|reserved| **reserved == Reserved::Now).count(), 5, "{reserved:?}");
    let over = Reserved::Over(BudgetScope::Workflow("pages".parse().unwrap()));
    assert_eq!(reserved.iter().filter(|reserved| **reserved == over).count(), 7);
    assert_eq!(world.spent().await, [500, 500]);
    // More than the whole limit, on a day when nothing was spent yet.
    let tomorrow = DayBudget { day: date(2026, 11, 23), ..budgets[0].clone() };
    let (run, token) = runs[0];
    assert_eq!(world.store.reserve_turn(run, token, most(501), &[tomorrow]).await.unwrap(), over);
}

#[tokio::test]
async fn i6_who_has_lost_the_lease_records_and_reserves_nothing() {
    let world = world();
    let run = world.opened().await;
    let stale = world.claimed(run).await;
    world.clock.forward(31);
    world.claimed(run).await;
    let lost = |done: Result<(), StoreError>| assert!(matches!(done, Err(StoreError::LeaseLost)), "{done:?}");
    lost(world.store.open_reading(run, stale, &opening("late")).await.map(drop));
    lost(world.store.reserve_turn(run, stale, most(1), &budgets(10)).await.map(drop));
    lost(world.store.record_turn(run, stale, &turn(1, "late", 1), usd_of(1), &budgets(10)).await.map(drop));
    lost(world.store.record_call(run, stale, &call(1, 0)).await.map(drop));
    assert!(world.store.reader().transcript(run).await.unwrap().is_empty());
    assert_eq!(world.spent().await, [0, 0]);
}
