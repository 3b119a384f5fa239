//! From a result to Issues, and from the Issues of all steps to the report of `model: none`.

use catalog::{
    Catalog,
    expr::{ExprError, Scope, Template},
    model::{Effect, IssueRule, Task},
};
use domain::{Alert, Checked, Gap, Issue, MergedIssue, Outcome, Report, Severity, Step, StepId};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{plan::Plan, redact};

/// The most next steps that a report names.
const NEXT_STEPS: usize = 8;

/// The Issues that the rules of `task` see in a result. A rule that has no value for this result is an Issue too: it was
/// meant to look at something that is not there.
#[must_use]
pub fn issues(task: &Task, scope: &Scope, resource: &str, request: &Value, now: Timestamp) -> Vec<Issue> {
    task.issues
        .iter()
        .filter_map(|rule| {
            match rule
                .when
                .holds(scope)
                .and_then(|holds| holds.then(|| issue(rule, scope, resource, request, now)).transpose())
            {
                Ok(issue) => issue,
                Err(error) => Some(Issue {
                    severity: Severity::Informational,
                    title: format!("A rule of the Task `{}` could not be applied", task.name),
                    expected: "the rule fits every result of its Task".to_owned(),
                    actual: redact::text(&error.to_string()).into_owned(),
                    details: String::new(),
                    reproduce: reproduce(request),
                    next_steps: vec![format!(
                        "Mend the rule `when: {}` of the Task `{}`; `has(...)` asks whether a field is there.",
                        rule.when.source(),
                        task.name
                    )],
                    resource: resource.to_owned(),
                    observed_at: now,
                }),
            }
        })
        .collect()
}

fn issue(rule: &IssueRule, scope: &Scope, resource: &str, request: &Value, now: Timestamp) -> Result<Issue, ExprError> {
    let optional = |template: &Option<Template>| template.as_ref().map_or(Ok(String::new()), |text| text.render(scope));
    Ok(Issue {
        severity: rule.severity,
        title: rule.title.render(scope)?,
        expected: optional(&rule.expected)?,
        actual: optional(&rule.actual)?,
        details: optional(&rule.details)?,
        reproduce: match &rule.reproduce {
            Some(template) => template.render(scope)?,
            None => reproduce(request),
        },
        next_steps: rule.next_steps.iter().map(|step| step.render(scope)).collect::<Result<_, _>>()?,
        resource: resource.to_owned(),
        observed_at: now,
    })
}

/// How a person makes the same call.
fn reproduce(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    match (text("method"), text("url"), text("query")) {
        (_, Some(url), Some(query)) => format!("promtool query instant {url} '{query}'"),
        (Some("HEAD"), Some(url), None) => format!("curl -sSI '{url}'"),
        (_, Some(url), None) => format!("curl -sSi '{url}'"),
        _ => String::new(),
    }
}

/// A check that could not be made is itself an Issue.
#[must_use]
pub fn unmade(title: &str, reason: &str, resource: &str, now: Timestamp) -> Issue {
    Issue {
        severity: Severity::Minor,
        title: format!("{title}: could not be checked"),
        expected: "the check can be made".to_owned(),
        actual: reason.to_owned(),
        details: String::new(),
        reproduce: String::new(),
        next_steps: vec![format!("Mend what kept the check from being made, then run the Command again: {reason}.")],
        resource: resource.to_owned(),
        observed_at: now,
    }
}

/// The report of `model: none`: findings ranked and merged under the Rules, what is healthy, what could not be checked.
/// `unreached` says why planned steps are missing, when some are.
#[must_use]
pub fn report(
    catalog: &Catalog,
    alert: Option<&Alert>,
    plan: &Plan<'_>,
    steps: &[Step],
    unreached: Option<&str>,
) -> Report {
    let mut remarks = Vec::new();
    let (issues, suppressed) = merged(catalog, alert, steps, &mut remarks);
    if suppressed > 0 {
        let s = if suppressed == 1 { "finding was" } else { "findings were" };
        remarks.push(format!("{suppressed} {s} suppressed by Rules."));
    }
    if plan.left_off > 0 {
        remarks.push(format!("{} steps over the limit of {} were left off.", plan.left_off, crate::MAX_STEPS));
    }
    let healthy: Vec<Checked> = steps
        .iter()
        .filter(|step| step.outcome == Outcome::Ok && step.issues.is_empty())
        .map(|step| Checked {
            step: step.id.clone(),
            title: step.title.clone(),
            summary: step.evidence.summary.clone(),
        })
        .collect();
    let mut gaps: Vec<Gap> = steps
        .iter()
        .filter_map(|step| match &step.outcome {
            Outcome::Failed { reason } => {
                Some(Gap { step: step.id.clone(), title: step.title.clone(), reason: reason.clone() })
            }
            Outcome::Ok | Outcome::Skipped { .. } => None,
        })
        .collect();
    if let Some(reason) = unreached {
        let missing = plan.steps.iter().filter(|planned| steps.iter().all(|step| step.id != planned.id));
        gaps.extend(missing.map(|planned| Gap {
            step: planned.id.clone(),
            title: planned.task.description.clone().unwrap_or_else(|| planned.task.name.to_string()),
            reason: reason.to_owned(),
        }));
        remarks.push(format!("Concluded early: {reason}."));
    }
    let mut next_steps: Vec<String> = Vec::new();
    for step in issues.iter().flat_map(|merged| &merged.issue.next_steps) {
        if next_steps.len() < NEXT_STEPS && !next_steps.contains(step) {
            next_steps.push(step.clone());
        }
    }
    Report {
        verdict: verdict(&seen(&issues, steps), healthy.len(), gaps.len()),
        worst: issues.iter().map(|merged| merged.issue.severity).min(),
        issues,
        healthy,
        gaps,
        next_steps,
        remarks,
        read_by: "none".to_owned(),
    }
}

