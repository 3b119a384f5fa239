use proptest::{prelude::*, test_runner::Config};

use super::*;

fn line(at_ms: i64, text: &str, before: bool) -> Line<'_> {
    Line { at_ms, text, before }
}

fn templates(texts: &[&str]) -> Vec<String> {
    mine(texts.iter().map(|text| line(1, text, false)), None).into_iter().map(|pattern| pattern.template).collect()
}

#[test]
fn what_varies_by_its_looks_is_masked() {
    for (text, template) in [
        ("2026-03-01T12:00:00.123Z ERROR took 12.5ms for 3 items", "<time> ERROR took <n>ms for <n> items"),
        ("[01/Mar/2026:12:00:00 +0000] \"GET /a HTTP/1.1\" 502", "[<time>] <text> <n>"),
        ("Mar  1 12:00:00 host sshd[812]: failed", "<time> host sshd[<n>]: failed"),
        ("request 550e8400-e29b-41d4-a716-446655440000 failed", "request <id> failed"),
        ("RequestId: 8f7a6b5c4d3e2f1a at 0x7ffe12 done", "RequestId: <id> at <id> done"),
        ("connect to 10.0.3.7:5432 and fe80::1:2 refused", "connect to <ip> and <ip> refused"),
        ("user jane.doe+x@shop.example denied", "user <mail> denied"),
        ("key 'order-12' of map can't be read, don't retry", "key <text> of map can't be read, don't retry"),
        (r#"column "total \" sum" does not exist"#, "column <text> does not exist"),
        ("pod checkout-7d9f8b6c5-x2x4z crashed", "pod <id> crashed"),
        ("GET /orders/8f7a6b5c4d3e2f1a/lines failed", "GET /orders/<id>/lines failed"),
        ("checkout-service-12 calls max_connections=100", "checkout-service-<n> calls max_connections=<n>"),
        ("token AbCdEfGhIjKlMnO1 of log4j-over-slf4j", "token <id> of log4j-over-slf4j"),
        ("put to s3 failed, log4j says utf8", "put to s3 failed, log4j says utf8"),
        ("upstream status=502 after 31 ms, exit code 137", "upstream status=502 after <n> ms, exit code 137"),
        ("HTTP 503 from payments", "HTTP 503 from payments"),
        ("deadbeef facade internationalization", "deadbeef facade internationalization"),
        ("", "(empty)"),
        ("  \t ", "(empty)"),
    ] {
        assert_eq!(templates(&[text]), [template], "{text}");
    }
}

#[test]
fn a_json_line_is_its_message_and_cause() {
    for (text, template) in [
        (r#"{"level":"error","message":"order 17 failed","user":"u1"}"#, "order <n> failed"),
        (r#"{"msg":"charge failed","err":"timeout after 30s"}"#, "charge failed: timeout after <n>s"),
        (r#"{"error":{"message":"no such table"},"ts":1}"#, "no such table"),
        (
            "2026-03-01T12:00:00.123Z\t550e8400-e29b-41d4-a716-446655440000\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"x is undefined\",\"stack\":[\"a\"]}",
            "<time> <id> ERROR Invoke Error x is undefined: TypeError",
        ),
        (r#"{"level":"error","n":3}"#, "{<text>:<text>,<text>:<n>}"),
        ("{not json} 7", "{not json} <n>"),
    ] {
        assert_eq!(templates(&[text]), [template], "{text}");
    }
    let nested = r#"{"message":"wrong","log":{"said":"right 7"}}"#;
    assert_eq!(mine([line(1, nested, false)], Some("log.said"))[0].template, "right <n>");
}

#[test]
fn a_stack_trace_is_its_head_and_its_cause() {
    assert_eq!(
        templates(&[
            "ERROR order 7 failed\njava.lang.IllegalStateException: bad\n\tat a.B.c(B.java:7)\nCaused by: java.net.ConnectException: refused\n\tat d.E\n\t... 12 more"
        ]),
        ["ERROR order <n> failed Caused by: java.net.ConnectException: refused"]
    );
    assert_eq!(
        templates(&[
            "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nKeyError: 'order-17'\n"
        ]),
        ["KeyError: <text>"]
    );
    assert_eq!(templates(&["panic: nil map\n\ngoroutine 1 [running]:\n\tmain.go:7"]), ["panic: nil map"]);
}

#[test]
fn a_word_with_many_values_is_a_variable_and_one_with_few_is_not() {
    let shops = ["anna", "bert", "cleo", "dora", "emil"].map(|shop| format!("shop {shop} cannot be served today"));
    let all: Vec<&str> = shops.iter().map(String::as_str).collect();
    assert_eq!(templates(&all), ["shop <*> cannot be served today"]);
    assert_eq!(templates(&all[..4]).len(), 4, "few values may each be news");
    assert_eq!(templates(&["failed: anna", "failed: bert", "failed: cleo", "failed: dora", "failed: emil"]).len(), 5);
}

#[test]
fn lines_are_counted_on_both_sides() {
    let found = mine(
        [
            line(30, "refused by payments after 7 ms", false),
            line(20, "refused by payments after 8 ms", false),
            line(5, "refused by payments after 9 ms", true),
            line(4, "cache miss", true),
        ],
        None,
    );
    assert_eq!(
        found,
        [
            Pattern {
                template: "refused by payments after <n> ms".into(),
                count: 2,
                before: 1,
                first_ms: Some(20),
                sample: "refused by payments after 7 ms".into(),
            },
            Pattern { template: "cache miss".into(), count: 0, before: 1, first_ms: None, sample: "cache miss".into() },
        ]
    );
}

#[test]
fn a_crowd_of_templates_is_merged_by_what_they_have_in_common() {
    let word = |n: usize| (0..4).map(|at| char::from(b'a' + (n >> (at * 2) & 3) as u8)).collect::<String>();
    // Two words vary at once, so none of them alone makes lines alike.
    let texts: Vec<String> =
        (0..256).map(|n| format!("worker {} gave up on the task {} again", word(n), word(255 - n))).collect();
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(templates(&all), ["worker <*> gave up on the task <*> again"]);
}

/// A line's part that varies, as one of a kind.
fn varying() -> impl Strategy<Value = (&'static str, String, String)> {
    let two = |pattern: &'static str| (pattern, pattern);
    prop_oneof![
        two("[0-9]{1,9}").prop_map(|(one, other)| ("number", one, other)),
        two("[0-9]{1,6}\\.[0-9]{1,3}").prop_map(|(one, other)| ("decimal", one, other)),
        two("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
            .prop_map(|(one, other)| ("uuid", one, other)),
        two("(10|192)\\.[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}").prop_map(|(one, other)| ("ip", one, other)),
        two("0x[0-9a-f]{4,12}").prop_map(|(one, other)| ("hex", one, other)),
        two("20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?Z")
            .prop_map(|(one, other)| ("time", one, other)),
        two("\"[a-z ]{0,12}\"").prop_map(|(one, other)| ("text", one, other)),
        two("[a-z]{2,8}@[a-z]{2,8}\\.example").prop_map(|(one, other)| ("mail", one, other)),
    ]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 96, ..Config::default() })]

    #[test]
    fn lines_that_differ_in_masked_parts_only_have_one_template(
        words in prop::collection::vec("[a-z]{2,9}", 1..5),
        parts in prop::collection::vec(varying(), 1..5),
    ) {
        let build = |side: bool| {
            let mut text = String::new();
            for (at, word) in words.iter().enumerate() {
                text.push_str(word);
                if let Some((_, one, other)) = parts.get(at) {
                    text.push(' ');
                    text.push_str(if side { one } else { other });
                }
                text.push(' ');
            }
            text
        };
        let (one, other) = (build(false), build(true));
        let found = mine([line(1, &one, false), line(2, &other, true)], None);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!((found[0].count, found[0].before), (1, 1));
    }

    #[test]
    fn any_lines_are_mined_within_bounds_and_none_is_lost(
        texts in prop::collection::vec(prop_oneof!["\\PC{0,80}", "[\\[\\]{}\"':=<>*#/.,0-9a-fxZT \\n\\t@-]{0,80}", ".{0,40}"], 0..60),
        flags in prop::collection::vec(any::<bool>(), 60),
        field in prop::option::of("[a-z.]{0,6}"),
    ) {
        let lines: Vec<Line<'_>> =
            texts.iter().zip(&flags).enumerate().map(|(at, (text, before))| line(at as i64, text, *before)).collect();
        let found = mine(lines.iter().copied(), field.as_deref());
        prop_assert_eq!(found.iter().map(|pattern| pattern.count + pattern.before).sum::<u64>(), lines.len() as u64);
        for pattern in &found {
            prop_assert!(pattern.template.chars().count() <= TEMPLATE_CAP + 1 && pattern.sample.chars().count() <= SAMPLE_CAP + 1);
            prop_assert!(!pattern.template.contains('\n'));
            prop_assert_eq!(pattern.first_ms.is_some(), pattern.count > 0);
        }
    }

    #[test]
    fn the_order_of_the_lines_changes_nothing(
        texts in prop::collection::vec("(order|shop|job) [a-z]{1,3} (failed|waits) [0-9]{1,3}( again)?", 1..40),
    ) {
        let forth = mine(texts.iter().map(|text| line(1, text, false)), None);
        let back = mine(texts.iter().rev().map(|text| line(1, text, false)), None);
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn words_stay_as_they_are(text in "[a-z]{1,30}( [a-z,;-]{1,30}){0,6}") {
        prop_assert_eq!(masked::masked(&text), text);
    }
}

#[test]
fn an_enormous_line_costs_no_more_than_its_beginning() {
    let long = format!("failed {}", "word7 ".repeat(1_000_000));
    let found = mine([line(1, &long, false)], None);
    assert!(found[0].template.starts_with("failed word7 word7") && found[0].sample.ends_with('…'));
}
