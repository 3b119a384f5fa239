//! What an item can hold.

use ports::{When, Write};
use serde_json::{Value, json};

use super::{key, plain, put, read, refused_for_good, set, write};
use crate::contract::{ContractWorld, fresh};

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!("bottom"), |inner, n| if n % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) })
}

pub async fn any_json_comes_back_as_it_was_written(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("VALUE");
    let attributes = json!({
        "empty text": "", "space": " ", "lines": "a\r\n\tb\n", "quote": "\"'\\`$#:{}", "null letter": "\u{0}\u{1}\u{7f}",
        "letters": "äß漢字 العربية \u{1F525}\u{1F469}\u{200D}\u{1F692} e\u{301} \u{FEFF}\u{FFFE}\u{FFFF}",
        "none": null, "yes": true, "no": false, "zero": 0, "empty list": [], "empty object": {},
        "mixed": [1, "two", null, false, [], {}, [3.5, { "four": [""] }], ""],
        "object": { "a": null, "b": "", "c": [null, ""], "ключ \u{1F511}": { "with space": 1 }, "a.b": 1, "a[0]": 2, "#x": 3 },
        // What systems answer is any JSON, also what no database's own values hold.
        "deep": nested(30), "very deep": nested(90), "huge": 1e200, "tiny": { "in": [-1e-200, 0] },
        "empty name": { "": { "": 1 }, "a": 2 },
        // Words and signs that the expressions of a database could take for their own.
        "status": "s", "size": 1, "and": 2, "attribute_exists": 3, "a.b": 4, "a-b": 5, ":v0": 6, "#n0": 7, "имя": 8,
        "$.x": 9, "a\"b": 10, "expires_at": 1_893_456_000,
    });
    for (sk, alone) in [("ALONE", true), ("TOGETHER", false)] {
        let company = || put(&key(&pk, &format!("COMPANY OF {sk}")), json!({}), When::always());
        let both = |write: Write| if alone { vec![write] } else { vec![company(), write] };
        let (by_put, by_set) = (key(&pk, &format!("PUT {sk}")), key(&pk, &format!("SET {sk}")));
        write(table.as_ref(), both(put(&by_put, attributes.clone(), When::always()))).await;
        write(table.as_ref(), both(set(&by_set, attributes.clone(), When::always()))).await;
        assert_eq!(read(table.as_ref(), &by_put).await.as_ref(), Some(&attributes), "{sk}");
        assert_eq!(read(table.as_ref(), &by_set).await.as_ref(), Some(&attributes), "{sk}");
    }
    let listed = table.query(&pk, "PUT").await.unwrap();
    assert_eq!(Value::Object(plain(&listed[0].attributes)), attributes);
}

pub async fn numbers_of_64_bits_are_exact(world: &dyn ContractWorld) {
    let table = world.table();
    let there = key(&fresh("VALUE"), "NUMBERS");
    let integers = [0, 1, -1, i64::MAX, i64::MIN, i64::MAX - 1, (1 << 53) + 1, -(1 << 53) - 1, 1_790_000_000_123];
    let doubles =
        [0.1, -0.1, 0.5, 1e21, 1.5e-7, 123_456.789_012, 2.2e-16, 1e100, -1e-100, 99.95, 9_007_199_254_740_994.0];
    write(table.as_ref(), [put(&there, json!({ "integers": integers, "doubles": doubles }), When::always())]).await;
    let stands = table.get(&there).await.unwrap().unwrap().attributes;
    let read: Vec<Option<i64>> = stands["integers"].as_array().unwrap().iter().map(Value::as_i64).collect();
    assert_eq!(read, integers.map(Some));
    let read: Vec<Option<f64>> = stands["doubles"].as_array().unwrap().iter().map(Value::as_f64).collect();
    assert_eq!(read, doubles.map(Some));
    // Also after an addition.
    for (from, amount) in [(i64::MAX - 5, 5), (i64::MIN + 5, -5), ((1 << 53) + 1, 1), (5, i64::MIN), (-1, i64::MAX)] {
        write(table.as_ref(), [set(&there, json!({ "sum": from }), When::always())]).await;
        write(table.as_ref(), [super::add(&there, "sum", amount)]).await;
        let stands = table.get(&there).await.unwrap().unwrap().attributes;
        assert_eq!(stands["sum"].as_i64(), Some(from + amount), "{from} + {amount}");
    }
}

/// The quotes of evidence are looked for in what was stored, so it may not change by a bit.
pub async fn i11_a_double_comes_back_to_its_last_bit(world: &dyn ContractWorld) {
    let table = world.table();
    let there = key(&fresh("VALUE"), "DOUBLES");
    // The second is what a parser gets wrong that takes the short way; then come the smallest and the largest.
    let doubles = [0.1 + 0.2, 123.456_789_012_345_67, 1.0 / 3.0, 5e-324, -f64::MIN_POSITIVE, f64::MAX, f64::MIN];
    for (name, attributes) in [
        ("together", json!({ "doubles": doubles })),
        ("alone", doubles.iter().enumerate().map(|(place, double)| (format!("d{place}"), json!(double))).collect()),
    ] {
        write(table.as_ref(), [put(&there, attributes.clone(), When::always())]).await;
        assert_eq!(read(table.as_ref(), &there).await, Some(attributes), "{name}");
    }
}

