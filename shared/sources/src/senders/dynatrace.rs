//! Dynatrace problem notifications by the payload of docs/sources/dynatrace.md, whose fields have the names of Dynatrace's
//! placeholders; also where they came as the `data` of a CloudEvent.

use domain::{Alert, AlertSeverity, EventKind, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_word, list, text, time, word},
    said::{Said, alert, links},
};

/// The problem of the button "Send test notification".
const TEST_PID: &str = "99999";

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    let problem = if body.get("State").is_some() { body } else { body.get("data").unwrap_or(body) };
    vec![event(problem, received_at)]
}

fn event(problem: &Value, received_at: Timestamp) -> Said<'_> {
    let state = text(problem, "/State").unwrap_or_default();
    let id = first_word(problem, &["/PID", "/ProblemDetails/id", "/ProblemDetails/problemId"]).unwrap_or_default();
    if id == TEST_PID {
        return Said::ping(state, first(problem, &["/ProblemTitle"]).unwrap_or("a test of the problem notification"));
    }
    let kind = match state.to_ascii_uppercase().as_str() {
        "OPEN" => EventKind::Triggered,
        "RESOLVED" | "CLOSED" => EventKind::Resolved,
        "MERGED" => EventKind::Merged,
        "" => return Said::unknown("", "the body has no `State`: paste the payload of docs/sources/dynatrace.md"),
        _ if state.starts_with('{') => {
            return Said::unknown(state, "`State` was not filled in: it is not a problem that Dynatrace sent");
        }
        _ => return Said::foreign(state),
    };
    let started_at = time(problem, "/ProblemDetails/startTime");
    let ended_at = time(problem, "/ProblemDetails/endTime").filter(|_| kind != EventKind::Triggered);
    // An open problem that grows is sent as `OPEN` again, so only the end of one names its delivery.
    let delivery = ended_at.filter(|_| !id.is_empty()).map(|at| format!("{id}/{state}/{at}"));
    let alert = alert_of(problem, started_at.unwrap_or(received_at));
    let external_id = (!id.is_empty()).then_some(id);
    // Nor does `OPEN` say since when it is open again: `startTime` would stand before the end that it undoes.
    Said { delivery, external_id, at: ended_at, alert: Some(alert), ..Said::new(kind, state) }
}

fn alert_of(problem: &Value, started_at: Timestamp) -> Alert {
    let word_for = first_word(problem, &["/ProblemSeverity", "/ProblemDetails/severityLevel"]).unwrap_or_default();
    let title = first(problem, &["/ProblemTitle", "/ProblemDetails/title", "/ImpactedEntity"]).map(str::to_owned);
    let hurt = hurt(problem);
    let named = |places: &[&str]| hurt.and_then(|entity| first_word(entity, places)).unwrap_or_default();
    let mut alert = Alert {
        description: word(problem, "/ImpactedEntity"),
        service: Service { id: named(&["/entity", "/entityId/id"]), name: named(&["/name"]) },
        links: links([("Dynatrace problem", text(problem, "/ProblemURL"))]),
        ..alert(
            title.unwrap_or_else(|| format!("Dynatrace problem {}", word(problem, "/ProblemID"))),
            severity(&word_for),
            started_at,
        )
    };
    // `context` is empty but for tags that were imported: `[AWS]env:prod`.
    let tags = text(problem, "/Tags").unwrap_or_default();
    for tag in tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once(':').unwrap_or((tag, "true"));
        alert.labels.entry(key.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
    }
    alert.team = alert.labels.get("team").or_else(|| alert.labels.get("owner")).cloned().unwrap_or_default();
    let known = [
        ("problem", first_word(problem, &["/ProblemID", "/ProblemDetails/displayId"])),
        ("problem_severity", Some(word_for)),
        ("impact", first_word(problem, &["/ProblemImpact", "/ProblemDetails/impactLevel"])),
        ("root_cause", first_word(problem, &["/ProblemDetails/rootCauseEntity/name"])),
        ("management_zone", first_word(problem, &["/ProblemDetails/managementZones/0/name"])),
    ];
    for (key, value) in known {
        alert.labels.entry(key.to_owned()).or_insert_with(|| value.unwrap_or_default());
    }
    alert
}

/// The service among the impacted entities, else the first of them.
fn hurt(problem: &Value) -> Option<&Value> {
    let entities = ["/ImpactedEntities", "/ProblemDetails/impactedEntities", "/ProblemDetails/affectedEntities"];
    let entities = entities.into_iter().map(|at| list(problem, at)).find(|list| !list.is_empty())?;
    let is_service = |entity: &&Value| {
        first_word(entity, &["/type", "/entityId/type"]).is_some_and(|kind| kind.eq_ignore_ascii_case("service"))
    };
    entities.iter().find(is_service).or_else(|| entities.first())
}

fn severity(word: &str) -> AlertSeverity {
    match word.to_ascii_uppercase().as_str() {
        "AVAILABILITY" => AlertSeverity::Critical,
        "ERROR" => AlertSeverity::High,
        "PERFORMANCE" | "RESOURCE" | "RESOURCE_CONTENTION" | "MONITORING_UNAVAILABLE" => AlertSeverity::Medium,
        "CUSTOM" | "CUSTOM_ALERT" | "" => AlertSeverity::High,
        word => json::severity(word).unwrap_or(AlertSeverity::High),
    }
}
