//! What goes wrong, and what people are told.

use std::{sync::Arc, time::Duration};

use engine::model::{AskModel, ModelError, Speaker, Turn};
use inbox::{ModelServer, Reply, Wire};
use serde_json::json;

use super::{KEY, Rotating, WIRES, ask, model, models, name, open, reader, says, server, text};

/// What is said of a failed turn: `permanent` or `transient`, whether it may have been paid, and the line.
fn told(error: ModelError) -> String {
    let paid = if error.may_cost() { ", may have cost" } else { "" };
    match error {
        ModelError::Permanent { reason, .. } => format!("permanent{paid}: {reason}"),
        ModelError::Transient { reason, retry_after: None, .. } => format!("transient{paid}: {reason}"),
        ModelError::Transient { reason, retry_after: Some(wait), .. } => {
            format!("transient after {wait:?}{paid}: {reason}")
        }
    }
}

async fn failed(server: &ModelServer, wire: Wire, reply: Reply) -> String {
    server.script([reply]);
    told(ask(&open(server, wire)).await.unwrap_err()).replace(&server.address().to_string(), "HOST")
}

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let mut all = Vec::new();
    for wire in [Wire::Anthropic, Wire::Openai] {
        let server = server().await;
        for status in [400, 401, 402, 403, 404, 408, 413, 422, 500, 501, 503, 529] {
            all.push(format!("{wire:?} {status} {}", failed(&server, wire, Reply::status(status)).await));
        }
        for (what, reply) in [
            ("429 in 7 s", Reply::busy(429, 7)),
            ("529 in 2 s", Reply::busy(529, 2)),
            ("too long", Reply::TooLong),
            ("out of money", Reply::OutOfMoney),
            ("redirect", Reply::Redirect("http://169.254.169.254/".to_owned())),
            ("no JSON", Reply::Raw("<html>".to_owned())),
            ("other JSON", Reply::Raw("{\"ok\": true}".to_owned())),
            ("half", Reply::Raw("{\"choices\": [{\"mess".to_owned())),
            ("huge", Reply::Huge(5 * 1024 * 1024)),
            ("closed", Reply::Close),
        ] {
            all.push(format!("{wire:?} {what} {}", failed(&server, wire, reply).await));
        }
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn every_refusal_of_bedrock_says_what_to_do() {
    let mut all = Vec::new();
    let server = server().await;
    let message = |status, message: &str| Reply::Status { status, retry_after: None, message: message.to_owned() };
    for (what, reply) in [
        ("400", message(400, "The provided model identifier is invalid.")),
        (
            "403 role",
            message(
                403,
                "User: arn:aws:sts::123456789012:assumed-role/investigate/f is not authorized to perform: \
                 bedrock:InvokeModel on resource: arn:aws:bedrock:eu-central-1::foundation-model/x because no \
                 identity-based policy allows the bedrock:InvokeModel action",
            ),
        ),
        ("403 access", Reply::OutOfMoney),
        ("403 cache", message(403, "You invoked an unsupported model or your request did not allow prompt caching.")),
        ("404", message(404, "This model version has reached the end of its life.")),
        ("408", message(408, "The model took too long to process the request.")),
        ("424", message(424, "The request failed due to an error while processing the model.")),
        ("429", message(429, "Too many tokens, please wait before trying again.")),
        ("500", message(500, "An internal server error occurred.")),
        ("503", message(503, "The service isn't currently available.")),
        ("closed", Reply::Close),
        ("too long", Reply::TooLong),
        ("no JSON", Reply::Raw("<html>".to_owned())),
        ("other JSON", Reply::Raw("{\"ok\": true}".to_owned())),
    ] {
        all.push(format!("{what} {}", failed(&server, Wire::Bedrock, reply).await));
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test]
async fn a_model_that_never_answers_is_given_up_when_its_time_is_over() {
    for wire in WIRES {
        let server = server().await;
        server.script([Reply::Hang]);
        let models = open(&server, wire);
        let (reader, messages) = (name("reader"), [says(Speaker::User, &[text("Is checkout up?")])]);
        let within = Duration::from_millis(300);
        let turn =
            Turn { model: &reader, system: "", messages: &messages, tools: &[], must_use: None, max_tokens: 9, within };
        let said = told(models.ask(&turn).await.unwrap_err());
        assert!(
            said.starts_with("transient, may have cost: ") && said.contains("did not answer within 300ms"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn i9_a_provider_that_repeats_the_key_or_the_request_is_not_repeated() {
    let server = server().await;
    server.take_key("another");
    let said = told(ask(&open(&server, Wire::Openai)).await.unwrap_err());
    assert_eq!(
        said,
        "permanent: the model `reader`: the provider does not take the API key that stands under `model-key`: Incorrect \
         API key provided: [redacted]."
    );
    let echo = |message: &str| Reply::Status { status: 400, retry_after: None, message: message.to_owned() };
    let server = super::server().await;
    for message in [
        "1 validation error: {'type': 'string_type', 'loc': ('body',), 'input': {'content': 'the prompt'}}",
        "bad header x-api-key: sk-ant-api03-0123456789abcdefghij the key",
        &format!("line one\r\nline two \u{1b}[31m password=hunter2 {}", "x".repeat(5000)),
    ] {
        let said = failed(&server, Wire::Openai, echo(message)).await;
        assert!(said.starts_with("permanent: ") && !said.contains(char::is_control), "{said}");
        for secret in ["the prompt", KEY, "hunter2"] {
            assert!(!said.contains(secret), "{said}");
        }
        assert!(said.chars().count() < 600, "{said}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_or_cannot_be_sent_is_named() {
    let server = server().await;
    let with = |values: &[&'static str]| models(&server, reader(&server, Wire::Anthropic), Rotating::of(values));
    assert_eq!(
        told(ask(&with(&[])).await.unwrap_err()),
        "permanent: the model `reader`: the secret has no key `model-key`: add it (docs/deploy.md)"
    );
    assert_eq!(
        told(ask(&with(&["sk-\nhunter2"])).await.unwrap_err()),
        "permanent: the model `reader`: the API key under `model-key` has a character that no header can have"
    );
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn i8_a_host_that_leads_to_loopback_is_not_asked_unless_it_is_that_address() {
    let server = server().await;
    let port = server.address().port();
    let at = |url: String| model(json!({"name": "reader", "provider": "openai", "id": "m", "url": url}));
    let named = models(&server, at(format!("http://127.0.0.1:{port}/v1")), Rotating::of(&[]));
    server.script([Reply::text("Yes.")]);
    assert!(ask(&named).await.is_ok());

    // The policy is the Models' own: another Model's address does not open this one's.
    let mut catalog = catalog::Catalog::default();
    let metadata = at("http://169.254.169.254/v1".to_owned());
    catalog.models.insert(metadata.name.clone(), metadata);
    assert!(super::super::named_hosts(&catalog).contains("169.254.169.254"));
    let options =
        crate::ModelsOptions { secrets: Rotating::of(&[]), clock: Arc::new(super::Fixed), aws: None, extra_ca: None };
    let mut other = crate::Models::new(&catalog::Catalog::default(), options).unwrap();
    other.models.insert(name("reader"), at(format!("http://127.0.0.1:{port}/v1")));
    let said = told(ask(&other).await.unwrap_err());
    assert!(said.starts_with("permanent: ") && said.contains("a loopback address"), "{said}");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let server = server().await;
    let unknown = models(&server, model(json!({"name": "other", "provider": "bedrock", "id": "m"})), Rotating::of(&[]));
    assert_eq!(told(ask(&unknown).await.unwrap_err()), "permanent: the catalog has no Model `reader`");

    // Taken, and nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let place = socket.local_addr().unwrap();
    let url = format!("http://{place}/v1");
    let closed = model(json!({"name": "reader", "provider": "openai", "id": "m", "url": url}));
    let said = told(ask(&models(&server, closed, Rotating::of(&[]))).await.unwrap_err());
    assert!(said.starts_with(&format!("transient: the model `reader`: could not connect to {place}")), "{said}");

    server.serve_models(&["another"]);
    let said = told(ask(&open(&server, Wire::Openai)).await.unwrap_err());
    assert!(said.starts_with("permanent: the model `reader`: the provider knows no `qwen3`"), "{said}");
    server.want_completion_tokens();
    let said = told(ask(&open(&server, Wire::Openai)).await.unwrap_err());
    assert!(said.contains("`limit_key: max_completion_tokens`"), "{said}");
}
