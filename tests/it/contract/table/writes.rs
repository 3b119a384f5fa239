//! What a write does, and what a refused one does not.

use ports::{Condition, Refusal, When, Write};
use serde_json::{Map, json};

use super::{add, check, item, key, map, put, read, refused_for_good, set, sort_keys, try_to, write};
use crate::contract::{ContractWorld, fresh};

pub async fn a_put_replaces_the_whole_item(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let (alone, together) = (key(&pk, "ALONE"), key(&pk, "TOGETHER"));
    for there in [&alone, &together] {
        write(table.as_ref(), [put(there, json!({ "old": 1, "kept": { "a": 1, "b": 2 } }), When::always())]).await;
    }
    let new = json!({ "kept": { "a": 3 }, "new": "x" });
    write(table.as_ref(), [put(&alone, new.clone(), When::all([Condition::Present]))]).await;
    write(table.as_ref(), [put(&together, new.clone(), When::always()), check(&alone, When::always())]).await;
    for there in [&alone, &together] {
        assert_eq!(read(table.as_ref(), there).await, Some(new.clone()));
    }
    write(table.as_ref(), [put(&alone, json!({}), When::always())]).await;
    assert_eq!(read(table.as_ref(), &alone).await, Some(json!({})));
}

pub async fn an_update_makes_the_item_and_leaves_what_it_does_not_name(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let (by_set, by_add) = (key(&pk, "SET"), key(&pk, "ADD"));
    write(table.as_ref(), [set(&by_set, json!({ "a": 1, "b": { "x": 1, "y": 2 } }), When::always())]).await;
    write(table.as_ref(), [set(&by_set, json!({ "b": { "x": 3 }, "c": null }), When::always())]).await;
    assert_eq!(read(table.as_ref(), &by_set).await, Some(json!({ "a": 1, "b": { "x": 3 }, "c": null })));

    write(table.as_ref(), [add(&by_add, "n", 3)]).await;
    assert_eq!(read(table.as_ref(), &by_add).await, Some(json!({ "n": 3 })));
}

pub async fn an_update_sets_adds_and_removes_at_once(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    for (sk, in_company) in [("ALONE", false), ("TOGETHER", true)] {
        let there = key(&pk, sk);
        let before = json!({ "number": 5, "double": 0.5, "gone": { "x": 1 }, "changed": "old", "kept": [1, 2] });
        write(table.as_ref(), [put(&there, before, When::always())]).await;
        let mut parts = vec![Write::Update {
            key: there.clone(),
            set: map(json!({ "changed": "new", "made": true })),
            add: vec![("number", -7), ("missing", 2), ("double", 1), ("nothing", 0)],
            remove: vec!["gone", "never"],
            when: When::all([Condition::Equals("number", json!(5))]),
        }];
        if in_company {
            parts.push(add(&key(&pk, "COMPANY"), "n", 1));
        }
        write(table.as_ref(), parts).await;
        let after = json!({
            "number": -2, "missing": 2, "double": 1.5, "nothing": 0, "changed": "new", "made": true, "kept": [1, 2],
        });
        assert_eq!(read(table.as_ref(), &there).await, Some(after), "{sk}");
    }
}

pub async fn a_check_writes_nothing(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let (there, not_there) = (key(&pk, "THERE"), key(&pk, "NOT"));
    write(table.as_ref(), [put(&there, json!({ "n": 1 }), When::always())]).await;
    let checks = [check(&there, When::all([Condition::Present])), check(&not_there, When::all([Condition::Absent]))];
    write(table.as_ref(), checks).await;
    assert_eq!(read(table.as_ref(), &there).await, Some(json!({ "n": 1 })));
    assert_eq!(sort_keys(&table.query(&pk, "").await.unwrap()), ["THERE"]);
}

pub async fn a_refusal_lists_exactly_the_parts_that_failed_with_what_stands_there(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let at = |name: &str| key(&pk, name);
    let (run, lease) = (json!({ "status": "running", "n": 1 }), json!({ "token": "t1", "until": 99.5 }));
    write(
        table.as_ref(),
        [put(&at("RUN"), run.clone(), When::always()), put(&at("LEASE"), lease.clone(), When::always())],
    )
    .await;
    let refused = try_to(
        table.as_ref(),
        [
            put(&at("NEW"), json!({ "n": 1 }), When::all([Condition::Absent])),
            check(&at("RUN"), When::all([Condition::Equals("status", json!("queued"))])),
            set(&at("OTHER"), json!({ "n": 1 }), When::always()),
            put(
                &at("LEASE"),
                json!({ "token": "t2" }),
                When::all([Condition::Absent]).or([Condition::Below("until", 99)]),
            ),
            check(&at("NOWHERE"), When::all([Condition::Present])),
            set(&at("NOTHING"), json!({ "n": 1 }), When::all([Condition::Equals("n", json!(0))])),
        ],
    )
    .await;
    let wanted = vec![
        Refusal { part: 1, found: Some(item(&at("RUN"), run.clone())) },
        Refusal { part: 3, found: Some(item(&at("LEASE"), lease)) },
        Refusal { part: 4, found: None },
        Refusal { part: 5, found: None },
    ];
    assert_eq!(refused, Err(wanted));
    assert_eq!(sort_keys(&table.query(&pk, "").await.unwrap()), ["LEASE", "RUN"]);
    // One part alone is refused in the same words.
    let alone = try_to(table.as_ref(), [set(&at("RUN"), json!({ "n": 2 }), When::all([Condition::Absent]))]).await;
    assert_eq!(alone, Err(vec![Refusal { part: 0, found: Some(item(&at("RUN"), run)) }]));
}

