//! The three formats, as pure functions and against a server that speaks them.

mod check;
mod faults;
mod forms;
mod turns;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use awscall::{Aws, AwsOptions, Keys};
use catalog::{Catalog, model::Model};
use domain::{Name, Secret};
use engine::model::{Answered, AskModel, Message, ModelError, Part, Speaker, Tool, Turn};
use inbox::{ModelServer, Wire};
use jiff::Timestamp;
use ports::{Clock, Entropy, ReadSecret, SecretError};
use serde_json::{Value, json};

use crate::{Models, ModelsOptions};

/// The value of the API key. It must never be seen.
const KEY: &str = "sk-ant-api03-0123456789abcdefghij";

const WIRES: [Wire; 3] = [Wire::Anthropic, Wire::Openai, Wire::Bedrock];

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
}

impl Entropy for Fixed {
    fn random(&self) -> u128 {
        7
    }
}

/// One secret, which is another once it was reread as often as the list says.
#[derive(Default)]
struct Rotating {
    values: Mutex<Vec<&'static str>>,
    rereads: AtomicUsize,
}

impl Rotating {
    fn of(values: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { values: Mutex::new(values.to_vec()), rereads: AtomicUsize::new(0) })
    }

    fn value(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        let values = self.values.lock().unwrap();
        let newest = self.rereads.load(Ordering::SeqCst).min(values.len().saturating_sub(1));
        let value = values.get(newest).filter(|_| key == "model-key");
        value.map(|value| vec![Secret::new(*value)]).ok_or_else(|| SecretError::Missing { key: key.to_owned() })
    }
}

#[async_trait]
impl ReadSecret for Rotating {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.value(key)
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.rereads.fetch_add(1, Ordering::SeqCst);
        self.value(key)
    }
}

async fn server() -> ModelServer {
    ModelServer::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn model(value: Value) -> Model {
    serde_json::from_value(value).unwrap()
}

/// A Model of each format, called `reader`, at this server.
fn reader(server: &ModelServer, wire: Wire) -> Model {
    let url = server.url(wire);
    model(match wire {
        Wire::Anthropic => {
            json!({"name": "reader", "provider": "anthropic", "id": "claude-sonnet-4-5", "url": url, "secret": "model-key"})
        }
        Wire::Openai => {
            json!({"name": "reader", "provider": "openai", "id": "qwen3", "url": url, "secret": "model-key"})
        }
        Wire::Bedrock => json!({
            "name": "reader", "provider": "bedrock", "id": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "region": "eu-central-1",
        }),
    })
}

fn aws(server: &ModelServer) -> Aws {
    let keys = Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new(KEY),
        session_token: Some(Secret::new("a-session-token-of-nobody")),
        expires: None,
    };
    let options = AwsOptions {
        endpoint: Some(server.url(Wire::Bedrock).parse().unwrap()),
        ..AwsOptions::new("eu-central-1", Arc::new(keys), Arc::new(Fixed), Arc::new(Fixed))
    };
    Aws::new(options).unwrap()
}

fn models(server: &ModelServer, model: Model, secrets: Arc<dyn ReadSecret>) -> Models {
    let catalog = Catalog { models: BTreeMap::from([(model.name.clone(), model)]), ..Catalog::default() };
    let options = ModelsOptions { secrets, clock: Arc::new(Fixed), aws: Some(aws(server)), extra_ca: None };
    Models::new(&catalog, options).unwrap()
}

/// The Model of a format, with the right key.
fn open(server: &ModelServer, wire: Wire) -> Models {
    models(server, reader(server, wire), Rotating::of(&[KEY]))
}

fn says(speaker: Speaker, parts: &[Part]) -> Message {
    Message { speaker, parts: parts.to_vec() }
}

fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned() }
}

fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments }
}

fn result(id: &str, text: &str, is_error: bool) -> Part {
    Part::ToolResult { id: id.to_owned(), text: text.to_owned(), is_error }
}

fn tool(name: &str) -> Tool {
    let parameters = json!({"type": "object", "properties": {"service": {"type": "string"}}, "required": ["service"]});
    Tool { name: name.to_owned(), description: format!("Runs {name}."), parameters }
}

/// Asks with this conversation and these tools.
async fn ask_with(
    models: &Models,
    messages: &[Message],
    tools: &[Tool],
    must_use: Option<&str>,
) -> Result<Answered, ModelError> {
    let (model, within) = (name("reader"), Duration::from_secs(20));
    let system = "Read the evidence.";
    models.ask(&Turn { model: &model, system, messages, tools, must_use, max_tokens: 1000, within }).await
}

/// Asks one question.
async fn ask(models: &Models) -> Result<Answered, ModelError> {
    ask_with(models, &[says(Speaker::User, &[text("Is checkout up?")])], &[tool("look")], None).await
}
