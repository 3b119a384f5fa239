//! Jira's REST API v3, as far as comments of an issue go (source: its OpenAPI document; the Atlassian Document Format).

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    Edit, Endpoint, Posted, Service,
    desk::{Asked, Refusal, answer, logs_in, said},
    state::{Shared, World, posted},
};

/// The most characters of a comment.
const COMMENT: usize = 32_767;

/// POST writes a comment, GET lists those there are.
pub(crate) async fn comments(
    State(shared): State<Arc<Shared>>,
    Path(issue): Path<String>,
    request: Request,
) -> Response {
    let writes = request.method() == Method::POST;
    let endpoint = if writes { Endpoint::Post(Service::Jira) } else { Endpoint::List(Service::Jira) };
    answer(shared, endpoint, request, refuse, |world, asked| {
        admitted(world, &issue, asked)?;
        if !writes {
            return Ok(list(world, &issue, asked));
        }
        let body = comment_of(asked)?;
        let id = (10_000 + world.next_id()).to_string();
        let new = posted(Service::Jira, issue, id, asked.at, body);
        let answer = said(StatusCode::CREATED, None, shown(&new));
        world.posts.push(new);
        Ok(answer)
    })
    .await
}

/// Whose login it is.
pub(crate) async fn myself(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(shared, Endpoint::Look(Service::Jira), request, refuse, |world, asked| {
        admitted(world, "", asked)?;
        let me = json!({ "accountId": "5b10a2844c20165700ede21g", "displayName": "Firstlook", "active": true });
        Ok(said(StatusCode::OK, None, me))
    })
    .await
}

/// What that user may, on an issue where one is named.
pub(crate) async fn permissions(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(shared, Endpoint::Look(Service::Jira), request, refuse, |world, asked| {
        admitted(world, &asked.query("issueKey").unwrap_or_default(), asked)?;
        let Some(wanted) = asked.query("permissions") else {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "The 'permissions' query parameter is required."));
        };
        let of = |name: &str| {
            let permission = json!({ "key": name, "type": "PROJECT", "havePermission": !world.setup.is_denied(name) });
            (name.to_owned(), permission)
        };
        let permissions: serde_json::Map<String, Value> = wanted.split(',').map(of).collect();
        Ok(said(StatusCode::OK, None, json!({ "permissions": permissions })))
    })
    .await
}

/// PUT changes a comment.
pub(crate) async fn comment(
    State(shared): State<Arc<Shared>>,
    Path((issue, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(shared, Endpoint::Edit(Service::Jira), request, refuse, |world, asked| {
        admitted(world, &issue, asked)?;
        let body = comment_of(asked)?;
        let ours = |post: &&mut Posted| is_of(post, &issue) && post.id == id;
        let Some(post) = world.posts.iter_mut().find(ours) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, format!("Can not find a comment for the id: {id}.")));
        };
        post.edits.push(Edit { at: asked.at, body });
        Ok(said(StatusCode::OK, None, shown(post)))
    })
    .await
}

fn admitted(world: &World, issue: &str, asked: &Asked<'_>) -> Result<(), Refusal> {
    if !logs_in(&asked.parts.headers) {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "Client must be authenticated to access this resource."));
    }
    if world.removed.contains(issue) {
        let message = "Issue does not exist or you do not have permission to see it.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, message));
    }
    Ok(())
}

/// What was sent, if its body is a document in which no text is empty, and its properties are some.
fn comment_of(asked: &Asked<'_>) -> Result<Value, Refusal> {
    let body = asked.body.get("body").cloned().unwrap_or_default();
    let properties = asked.body.get("properties").cloned().unwrap_or_else(|| json!([]));
    let is_property = |one: &Value| one.get("key").is_some_and(Value::is_string) && one.get("value").is_some();
    if !properties.as_array().is_some_and(|all| all.iter().all(is_property)) {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "Invalid request payload. Refer to the REST API documentation.",
        ));
    }
    let is_document = body.get("type") == Some(&json!("doc")) && body.get("version") == Some(&json!(1));
    let mut length = 0;
    if !is_document || !texts_stand(&body, &mut length) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Comment body is not valid!"));
    }
    if length > COMMENT {
        let message = "The entered text is too long. It exceeds the allowed limit of 32,767 characters.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    Ok(json!({ "body": body, "properties": properties }))
}

/// Whether the customers of a service project see it: all do that is not said to be internal.
fn is_public(comment: &Value) -> bool {
    let mut properties = comment.get("properties").and_then(Value::as_array).into_iter().flatten();
    let said = properties.find(|one| one.get("key") == Some(&json!("sd.public.comment")));
    said.and_then(|one| one.pointer("/value/internal")) != Some(&Value::Bool(true))
}

fn texts_stand(node: &Value, length: &mut usize) -> bool {
    let text = node.get("text").and_then(Value::as_str);
    *length += text.map_or(0, |text| text.chars().count());
    let own = node.get("type") != Some(&json!("text")) || text.is_some_and(|text| !text.is_empty());
    let content = node.get("content").and_then(Value::as_array).into_iter().flatten();
    own && content.map(|node| texts_stand(node, length)).filter(|stands| !stands).count() == 0
}

/// Newest first where that is asked for.
fn list(world: &World, issue: &str, asked: &Asked<'_>) -> Response {
    let mut comments: Vec<&Posted> = world.posts.iter().filter(|post| is_of(post, issue)).collect();
    if asked.query("orderBy").as_deref() == Some("-created") {
        comments.reverse();
    }
    let (start, most) = (asked.number("startAt").unwrap_or(0), asked.number("maxResults").unwrap_or(50).min(100));
    let total = comments.len();
    let page: Vec<Value> = comments.into_iter().skip(start).take(most).map(shown).collect();
    let page = json!({ "startAt": start, "maxResults": most, "total": total, "comments": page });
    said(StatusCode::OK, None, page)
}

fn is_of(post: &Posted, issue: &str) -> bool {
    post.service == Service::Jira && post.place == issue && !post.deleted
}

fn shown(post: &Posted) -> Value {
    json!({
        "id": post.id,
        "author": { "displayName": "Firstlook" },
        "body": post.current().get("body"),
        "created": post.at.to_string(),
        "jsdPublic": is_public(post.current()),
    })
}

fn refuse(status: StatusCode, retry_after: Option<u64>, message: &str) -> Response {
    said(status, retry_after, json!({ "errorMessages": [message], "errors": {} }))
}
