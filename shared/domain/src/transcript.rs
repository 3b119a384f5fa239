//! What was said between the engine and a model, as it is recorded: each turn once, each tool call once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Money, Name, StepId};

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

impl Usage {
    /// All tokens together.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.output, self.cache_read, self.cache_write].into_iter().fold(self.input, u64::saturating_add)
    }
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

/// What a run has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Recorded turns of a model.
    #[serde(default)]
    pub turns: u64,
    /// What they used.
    #[serde(default)]
    pub usage: Usage,
    /// What they cost by the catalog's prices.
    #[serde(default)]
    pub usd: Money,
    /// Turns that were asked and whose answer was lost, since the process ended or the answer did not come in time.
    #[serde(default)]
    pub lost_turns: u64,
    /// What those may have cost at most.
    #[serde(default)]
    pub lost_usd: Money,
    /// The tokens that those may have used at most.
    #[serde(default)]
    pub lost_tokens: u64,
    /// What is reserved for a turn that is under way, or that a process which ended left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Estimate>,
}

/// The most that a turn can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// Tokens, read and written.
    pub tokens: u64,
    /// What they cost by the catalog's prices.
    pub usd: Money,
}

impl Cost {
    /// What the run has cost at most: what is recorded, what was lost, and what is reserved now.
    #[must_use]
    pub fn at_most(&self) -> Money {
        self.usd.plus(self.lost_usd).plus(self.pending.unwrap_or_default().usd)
    }

    /// The tokens that the run has used at most, counted as [`Self::at_most`] counts money.
    #[must_use]
    pub fn tokens_at_most(&self) -> u64 {
        let pending = self.pending.unwrap_or_default().tokens;
        self.usage.total().saturating_add(self.lost_tokens).saturating_add(pending)
    }

    /// How many turns were asked, those whose answer is not known among them.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.turns.saturating_add(self.lost())
    }

    /// How many answers are not known: those that got lost, and the one that is reserved for.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_turns.saturating_add(u64::from(self.pending.is_some()))
    }
}

/// What a model is told before it says anything. Recorded once, so that the conversation is the same after a kill or a
/// deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// What holds for the whole conversation.
    pub system: String,
    /// The first message.
    pub prompt: String,
    /// What marks data from outside, here and in every tool's answer. Random, so that no data can end it.
    pub fence: String,
    /// System, prompt and tools together, in bytes.
    pub bytes: u64,
    /// When it was written.
    pub at: Timestamp,
}

/// One recorded turn of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelTurn {
    /// Its number, from 1.
    pub turn: u32,
    /// The Model document.
    pub model: Name,
    /// When it was asked.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The one tool that it had to use, where it had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must_use: Option<String>,
    /// What it said.
    pub parts: Vec<Part>,
    /// Why it stopped.
    pub stop: Stop,
    /// What it used.
    pub usage: Usage,
    /// What it cost.
    pub usd: Money,
}

/// One recorded tool call of a turn, with what the model was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The turn that asked for it.
    pub turn: u32,
    /// Its place among the calls of that turn, from 0.
    pub place: u32,
    /// The provider's id of it.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it was given; nothing, where the model gave it nothing.
    #[serde(default)]
    pub arguments: Value,
    /// The step that it became, where it ran a Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Whether an earlier call was the same, and this is that one's answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// What the model was told.
    pub text: String,
    /// Whether it was told that this cannot be done.
    pub is_error: bool,
    /// When it was answered.
    pub at: Timestamp,
}

/// One record of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Entry {
    Opening(Opening),
    Turn(ModelTurn),
    Call(ToolCall),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_that_was_given_nothing_is_read_as_it_is_stored() {
        // The table keeps no nulls.
        let stored = json!({
            "entry": "call", "turn": 1, "place": 0, "id": "c1", "tool": "look", "text": "There is no such tool.",
            "is_error": true, "at": "2026-01-01T00:00:00Z",
        });
        let Entry::Call(call) = serde_json::from_value(stored).unwrap() else { panic!("it is a call") };
        assert_eq!(call.arguments, Value::Null);
    }
}
