//! Anthropic's Messages API.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    Heard, House, ModelCall, No, Piece, Reply, Used,
    heard::{Unpaired, has_key, list, paired, put, text},
};

/// What a status is called.
pub(crate) fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

pub(crate) fn refusal(no: &No) -> Response {
    let error = json!({ "type": no.kind, "message": no.message });
    Json(json!({ "type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy" })).into_response()
}

/// What the request says, or why the API says no to it.
pub(crate) fn heard(headers: &HeaderMap, body: &Value, house: &House) -> Result<Heard, No> {
    let bad = |message: String| No::new(400, "invalid_request_error", message);
    match headers.get("x-api-key").and_then(|key| key.to_str().ok()) {
        None => return Err(No::new(401, "authentication_error", "x-api-key header is required")),
        Some(key) if house.key.as_ref().is_some_and(|wanted| wanted != key) => {
            return Err(No::new(401, "authentication_error", "invalid x-api-key"));
        }
        Some(_) => {}
    }
    if !headers.contains_key("anthropic-version") {
        return Err(bad("anthropic-version: header is required".to_owned()));
    }
    for key in ["model", "max_tokens", "messages"] {
        if body.get(key).is_none() {
            return Err(bad(format!("{key}: Field required")));
        }
    }
    let max_tokens = body.get("max_tokens").and_then(Value::as_u64).filter(|most| *most > 0);
    let Some(max_tokens) = max_tokens else {
        return Err(bad("max_tokens: Input should be greater than or equal to 1".to_owned()));
    };
    let mut turns: Vec<(bool, Vec<Piece>)> = Vec::new();
    for (place, message) in list(body, "messages").iter().enumerate() {
        let is_model = match text(message, "role").as_str() {
            "user" => false,
            "assistant" => true,
            other => {
                return Err(bad(format!(
                    "messages.{place}.role: Input should be 'user' or 'assistant', not '{other}'"
                )));
            }
        };
        let pieces = pieces(place, message).map_err(bad)?;
        // Neighbours of one role are one turn to the API.
        match turns.last_mut() {
            Some((last, said)) if *last == is_model => said.extend(pieces),
            _ => turns.push((is_model, pieces)),
        }
    }
    match (turns.first(), turns.last()) {
        (None, _) => return Err(bad("messages: at least one message is required".to_owned())),
        (Some((true, _)), _) => return Err(bad("messages: first message must use the \"user\" role".to_owned())),
        (_, Some((true, _))) => {
            let message =
                "This model does not support assistant message prefill. The conversation must end with a user message.";
            return Err(bad(message.to_owned()));
        }
        _ => {}
    }
    paired(&turns).map_err(|unpaired| {
        bad(match unpaired {
            Unpaired::Results(place, ids) => format!(
                "messages.{place}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message.",
                ids.join(", ")
            ),
            Unpaired::Calls(place, ids) => format!(
                "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
                 `tool_use` block must have a corresponding `tool_result` block in the next message.",
                ids.join(", ")
            ),
        })
    })?;
    let mut tools = Vec::new();
    for (place, tool) in list(body, "tools").iter().enumerate() {
        if tool.pointer("/input_schema/type").and_then(Value::as_str) != Some("object") {
            return Err(bad(format!("tools.{place}.custom.input_schema.type: Field required")));
        }
        tools.push(text(tool, "name"));
    }
    let must_use =
        body.get("tool_choice").filter(|choice| text(choice, "type") == "tool").map(|choice| text(choice, "name"));
    if let Some(name) = must_use.as_ref().filter(|name| !tools.contains(name)) {
        return Err(bad(format!("Tool '{name}' not found in provided tools")));
    }
    let marks = has_key(body, "cache_control");
    if marks > 4 {
        return Err(bad(format!("A maximum of 4 blocks with cache_control may be provided. Found {marks}.")));
    }
    let system = match body.get("system") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => blocks.iter().map(|block| text(block, "text")).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    };
    Ok(Heard { system, turns, tools, must_use, max_tokens, keeps: marks > 0 })
}

