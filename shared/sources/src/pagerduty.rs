//! PagerDuty webhooks, version 3 (PagerDuty developer documentation, Webhooks; one event in each request).
//!
//! `event.data` is the incident itself only where its type is `incident`; else it is a note, a responder, a workflow, and
//! `data.incident` is a reference to the incident with nothing but id, title and page.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    normalized::{Normalized, body_key, fragment, named_key},
    text::{LINE_CAP, NAME_CAP, id, line, link},
    verify::VerifiedPayload,
};

pub(crate) fn normalize(payload: &VerifiedPayload<'_>, received_at: Timestamp) -> Normalized {
    let raw = payload.raw();
    let unknown =
        |kind: &str, key: String, reason: &str| Normalized::unknown(kind, key, reason, received_at, fragment(raw));
    let body: Value = match serde_json::from_slice(raw) {
        Ok(body) => body,
        Err(error) => return unknown("", body_key(raw, received_at), &format!("the body is not JSON: {error}")),
    };
    let word = text(&body, "/event/event_type");
    // Opaque: a ULID, a UUID or 38 digits. The same on every attempt, unlike anything that a proxy adds.
    let delivery_key = text(&body, "/event/id").map_or_else(|| body_key(raw, received_at), named_key);
    let (Some(word), Some(data)) = (word, body.pointer("/event/data").filter(|data| data.is_object())) else {
        let reason = if body.get("messages").is_some() {
            "this is a webhook of PagerDuty version 1 or 2: make a version 3 subscription"
        } else {
            "the body has no `event.event_type` and `event.data`, so it is no PagerDuty v3 webhook"
        };
        return unknown(word.unwrap_or_default(), delivery_key, reason);
    };
    let Some(kind) = kind(word, data) else {
        return unknown(word, delivery_key, &format!("`{word}` is a kind of event that Firstlook does not know"));
    };
    let occurred_at = time(&body, "/event/occurred_at").unwrap_or(received_at);
    let incident = incident(data);
    let alert = incident.and_then(|incident| alert(incident, occurred_at));
    let external_id = alert.as_ref().map(|alert| alert.external_id.clone()).or_else(|| reference(data));
    let summary = match &alert {
        Some(alert) if kind.role() == EventRole::Opens => alert.title.clone(),
        _ => line(&summary(kind, word, &body, data), LINE_CAP),
    };
    Normalized {
        kind,
        provider_kind: line(word, NAME_CAP),
        delivery_key,
        external_id,
        occurred_at,
        summary,
        alert,
        raw: fragment(raw),
    }
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

/// The incident's id, where the event only refers to it.
fn reference(data: &Value) -> Option<String> {
    id(text(data, "/incident/id")?).ok()
}

fn alert(incident: &Value, occurred_at: Timestamp) -> Option<Alert> {
    let external_id = id(text(incident, "/id")?).ok()?;
    let title = ["/title", "/summary"].iter().find_map(|at| text(incident, at)).map(|title| line(title, LINE_CAP));
    let urgency = text(incident, "/urgency").filter(|urgency| ["high", "low"].contains(urgency)).unwrap_or_default();
    let priority = name(incident, "/priority/summary");
    let links = [
        link("PagerDuty incident", text(incident, "/html_url").unwrap_or_default()),
        link("Conference bridge", text(incident, "/conference_bridge/conference_url").unwrap_or_default()),
    ];
    Some(Alert {
        title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| format!("PagerDuty incident {external_id}")),
        external_id,
        // What the monitor said is not in the webhook.
        description: String::new(),
        severity: severity(&priority, urgency),
        urgency: urgency.to_owned(),
        priority,
        service: Service { id: name(incident, "/service/id"), name: name(incident, "/service/summary") },
        team: name(incident, "/teams/0/summary"),
        labels: labels(incident),
        links: links.into_iter().flatten().collect(),
        started_at: time(incident, "/created_at").unwrap_or(occurred_at),
    })
}

/// Priorities are named by each account; these are the names in use (`P1`, `SEV-2`, `Critical`). Without one the urgency
/// decides, and without that the page counts, since somebody was paged.
fn severity(priority: &str, urgency: &str) -> AlertSeverity {
    let name: String = priority.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match name.as_str() {
        "p1" | "sev1" | "critical" => AlertSeverity::Critical,
        "p2" | "sev2" | "high" => AlertSeverity::High,
        "p3" | "sev3" | "medium" => AlertSeverity::Medium,
        "p4" | "sev4" | "low" => AlertSeverity::Low,
        "p5" | "sev5" | "info" => AlertSeverity::Info,
        _ if urgency == "low" => AlertSeverity::Low,
        _ => AlertSeverity::High,
    }
}

fn labels(incident: &Value) -> BTreeMap<String, String> {
    let number = incident.get("number").and_then(Value::as_u64).map(|number| number.to_string());
    let found = [
        ("number", number.unwrap_or_default()),
        ("incident_key", name(incident, "/incident_key")),
        ("incident_type", name(incident, "/incident_type/name")),
        ("escalation_policy", name(incident, "/escalation_policy/summary")),
    ];
    found.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What happened, by whom, and what they wrote: `annotated by Ben: rolled back`.
fn summary(kind: EventKind, word: &str, body: &Value, data: &Value) -> String {
    let said = ["/content", "/message"].iter().find_map(|at| text(data, at));
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

/// The text at a JSON pointer, if there is some.
fn text<'a>(value: &'a Value, at: &str) -> Option<&'a str> {
    value.pointer(at)?.as_str().filter(|text| !text.is_empty())
}

fn name(value: &Value, at: &str) -> String {
    line(text(value, at).unwrap_or_default(), NAME_CAP)
}

fn time(value: &Value, at: &str) -> Option<Timestamp> {
    text(value, at)?.parse().ok()
}
