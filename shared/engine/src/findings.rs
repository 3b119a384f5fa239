//! From a result to Issues, and from the Issues of all steps to the report of `model: none`.

use catalog::{
    Catalog,
    expr::{ExprError, Scope, Template},
    model::{IssueRule, Task},
};
use domain::{Alert, Checked, Gap, Issue, MergedIssue, Outcome, Report, Severity, SlxMatched, Step, StepId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    knowledge,
    merge::{self, Merged},
    plan::Plan,
    redact,
};

/// The most next steps that a report names.
const NEXT_STEPS: usize = 8;
/// The most findings that a step keeps.
const STEP_ISSUES: usize = 20;
/// The most findings that a report tells.
const REPORT_ISSUES: usize = 50;
/// The most that the findings of a step, or of a report, come to. Whatever they say, an item stays far below the table's
/// 400 KB.
const ISSUES_CAP: usize = 76 * 1024;
/// The most that the healthy checks of a report come to, and likewise its gaps.
const CHECKS_CAP: usize = 40 * 1024;
/// The most remarks of a report about Rules: with those about the run itself they are at most 30.
const RULE_REMARKS: usize = 23;
/// The most Slxs that a report names.
const REPORT_SLXS: usize = 20;
/// The most Rules of which a report says what they suppressed.
const REPORT_SUPPRESSED: usize = 20;
/// The most next steps of a finding.
const ISSUE_NEXT_STEPS: usize = 10;
/// The most of a title.
pub const TITLE_CAP: usize = 300;
/// The most of a field of a finding other than those with their own cap.
pub const FIELD_CAP: usize = 2 * 1024;
/// The most of a finding's details.
const DETAILS_CAP: usize = 4 * 1024;
/// The most of one next step.
const NEXT_STEP_CAP: usize = 1024;
/// The most of a remark, a summary and a reason.
pub const LINE_CAP: usize = 500;

/// `text` in at most `limit` bytes as JSON writes it (a line break counts two), `…` at its end when it was cut.
#[must_use]
pub fn cap(text: String, limit: usize) -> String {
    let written = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    };
    let (mut total, mut end) = (0, 0);
    for (at, character) in text.char_indices() {
        total += written(character);
        if total > limit {
            return format!("{}…", text.get(..end).unwrap_or_default());
        }
        if total + '…'.len_utf8() <= limit {
            end = at + character.len_utf8();
        }
    }
    text
}

/// Keeps as many of `list`, from its first, as come to at most `limit` bytes of JSON. Returns how many it left off.
fn cap_list<T: Serialize>(list: &mut Vec<T>, most: usize, limit: usize) -> usize {
    let before = list.len();
    list.truncate(most);
    let mut total = 0;
    // Only what is too much is left off: a short one after a long one still has its place.
    list.retain(|item| {
        let length = serde_json::to_string(item).map_or(limit, |json| json.len() + 1);
        let fits = total + length <= limit;
        total += if fits { length } else { 0 };
        fits
    });
    before - list.len()
}

pub(crate) fn cap_issue(issue: &mut Issue) {
    for (text, limit) in [
        (&mut issue.title, TITLE_CAP),
        (&mut issue.expected, FIELD_CAP),
        (&mut issue.actual, FIELD_CAP),
        (&mut issue.details, DETAILS_CAP),
        (&mut issue.reproduce, FIELD_CAP),
        (&mut issue.resource, FIELD_CAP),
    ] {
        *text = cap(std::mem::take(text), limit);
    }
    issue.next_steps.truncate(ISSUE_NEXT_STEPS);
    for text in &mut issue.next_steps {
        *text = cap(std::mem::take(text), NEXT_STEP_CAP);
    }
}

