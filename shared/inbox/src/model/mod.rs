//! A model server on the loopback that speaks three wire formats on one port: Anthropic's Messages, OpenAI's Chat
//! Completions and Bedrock's Converse. What it answers is scripted, or said by rules; requests are held against what the
//! real APIs refuse, and refused in the shape of each.
//!
//! Sources: <https://platform.claude.com/docs/en/api/errors>, <https://platform.openai.com/docs/guides/error-codes>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>, and answers of these APIs.

mod anthropic;
mod bedrock;
mod heard;
mod look;
mod openai;
mod reply;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Moment,
    serve::{closed, serve, whole},
};

pub use heard::{Heard, Piece};
pub use reply::Reply;

/// How many requests are remembered.
const CALLS: usize = 10_000;

/// Whose wire format a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wire {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API.
    Openai,
    /// Amazon Bedrock's Converse API.
    Bedrock,
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct ModelCall {
    /// Its number among all, from 1.
    pub number: usize,
    /// In which format.
    pub wire: Wire,
    /// Whether it has just come, or was worked on and is about to be answered.
    pub moment: Moment,
    /// The model that was asked for.
    pub model: String,
    /// Its headers, but for keys and signatures.
    pub headers: BTreeMap<String, String>,
    /// Its body; null where it was not JSON.
    pub body: Value,
    /// What it says in words that all three share; empty where the request was refused.
    pub heard: Heard,
    /// The status of the answer; nothing where there was none.
    pub status: Option<u16>,
    /// Whether the model has worked on it, so that the provider charges for it, also when nobody got the answer.
    pub paid: bool,
}

type Hook = Arc<dyn Fn(&ModelCall) + Send + Sync>;
type Reader = Arc<dyn Fn(&ModelCall) -> Reply + Send + Sync>;

/// A running model server. It ends when it is dropped.
pub struct ModelServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    world: Mutex<World>,
}

#[derive(Default)]
struct World {
    calls: VecDeque<ModelCall>,
    count: usize,
    script: VecDeque<Reply>,
    reader: Option<Reader>,
    hooks: Vec<Hook>,
    key: Option<String>,
    looks: usize,
    models: Option<Vec<String>>,
    wants_completion_tokens: bool,
    /// How many tokens of a model's conversation are in its cache.
    cached: HashMap<String, u64>,
}

impl ModelServer {
    /// Serves on `address`; port 0 takes a free one. Until it is told what to say, it refuses everything.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/messages", post(messages))
            .route("/v1/chat/completions", post(completions))
            .route("/model/{id}/converse", post(converse))
            .route("/v1/models", get(look::list))
            .route("/v1/models/{id}", get(look::one))
            .route("/foundation-models/{id}", get(look::bedrock))
            .route("/inference-profiles/{id}", get(look::bedrock))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(serve(listener, router));
        Ok(Self { shared, address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to write as a Model's `url`; of Bedrock the endpoint (`AWS_ENDPOINT_URL`).
    #[must_use]
    pub fn url(&self, wire: Wire) -> String {
        match wire {
            Wire::Anthropic | Wire::Bedrock => format!("http://{}", self.address),
            Wire::Openai => format!("http://{}/v1", self.address),
        }
    }

    /// The next requests that are as they should be get these replies, in order.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.with(|world| world.script.extend(replies));
    }

    /// How many scripted replies nobody has asked for yet.
    #[must_use]
    pub fn unsaid(&self) -> usize {
        self.with(|world| world.script.len())
    }

    /// What is said where no script is left.
    pub fn read_with(&self, reader: impl Fn(&ModelCall) -> Reply + Send + Sync + 'static) {
        self.with(|world| world.reader = Some(Arc::new(reader)));
    }

    /// Only this API key is taken. Until then any is.
    pub fn take_key(&self, key: &str) {
        self.with(|world| world.key = Some(key.to_owned()));
    }

    /// There are only these models. Until then every model is there.
    pub fn serve_models(&self, models: &[&str]) {
        self.with(|world| world.models = Some(models.iter().map(|model| (*model).to_owned()).collect()));
    }

    /// `max_tokens` is refused, as OpenAI's reasoning models do.
    pub fn want_completion_tokens(&self) {
        self.with(|world| world.wants_completion_tokens = true);
    }

    /// Every request that came, oldest first (the newest 10,000), whatever was answered.
    #[must_use]
    pub fn calls(&self) -> Vec<ModelCall> {
        self.with(|world| world.calls.iter().cloned().collect())
    }

    /// How often it was asked which models there are. That is no call, and nobody pays for it.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.with(|world| world.looks)
    }

