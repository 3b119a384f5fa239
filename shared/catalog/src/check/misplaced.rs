//! Keys that stand in the wrong document, and what is said to whoever put them there.

use crate::{problem::Code, schema::DocKind};

type Said = (Code, String, Option<String>);

fn said(code: Code, message: impl Into<String>, help: impl Into<String>) -> Option<Said> {
    Some((code, message.into(), Some(help.into())))
}

/// What is said of a key that the document at `path` does not have, when there is more to say than that.
pub(super) fn unknown(kind: DocKind, path: &[String], key: &str) -> Option<Said> {
    let at: Vec<&str> = path.iter().map(String::as_str).collect();
    match (kind, at.as_slice(), key) {
        (
            DocKind::Workflow,
            [] | ["trigger"],
            "cron" | "schedule" | "rate" | "at" | "every" | "interval" | "timezone" | "max_runs",
        ) => said(
            Code::ClockInWorkflow,
            format!("`{key}` is a clock, and a Workflow is started by events only"),
            "to run a Command on a clock, write a Schedule: kind: Schedule, with `schedule: rate(1 hour)` and `command`",
        ),
        (
            DocKind::Workflow,
            [] | ["trigger"] | ["investigate"],
            "prompt" | "instructions" | "instruction" | "steps" | "tasks" | "task" | "procedure" | "runbook"
            | "actions" | "query" | "checks" | "run",
        ) => said(
            Code::InvestigationInWorkflow,
            format!("`{key}` says what to look at, and a Workflow only says when and for whom"),
            "write it into a Command (its `tasks` and `procedure`) and name that with `investigate.command`",
        ),
        (DocKind::Schedule, [], "trigger" | "source" | "sources" | "event" | "events" | "when" | "on" | "incident") => {
            said(
                Code::EventInSchedule,
                format!("`{key}` is about events, and a Schedule is started by a clock only"),
                "to run a Command when an event comes, write a Workflow: kind: Workflow, with `trigger` and `investigate`",
            )
        }
        _ => None,
    }
}

/// What is said of a key that is missing at `path`, when there is more to say than that.
pub(super) fn missing(kind: DocKind, path: &[String], key: &str) -> Option<Said> {
    match (kind, path, key) {
        (DocKind::Workflow, [], "investigate") => {
            said(Code::WorkflowWithoutCommand, "the Workflow investigates nothing", TEACHING)
        }
        (DocKind::Workflow, [one], "command") if one == "investigate" => {
            said(Code::WorkflowWithoutCommand, "the Workflow names no Command", TEACHING)
        }
        _ => None,
    }
}

const TEACHING: &str = "a Workflow is a trigger, a Command and a delivery: add `investigate: { command: <name> }`, and a \
                        document of kind Command with that name says what is looked at";