/// The findings of one step within their caps. When there are too many the worst stay, and one more says how many do not.
fn capped(mut issues: Vec<Issue>, resource: &str, now: Timestamp) -> Vec<Issue> {
    issues.iter_mut().for_each(cap_issue);
    let mut kept = issues.clone();
    if cap_list(&mut kept, STEP_ISSUES, ISSUES_CAP) == 0 {
        return kept;
    }
    issues.sort_by_key(|issue| issue.severity);
    let left_off = cap_list(&mut issues, STEP_ISSUES, ISSUES_CAP);
    let mut told = Issue {
        severity: Severity::Informational,
        title: format!("{} of this step left off", count(left_off, "finding", "findings")),
        expected: format!("at most {STEP_ISSUES} findings a step, of {} KB in all", ISSUES_CAP / 1024),
        actual: count(left_off + issues.len(), "finding", "findings"),
        details: String::new(),
        reproduce: String::new(),
        next_steps: vec!["Look at the step's evidence for the rest.".to_owned()],
        resource: resource.to_owned(),
        fault: String::new(),
        observed_at: now,
    };
    cap_issue(&mut told);
    issues.push(told);
    issues
}

/// The Issues that the rules of `task` see in a result. A rule that has no value for this result is an Issue too: it was
/// meant to look at something that is not there. They are redacted and within their caps. `request` is redacted already.
#[must_use]
pub fn issues(task: &Task, scope: &Scope, resource: &str, request: &Value, now: Timestamp) -> Vec<Issue> {
    let found = task
        .issues
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
                    title: unapplied(task),
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
                    fault: String::new(),
                    observed_at: now,
                }),
            }
        })
        .collect();
    capped(found, resource, now)
}

/// The title of the Issue that says so.
#[must_use]
pub fn unapplied(task: &Task) -> String {
    format!("A rule of the Task `{}` could not be applied", task.name)
}

fn issue(rule: &IssueRule, scope: &Scope, resource: &str, request: &Value, now: Timestamp) -> Result<Issue, ExprError> {
    // Redacted before it is cut: half a secret no longer looks like one.
    let text = |template: &Template| template.render(scope).map(|text| redact::text(&text).into_owned());
    let optional = |template: &Option<Template>| template.as_ref().map_or(Ok(String::new()), text);
    Ok(Issue {
        severity: rule.severity,
        title: text(&rule.title)?,
        expected: optional(&rule.expected)?,
        actual: optional(&rule.actual)?,
        details: optional(&rule.details)?,
        reproduce: match &rule.reproduce {
            Some(template) => text(template)?,
            None => reproduce(request),
        },
        next_steps: rule.next_steps.iter().map(text).collect::<Result<_, _>>()?,
        resource: redact::text(resource).into_owned(),
        fault: rule.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
        observed_at: now,
    })
}

/// How a person makes the same call. `request` is redacted already; masking the command again could break its quotes.
fn reproduce(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    match (text("method"), text("url"), text("query")) {
        (_, Some(url), Some(query)) => {
            let (url, query) = (shell(url), shell(query));
            match (text("start"), text("end"), text("step")) {
                // The request's step is in seconds; promtool wants the unit.
                (Some(start), Some(end), Some(step)) => format!(
                    "promtool query range --start {} --end {} --step {} {url} {query}",
                    shell(start),
                    shell(end),
                    shell(&format!("{step}s"))
                ),
                _ => format!("promtool query instant {url} {query}"),
            }
        }
        (Some("HEAD"), Some(url), None) => format!("curl -sSI {}", shell(url)),
        (_, Some(url), None) => format!("curl -sSi {}", shell(url)),
        (_, None, _) => probe(request),
    }
}

/// How a person looks up a name, or connects, as the `dns`, `tcp` and `tls` kinds do; empty for other requests.
fn probe(request: &Value) -> String {
    let text = |name: &str| request.get(name).and_then(Value::as_str).map(shell);
    let port = request.get("port").and_then(|port| port.as_u64().or_else(|| port.as_str()?.parse().ok()));
    match (text("name"), text("record"), text("host"), port, text("server_name")) {
        (Some(name), Some(record), ..) => format!("dig {name} {record}"),
        (None, None, Some(host), Some(port), None) => format!("nc -vz {host} {port}"),
        (None, None, Some(host), Some(port), Some(name)) => {
            format!("openssl s_client -connect {host}:{port} -servername {name} </dev/null")
        }
        _ => String::new(),
    }
}

