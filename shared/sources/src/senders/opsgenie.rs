//! Outgoing webhooks of Opsgenie and of Jira Service Management operations, which kept its form (Opsgenie documentation,
//! Webhook Integration and Alert Action Data; one action in each request).
//!
//! `createdAt` counts milliseconds, `updatedAt` and `insertedAt` nanoseconds. `priority` is `3` or `"P3"`. `Escalate` says
//! no more of its alert than the id.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole, has_marker};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_word, list, text, time, word},
    said::{Said, alert, links, service},
};

/// Keys of `details` in which people put a runbook's page.
const RUNBOOK: [&str; 4] = ["/runbook", "/runbook_url", "/Runbook", "/runbookUrl"];

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let action = text(body, "/action");
    let (Some(action), Some(said), Some(id)) = (action, body.get("alert"), text(body, "/alert/alertId")) else {
        let reason = if body.get("webhookEvent").is_some() {
            "this is a webhook of Jira's issues: add an outgoing webhook to the operations of a team instead"
        } else {
            "the body has no `action` and `alert.alertId`, so it is no outgoing webhook of Opsgenie or Jira Service Management"
        };
        return Said::unknown(action.unwrap_or_default(), reason);
    };
    let kind = kind(action);
    let changed = time(said, "/updatedAt");
    // An alert is changed at most once in a nanosecond. `Escalate` has no such time and nothing else of its own: the same
    // step can be taken again on another day, so only the hash of its body within five minutes names it.
    let changes = word(said, "/updatedAt");
    let delivery = (!changes.is_empty()).then(|| format!("{id}/{action}/{changes}"));
    if kind == EventKind::Annotated && text(said, "/note").is_some_and(has_marker) {
        return Said { delivery, ..Said::own_note(action) };
    }
    let carries = said.get("message").is_some() || kind.role() == EventRole::Opens;
    Said {
        delivery,
        external_id: Some(id.to_owned()),
        at: changed,
        summary: if kind.role() == EventRole::Opens { String::new() } else { summary(action, body, said) },
        alert: carries.then(|| alert_of(body, said, changed.unwrap_or(received_at))),
        ..Said::new(kind, action)
    }
}

/// Whatever else an action is called, custom ones too, it is about its alert and neither opens nor ends it.
fn kind(action: &str) -> EventKind {
    match action {
        "Create" => EventKind::Triggered,
        "Acknowledge" => EventKind::Acknowledged,
        "UnAcknowledge" => EventKind::Unacknowledged,
        "AddNote" => EventKind::Annotated,
        "Escalate" | "EscalateToNext" | "AssignOwnership" | "TakeOwnership" => EventKind::Escalated,
        // Who deletes an alert wants to hear no more of it.
        "Close" | "Delete" => EventKind::Resolved,
        _ => EventKind::Updated,
    }
}

fn alert_of(body: &Value, said: &Value, changed: Timestamp) -> Alert {
    let priority = priority(said);
    // Whoever made an alert wanted somebody to be told.
    let severity = json::severity(&priority).unwrap_or(AlertSeverity::High);
    let title = text(said, "/message").map(str::to_owned);
    let title = title.unwrap_or_else(|| format!("Opsgenie alert {}", word(said, "/tinyId")).trim_end().to_owned());
    let details = said.get("details").unwrap_or(&Value::Null);
    Alert {
        description: word(said, "/description"),
        priority,
        service: service(word(said, "/entity")),
        team: team(said),
        labels: labels(body, said),
        links: links([("Runbook", first(details, &RUNBOOK))]),
        ..alert(title, severity, json::first_time(said, &["/createdAt", "/insertedAt"]).unwrap_or(changed))
    }
}

/// `P1` to `P5`, however it is written.
fn priority(said: &Value) -> String {
    let priority = word(said, "/priority");
    if matches!(priority.as_str(), "1" | "2" | "3" | "4" | "5") { format!("P{priority}") } else { priority }
}

/// The first team, by its name where that is there and else by its id.
fn team(said: &Value) -> String {
    let responder = list(said, "/responders").iter().find(|one| text(one, "/type") == Some("team"));
    let responder = responder.unwrap_or(&Value::Null);
    let name = first_word(said, &["/teams/0/name"]).or_else(|| first_word(responder, &["/name"]));
    name.or_else(|| first_word(said, &["/teams/0", "/teams/0/id"])).unwrap_or_else(|| word(responder, "/id"))
}

/// What the alert's maker put in `details`, then `key:value` tags, then what Opsgenie knows. Tags that are a bare word stand
/// only in `tags`, which has them all.
fn labels(body: &Value, said: &Value) -> BTreeMap<String, String> {
    let mut labels = json::labels(said.get("details"));
    for (key, value) in json::labels(said.get("tags")).into_iter().filter(|(_, value)| !value.is_empty()) {
        labels.entry(key).or_insert(value);
    }
    let tags: Vec<_> = list(said, "/tags").iter().filter_map(json::scalar).collect();
    let own = [
        ("tags", tags.join(", ")),
        ("alias", word(said, "/alias")),
        ("tiny_id", word(said, "/tinyId")),
        ("entity", word(said, "/entity")),
        ("source", word(said, "/source")),
        ("integration", word(body, "/integrationName")),
    ];
    for (key, value) in own {
        labels.entry(key.to_owned()).or_insert(value);
    }
    labels
}

/// What was done, by whom or to whom, and what they wrote: `AddNote by ben@example.com: rolled back`.
fn summary(action: &str, body: &Value, said: &Value) -> String {
    let mut summary = action.to_owned();
    for (before, part) in [
        (" by ", text(said, "/username")),
        (" to ", first(body, &["/escalationNotify/name", "/alert/owner", "/alert/recipient"])),
        (": ", text(said, "/note")),
    ] {
        if let Some(part) = part {
            summary.push_str(before);
            summary.push_str(part);
        }
    }
    summary
}
