//! A body as a value, whichever of the two forms it was sent in.

use http::header;
use serde_json::{Map, Value};

use crate::verify::VerifiedPayload;

/// The most fields that are taken of a form.
const MAX_FIELDS: usize = 256;

/// The body: JSON, or a form, which is then a map of its fields. A form whose field `payload` holds JSON is that JSON,
/// which is how Slack and GitHub wrap theirs. The error says why it cannot be read.
pub(crate) fn read(payload: &VerifiedPayload<'_>) -> Result<Value, String> {
    if is_form(payload) { Ok(form(payload.raw())) } else { json(payload.raw()) }
}

fn json(raw: &[u8]) -> Result<Value, String> {
    // A byte order mark is what some editors put before a template.
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    serde_json::from_slice(raw).map_err(|error| format!("the body is not JSON: {error}"))
}

pub(crate) fn is_form(payload: &VerifiedPayload<'_>) -> bool {
    let content_type = payload.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

fn form(raw: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(raw).take(MAX_FIELDS) {
        // The first of a name stands.
        fields.entry(name.into_owned()).or_insert_with(|| Value::String(value.into_owned()));
    }
    match fields.get("payload").and_then(Value::as_str).map(serde_json::from_str) {
        Some(Ok(payload)) => payload,
        _ => Value::Object(fields),
    }
}
