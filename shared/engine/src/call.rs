//! What the engine asks of the task kinds.

use async_trait::async_trait;
use catalog::model::RunSpec;
use serde_json::Value;

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// One line for people, such as `503 in 12 ms`.
    pub summary: String,
    /// What CEL sees as `result`.
    pub result: Value,
}

/// A call that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// What was asked, without secrets.
    pub request: Value,
    /// What came back, or why the call could not be made, for people: one line. Each further line, if there is one, is something
    /// to do about it ([`advised`]).
    pub answer: Result<Answer, String>,
}

/// Why a call could not be made, with what is to be done about it.
#[must_use]
pub fn advised(reason: &str, next_step: &str) -> String {
    let line = |text: &str| text.replace(['\n', '\r'], " ");
    format!("{}\n{}", line(reason), line(next_step))
}

/// Makes the call of a Task. Every call reads and none changes anything (I7); each ends by its own timeout.
#[async_trait]
pub trait CallTask: Send + Sync {
    /// Makes the call that `spec` says.
    async fn call(&self, spec: &RunSpec<String>) -> Called;
}
