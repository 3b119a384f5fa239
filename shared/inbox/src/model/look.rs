//! Which models there are: Anthropic's `GET /v1/models/{id}`, OpenAI's `GET /v1/models`, and Bedrock's `GetFoundationModel` and
//! `GetInferenceProfile`. Nobody pays for these.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde_json::json;

use super::{No, Shared, Wire, no_model, refusal};

/// OpenAI's list.
pub(super) async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    if let Err(no) = admitted(&shared, shown, "invalid_api_key", "Incorrect API key provided.") {
        return refusal(Wire::Openai, &no, None);
    }
    let models = shared.with(|world| world.models.clone()).unwrap_or_default();
    let models: Vec<_> = models.iter().map(|id| json!({ "id": id, "object": "model", "owned_by": "inbox" })).collect();
    Json(json!({ "object": "list", "data": models })).into_response()
}

/// One of Anthropic's.
pub(super) async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let shown = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    let taken = admitted(&shared, shown, "authentication_error", "invalid x-api-key");
    match taken.and_then(|()| there(&shared, Wire::Anthropic, &id)) {
        Ok(()) => Json(json!({ "type": "model", "id": id, "display_name": id })).into_response(),
        Err(no) => refusal(Wire::Anthropic, &no, None),
    }
}

/// One of Bedrock's, or a profile.
pub(super) async fn bedrock(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    shared.with(|world| world.looks += 1);
    match there(&shared, Wire::Bedrock, &id) {
        Ok(()) => {
            let details = json!({ "modelId": id, "modelLifecycle": { "status": "ACTIVE" } });
            Json(json!({ "modelDetails": details, "inferenceProfileId": id, "status": "ACTIVE" })).into_response()
        }
        Err(no) => refusal(Wire::Bedrock, &no, None),
    }
}

fn admitted(shared: &Shared, shown: Option<&str>, kind: &'static str, message: &str) -> Result<(), No> {
    let wanted = shared.with(|world| {
        world.looks += 1;
        world.key.clone()
    });
    match wanted {
        Some(wanted) if shown != Some(wanted.as_str()) => Err(No::new(401, kind, message)),
        _ => Ok(()),
    }
}

fn there(shared: &Shared, wire: Wire, id: &str) -> Result<(), No> {
    let served = shared.with(|world| world.models.as_ref().is_none_or(|models| models.iter().any(|model| model == id)));
    if served { Ok(()) } else { Err(no_model(wire, id)) }
}
