//! When a write may happen.

use ports::{Condition, Key, Refusal, When, Write, WriteTable};
use serde_json::{Value, json};

use super::{check, item, key, put, read, set, try_to, write};
use crate::contract::{ContractWorld, fresh};

/// The item that conditions are asked of.
fn attributes() -> Value {
    json!({
        "text": "x", "empty": "", "number": 5, "double": 5.5, "whole": 1.0, "digits": "5", "truth": true, "lie": false,
        "null": null, "list": [5], "object": { "number": 5 },
    })
}

/// A condition, whether it holds for the item, and whether it does for none.
fn conditions() -> Vec<(Condition, bool, bool)> {
    use Condition::{Absent, Below, Equals, Present, Without};
    let mut all = vec![
        (Absent, false, true),
        (Present, true, false),
        (Equals("text", json!("x")), true, false),
        (Equals("text", json!("X")), false, false),
        (Equals("text", json!("")), false, false),
        (Equals("empty", json!("")), true, false),
        (Equals("truth", json!(true)), true, false),
        (Equals("truth", json!(false)), false, false),
        (Equals("lie", json!(false)), true, false),
        (Equals("number", json!(5)), true, false),
        (Equals("number", json!(6)), false, false),
        (Equals("double", json!(5.5)), true, false),
        (Equals("whole", json!(1)), true, false),
        // Of another type is not the same.
        (Equals("number", json!("5")), false, false),
        (Equals("digits", json!(5)), false, false),
        (Equals("truth", json!("true")), false, false),
        (Equals("lie", json!(0)), false, false),
        (Equals("null", json!("")), false, false),
        (Equals("list", json!(5)), false, false),
        (Equals("object", json!(5)), false, false),
        // A missing attribute is not the same as anything.
        (Equals("missing", json!("x")), false, false),
        (Equals("missing", json!(0)), false, false),
        (Equals("missing", json!(false)), false, false),
        (Without("missing"), true, true),
        (Without("text"), false, true),
        // What is there with nothing in it is there.
        (Without("empty"), false, true),
        (Without("null"), false, true),
        (Without("lie"), false, true),
        (Below("number", 6), true, false),
        (Below("number", 5), false, false),
        (Below("number", -5), false, false),
        (Below("double", 6), true, false),
        (Below("double", 5), false, false),
    ];
    for no_number in ["missing", "text", "digits", "empty", "truth", "null", "list", "object"] {
        all.push((Below(no_number, i64::MAX), false, false));
    }
    all
}

pub async fn each_condition_means_what_it_says_alone_in_every_kind_of_write(world: &dyn ContractWorld) {
    let table = world.table();
    let table = table.as_ref();
    let pk = fresh("CONDITION");
    let (there, not_there, beside) = (key(&pk, "THERE"), key(&pk, "NOT"), key(&pk, "BESIDE"));
    write(table, [put(&there, attributes(), When::always())]).await;
    for (condition, of_item, of_nothing) in conditions() {
        let when = || When::all([condition.clone()]);
        for (holds, on) in [(of_item, &there), (of_nothing, &not_there)] {
            let found = (on == &there).then(|| item(&there, attributes()));
            // A write that happens where nothing is would leave something, so those ask of a key of their own.
            let own = || if on == &there { there.clone() } else { key(&pk, &fresh("OWN")) };
            let (to_put, to_set) = (own(), own());
            let kinds = [
                (check(on, when()), on),
                (put(&to_put, attributes(), when()), &to_put),
                (set(&to_set, json!({ "text": "x" }), when()), &to_set),
            ];
            for (kind, to) in kinds {
                let what = format!("{condition:?} of {found:?} in {kind:?}");
                let refusal = |part| vec![Refusal { part, found: found.clone().map(plain_item) }];
                let alone = try_to(table, [kind.clone()]).await;
                assert_eq!(alone, if holds { Ok(()) } else { Err(refusal(0)) }, "{what}");
                if !holds {
                    assert_eq!(read(table, to).await.is_some(), found.is_some(), "{what}");
                }
                // The same as a part of a transaction; there, what was just made is there.
                if on == &there || matches!(kind, Write::Check { .. }) {
                    let together = try_to(table, [set(&beside, json!({ "n": 1 }), When::always()), kind]).await;
                    assert_eq!(together, if holds { Ok(()) } else { Err(refusal(1)) }, "{what}, together");
                }
            }
        }
    }
}

fn plain_item(mut item: ports::Item) -> ports::Item {
    item.attributes = super::plain(&item.attributes);
    item
}

