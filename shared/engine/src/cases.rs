//! Runs the cases of Tasks and Commands: the same steps as in a run, with written results in the place of calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use catalog::{
    Catalog, case_alert,
    expr::{Expression, Scope},
    model::{Bindings, Command, CommandCase, RunSpec, Task, TaskCase},
};
use domain::{Outcome, Step, StepId};
use futures_util::FutureExt;
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Map, Value, json};

use crate::{Answer, CallTask, Called, Redactor, drive, findings, plan, plan::Planned, step};

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tried {
    /// What its `expect` saw, by name.
    pub seen: Map<String, Value>,
    /// What is not as it should be, a line each, for people; none when it passes.
    pub wrong: Vec<String>,
}

impl Tried {
    /// Of a case that could not be run for this reason.
    #[must_use]
    pub fn not(reason: impl Into<String>) -> Self {
        Self { seen: Map::new(), wrong: vec![reason.into()] }
    }

    /// Of a case that saw this, whose `expect` must be true of it.
    #[must_use]
    pub fn of(expect: &Expression, seen: Map<String, Value>) -> Self {
        let wrong = explained(expect, &seen);
        Self { seen, wrong }
    }

    /// Whether it passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Runs a case of `task`.
#[must_use]
pub fn task(task: &Task, case: &TaskCase) -> Tried {
    let alert = match case.alert.as_ref().map(case_alert).transpose() {
        Ok(alert) => alert,
        Err(reason) => return Tried::not(format!("`alert` is not one: {reason}")),
    };
    let planned = Planned {
        id: StepId::new(task.name.as_str()),
        index: 0,
        task,
        with: &case.inputs,
        needs: vec![],
        when: vec![],
        slx: None,
    };
    let alert = alert.map_or_else(|| json!({}), |alert| json!(alert));
    let step = taken(&planned, Scope::new().with("alert", &alert), Some(&case.result));
    if let Outcome::Failed { reason } = &step.outcome {
        return Tried::not(reason.clone());
    }
    let inputs = catalog::bind(&task.inputs, &case.inputs, &Scope::new()).unwrap_or_default();
    let seen = json!({"issues": step.issues, "result": step.evidence.data, "inputs": inputs});
    let mut tried = Tried::of(&case.expect, object(seen));
    tried.wrong.extend(unapplied(task, &step));
    tried
}

/// Runs a case of `command`.
#[must_use]
pub fn command(catalog: &Catalog, command: &Command, case: &CommandCase) -> Tried {
    let alert = match case.alert.as_ref().map(case_alert).transpose() {
        Ok(alert) => alert,
        Err(reason) => return Tried::not(format!("`alert` is not one: {reason}")),
    };
    let with: BTreeMap<String, Value> = Bindings::clone(&case.with);
    let params = match drive::parameters(catalog, &command.name, &with, alert.as_ref()) {
        Ok(params) => params,
        Err(reason) => return Tried::not(reason),
    };
    let plan = plan::plan(catalog, command, alert.as_ref());
    let mut steps: Vec<Step> = Vec::new();
    let mut wrong = Vec::new();
    // In order: an entry stands behind those that it needs.
    for planned in &plan.steps {
        let scope = drive::scope(alert.as_ref(), &params, planned, &steps);
        let step = taken(planned, scope, case.results.get(planned.id.as_str()));
        wrong.extend(unapplied(planned.task, &step));
        steps.push(step);
    }
    let idle = case.results.keys().filter(|id| steps.iter().all(|step| step.id.as_str() != id.as_str()));
    wrong.extend(idle.map(|id| format!("`results` has `{id}`, and there was no such step")));
    let report = findings::report(catalog, alert.as_ref(), &plan, &steps, None);
    let by_id: Map<String, Value> = steps.iter().map(|step| (step.id.to_string(), step::seen(step))).collect();
    let seen = json!({"steps": by_id, "issues": report.issues, "verdict": report.verdict, "params": params});
    let mut tried = Tried::of(&case.expect, object(seen));
    tried.wrong.extend(wrong);
    tried
}

/// That a rule fits no such result is no finding, and passes for none.
fn unapplied(task: &Task, step: &Step) -> Vec<String> {
    let title = findings::unapplied(task);
    let of = step.issues.iter().filter(|issue| issue.title == title);
    of.map(|issue| format!("a rule of the Task `{}` has no value here: {}", task.name, issue.actual)).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn taken(planned: &Planned<'_>, scope: Scope, result: Option<&Map<String, Value>>) -> Step {
    let written = Written(result);
    let redactor = Redactor::default();
    let step = step::take(planned, scope, &written, &Still, &redactor).now_or_never();
    // A step waits for nothing but its call, and a written one ends at once.
    let unended = || Outcome::Failed { reason: "the step did not end".to_owned() };
    step.unwrap_or_else(|| Step { outcome: unended(), ..step::begun(planned, Still.now()) })
}

/// A result that is written in a case.
struct Written<'c>(Option<&'c Map<String, Value>>);

#[async_trait]
impl CallTask for Written<'_> {
    async fn call(&self, _: &RunSpec<String>) -> Called {
        let answer = match self.0 {
            Some(result) => {
                Ok(Answer { summary: "as the case has it".to_owned(), result: Value::Object(result.clone()) })
            }
            None => Err("the case has no result for it".to_owned()),
        };
        Called { request: Value::Null, answer }
    }
}

