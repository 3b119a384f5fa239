//! Reading from an index. It may lag a moment behind, so what is looked for in one is waited for.

use ports::{Condition, Index, Page, When, Write};
use serde_json::{Value, json};

use super::{key, put, set, sort_keys, write};
use crate::contract::{ContractWorld, fresh, until};

const INDEXES: [(Index, &str, &str); 2] = [(Index::Day, "gsi1pk", "gsi1sk"), (Index::Fingerprint, "gsi2pk", "gsi2sk")];

fn indexed((_, pk, sk): (Index, &'static str, &'static str), list: &str, place: &str) -> Value {
    json!({ pk: list, sk: place, "place": place })
}

/// The first page, once it has what it must have.
async fn settled(world: &dyn ContractWorld, index: Index, list: &str, wanted: &[&str]) -> Page {
    let table = world.table();
    until(world, &format!("{wanted:?} in the index"), async || {
        let page = table.index(index, list, 100, None).await.unwrap();
        (sort_keys(&page.items) == wanted).then_some(page)
    })
    .await
}

/// All pages of `limit`, one after the other.
async fn pages(world: &dyn ContractWorld, index: Index, list: &str, limit: usize) -> Vec<Vec<String>> {
    let table = world.table();
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = table.index(index, list, limit, after.as_deref()).await.unwrap();
        pages.push(page.items.into_iter().map(|item| item.key.sk).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
        assert!(pages.len() < 100, "the pages of {list} have no end: {pages:?}");
    }
}

pub async fn an_index_lists_the_newest_first_and_no_more_than_asked_for(world: &dyn ContractWorld) {
    let table = world.table();
    for kind in INDEXES {
        let (pk, list) = (fresh("RUN"), fresh("LIST"));
        for (name, place) in
            [("b", "2026-11-22T10:00:00Z"), ("a", "2026-11-22T09:00:00Z"), ("c", "2026-11-22T10:00:01Z")]
        {
            write(table.as_ref(), [put(&key(&pk, name), indexed(kind, &list, place), When::always())]).await;
        }
        // Of another list, though its name begins alike.
        write(table.as_ref(), [put(&key(&pk, "x"), indexed(kind, &format!("{list}0"), "1"), When::always())]).await;
        let page = settled(world, kind.0, &list, &["c", "b", "a"]).await;
        assert_eq!(page.next, None);
        // Whole items, the index's own attributes among them.
        assert_eq!(page.items[0].key, key(&pk, "c"));
        assert_eq!(Value::Object(page.items[0].attributes.clone()), indexed(kind, &list, "2026-11-22T10:00:01Z"));

        let two = table.index(kind.0, &list, 2, None).await.unwrap();
        assert_eq!(sort_keys(&two.items), ["c", "b"]);
        assert!(two.next.is_some());
        let three = table.index(kind.0, &list, 3, None).await.unwrap();
        assert_eq!((three.items.len(), three.next), (3, None));
        assert!(table.index(kind.0, &list, 0, None).await.unwrap().items.is_empty());
        assert_eq!(table.index(kind.0, &fresh("LIST"), 10, None).await.unwrap(), Page::default());
    }
}

pub async fn pages_neither_lose_nor_repeat_an_item(world: &dyn ContractWorld) {
    let table = world.table();
    let kind = INDEXES[0];
    let list = fresh("LIST");
    // Seven at one moment, so that a page must end between equals; in two partitions, so that half the key is not enough.
    let (one, other) = (fresh("RUN"), fresh("RUN"));
    let mut all = Vec::new();
    for n in 0..23 {
        let place =
            if (8..15).contains(&n) { "2026-11-22T12:00:00Z".to_owned() } else { format!("2026-11-22T{n:02}:30:00Z") };
        let name = format!("{n:02}");
        let pk = if n % 2 == 0 { &one } else { &other };
        write(table.as_ref(), [put(&key(pk, &name), indexed(kind, &list, &place), When::always())]).await;
        all.push(name);
    }
    until(world, "23 items in the index", async || {
        (table.index(kind.0, &list, 100, None).await.unwrap().items.len() == 23).then_some(())
    })
    .await;
    for limit in [1, 2, 3, 4, 5, 10, 22, 23, 24] {
        let pages = pages(world, kind.0, &list, limit).await;
        // Every page but the last is full, and none is empty.
        assert_eq!(pages.len(), 23_usize.div_ceil(limit), "pages of {limit}");
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit), "pages of {limit}");
        let mut listed: Vec<String> = pages.concat();
        assert!(listed[..8].iter().all(|name| name.as_str() >= "15"), "newest first in pages of {limit}: {listed:?}");
        listed.sort();
        assert_eq!(listed, all, "pages of {limit}");
    }
}

