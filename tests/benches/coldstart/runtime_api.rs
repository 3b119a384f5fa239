//! Lambda's Runtime API, as much of it as one function needs: it polls for an event and posts what came of it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

struct Shared {
    polls: mpsc::UnboundedSender<Instant>,
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    answers: mpsc::UnboundedSender<(Instant, String, Bytes)>,
}

/// A running Runtime API for one function.
pub struct RuntimeApi {
    address: String,
    polls: mpsc::UnboundedReceiver<Instant>,
    events: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<(Instant, String, Bytes)>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let (poll_in, polls) = mpsc::unbounded_channel();
        let (events, event_out) = mpsc::unbounded_channel();
        let (answer_in, answers) = mpsc::unbounded_channel();
        let shared = std::sync::Arc::new(Shared { polls: poll_in, events: Mutex::new(event_out), answers: answer_in });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(answered))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, polls, events, answers, server }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// When the function asked for its first event.
    pub async fn polled(&mut self) -> Instant {
        tokio::time::timeout(Duration::from_secs(20), self.polls.recv())
            .await
            .expect("the function did not poll within 20 s: it cannot start")
            .unwrap()
    }

    /// How long one event took, there and back.
    pub async fn invoke(&mut self, event: &Value) -> Duration {
        let began = Instant::now();
        self.events.send(event.to_string()).unwrap();
        let (ended, outcome, body) = self.answers.recv().await.unwrap();
        assert_eq!(outcome, "response", "{}", String::from_utf8_lossy(&body));
        if let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(&body) {
            let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or(200);
            assert!(status < 300, "{}", String::from_utf8_lossy(&body));
        }
        ended - began
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<std::sync::Arc<Shared>>) -> Response {
    let _ = shared.polls.send(Instant::now());
    let Some(event) = shared.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:bench"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    (headers, event).into_response()
}

async fn answered(
    State(shared): State<std::sync::Arc<Shared>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let _ = shared.answers.send((Instant::now(), outcome, body));
    StatusCode::ACCEPTED
}
