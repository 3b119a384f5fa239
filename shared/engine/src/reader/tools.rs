//! The tools on offer, and what each answers. None of them reaches beyond this run, its catalog and the Tasks that the
//! Assistant's policy allows (I8).

use std::collections::BTreeMap;

use catalog::{
    Catalog,
    model::{Assistant, Task},
};
use domain::{LastTime, Outcome, Step};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer, inputs, prompt, quotes};
use crate::model::Tool;

pub const READ_EVIDENCE: &str = "read_evidence";
pub const SEARCH_KNOWLEDGE: &str = "search_knowledge";
pub const EARLIER_RUNS: &str = "earlier_runs";

/// The most that one tool answers, in bytes.
pub const RESULT_CAP: usize = 8_000;

/// The most that the tools' descriptions and schemas take of the prompt, in bytes.
const TOOLS_CAP: usize = 8_000;

/// The most of one line of evidence that is shown, in bytes.
const LINE: usize = 600;

/// What is on offer.
#[derive(Debug, Clone)]
pub struct Offer<'c> {
    /// As the model is told.
    pub tools: Vec<Tool>,
    /// The Tasks among them, by the tool's name.
    pub tasks: BTreeMap<String, &'c Task>,
}

impl<'c> Offer<'c> {
    /// What `assistant` may use.
    #[must_use]
    pub fn of(catalog: &'c Catalog, assistant: &Assistant) -> Self {
        let mut tools = vec![answer::tool(), read_evidence(), search_knowledge(), earlier_runs()];
        let mut tasks = BTreeMap::new();
        let mut room = TOOLS_CAP.saturating_sub(bytes(&tools));
        for name in &assistant.tasks {
            let Some(task) = catalog.tasks.get(name) else { continue };
            let Some(parameters) = inputs::schema(catalog, task) else { continue };
            // A document's name has no `_`, so only this one could be taken for a tool of ours.
            let name = if name.as_str() == answer::TOOL { format!("task_{name}") } else { name.to_string() };
            let about = task.description.as_deref().unwrap_or_default();
            let description = prompt::cut(format!("{about} ({} check; it only reads)", task.run.kind()).trim(), 300);
            let tool = Tool { name: name.clone(), description, parameters };
            let length = bytes(std::slice::from_ref(&tool));
            if length <= room && !tasks.contains_key(&name) {
                room -= length;
                tools.push(tool);
                tasks.insert(name, task);
            }
        }
        Self { tools, tasks }
    }

    /// What the tools take of the prompt, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        bytes(&self.tools)
    }

    /// Why there is no tool `name`, for the model.
    #[must_use]
    pub fn unknown(&self) -> String {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
        format!("There is no such tool. There are: {}.", names.join(", "))
    }
}

fn bytes(tools: &[Tool]) -> usize {
    serde_json::to_string(tools).map_or(0, |text| text.len())
}

fn read_evidence() -> Tool {
    Tool {
        name: READ_EVIDENCE.to_owned(),
        description: "Reads the evidence of a step of this run: from a line on, or the lines with a text in them."
            .to_owned(),
        parameters: json!({"type": "object", "additionalProperties": false, "required": ["step"], "properties": {
            "step": {"type": "string", "description": "The step's id."},
            "find": {"type": "string", "description": "Only lines with this text, in any case, and their neighbours."},
            "from": {"type": "integer", "minimum": 1, "description": "The first line. Default: 1."},
        }}),
    }
}

fn search_knowledge() -> Tool {
    Tool {
        name: SEARCH_KNOWLEDGE.to_owned(),
        description: "Searches the team's notes.".to_owned(),
        parameters: json!({"type": "object", "additionalProperties": false, "required": ["query"], "properties": {
            "query": {"type": "string", "description": "A few words."},
        }}),
    }
}

