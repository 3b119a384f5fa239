//! What all kinds share.

use std::time::Duration;

use catalog::model::Span;
use jiff::Timestamp;
use net::where_to;
use serde_json::{Number, Value};
use tokio::time::Instant;

/// The longest that any call may take.
pub const LONGEST: Duration = Duration::from_secs(30);

/// How long a call with this timeout may take.
pub(crate) fn limit(timeout: Span) -> Duration {
    timeout.0.min(LONGEST)
}

/// The moment that a look goes back from: what the Task names, which is nothing later than now.
pub(crate) fn back_from(at: Option<&str>, now: Timestamp) -> Result<Timestamp, String> {
    match at.map(str::trim).filter(|at| !at.is_empty()) {
        Some(text) => {
            let at = text.parse::<Timestamp>();
            Ok(at.map_err(|_| "`at` is not a time: it is written as RFC 3339".to_owned())?.min(now))
        }
        None => Ok(now),
    }
}

/// That the server of this URL took longer than it may.
pub(crate) fn late(url: &str, limit: Duration) -> String {
    let place = url.trim().parse().map_or_else(|_| "the server".to_owned(), |url| where_to(&url));
    format!("{place} gave no whole answer within {}", Span(limit))
}

/// Whole milliseconds since then.
pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A number of JSON, whole where it is whole, since CEL tells integers from doubles; null where JSON has none for it.
pub(crate) fn number(value: f64) -> Value {
    // Beyond this, not every whole number is a double, and the digits would claim more than is known.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits, as was just asked")]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The same value with every whole number written as one.
pub(crate) fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(found) if found.is_f64() => found.as_f64().map_or(Value::Null, number),
        Value::Array(list) => list.into_iter().map(whole_numbers).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, whole_numbers(value))).collect(),
        other => other,
    }
}

/// Somebody else's text on one line, at most `cap` characters of it, with nothing that a terminal would act on.
pub(crate) fn one_line(text: &str, cap: usize) -> String {
    let mut line = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == cap {
            line.push('…');
            break;
        }
        line.push(if character.is_control() { ' ' } else { character });
    }
    line
}

/// `1 series`, `2 redirects`: the count and the word for it.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_whole_where_they_are_whole() {
        assert_eq!(number(1284.0), json!(1284));
        assert_eq!(number(-0.0), json!(0));
        assert_eq!(number(0.5), json!(0.5));
        assert_eq!(number(1e300), json!(1e300));
        assert_eq!(number(f64::NAN), Value::Null);
        assert_eq!(number(f64::INFINITY), Value::Null);
        let nested = json!({"a": [1.0, 2.5, {"b": 3.0, "c": 7, "d": "4.0"}]});
        assert_eq!(whole_numbers(nested).to_string(), r#"{"a":[1,2.5,{"b":3,"c":7,"d":"4.0"}]}"#);
    }

    #[test]
    fn no_call_takes_longer_than_the_longest() {
        assert_eq!(limit("5s".parse().unwrap()), Duration::from_secs(5));
        assert_eq!(limit("4h".parse().unwrap()), LONGEST);
        assert_eq!(
            late("https://a.example/x?key=hunter2", limit("4h".parse().unwrap())),
            "a.example:443 gave no whole answer within 30s"
        );
    }

    #[test]
    fn others_text_stays_on_its_line() {
        assert_eq!(one_line("  a\r\nb\u{1b}[31mc  ", 100), "a  b [31mc");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
    }
}
