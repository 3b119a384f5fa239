//! PagerDuty webhooks, version 3 (PagerDuty developer documentation, Webhooks; one event in each request).
//!
//! `event.data` is the incident itself only where its type is `incident`; else it is a note, a responder, a workflow, and
//! `data.incident` is a reference to the incident with nothing but id, title and page.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole, Service, has_marker};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, text, time, word},
    said::{Said, alert, links},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    // Opaque: a ULID, a UUID or 38 digits. The same on every attempt, unlike anything that a proxy adds.
    let delivery = text(body, "/event/id").map(str::to_owned);
    vec![Said { delivery, ..event(body, received_at) }]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let event_type = text(body, "/event/event_type");
    let (Some(event_type), Some(data)) = (event_type, body.pointer("/event/data").filter(|data| data.is_object()))
    else {
        let reason = if body.get("messages").is_some() {
            "this is a webhook of PagerDuty version 1 or 2: make a version 3 subscription"
        } else {
            "the body has no `event.event_type` and `event.data`, so it is no PagerDuty v3 webhook"
        };
        return Said::unknown(event_type.unwrap_or_default(), reason);
    };
    let Some(kind) = kind(event_type, data) else {
        return Said::unknown(event_type, format!("`{event_type}` is a kind of event that Firstlook does not know"));
    };
    if kind == EventKind::Annotated && text(data, "/content").is_some_and(has_marker) {
        return Said::own_note(event_type);
    }
    let occurred_at = time(body, "/event/occurred_at");
    let incident = incident(data);
    let alert = incident.map(|incident| alert_of(incident, occurred_at.unwrap_or(received_at)));
    let summary = match &alert {
        Some(alert) if kind.role() == EventRole::Opens => alert.title.clone(),
        _ => summary(kind, event_type, body, data),
    };
    // Where the event only refers to its incident, that has an id and little else.
    let external_id = incident.and_then(|incident| text(incident, "/id")).or_else(|| text(data, "/incident/id"));
    let external_id = external_id.map(str::to_owned);
    Said { external_id, at: occurred_at, summary, alert, ..Said::new(kind, event_type) }
}

/// Every event type of the documentation that is about an incident, and the test event.
fn kind(word: &str, data: &Value) -> Option<EventKind> {
    if word == "pagey.ping" {
        return Some(EventKind::Ping);
    }
    let kind = match word.strip_prefix("incident.")? {
        "triggered" => EventKind::Triggered,
        "reopened" => EventKind::Reopened,
        "acknowledged" => EventKind::Acknowledged,
        "unacknowledged" => EventKind::Unacknowledged,
        "escalated" | "reassigned" | "delegated" => EventKind::Escalated,
        "annotated" => EventKind::Annotated,
        // A merge closes the incident into another one; nobody mended anything.
        "resolved" if text(data, "/resolve_reason/type") == Some("merge_resolve_reason") => EventKind::Merged,
        "resolved" => EventKind::Resolved,
        "priority_updated"
        | "service_updated"
        | "incident_type.changed"
        | "status_update_published"
        | "responder.added"
        | "responder.replied"
        | "conference_bridge.updated"
        | "custom_field_values.updated"
        | "role.assigned"
        | "task.created"
        | "task.updated"
        | "task.completed"
        | "action_invocation.created"
        | "action_invocation.updated"
        | "action_invocation.terminated"
        | "workflow.started"
        | "workflow.completed" => EventKind::Updated,
        _ => return None,
    };
    Some(kind)
}

/// The incident, where the event carries it whole.
fn incident(data: &Value) -> Option<&Value> {
    match text(data, "/type") {
        Some("incident") => Some(data),
        Some(_) => None,
        None => data.get("incident").is_none().then_some(data),
    }
}

fn alert_of(incident: &Value, occurred_at: Timestamp) -> Alert {
    let urgency = text(incident, "/urgency").filter(|urgency| ["high", "low"].contains(urgency)).unwrap_or_default();
    let priority = word(incident, "/priority/summary");
    let title = first(incident, &["/title", "/summary"]).map(str::to_owned);
    let title = title.unwrap_or_else(|| format!("PagerDuty incident {}", word(incident, "/id")));
    Alert {
        // What the monitor said is not in the webhook.
        urgency: urgency.to_owned(),
        priority: priority.clone(),
        service: Service { id: word(incident, "/service/id"), name: word(incident, "/service/summary") },
        team: word(incident, "/teams/0/summary"),
        labels: labels(incident),
        links: links([
            ("PagerDuty incident", text(incident, "/html_url")),
            ("Conference bridge", text(incident, "/conference_bridge/conference_url")),
        ]),
        ..alert(title, severity(&priority, urgency), time(incident, "/created_at").unwrap_or(occurred_at))
    }
}

/// Priorities are named by each account; these are the names in use (`P1`, `SEV-2`, `Critical`). Without one the urgency
/// decides, and without that the page counts, since somebody was paged.
fn severity(priority: &str, urgency: &str) -> AlertSeverity {
    let paged = if urgency == "low" { AlertSeverity::Low } else { AlertSeverity::High };
    json::severity(priority).unwrap_or(paged)
}

fn labels(incident: &Value) -> BTreeMap<String, String> {
    let found = [
        ("number", "/number"),
        ("incident_key", "/incident_key"),
        ("incident_type", "/incident_type/name"),
        ("escalation_policy", "/escalation_policy/summary"),
    ];
    found.into_iter().map(|(key, at)| (key.to_owned(), word(incident, at))).collect()
}

/// What happened, by whom, and what they wrote: `annotated by Ben: rolled back`.
fn summary(kind: EventKind, word: &str, body: &Value, data: &Value) -> String {
    let said = first(data, &["/content", "/message"]);
    if kind == EventKind::Ping {
        return said.unwrap_or("test event").to_owned();
    }
    let mut summary = match kind {
        EventKind::Merged => "merged into another incident".to_owned(),
        _ => word.strip_prefix("incident.").unwrap_or(word).replace(['.', '_'], " "),
    };
    for (before, part) in [(" by ", text(body, "/event/agent/summary")), (": ", said)] {
        if let Some(part) = part {
            summary.push_str(before);
            summary.push_str(part);
        }
    }
    summary
}