/// The time of all cases, so that each always gives the same.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// Which parts of `expect` are not true of `seen`, with what they gave.
fn explained(expect: &Expression, seen: &Map<String, Value>) -> Vec<String> {
    const NAMES: [&str; 10] =
        ["alert", "chosen", "event", "incident_key", "inputs", "issues", "params", "result", "steps", "verdict"];
    let scope = NAMES.into_iter().fold(Scope::new(), |scope, name| match seen.get(name) {
        Some(value) => scope.with(name, value),
        None => scope,
    });
    match expect.holds(&scope) {
        Ok(true) => return vec![],
        Ok(false) => {}
        // The part that has no value is named below, when it can be told.
        Err(error) if parts(expect.source()).len() < 2 => return vec![error.to_string()],
        Err(_) => {}
    }
    let wrong: Vec<String> = parts(expect.source()).into_iter().filter_map(|part| untrue(part, &scope)).collect();
    if wrong.is_empty() { vec![format!("`{}` is false", expect.source())] } else { wrong }
}

/// Why `part` is not true, when it is not.
fn untrue(part: &str, scope: &Scope) -> Option<String> {
    match Expression::new(part).holds(scope) {
        Ok(true) => None,
        Err(error) => Some(error.to_string()),
        Ok(false) => {
            let sides = sides(part).unwrap_or_default();
            let gave: Vec<String> = sides
                .into_iter()
                .filter_map(|side| {
                    let value = Expression::new(side).value(scope).ok()?.to_string();
                    let text = findings::cap(value, findings::LINE_CAP);
                    // What stands for itself need not be said again.
                    (text != side.replace('\'', "\"")).then(|| format!("`{side}` is {text}"))
                })
                .collect();
            Some(if gave.is_empty() {
                format!("`{part}` is false")
            } else {
                format!("`{part}` is false: {}", gave.join(", "))
            })
        }
    }
}

/// The parts of an expression that `&&` joins on its outermost level; one when there is something else on it.
fn parts(source: &str) -> Vec<&str> {
    let outer = outer(source);
    if outer.iter().any(|(_, token)| matches!(*token, "||" | "?")) {
        return vec![source.trim()];
    }
    let mut begin = 0;
    let mut parts = Vec::new();
    for (at, token) in outer.into_iter().filter(|(_, token)| *token == "&&") {
        parts.extend(source.get(begin..at));
        begin = at + token.len();
    }
    parts.extend(source.get(begin..));
    parts.into_iter().map(str::trim).collect()
}

/// Both sides of a comparison, when `part` is one on its outermost level.
fn sides(part: &str) -> Option<Vec<&str>> {
    let compares = |token: &str| matches!(token, "==" | "!=" | "<=" | ">=" | "<" | ">");
    let outer = outer(part);
    if outer.iter().any(|(_, token)| !compares(token)) {
        return None;
    }
    let (at, token) = outer.into_iter().next()?;
    Some(vec![part.get(..at)?.trim(), part.get(at + token.len()..)?.trim()])
}

/// The operators that stand outside of brackets and quotes, with their places.
fn outer(source: &str) -> Vec<(usize, &'static str)> {
    const OPERATORS: [&str; 9] = ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "?"];
    let mut found = Vec::new();
    let (mut depth, mut quote, mut skip) = (0_usize, None, 0);
    for (at, character) in source.char_indices() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        match (quote, character) {
            (Some(_), '\\') => skip = 1,
            (Some(open), other) if open == other => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => {
                let rest = source.get(at..).unwrap_or_default();
                if let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)) {
                    found.push((at, operator));
                    skip = operator.len() - 1;
                }
            }
            (None, _) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
