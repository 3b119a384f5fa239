//! OpenAI's Chat Completions API.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{
    Heard, House, ModelCall, No, Piece, Reply, Used,
    heard::{Unpaired, list, paired, put, text},
};

/// What a status is called: its code, or its type where it has none.
pub(crate) fn kind(status: u16) -> &'static str {
    match status {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

pub(crate) fn refusal(no: &No) -> Response {
    let kind = match (no.status, no.kind) {
        (429, "insufficient_quota") => "insufficient_quota",
        (429, _) => "requests",
        (500.., _) => "server_error",
        _ => "invalid_request_error",
    };
    Json(json!({ "error": { "message": no.message, "type": kind, "param": null, "code": no.kind } })).into_response()
}

/// What the request says, or why the API says no to it.
pub(crate) fn heard(headers: &HeaderMap, body: &Value, house: &House) -> Result<Heard, No> {
    let bad = |message: String| No::new(400, "invalid_request_error", message);
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = shown.strip_prefix("Bearer ").unwrap_or_default();
    match &house.key {
        Some(_) if key.is_empty() => {
            let message = "You didn't provide an API key. You need to provide your API key in an Authorization header.";
            return Err(No::new(401, "invalid_request_error", message));
        }
        Some(wanted) if wanted != key => {
            // As the real one does, which shows the ends of the key.
            return Err(No::new(401, "invalid_api_key", format!("Incorrect API key provided: {key}.")));
        }
        _ => {}
    }
    if text(body, "model").is_empty() {
        return Err(bad("you must provide a model parameter".to_owned()));
    }
    if house.wants_completion_tokens && body.get("max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(No::new(400, "unsupported_parameter", message));
    }
    let messages = list(body, "messages");
    if messages.is_empty() {
        return Err(No::new(400, "missing_required_parameter", "Missing required parameter: 'messages'."));
    }
    let mut turns: Vec<(bool, Vec<Piece>)> = Vec::new();
    let mut system = String::new();
    for (place, message) in messages.iter().enumerate() {
        let (is_model, pieces) = match text(message, "role").as_str() {
            "system" | "developer" => {
                system.push_str(&text(message, "content"));
                continue;
            }
            "user" => (false, vec![Piece::Text(text(message, "content"))]),
            "tool" => {
                let said = text(message, "content");
                let is_error = said.starts_with("Error: ");
                (false, vec![Piece::Result { id: text(message, "tool_call_id"), text: said, is_error }])
            }
            "assistant" => (true, assistant(place, message).map_err(bad)?),
            other => {
                return Err(bad(format!(
                    "Invalid value: '{other}'. Supported values are: 'system', 'assistant', 'user', 'tool'."
                )));
            }
        };
        match turns.last_mut() {
            Some((last, said)) if *last == is_model && !is_model => said.extend(pieces),
            _ => turns.push((is_model, pieces)),
        }
    }
    paired(&turns).map_err(|unpaired| {
        bad(match unpaired {
            Unpaired::Results(..) => "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                                      message with 'tool_calls'."
                .to_owned(),
            Unpaired::Calls(_, ids) => format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                ids.join(", ")
            ),
        })
    })?;
    let tools: Vec<String> =
        list(body, "tools").iter().filter_map(|tool| Some(text(tool.get("function")?, "name"))).collect();
    let must_use = body.pointer("/tool_choice/function/name").and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = must_use.as_ref().filter(|name| !tools.contains(name)) {
        return Err(bad(format!("Invalid value for 'tool_choice': the function '{name}' is not in 'tools'.")));
    }
    let most = body.get("max_completion_tokens").or_else(|| body.get("max_tokens")).and_then(Value::as_u64);
    Ok(Heard { system, turns, tools, must_use, max_tokens: most.unwrap_or_default(), keeps: false })
}

fn assistant(place: usize, message: &Value) -> Result<Vec<Piece>, String> {
    let calls = list(message, "tool_calls");
    let said = text(message, "content");
    if said.is_empty() && calls.is_empty() {
        return Err(format!("Invalid value for 'content': expected a string, got null. (messages[{place}])"));
    }
    let mut pieces: Vec<Piece> = Some(said).filter(|said| !said.is_empty()).map(Piece::Text).into_iter().collect();
    for key in ["reasoning_content", "reasoning_details"] {
        pieces.extend(message.get(key).map(|value| Piece::Other(json!({ key: value }))));
    }
    for call in calls {
        let function = call.get("function").unwrap_or(&Value::Null);
        let Some(arguments) = function.get("arguments").and_then(Value::as_str) else {
            return Err(format!(
                "Invalid type for 'messages[{place}].tool_calls[0].function.arguments': expected a string."
            ));
        };
        // vLLM reads them, and fails on what is no JSON.
        let arguments = serde_json::from_str(arguments).map_err(|_| "arguments must be valid JSON".to_owned())?;
        pieces.push(Piece::Call { id: text(call, "id"), name: text(function, "name"), arguments });
    }
    Ok(pieces)
}

/// A whole answer.
pub(crate) fn worded(call: &ModelCall, reply: &Reply, used: Used) -> Value {
    let tool = |place: usize, name: &str, arguments: String| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "id": format!("call_{:04}_{place}", call.number), "type": "function", "function": function })
    };
    let said = |text: &str| json!({ "role": "assistant", "content": text, "refusal": null });
    let (message, stop) = match reply {
        Reply::Says { text, calls } if calls.is_empty() => (said(text), "stop"),
        Reply::Says { text, calls } => {
            let mut message = said(text);
            let calls = calls.iter().enumerate();
            let calls = calls.map(|(place, (name, input))| tool(place, name, input.to_string()));
            put(&mut message, "tool_calls", calls.collect());
            if text.is_empty() {
                put(&mut message, "content", Value::Null);
            }
            (message, "tool_calls")
        }
        Reply::CallsBadly { name, arguments } => {
            let mut message = said("");
            put(&mut message, "tool_calls", json!([tool(0, name, arguments.clone())]));
            (message, "tool_calls")
        }
        Reply::CutOff(text) => (said(text), "length"),
        Reply::Refuses(text) => (json!({ "role": "assistant", "content": null, "refusal": text }), "stop"),
        Reply::Uncounted(text) => (said(text), "stop"),
        Reply::Huge(bytes) => (said(&"x".repeat(*bytes)), "stop"),
        _ => (json!({ "role": "assistant", "content": null, "refusal": null }), "stop"),
    };
    let mut answer = json!({
        "id": format!("chatcmpl-{:04}", call.number),
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": call.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": stop }],
    });
    if !matches!(reply, Reply::Uncounted(_)) {
        let read = used.input + used.cache_read + used.cache_write;
        put(
            &mut answer,
            "usage",
            json!({
                "prompt_tokens": read,
                "completion_tokens": used.output,
                "total_tokens": read + used.output,
                "prompt_tokens_details": { "cached_tokens": used.cache_read },
            }),
        );
    }
    answer
}