pub async fn keys_may_hold_any_text(world: &dyn ContractWorld) {
    let table = world.table();
    for text in [
        "ä漢\u{1F525}",
        "a b\tc",
        "'; DROP TABLE items; --",
        "\"quoted\"",
        "%_*?[a]",
        "e\u{301}",
        "é",
        " lead",
        "#:/\\",
    ] {
        let there = key(&fresh(text), text);
        write(table.as_ref(), [put(&there, json!({ "is": text }), When::always())]).await;
        assert_eq!(read(table.as_ref(), &there).await, Some(json!({ "is": text })), "{text}");
        assert_eq!(table.query(&there.pk, text).await.unwrap().len(), 1, "{text}");
    }
    // The longest that there may be: 2048 bytes and 1024.
    let longest = key(&format!("{:é<1041}", fresh("K")), &"s".repeat(1024));
    assert_eq!(longest.pk.len(), 2048);
    write(table.as_ref(), [put(&longest, json!({}), When::always())]).await;
    assert_eq!(read(table.as_ref(), &longest).await, Some(json!({})));
    for (pk, sk) in [(format!("{}x", longest.pk), "s".to_owned()), (fresh("K"), "s".repeat(1025))] {
        refused_for_good(table.as_ref(), "a key that is too long", [put(&key(&pk, &sk), json!({}), When::always())])
            .await;
    }
}

pub async fn a_large_item_is_kept_and_a_too_large_one_refused_for_good(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("VALUE");
    let at = |name: &str| key(&pk, name);
    let text = "é\u{1F525}xyz".repeat(33_334);
    assert!(text.len() > 300_000);
    let large = json!({ "text": text, "list": vec!["0123456789"; 3_000] });
    write(table.as_ref(), [put(&at("ALONE"), large.clone(), When::always())]).await;
    write(
        table.as_ref(),
        [put(&at("TOGETHER"), large.clone(), When::always()), set(&at("X"), json!({ "n": 1 }), When::always())],
    )
    .await;
    assert_eq!(read(table.as_ref(), &at("ALONE")).await.as_ref(), Some(&large));
    assert_eq!(read(table.as_ref(), &at("TOGETHER")).await.as_ref(), Some(&large));

    let more = json!({ "more": "x".repeat(200_000) });
    let too_large = json!({ "text": "x".repeat(450_000) });
    for (what, writes) in [
        ("a put", vec![put(&at("NEW"), too_large.clone(), When::always())]),
        (
            "a put in company",
            vec![put(&at("NEW"), too_large, When::always()), set(&at("X"), json!({ "n": 2 }), When::always())],
        ),
        ("an update", vec![set(&at("ALONE"), more.clone(), When::always())]),
        (
            "an update in company",
            vec![set(&at("X"), json!({ "n": 2 }), When::always()), set(&at("ALONE"), more, When::always())],
        ),
    ] {
        refused_for_good(table.as_ref(), what, writes).await;
    }
    assert_eq!(read(table.as_ref(), &at("ALONE")).await, Some(large));
    assert_eq!(read(table.as_ref(), &at("X")).await, Some(json!({ "n": 1 })));

    // 4 MB is the most of a transaction.
    let parts: Vec<Write> = (0..12)
        .map(|n| put(&at(&format!("PART#{n:02}")), json!({ "text": "x".repeat(380_000) }), When::always()))
        .collect();
    refused_for_good(table.as_ref(), "4.5 MB in one transaction", parts).await;
    assert!(table.query(&pk, "PART#").await.unwrap().is_empty());
}

pub async fn what_is_nested_deeper_than_can_be_read_is_refused_for_good(world: &dyn ContractWorld) {
    let table = world.table();
    let pk = fresh("VALUE");
    let there = key(&pk, "THERE");
    write(table.as_ref(), [put(&there, json!({ "n": 1 }), When::always())]).await;
    let attributes = json!({ "value": nested(120) });
    let what = "120 levels";
    for write in [put(&key(&pk, "NEW"), attributes.clone(), When::always()), set(&there, attributes, When::always())] {
        refused_for_good(table.as_ref(), what, [write.clone()]).await;
        refused_for_good(table.as_ref(), what, [set(&key(&pk, "X"), json!({ "n": 1 }), When::always()), write]).await;
    }
    assert_eq!(table.query(&pk, "").await.unwrap().len(), 1);
    assert_eq!(read(table.as_ref(), &there).await, Some(json!({ "n": 1 })));
}
