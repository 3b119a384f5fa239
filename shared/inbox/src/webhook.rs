use std::sync::{Arc, PoisonError};

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    Endpoint, Fault, Service,
    serve::{end, whole},
    state::{Course, Shared, posted, shown},
};

/// Takes any body. It verifies nothing: what it has got can be looked at.
pub(crate) async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, raw) = whole(request).await;
    let (arrival, course) = shared.arrive(Endpoint::Webhook, &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(fault) => return refusal(&fault),
    };
    let text = arrival.body.clone();
    let headers = shown(&parts.headers);
    let id = headers.get("webhook-id").cloned().unwrap_or_default();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
    let mut new = posted(Service::Webhook, place(&parts), id, arrival.at, body);
    new.headers = headers;
    new.raw = text;
    shared.world.lock().unwrap_or_else(PoisonError::into_inner).posts.push(new);
    end(&shared, arrival, ending, Json(json!({ "ok": true })).into_response()).await
}

/// Whom it was meant for: the `to` of the query, else the rest of the path.
fn place(parts: &http::request::Parts) -> String {
    let query = parts.uri.query().unwrap_or_default();
    match form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "to") {
        Some((_, to)) => to.into_owned(),
        None => parts.uri.path().trim_start_matches("/webhook").trim_start_matches('/').to_owned(),
    }
}

/// The plain answers, shared with nothing else that has a shape of its own.
fn refusal(fault: &Fault) -> Response {
    match fault {
        Fault::Status { status, retry_after } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = status.into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            response
        }
        Fault::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}
