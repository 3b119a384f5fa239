//! The small languages within documents.

use catalog::{
    Conditions, Timetable,
    expr::{Expression, Scope, Template},
};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::{line, now};

/// What repeats an expression within itself: the work grows with every level, and its author has it coming.
const LOOPS: [&str; 5] = ["map", "filter", "all", "exists", "existsOne"];

fn scope(text: &str) -> Scope {
    Scope::new()
        .with("alert", &json!({"title": text, "labels": {"a": text}, "service": {"id": text, "name": ""}}))
        .with("event", &json!({"kind": "triggered", "source": "s"}))
        .with("inputs", &json!({"v": text, "n": 7}))
        .with("steps", &json!({}))
}

/// The first line is what an alert says, the rest an expression, which is read as a template too.
pub fn expression(data: &[u8]) {
    let (text, source) = line(data);
    let (source, scope) = (String::from_utf8_lossy(source).into_owned(), scope(text));
    let expression = Expression::new(source.as_str());
    let checked = expression.check().is_ok();
    if !LOOPS.iter().any(|word| source.contains(word)) {
        let value = expression.value(&scope);
        assert!(checked || value.is_err(), "what is no expression has a value");
        drop(Template::new(source.as_str()).value(&scope));
    }
    drop(Template::new(source.as_str()).parts().map(<[_]>::len));
    drop(Conditions::of(Some(&expression)));
}

/// A text that an alert says, in the places where `check` lets one stand: it stays the literal value of a label (I8).
pub fn promql(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let scope = scope(&text);
    for (before, after) in
        [("up{a=\"", "\"} > 0"), ("up{a='", "', b=\"x\"}"), ("up{a=~\"", "|x\"}"), ("up{a!~'x", "'} # it's")]
    {
        let template = Template::new(format!("{before}${{{{ inputs.v }}}}{after}"));
        let query = catalog::query(&template, &scope).expect("a query");
        let inside =
            query.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).expect("the text around it stands");
        let quote = before.chars().rev().find(|c| matches!(c, '"' | '\'')).expect("a quote");
        let mut escaped = false;
        for c in inside.chars() {
            assert!(escaped || c != quote, "{text:?} ends the string: {query}");
            assert!(c != '\n' && c != '\u{fffd}', "{text:?} breaks the string: {query}");
            escaped = c == '\\' && !escaped;
        }
        assert!(!escaped, "{text:?} escapes the quote: {query}");
    }
    // And as the query itself, with whatever stands in it.
    let template = Template::new(text.as_ref());
    if !LOOPS.iter().any(|word| text.contains(word)) {
        drop(catalog::query(&template, &scope));
    }
}

/// A Schedule's expression. What can be read is due later and later.
pub fn timetable(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(timetable) = text.parse::<Timetable>() else { return };
    // Its rules stand here, so that it is the same zone on every machine.
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    for zone in [TimeZone::UTC, berlin] {
        let mut last = now();
        for _ in 0..4 {
            let Some(next) = timetable.next(&zone, now(), last) else { break };
            assert!(next > last, "{text} at {next} after {last}");
            last = next;
        }
    }
}
