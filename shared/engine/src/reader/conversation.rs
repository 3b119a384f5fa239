//! A conversation as its records give it, and what comes next in it. Nothing of it is kept anywhere else, so a process that
//! takes a run up finds it as the last one left it.

use domain::{Entry, ModelTurn, Opening, Part, Stop, ToolCall, Usage};
use serde_json::Value;

use super::{answer, budget};
use crate::model::{Message, Speaker};

/// How often a reply that is not valid is asked again.
pub const ASKED_AGAIN: usize = 2;

const USE_ANSWER: &str = "That was no tool call. Give your answer with the tool `answer`.";
const SHORTER: &str = "Your reply was cut off at its limit. Give a shorter answer with the tool `answer`.";

/// A call that the model asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its turn.
    pub turn: u32,
    /// Its place among the calls of the turn.
    pub place: u32,
    /// The provider's id of it.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it is given.
    pub arguments: Value,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The model is asked.
    Ask,
    /// These calls are answered.
    Calls(Vec<Pending>),
    /// The model has answered with these arguments, which are valid.
    Answered(Value),
    /// Nothing more comes of it, for this reason.
    Ended(String),
}

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// How it began.
    pub opening: Opening,
    turns: Vec<(ModelTurn, Vec<ToolCall>)>,
}

impl Conversation {
    /// One that begins.
    #[must_use]
    pub fn new(opening: Opening) -> Self {
        Self { opening, turns: vec![] }
    }

    /// The one that was recorded; `None` when none was begun.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Option<Self> {
        let mut known: Option<Self> = None;
        for entry in entries {
            match (entry, &mut known) {
                (Entry::Opening(opening), known) => *known = Some(Self::new(opening)),
                (Entry::Turn(turn), Some(known)) => known.took(turn),
                (Entry::Call(call), Some(known)) => known.called(call),
                (_, None) => {}
            }
        }
        known
    }

    /// A turn was recorded.
    pub fn took(&mut self, turn: ModelTurn) {
        self.turns.push((turn, vec![]));
    }

    /// A call of the last turn was recorded.
    pub fn called(&mut self, call: ToolCall) {
        if let Some((_, calls)) = self.turns.last_mut() {
            calls.push(call);
        }
    }

    /// The number of the next turn.
    #[must_use]
    pub fn next_turn(&self) -> u32 {
        self.turns.last().map_or(1, |(turn, _)| turn.turn + 1)
    }

    /// How many calls were answered.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.turns.iter().map(|(_, calls)| calls.len()).sum()
    }

    /// The tool that the last turn had to use.
    #[must_use]
    pub fn had_to_use(&self) -> Option<&str> {
        self.turns.last().and_then(|(turn, _)| turn.must_use.as_deref())
    }

    /// The answer of an earlier call that is the same.
    #[must_use]
    pub fn same(&self, pending: &Pending) -> Option<&ToolCall> {
        let mut calls = self.turns.iter().flat_map(|(_, calls)| calls);
        calls.find(|call| call.tool == pending.tool && call.arguments == pending.arguments)
    }

    /// Whether the last reply was none that could be used, so that the next must be the answer.
    #[must_use]
    pub fn went_wrong(&self) -> bool {
        self.turns.last().is_some_and(|(turn, calls)| wrong(turn, calls).is_some())
    }

    /// What comes next.
    #[must_use]
    pub fn next(&self) -> Next {
        let Some((turn, calls)) = self.turns.last() else { return Next::Ask };
        if turn.stop == Stop::Refused {
            return Next::Ended("the model declined to answer".to_owned());
        }
        let asked = asked(turn);
        let open: Vec<Pending> =
            asked.iter().filter(|one| calls.iter().all(|call| call.place != one.place)).cloned().collect();
        if let Some(answered) = calls.iter().find(|call| call.tool == answer::TOOL && !call.is_error) {
            return Next::Answered(answered.arguments.clone());
        }
        if !open.is_empty() {
            return Next::Calls(open);
        }
        let wrong: Vec<String> = self.turns.iter().filter_map(|(turn, calls)| wrong(turn, calls)).collect();
        match wrong.last() {
            Some(last) if wrong.len() > ASKED_AGAIN => {
                Next::Ended(format!("{} replies of the model could not be used; the last: {last}", wrong.len()))
            }
            _ => Next::Ask,
        }
    }

    /// What is said so far, as the model is told it.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let text = |text: &str| Part::Text { text: text.to_owned() };
        let mut messages = vec![Message { speaker: Speaker::User, parts: vec![text(&self.opening.prompt)] }];
        for (turn, calls) in &self.turns {
            let mut parts = turn.parts.clone();
            if parts.is_empty() {
                parts.push(text("(nothing)"));
            }
            messages.push(Message { speaker: Speaker::Assistant, parts });
            let mut told: Vec<Part> = calls
                .iter()
                .map(|call| Part::ToolResult { id: call.id.clone(), text: call.text.clone(), is_error: call.is_error })
                .collect();
            match turn.stop {
                Stop::Length => told.push(text(SHORTER)),
                _ if told.is_empty() => told.push(text(USE_ANSWER)),
                _ => {}
            }
            messages.push(Message { speaker: Speaker::User, parts: told });
        }
        messages
    }
}

/// The most tokens that the next turn reads, with `around` bytes of system and tools beside `messages`.
#[must_use]
pub fn most_read(talk: &Conversation, messages: &[Message], around: usize) -> u64 {
    let bytes = |messages: &[Message]| serde_json::to_string(messages).map_or(usize::MAX, |text| text.len());
    let counted = talk.turns.last().map(|(turn, _)| {
        let Usage { input, cache_read, cache_write, .. } = turn.usage;
        // What it said, and what it was told then.
        let since = messages.get(messages.len().saturating_sub(2)..).unwrap_or_default();
        (input.saturating_add(cache_read).saturating_add(cache_write), bytes(since))
    });
    budget::most_read(bytes(messages).saturating_add(around), counted)
}

/// The calls of a turn.
fn asked(turn: &ModelTurn) -> Vec<Pending> {
    let calls = turn.parts.iter().filter_map(|part| match part {
        Part::ToolCall { id, name, arguments } => Some((id, name, arguments)),
        Part::Text { .. } | Part::ToolResult { .. } | Part::Opaque { .. } => None,
    });
    (0..)
        .zip(calls)
        .map(|(place, (id, tool, arguments))| Pending {
            turn: turn.turn,
            place,
            id: id.clone(),
            tool: tool.clone(),
            arguments: arguments.clone(),
        })
        .collect()
}

/// Why a reply could not be used.
fn wrong(turn: &ModelTurn, calls: &[ToolCall]) -> Option<String> {
    let answer = calls.iter().find(|call| call.tool == answer::TOOL);
    match answer {
        Some(call) if call.is_error => Some("it did not fit the answer's schema".to_owned()),
        Some(_) => None,
        None if turn.stop == Stop::Length => Some("it was cut off at its limit of length".to_owned()),
        None if calls.is_empty() => Some("it was text and no answer".to_owned()),
        None if turn.must_use.is_some() => Some("it was not the answer that was asked for".to_owned()),
        None => None,
    }
}
