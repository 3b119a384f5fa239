//! Twenty at once: what the incidents, the leases and the counters stand on.

use std::sync::Arc;

use ports::{Condition, Refusal, When, Write, WriteTable};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use super::{add, item, key, put, read, set, try_to, write};
use crate::contract::{ContractWorld, fresh};

const WRITERS: usize = 20;

/// Lets twenty do `writes` of their number at the same moment; what came of each.
async fn at_once(
    table: &Arc<dyn WriteTable>,
    writes: impl Fn(usize) -> Vec<Write>,
) -> Vec<(usize, Result<(), Vec<Refusal>>)> {
    let gate = Arc::new(Barrier::new(WRITERS));
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let (table, gate, writes) = (Arc::clone(table), Arc::clone(&gate), writes(n));
        writers.spawn(async move {
            gate.wait().await;
            (n, try_to(table.as_ref(), writes).await)
        });
    }
    writers.join_all().await
}

/// The one that wrote. Every other was refused for `part`, and found what the winner had written.
fn one_winner(
    outcomes: Vec<(usize, Result<(), Vec<Refusal>>)>,
    part: usize,
    found: impl Fn(usize) -> Value,
    at: &ports::Key,
) -> usize {
    let winners: Vec<usize> = outcomes.iter().filter(|(_, done)| done.is_ok()).map(|(n, _)| *n).collect();
    let [winner] = winners[..] else { panic!("{winners:?} all wrote") };
    for (n, refused) in outcomes.into_iter().filter(|(n, _)| *n != winner) {
        let stands = Some(item(at, found(winner)));
        assert_eq!(refused, Err(vec![Refusal { part, found: stands }]), "writer {n}");
    }
    winner
}

pub async fn i3_of_twenty_that_write_on_one_condition_exactly_one_does(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("RACE");
    let by_put = key(&pk, "PUT");
    let outcomes = at_once(&table, |n| vec![put(&by_put, json!({ "by": n }), When::all([Condition::Absent]))]).await;
    let winner = one_winner(outcomes, 0, |n| json!({ "by": n }), &by_put);
    assert_eq!(read(table.as_ref(), &by_put).await, Some(json!({ "by": winner })));

    let by_set = key(&pk, "SET");
    let outcomes =
        at_once(&table, |n| vec![set(&by_set, json!({ "by": n }), When::all([Condition::Without("by")]))]).await;
    let winner = one_winner(outcomes, 0, |n| json!({ "by": n }), &by_set);
    assert_eq!(read(table.as_ref(), &by_set).await, Some(json!({ "by": winner })));
}

pub async fn i3_of_twenty_transactions_exactly_one_happens_and_the_others_leave_no_trace(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("RACE");
    let incident = key(&pk, "INCIDENT");
    let outcomes = at_once(&table, |n| {
        vec![
            put(&key(&pk, &format!("RUN#{n:02}")), json!({ "n": n }), When::all([Condition::Absent])),
            put(&incident, json!({ "run": n }), When::all([Condition::Absent])),
            put(&key(&pk, &format!("ALIAS#{n:02}")), json!({ "n": n }), When::always()),
        ]
    })
    .await;
    let winner = one_winner(outcomes, 1, |n| json!({ "run": n }), &incident);
    let left = table.query(&pk, "").await.unwrap();
    assert_eq!(
        super::sort_keys(&left),
        [format!("ALIAS#{winner:02}"), "INCIDENT".to_owned(), format!("RUN#{winner:02}")]
    );
}

pub async fn of_twenty_that_claim_an_expired_lease_exactly_one_has_it(world: &dyn ContractWorld) {
    let table = world.table();
    let run = key(&fresh("RACE"), "META");
    write(table.as_ref(), [put(&run, json!({ "token": "dead", "until": 1_000 }), When::always())]).await;
    let outcomes = at_once(&table, |n| {
        let free = When::all([Condition::Present, Condition::Without("token")])
            .or([Condition::Present, Condition::Below("until", 2_000)]);
        vec![set(&run, json!({ "token": format!("writer {n}"), "until": 3_000 }), free)]
    })
    .await;
    one_winner(outcomes, 0, |n| json!({ "token": format!("writer {n}"), "until": 3_000 }), &run);
}

pub async fn no_addition_is_lost(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("RACE");
    let (alone, together) = (key(&pk, "ALONE"), key(&pk, "TOGETHER"));
    for (_, done) in at_once(&table, |_| vec![add(&alone, "n", 1)]).await {
        done.unwrap();
    }
    for (_, done) in
        at_once(&table, |n| vec![add(&key(&pk, &format!("OWN#{n:02}")), "n", 1), add(&together, "n", 2)]).await
    {
        done.unwrap();
    }
    assert_eq!(read(table.as_ref(), &alone).await, Some(json!({ "n": WRITERS })));
    assert_eq!(read(table.as_ref(), &together).await, Some(json!({ "n": 2 * WRITERS })));
}
