//! Amazon Bedrock's Converse API: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.

use awscall::{Aws, AwsError, AwsRequest};
use catalog::model::Model;
use engine::model::{Answered, ModelError, Part, Speaker, Stop, Turn, Usage};
use serde_json::{Map, Value, json};

use crate::{
    ask::most,
    fault::{Broken, Place, is_refusal, permanent, transient},
    said::{counted, marked_text, number, object, offered, result_text, said, settled},
};

/// What is known of the model behind an id, since Converse is one form with different powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Powers {
    /// Takes `toolChoice.tool`, and `status` of a tool's answer.
    chooses: bool,
    /// Takes `cachePoint`; others refuse the request for it.
    caches: bool,
}

/// Claude before these took no `cachePoint`.
const WITHOUT_CACHE: [&str; 7] = [
    "claude-v2",
    "claude-instant",
    "claude-3-sonnet",
    "claude-3-haiku",
    "claude-3-opus",
    "claude-3-5-sonnet-20240620",
    "claude-3-5-sonnet-20241022",
];

impl Powers {
    /// By the id, or by the end of a profile's ARN; of an ARN that names no model nothing is known.
    fn of(model: &Model) -> Self {
        let id = model.id.as_str();
        let is_claude = id.contains("anthropic.claude");
        let is_nova = id.contains("amazon.nova");
        let caches = is_nova || (is_claude && !WITHOUT_CACHE.iter().any(|old| id.contains(old)));
        Self { chooses: is_claude || is_nova, caches: model.cache.unwrap_or(caches) }
    }
}

/// Asks `model` once. The engine tries again, since it has the budget: what failed with 500 may have been paid.
pub(crate) async fn ask(aws: Option<&Aws>, model: &Model, turn: &Turn<'_>) -> Result<Answered, ModelError> {
    let place = Place::of(model);
    let Some(aws) = aws else {
        return Err(permanent(&place, "there is no way to AWS here: no region and no credentials are set", None));
    };
    let (body, path) = (request(model, turn), path(model));
    let request = AwsRequest::Rest {
        service: "bedrock-runtime",
        signing: "bedrock",
        method: "POST",
        path: &path,
        query: &[],
        body: Some(&body),
    };
    let there = awscall::Place { region: model.region.clone(), role: None };
    let answer = aws.call_once(&there, &request, turn.within).await.map_err(|error| failed(&place, &error))?;
    answered(&answer.body, body.to_string().len()).map_err(|broken| broken.into_error(&place, None))
}

/// What an error of AWS means for whoever waits for the model.
fn failed(place: &Place<'_>, error: &AwsError) -> ModelError {
    let id = place.id;
    let mends = |reason: String| permanent(place, &reason, None);
    let passes = |reason: String| transient(place, &reason, None, None);
    match error {
        AwsError::Denied { message, .. } if message.contains("prompt caching") => {
            mends(format!("`{id}` takes no prompt caching: write `cache: false`: {message}"))
        }
        AwsError::Denied { message, .. } if message.contains("not authorized to perform") => mends(format!(
            "the role may not use `{id}`: it needs bedrock:InvokeModel on it, and on the model behind a profile: {message}"
        )),
        AwsError::Denied { message, .. } => mends(format!(
            "there is no access to `{id}` (bedrock:InvokeModel, and Model access in the console): {message}"
        )),
        AwsError::NotFound { message, .. } => mends(format!("there is no `{id}` in this region: {message}")),
        // The model ran into a timeout or an error of its own.
        AwsError::Refused { message, status: status @ (408 | 424), .. } => {
            passes(format!("it did not get to answer ({status}): {message}")).paid()
        }
        AwsError::Refused { message, .. } if is_too_long(message) => {
            mends(format!("the conversation is too long for it: {message}"))
        }
        AwsError::Refused { code, message, .. } => mends(format!("Bedrock refused the request ({code}): {message}")),
        AwsError::Throttled { code, .. } => passes(format!("it is asked too often ({code})")),
        AwsError::Failed { code, message, status, .. } => {
            let failed = passes(format!("it failed ({status}): {code}: {message}"));
            if is_refusal(*status) { failed } else { failed.paid() }
        }
        AwsError::Unreachable { is_sent: false, .. } | AwsError::Expired { .. } => passes(error.to_string()),
        AwsError::Unreachable { .. } | AwsError::TimedOut { .. } | AwsError::NotUnderstood { .. } => {
            passes(error.to_string()).paid()
        }
        // The model was not asked yet.
        AwsError::Role { source, .. } => match failed(place, source) {
            ModelError::Transient { retry_after, .. } => transient(place, &ports::chain(error), retry_after, None),
            ModelError::Permanent { .. } => mends(ports::chain(error)),
        },
        AwsError::TooLarge { .. } => mends(error.to_string()).paid(),
        AwsError::BadKeys { .. }
        | AwsError::NoCredentials
        | AwsError::NoSuchPlace { .. }
        | AwsError::BadRequest { .. } => mends(error.to_string()),
    }
}

