//! GitHub webhooks (GitHub documentation, Webhook events and payloads; one event in each request): what failed, and that it
//! works again.
//!
//! The header `X-GitHub-Event` says what a body is about, but is not signed, so the body's own form says it here. GitHub has
//! no incidents. The id of one is made of what must succeed for it to be over: the workflow or check on its branch, the
//! deployment to its environment.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{first, first_time, first_word, text, time, word},
    said::{Said, alert, links, service},
};

/// What stands beside the thing that an event is about.
const BESIDE: [&str; 6] = ["repository", "organization", "enterprise", "installation", "sender", "hook"];

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let action = text(body, "/action").unwrap_or_default();
    let part = |name: &str| body.get(name).filter(|part| part.is_object());
    if let (Some(zen), Some(_)) = (text(body, "/zen"), part("hook")) {
        return Said::ping("ping", zen);
    }
    if part("repository").is_none() && part("sender").is_none() {
        return Said::unknown(action, "the body has no `repository` and no `sender`, so it is no webhook of GitHub");
    }
    let ran = if let Some(status) = part("deployment_status") {
        deployment(body, status)
    } else if let (Some(run), "completed") = (part("workflow_run"), action) {
        workflow(body, run)
    } else if let (Some(run), "completed") = (part("check_run"), action) {
        check_run(body, run)
    } else if let (Some(suite), "completed") = (part("check_suite"), action) {
        check_suite(body, suite)
    } else {
        return Said::foreign(&foreign(body, action));
    };
    ran.said(body, received_at)
}

/// The word for an event that is about something else: the things in it, and what was done.
fn foreign(body: &Value, action: &str) -> String {
    let things = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, thing)| thing.is_object() && !BESIDE.contains(&name.as_str()));
    let mut things: Vec<&str> = things.map(|(name, _)| name.as_str()).collect();
    things.sort_unstable();
    let things = things.join("+");
    if action.is_empty() { things } else { format!("{things}.{action}") }
}