fn earlier_runs() -> Tool {
    Tool {
        name: EARLIER_RUNS.to_owned(),
        description: "What came of the last investigations of the same alert.".to_owned(),
        parameters: json!({"type": "object", "additionalProperties": false, "properties": {}}),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadArguments {
    step: String,
    #[serde(default)]
    find: Option<String>,
    #[serde(default)]
    from: Option<usize>,
}

/// Reads the evidence of one of `steps`, which are this run's.
///
/// # Errors
/// What is wrong with the arguments, for the model.
pub fn read(arguments: &Value, steps: &[Step], fence: &str) -> Result<String, String> {
    let given: ReadArguments = arguments_of(arguments)?;
    let Some(step) = steps.iter().find(|step| step.id.as_str() == given.step) else {
        let known: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        return Err(format!("This run has no such step. It has: {}.", prompt::cut(&known.join(", "), 1000)));
    };
    let text = prompt::plain(&quotes::text_of(step), fence);
    let lines: Vec<&str> = text.lines().collect();
    let (wanted, found): (Vec<usize>, bool) = match given.find.as_deref().map(str::trim).filter(|find| !find.is_empty())
    {
        None => ((given.from.unwrap_or(1).saturating_sub(1)..lines.len()).collect(), true),
        Some(find) => {
            let find = find.to_lowercase();
            let hit = |at: usize| lines.get(at).is_some_and(|line| line.to_lowercase().contains(&find));
            let near = |at: &usize| (at.saturating_sub(1)..=at + 1).any(hit);
            let all: Vec<usize> = (given.from.unwrap_or(1).saturating_sub(1)..lines.len()).filter(near).collect();
            let any = !all.is_empty();
            (all, any)
        }
    };
    if !found {
        return Ok(format!("Step `{}` has {} lines of evidence, and none with that text.", step.id, lines.len()));
    }
    let (mut shown, mut last, mut cut) = (String::new(), None, None);
    for at in wanted {
        let line = lines.get(at).copied().unwrap_or_default();
        let line = around(line, given.find.as_deref());
        if shown.len() + line.len() + 1 > RESULT_CAP - 600 {
            cut = Some(at + 1);
            break;
        }
        if last.is_some_and(|last| last + 1 != at) {
            shown.push_str("[...]\n");
        }
        shown.push_str(&line);
        shown.push('\n');
        last = Some(at);
    }
    let mut told = format!("Step `{}`, {} lines of evidence in all", step.id, lines.len());
    if let Some(kept) = step.evidence.cut {
        told.push_str(&format!("; of {} bytes that came, {} were kept", kept.total, kept.kept));
    }
    if let Some(next) = cut {
        told.push_str(&format!("; more from line {next} on"));
    }
    Ok(format!("{told}.\n{}", prompt::fenced("evidence", shown.trim_end(), fence)))
}

/// A line within its cap: its beginning, or the part around `find`.
fn around(line: &str, find: Option<&str>) -> String {
    if line.len() <= LINE {
        return line.to_owned();
    }
    // Lower case may be longer or shorter than what it stands for, so this only says about where.
    let hit = find.and_then(|find| line.to_lowercase().find(&find.trim().to_lowercase())).unwrap_or(0);
    let begin = line.floor_char_boundary(hit.saturating_sub(LINE / 3).min(line.len() - LINE / 2));
    let end = line.floor_char_boundary((begin + LINE).min(line.len()));
    let kept = line.get(begin..end).unwrap_or_default();
    format!("{kept} [a part of a line of {} bytes]", line.len())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchArguments {
    query: String,
}

/// The query of a search.
///
/// # Errors
/// What is wrong with the arguments, for the model.
pub fn query(arguments: &Value) -> Result<String, String> {
    let given: SearchArguments = arguments_of(arguments)?;
    Ok(prompt::cut(&given.query, 400))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// When the same fired before, and what came of it.
///
/// # Errors
/// What is wrong with the arguments, for the model.
pub fn earlier(arguments: &Value, last: Option<&LastTime>, fence: &str) -> Result<String, String> {
    let _: NoArguments = if arguments.is_null() { NoArguments {} } else { arguments_of(arguments)? };
    let Some(last) = last.filter(|last| !last.runs.is_empty()) else {
        return Ok("There was no investigation of the same alert before.".to_owned());
    };
    let lines: Vec<String> = last
        .runs
        .iter()
        .map(|run| {
            let rated =
                if run.ratings.is_empty() { String::new() } else { format!(" (rated: {})", run.ratings.join(", ")) };
            format!("{}: {}{rated}", run.created_at, prompt::cut(&run.verdict, 400))
        })
        .collect();
    let body = prompt::cut(&prompt::plain(&lines.join("\n"), fence), RESULT_CAP - 300);
    Ok(format!(
        "The same fired {} times in 30 days. Its investigations, newest first; they are no evidence of this one.\n{}",
        last.fired_at.len(),
        prompt::fenced("earlier", &body, fence)
    ))
}

/// What a step that a tool call became says to the model.
#[must_use]
pub fn step_told(step: &Step, fence: &str) -> String {
    let mut told = prompt::step_line(step);
    for issue in &step.issues {
        told.push_str(&format!("\nfinding [{}] {}", issue.severity, prompt::cut(&issue.title, 300)));
    }
    let head = prompt::fenced("step", &prompt::plain(&told, fence), fence);
    if step.outcome != Outcome::Ok {
        return prompt::cut(&head, RESULT_CAP);
    }
    let evidence = prompt::plain(&quotes::text_of(step), fence);
    let room = RESULT_CAP.saturating_sub(head.len() + 200);
    let note = if evidence.len() > room { " It is cut; `read_evidence` has the rest." } else { "" };
    let body = prompt::fenced("evidence", &prompt::cut(&evidence, room), fence);
    format!("This is step `{}`.{note}\n{head}\n{body}", step.id)
}

fn arguments_of<T: for<'de> Deserialize<'de>>(arguments: &Value) -> Result<T, String> {
    let read = match arguments {
        Value::String(text) => serde_json::from_str(text),
        other => T::deserialize(other),
    };
    read.map_err(|error| format!("The arguments do not fit: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::testing::step;

    const FENCE: &str = "5eed5eed5eed5eed";

    fn steps() -> Vec<Step> {
        let lines: Vec<String> =
            (1..=2000).map(|n| format!("line {n} says {}", if n % 500 == 0 { "ERROR" } else { "ok" })).collect();
        vec![
            step("log", "2000 lines", json!(lines.join("\n"))),
            step("long", "", json!(format!("{}needle{}", "a".repeat(50_000), "b".repeat(50_000)))),
        ]
    }

    #[test]
    fn evidence_is_read_by_lines_and_by_text() {
        let all = read(&json!({"step": "log"}), &steps(), FENCE).unwrap();
        assert!(
            all.len() <= RESULT_CAP && all.contains("line 1 says ok") && all.contains("; more from line "),
            "{all}"
        );
        let next = read(&json!({"step": "log", "from": 1999}), &steps(), FENCE).unwrap();
        assert!(next.contains("line 1999 says ok\nline 2000 says ERROR\n</data-"), "{next}");
        let found = read(&json!({"step": "log", "find": "error"}), &steps(), FENCE).unwrap();
        assert!(found.contains("line 499 says ok\nline 500 says ERROR\nline 501 says ok\n[...]\nline 999"), "{found}");
        assert!(!found.contains("line 600"));
        let none = read(&json!({"step": "log", "find": "panic"}), &steps(), FENCE).unwrap();
        assert!(none.contains("none with that text"));
        let long = read(&json!(r#"{"step": "long", "find": "NEEDLE"}"#), &steps(), FENCE).unwrap();
        assert!(long.contains("aneedleb") && long.len() < 2000, "{long}");
    }

    #[test]
    fn i8_evidence_of_another_run_is_not_there() {
        for arguments in [
            json!({"step": "run_01KAPW8Z000000000000000009/health"}),
            json!({"step": "log", "run": "run_01KAPW8Z000000000000000009"}),
            json!({"step": "../log"}),
            json!({}),
        ] {
            assert!(read(&arguments, &steps(), FENCE).is_err(), "{arguments}");
        }
        assert!(earlier(&json!({"run": "run_01KAPW8Z000000000000000009"}), None, FENCE).is_err());
        assert!(earlier(&Value::Null, None, FENCE).is_ok());
    }

    #[test]
    fn a_tools_answer_is_bounded_and_says_what_was_cut() {
        let told = step_told(&steps()[1], FENCE);
        assert!(told.len() <= RESULT_CAP && told.contains("[cut: ") && told.contains("`read_evidence` has the rest"));
    }
}