fn pieces(place: usize, message: &Value) -> Result<Vec<Piece>, String> {
    if let Some(said) = message.get("content").and_then(Value::as_str) {
        return Ok(vec![Piece::Text(said.to_owned())]);
    }
    let blocks = list(message, "content");
    if blocks.is_empty() {
        return Err(format!(
            "messages.{place}: all messages must have non-empty content except for the optional final assistant message"
        ));
    }
    let mut results_end = false;
    let mut pieces = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let kind = text(block, "type");
        let piece = match kind.as_str() {
            "text" if text(block, "text").trim().is_empty() => {
                return Err("messages: text content blocks must be non-empty".to_owned());
            }
            "text" => Piece::Text(text(block, "text")),
            "tool_use" => {
                let arguments = block.get("input").cloned().unwrap_or_default();
                if !arguments.is_object() {
                    return Err(format!(
                        "messages.{place}.content.{number}.tool_use.input: Input should be a valid dictionary"
                    ));
                }
                Piece::Call { id: text(block, "id"), name: text(block, "name"), arguments }
            }
            "tool_result" if results_end => {
                return Err(format!("messages.{place}: `tool_result` blocks must come before any other content"));
            }
            "tool_result" => {
                let is_error = block.get("is_error").and_then(Value::as_bool).unwrap_or_default();
                Piece::Result { id: text(block, "tool_use_id"), text: text(block, "content"), is_error }
            }
            "thinking" | "redacted_thinking" if block.get("cache_control").is_some() => {
                return Err(format!(
                    "messages.{place}.content.{number}.thinking.cache_control: Extra inputs are not permitted"
                ));
            }
            "thinking" | "redacted_thinking" => Piece::Other(block.clone()),
            other => {
                return Err(format!(
                    "messages.{place}.content.{number}: Input tag '{other}' found using 'type' does not \
                     match any of the expected tags"
                ));
            }
        };
        results_end |= kind != "tool_result";
        pieces.push(piece);
    }
    Ok(pieces)
}

/// A whole answer.
pub(crate) fn worded(call: &ModelCall, reply: &Reply, used: Used) -> Value {
    let say = |text: &str| json!({ "type": "text", "text": text });
    let tool = |place: usize, name: &str, input: Value| {
        let id = format!("toolu_{:04}_{place}", call.number);
        json!({ "type": "tool_use", "id": id, "name": name, "input": input })
    };
    let (content, stop) = match reply {
        Reply::Says { text, calls } => {
            let calls = calls.iter().enumerate().map(|(place, (name, input))| tool(place, name, input.clone()));
            let content: Vec<Value> = Some(say(text)).filter(|_| !text.is_empty()).into_iter().chain(calls).collect();
            let stops = content.iter().any(|block| block["type"] == "tool_use");
            (content, if stops { "tool_use" } else { "end_turn" })
        }
        Reply::CallsBadly { name, arguments } => (vec![tool(0, name, json!(arguments))], "tool_use"),
        Reply::CutOff(text) => (vec![say(text)], "max_tokens"),
        Reply::Refuses(text) => (vec![say(text)], "refusal"),
        Reply::Uncounted(text) => (vec![say(text)], "end_turn"),
        Reply::Huge(bytes) => (vec![say(&"x".repeat(*bytes))], "end_turn"),
        _ => (vec![], "end_turn"),
    };
    let mut answer = json!({
        "id": format!("msg_{:04}", call.number),
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
    });
    if !matches!(reply, Reply::Uncounted(_)) {
        put(
            &mut answer,
            "usage",
            json!({
                "input_tokens": used.input,
                "cache_creation_input_tokens": used.cache_write,
                "cache_read_input_tokens": used.cache_read,
                "output_tokens": used.output,
                "service_tier": "standard",
            }),
        );
    }
    answer
}
