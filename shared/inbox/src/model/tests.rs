//! What the model server refuses, as the real APIs do, and in their shape.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{ModelServer, Moment, Reply, Wire};

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260301/eu-central-1/bedrock/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";

async fn start() -> ModelServer {
    ModelServer::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Sends a request with the headers that each API wants but for those named, and gives status, type and body.
async fn send(server: &ModelServer, wire: Wire, body: &Value, without: &str) -> (u16, String, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (path, headers): (&str, &[(&str, &str)]) = match wire {
        Wire::Anthropic => ("/v1/messages", &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")]),
        Wire::Openai => ("/v1/chat/completions", &[("authorization", "Bearer k")]),
        Wire::Bedrock => {
            ("/model/anthropic.m%3A0/converse", &[("authorization", SIGNED), ("x-amz-date", "20260301T120000Z")])
        }
    };
    let mut request = client.post(format!("http://{}{path}", server.address())).json(body);
    for (name, value) in headers.iter().filter(|(name, _)| *name != without) {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
    let body: Value = response.json().await.unwrap_or_default();
    let kind = kind.or_else(|| Some(body.pointer("/error/code").or(body.pointer("/error/type"))?.as_str()?.to_owned()));
    (status, kind.unwrap_or_default(), body)
}

fn anthropic(messages: Value) -> Value {
    json!({"model": "m", "max_tokens": 10, "messages": messages, "tools": [{"name": "look", "input_schema": {"type": "object"}}]})
}

#[tokio::test]
async fn messages_are_refused_as_anthropic_refuses_them() {
    let server = start().await;
    let good = anthropic(json!([{"role": "user", "content": "Go."}]));
    let used = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]});
    let answered =
        |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]});
    let user = json!({"role": "user", "content": "Go."});
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("max_tokens");
    for (body, missing, status, word) in [
        (&good, "x-api-key", 401, "x-api-key header is required"),
        (&good, "anthropic-version", 400, "anthropic-version: header is required"),
        (&without, "", 400, "max_tokens: Field required"),
        (&anthropic(json!([])), "", 400, "at least one message"),
        (&anthropic(json!([used])), "", 400, "must use the \"user\" role"),
        (&anthropic(json!([user, used])), "", 400, "must end with a user message"),
        (&anthropic(json!([user, {"role": "system", "content": "x"}])), "", 400, "'user' or 'assistant'"),
        (&anthropic(json!([user, used, user])), "", 400, "ids were found without `tool_result` blocks"),
        (&anthropic(json!([answered("t1")])), "", 400, "unexpected `tool_use_id`"),
        (&anthropic(json!([user, used, answered("t2")])), "", 400, "unexpected `tool_use_id`"),
        (
            &anthropic(json!([{"role": "user", "content": [{"type": "text", "text": " "}]}])),
            "",
            400,
            "must be non-empty",
        ),
        (
            &json!({"model": "m", "max_tokens": 1, "messages": [user], "tool_choice": {"type": "tool", "name": "x"}}),
            "",
            400,
            "not found in provided tools",
        ),
    ] {
        let (got, kind, answer) = send(&server, Wire::Anthropic, body, missing).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{word}: {answer}");
        assert_eq!(answer["type"], "error");
        assert_eq!(kind, if status == 401 { "authentication_error" } else { "invalid_request_error" });
    }
    server.script([Reply::text("Yes.")]);
    let whole = anthropic(json!([user, used, answered("t1")]));
    let (status, _, answer) = send(&server, Wire::Anthropic, &whole, "").await;
    assert_eq!((status, &answer["content"][0]["text"]), (200, &json!("Yes.")));
    assert_eq!(server.paid(), 1, "what is refused is not paid for");
}