fn is_too_long(message: &str) -> bool {
    ["too long", "maximum context length", "exceeds the maximum", "context window"]
        .iter()
        .any(|word| message.contains(word))
}

/// Where it is sent, below the endpoint: the id is one piece of the path.
pub(crate) fn path(model: &Model) -> String {
    format!("/model/{}/converse", catalog::encoded(&model.id))
}

/// What is sent.
pub(crate) fn request(model: &Model, turn: &Turn<'_>) -> Value {
    let powers = Powers::of(model);
    let mut messages: Vec<Value> = said(turn.messages)
        .into_iter()
        .map(|said| {
            let role = match said.speaker {
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            let content: Vec<Value> = said.parts.into_iter().map(|part| block(part, powers)).collect();
            json!({ "role": role, "content": content })
        })
        .collect();
    let point = json!({ "cachePoint": { "type": "default" } });
    let mut system = vec![json!({ "text": turn.system })];
    if powers.caches {
        // Tools stand before the system prompt in what is kept, so this point covers them.
        system.push(point.clone());
        let last = messages.last_mut().and_then(|message| message.get_mut("content")?.as_array_mut());
        if let Some(last) = last {
            last.push(point);
        }
    }
    let mut body = Map::new();
    body.insert("messages".to_owned(), Value::Array(messages));
    if !turn.system.trim().is_empty() {
        body.insert("system".to_owned(), Value::Array(system));
    }
    body.insert("inferenceConfig".to_owned(), json!({ "maxTokens": most(model, turn) }));
    let mut tools = offered(turn);
    let choice = match turn.must_use {
        Some(name) if powers.chooses => Some(json!({ "tool": { "name": name } })),
        // What cannot be told to use a tool has no other to use.
        Some(name) => {
            tools.retain(|tool| tool.name == name);
            None
        }
        None => None,
    };
    if !tools.is_empty() {
        let tools: Vec<Value> = tools
            .iter()
            .map(|tool| {
                let mut spec = json!({ "name": tool.name, "inputSchema": { "json": tool.parameters } });
                if let (Some(spec), false) = (spec.as_object_mut(), tool.description.is_empty()) {
                    spec.insert("description".to_owned(), json!(tool.description));
                }
                json!({ "toolSpec": spec })
            })
            .collect();
        let mut config = Map::from_iter([("tools".to_owned(), Value::Array(tools))]);
        config.extend(choice.map(|choice| ("toolChoice".to_owned(), choice)));
        body.insert("toolConfig".to_owned(), Value::Object(config));
    }
    Value::Object(body)
}

fn block(part: &Part, powers: Powers) -> Value {
    match part {
        Part::Text { text } => json!({ "text": text }),
        Part::ToolCall { id, name, arguments } => {
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": object(arguments) } })
        }
        Part::ToolResult { id, text, is_error } if powers.chooses => {
            let status = if *is_error { "error" } else { "success" };
            json!({ "toolResult": { "toolUseId": id, "content": [{ "text": result_text(text) }], "status": status } })
        }
        Part::ToolResult { id, text, is_error } => {
            json!({ "toolResult": { "toolUseId": id, "content": [{ "text": marked_text(text, *is_error) }] } })
        }
        Part::Opaque { value } => value.clone(),
    }
}

/// What came back.
pub(crate) fn answered(body: &Value, sent: usize) -> Result<Answered, Broken> {
    let content = body.pointer("/output/message/content").and_then(Value::as_array).ok_or(Broken::OtherForm)?;
    let parts: Vec<Part> = content.iter().filter_map(part).collect();
    let stop = match body.get("stopReason").and_then(Value::as_str) {
        Some("tool_use") => Stop::Tools,
        Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
        Some("guardrail_intervened" | "content_filtered") => Stop::Refused,
        // `malformed_tool_use` and `malformed_model_output` too: the engine sees that nothing useful was said.
        _ => Stop::End,
    };
    let usage = match body.get("usage").filter(|usage| usage.get("outputTokens").is_some()) {
        Some(usage) => Usage {
            input: number(usage, "inputTokens"),
            output: number(usage, "outputTokens"),
            cache_read: number(usage, "cacheReadInputTokens"),
            cache_write: number(usage, "cacheWriteInputTokens"),
        },
        None => counted(sent, &parts),
    };
    Ok(Answered { stop: settled(stop, &parts), parts, usage })
}

fn part(block: &Value) -> Option<Part> {
    if let Some(text) = block.get("text").and_then(Value::as_str) {
        return Some(Part::Text { text: text.to_owned() }).filter(|_| !text.trim().is_empty());
    }
    if let Some(call) = block.get("toolUse") {
        let text = |key: &str| call.get(key).and_then(Value::as_str).map(str::to_owned);
        let arguments = call.get("input").cloned().unwrap_or_default();
        return Some(Part::ToolCall { id: text("toolUseId")?, name: text("name")?, arguments });
    }
    Some(Part::Opaque { value: block.clone() })
}
