//! What all the small APIs have in common: a request arrives, may meet a fault, is carried out in the world, is answered.

use std::sync::{Arc, PoisonError};

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header, request::Parts};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    Endpoint, Fault,
    serve::{end, whole},
    state::{Course, Ending, Shared, World},
};

/// A request as `carry_out` sees it.
pub(crate) struct Asked<'r> {
    pub parts: &'r Parts,
    /// The body as JSON; null when it is none.
    pub body: Value,
    pub at: Timestamp,
    /// When what it asks for is done, where the provider does it after its answer.
    pub done_at: Timestamp,
}

impl Asked<'_> {
    /// The first value of `name` in the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A number of the query.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }
}

/// What is not carried out: the status, and the API's word for it.
pub(crate) struct Refusal(StatusCode, String);

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, message.into())
    }
}

/// How an API says that something is wrong: the status, and how long to wait in seconds.
pub(crate) type Refuse = fn(StatusCode, Option<u64>, &str) -> Response;

/// Answers a request to `endpoint`, with what `carry_out` did or why it did not.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    request: Request,
    refuse: Refuse,
    carry_out: impl FnOnce(&mut World, &Asked<'_>) -> Result<Response, Refusal>,
) -> Response {
    let (parts, raw) = whole(request).await;
    let (arrival, course) = shared.arrive(endpoint, &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(Fault::Status { status, retry_after }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refuse(status, retry_after, status.canonical_reason().unwrap_or("Error"));
        }
        Course::Refuse(Fault::Says { status, message }) => {
            return refuse(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), None, message);
        }
        Course::Refuse(Fault::Redirect(to)) => {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
        }
        Course::Refuse(Fault::SlackError(word)) => return refuse(StatusCode::BAD_REQUEST, None, word),
        Course::Refuse(_) => return refuse(StatusCode::BAD_REQUEST, None, "Bad Request"),
    };
    let later = if let Ending::Later(seconds) = ending { seconds } else { 0 };
    let done_at = arrival.at + SignedDuration::from_secs(later.into());
    let body = serde_json::from_slice(&raw).unwrap_or_default();
    let asked = Asked { parts: &parts, body, at: arrival.at, done_at };
    let done = {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        carry_out(&mut world, &asked)
    };
    match done {
        Ok(answer) => end(&shared, arrival, ending, answer).await,
        Err(Refusal(status, message)) => refuse(status, None, &message),
    }
}

/// `status` with `body`, and `Retry-After` where it is said.
pub(crate) fn said(status: StatusCode, retry_after: Option<u64>, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Whether a request shows a credential of this scheme: `GenieKey`, `Bearer`.
pub(crate) fn shows(headers: &HeaderMap, scheme: &str) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    shown.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(' ')).is_some_and(|key| !key.is_empty())
}

/// Whether a request shows a user and a password.
pub(crate) fn logs_in(headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let login = shown.strip_prefix("Basic ").and_then(|login| STANDARD.decode(login).ok());
    login.is_some_and(|login| login.contains(&b':'))
}
