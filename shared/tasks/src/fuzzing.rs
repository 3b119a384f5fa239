//! The readers of what anybody may answer, for `tests/fuzzed`, which could reach them through a server only. Nothing else
//! calls this.

use net::Body;
use serde_json::{Value, json};

use crate::{http::body, promql::read, tls::certificate::Shown};

/// What the `promql` task makes of an answer.
///
/// # Errors
/// Why there is no result, in words.
pub fn promql_answer(status: u16, body: &[u8], ranged: bool) -> Result<Value, String> {
    let found = read::read(status, body, ranged).map_err(|error| error.at("the server"))?;
    let words = found.in_words();
    let mut result = found.into_result();
    if let Some(result) = result.as_object_mut() {
        result.insert("words".to_owned(), Value::from(words));
    }
    Ok(result)
}

/// The body of an answer as the `http` task shows it: as text, and as JSON. `more` says that it was cut.
#[must_use]
pub fn http_answer(content_type: &str, bytes: &[u8], more: bool) -> (String, Value) {
    let whole = Body { bytes: bytes.to_vec(), more, length: u64::try_from(bytes.len()).ok().filter(|_| !more) };
    (body::text(&whole, content_type), body::json(&whole))
}

/// A certificate as the `tls` task shows it.
#[must_use]
pub fn certificate(der: &[u8]) -> Value {
    let shown = Shown::read(der);
    json!({"chain": shown.in_chain(), "names": shown.names, "self_signed": shown.is_self_signed()})
}
