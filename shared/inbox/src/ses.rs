//! `SendEmail` of SES v2 (source: the API reference, SES's quotas, and the messages that its users report). Every identity is
//! verified until it is removed, as in an account that has left the sandbox or verified all.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::civil::DateTime;
use serde_json::{Value, json};

#[cfg(test)]
mod tests;

use crate::{
    Endpoint, Service,
    desk::{Asked, Refusal, answer, said},
    state::{Shared, posted},
};

/// The most recipients, of all kinds together.
const RECIPIENTS: usize = 50;
/// The most bytes of a message, encoded.
const MESSAGE: usize = 40 * 1024 * 1024;
/// The most headers of one's own, and the most characters of a name and a value.
const HEADERS: usize = 15;
const NAME: usize = 126;
const VALUE: usize = 870;
/// How old a signature may be, in seconds, and how far ahead.
const SKEW: i64 = 5 * 60;

/// What SES writes itself.
const OWN: &[&str] = &[
    "bcc",
    "cc",
    "content-disposition",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "return-path",
    "subject",
    "to",
];

pub(crate) async fn send(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(shared, Endpoint::Post(Service::Email), request, refuse, |world, asked| {
        let region = signed(asked)?;
        let to = checked(&asked.body)?;
        let from = asked.body.get("FromEmailAddress").and_then(Value::as_str).unwrap_or_default();
        let sender = bare(from);
        let domain = sender.split_once('@').map_or("", |(_, domain)| domain);
        let unknown = |identity: &&str| world.removed.contains(*identity);
        let failed = [sender, domain].into_iter().find(unknown).map(|_| from).into_iter();
        let failed: Vec<&str> = failed.chain(to.iter().map(String::as_str).filter(unknown)).collect();
        if !failed.is_empty() {
            let failed = failed.join(", ");
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "MessageRejected: Email address is not verified. The following identities failed the check in region {}: \
                     {failed}",
                    region.to_uppercase()
                ),
            ));
        }
        let id = format!("0100019a{:08x}-7e2c1f6a-4b3d-4e55-9c1e-0f2a6b7c8d9e-000000", world.next_id());
        world.posts.push(posted(Service::Email, to.join(", "), id.clone(), asked.at, asked.body.clone()));
        Ok(said(StatusCode::OK, None, json!({ "MessageId": id })))
    })
    .await
}

/// `GetAccount`: out of the sandbox, unless that is denied.
pub(crate) async fn account(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(shared, Endpoint::Look(Service::Email), request, refuse, |world, asked| {
        signed(asked)?;
        let account = json!({
            "ProductionAccessEnabled": !world.setup.is_denied("production access"),
            "SendingEnabled": !world.setup.is_denied("sending"),
            "EnforcementStatus": "HEALTHY",
            "SendQuota": { "Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0 },
        });
        Ok(said(StatusCode::OK, None, account))
    })
    .await
}

/// `GetEmailIdentity`: domains are there and verified until they are removed, or are not yet where that is denied. An address is
/// none of its own.
pub(crate) async fn identity(
    State(shared): State<Arc<Shared>>,
    Path(identity): Path<String>,
    request: Request,
) -> Response {
    answer(shared, Endpoint::Look(Service::Email), request, refuse, |world, asked| {
        signed(asked)?;
        if identity.contains('@') || world.removed.contains(&identity) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, format!("Email identity {identity} does not exist.")));
        }
        let verified = !world.setup.is_denied(&identity);
        let status = if verified { "SUCCESS" } else { "PENDING" };
        let identity = json!({
            "IdentityType": "DOMAIN", "VerifiedForSendingStatus": verified, "VerificationStatus": status,
        });
        Ok(said(StatusCode::OK, None, identity))
    })
    .await
}

fn wrong(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("BadRequestException: {}", message.into()))
}

/// The region for which a request is signed, if it looks signed: by which key is not known here.
fn signed(asked: &Asked<'_>) -> Result<String, Refusal> {
    let denied = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, message));
    let header = |name: &str| asked.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let shown = header("authorization");
    if shown.is_empty() {
        return denied("MissingAuthenticationTokenException: Missing Authentication Token");
    }
    let Some(fields) = shown.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return denied("IncompleteSignatureException: Authorization header requires 'Signature' parameter.");
    };
    let field = |name: &str| fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let scope: Vec<&str> = field("Credential").unwrap_or_default().split('/').collect();
    let [key, day, region, service, end] = scope.as_slice() else {
        return denied("IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements.");
    };
    if key.is_empty() || *service != "ses" || *end != "aws4_request" {
        return denied("InvalidSignatureException: Credential should be scoped to correct service: 'ses'.");
    }
    let headers = field("SignedHeaders").unwrap_or_default();
    let signature = field("Signature").unwrap_or_default();
    let is_hash = signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !headers.split(';').any(|name| name == "host")
        || !headers.split(';').any(|name| name == "x-amz-date")
        || !is_hash
    {
        return denied("IncompleteSignatureException: the request is not signed as it must be.");
    }
    let date = header("x-amz-date");
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok().and_then(|at| at.in_tz("UTC").ok());
    let age = at.map(|at| asked.at.duration_since(at.timestamp()).as_secs());
    if !date.starts_with(day) || age.is_none_or(|age| age.abs() > SKEW) {
        return denied("InvalidSignatureException: Signature expired or not yet current.");
    }
    Ok((*region).to_owned())
}

