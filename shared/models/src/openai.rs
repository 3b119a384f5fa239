//! OpenAI's Chat Completions API (<https://platform.openai.com/docs/api-reference/chat>), and what vLLM, llama.cpp, Ollama and
//! gateways make of it.

use catalog::model::{LimitKey, Model};
use engine::model::{Answered, ModelError, Part, Speaker, Stop, Tool, Turn, Usage};
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::{
    ask::{Http, Request, most, path},
    fault::{Broken, Refusal},
    said::{Said, counted, marked_text, number, object, said, settled},
};

/// What is kept of a message besides what the API documents, and given back with it: a server that sends its model's
/// thinking so wants it back between the calls of one answer.
const KEPT: [&str; 3] = ["reasoning_content", "reasoning_details", "extra_content"];

/// The key of [`Part::Opaque`] for what stood beside calls, by their ids: Gemini signs its thoughts so.
const CALLS: &str = "tool_calls";

/// Asks `model`.
pub(crate) async fn ask(http: &Http, model: &Model, turn: &Turn<'_>) -> Result<Answered, ModelError> {
    let url = path(model.url.as_deref().unwrap_or_default(), "chat/completions")?;
    let body = request(model, turn);
    let request =
        Request { model, url, body: &body, headers: &[], key: |key| (AUTHORIZATION, format!("Bearer {key}")), refusal };
    http.ask(&request, |answer, sent| answered(answer, turn, sent)).await
}

/// What is sent.
pub(crate) fn request(model: &Model, turn: &Turn<'_>) -> Value {
    let mut messages = Vec::new();
    if !turn.system.trim().is_empty() {
        messages.push(json!({ "role": "system", "content": turn.system }));
    }
    for said in said(turn.messages) {
        match said.speaker {
            Speaker::User => user(&said, &mut messages),
            Speaker::Assistant => messages.push(assistant(&said)),
        }
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model.id));
    body.insert("messages".to_owned(), Value::Array(messages));
    body.insert(limit_key(model).to_owned(), json!(most(model, turn)));
    if !turn.tools.is_empty() {
        let function =
            |tool: &Tool| json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
        let tools: Vec<Value> =
            turn.tools.iter().map(|tool| json!({ "type": "function", "function": function(tool) })).collect();
        body.insert("tools".to_owned(), Value::Array(tools));
        if let Some(name) = turn.must_use {
            let choice = json!({ "type": "function", "function": { "name": name } });
            body.insert("tool_choice".to_owned(), choice);
        }
    }
    Value::Object(body)
}

/// Each tool's answer is a message of its own, and so is the text behind them.
fn user(said: &Said<'_>, messages: &mut Vec<Value>) {
    let mut texts = Vec::new();
    for part in &said.parts {
        match part {
            Part::ToolResult { id, text, is_error } => {
                let content = marked_text(text, *is_error);
                messages.push(json!({ "role": "tool", "tool_call_id": id, "content": content }));
            }
            Part::Text { text } => texts.push(text.as_str()),
            Part::ToolCall { .. } | Part::Opaque { .. } => {}
        }
    }
    if !texts.is_empty() {
        messages.push(json!({ "role": "user", "content": texts.join("\n\n") }));
    }
}

fn assistant(said: &Said<'_>) -> Value {
    let mut message = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    let (mut texts, mut calls, mut beside) = (Vec::new(), Vec::new(), Map::new());
    for part in &said.parts {
        match part {
            Part::Text { text } => texts.push(text.as_str()),
            Part::ToolCall { id, name, arguments } => {
                let function = json!({ "name": name, "arguments": object(arguments).to_string() });
                calls.push((id, json!({ "id": id, "type": "function", "function": function })));
            }
            Part::Opaque { value } => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    match value.as_object().filter(|_| key == CALLS) {
                        Some(of_calls) => beside.extend(of_calls.clone()),
                        None if KEPT.contains(&key.as_str()) => {
                            message.insert(key.clone(), value.clone());
                        }
                        None => {}
                    }
                }
            }
            Part::ToolResult { .. } => {}
        }
    }
    let content = if texts.is_empty() { Value::Null } else { json!(texts.join("\n\n")) };
    message.insert("content".to_owned(), content);
    if !calls.is_empty() {
        let calls = calls.into_iter().map(|(id, mut call)| {
            if let (Some(extra), Some(call)) = (beside.remove(id), call.as_object_mut()) {
                call.insert("extra_content".to_owned(), extra);
            }
            call
        });
        message.insert("tool_calls".to_owned(), calls.collect());
    }
    Value::Object(message)
}