/// `text` as one word of a shell, whatever it holds: alert text may stand in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A check that could not be made is itself an Issue. `advice` is what to do about it, where whoever tried knows.
#[must_use]
pub fn unmade(title: &str, reason: &str, advice: Vec<String>, resource: &str, now: Timestamp) -> Issue {
    const UNMADE: &str = ": could not be checked";
    let mend = || vec![format!("Mend what kept the check from being made, then run the Command again: {reason}.")];
    let mut issue = Issue {
        severity: Severity::Minor,
        title: format!("{}{UNMADE}", cap(title.to_owned(), TITLE_CAP - UNMADE.len())),
        expected: "the check can be made".to_owned(),
        actual: reason.to_owned(),
        details: String::new(),
        reproduce: String::new(),
        next_steps: if advice.is_empty() { mend() } else { advice },
        resource: resource.to_owned(),
        fault: String::new(),
        observed_at: now,
    };
    cap_issue(&mut issue);
    issue
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
    let slxs = about(plan, alert, &mut remarks);
    let Merged { mut issues, mut suppressed, remarks: of_rules } = merge::merged(catalog, alert, steps);
    let more = of_rules.len().saturating_sub(RULE_REMARKS);
    remarks.extend(of_rules.into_iter().take(RULE_REMARKS));
    if more > 0 {
        remarks.push(format!("{} about Rules left off.", count(more, "more remark", "more remarks")));
    }
    let hidden = suppressed.iter().map(|one| one.count).sum();
    if plan.left_off > 0 {
        remarks.push(format!("{} steps over the limit of {} were left off.", plan.left_off, crate::MAX_STEPS));
    }
    let mut healthy: Vec<Checked> = steps
        .iter()
        .filter(|step| step.outcome == Outcome::Ok && step.issues.is_empty() && unread(step).is_empty())
        .map(|step| Checked {
            step: step.id.clone(),
            title: cap(step.title.clone(), TITLE_CAP),
            summary: cap(step.evidence.summary.clone(), LINE_CAP),
        })
        .collect();
    let mut gaps: Vec<Gap> = steps
        .iter()
        .filter_map(|step| {
            let reason = match &step.outcome {
                Outcome::Failed { reason } => reason.clone(),
                Outcome::Ok => unread(step),
                Outcome::Skipped { .. } => String::new(),
            };
            let title = || cap(step.title.clone(), TITLE_CAP);
            (!reason.is_empty()).then(|| Gap { step: step.id.clone(), title: title(), reason: cap(reason, LINE_CAP) })
        })
        .collect();
    if let Some(reason) = unreached {
        let missing = plan.steps.iter().filter(|planned| steps.iter().all(|step| step.id != planned.id));
        gaps.extend(missing.map(|planned| Gap {
            step: planned.id.clone(),
            title: cap(planned.task.description.clone().unwrap_or_else(|| planned.task.name.to_string()), TITLE_CAP),
            reason: cap(reason.to_owned(), LINE_CAP),
        }));
        remarks.push(format!("Concluded early: {reason}."));
    }
    // The verdict and the worst speak of all that was found, also of what has no room below.
    let partly = steps.iter().filter(|step| step.outcome == Outcome::Ok && !unread(step).is_empty()).count();
    let told = Told { healthy: healthy.len(), unmade: gaps.len() - partly, partly, hidden };
    let verdict = cap(verdict(&seen(&issues, steps), &told), LINE_CAP);
    let worst = issues.iter().map(|merged| merged.issue.severity).min();
    for (left_off, one, many) in [
        (cap_list(&mut issues, REPORT_ISSUES, ISSUES_CAP), "more finding", "more findings"),
        (cap_list(&mut healthy, usize::MAX, CHECKS_CAP), "more healthy check", "more healthy checks"),
        (
            cap_list(&mut suppressed, REPORT_SUPPRESSED, CHECKS_CAP),
            "more Rule that suppressed findings",
            "more Rules that suppressed findings",
        ),
        (
            cap_list(&mut gaps, usize::MAX, CHECKS_CAP),
            "more check that could not be made",
            "more checks that could not be made",
        ),
    ] {
        if left_off > 0 {
            remarks.push(format!("{} left off for room: see the steps.", count(left_off, one, many)));
        }
    }
    for remark in &mut remarks {
        *remark = cap(std::mem::take(remark), LINE_CAP);
    }
    let mut next_steps: Vec<String> = Vec::new();
    for step in issues.iter().flat_map(|merged| &merged.issue.next_steps) {
        if next_steps.len() < NEXT_STEPS && !next_steps.contains(step) {
            next_steps.push(step.clone());
        }
    }
    let knowledge = knowledge::told(catalog, alert, &issues);
    let read_by = "none".to_owned();
    Report {
        verdict,
        worst,
        issues,
        healthy,
        gaps,
        next_steps,
        remarks,
        slxs,
        knowledge,
        suppressed,
        read_by,
        reading: None,
    }
}

