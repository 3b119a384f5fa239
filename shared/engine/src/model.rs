//! What the engine asks of a model. The engine owns the loop; a provider makes one request and reads one answer.

use std::time::Duration;

use async_trait::async_trait;
use domain::Name;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A piece of what is said, in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// The model wants a tool called.
    ToolCall {
        /// The provider's id of the call; its answer carries the same.
        id: String,
        /// Which tool.
        name: String,
        /// What it is given. Whatever the model wrote: nothing has looked at it yet.
        arguments: Value,
    },
    /// What a tool answered.
    ToolResult {
        /// The id of the call.
        id: String,
        /// The answer.
        text: String,
        /// Whether the tool could not do it.
        is_error: bool,
    },
    /// What only the provider reads, and wants back unchanged in the next turn: signed thinking, for one.
    Opaque {
        /// As it came.
        value: Value,
    },
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The engine.
    User,
    /// The model.
    Assistant,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub speaker: Speaker,
    /// What.
    pub parts: Vec<Part>,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name: `[a-zA-Z0-9_-]`, at most 64 characters.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// One request to a model.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The catalog's Model document.
    pub model: &'a Name,
    /// What holds for the whole conversation.
    pub system: &'a str,
    /// What was said so far; the last message is the engine's.
    pub messages: &'a [Message],
    /// The tools on offer.
    pub tools: &'a [Tool],
    /// The one tool that the model must use now; it is one of `tools`.
    pub must_use: Option<&'a str>,
    /// The most tokens that the answer may have.
    pub max_tokens: u32,
    /// How long to wait for the answer.
    pub within: Duration,
}

/// How much a turn used, as the provider counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, those from the provider's cache not among them.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from the provider's cache.
    #[serde(default)]
    pub cache_read: u64,
    /// Tokens written into the provider's cache.
    #[serde(default)]
    pub cache_write: u64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It has said what it had to say.
    End,
    /// It waits for tools.
    Tools,
    /// `max_tokens` was reached.
    Length,
    /// It will not answer this.
    Refused,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// What it said.
    pub parts: Vec<Part>,
    /// Why it stopped.
    pub stop: Stop,
    /// What it cost.
    pub usage: Usage,
}

/// Why a model did not answer. The kinds say what follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// It will not answer until somebody mends something.
    #[error("{reason}")]
    Permanent {
        /// Why, and what to mend, for people. No secret, and nothing of the prompt.
        reason: String,
    },
    /// It may answer later: it is busy, slow, or was not reached.
    #[error("{reason}")]
    Transient {
        /// Why, for people.
        reason: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
}

/// Asks a model once. It neither loops nor retries: the engine does, since the budget is there.
#[async_trait]
pub trait AskModel: Send + Sync {
    /// Sends `turn` and reads the answer.
    ///
    /// # Errors
    /// [`ModelError`].
    async fn ask(&self, turn: &Turn<'_>) -> Result<Answered, ModelError>;
}
