//! Values for the tests of the reader.
#![allow(missing_docs)]

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{Evidence, Issue, MergedIssue, Outcome, Part, Report, Severity, Step, StepId, Stop, Usage};
use jiff::Timestamp;
use local::SqliteTable;
use ports::{Index, Item, Key, Page, PortError, ReadTable, TableError, Write, WriteTable};
use serde_json::{Value, json};

use crate::model::{Answered, AskModel, Message, ModelError, Tool, Turn};

/// The real table, which dies after so many writes: before the last of them, or right after it, when nobody hears of it.
pub struct Mortal {
    table: SqliteTable,
    /// How many writes are left, and whether the last one is still done.
    pub left: Mutex<(u64, bool)>,
}

impl Mortal {
    pub fn new(table: SqliteTable) -> Self {
        Self { table, left: Mutex::new((u64::MAX, false)) }
    }
}

#[async_trait]
impl ReadTable for Mortal {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.table.get(key).await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        self.table.query(pk, prefix).await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        self.table.index(index, pk, limit, after).await
    }
}

#[async_trait]
impl WriteTable for Mortal {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let done = {
            let mut left = self.left.lock().unwrap();
            left.0 = left.0.saturating_sub(1);
            if left.0 > 0 { None } else { Some(std::mem::take(&mut left.1)) }
        };
        match done {
            None => return self.table.transact(writes).await,
            Some(true) => self.table.transact(writes).await?,
            Some(false) => {}
        }
        Err(PortError::transient("write to the table", "the process was killed").into())
    }
}

/// What a model was asked.
#[derive(Debug, Clone)]
pub struct Heard {
    pub system: String,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub must_use: Option<String>,
    pub max_tokens: u32,
}

impl Heard {
    /// What the tools answered last.
    pub fn results(&self) -> Vec<(String, bool)> {
        let last = self.messages.last().unwrap();
        let result = |part: &Part| match part {
            Part::ToolResult { text, is_error, .. } => Some((text.clone(), *is_error)),
            _ => None,
        };
        last.parts.iter().filter_map(result).collect()
    }
}

/// A model that answers as a script says, one reply after the other, and remembers what it was asked. Each takes so many
/// seconds. After the script it is out of reach.
#[derive(Default)]
pub struct ScriptedModel {
    replies: Mutex<VecDeque<Result<Answered, ModelError>>>,
    heard: Mutex<Vec<Heard>>,
    pub seconds: AtomicU64,
}

impl ScriptedModel {
    pub fn says(&self, replies: impl IntoIterator<Item = Result<Answered, ModelError>>) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// What it was asked since the last look.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// How much of the script is left.
    pub fn left(&self) -> usize {
        self.replies.lock().unwrap().len()
    }
}

#[async_trait]
impl AskModel for ScriptedModel {
    async fn ask(&self, turn: &Turn<'_>) -> Result<Answered, ModelError> {
        self.heard.lock().unwrap().push(Heard {
            system: turn.system.to_owned(),
            messages: turn.messages.to_vec(),
            tools: turn.tools.to_vec(),
            must_use: turn.must_use.map(str::to_owned),
            max_tokens: turn.max_tokens,
        });
        tokio::time::sleep(Duration::from_secs(self.seconds.load(Ordering::Relaxed))).await;
        let gone = || Err(ModelError::Permanent { reason: "the script is at its end".to_owned(), may_cost: false });
        self.replies.lock().unwrap().pop_front().unwrap_or_else(gone)
    }
}

/// A reply that calls tools.
pub fn calls(calls: &[(&str, Value)]) -> Result<Answered, ModelError> {
    let call = |(n, (name, arguments)): (usize, &(&str, Value))| Part::ToolCall {
        id: format!("call-{n}"),
        name: (*name).to_owned(),
        arguments: arguments.clone(),
    };
    said(calls.iter().enumerate().map(call).collect(), Stop::Tools)
}

/// A reply of these parts.
pub fn said(parts: Vec<Part>, stop: Stop) -> Result<Answered, ModelError> {
    Ok(Answered { parts, stop, usage: Usage { input: 1000, output: 100, ..Usage::default() } })
}

/// A reply of text.
pub fn text(text: &str, stop: Stop) -> Result<Answered, ModelError> {
    said(vec![Part::Text { text: text.to_owned() }], stop)
}

/// An answer whose one claim quotes `quote` of `step`.
pub fn answer(step: &str, quote: &str) -> Result<Answered, ModelError> {
    calls(&[("answer", answer_of(step, quote))])
}

/// The arguments of such an answer.
pub fn answer_of(step: &str, quote: &str) -> Value {
    json!({
        "summary": "Checkout is down: it answers 503",
        "impact": "Nobody can pay.",
        "probable_cause": {"text": "It is overloaded.", "confidence": "high", "claims": [
            {"text": "It answers 503.", "step": step, "quote": quote},
        ]},
        "other_hypotheses": [], "ruled_out": [], "gaps": [], "next_steps": ["Scale it up."],
    })
}

/// A step that saw `data`.
pub fn step(id: &str, summary: &str, data: Value) -> Step {
    Step {
        id: StepId::new(id),
        index: 0,
        title: format!("Look at {id}"),
        task: "look".parse().unwrap(),
        kind: "http".to_owned(),
        resource: String::new(),
        started_at: Timestamp::UNIX_EPOCH,
        elapsed_ms: 1,
        outcome: Outcome::Ok,
        request: Value::Null,
        evidence: Evidence { summary: summary.to_owned(), data, cut: None },
        issues: vec![],
    }
}

/// A report with one finding of the step `health`.
pub fn report(title: &str) -> Report {
    let issue = Issue {
        fault: String::new(),
        severity: Severity::Major,
        title: title.to_owned(),
        expected: "200".to_owned(),
        actual: "503".to_owned(),
        details: String::new(),
        reproduce: String::new(),
        next_steps: vec!["Look at the newest deploy.".to_owned()],
        resource: String::new(),
        observed_at: Timestamp::UNIX_EPOCH,
    };
    Report {
        verdict: title.to_owned(),
        worst: Some(Severity::Major),
        issues: vec![MergedIssue { issue, last_seen_at: None, steps: vec![StepId::new("health")] }],
        read_by: "none".to_owned(),
        ..Report::default()
    }
}
