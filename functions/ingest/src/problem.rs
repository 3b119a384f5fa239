use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// A refusal as the sender sees it (RFC 9457). What it says is for whoever sets the sender up; it holds nothing that
/// helps to forge a request, and nothing of the request itself.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, &'static str)>,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, name, title, detail: detail.into(), headers: vec![] }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn unknown_source() -> Self {
        let detail = "The URL must end in /hooks/ and the name of a Source of the catalog that is deployed.";
        Self::new(StatusCode::NOT_FOUND, "unknown-source", "There is no such source", detail)
    }

    pub(crate) fn method() -> Self {
        let detail = "This URL takes webhooks: the sender must POST its events here. A browser has nothing to see.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Only POST and PUT are taken here", detail)
            .with(header::ALLOW, "POST, PUT")
    }

    pub(crate) fn too_large() -> Self {
        let detail = "The body is larger than 1 MiB. Make the sender leave out what is not needed.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }

    pub(crate) fn content_type() -> Self {
        let detail = "The body must be JSON or a form: set the sender's content type to application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "The body is neither JSON nor a form", detail)
    }

    /// The same whether the proof is missing, wrong or old.
    pub(crate) fn unverified(wanted: &str) -> Self {
        let detail = format!(
            "Looked for {wanted}, and no live secret matched. Compare the sender's signing secret with the one that is \
             stored, and let nothing on the way change the body."
        );
        // RFC 9110 wants a challenge with each 401; there is no registered scheme for signed webhooks.
        Self::new(StatusCode::UNAUTHORIZED, "unverified", "The sender is not proven", detail)
            // No `X-Slack-No-Retry`: while a secret is changed, what is wrong now is right on the next attempt.
            .with(header::WWW_AUTHENTICATE, "Webhook realm=\"hooks\"")
    }

    /// The same whatever of an SNS message does not fit. SNS tries nothing again that is answered with 4xx.
    pub(crate) fn unsigned(wanted: &str) -> Self {
        let detail = format!(
            "Looked for {wanted}. Compare the topic's ARN with the source's, and let nothing on the way change the body."
        );
        Self::new(StatusCode::FORBIDDEN, "unverified", "The sender is not proven", detail)
    }

    pub(crate) fn raw_delivery() -> Self {
        let detail = "Raw messages carry no signature. Switch raw message delivery off for this subscription.";
        Self::new(StatusCode::FORBIDDEN, "raw-delivery", "SNS delivers raw messages here", detail)
    }

    /// Nothing was kept: the sender shall try again after `seconds`.
    pub(crate) fn unavailable(seconds: &'static str) -> Self {
        let detail = "The event was not taken, for a reason on this side that the log says. Send it again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail).with(header::RETRY_AFTER, seconds)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Problem> for Response<Bytes> {
    fn from(problem: Problem) -> Self {
        let body = json!({
            "type": format!("urn:firstlook:problem:{}", problem.name),
            "title": problem.title,
            "status": problem.status.as_u16(),
            "detail": problem.detail,
        });
        let mut response = respond(problem.status, "application/problem+json", &body);
        response
            .headers_mut()
            .extend(problem.headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

/// A response with a JSON body.
pub(crate) fn respond(status: StatusCode, media_type: &'static str, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
