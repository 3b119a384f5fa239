use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{AwsError, AwsRequest, xml};

/// What AWS answered to a call that it did.
#[derive(Debug, Clone)]
pub struct AwsAnswer {
    /// The status, 2xx.
    pub status: u16,
    /// The body; `null` where it is empty. Of the Query protocol what is inside `<OperationResult>`.
    pub body: Value,
    /// What AWS support asks for.
    pub request_id: Option<String>,
    /// All headers: a few operations say things in them (Lambda's `x-amz-function-error`).
    pub headers: HeaderMap,
}

/// The id of a request, under any of the names that it has.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned))
}

/// Reads the body of an answer that is not an error.
pub(crate) fn read(request: &AwsRequest<'_>, bytes: &[u8]) -> Result<Value, AwsError> {
    match request {
        AwsRequest::Query { action, .. } => {
            let answer = xml::read(bytes).map_err(|said| AwsError::NotUnderstood { what: said.to_string() })?;
            // EC2's has no such element; its members stand at the top.
            let mut members = match answer.body {
                Value::Object(members) => members,
                other => return Ok(other),
            };
            let metadata = members.remove("ResponseMetadata").is_some();
            members.remove("requestId");
            match members.remove(&format!("{action}Result")) {
                Some(result) => Ok(result),
                // An operation that returns nothing.
                None if metadata && members.is_empty() => Ok(Value::Object(members)),
                None => Ok(Value::Object(members)),
            }
        }
        _ if bytes.iter().all(u8::is_ascii_whitespace) => Ok(Value::Null),
        _ => serde_json::from_slice(bytes).map_err(|error| AwsError::NotUnderstood {
            what: format!("not JSON: {error}; it begins with {}", beginning(bytes)),
        }),
    }
}

/// The first characters of something, for a person who has to see what it is.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(80).collect();
    format!("`{text}`")
}
