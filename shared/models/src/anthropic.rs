//! Anthropic's Messages API, version 2023-06-01: <https://platform.claude.com/docs/en/api/messages>.

use catalog::model::Model;
use engine::model::{Answered, ModelError, Part, Speaker, Stop, Turn, Usage};
use http::HeaderName;
use serde_json::{Map, Value, json};

use crate::{
    ask::{Http, Request, path},
    fault::{Broken, Refusal},
    said::{counted, number, object, offered, result_text, said, settled},
};

/// Where the API is.
pub(crate) const API: &str = "https://api.anthropic.com";

/// The form of requests and answers.
pub(crate) const VERSION: &str = "2023-06-01";

/// Asks `model`.
pub(crate) async fn ask(http: &Http, model: &Model, turn: &Turn<'_>) -> Result<Answered, ModelError> {
    let url = path(model.url.as_deref().unwrap_or(API), "v1/messages")?;
    let body = request(model, turn);
    let request = Request {
        model,
        url,
        body: &body,
        headers: &[("anthropic-version", VERSION)],
        key: |key| (HeaderName::from_static("x-api-key"), key.to_owned()),
        refusal,
    };
    http.ask(&request, answered).await
}

/// What is sent.
pub(crate) fn request(model: &Model, turn: &Turn<'_>) -> Value {
    let cache = model.cache.unwrap_or(true);
    let mut messages: Vec<Value> = said(turn.messages)
        .into_iter()
        .map(|said| {
            let role = match said.speaker {
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            json!({ "role": role, "content": said.parts.into_iter().map(block).collect::<Vec<_>>() })
        })
        .collect();
    let mut system = json!({ "type": "text", "text": turn.system });
    if cache {
        // Tools stand before the system prompt in what is kept, so this mark covers them.
        mark(&mut system);
        let last = messages.last_mut().and_then(|message| message.get_mut("content")?.as_array_mut()?.last_mut());
        if let Some(last) = last {
            mark(last);
        }
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model.id));
    body.insert("max_tokens".to_owned(), json!(crate::ask::most(model, turn)));
    if !turn.system.trim().is_empty() {
        body.insert("system".to_owned(), json!([system]));
    }
    body.insert("messages".to_owned(), Value::Array(messages));
    let tools: Vec<Value> = offered(turn)
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters }))
        .collect();
    if !tools.is_empty() {
        let choice = match turn.must_use {
            Some(name) => Some(json!({ "type": "tool", "name": name })),
            None if turn.tools.is_empty() => Some(json!({ "type": "none" })),
            None => None,
        };
        body.insert("tools".to_owned(), Value::Array(tools));
        body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
    }
    Value::Object(body)
}

fn block(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({ "type": "text", "text": text }),
        Part::ToolCall { id, name, arguments } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": object(arguments) })
        }
        Part::ToolResult { id, text, is_error } => {
            json!({ "type": "tool_result", "tool_use_id": id, "content": result_text(text), "is_error": is_error })
        }
        Part::Opaque { value } => value.clone(),
    }
}

/// Asks for what stands up to here to be kept for five minutes. Thinking cannot be marked, and is never the last that
/// the engine says.
fn mark(block: &mut Value) {
    if let Some(block) = block.as_object_mut() {
        block.insert("cache_control".to_owned(), json!({ "type": "ephemeral" }));
    }
}

/// What came back.
pub(crate) fn answered(body: Value, sent: usize) -> Result<Answered, Broken> {
    let content = body.get("content").and_then(Value::as_array).ok_or(Broken::OtherForm)?;
    let parts: Vec<Part> = content.iter().filter_map(part).collect();
    let stop = match body.get("stop_reason").and_then(Value::as_str) {
        Some("tool_use") => Stop::Tools,
        Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
        Some("refusal") => Stop::Refused,
        _ => Stop::End,
    };
    let usage = match body.get("usage").filter(|usage| usage.get("output_tokens").is_some()) {
        Some(usage) => Usage {
            input: number(usage, "input_tokens"),
            output: number(usage, "output_tokens"),
            cache_read: number(usage, "cache_read_input_tokens"),
            cache_write: number(usage, "cache_creation_input_tokens"),
        },
        None => counted(sent, &parts),
    };
    Ok(Answered { stop: settled(stop, &parts), parts, usage })
}

fn part(block: &Value) -> Option<Part> {
    let text = |key: &str| block.get(key).and_then(Value::as_str).map(str::to_owned);
    match block.get("type").and_then(Value::as_str)? {
        "text" => text("text").filter(|text| !text.trim().is_empty()).map(|text| Part::Text { text }),
        "tool_use" => {
            let arguments = block.get("input").cloned().unwrap_or_default();
            Some(Part::ToolCall { id: text("id")?, name: text("name")?, arguments })
        }
        _ => Some(Part::Opaque { value: block.clone() }),
    }
}

/// What an error says: `{"type": "error", "error": {"type", "message"}}`.
pub(crate) fn refusal(status: u16, body: &Value) -> Refusal {
    let error = body.get("error").unwrap_or(&Value::Null);
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = text("message").to_owned();
    let detail = error.pointer("/details/error_code").and_then(Value::as_str).unwrap_or_default();
    Refusal {
        too_long: status == 413 || message.contains("prompt is too long") || message.contains("exceed context limit"),
        out_of_money: text("type") == "billing_error"
            || detail == "enforced_spend_limit_reached"
            || message.contains("credit balance is too low"),
        message,
    }
}
