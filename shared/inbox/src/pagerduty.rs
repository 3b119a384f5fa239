//! PagerDuty's REST API v2, as far as notes of an incident go (source: its OpenAPI document).

use std::sync::{Arc, PoisonError};

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Endpoint, Fault, Posted, Service,
    serve::{end, whole},
    state::{Course, Shared, World, posted},
};

/// The most notes that an incident takes.
const NOTES: usize = 2000;

/// The notes of an incident: POST writes one, GET lists them.
pub(crate) async fn notes(
    State(shared): State<Arc<Shared>>,
    Path(incident): Path<String>,
    request: Request,
) -> Response {
    let (parts, raw) = whole(request).await;
    let writes = parts.method == Method::POST;
    let endpoint = if writes { Endpoint::PagerDutyPost } else { Endpoint::PagerDutyList };
    let (arrival, course) = shared.arrive(endpoint, &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(fault) => return refusal(&fault),
    };
    if !authorized(&parts.headers) {
        return error(StatusCode::UNAUTHORIZED, 2006, "Authentication failed", &[]);
    }
    let done = {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        if world.removed.contains(&incident) {
            return error(StatusCode::NOT_FOUND, 5001, "Incident Not Found", &[]);
        }
        if writes { write(&mut world, incident, arrival.at, &raw) } else { Ok(list(&world, &incident)) }
    };
    match done {
        Ok(answer) => end(&shared, arrival, ending, Json(answer).into_response()).await,
        Err(invalid) => error(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided", &[invalid]),
    }
}

/// `GET /abilities`.
pub(crate) async fn abilities(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    look(&shared, request, |_, _| Ok(json!({ "abilities": ["teams", "urgencies"] }))).await
}

/// `GET /users`: the account has one.
pub(crate) async fn users(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    look(&shared, request, |world, parts| {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let wanted = pairs.into_owned().find_map(|(key, value)| (key == "query").then_some(value)).unwrap_or_default();
        let users: Vec<Value> =
            [user(world)].into_iter().filter(|user| user.to_string().contains(&wanted.to_lowercase())).collect();
        Ok(json!({ "users": users, "limit": 100, "offset": 0, "more": false, "total": null }))
    })
    .await
}

/// `GET /users/me`: only with a user's own key, which begins with `u+`.
pub(crate) async fn me(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    look(&shared, request, |world, parts| {
        let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if shown.starts_with("Token token=u+") {
            return Ok(json!({ "user": user(world) }));
        }
        Err("User token required: the account's API key identifies no user")
    })
    .await
}

fn user(world: &World) -> Value {
    json!({ "id": "PUSER01", "type": "user", "name": "Firstlook", "email": "firstlook@example.com", "role": world.setup.role() })
}

/// What only reads.
async fn look(
    shared: &Shared,
    request: Request,
    said: impl FnOnce(&World, &http::request::Parts) -> Result<Value, &'static str>,
) -> Response {
    let (parts, raw) = whole(request).await;
    let (arrival, course) = shared.arrive(Endpoint::Look(Service::PagerDuty), &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(fault) => return refusal(&fault),
    };
    if !authorized(&parts.headers) {
        return error(StatusCode::UNAUTHORIZED, 2006, "Authentication failed", &[]);
    }
    let answer = {
        let world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        said(&world, &parts)
    };
    match answer {
        Ok(answer) => end(shared, arrival, ending, Json(answer).into_response()).await,
        Err(message) => error(StatusCode::BAD_REQUEST, 2001, message, &[]),
    }
}

fn write(world: &mut World, incident: String, at: Timestamp, raw: &[u8]) -> Result<Value, &'static str> {
    let body: Value = serde_json::from_slice(raw).unwrap_or_default();
    let content = body.pointer("/note/content").and_then(Value::as_str).unwrap_or_default();
    if content.trim().is_empty() {
        return Err("Content cannot be empty.");
    }
    if world.posts.iter().filter(|post| is_note_of(post, &incident)).count() >= NOTES {
        return Err("Too many notes.");
    }
    let id = format!("PNOTE{:05}", world.next_id());
    let new = posted(Service::PagerDuty, incident, id, at, body);
    let shown = note(&new);
    world.posts.push(new);
    Ok(json!({ "note": shown }))
}

/// Newest first.
fn list(world: &World, incident: &str) -> Value {
    let notes: Vec<Value> = world.posts.iter().rev().filter(|post| is_note_of(post, incident)).map(note).collect();
    json!({ "notes": notes })
}

fn is_note_of(post: &Posted, incident: &str) -> bool {
    post.service == Service::PagerDuty && post.place == incident && !post.deleted
}

fn note(post: &Posted) -> Value {
    json!({
        "id": post.id,
        "user": { "id": "PUSER01", "type": "user_reference", "summary": "Firstlook" },
        "channel": { "summary": "The PagerDuty website or APIs" },
        "content": post.body.pointer("/note/content"),
        "created_at": post.at.to_string(),
        "updated_at": post.at.to_string(),
    })
}

fn authorized(headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    shown.strip_prefix("Token token=").is_some_and(|key| !key.is_empty())
}

fn error(status: StatusCode, code: u32, message: &str, errors: &[&str]) -> Response {
    (status, Json(json!({ "error": { "message": message, "code": code, "errors": errors } }))).into_response()
}

fn refusal(fault: &Fault) -> Response {
    match fault {
        Fault::Status { status: 429, retry_after } => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, 2020, "Rate Limit Exceeded", &[]);
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from_static("960"));
            headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from_static("0"));
            if let Some(seconds) = retry_after {
                headers.insert(HeaderName::from_static("ratelimit-reset"), (*seconds).into());
            }
            response
        }
        Fault::Status { status: 401, .. } => error(StatusCode::UNAUTHORIZED, 2006, "Authentication failed", &[]),
        Fault::Status { status, retry_after } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = error(status, 2000, status.canonical_reason().unwrap_or("Error"), &[]);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            response
        }
        Fault::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        _ => error(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided", &[]),
    }
}
