//! GitHub's REST API, as far as comments of an issue go (source: its OpenAPI document).

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Edit, Endpoint, Posted, Service,
    desk::{Asked, Refusal, answer, said, shows},
    state::{Shared, World, posted},
};

/// The most characters of a comment.
const COMMENT: usize = 65_536;

/// POST writes a comment, GET lists those there are.
pub(crate) async fn comments(
    State(shared): State<Arc<Shared>>,
    Path((owner, name, number)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let place = format!("{owner}/{name}#{number}");
    let writes = request.method() == Method::POST;
    let endpoint = if writes { Endpoint::Post(Service::GitHub) } else { Endpoint::List(Service::GitHub) };
    answer(shared, endpoint, request, refuse, |world, asked| {
        admitted(asked)?;
        if world.removed.contains(&place) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
        }
        if !writes {
            return Ok(list(world, &place, asked));
        }
        checked(asked)?;
        let id = (9_000_000 + world.next_id()).to_string();
        let new = posted(Service::GitHub, place, id, asked.at, asked.body.clone());
        let answer = said(StatusCode::CREATED, None, shown(&new));
        world.posts.push(new);
        Ok(answer)
    })
    .await
}

/// A repository.
pub(crate) async fn repository(
    State(shared): State<Arc<Shared>>,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let place = format!("{owner}/{name}");
    answer(shared, Endpoint::Look(Service::GitHub), request, refuse, |world, asked| {
        admitted(asked)?;
        if world.removed.contains(&place) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
        }
        let setup = &world.setup;
        let repository = json!({
            "full_name": place, "private": true, "has_issues": !setup.is_denied(&place), "archived": setup.is_closed(&place),
        });
        let mut response = said(StatusCode::OK, None, repository);
        // Only classic tokens say what they may.
        let shown = asked.parts.headers.get(http::header::AUTHORIZATION);
        if shown.is_some_and(|shown| shown.as_bytes().starts_with(b"Bearer ghp_")) {
            let scopes = setup.granted(Service::GitHub).unwrap_or_else(|| vec!["repo".to_owned()]).join(", ");
            if let Ok(scopes) = HeaderValue::from_str(&scopes) {
                response.headers_mut().insert(HeaderName::from_static("x-oauth-scopes"), scopes);
            }
        }
        Ok(response)
    })
    .await
}

/// An issue.
pub(crate) async fn issue(
    State(shared): State<Arc<Shared>>,
    Path((owner, name, number)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let place = format!("{owner}/{name}#{number}");
    answer(shared, Endpoint::Look(Service::GitHub), request, refuse, |world, asked| {
        admitted(asked)?;
        if world.removed.contains(&place) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
        }
        let number: u64 = number.parse().unwrap_or_default();
        let issue = json!({ "number": number, "state": "open", "locked": world.setup.is_closed(&place) });
        Ok(said(StatusCode::OK, None, issue))
    })
    .await
}

/// PATCH changes a comment.
pub(crate) async fn comment(
    State(shared): State<Arc<Shared>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    answer(shared, Endpoint::Edit(Service::GitHub), request, refuse, |world, asked| {
        admitted(asked)?;
        checked(asked)?;
        let repository = format!("{owner}/{name}#");
        let ours = |post: &&mut Posted| {
            post.service == Service::GitHub && post.id == id && post.place.starts_with(&repository) && !post.deleted
        };
        let Some(post) = world.posts.iter_mut().find(ours) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
        };
        post.edits.push(Edit { at: asked.at, body: asked.body.clone() });
        Ok(said(StatusCode::OK, None, shown(post)))
    })
    .await
}

fn admitted(asked: &Asked<'_>) -> Result<(), Refusal> {
    let headers = &asked.parts.headers;
    if !headers.contains_key(http::header::USER_AGENT) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Request forbidden by administrative rules."));
    }
    if shows(headers, "Bearer") { Ok(()) } else { Err(Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials")) }
}

fn checked(asked: &Asked<'_>) -> Result<(), Refusal> {
    let length = asked.body.get("body").and_then(Value::as_str).map(|body| body.chars().count());
    match length {
        Some(1..=COMMENT) => Ok(()),
        _ => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed")),
    }
}

/// Oldest first, those that changed since a time.
fn list(world: &World, place: &str, asked: &Asked<'_>) -> Response {
    let since: Option<Timestamp> = asked.query("since").and_then(|since| since.parse().ok());
    let changed = |post: &&Posted| {
        let at = post.edits.last().map_or(post.at, |edit| edit.at);
        since.is_none_or(|since| at >= since)
    };
    let ours =
        world.posts.iter().filter(|post| post.service == Service::GitHub && post.place == place && !post.deleted);
    let most = asked.number("per_page").unwrap_or(30).min(100);
    let page = asked.number("page").unwrap_or(1).max(1);
    let page: Vec<Value> = ours.filter(changed).skip((page - 1) * most).take(most).map(shown).collect();
    said(StatusCode::OK, None, Value::Array(page))
}

fn shown(post: &Posted) -> Value {
    json!({
        "id": post.id.parse::<u64>().unwrap_or_default(),
        "user": { "login": "firstlook[bot]" },
        "body": post.current().get("body"),
        "created_at": post.at.to_string(),
    })
}

fn refuse(status: StatusCode, retry_after: Option<u64>, message: &str) -> Response {
    let limited = status == StatusCode::TOO_MANY_REQUESTS;
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    let mut response = said(status, retry_after, body);
    if limited {
        response.headers_mut().insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from_static("0"));
    }
    response
}
