use std::sync::Arc;

use jiff::Timestamp;
use ports::{Condition, Index, Item, Key, ReadTable, TableError, When, Write, WriteTable};
use serde_json::{Map, Value, json};

use super::World;
use crate::{MAX_ITEM_BYTES, SqliteTable};

fn key(pk: &str, sk: &str) -> Key {
    Key { pk: pk.into(), sk: sk.into() }
}

fn item(pk: &str, sk: &str, attributes: Value) -> Item {
    Item { key: key(pk, sk), attributes: attributes.as_object().unwrap().clone() }
}

fn put(pk: &str, sk: &str, attributes: Value, when: When) -> Write {
    Write::Put { item: item(pk, sk, attributes), when }
}

#[tokio::test]
async fn what_was_put_reads_back_and_outlives_the_connection() {
    let world = World::new();
    let attributes = json!({
        "text": "ä \u{0} \"quoted\"", "whole": i64::MAX, "part": 0.1, "flag": true, "nothing": null,
        "deep": {"list": [1, "two", {"three": 3.5}], "gsi1pk": 7},
    });
    let table = SqliteTable::new(world.database.clone());
    table.transact(vec![put("p", "s", attributes.clone(), When::always())]).await.unwrap();
    let elsewhere = SqliteTable::new(world.elsewhere());
    assert_eq!(elsewhere.get(&key("p", "s")).await.unwrap(), Some(item("p", "s", attributes)));
    assert_eq!(elsewhere.get(&key("p", "other")).await.unwrap(), None);
}

#[tokio::test]
async fn all_parts_are_written_or_none_and_each_refused_part_shows_what_stood_there() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    table.transact(vec![put("p", "a", json!({"n": 1}), When::always())]).await.unwrap();

    let refused = table
        .transact(vec![
            put("p", "new", json!({}), When::all([Condition::Absent])),
            put("p", "a", json!({"n": 2}), When::all([Condition::Absent])),
            Write::Check { key: key("p", "missing"), when: When::all([Condition::Present]) },
        ])
        .await;
    let Err(TableError::Refused(refusals)) = refused else { panic!("{refused:?}") };
    let parts: Vec<_> = refusals.iter().map(|refusal| refusal.part).collect();
    assert_eq!(parts, [1, 2]);
    assert_eq!(refusals[0].found, Some(item("p", "a", json!({"n": 1}))));
    assert_eq!(refusals[1].found, None);
    assert_eq!(table.get(&key("p", "new")).await.unwrap(), None);
}

#[tokio::test]
async fn an_update_sets_adds_and_removes_and_makes_the_item() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    let update = |set: Value, add: Vec<(&'static str, i64)>, remove: Vec<&'static str>| Write::Update {
        key: key("p", "s"),
        set: set.as_object().unwrap().clone(),
        add,
        remove,
        when: When::always(),
    };
    table.transact(vec![update(json!({"a": 1, "b": 2}), vec![("count", 2)], vec![])]).await.unwrap();
    table.transact(vec![update(json!({"a": "x"}), vec![("count", -3)], vec!["b", "unknown"])]).await.unwrap();
    assert_eq!(table.get(&key("p", "s")).await.unwrap(), Some(item("p", "s", json!({"a": "x", "count": -1}))));

    let wrong = table.transact(vec![update(json!({}), vec![("a", 1)], vec![])]).await;
    assert!(matches!(wrong, Err(TableError::Port(error)) if !error.is_transient()));
}

#[tokio::test]
async fn to_remove_from_what_is_not_there_makes_nothing() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    let (key, remove) = (key("p", "s"), vec!["a"]);
    let remove = Write::Update { key: key.clone(), set: Map::new(), add: vec![], remove, when: When::always() };
    table.transact(vec![remove.clone()]).await.unwrap();
    assert_eq!(table.get(&key).await.unwrap(), None);
    table.transact(vec![put("p", "s", json!({"a": 1}), When::always())]).await.unwrap();
    table.transact(vec![remove]).await.unwrap();
    assert_eq!(table.get(&key).await.unwrap(), Some(item("p", "s", json!({}))));
}