    /// How many requests were paid for.
    #[must_use]
    pub fn paid(&self) -> usize {
        self.with(|world| world.calls.iter().filter(|call| call.paid).count())
    }

    /// The requests that were paid for more than once, word by word the same: none, if a recorded turn is never asked
    /// again.
    #[must_use]
    pub fn paid_twice(&self) -> Vec<ModelCall> {
        let paid: Vec<ModelCall> = self.calls().into_iter().filter(|call| call.paid).collect();
        let same = |one: &ModelCall, other: &ModelCall| {
            one.number < other.number && one.model == other.model && one.body == other.body
        };
        paid.iter().filter(|call| paid.iter().any(|first| same(first, call))).cloned().collect()
    }

    /// Calls `hook` when a request has come, and again when it was worked on and is about to be answered, and goes on
    /// when it returns: a test kills a process here.
    pub fn on_call(&self, hook: impl Fn(&ModelCall) + Send + Sync + 'static) {
        self.with(|world| world.hooks.push(Arc::new(hook)));
    }

    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.shared.with(act)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the hooks, and remembers the call as it is now.
    fn announce(&self, call: &ModelCall) {
        let hooks = self.with(|world| {
            match world.calls.iter_mut().rev().find(|known| known.number == call.number) {
                Some(known) => *known = call.clone(),
                None => {
                    if world.calls.len() == CALLS {
                        world.calls.pop_front();
                    }
                    world.calls.push_back(call.clone());
                }
            }
            world.hooks.clone()
        });
        for hook in hooks {
            hook(call);
        }
    }
}

/// What an API says no to: the status, its own word for it, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct No {
    status: u16,
    kind: &'static str,
    message: String,
}

impl No {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }
}

/// What the server insists on, beside what every API does.
pub(crate) struct House {
    pub(crate) key: Option<String>,
    pub(crate) wants_completion_tokens: bool,
}

/// How many tokens an answer says it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
}

async fn messages(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, raw) = whole(request).await;
    answer(&shared, Wire::Anthropic, None, &parts, &raw).await
}

async fn completions(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, raw) = whole(request).await;
    answer(&shared, Wire::Openai, None, &parts, &raw).await
}

async fn converse(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, raw) = whole(request).await;
    answer(&shared, Wire::Bedrock, Some(id), &parts, &raw).await
}

async fn answer(shared: &Shared, wire: Wire, id: Option<String>, parts: &Parts, raw: &Bytes) -> Response {
    let body: Value = serde_json::from_slice(raw).unwrap_or_default();
    let model = id.unwrap_or_else(|| body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned());
    let mut headers = crate::state::shown(&parts.headers);
    for secret in ["x-api-key", "x-amz-security-token"] {
        if headers.contains_key(secret) {
            headers.insert(secret.to_owned(), "(a key)".to_owned());
        }
    }
    let (number, house, served) = shared.with(|world| {
        world.count += 1;
        let house = House { key: world.key.clone(), wants_completion_tokens: world.wants_completion_tokens };
        (world.count, house, world.models.as_ref().is_none_or(|models| models.contains(&model)))
    });
    let heard = match wire {
        Wire::Anthropic => anthropic::heard(&parts.headers, &body, &house),
        Wire::Openai => openai::heard(&parts.headers, &body, &house),
        Wire::Bedrock => bedrock::heard(&parts.headers, &body),
    };
    let heard = heard.and_then(|heard| if served { Ok(heard) } else { Err(no_model(wire, &model)) });
    let (heard, refused) = match heard {
        Ok(heard) => (heard, None),
        Err(no) => (Heard::default(), Some(no)),
    };
    let moment = Moment::Arrived;
    let mut call = ModelCall { number, wire, moment, model, headers, body, heard, status: None, paid: false };
    shared.announce(&call);
    call.moment = Moment::Accepted;
    if let Some(no) = refused {
        call.status = Some(no.status);
        shared.announce(&call);
        return refusal(wire, &no, None);
    }
    let (scripted, reader) = shared.with(|world| (world.script.pop_front(), world.reader.clone()));
    let reply = scripted.or_else(|| reader.map(|reader| reader(&call))).unwrap_or_else(|| Reply::Status {
        status: 400,
        retry_after: None,
        message: "the script has no more replies".to_owned(),
    });
    call.paid = reply.is_paid();
    let response = worded(shared, &call, raw.len(), &reply);
    call.status = response.as_ref().map(|response| response.status().as_u16());
    shared.announce(&call);
    match (response, reply) {
        (Some(response), _) => response,
        (None, Reply::Close) => closed(),
        (None, _) => future::pending().await,
    }
}

