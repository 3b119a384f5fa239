//! Opsgenie's alert API, and that of Jira Service Management, as far as notes go (source: opsgenie-oas). A note is taken
//! first and written later; whoever asks for the request learns what became of it.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    Endpoint, Posted, Service,
    desk::{Asked, Refusal, answer, said, shows},
    state::{Shared, World, posted},
};

/// The most characters of a note.
const NOTE: usize = 25_000;

pub(crate) async fn notes(
    State(shared): State<Arc<Shared>>,
    Path((api, alert)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some(service) = service(&api) else { return StatusCode::NOT_FOUND.into_response() };
    let writes = request.method() == Method::POST;
    let endpoint = if writes { Endpoint::Post(service) } else { Endpoint::List(service) };
    answer(shared, endpoint, request, refuse, |world, asked| {
        admitted(asked)?;
        let known = asked.query("identifierType").as_deref() == Some("id");
        if writes { write(world, service, alert, known, asked) } else { list(world, service, &alert, asked) }
    })
    .await
}

/// The alerts there are: none that anybody could see.
pub(crate) async fn alerts(State(shared): State<Arc<Shared>>, Path(api): Path<String>, request: Request) -> Response {
    let Some(service) = service(&api) else { return StatusCode::NOT_FOUND.into_response() };
    answer(shared, Endpoint::Look(service), request, refuse, |_, asked| {
        admitted(asked)?;
        Ok(said(StatusCode::OK, None, json!({ "data": [], "took": 0.01, "requestId": "9ae63dd7-0001" })))
    })
    .await
}

pub(crate) async fn requests(
    State(shared): State<Arc<Shared>>,
    Path((api, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some(service) = service(&api) else { return StatusCode::NOT_FOUND.into_response() };
    answer(shared, Endpoint::Status(service), request, refuse, |world, asked| {
        admitted(asked)?;
        let done = |post: &&Posted| post.service == service && post.id == id && post.at <= asked.at;
        let note = world.posts.iter().find(done);
        let Some(note) = note else { return Err(Refusal::new(StatusCode::NOT_FOUND, "Request not found")) };
        let gone = note.deleted || world.removed.contains(&note.place);
        let status = if gone { "Alert does not exist" } else { "Note added" };
        let data = json!({
            "success": !gone, "isSuccess": !gone, "action": "Add Note", "status": status, "alertId": note.place,
            "processedAt": note.at.to_string(),
        });
        Ok(said(StatusCode::OK, None, json!({ "data": data, "took": 0.01, "requestId": "43a29c5c-0000" })))
    })
    .await
}

fn service(api: &str) -> Option<Service> {
    match api {
        "opsgenie" => Some(Service::Opsgenie),
        "jsm" => Some(Service::Jsm),
        _ => None,
    }
}

fn admitted(asked: &Asked<'_>) -> Result<(), Refusal> {
    if shows(&asked.parts.headers, "GenieKey") {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "Could not authenticate"))
}

fn write(
    world: &mut World,
    service: Service,
    alert: String,
    by_id: bool,
    asked: &Asked<'_>,
) -> Result<Response, Refusal> {
    let note = asked.body.get("note").and_then(Value::as_str).unwrap_or_default();
    if !by_id || note.is_empty() || note.chars().count() > NOTE {
        return Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Request body is not processable. Please check the errors.",
        ));
    }
    let id = format!("43a29c5c-3dbf-4fa4-9c26-{:012x}", world.next_id());
    // Taken also where there is no such alert, and then never seen.
    let gone = world.removed.contains(&alert);
    let new = posted(service, alert, id.clone(), asked.done_at, asked.body.clone());
    world.posts.push(Posted { deleted: gone, ..new });
    let taken = json!({ "result": "Request will be processed", "took": 0.302, "requestId": id });
    Ok(said(StatusCode::ACCEPTED, None, taken))
}

/// Newest first, after the one at `offset`.
fn list(world: &World, service: Service, alert: &str, asked: &Asked<'_>) -> Result<Response, Refusal> {
    if world.removed.contains(alert) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Alert does not exist"));
    }
    let after = asked.query("offset").filter(|offset| !offset.is_empty());
    let stands = |post: &&Posted| !post.deleted && post.at <= asked.at;
    let ours = world.posts.iter().rev().filter(|post| post.service == service && post.place == alert).filter(stands);
    let rest = ours.skip_while(|post| after.as_deref().is_some_and(|after| offset(post) != after));
    let rest = rest.skip(usize::from(after.is_some()));
    let notes: Vec<Value> = rest.take(asked.number("limit").unwrap_or(20)).map(shown).collect();
    Ok(said(StatusCode::OK, None, json!({ "data": notes, "took": 0.01, "requestId": "9ae63dd7-0000" })))
}

fn offset(post: &Posted) -> String {
    format!("{}_{}", post.at.as_millisecond(), post.id)
}

fn shown(post: &Posted) -> Value {
    json!({
        "note": post.body.get("note"),
        "owner": "Firstlook",
        "createdAt": post.at.to_string(),
        "offset": offset(post),
    })
}

fn refuse(status: StatusCode, retry_after: Option<u64>, message: &str) -> Response {
    let limited = status == StatusCode::TOO_MANY_REQUESTS;
    let body = json!({ "message": message, "took": 0.001, "requestId": "rq-0000" });
    let mut response = said(status, retry_after.filter(|_| !limited), body);
    if let Some(seconds) = retry_after.filter(|_| limited) {
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("x-ratelimit-state"), HeaderValue::from_static("THROTTLED"));
        headers.insert(HeaderName::from_static("x-ratelimit-period-in-sec"), seconds.into());
    }
    response
}