#[tokio::test]
async fn what_dynamodb_would_not_take_is_not_taken_here() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    let long = "x".repeat(MAX_ITEM_BYTES);
    for (what, writes) in [
        ("no parts", vec![]),
        ("too many parts", (0..101).map(|n| put("p", &n.to_string(), json!({}), When::always())).collect()),
        ("the same item twice", vec![put("p", "s", json!({}), When::always()); 2]),
        ("an empty key", vec![put("p", "", json!({}), When::always())]),
        ("a large item", vec![put("p", "s", json!({"text": long}), When::always())]),
        ("an index key that is a number", vec![put("p", "s", json!({"gsi1pk": 1}), When::always())]),
        ("an empty index key", vec![put("p", "s", json!({"gsi2sk": ""}), When::always())]),
        ("an attribute named as the key", vec![put("p", "s", json!({"pk": "x"}), When::always())]),
        (
            "one attribute changed twice",
            vec![Write::Update {
                key: key("p", "s"),
                set: Map::from_iter([("n".to_owned(), json!(1))]),
                add: vec![("n", 1)],
                remove: vec![],
                when: When::always(),
            }],
        ),
    ] {
        let result = table.transact(writes).await;
        assert!(matches!(&result, Err(TableError::Port(error)) if !error.is_transient()), "{what}: {result:?}");
    }
    assert!(table.query("p", "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_partition_is_read_by_prefix_in_key_order() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    for sk in ["STEP#0010", "META", "STEP#0002", "STEQ", "STEP", "TARGET#slack"] {
        table.transact(vec![put("RUN#1", sk, json!({}), When::always())]).await.unwrap();
    }
    table.transact(vec![put("RUN#2", "STEP#0001", json!({}), When::always())]).await.unwrap();
    let keys = |items: Vec<Item>| items.into_iter().map(|item| item.key.sk).collect::<Vec<_>>();
    assert_eq!(keys(table.query("RUN#1", "STEP#").await.unwrap()), ["STEP#0002", "STEP#0010"]);
    assert_eq!(keys(table.query("RUN#1", "").await.unwrap()).len(), 6);
    assert!(table.query("RUN#3", "").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_index_lists_the_newest_first_and_pages_without_gaps_or_repeats() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    for n in 0..7 {
        // Pairs share a sort key: the page's mark must not lose one of them.
        let attributes = json!({"gsi1pk": "DAY#1", "gsi1sk": format!("{:02}", n / 2), "n": n});
        table.transact(vec![put(&format!("RUN#{n}"), "META", attributes, When::always())]).await.unwrap();
    }
    table.transact(vec![put("RUN#x", "META", json!({"gsi1pk": "DAY#1"}), When::always())]).await.unwrap();
    table
        .transact(vec![put("RUN#y", "META", json!({"gsi1pk": "DAY#2", "gsi1sk": "1"}), When::always())])
        .await
        .unwrap();

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = table.index(Index::Day, "DAY#1", 3, after.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|item| item.attributes["n"].as_i64().unwrap()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1, 0]);
    assert!(table.index(Index::Fingerprint, "DAY#1", 3, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn the_mark_of_another_list_is_refused() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    for n in 0..2 {
        let attributes = json!({"gsi1pk": "D", "gsi1sk": n.to_string()});
        table.transact(vec![put(&n.to_string(), "s", attributes, When::always())]).await.unwrap();
    }
    let next = table.index(Index::Day, "D", 1, None).await.unwrap().next.unwrap();
    assert!(table.index(Index::Day, "D", 1, Some(&next)).await.is_ok());
    for (index, pk, after) in
        [(Index::Day, "E", next.as_str()), (Index::Fingerprint, "D", next.as_str()), (Index::Day, "D", "rubbish")]
    {
        assert!(!table.index(index, pk, 1, Some(after)).await.unwrap_err().is_transient());
    }
}

#[tokio::test]
async fn an_item_leaves_an_index_with_its_attributes() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    let attributes = json!({"gsi2pk": "F", "gsi2sk": "1"});
    table.transact(vec![put("p", "s", attributes, When::always())]).await.unwrap();
    assert_eq!(table.index(Index::Fingerprint, "F", 9, None).await.unwrap().items.len(), 1);
    let update = Write::Update {
        key: key("p", "s"),
        set: Map::new(),
        add: vec![],
        remove: vec!["gsi2sk"],
        when: When::all([Condition::Present]),
    };
    table.transact(vec![update]).await.unwrap();
    assert!(table.index(Index::Fingerprint, "F", 9, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn sweeping_removes_what_has_expired_and_reading_does_not() {
    let world = World::new();
    let table = SqliteTable::new(world.database.clone());
    for (sk, attributes) in
        [("old", json!({"expires_at": 99})), ("new", json!({"expires_at": 101})), ("text", json!({"expires_at": "1"}))]
    {
        table.transact(vec![put("p", sk, attributes, When::always())]).await.unwrap();
    }
    assert_eq!(table.query("p", "").await.unwrap().len(), 3);
    assert_eq!(table.sweep(Timestamp::from_second(100).unwrap()).await.unwrap(), 1);
    assert_eq!(table.get(&key("p", "old")).await.unwrap(), None);
    assert_eq!(table.query("p", "").await.unwrap().len(), 2);
}

/// Two connections, as two processes have them, each claiming and counting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i3_of_many_who_claim_the_same_item_at_once_from_two_connections_one_gets_it() {
    let world = World::new();
    let tables = [Arc::new(SqliteTable::new(world.database.clone())), Arc::new(SqliteTable::new(world.elsewhere()))];
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..40 {
        let table = Arc::clone(&tables[n % 2]);
        claims.spawn(async move {
            let claim = put("INCIDENT", "OPEN", json!({"by": n}), When::all([Condition::Absent]));
            let count = Write::Update {
                key: key("COUNT", "ALL"),
                set: Map::new(),
                add: vec![("tried", 1)],
                remove: vec![],
                when: When::always(),
            };
            table.transact(vec![count]).await.unwrap();
            match table.transact(vec![claim]).await {
                Ok(()) => true,
                Err(TableError::Refused(refusals)) => {
                    assert!(refusals[0].found.is_some());
                    false
                }
                Err(error) => panic!("{error}"),
            }
        });
    }
    let won = claims.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
    let count = tables[0].get(&key("COUNT", "ALL")).await.unwrap().unwrap();
    assert_eq!(count.attributes["tried"], json!(40));
}