/// The reply in the call's format; nothing where none is sent.
fn worded(shared: &Shared, call: &ModelCall, sent: usize, reply: &Reply) -> Option<Response> {
    let wire = call.wire;
    Some(match reply {
        Reply::Hang | Reply::Close => return None,
        Reply::Status { status, retry_after, message } => {
            let message = if message.is_empty() { "scripted" } else { message.as_str() };
            refusal(wire, &No::new(*status, kind(wire, *status), message), *retry_after)
        }
        Reply::TooLong => refusal(wire, &too_long(wire), None),
        Reply::OutOfMoney => refusal(wire, &out_of_money(wire), None),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        Reply::Raw(text) => ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response(),
        said => {
            let used = used(shared, call, sent, said);
            let body = match wire {
                Wire::Anthropic => anthropic::worded(call, said, used),
                Wire::Openai => openai::worded(call, said, used),
                Wire::Bedrock => bedrock::worded(call, said, used),
            };
            axum::Json(body).into_response()
        }
    })
}

/// Four bytes are a token, and what is marked to be kept is read from the cache the next time.
fn used(shared: &Shared, call: &ModelCall, sent: usize, reply: &Reply) -> Used {
    let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
    let (input, output) = (tokens(sent), tokens(reply.bytes()));
    if !call.heard.keeps {
        return Used { input, output, cache_read: 0, cache_write: 0 };
    }
    let before = shared.with(|world| world.cached.insert(call.model.clone(), input)).unwrap_or_default().min(input);
    Used { input: 0, output, cache_read: before, cache_write: input - before }
}

fn refusal(wire: Wire, no: &No, retry_after: Option<u64>) -> Response {
    let mut response = match wire {
        Wire::Anthropic => anthropic::refusal(no),
        Wire::Openai => openai::refusal(no),
        Wire::Bedrock => bedrock::refusal(no),
    };
    *response.status_mut() = StatusCode::from_u16(no.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn kind(wire: Wire, status: u16) -> &'static str {
    match wire {
        Wire::Anthropic => anthropic::kind(status),
        Wire::Openai => openai::kind(status),
        Wire::Bedrock => bedrock::kind(status),
    }
}

fn no_model(wire: Wire, model: &str) -> No {
    match wire {
        Wire::Anthropic => No::new(404, "not_found_error", format!("model: {model}")),
        Wire::Openai => No::new(
            404,
            "model_not_found",
            format!("The model `{model}` does not exist or you do not have access to it."),
        ),
        Wire::Bedrock => No::new(400, "ValidationException", "The provided model identifier is invalid."),
    }
}

fn too_long(wire: Wire) -> No {
    match wire {
        Wire::Anthropic => No::new(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Wire::Openai => No::new(
            400,
            "context_length_exceeded",
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. \
             Please reduce the length of the messages.",
        ),
        Wire::Bedrock => No::new(400, "ValidationException", "Input is too long for requested model."),
    }
}

fn out_of_money(wire: Wire) -> No {
    match wire {
        Wire::Anthropic => No::new(
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or \
             purchase credits.",
        ),
        Wire::Openai => No::new(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        Wire::Bedrock => {
            No::new(403, "AccessDeniedException", "You don't have access to the model with the specified model ID.")
        }
    }
}
