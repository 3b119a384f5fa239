//! Reading what senders write: a field that may be absent, a time in one of the forms that are in use, labels as a map or
//! as a list. Nothing here fails: what cannot be read is not there.

use std::collections::BTreeMap;

use domain::AlertSeverity;
use jiff::Timestamp;
use serde_json::Value;

/// The text at a JSON pointer, if there is some.
pub(crate) fn text<'a>(value: &'a Value, at: &str) -> Option<&'a str> {
    value.pointer(at)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The first of several places that has a text.
pub(crate) fn first<'a>(value: &'a Value, places: &[&str]) -> Option<&'a str> {
    places.iter().find_map(|at| text(value, at))
}

/// The text, number or truth at a JSON pointer as text; empty when there is none.
pub(crate) fn word(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(scalar).unwrap_or_default()
}

/// The first of several places that has a text, a number or a truth.
pub(crate) fn first_word(value: &Value, places: &[&str]) -> Option<String> {
    places.iter().map(|at| word(value, at)).find(|word| !word.is_empty())
}

/// The number at a JSON pointer, also where it is written as text, with or without `%` after it.
pub(crate) fn number(value: &Value, at: &str) -> Option<f64> {
    match value.pointer(at)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => decimal(text),
        _ => None,
    }
}

/// The finite number that `text` is, with or without `%` after it.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    text.trim().trim_end_matches('%').trim_end().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The list at a JSON pointer; empty when there is none.
pub(crate) fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text, number or truth as text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The time at a JSON pointer: RFC 3339, the same with an offset without its colon, or a count since the epoch.
pub(crate) fn time(value: &Value, at: &str) -> Option<Timestamp> {
    match value.pointer(at)? {
        Value::String(text) => moment(text.trim()),
        Value::Number(number) => number.as_i64().map_or_else(|| fraction(number.as_f64()?), epoch),
        _ => None,
    }
}

/// The first of several places that has a time.
pub(crate) fn first_time(value: &Value, places: &[&str]) -> Option<Timestamp> {
    places.iter().find_map(|at| time(value, at))
}

/// The time that `text` is.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return epoch(text.parse().ok()?);
    }
    let time = text.parse().ok().or_else(|| with_colon(text)?.parse().ok())?;
    // Go's zero time, `0001-01-01T00:00:00Z`, stands for none.
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// `...+0000` as `...+00:00`.
fn with_colon(text: &str) -> Option<String> {
    let (rest, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let sign = rest.len().checked_sub(3).and_then(|at| rest.as_bytes().get(at));
    matches!(sign, Some(b'+' | b'-')).then(|| format!("{rest}:{minutes}"))
}

/// Seconds, or milli-, micro- or nanoseconds: their sizes do not overlap for the years from 1973 to 5138.
fn epoch(count: i64) -> Option<Timestamp> {
    const SECONDS_BELOW: i64 = 100_000_000_000;
    let time = match count {
        ..=0 => return None,
        1..SECONDS_BELOW => Timestamp::from_second(count),
        _ if count < SECONDS_BELOW * 1000 => Timestamp::from_millisecond(count),
        _ if count < SECONDS_BELOW * 1_000_000 => Timestamp::from_microsecond(count),
        _ => Timestamp::from_nanosecond(i128::from(count)),
    };
    time.ok()
}

/// Seconds with a fraction.
fn fraction(seconds: f64) -> Option<Timestamp> {
    let time = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(time).ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

/// Labels in any of the forms in use: a map, `["key:value", "word"]`, `[["key", "value"]]`, `[{"key": .., "value": ..}]`.
/// A bare word is a label with an empty value; what is neither text nor number nor truth is left out.
pub(crate) fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    match value {
        Some(Value::Object(map)) => {
            labels.extend(map.iter().filter_map(|(key, value)| Some((key.clone(), scalar(value)?))));
        }
        Some(Value::Array(list)) => {
            for entry in list {
                let (key, value) = match entry {
                    Value::String(tag) => {
                        let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
                        (key.trim().to_owned(), value.trim().to_owned())
                    }
                    Value::Array(pair) => {
                        let part = |at| pair.get(at).and_then(scalar).unwrap_or_default();
                        (part(0), part(1))
                    }
                    entry => {
                        let key = first_word(entry, &["/key", "/name", "/tag"]).unwrap_or_default();
                        (key, word(entry, "/value"))
                    }
                };
                labels.entry(key).or_insert(value);
            }
        }
        _ => {}
    }
    labels.retain(|key, _| !key.is_empty());
    labels
}

/// The severity that a word means in most places. Senders that use a word in another way say so themselves.
pub(crate) fn severity(word: &str) -> Option<AlertSeverity> {
    let word: String = word.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let severity = match word.as_str() {
        "critical" | "crit" | "fatal" | "emergency" | "disaster" | "blocker" | "page" | "p1" | "sev1" | "s1" => {
            AlertSeverity::Critical
        }
        "high" | "error" | "err" | "major" | "severe" | "urgent" | "p2" | "sev2" | "s2" => AlertSeverity::High,
        "medium" | "moderate" | "average" | "warning" | "warn" | "p3" | "sev3" | "s3" => AlertSeverity::Medium,
        "low" | "minor" | "ticket" | "notice" | "p4" | "sev4" | "s4" => AlertSeverity::Low,
        "info" | "informational" | "information" | "debug" | "none" | "p5" | "sev5" | "s5" => AlertSeverity::Info,
        _ => return None,
    };
    Some(severity)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_in_every_form_in_use() {
        let second = Timestamp::from_second(1_502_709_956).unwrap();
        for written in [
            json!(1_502_709_956),
            json!(1_502_709_956.0),
            json!(1_502_709_956_000_i64),
            json!(1_502_709_956_000_000_i64),
            json!(1_502_709_956_000_000_000_i64),
            json!("1502709956"),
            json!("1502709956000"),
            json!("2017-08-14T11:25:56Z"),
            json!("2017-08-14T13:25:56+02:00"),
            json!("2017-08-14T13:25:56.000+0200"),
            json!(" 2017-08-14T11:25:56.0000000Z "),
        ] {
            assert_eq!(time(&written, ""), Some(second), "{written}");
        }
        for none in [
            json!(0),
            json!(-5),
            json!(""),
            json!("0001-01-01T00:00:00Z"),
            json!("yesterday"),
            json!(1e300),
            json!(null),
        ] {
            assert_eq!(time(&none, ""), None, "{none}");
        }
    }

    #[test]
    fn labels_are_read_in_every_form_in_use() {
        let of = |value: Value| labels(Some(&value)).into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
        assert_eq!(of(json!({"a": "x", "n": 1, "b": true, "o": {}})), ["a=x", "b=true", "n=1"]);
        assert_eq!(of(json!(["env:prod", "bare", "url:https://x", "", 7])), ["bare=", "env=prod", "url=https://x"]);
        assert_eq!(of(json!([["level", "error"], ["odd"]])), ["level=error", "odd="]);
        assert_eq!(of(json!([{"key": "k", "value": "v"}, {"name": "n", "value": 2}])), ["k=v", "n=2"]);
    }
}