/// Something that ran, and how it ended.
struct Ran {
    /// GitHub's word for the event.
    event: &'static str,
    /// How it ended, in GitHub's word.
    end: String,
    /// What names this end of this run; None where the run has no id.
    delivery: Option<String>,
    /// What must succeed for it to be over, beside the repository; always as many parts. Empty where nothing names it.
    thing: Vec<String>,
    /// What ran, for people.
    what: String,
    /// How many people's work hangs on it.
    severity: AlertSeverity,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    description: String,
    links: Vec<(&'static str, Option<String>)>,
    labels: Vec<(&'static str, String)>,
}

impl Ran {
    fn said<'a>(self, body: &Value, received_at: Timestamp) -> Said<'a> {
        let word_of = format!("{}.{}", self.event, self.end);
        let kind = match self.end.as_str() {
            "failure" | "error" | "timed_out" | "startup_failure" => EventKind::Triggered,
            "success" => EventKind::Resolved,
            // Cancelled, skipped, neutral, in progress: that says neither that it works nor that it does not.
            _ => return Said::foreign(&word_of),
        };
        let repository = word(body, "/repository/full_name");
        let known = !repository.is_empty() && self.thing.iter().any(|part| !part.is_empty());
        let mut parts = vec![repository.clone(), self.event.to_owned()];
        parts.extend(self.thing);
        while parts.pop_if(|part| part.is_empty()).is_some() {}
        let mut labels: BTreeMap<String, String> =
            self.labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        labels.insert("repository".to_owned(), repository.clone());
        labels.insert("conclusion".to_owned(), self.end.clone());
        labels.insert("actor".to_owned(), word(body, "/sender/login"));
        Said {
            delivery: self.delivery.map(|id| format!("{}/{id}/{}", self.event, self.end)),
            external_id: known.then(|| parts.iter().map(|part| escaped(part)).collect::<Vec<_>>().join(":")),
            at: self.ended,
            alert: Some(Alert {
                description: self.description,
                service: service(repository.clone()),
                labels,
                links: links(self.links.iter().map(|(title, url)| (*title, url.as_deref()))),
                ..alert(
                    format!("{}: {} in {repository}", self.what, self.end.replace('_', " ")),
                    self.severity,
                    self.began.or(self.ended).unwrap_or(received_at),
                )
            }),
            ..Said::new(kind, word_of)
        }
    }
}

/// So that no two lists of parts are the same text.
fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace(':', "%3A")
}

fn deployment(body: &Value, status: &Value) -> Ran {
    let deployment = body.get("deployment").unwrap_or(&Value::Null);
    let environment = first_word(status, &["/environment"]).unwrap_or_else(|| word(deployment, "/environment"));
    let task = word(deployment, "/task");
    let workflow = first(body, &["/workflow/path", "/workflow_run/path", "/workflow/name"]).unwrap_or_default();
    let production = match deployment.get("production_environment").and_then(Value::as_bool) {
        Some(production) => production,
        None => environment.to_ascii_lowercase().contains("prod"),
    };
    Ran {
        event: "deployment_status",
        end: word(status, "/state"),
        // A status is written once.
        delivery: first_word(status, &["/id"]),
        // Two parts of a system may be deployed to one environment, each by its own workflow.
        thing: vec![environment.clone(), task.clone(), workflow.to_owned()],
        what: format!("Deployment of {} to {environment}", word(deployment, "/ref")),
        severity: if production { AlertSeverity::High } else { AlertSeverity::Medium },
        began: time(deployment, "/created_at"),
        ended: first_time(status, &["/updated_at", "/created_at"]),
        description: first_word(status, &["/description"]).unwrap_or_else(|| word(deployment, "/description")),
        links: vec![
            ("Log", first_word(status, &["/log_url", "/target_url"])),
            ("Environment", first_word(status, &["/environment_url"])),
            ("Commit", commit(body, &word(deployment, "/sha"))),
        ],
        labels: vec![
            ("environment", environment),
            ("task", task),
            ("workflow", workflow.to_owned()),
            ("branch", word(deployment, "/ref")),
            ("sha", word(deployment, "/sha")),
        ],
    }
}

fn workflow(body: &Value, run: &Value) -> Ran {
    let name = first(run, &["/name"]).or_else(|| first(body, &["/workflow/name", "/workflow_run/path"]));
    let name = name.unwrap_or_default().to_owned();
    let branch = word(run, "/head_branch");
    let id = first_word(run, &["/id"]);
    let ended = first_time(run, &["/updated_at"]);
    // Branches of a fork have the names of ours.
    let fork = match run.get("head_repository") {
        Some(Value::Null) => "deleted".to_owned(),
        _ => first_word(run, &["/head_repository/full_name"])
            .filter(|head| *head != word(body, "/repository/full_name"))
            .unwrap_or_default(),
    };
    let workflow = first_word(run, &["/workflow_id"]).or_else(|| first_word(body, &["/workflow/id", "/workflow/path"]));
    Ran {
        event: "workflow_run",
        end: word(run, "/conclusion"),
        // Each attempt ends once.
        delivery: id.map(|id| format!("{id}/{}", word(run, "/run_attempt"))),
        severity: severity(body, &branch, &fork),
        what: format!("Workflow {name} on {branch}"),
        began: first_time(run, &["/run_started_at", "/created_at"]),
        ended,
        description: first_word(run, &["/display_title", "/head_commit/message"]).unwrap_or_default(),
        links: vec![
            ("Workflow run", first_word(run, &["/html_url"])),
            ("Commit", commit(body, &word(run, "/head_sha"))),
        ],
        labels: vec![
            ("workflow", name),
            ("path", first_word(run, &["/path"]).unwrap_or_else(|| word(body, "/workflow/path"))),
            ("branch", branch.clone()),
            ("fork", fork.clone()),
            ("sha", word(run, "/head_sha")),
            ("event", word(run, "/event")),
            ("run_number", word(run, "/run_number")),
            ("run_attempt", word(run, "/run_attempt")),
        ],
        thing: workflow.map(|workflow| vec![workflow, branch, fork]).unwrap_or_default(),
    }
}

fn check_run(body: &Value, run: &Value) -> Ran {
    let name = word(run, "/name");
    let app = first_word(run, &["/app/slug", "/app/name", "/app/id"]).unwrap_or_default();
    let branch = word(run, "/check_suite/head_branch");
    let sha = word(run, "/head_sha");
    let ended = time(run, "/completed_at");
    let output = [word(run, "/output/title"), word(run, "/output/summary")];
    Ran {
        event: "check_run",
        end: word(run, "/conclusion"),
        // Its app may end it again, in another way.
        delivery: first_word(run, &["/id"]).map(|id| format!("{id}/{}", word(run, "/completed_at"))),
        severity: severity(body, &branch, ""),
        what: format!("Check {name} on {}", if branch.is_empty() { &sha } else { &branch }),
        began: time(run, "/started_at").or(ended),
        ended,
        description: output.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        links: vec![
            ("Check", first_word(run, &["/html_url"])),
            ("Details", first_word(run, &["/details_url"])),
            ("Commit", commit(body, &sha)),
        ],
        thing: if name.is_empty() { vec![] } else { vec![app.clone(), name.clone(), place(&branch, &sha)] },
        labels: vec![("check", name), ("app", app), ("branch", branch), ("sha", sha)],
    }
}

fn check_suite(body: &Value, suite: &Value) -> Ran {
    let app = first_word(suite, &["/app/slug", "/app/name", "/app/id"]).unwrap_or_default();
    let branch = word(suite, "/head_branch");
    let sha = word(suite, "/head_sha");
    Ran {
        event: "check_suite",
        end: word(suite, "/conclusion"),
        delivery: first_word(suite, &["/id"]).map(|id| format!("{id}/{}", word(suite, "/updated_at"))),
        severity: severity(body, &branch, ""),
        what: format!("Checks of {app} on {}", if branch.is_empty() { &sha } else { &branch }),
        began: time(suite, "/created_at"),
        ended: time(suite, "/updated_at"),
        description: word(suite, "/head_commit/message"),
        links: vec![("Commit", commit(body, &sha))],
        thing: if app.is_empty() { vec![] } else { vec![app.clone(), place(&branch, &sha)] },
        labels: vec![("app", app), ("branch", branch), ("sha", sha)],
    }
}

/// Of a fork's commit GitHub does not say the branch; then only the same commit can succeed later.
fn place(branch: &str, sha: &str) -> String {
    if branch.is_empty() { format!("@{sha}") } else { branch.to_owned() }
}

/// What everybody works on counts; what one person works on is theirs.
fn severity(body: &Value, branch: &str, fork: &str) -> AlertSeverity {
    let default = text(body, "/repository/default_branch");
    if fork.is_empty() && default == Some(branch) { AlertSeverity::High } else { AlertSeverity::Low }
}

fn commit(body: &Value, sha: &str) -> Option<String> {
    let page = text(body, "/repository/html_url")?;
    (!sha.is_empty()).then(|| format!("{page}/commit/{sha}"))
}
