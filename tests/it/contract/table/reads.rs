//! Reading from the table itself.

use ports::{Condition, When};
use serde_json::json;

use super::{check, key, put, read, set, sort_keys, write};
use crate::contract::{ContractWorld, fresh};

pub async fn get_and_query_see_the_last_write(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("READ");
    let there = key(&pk, "META");
    assert_eq!(table.get(&there).await.unwrap(), None);
    assert!(table.query(&pk, "").await.unwrap().is_empty());
    for n in 0..10 {
        let change = match n % 3 {
            0 => vec![put(&there, json!({ "n": n }), When::always())],
            1 => vec![set(&there, json!({ "n": n }), When::always())],
            _ => vec![
                set(&there, json!({ "n": n }), When::always()),
                check(&key(&pk, "NOT"), When::all([Condition::Absent])),
            ],
        };
        write(table.as_ref(), change).await;
        assert_eq!(read(table.as_ref(), &there).await, Some(json!({ "n": n })));
        let items = table.query(&pk, "M").await.unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!((&items[0].key, &items[0].attributes["n"]), (&there, &json!(n)));
    }
    // Another's key, though it differs only in one half.
    assert_eq!(table.get(&key(&pk, "META ")).await.unwrap(), None);
    assert_eq!(table.get(&key(&pk, "meta")).await.unwrap(), None);
    assert_eq!(table.get(&key(&format!("{pk}0"), "META")).await.unwrap(), None);
}

pub async fn a_query_is_in_the_order_of_the_keys_bytes(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("READ");
    // In order. Not the order of UTF-16 (the last two), of numbers, or of a language.
    let ordered = [
        " ",
        "#",
        "0",
        "1",
        "10",
        "2",
        "A",
        "Z",
        "_",
        "a",
        "a#",
        "a#1",
        "aa",
        "b",
        "ß",
        "é",
        "가",
        "\u{FFFD}",
        "\u{1F600}",
    ];
    for sk in ordered.iter().rev() {
        write(table.as_ref(), [put(&key(&pk, sk), json!({ "is": sk }), When::always())]).await;
    }
    let items = table.query(&pk, "").await.unwrap();
    assert_eq!(sort_keys(&items), ordered);
    assert!(items.iter().all(|item| item.attributes["is"] == item.key.sk.as_str()));
}

pub async fn a_prefix_is_taken_literally_and_ends_where_it_ends(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("RUN#a");
    // A partition whose name begins with the other's is another partition.
    let longer = format!("{pk}b");
    let all = [
        "EVENT#1",
        "META",
        "STEP",
        "STEP#",
        "STEP#1",
        "STEP#10",
        "STEP#100",
        "STEP#2",
        "STEPS",
        "TARGET#50%",
        "TARGET#50x",
        "TARGET#a_b",
        "TARGET#axb",
        "TARGET#w*w",
        "TARGET#wxw",
        "TARGET#é",
        "step#1",
    ];
    for sk in all {
        write(table.as_ref(), [put(&key(&pk, sk), json!({}), When::always())]).await;
    }
    write(table.as_ref(), [put(&key(&longer, "STEP#1"), json!({}), When::always())]).await;
    for (prefix, wanted) in [
        ("", &all[..]),
        ("STEP#", &["STEP#", "STEP#1", "STEP#10", "STEP#100", "STEP#2"]),
        ("STEP#1", &["STEP#1", "STEP#10", "STEP#100"]),
        ("STEP#10", &["STEP#10", "STEP#100"]),
        ("STEP", &["STEP", "STEP#", "STEP#1", "STEP#10", "STEP#100", "STEP#2", "STEPS"]),
        ("step", &["step#1"]),
        ("TARGET#50%", &["TARGET#50%"]),
        ("TARGET#a_", &["TARGET#a_b"]),
        ("TARGET#w*", &["TARGET#w*w"]),
        ("TARGET#é", &["TARGET#é"]),
        ("STEP#1000", &[]),
        ("Z", &[]),
        ("\u{1F600}", &[]),
    ] {
        assert_eq!(sort_keys(&table.query(&pk, prefix).await.unwrap()), wanted, "{prefix:?}");
    }
    assert_eq!(table.query(&longer, "").await.unwrap().len(), 1);
    let (shorter, _) = pk.split_at(pk.len() - 1);
    assert!(table.query(shorter, "").await.unwrap().is_empty());
}

pub async fn a_query_reads_more_than_one_megabyte(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("READ");
    for n in 0..9 {
        let filler = char::from(b'a' + n).to_string().repeat(300_000);
        write(
            table.as_ref(),
            [put(&key(&pk, &format!("STEP#{n}")), json!({ "n": n, "filler": filler }), When::always())],
        )
        .await;
    }
    write(table.as_ref(), [put(&key(&pk, "TARGET"), json!({}), When::always())]).await;
    let steps = table.query(&pk, "STEP#").await.unwrap();
    assert_eq!(sort_keys(&steps), (0..9).map(|n| format!("STEP#{n}")).collect::<Vec<_>>());
    for (n, step) in steps.iter().enumerate() {
        let filler = step.attributes["filler"].as_str().unwrap();
        assert!(step.attributes["n"] == n && filler.len() == 300_000 && filler.starts_with(char::from(b'a' + n as u8)));
    }
    assert_eq!(table.query(&pk, "").await.unwrap().len(), 10);
}