/// Whom it goes to, if it is a mail that SES takes.
fn checked(body: &Value) -> Result<Vec<String>, Refusal> {
    if !body.is_object() {
        return Err(wrong("The request could not be parsed"));
    }
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    address(text("/FromEmailAddress"))?;
    let mut recipients = Vec::new();
    for kind in ["ToAddresses", "CcAddresses", "BccAddresses"] {
        let list = body.pointer(&format!("/Destination/{kind}")).and_then(Value::as_array);
        for one in list.into_iter().flatten() {
            let one = one.as_str().ok_or_else(|| wrong("An address must be a string"))?;
            address(one)?;
            recipients.push(bare(one).to_owned());
        }
    }
    if recipients.is_empty() {
        return Err(wrong("Missing required destination"));
    }
    if recipients.len() > RECIPIENTS {
        return Err(wrong(format!("Recipient count exceeds {RECIPIENTS}.")));
    }
    let Some(simple) = body.pointer("/Content/Simple") else { return Err(wrong("Content must be specified")) };
    let subject = text("/Content/Simple/Subject/Data");
    if subject.chars().any(char::is_control) {
        return Err(wrong("Subject contains control characters"));
    }
    let part = |kind: &str| simple.pointer(&format!("/Body/{kind}/Data")).and_then(Value::as_str).unwrap_or_default();
    let parts = [part("Text"), part("Html")];
    if parts.iter().all(|part| part.is_empty()) {
        return Err(wrong("Message body must have text or HTML"));
    }
    let encoded: usize = parts.iter().map(|part| part.len().div_ceil(3) * 4).sum();
    if encoded > MESSAGE {
        return Err(wrong(format!("Message length is more than {MESSAGE} bytes long: '{encoded}'.")));
    }
    headers(simple)?;
    Ok(recipients)
}

fn headers(simple: &Value) -> Result<(), Refusal> {
    let list = simple.get("Headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.len() > HEADERS {
        return Err(wrong(format!("Headers must have at most {HEADERS} items")));
    }
    for header in list {
        let text = |key: &str| header.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, value) = (text("Name"), text("Value"));
        let named = (1..=NAME).contains(&name.len()) && name.bytes().all(|b| (33..=126).contains(&b) && b != b':');
        let valued = (1..=VALUE).contains(&value.len()) && value.bytes().all(|b| (32..=126).contains(&b));
        if !named || !valued || OWN.contains(&name.to_lowercase().as_str()) {
            return Err(wrong(format!("Invalid header: <{name}>")));
        }
    }
    Ok(())
}

/// `a@b.example` of `A <a@b.example>`.
fn bare(address: &str) -> &str {
    address.split_once('<').map_or(address, |(_, rest)| rest.trim_end_matches('>')).trim()
}

fn address(text: &str) -> Result<(), Refusal> {
    let (name, plain) = match text.split_once('<') {
        Some((name, rest)) => (name, rest.strip_suffix('>').unwrap_or_default()),
        None => ("", text),
    };
    let Some((local, domain)) = plain.split_once('@') else { return Err(wrong("Missing final '@domain'")) };
    if !name.is_ascii() || name.chars().any(char::is_control) || name.contains(['@', ',', '"']) {
        return Err(wrong("Illegal address"));
    }
    if local.is_empty() || local.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
        return Err(wrong("Local address contains control or whitespace"));
    }
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !domain.contains('.') || !domain.split('.').all(label) {
        return Err(wrong("Domain contains illegal character"));
    }
    Ok(())
}

/// An error as AWS's REST-JSON has it. A message that begins with a code has that one.
fn refuse(status: StatusCode, _: Option<u64>, message: &str) -> Response {
    let by_status = match status {
        StatusCode::TOO_MANY_REQUESTS => ("TooManyRequestsException", "Maximum sending rate exceeded."),
        StatusCode::UNAUTHORIZED => ("UnrecognizedClientException", message),
        StatusCode::FORBIDDEN => ("AccessDeniedException", message),
        StatusCode::NOT_FOUND => ("NotFoundException", message),
        status if status.is_server_error() => ("InternalServiceErrorException", message),
        _ => ("BadRequestException", message),
    };
    let is_code = |code: &str| code.len() > 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (code, message) = message.split_once(": ").filter(|(code, _)| is_code(code)).unwrap_or(by_status);
    let mut response = said(status, None, json!({ "message": message }));
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}