#[tokio::test]
async fn completions_are_refused_as_openai_refuses_them() {
    let server = start().await;
    let user = json!({"role": "user", "content": "Go."});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let used = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let of = |messages: Value| json!({"model": "m", "messages": messages});
    for (body, word) in [
        (json!({"messages": [user]}), "must provide a model"),
        (of(json!([])), "Missing required parameter: 'messages'"),
        (
            of(json!([user, {"role": "tool", "tool_call_id": "c1", "content": "x"}])),
            "must be a response to a preceeding",
        ),
        (of(json!([user, used, user])), "did not have response messages: c1"),
        (of(json!([user, {"role": "assistant", "content": null}])), "got null"),
        (of(json!([{"role": "robot", "content": "x"}])), "Invalid value: 'robot'"),
    ] {
        let (status, _, answer) = send(&server, Wire::Openai, &body, "").await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(word), "{word}: {answer}");
    }
    server.take_key("another");
    let (status, code, _) = send(&server, Wire::Openai, &of(json!([user])), "").await;
    assert_eq!((status, code.as_str()), (401, "invalid_api_key"));
    assert_eq!(send(&server, Wire::Openai, &of(json!([user])), "authorization").await.0, 401);
}

#[tokio::test]
async fn converse_is_refused_as_bedrock_refuses_it() {
    let server = start().await;
    let user = json!({"role": "user", "content": [{"text": "Go."}]});
    let used = json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "look", "input": {}}}]});
    let answered =
        json!({"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "x"}]}}]});
    let config = json!({"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]});
    let of = |messages: Value| json!({"messages": messages, "toolConfig": config});
    let good = of(json!([user]));
    for (body, without, status, kind, word) in [
        (&good, "authorization", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (&good, "x-amz-date", 403, "IncompleteSignatureException", "requires"),
        (&of(json!([used])), "", 400, "ValidationException", "must start with a user message"),
        (&of(json!([user, user])), "", 400, "ValidationException", "must alternate"),
        (&of(json!([user, used, user])), "", 400, "ValidationException", "Expected toolResult blocks"),
        (&of(json!([answered])), "", 400, "ValidationException", "exceeds the number of toolUse"),
        (
            &json!({"messages": [user, used, answered]}),
            "",
            400,
            "ValidationException",
            "toolConfig field must be defined",
        ),
        (&of(json!([{"role": "user", "content": [{"text": ""}]}])), "", 400, "ValidationException", "is blank"),
    ] {
        let (got, named, answer) = send(&server, Wire::Bedrock, body, without).await;
        assert_eq!((got, named.as_str()), (status, kind), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(word), "{word}: {answer}");
    }
    server.script([Reply::call("look", json!({}))]);
    let (status, _, answer) = send(&server, Wire::Bedrock, &of(json!([user, used, answered])), "").await;
    assert_eq!((status, &answer["stopReason"]), (200, &json!("tool_use")));
    assert_eq!(server.calls().last().unwrap().model, "anthropic.m:0");
}

#[tokio::test]
async fn calls_are_announced_counted_and_read_by_rules_where_no_script_is_left() {
    let server = start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let moments = Arc::clone(&seen);
    server.on_call(move |call| moments.lock().unwrap().push((call.number, call.moment, call.paid)));
    let body = anthropic(json!([{"role": "user", "content": "Go."}]));
    assert_eq!(send(&server, Wire::Anthropic, &body, "").await.0, 400, "nobody said what to say");
    server.read_with(|call| match call.heard.called("look") {
        0 if call.heard.prompt().contains("Go.") => Reply::call("look", json!({})),
        _ => Reply::text("Done."),
    });
    server.script([Reply::busy(429, 3)]);
    assert_eq!(send(&server, Wire::Anthropic, &body, "").await.0, 429);
    for _ in 0..2 {
        assert_eq!(send(&server, Wire::Anthropic, &body, "").await.2["stop_reason"], "tool_use");
    }
    assert_eq!((server.calls().len(), server.paid()), (4, 2));
    let twice: Vec<usize> = server.paid_twice().iter().map(|call| call.number).collect();
    assert_eq!(twice, [4], "a turn that was asked again is found");
    let seen = seen.lock().unwrap();
    assert_eq!(seen[4..6], [(3, Moment::Arrived, false), (3, Moment::Accepted, true)]);
}
