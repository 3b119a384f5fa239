//! Amazon Bedrock's Converse API.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use super::{
    Heard, ModelCall, No, Piece, Reply, Used,
    heard::{Unpaired, has_key, list, paired, put, text},
};

/// What a status is called.
pub(crate) fn kind(status: u16) -> &'static str {
    match status {
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    }
}

pub(crate) fn refusal(no: &No) -> Response {
    let mut response = Json(json!({ "message": no.message })).into_response();
    let name = HeaderName::from_static("x-amzn-errortype");
    response.headers_mut().insert(name, HeaderValue::from_static(no.kind));
    response
}

/// What the request says, or why the API says no to it.
pub(crate) fn heard(headers: &HeaderMap, body: &Value) -> Result<Heard, No> {
    signed(headers)?;
    let bad = |message: String| No::new(400, "ValidationException", message);
    let mut turns = Vec::new();
    for (place, message) in list(body, "messages").iter().enumerate() {
        let is_model = match text(message, "role").as_str() {
            "user" => false,
            "assistant" => true,
            _ => {
                return Err(bad(format!(
                    "Value at 'messages.{}.member.role' failed to satisfy constraint: Member \
                     must satisfy enum value set: [user, assistant]",
                    place + 1
                )));
            }
        };
        let pieces =
            list(message, "content").iter().enumerate().filter_map(|(number, block)| piece(place, number, block));
        turns.push((is_model, pieces.collect::<Result<Vec<_>, String>>().map_err(bad)?));
    }
    if turns.first().is_none_or(|(is_model, _)| *is_model) {
        return Err(bad("A conversation must start with a user message. \
             Try again with a conversation that starts with a user message."
            .to_owned()));
    }
    if turns.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
        return Err(bad("A conversation must alternate between user and assistant roles. \
             Make sure the conversation alternates between user and assistant roles and try again."
            .to_owned()));
    }
    let config = body.get("toolConfig");
    let tool_blocks = has_key(body, "toolUse") + has_key(body, "toolResult");
    if tool_blocks > 0 && config.is_none() {
        return Err(bad(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.".to_owned()
        ));
    }
    paired(&turns).map_err(|unpaired| {
        bad(match unpaired {
            Unpaired::Results(place, _) => format!(
                "The number of toolResult blocks at messages.{place}.content exceeds the number \
                 of toolUse blocks of previous turn."
            ),
            Unpaired::Calls(place, ids) => format!(
                "Expected toolResult blocks at messages.{place}.content for the \
                 following Ids: {}",
                ids.join(", ")
            ),
        })
    })?;
    let config = config.unwrap_or(&Value::Null);
    let specs = list(config, "tools").iter().filter_map(|tool| tool.get("toolSpec"));
    let tools: Vec<String> = specs.map(|spec| text(spec, "name")).collect();
    let must_use = config.pointer("/toolChoice/tool/name").and_then(Value::as_str).map(str::to_owned);
    if must_use.as_ref().is_some_and(|name| !tools.contains(name)) {
        return Err(bad("The provided request is not valid: toolChoice names no tool of toolConfig.".to_owned()));
    }
    Ok(Heard {
        system: list(body, "system").iter().map(|block| text(block, "text")).collect(),
        turns,
        tools,
        must_use,
        max_tokens: body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64).unwrap_or_default(),
        keeps: has_key(body, "cachePoint") > 0,
    })
}

/// Signature Version 4, for the service `bedrock`. Whether it is right is between AWS and who holds the key.
fn signed(headers: &HeaderMap) -> Result<(), No> {
    let missing = || No::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let fields = shown.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(missing)?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let scope: Vec<&str> = field("Credential").unwrap_or_default().split('/').collect();
    if !headers.contains_key("x-amz-date") || field("Signature").is_none() || field("SignedHeaders").is_none() {
        return Err(No::new(
            403,
            "IncompleteSignatureException",
            "Authorization header requires 'Signature', 'SignedHeaders' and a date",
        ));
    }
    if !matches!(scope.as_slice(), [_, _, _, "bedrock", "aws4_request"]) {
        return Err(No::new(
            403,
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'bedrock'.",
        ));
    }
    Ok(())
}

fn piece(place: usize, number: usize, block: &Value) -> Option<Result<Piece, String>> {
    let blank = || {
        Err(format!(
            "The text field in the ContentBlock object at messages.{place}.content.{number} is blank. \
             Add text to the text field, and try again."
        ))
    };
    if block.get("cachePoint").is_some() {
        return None;
    }
    Some(if let Some(said) = block.get("text").and_then(Value::as_str) {
        if said.trim().is_empty() { blank() } else { Ok(Piece::Text(said.to_owned())) }
    } else if let Some(call) = block.get("toolUse") {
        match call.get("input").cloned().unwrap_or_default() {
            arguments @ Value::Object(_) => {
                Ok(Piece::Call { id: text(call, "toolUseId"), name: text(call, "name"), arguments })
            }
            _ => Err(format!(
                "The format of the value at messages.{place}.content.{number}.toolUse.input is \
                 invalid. Provide a json object for the field and try again."
            )),
        }
    } else if let Some(result) = block.get("toolResult") {
        let said: String = list(result, "content").iter().map(|content| text(content, "text")).collect();
        let is_error = text(result, "status") == "error";
        if said.trim().is_empty() {
            blank()
        } else {
            Ok(Piece::Result { id: text(result, "toolUseId"), text: said, is_error })
        }
    } else if block.get("reasoningContent").is_some() {
        Ok(Piece::Other(block.clone()))
    } else {
        Err(format!("The content block at messages.{place}.content.{number} is of no known kind."))
    })
}

/// A whole answer.
pub(crate) fn worded(call: &ModelCall, reply: &Reply, used: Used) -> Value {
    let say = |text: &str| json!({ "text": text });
    let tool = |place: usize, name: &str, input: Value| {
        let id = format!("tooluse_{:04}_{place}", call.number);
        json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })
    };
    let (content, stop) = match reply {
        Reply::Says { text, calls } => {
            let stop = if calls.is_empty() { "end_turn" } else { "tool_use" };
            let calls = calls.iter().enumerate().map(|(place, (name, input))| tool(place, name, input.clone()));
            (Some(say(text)).filter(|_| !text.is_empty()).into_iter().chain(calls).collect(), stop)
        }
        Reply::CallsBadly { name, arguments } => (vec![tool(0, name, json!(arguments))], "tool_use"),
        Reply::CutOff(text) => (vec![say(text)], "max_tokens"),
        Reply::Refuses(text) => (vec![say(text)], "guardrail_intervened"),
        Reply::Uncounted(text) => (vec![say(text)], "end_turn"),
        Reply::Huge(bytes) => (vec![say(&"x".repeat(*bytes))], "end_turn"),
        _ => (vec![], "end_turn"),
    };
    let mut answer = json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop,
        "metrics": { "latencyMs": 412 },
    });
    if !matches!(reply, Reply::Uncounted(_)) {
        put(
            &mut answer,
            "usage",
            json!({
                "inputTokens": used.input,
                "outputTokens": used.output,
                "totalTokens": used.input + used.output + used.cache_read + used.cache_write,
                "cacheReadInputTokens": used.cache_read,
                "cacheWriteInputTokens": used.cache_write,
            }),
        );
    }
    answer
}
