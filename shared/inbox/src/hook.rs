//! Slack's incoming webhooks and those of Teams workflows. A body that a Teams flow cannot read is taken all the same: it answers
//! before the flow runs.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::Value;

use crate::{
    Endpoint, Service,
    desk::{Refusal, answer},
    slack,
    state::{Shared, posted},
};

/// The most bytes of a Teams message.
const TEAMS: usize = 28 * 1024;

pub(crate) async fn slack(State(shared): State<Arc<Shared>>, Path(name): Path<String>, request: Request) -> Response {
    answer(shared, Endpoint::Post(Service::SlackWebhook), request, refuse, |world, asked| {
        if world.removed.contains(&name) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "no_service"));
        }
        if let Err(wrong) = slack::fits(&asked.body) {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, wrong));
        }
        let id = world.next_id().to_string();
        world.posts.push(posted(Service::SlackWebhook, name, id, asked.at, asked.body.clone()));
        Ok((StatusCode::OK, "ok").into_response())
    })
    .await
}

pub(crate) async fn teams(State(shared): State<Arc<Shared>>, Path(name): Path<String>, request: Request) -> Response {
    answer(shared, Endpoint::Post(Service::Teams), request, refuse, |world, asked| {
        if world.removed.contains(&name) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "The workflow was not found."));
        }
        if asked.body.to_string().len() > TEAMS {
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity too large"));
        }
        if asked.body == Value::Null {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "The request content is not valid JSON."));
        }
        let id = world.next_id().to_string();
        world.posts.push(posted(Service::Teams, name, id, asked.at, asked.body.clone()));
        Ok(StatusCode::ACCEPTED.into_response())
    })
    .await
}

/// Slack answers with a word in plain text.
fn refuse(status: StatusCode, retry_after: Option<u64>, message: &str) -> Response {
    let mut response = (status, message.to_owned()).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
