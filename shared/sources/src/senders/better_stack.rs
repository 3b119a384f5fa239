//! Better Stack's outgoing webhooks (Better Stack documentation, Webhooks): a JSON:API document, for incidents with the
//! word for what happened beside it.

use domain::{Alert, AlertSeverity, EventKind, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first_word, scalar, text, time, word},
    said::{Said, alert, links},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let word_for = text(body, "/event").unwrap_or_default();
    let about = text(body, "/data/type").unwrap_or_default();
    let Some(incident) = body.pointer("/data/attributes").filter(|attributes| attributes.is_object()) else {
        let reason = "the body has no `data.attributes`, so it is no webhook of Better Stack";
        return Said::unknown(word_for, reason);
    };
    // Monitors that are made, paused or deleted, and who is on call.
    if about != "incident" {
        return Said::foreign(&format!("{about} {word_for}"));
    }
    let Some(kind) = kind(word_for, incident) else { return Said::foreign(word_for) };
    let started_at = time(incident, "/started_at");
    let at = match kind {
        EventKind::Resolved => time(incident, "/resolved_at"),
        EventKind::Acknowledged => time(incident, "/acknowledged_at"),
        EventKind::Triggered => started_at,
        // Of the rest the body has no time. That of the beginning would stand before the end that a reopening undoes.
        _ => None,
    };
    let id = word(body, "/data/id");
    let settled = matches!(kind, EventKind::Triggered | EventKind::Acknowledged | EventKind::Resolved);
    let delivery = at.filter(|_| settled && !id.is_empty()).map(|at| format!("{id}/{}/{at}", kind.as_str()));
    let alert = alert_of(body, incident, started_at.unwrap_or(received_at));
    let external_id = (!id.is_empty()).then_some(id);
    let word_for = if word_for.is_empty() { kind.as_str() } else { word_for };
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, word_for) }
}

/// By the word, and where there is none by which of the times are set.
fn kind(word: &str, incident: &Value) -> Option<EventKind> {
    Some(match word.trim_start_matches("incident.").to_ascii_lowercase().as_str() {
        "started" | "created" => EventKind::Triggered,
        "reopened" => EventKind::Reopened,
        "acknowledged" => EventKind::Acknowledged,
        "unacknowledged" => EventKind::Unacknowledged,
        "escalated" => EventKind::Escalated,
        "commented" | "comment_added" => EventKind::Annotated,
        "updated" => EventKind::Updated,
        "resolved" => EventKind::Resolved,
        "" if incident.get("resolved_at").is_some_and(|at| !at.is_null()) => EventKind::Resolved,
        "" if incident.get("acknowledged_at").is_some_and(|at| !at.is_null()) => EventKind::Acknowledged,
        "" => EventKind::Triggered,
        _ => return None,
    })
}

fn alert_of(body: &Value, incident: &Value, started_at: Timestamp) -> Alert {
    let (name, cause) = (word(incident, "/name"), word(incident, "/cause"));
    let said = [name.as_str(), cause.as_str()];
    let title = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    let monitor = first_word(body, &["/data/relationships/monitor/data/id", "/data/relationships/heartbeat/data/id"]);
    let mut labels = std::collections::BTreeMap::new();
    for (key, value) in incident.get("metadata").and_then(Value::as_object).into_iter().flatten() {
        // Each name has a list of typed values.
        let value = scalar(value).or_else(|| first_word(value, &["/0/value", "/0", "/value"]));
        labels.insert(key.clone(), value.unwrap_or_default());
    }
    for (key, at) in [("cause", "/cause"), ("http_method", "/http_method"), ("region", "/regions/0"), ("url", "/url")] {
        labels.entry(key.to_owned()).or_insert_with(|| word(incident, at));
    }
    let severity = ["severity", "priority"].iter().find_map(|key| json::severity(labels.get(*key)?));
    Alert {
        description: first_word(incident, &["/monitor_summary", "/summary", "/response_content"]).unwrap_or_default(),
        service: Service { id: monitor.unwrap_or_default(), name },
        team: word(incident, "/team_name"),
        links: links([
            ("Monitored page", text(incident, "/url")),
            ("Response", text(incident, "/response_url")),
            ("Screenshot", text(incident, "/screenshot_url")),
            ("Origin", text(incident, "/origin_url")),
        ]),
        labels,
        // It says no severity; whoever is paged for it counts.
        ..alert(title, severity.unwrap_or(AlertSeverity::High), started_at)
    }
}
