//! What a log line says, without what is around it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Keys whose text is the message of a JSON line, the first that is there.
const MESSAGE: [&str; 7] = ["message", "msg", "errorMessage", "@message", "log", "event", "text"];
/// Keys whose text says why, beside the message.
const CAUSE: [&str; 5] = ["error", "err", "exception", "cause", "errorType"];

/// The message of `line`: of JSON its text, of several lines the first and the one that names the cause.
pub(super) fn of<'a>(line: &'a str, field: Option<&str>) -> Cow<'a, str> {
    let line = line.trim();
    // Lambda's own format has JSON behind time, request id and level.
    if let Some(start) = line.find('{')
        && line.ends_with('}')
        && let Some(json) = line.get(start..)
        && let Ok(Value::Object(map)) = serde_json::from_str(json)
        && let Some(message) = in_json(&map, field)
    {
        let before = line.get(..start).unwrap_or_default();
        return Cow::Owned(format!("{before}{}", of_lines(&message)));
    }
    of_lines(line)
}

/// The message of a JSON line, and why. A key may lead into maps: `log.message`.
fn in_json(map: &Map<String, Value>, field: Option<&str>) -> Option<String> {
    let at = |path: &str| match map.get(path) {
        Some(value) => text(value),
        None => path
            .split('.')
            .try_fold(None, |inner: Option<&Value>, key| {
                Some(Some(inner.map_or_else(|| map.get(key), |value| value.get(key))?))
            })?
            .and_then(text),
    };
    let message = field.and_then(at).or_else(|| MESSAGE.into_iter().find_map(at));
    let cause = CAUSE.into_iter().filter_map(at).find(|cause| message.as_ref() != Some(cause));
    match (message, cause) {
        (Some(message), Some(cause)) => Some(format!("{message}: {cause}")),
        (message, cause) => message.or(cause),
    }
}

/// Text, or the message of a map that describes an error.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Object(map) => MESSAGE.into_iter().find_map(|key| map.get(key)?.as_str().map(str::to_owned)),
        _ => None,
    }
}

/// Of a stack trace its head, and the last line that is no frame: the exception of a Python traceback, the innermost
/// `Caused by` of a Java one.
fn of_lines(text: &str) -> Cow<'_, str> {
    let Some((first, rest)) = text.split_once('\n') else { return Cow::Borrowed(text) };
    let frame = |line: &str| {
        line.trim().is_empty()
            || line.starts_with([' ', '\t'])
            || line.starts_with("at ")
            || line.starts_with("...")
            || line.starts_with("goroutine ")
    };
    let first = first.trim_end();
    match rest.lines().rfind(|line| !frame(line)) {
        Some(cause) if first.starts_with("Traceback") => Cow::Owned(cause.trim().to_owned()),
        Some(cause) => Cow::Owned(format!("{first} {}", cause.trim())),
        None => Cow::Borrowed(first),
    }
}