/// OpenAI's reasoning models take one word alone, and most imitators know the other.
fn limit_key(model: &Model) -> &'static str {
    let host = model.url.as_deref().and_then(|url| url.parse::<Url>().ok());
    let host = host.as_ref().and_then(|url| match url.host()? {
        Host::Domain(name) => Some(name),
        _ => None,
    });
    let is_openai = host.is_some_and(|host| {
        let within = |zone: &str| host.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        within("openai.com") || within("openai.azure.com") || within("services.ai.azure.com")
    });
    match model.limit_key {
        Some(LimitKey::MaxTokens) => "max_tokens",
        Some(LimitKey::MaxCompletionTokens) => "max_completion_tokens",
        None if is_openai => "max_completion_tokens",
        None => "max_tokens",
    }
}

/// What came back to `turn`.
pub(crate) fn answered(body: Value, turn: &Turn<'_>, sent: usize) -> Result<Answered, Broken> {
    let choice = body.pointer("/choices/0").ok_or_else(|| match body.get("error") {
        // Some gateways answer 200 and say only here that who stands behind them failed.
        Some(error) if !error.is_null() => Broken::Said(refusal(0, &body).message),
        _ => Broken::OtherForm,
    })?;
    let message = choice.get("message").and_then(Value::as_object).ok_or(Broken::OtherForm)?;
    let mut parts = Vec::new();
    let kept = |key: &&str| message.get(*key).filter(|value| !value.is_null() && **value != json!(""));
    let mut opaque: Map<String, Value> =
        KEPT.iter().filter_map(|key| Some(((*key).to_owned(), kept(key)?.clone()))).collect();
    let mut texts = Vec::new();
    match message.get("content") {
        Some(Value::String(text)) => texts.push(text.as_str()),
        Some(Value::Array(list)) => texts.extend(list.iter().filter_map(|part| part.get("text")?.as_str())),
        _ => {}
    }
    let refused = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty());
    texts.extend(refused);
    let texts = texts.into_iter().filter(|text| !text.trim().is_empty());
    parts.extend(texts.map(|text| Part::Text { text: text.to_owned() }));
    let mut beside = Map::new();
    for (place, call) in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Some(name) = call.pointer("/function/name").and_then(Value::as_str) else { continue };
        let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        // Unique in the conversation, since an answer is given to an id.
        let id = id.map_or_else(|| format!("call_{}_{place}", turn.messages.len()), str::to_owned);
        if let Some(extra) = call.get("extra_content").filter(|extra| !extra.is_null()) {
            beside.insert(id.clone(), extra.clone());
        }
        parts.push(Part::ToolCall {
            id,
            name: name.to_owned(),
            arguments: arguments(call.pointer("/function/arguments")),
        });
    }
    if !beside.is_empty() {
        opaque.insert(CALLS.to_owned(), Value::Object(beside));
    }
    if !opaque.is_empty() {
        parts.insert(0, Part::Opaque { value: Value::Object(opaque) });
    }
    let stop = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("content_filter") => Stop::Refused,
        _ if refused.is_some() => Stop::Refused,
        Some("length" | "model_length") => Stop::Length,
        Some("tool_calls" | "function_call") => Stop::Tools,
        _ => Stop::End,
    };
    let usage = usage(&body).unwrap_or_else(|| counted(sent, &parts));
    Ok(Answered { stop: settled(stop, &parts), parts, usage })
}

/// Arguments are a text with JSON in it. What is no object is passed on as the text it is.
fn arguments(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => json!({}),
        Some(Value::String(text)) if text.trim().is_empty() => json!({}),
        Some(Value::String(text)) => {
            serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| Value::String(text.clone()))
        }
        Some(other) => other.clone(),
    }
}

/// `prompt_tokens` are all that were read, those from the cache among them.
fn usage(body: &Value) -> Option<Usage> {
    let usage = body.get("usage").filter(|usage| number(usage, "prompt_tokens") > 0)?;
    let details = usage.get("prompt_tokens_details").unwrap_or(&Value::Null);
    let cache_read = number(details, "cached_tokens").max(number(usage, "prompt_cache_hit_tokens"));
    let cache_write = number(details, "cache_write_tokens");
    Some(Usage {
        input: number(usage, "prompt_tokens").saturating_sub(cache_read).saturating_sub(cache_write),
        output: number(usage, "completion_tokens"),
        cache_read,
        cache_write,
    })
}

/// What an error says: `{"error": {"message", "type", "code"}}`, in the forms of those who imitate it.
pub(crate) fn refusal(status: u16, body: &Value) -> Refusal {
    let error = body.get("error").unwrap_or(body);
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = match error {
        Value::String(text) => text.clone(),
        _ if !text("message").is_empty() => text("message").to_owned(),
        _ => text("detail").to_owned(),
    };
    let message = if message.contains("max_completion_tokens") {
        format!("write `limit_key: max_completion_tokens`: {message}")
    } else {
        message
    };
    let is = |word: &str| text("code") == word || text("type") == word;
    Refusal {
        too_long: status == 413
            || is("context_length_exceeded")
            || is("exceed_context_size_error")
            || message.contains("maximum context length"),
        out_of_money: is("insufficient_quota") || is("billing_hard_limit_reached"),
        message,
    }
}
