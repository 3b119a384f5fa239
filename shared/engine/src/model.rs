//! What the engine asks of a model. The engine owns the loop; a provider makes one request and reads one answer.

use std::time::Duration;

use async_trait::async_trait;
use domain::Name;
pub use domain::{Part, Stop, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        /// See [`ModelError::may_cost`].
        may_cost: bool,
    },
    /// It may answer later: it is busy, slow, or was not reached.
    #[error("{reason}")]
    Transient {
        /// Why, for people.
        reason: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
        /// See [`ModelError::may_cost`].
        may_cost: bool,
    },
}

impl ModelError {
    /// Whether the turn may have been paid all the same. It was not where nothing was sent, where nobody was reached, and
    /// where the provider clearly refused (4xx, 429, 503, 529). All else may have been: a time that ran out, a connection
    /// that broke, an answer that is cut off, too long, or not what it should be.
    #[must_use]
    pub fn may_cost(&self) -> bool {
        match self {
            Self::Permanent { may_cost, .. } | Self::Transient { may_cost, .. } => *may_cost,
        }
    }

    /// The same, of a turn that may have been paid.
    #[must_use]
    pub fn paid(mut self) -> Self {
        let (Self::Permanent { may_cost, .. } | Self::Transient { may_cost, .. }) = &mut self;
        *may_cost = true;
        self
    }
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

/// Where no provider is: every model is out of reach. A run whose Assistant has one concludes with what its checks found.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoModels;

#[async_trait]
impl AskModel for NoModels {
    async fn ask(&self, turn: &Turn<'_>) -> Result<Answered, ModelError> {
        let reason = format!("no provider of the model `{}` is here", turn.model);
        Err(ModelError::Permanent { reason, may_cost: false })
    }
}