/// What a step that was answered could not read beside that, and why: its result's `unread`. Who has not seen all does not say
/// that all is well.
fn unread(step: &Step) -> String {
    let parts = step.evidence.data.get("unread").and_then(serde_json::Value::as_array);
    parts.into_iter().flatten().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join("; ")
}

/// The Slxs that the alert speaks of; that there are none is said where their Tasks were asked for.
fn about(plan: &Plan<'_>, alert: Option<&Alert>, remarks: &mut Vec<String>) -> Vec<SlxMatched> {
    if plan.asks_slxs && plan.slxs.is_empty() {
        remarks.push(match alert {
            Some(_) => {
                "No Slx matched: no tag and no link of one is in the alert, so none of their Tasks ran.".to_owned()
            }
            None => "No Slx matched: there is no alert, so none of their Tasks ran.".to_owned(),
        });
    }
    let more = plan.slxs.len().saturating_sub(REPORT_SLXS);
    if more > 0 {
        remarks.push(format!("{} that the alert speaks of left off.", count(more, "more Slx", "more Slxs")));
    }
    let matched = plan.slxs.iter().take(REPORT_SLXS);
    matched.map(|one| SlxMatched { name: one.slx.name.clone(), why: cap(one.why.clone(), LINE_CAP) }).collect()
}

pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The findings about what was looked at. That a check could not be made says nothing of the service.
fn seen<'a>(issues: &'a [MergedIssue], steps: &[Step]) -> Vec<&'a MergedIssue> {
    let made = |id: &StepId| steps.iter().any(|step| step.id == *id && step.outcome == Outcome::Ok);
    issues.iter().filter(|merged| merged.steps.iter().any(made)).collect()
}

/// What a verdict counts beside the findings.
struct Told {
    healthy: usize,
    unmade: usize,
    /// Checks that saw only a part.
    partly: usize,
    /// Findings that Rules suppressed. A verdict that is silent of them would call a service well that is not.
    hidden: usize,
}

fn verdict(seen: &[&MergedIssue], told: &Told) -> String {
    let mut beside = String::new();
    for (number, one, many, what) in [
        (told.unmade, "check", "checks", "could not be made"),
        (told.partly, "check", "checks", "saw only a part"),
        (told.hidden, "finding", "findings", "suppressed by Rules"),
    ] {
        if number > 0 {
            beside.push_str(&format!("; {} {what}", count(number, one, many)));
        }
    }
    let looked = told.healthy + told.partly;
    match seen {
        [] if looked == 0 && told.unmade > 0 => {
            format!("Could not investigate: {} could not be made", count(told.unmade, "check", "checks"))
        }
        [] => format!("Nothing wrong found in {}{beside}", count(looked, "check", "checks")),
        [only] => format!("{}{beside}", only.issue.title),
        [worst, others @ ..] => {
            format!("{}, and {}{beside}", worst.issue.title, count(others.len(), "more finding", "more findings"))
        }
    }
}

#[cfg(test)]
pub mod tests;
