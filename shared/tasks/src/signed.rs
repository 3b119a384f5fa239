//! What the kinds that ask AWS share.

use std::time::Duration;

use awscall::{AwsAnswer, AwsError, AwsRequest, JsonVersion};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::{There, named};

/// Calls of one step: where they go, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    there: &'a There<'a>,
    deadline: Instant,
}

impl<'a> Signed<'a> {
    pub(crate) fn new(there: &'a There<'a>, within: Duration) -> Self {
        Self { there, deadline: Instant::now() + within }
    }

    /// The same, ending so much earlier.
    pub(crate) fn spare(self, spare: Duration) -> Self {
        Self { deadline: self.deadline.checked_sub(spare).unwrap_or(self.deadline), ..self }
    }

    /// How long there is still.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Makes one call, in what is left of the time.
    pub(crate) async fn answer(&self, request: &AwsRequest<'_>) -> Result<AwsAnswer, AwsError> {
        self.there.ask(request, self.left()).await
    }

    /// A call of the JSON protocol 1.1, whose service's prefix is also the name that is signed.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, AwsError> {
        let version = JsonVersion::V1_1;
        let request = AwsRequest::Json { service, signing: service, target, version, body };
        self.answer(&request).await.map(|answer| answer.body)
    }

    /// A GET of the REST protocol, for which policies have the name `action`.
    pub(crate) async fn get(&self, action: &str, path: &str, query: &[(&str, &str)]) -> Result<Value, AwsError> {
        let service = action.split(':').next().unwrap_or(action);
        let request = AwsRequest::Rest { service, signing: service, method: "GET", path, query, body: None };
        self.answer(&request).await.map(|answer| answer.body).map_err(|error| named(error, action))
    }

    /// Why a call gave nothing, with what to do about it: a missing permission is named.
    pub(crate) fn reason(&self, error: &AwsError) -> String {
        self.there.reason(error)
    }

    /// The same on one line, for a note.
    pub(crate) fn note(&self, error: &AwsError) -> String {
        self.reason(error).lines().next().unwrap_or_default().to_owned()
    }
}

/// What a step records: the action that it asks for, and with what.
pub(crate) fn request(action: &str, account: Option<&domain::Name>, parameters: Value) -> Value {
    let mut request = json!({"action": action});
    if let Some(request) = request.as_object_mut() {
        if let Some(account) = account {
            request.insert("account".to_owned(), Value::from(account.as_str()));
        }
        if let Value::Object(parameters) = parameters {
            request.extend(parameters);
        }
    }
    request
}

/// What was said beside a result.
#[derive(Default)]
pub(crate) struct Notes(Vec<String>);

impl Notes {
    pub(crate) fn say(&mut self, note: impl Into<String>) {
        self.0.push(note.into());
    }
}

/// `result` with its notes and how long it took.
pub(crate) fn ended(mut result: Value, notes: Notes, started: Instant) -> Value {
    if let Some(result) = result.as_object_mut() {
        result.insert("notes".to_owned(), Value::from(notes.0));
        result.insert("elapsed_ms".to_owned(), Value::from(crate::common::elapsed_ms(started)));
    }
    result
}

/// Some text of others in a result: at most so many characters, on one line.
pub(crate) fn short(value: &Value, key: &str, cap: usize) -> String {
    crate::common::one_line(text(value, key), cap)
}

/// The text at `key`, or nothing.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at `key`, or 0. The Query protocol writes numbers as text.
pub(crate) fn whole(value: &Value, key: &str) -> i64 {
    match value.get(key) {
        Some(Value::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "AWS writes whole numbers as floats here and there")]
            let float = || number.as_f64().map(|float| float as i64);
            number.as_i64().or_else(float).unwrap_or_default()
        }
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        _ => 0,
    }
}

/// The list at `key`, or an empty one.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A time of the JSON protocols: seconds of the epoch as a number, or RFC 3339.
pub(crate) fn time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let seconds = number.as_f64()?;
            // Milliseconds are as much as any service gives.
            #[expect(clippy::cast_possible_truncation, reason = "it saturates, and what is no time is refused")]
            Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
        }
        _ => None,
    }
}

/// A time for people and rules: RFC 3339 in whole seconds, or nothing.
pub(crate) fn shown(time: Option<Timestamp>) -> String {
    time.and_then(|time| Timestamp::from_second(time.as_second()).ok()).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod testing;