pub async fn cases_are_joined_by_or_and_conditions_by_and(world: &dyn ContractWorld) {
    let table = world.table();
    let there = key(&fresh("CONDITION"), "THERE");
    write(table.as_ref(), [put(&there, attributes(), When::always())]).await;
    let holds = |one: usize, truth: bool| match (one, truth) {
        (0, true) => Condition::Equals("text", json!("x")),
        (0, false) => Condition::Equals("text", json!("y")),
        (1, true) => Condition::Below("number", 6),
        (1, false) => Condition::Below("number", 5),
        (2, true) => Condition::Without("missing"),
        (2, false) => Condition::Without("text"),
        (_, true) => Condition::Present,
        (_, false) => Condition::Absent,
    };
    for bits in 0..16_u32 {
        let bit = |place: usize| bits & (1 << place) != 0;
        let one = |place: usize| holds(place, bit(place));
        for (when, wanted) in [
            (When::all([one(0), one(1), one(2), one(3)]), bit(0) && bit(1) && bit(2) && bit(3)),
            (When::all([one(0)]).or([one(1)]).or([one(2)]).or([one(3)]), bit(0) || bit(1) || bit(2) || bit(3)),
            (When::all([one(0), one(1)]).or([one(2), one(3)]), (bit(0) && bit(1)) || (bit(2) && bit(3))),
            (When::all([one(0)]).or([one(1), one(2), one(3)]), bit(0) || (bit(1) && bit(2) && bit(3))),
            (When::default().or([one(0), one(1)]), bit(0) && bit(1)),
        ] {
            let happened = try_to(table.as_ref(), [check(&there, when.clone())]).await.is_ok();
            assert_eq!(happened, wanted, "{when:?}");
        }
    }
    // The three ways to a lease: none was there, it was given back, it has expired.
    let lease =
        || When::all([Condition::Absent]).or([Condition::Without("missing")]).or([Condition::Below("number", 100)]);
    for on in [&there, &key(&there.pk, "NOT")] {
        assert!(try_to(table.as_ref(), [check(on, lease())]).await.is_ok(), "{on:?}");
    }
}

pub async fn numbers_are_compared_exactly_and_only_with_numbers(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("CONDITION");
    let named = |name: &str| key(&pk, name);
    let numbers = json!({ "max": i64::MAX, "next": i64::MAX - 1, "min": i64::MIN, "zero": 0, "minus": -0.5 });
    write(table.as_ref(), [put(&named("THERE"), numbers, When::always())]).await;
    for (condition, holds) in [
        (Condition::Equals("max", json!(i64::MAX)), true),
        (Condition::Equals("max", json!(i64::MAX - 1)), false),
        (Condition::Equals("min", json!(i64::MIN)), true),
        (Condition::Equals("min", json!(i64::MIN + 1)), false),
        (Condition::Below("max", i64::MAX), false),
        (Condition::Below("next", i64::MAX), true),
        (Condition::Below("min", i64::MIN), false),
        (Condition::Below("min", i64::MIN + 1), true),
        (Condition::Below("zero", 0), false),
        (Condition::Below("zero", 1), true),
        (Condition::Below("minus", 0), true),
        (Condition::Equals("minus", json!(-0.5)), true),
    ] {
        let happened = try_to(table.as_ref(), [check(&named("THERE"), When::all([condition.clone()]))]).await.is_ok();
        assert_eq!(happened, holds, "{condition:?}");
    }
}

pub async fn what_always_may_happen_happens_on_any_item(world: &dyn ContractWorld) {
    let table = world.table();
    let table: &dyn WriteTable = table.as_ref();
    let pk = fresh("CONDITION");
    let never = || Condition::Equals("text", json!("never"));
    let whens: [(&str, When); 3] = [
        ("EMPTY", When::always()),
        ("EMPTY-CASE", When(vec![vec![]])),
        // A case that asks nothing holds, whatever the others ask.
        ("OR-NOTHING", When::all([never()]).or([])),
    ];
    for (name, when) in whens {
        let there: Key = key(&pk, name);
        for n in 0..2 {
            write(table, [check(&there, when.clone()), set(&key(&pk, "BESIDE"), json!({ "n": n }), When::always())])
                .await;
            write(table, [put(&there, json!({ "n": n }), when.clone())]).await;
            write(table, [set(&there, json!({ "m": n }), when.clone())]).await;
        }
        assert_eq!(read(table, &there).await, Some(json!({ "n": 1, "m": 1 })), "{name}");
    }
}