pub async fn i3_one_refused_part_and_nothing_is_written(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let at = |name: &str| key(&pk, name);
    let before = json!({ "n": 1, "gone": "x" });
    write(table.as_ref(), [put(&at("THERE"), before.clone(), When::always())]).await;
    let change = Write::Update {
        key: at("THERE"),
        set: map(json!({ "set": 1 })),
        add: vec![("n", 1)],
        remove: vec!["gone"],
        when: When::all([Condition::Present]),
    };
    let refused = || check(&at("NOT"), When::all([Condition::Present]));
    for place in 0..3 {
        let mut parts = vec![put(&at("PUT"), json!({ "n": 1 }), When::all([Condition::Absent])), change.clone()];
        parts.insert(place, refused());
        let refusals = try_to(table.as_ref(), parts).await.unwrap_err();
        assert_eq!(refusals, [Refusal { part: place, found: None }]);
        assert_eq!(sort_keys(&table.query(&pk, "").await.unwrap()), ["THERE"], "refused at {place}");
        assert_eq!(read(table.as_ref(), &at("THERE")).await, Some(before.clone()), "refused at {place}");
    }
    // Without the refused part it is done.
    write(table.as_ref(), [put(&at("PUT"), json!({ "n": 1 }), When::all([Condition::Absent])), change]).await;
    assert_eq!(read(table.as_ref(), &at("THERE")).await, Some(json!({ "n": 2, "set": 1 })));
    assert_eq!(read(table.as_ref(), &at("PUT")).await, Some(json!({ "n": 1 })));
}

pub async fn a_hundred_parts_are_one_transaction(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let parts = |most: usize| -> Vec<Write> {
        (0..most)
            .map(|n| put(&key(&pk, &format!("{n:03}")), json!({ "n": n }), When::all([Condition::Absent])))
            .collect()
    };
    refused_for_good(table.as_ref(), "101 parts", parts(101)).await;
    assert!(table.query(&pk, "").await.unwrap().is_empty());
    write(table.as_ref(), parts(100)).await;
    assert_eq!(table.query(&pk, "").await.unwrap().len(), 100);
    // All hundred are refused, and all hundred are told.
    let refusals = try_to(table.as_ref(), parts(100)).await.unwrap_err();
    assert_eq!(refusals.iter().map(|refusal| refusal.part).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    assert_eq!(refusals[42].found, Some(item(&key(&pk, "042"), json!({ "n": 42 }))));
}

pub async fn what_is_wrong_with_a_write_is_permanent_and_writes_nothing(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("WRITE");
    let at = |name: &str| key(&pk, name);
    write(table.as_ref(), [put(&at("THERE"), json!({ "text": "x", "truth": true, "null": null }), When::always())])
        .await;
    let update = |set: Map<_, _>, add: &[(&'static str, i64)], remove: &[&'static str]| Write::Update {
        key: at("THERE"),
        set,
        add: add.to_vec(),
        remove: remove.to_vec(),
        when: When::always(),
    };
    let of = |value| map(json!({ "n": value }));
    let new = || put(&at("NEW"), json!({ "n": 1 }), When::always());
    let wrong: Vec<(&str, Vec<Write>)> = vec![
        ("no part at all", vec![]),
        ("two parts on one item", vec![new(), add(&at("NEW"), "n", 1)]),
        ("the same part twice", vec![add(&at("THERE"), "n", 1), add(&at("THERE"), "n", 1)]),
        ("a check and a write of one item", vec![check(&at("NEW"), When::all([Condition::Absent])), new()]),
        ("to add to a text", vec![add(&at("THERE"), "text", 1)]),
        ("to add to a truth", vec![add(&at("THERE"), "truth", 1)]),
        ("to add to null", vec![add(&at("THERE"), "null", 1)]),
        ("to add to a text, beside what is right", vec![new(), add(&at("THERE"), "text", 1)]),
        ("to set and add to one attribute", vec![update(of(1), &[("n", 1)], &[])]),
        ("to set and remove one attribute", vec![update(of(1), &[], &["n"])]),
        ("to add twice to one attribute", vec![update(Map::new(), &[("n", 1), ("n", 1)], &[])]),
        ("to set and remove one attribute, beside what is right", vec![new(), update(of(1), &[], &["n"])]),
        ("an update of nothing", vec![update(Map::new(), &[], &[])]),
        ("an update of nothing, beside what is right", vec![new(), update(Map::new(), &[], &[])]),
        ("an empty partition key", vec![put(&key("", "X"), json!({}), When::always())]),
        ("an empty sort key", vec![put(&at(""), json!({}), When::always())]),
        ("an empty key, beside what is right", vec![new(), put(&at(""), json!({}), When::always())]),
        ("an attribute in the key's place", vec![put(&at("NEW"), json!({ "pk": "x", "n": 1 }), When::always())]),
        ("to change the sort key", vec![set(&at("THERE"), json!({ "sk": "x" }), When::always())]),
        ("an index key that is a number", vec![put(&at("NEW"), json!({ "gsi1pk": 1, "gsi1sk": "x" }), When::always())]),
        ("an index key that is empty", vec![put(&at("NEW"), json!({ "gsi2pk": "x", "gsi2sk": "" }), When::always())]),
        ("an index key set to null", vec![set(&at("THERE"), json!({ "gsi1sk": null }), When::always())]),
        (
            "an index key set wrong beside what is right",
            vec![new(), set(&at("THERE"), json!({ "gsi1sk": 7 }), When::always())],
        ),
    ];
    for (what, writes) in wrong {
        refused_for_good(table.as_ref(), what, writes).await;
        assert_eq!(sort_keys(&table.query(&pk, "").await.unwrap()), ["THERE"], "{what}");
        let there = read(table.as_ref(), &at("THERE")).await;
        assert_eq!(there, Some(json!({ "text": "x", "truth": true, "null": null })), "{what}");
    }
}