pub async fn a_page_goes_on_where_its_last_item_has_left_the_index(world: &dyn ContractWorld) {
    let table = world.table();
    let kind = INDEXES[0];
    let (pk, list) = (fresh("RUN"), fresh("LIST"));
    for name in ["a", "b", "c", "d", "e"] {
        write(table.as_ref(), [put(&key(&pk, name), indexed(kind, &list, name), When::always())]).await;
    }
    settled(world, kind.0, &list, &["e", "d", "c", "b", "a"]).await;
    let first = table.index(kind.0, &list, 2, None).await.unwrap();
    let away = Write::Update {
        key: key(&pk, "d"),
        set: serde_json::Map::new(),
        add: vec![],
        remove: vec![kind.1, kind.2],
        when: When::all([Condition::Present]),
    };
    write(table.as_ref(), [away]).await;
    settled(world, kind.0, &list, &["e", "c", "b", "a"]).await;
    let second = table.index(kind.0, &list, 2, first.next.as_deref()).await.unwrap();
    assert_eq!((sort_keys(&first.items), sort_keys(&second.items)), (vec!["e", "d"], vec!["c", "b"]));
}

pub async fn an_item_is_in_an_index_while_it_has_both_attributes(world: &dyn ContractWorld) {
    let table = world.table();
    let (pk, monday, tuesday) = (fresh("RUN"), fresh("LIST"), fresh("LIST"));
    let at = |name: &str| key(&pk, name);
    for (name, attributes) in [
        ("both", json!({ "gsi1pk": monday, "gsi1sk": "5" })),
        ("none", json!({ "place": "5" })),
        ("half", json!({ "gsi1pk": monday })),
        ("other half", json!({ "gsi1sk": "5" })),
        ("of the other index", json!({ "gsi2pk": monday, "gsi2sk": "5" })),
        ("crossed", json!({ "gsi1pk": monday, "gsi2sk": "5" })),
    ] {
        write(table.as_ref(), [put(&at(name), attributes, When::always())]).await;
    }
    settled(world, Index::Day, &monday, &["both"]).await;
    settled(world, Index::Fingerprint, &monday, &["of the other index"]).await;

    // It comes into the index when it gets the other half, ...
    write(table.as_ref(), [set(&at("half"), json!({ "gsi1sk": "7" }), When::always())]).await;
    settled(world, Index::Day, &monday, &["half", "both"]).await;
    // ... moves within it, ...
    write(table.as_ref(), [set(&at("half"), json!({ "gsi1sk": "3", "n": 1 }), When::always())]).await;
    let page = settled(world, Index::Day, &monday, &["both", "half"]).await;
    assert_eq!(page.items[1].attributes["n"], json!(1));
    // ... moves to another list, ...
    write(table.as_ref(), [set(&at("both"), json!({ "gsi1pk": tuesday }), When::always())]).await;
    settled(world, Index::Day, &monday, &["half"]).await;
    settled(world, Index::Day, &tuesday, &["both"]).await;
    // ... and leaves by an update or by a put without the attributes.
    let leave = Write::Update {
        key: at("both"),
        set: serde_json::Map::new(),
        add: vec![],
        remove: vec!["gsi1sk"],
        when: When::all([Condition::Present]),
    };
    write(table.as_ref(), [leave]).await;
    settled(world, Index::Day, &tuesday, &[]).await;
    write(table.as_ref(), [put(&at("half"), json!({ "n": 2 }), When::always())]).await;
    settled(world, Index::Day, &monday, &[]).await;
    assert_eq!(table.query(&pk, "").await.unwrap().len(), 6, "none of them is gone from the table");
}

pub async fn an_index_reads_more_than_one_megabyte(world: &dyn ContractWorld) {
    let table = world.table();
    let kind = INDEXES[1];
    let (pk, list) = (fresh("RUN"), fresh("LIST"));
    let mut wanted: Vec<String> = Vec::new();
    for n in 0..9 {
        let mut attributes = indexed(kind, &list, &format!("{n}"));
        attributes["filler"] = json!("x".repeat(300_000));
        wanted.insert(0, format!("{n}"));
        write(table.as_ref(), [put(&key(&pk, &format!("{n}")), attributes, When::always())]).await;
    }
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(settled(world, kind.0, &list, &wanted).await.next, None);
    for limit in [1, 4, 8, 9] {
        assert_eq!(pages(world, kind.0, &list, limit).await.concat(), wanted, "pages of {limit}");
    }
}

pub async fn a_mark_of_another_list_is_refused_for_good(world: &dyn ContractWorld) {
    let table = world.table();
    let (pk, list) = (fresh("RUN"), fresh("LIST"));
    for name in ["a", "b", "c"] {
        let both = json!({ "gsi1pk": list, "gsi1sk": name, "gsi2pk": list, "gsi2sk": name });
        write(table.as_ref(), [put(&key(&pk, name), both, When::always())]).await;
    }
    settled(world, Index::Day, &list, &["c", "b", "a"]).await;
    let next = table.index(Index::Day, &list, 1, None).await.unwrap().next.unwrap();
    let rest = table.index(Index::Day, &list, 10, Some(&next)).await.unwrap();
    assert_eq!(sort_keys(&rest.items), ["b", "a"]);

    let other = fresh("LIST");
    let nonsense = ["", "1", "null", "[]", "{}", "!", "AAAA", "bm90IGEgbWFyaw"];
    let wrong = nonsense.map(|mark| (Index::Day, &list, mark.to_owned())).into_iter();
    for (index, list, mark) in
        wrong.chain([(Index::Fingerprint, &list, next.clone()), (Index::Day, &other, next.clone())])
    {
        let error = table.index(index, list, 10, Some(&mark)).await.unwrap_err();
        assert!(!error.is_transient(), "{mark:?} in {index:?}: {error:?}");
    }
}
