//! A process that ends between any two writes, and slices that end between any two turns.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use domain::{Entry, Report};
use serde_json::json;

use super::support::{HEALTH, reading_world};
use crate::{
    model::{Answered, AskModel, ModelError, Speaker, Turn},
    reader::testing::{answer, calls},
    tests::World,
};

/// A model whose replies follow from what was said, as a real one's do, and which counts how often it was asked what.
#[derive(Default)]
struct Steady(Mutex<BTreeMap<usize, u32>>);

#[async_trait]
impl AskModel for Steady {
    async fn ask(&self, turn: &Turn<'_>) -> Result<Answered, ModelError> {
        let said = turn.messages.iter().filter(|message| message.speaker == Speaker::Assistant).count();
        *self.0.lock().unwrap().entry(said).or_default() += 1;
        match said {
            0 => calls(&[("look", json!({"url": "http://queue"})), ("read_evidence", json!({"step": "health"}))]),
            1 => calls(&[("look", json!({"url": "http://queue"})), ("answer", json!({"not": "an answer"}))]),
            _ => answer("assistant.1_1.look", "\"depth\": 4711"),
        }
    }
}

fn steady() -> (World, Arc<Steady>) {
    let mut world = reading_world(json!({}), json!({"time": "1h"}));
    let model = Arc::new(Steady::default());
    world.engine.models = model.clone();
    (world, model)
}

async fn whole(world: &World, report: &Report) {
    assert_eq!(report.headline(), "Checkout is down: it answers 503", "{report:?}");
    assert_eq!(report.verdict, HEALTH);
    let entries = world.view().await.transcript;
    let turns = entries.iter().filter(|entry| matches!(entry, Entry::Turn(_))).count();
    let calls = entries.iter().filter(|entry| matches!(entry, Entry::Call(_))).count();
    assert_eq!((turns, calls, world.steps().await.len()), (3, 5, 2));
}

#[tokio::test(start_paused = true)]
async fn i6_a_run_that_is_killed_between_any_two_writes_pays_no_recorded_turn_twice() {
    let mut killed = 0;
    for done in [false, true] {
        for nth in 1.. {
            let (world, model) = steady();
            *world.table.left.lock().unwrap() = (nth, done);
            let first = world.slice(3000).await;
            let recorded = match &first {
                // It came to its end in fewer writes.
                Ok(_) => break,
                Err(_) => world.engine.store.reader().transcript(world.run.id).await.unwrap(),
            };
            killed += 1;
            let recorded = recorded.iter().filter(|entry| matches!(entry, Entry::Turn(_))).count();
            let (asked, called) = (model.0.lock().unwrap().clone(), world.called().len());
            *world.table.left.lock().unwrap() = (u64::MAX, false);
            tokio::time::advance(std::time::Duration::from_secs(31)).await;
            let stands = world.engine.store.reader().run(world.run.id).await.unwrap();
            if stands.is_some_and(|run| run.status.is_terminal()) {
                // The last write was done, and nobody heard of it.
                continue;
            }
            let report = world.concluded().await;
            whole(&world, &report).await;
            for (turn, count) in model.0.lock().unwrap().iter() {
                let before = asked.get(turn).copied().unwrap_or(0);
                // The one whose answer got lost is asked again; a recorded one never.
                let again = u32::from(*turn >= recorded);
                assert_eq!(*count, before + again, "turn {turn} after write {nth}");
            }
            let cost = world.view().await.run.cost;
            let lost = asked.values().sum::<u32>() as usize - recorded;
            assert_eq!(cost.turns, 3);
            assert!(cost.lost_turns as usize >= lost && cost.lost_turns <= 1, "{cost:?} {lost} {nth}");
            assert_eq!(
                cost.lost_turns > 0,
                report.remarks.iter().any(|remark| remark.contains("got lost")),
                "{report:?}"
            );
            let again = world.called();
            assert!(called + again.len() <= 3, "a recorded Task is not run again: {again:?} after write {nth}");
        }
    }
    assert!(killed > 20, "{killed}");
}

#[tokio::test(start_paused = true)]
async fn i6_a_reading_goes_over_slices_and_asks_nothing_twice() {
    let (world, model) = steady();
    // Each slice ends before the next turn may begin: the checks have one, and each turn.
    let mut slices = 0;
    let report = loop {
        slices += 1;
        if let Some(report) = world.slice(30).await.unwrap() {
            break report;
        }
    };
    whole(&world, &report).await;
    assert_eq!(slices, 4);
    assert!(model.0.lock().unwrap().values().all(|count| *count == 1));
    assert_eq!(world.called().len(), 2);
}
