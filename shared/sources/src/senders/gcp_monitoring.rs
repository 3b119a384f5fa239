//! Google Cloud Monitoring, webhook notification channels, schema versions 1.1 and 1.2 (Google's documentation, Create and
//! manage notification channels).

use domain::{Alert, AlertSeverity, EventKind, Link, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_word, list, text, time, word},
    said::{Said, alert, links},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let state = text(body, "/incident/state").unwrap_or_default();
    // The button in the console; its incident is made up.
    if text(body, "/version").is_some_and(|version| version.eq_ignore_ascii_case("test")) {
        return Said::ping("test", first(body, &["/incident/summary"]).unwrap_or("a test of the notification channel"));
    }
    let Some(incident) = body.get("incident").filter(|incident| incident.is_object()) else {
        return Said::unknown("", "the body has no `incident`, so it is no webhook of Google Cloud Monitoring");
    };
    let kind = match state.to_ascii_lowercase().as_str() {
        "open" => EventKind::Triggered,
        "closed" => EventKind::Resolved,
        "" => return Said::unknown("", "the incident has no `state`, so nothing can follow from it"),
        _ => return Said::foreign(state),
    };
    let id = word(incident, "/incident_id");
    let started_at = time(incident, "/started_at");
    let at = if kind == EventKind::Resolved { time(incident, "/ended_at") } else { started_at };
    // An open incident is told again where the policy says so: the same state of the same incident is the same delivery.
    let delivery = at.filter(|_| !id.is_empty()).map(|at| format!("{id}/{}/{at}", kind.as_str()));
    let alert = alert_of(incident, started_at.unwrap_or(received_at));
    let external_id = (!id.is_empty()).then_some(id);
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, state) }
}

fn alert_of(incident: &Value, started_at: Timestamp) -> Alert {
    let (policy, condition) = (word(incident, "/policy_name"), word(incident, "/condition_name"));
    let summary = word(incident, "/summary");
    let title = match (policy.is_empty(), condition.is_empty()) {
        (false, false) if policy != condition => format!("{policy}: {condition}"),
        (false, _) => policy.clone(),
        (true, false) => condition.clone(),
        (true, true) => summary.clone(),
    };
    // Version 1.1 may have the documentation as a bare text.
    let documentation = first(incident, &["/documentation/content", "/documentation"]).unwrap_or_default();
    let severity =
        ["/severity", "/policy_user_labels/severity"].iter().find_map(|at| json::severity(&word(incident, at)));
    let name = first_word(incident, &SERVICES).unwrap_or_default();
    let mut alert = Alert {
        description: [summary.as_str(), documentation]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n"),
        service: Service { id: first_word(incident, &["/resource_id"]).unwrap_or_else(|| name.clone()), name },
        team: word(incident, "/policy_user_labels/team"),
        links: linked(incident),
        ..alert(title, severity.unwrap_or(AlertSeverity::High), started_at)
    };
    // What the user set stands before what was measured.
    for at in ["/policy_user_labels", "/resource/labels", "/metric/labels", "/metadata/user_labels"] {
        for (key, value) in json::labels(incident.pointer(at)) {
            alert.labels.entry(key).or_insert(value);
        }
    }
    for (key, places) in LABELS {
        let value = first_word(incident, places).unwrap_or_default();
        alert.labels.entry(key.to_owned()).or_insert(value);
    }
    alert
}

/// Where a name of what is hurt may stand, the best first.
const SERVICES: [&str; 8] = [
    "/policy_user_labels/service",
    "/resource/labels/service_name",
    "/resource/labels/service",
    "/resource/labels/container_name",
    "/resource/labels/module_id",
    "/resource_display_name",
    "/resource_name",
    "/resource_type_display_name",
];

const LABELS: [(&str, &[&str]); 7] = [
    ("policy", &["/policy_name"]),
    ("condition", &["/condition_name"]),
    ("project", &["/scoping_project_id", "/resource/labels/project_id"]),
    ("resource_type", &["/resource/type"]),
    ("metric_type", &["/metric/type"]),
    ("observed_value", &["/observed_value"]),
    ("threshold_value", &["/threshold_value"]),
];

/// The incident's page, and those that the policy's documentation names.
fn linked(incident: &Value) -> Vec<Link> {
    let mut found = links([("Google Cloud incident", text(incident, "/url"))]);
    for link in list(incident, "/documentation/links") {
        let name = first(link, &["/displayName", "/display_name"]).unwrap_or("Documentation");
        let name = if name.to_ascii_lowercase().contains("runbook") { "Runbook" } else { name };
        found.extend(links([(name, text(link, "/url"))]));
    }
    found
}
