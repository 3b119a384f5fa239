use proptest::{prelude::*, test_runner::Config};
use serde_json::json;

use super::*;

fn rendered(template: &str, value: &str) -> String {
    query(&Template::new(template), &Scope::new().with("inputs", &json!({ "x": value }))).unwrap()
}

fn places(template: &str) -> Vec<Place> {
    let template = Template::new(template);
    checked(Language::PromQl, template.parts().unwrap()).into_iter().map(|(_, place)| place).collect()
}

#[test]
fn i8_a_value_in_a_regular_expression_is_a_literal() {
    let template = r#"up{pod=~"${{ inputs.x }}-[a-z0-9]+", ns!~'${{ inputs.x }}'}"#;
    assert_eq!(rendered(template, "checkout"), r#"up{pod=~"checkout-[a-z0-9]+", ns!~'checkout'}"#);
    assert_eq!(rendered(template, ".*"), r#"up{pod=~"\\.\\*-[a-z0-9]+", ns!~'\\.\\*'}"#);
    assert_eq!(rendered(template, "a|b"), r#"up{pod=~"a\\|b-[a-z0-9]+", ns!~'a\\|b'}"#);
    assert_eq!(rendered(template, r#"\""#), r#"up{pod=~"\\\\\"-[a-z0-9]+", ns!~'\\\\"'}"#);
}

#[test]
fn i8_a_value_is_escaped_for_the_quotes_that_it_stands_in() {
    // `\'` within double quotes, a line's end and U+FFFD are errors to Prometheus.
    let value = "it's \"`\\\n\r\u{0}\u{fffd}é";
    assert_eq!(rendered(r#"up{a="${{ inputs.x }}"}"#, value), r#"up{a="it's \"`\\\u000a\u000d\u0000\ufffdé"}"#);
    assert_eq!(rendered("up{a!='${{ inputs.x }}'}", value), r#"up{a!='it\'s "`\\\u000a\u000d\u0000\ufffdé'}"#);
}

#[test]
fn what_the_catalog_chose_stands_as_it_is_outside_of_quotes() {
    assert_eq!(rendered("${{ inputs.x }}", r#"up{a=~".*"}"#), r#"up{a=~".*"}"#);
    assert_eq!(rendered("sum(${{ inputs.x }})", r#"up{a="b"}"#), r#"sum(up{a="b"})"#);
}

#[test]
fn the_place_of_a_value_is_told_by_what_is_written_around_it() {
    for (template, wanted) in [
        (r#"up{a="${{ x }}"}"#, Place::Equal('"')),
        (r#"up{a = "x${{ x }}y"}"#, Place::Equal('"')),
        ("up{a != '${{ x }}'}", Place::Equal('\'')),
        ("up{a=~\"${{ x }}\"}", Place::Pattern('"')),
        ("up{a !~ # don't\n \"${{ x }}\"}", Place::Pattern('"')),
        (r#"up{b="}",a=~"(${{ x }}|b).*"}"#, Place::Pattern('"')),
        (r#"up{b="\"",a=~"a{3}\\.${{ x }}"}"#, Place::Pattern('"')),
        (r#"up > ${{ x }}"#, Place::Open),
        ("# it's\nup > ${{ x }}", Place::Open),
        ("up # \"${{ x }}\"", Place::Open),
        ("up{a=~`${{ x }}`}", Place::Raw),
        ("up{a=~`\\${{ x }}`}", Place::Raw),
        (r#"label_replace(up, "a", "$1", "b", "${{ x }}")"#, Place::Argument('"')),
        (r#"label_replace(up{a="b"}, "a", "$1", "b", "${{ x }}")"#, Place::Argument('"')),
        (r#"{"${{ x }}"="a"}"#, Place::Argument('"')),
        (r#"up{a="b" + "${{ x }}"}"#, Place::Argument('"')),
        (r#"up == "${{ x }}""#, Place::Argument('"')),
        // A backslash before the value, or an escape that it would go on with.
        (r#"up{a="\${{ x }}"}"#, Place::Within),
        (r#"up{a="\x4${{ x }}"}"#, Place::Within),
        (r#"up{a=~"\\${{ x }}"}"#, Place::Within),
        (r#"up{a=~"\\x4${{ x }}"}"#, Place::Within),
        (r#"up{a=~"\\p${{ x }}"}"#, Place::Within),
        (r#"up{a=~"\\Q${{ x }}"}"#, Place::Within),
        (r#"up{a=~"[${{ x }}]"}"#, Place::Within),
        (r#"up{a=~"a{${{ x }}}"}"#, Place::Within),
        (r#"up{a=~"(?${{ x }})"}"#, Place::Within),
        (r#"up{a="${{ x }}"#, Place::Within),
    ] {
        assert_eq!(places(template), [wanted], "{template}");
    }
}

/// The one string of `query` that is in `quote`, as Prometheus reads it, and what stands behind it.
fn read_back(query: &str, quote: char) -> (String, &str) {
    let (_, inside) = query.split_once(quote).unwrap();
    let mut escaped = false;
    let (end, _) = inside
        .char_indices()
        .find(|(_, c)| {
            let closes = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        })
        .unwrap();
    let body = inside.get(..end).unwrap();
    assert!(!body.contains(['\n', '\r', '\u{fffd}']));
    (unescaped(body).unwrap(), inside.get(end..).unwrap())
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![".*", r#"[\\"'`.*+?()|\[\]{}^$#&~/ \n\r\t-]{0,12}"#, r"(\\[QEAzbdswpPx1]|\.\*|\||[a-z\n]){0,6}"]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn i8_any_value_in_quotes_is_read_back_as_itself(value in values(), single in any::<bool>()) {
        let quote = if single { '\'' } else { '"' };
        let query = rendered(&format!("up{{a={quote}${{{{ inputs.x }}}}{quote}}}"), &value);
        let (text, rest) = read_back(&query, quote);
        prop_assert_eq!((text, rest.to_owned()), (value, format!("{quote}}}")));
    }

    #[test]
    fn i8_any_value_in_a_regular_expression_matches_itself_and_nothing_else(
        value in values(),
        other in values(),
        single in any::<bool>(),
    ) {
        let quote = if single { '\'' } else { '"' };
        let query = rendered(&format!("up{{a=~{quote}${{{{ inputs.x }}}}{quote}}}"), &value);
        let (pattern, rest) = read_back(&query, quote);
        prop_assert_eq!(rest, format!("{quote}}}"));
        // As Prometheus anchors it.
        let pattern = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        prop_assert!(pattern.is_match(&value));
        prop_assert_eq!(pattern.is_match(&other), value == other);
        let longer = [format!("{value}x"), format!("x{value}")];
        prop_assert!(!longer.iter().any(|longer| pattern.is_match(longer)));
    }

    #[test]
    fn no_query_makes_the_scanner_panic(text in r#"([{}"'`=~!\\#\[\]()?QEx4a \n]|\$\{\{ x \}\}){0,24}"#) {
        if let Ok(parts) = Template::new(text).parts() {
            let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
            prop_assert_eq!(checked(Language::PromQl, parts).len(), values);
            prop_assert_eq!(checked(Language::LogQl, parts).len(), values);
        }
    }
}

fn log_place(template: &str) -> Place {
    let template = Template::new(template);
    checked(Language::LogQl, template.parts().unwrap())[0].1
}

#[test]
fn i8_text_in_logql_is_the_value_of_a_label_or_the_text_of_a_line() {
    for (template, wanted) in [
        (r#"{app="${{ x }}"}"#, Place::Equal('"')),
        (r#"{app=~"${{ x }}-.+"}"#, Place::Pattern('"')),
        (r#"{app="a"} |= "${{ x }}""#, Place::Equal('"')),
        (r#"{app="a"} != "${{ x }}""#, Place::Equal('"')),
        (r#"{app="a"} |~ "(?i)${{ x }}""#, Place::Pattern('"')),
        (r#"{app="a"} |= "b" !~ "${{ x }}""#, Place::Pattern('"')),
        (r#"{app="a"} | json | level="${{ x }}""#, Place::Equal('"')),
        (r#"{app="a"} | json | level=~"${{ x }}|b""#, Place::Pattern('"')),
        (r#"{app="a"} | json | a="b" and level!="${{ x }}""#, Place::Equal('"')),
        (r#"sum(rate({app="${{ x }}"} |= "b" [5m]))"#, Place::Equal('"')),
        (r#"sum(rate({app="a"} |= "${{ x }}" [5m])) by (pod)"#, Place::Equal('"')),
        (r#"sum(rate({app="a"}[${{ x }}]))"#, Place::Open),
        (r#"{app="a"} | latency > ${{ x }}"#, Place::Open),
        (r#"{app="a"} |= `${{ x }}`"#, Place::Raw),
        // What names a part of a line, or is a template or a pattern of its own.
        (r#"{app="a"} | json first="${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} | logfmt first="${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} | line_format "${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} | label_format a="${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} | pattern "${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} | regexp "${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} |> "${{ x }}""#, Place::Argument('"')),
        (r#"{app="a"} |= ip("${{ x }}")"#, Place::Argument('"')),
        (r#"{app="a"} | addr = ip("${{ x }}")"#, Place::Argument('"')),
        (r#"{app="a"} |= "b" or "${{ x }}""#, Place::Argument('"')),
        (r#"label_replace(rate({app="a"}[5m]), "a", "$1", "b", "${{ x }}")"#, Place::Argument('"')),
        // What Loki's scanner skips or reads otherwise than this one.
        ("{app=\"a\"} // \"\n |= \"${{ x }}\"", Place::Within),
        (r#"{app="a"} /* " */ |= "${{ x }}""#, Place::Within),
        (r#"{app='${{ x }}'}"#, Place::Within),
        (r#"{app="a"} |~ "[${{ x }}]""#, Place::Within),
        (r#"{app="a"} |= "${{ x }}"#, Place::Within),
    ] {
        assert_eq!(log_place(template), wanted, "{template}");
    }
}

#[test]
fn i8_a_value_in_logql_is_escaped_for_its_place() {
    let rendered = |template: &str, value: &str| {
        logql(&Template::new(template), &Scope::new().with("inputs", &json!({ "x": value }))).unwrap()
    };
    let template = r#"{app="a", pod=~"${{ inputs.x }}-.+"} |= "${{ inputs.x }}" |~ "${{ inputs.x }}""#;
    let evil = "b\"} or {a=~\".*";
    assert_eq!(
        rendered(template, evil),
        r#"{app="a", pod=~"b\"\\} or \\{a=\\~\"\\.\\*-.+"} |= "b\"} or {a=~\".*" |~ "b\"\\} or \\{a=\\~\"\\.\\*""#
    );
}
