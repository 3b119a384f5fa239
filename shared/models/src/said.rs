//! The conversation in the form that every API takes, and what their answers have in common.

use std::{borrow::Cow, collections::BTreeSet};

use engine::model::{Message, Part, Speaker, Stop, Tool, Turn, Usage};
use serde_json::{Value, json};

/// What stands for a tool's answer that has no text: the APIs refuse an empty one.
const NOTHING: &str = "(nothing)";

/// What one side said before the other spoke.
pub(crate) struct Said<'t> {
    pub(crate) speaker: Speaker,
    pub(crate) parts: Vec<&'t Part>,
}

/// The messages with the sides taking turns, as the APIs want it: neighbours of one side become one, text of nothing but white
/// space is left out, and what tools answered stands before any text beside it.
pub(crate) fn said(messages: &[Message]) -> Vec<Said<'_>> {
    let mut all: Vec<Said<'_>> = Vec::new();
    for message in messages {
        let is_blank = |part: &&Part| matches!(part, Part::Text { text } if text.trim().is_empty());
        let parts: Vec<&Part> = message.parts.iter().filter(|part| !is_blank(part)).collect();
        match all.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.speaker == message.speaker => last.parts.extend(parts),
            _ => all.push(Said { speaker: message.speaker, parts }),
        }
    }
    for said in all.iter_mut().filter(|said| said.speaker == Speaker::User) {
        said.parts.sort_by_key(|part| !matches!(part, Part::ToolResult { .. }));
    }
    all
}

/// Arguments as the object that every API takes. What is none was written by a model, and answered with an error: it is shown
/// as what it was.
pub(crate) fn object(arguments: &Value) -> Cow<'_, Value> {
    if arguments.is_object() { Cow::Borrowed(arguments) } else { Cow::Owned(json!({ "arguments": arguments })) }
}

/// A tool's answer, never empty.
pub(crate) fn result_text(text: &str) -> &str {
    if text.trim().is_empty() { NOTHING } else { text }
}

/// The same where the API has no mark for what failed.
pub(crate) fn marked_text(text: &str, is_error: bool) -> Cow<'_, str> {
    let text = result_text(text);
    if is_error { Cow::Owned(format!("Error: {text}")) } else { Cow::Borrowed(text) }
}

/// The tools on offer. An API that was told of calls wants their tools, also when none is on offer any more.
pub(crate) fn offered<'t>(turn: &Turn<'t>) -> Vec<Cow<'t, Tool>> {
    if !turn.tools.is_empty() {
        return turn.tools.iter().map(Cow::Borrowed).collect();
    }
    let parts = turn.messages.iter().flat_map(|message| &message.parts);
    let names: BTreeSet<&str> = parts
        .filter_map(|part| match part {
            Part::ToolCall { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let gone = |name: &str| Tool {
        name: name.to_owned(),
        description: "Not on offer any more.".to_owned(),
        parameters: json!({ "type": "object" }),
    };
    names.into_iter().map(|name| Cow::Owned(gone(name))).collect()
}

/// Why it stopped, in the light of what it said: who calls tools waits for them, and who calls none does not.
pub(crate) fn settled(stop: Stop, parts: &[Part]) -> Stop {
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    match stop {
        Stop::End if calls => Stop::Tools,
        Stop::Tools if !calls => Stop::End,
        other => other,
    }
}

/// What an answer used, where the server did not count: a token for every two bytes, which is more than most texts have.
pub(crate) fn counted(sent: usize, parts: &[Part]) -> Usage {
    let bytes: usize = parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => text.len(),
            Part::ToolCall { name, arguments, .. } => name.len() + arguments.to_string().len(),
            Part::ToolResult { text, .. } => text.len(),
            Part::Opaque { value } => value.to_string().len(),
        })
        .sum();
    let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(2)).unwrap_or(u64::MAX);
    Usage { input: tokens(sent), output: tokens(bytes), ..Usage::default() }
}

/// The number at `key`; nothing where it is none.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}