/// The findings of all steps: the same title of the same resource is one finding, at its worst; worst first, then those
/// that more steps found, then in the order they were found.
fn merged(
    catalog: &Catalog,
    alert: Option<&Alert>,
    steps: &[Step],
    remarks: &mut Vec<String>,
) -> (Vec<MergedIssue>, usize) {
    let mut found: Vec<MergedIssue> = Vec::new();
    let mut suppressed = 0;
    for step in steps {
        for issue in &step.issues {
            let Some(issue) = ruled(catalog, alert, issue, remarks) else {
                suppressed += 1;
                continue;
            };
            let same = found
                .iter_mut()
                .find(|other| other.issue.title == issue.title && other.issue.resource == issue.resource);
            match same {
                Some(other) => {
                    let severity = other.issue.severity.min(issue.severity);
                    if issue.severity < other.issue.severity {
                        other.issue = issue;
                    }
                    other.issue.severity = severity;
                    if !other.steps.contains(&step.id) {
                        other.steps.push(step.id.clone());
                    }
                }
                None => found.push(MergedIssue { issue, steps: vec![step.id.clone()] }),
            }
        }
    }
    // Stable: what is equal stays in the order it was found.
    found.sort_by_key(|merged| (merged.issue.severity, std::cmp::Reverse(merged.steps.len())));
    (found, suppressed)
}

/// `issue` as the Rules have it; `None` when one suppresses it. What a Rule did stands in the remarks.
fn ruled(catalog: &Catalog, alert: Option<&Alert>, issue: &Issue, remarks: &mut Vec<String>) -> Option<Issue> {
    let mut issue = issue.clone();
    for rule in catalog.rules.values() {
        let scope = Scope::new().with("issue", &json!(issue)).with("alert", &json!(alert));
        match rule.when.holds(&scope) {
            Ok(true) => {}
            // A field that this alert lacks: the Rule is not about it.
            Ok(false) | Err(_) => continue,
        }
        let did = match &rule.then {
            Effect::Suppress(true) => {
                remarks.push(format!("Rule `{}` suppressed \"{}\": {}", rule.name, issue.title, rule.reason));
                return None;
            }
            Effect::Suppress(false) => continue,
            Effect::Severity(severity) if *severity == issue.severity => continue,
            Effect::Severity(severity) => {
                let before = std::mem::replace(&mut issue.severity, *severity);
                format!("ranked \"{}\" {severity} instead of {before}", issue.title)
            }
            Effect::Reframe(text) => {
                if !issue.details.is_empty() {
                    issue.details.push('\n');
                }
                issue.details.push_str(text);
                format!("reframed \"{}\"", issue.title)
            }
        };
        remarks.push(format!("Rule `{}` {did}: {}", rule.name, rule.reason));
    }
    Some(issue)
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The findings about what was looked at. That a check could not be made says nothing of the service.
fn seen<'a>(issues: &'a [MergedIssue], steps: &[Step]) -> Vec<&'a MergedIssue> {
    let made = |id: &StepId| steps.iter().any(|step| step.id == *id && step.outcome == Outcome::Ok);
    issues.iter().filter(|merged| merged.steps.iter().any(made)).collect()
}

fn verdict(seen: &[&MergedIssue], healthy: usize, gaps: usize) -> String {
    let unmade = match gaps {
        0 => String::new(),
        gaps => format!("; {} could not be made", count(gaps, "check", "checks")),
    };
    match seen {
        [] if healthy == 0 && gaps > 0 => {
            format!("Could not investigate: {} could not be made", count(gaps, "check", "checks"))
        }
        [] => format!("Nothing wrong found in {}{unmade}", count(healthy, "check", "checks")),
        [only] => format!("{}{unmade}", only.issue.title),
        [worst, others @ ..] => {
            format!("{}, and {}{unmade}", worst.issue.title, count(others.len(), "more finding", "more findings"))
        }
    }
}
