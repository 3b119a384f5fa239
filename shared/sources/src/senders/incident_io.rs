//! incident.io webhooks (incident.io API reference, Webhooks; one event in each request, in any order).
//!
//! `event_type` names the key under which the payload stands. Of a private incident or alert that holds nothing but the id.
//! The delivery is named by the id of the message, which the scheme signs.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_word, list, text, time, word},
    said::{Said, alert, links, service},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let event_type = text(body, "/event_type");
    let payload = event_type.and_then(|event_type| body.get(event_type)).filter(|payload| payload.is_object());
    let (Some(event_type), Some(payload)) = (event_type, payload) else {
        let reason = "the body has no `event_type` and no payload under that name, so it is no webhook of incident.io";
        return Said::unknown(event_type.unwrap_or_default(), reason);
    };
    let (scope, what) = event_type.split_once('.').unwrap_or((event_type, ""));
    // `incident_created_v2`: the form counts up, the event stays.
    let what = what.rsplit_once("_v").map_or(what, |(name, _)| name);
    let private = scope.starts_with("private_");
    match what {
        "alert_created" | "alert_resolved" => alert_event(event_type, what, payload, private, received_at),
        "incident_created" | "incident_updated" | "incident_status_updated" => {
            incident_event(event_type, what, payload, private, received_at)
        }
        "escalation_created" => escalation_event(event_type, payload, payload, private, received_at),
        "escalation_status_updated" => {
            let escalation = payload.get("escalation").unwrap_or(payload);
            escalation_event(event_type, payload, escalation, private, received_at)
        }
        // Shifts, follow-ups, post-mortems, memberships: work around an incident.
        _ => Said::foreign(event_type),
    }
}

fn alert_event<'a>(
    event_type: &str,
    what: &str,
    payload: &'a Value,
    private: bool,
    received_at: Timestamp,
) -> Said<'a> {
    let over = what == "alert_resolved" || text(payload, "/status") == Some("resolved");
    let kind = if over { EventKind::Resolved } else { EventKind::Triggered };
    let created = time(payload, "/created_at");
    let attributes = attributes(payload);
    let mut labels = labels(&attributes);
    labels.insert("visibility".to_owned(), visibility(private).to_owned());
    labels.insert("deduplication_key".to_owned(), word(payload, "/deduplication_key"));
    let severity = ["severity", "priority"].into_iter().find_map(|name| json::severity(named(&attributes, &[name])?));
    let said = Alert {
        description: word(payload, "/description"),
        priority: named(&attributes, &["priority"]).unwrap_or_default().to_owned(),
        service: service(named(&attributes, &["service"]).unwrap_or_default()),
        team: named(&attributes, &["team"]).unwrap_or_default().to_owned(),
        links: links([
            ("Alert", text(payload, "/source_url")),
            ("Runbook", named(&attributes, &["runbook", "playbook"])),
        ]),
        labels,
        ..alert(
            title(payload, "/title", "alert", private),
            severity.unwrap_or(AlertSeverity::High),
            created.unwrap_or(received_at),
        )
    };
    Said {
        external_id: first_word(payload, &["/id"]),
        at: if over { time(payload, "/resolved_at") } else { created },
        alert: Some(said),
        ..Said::new(kind, event_type)
    }
}

fn incident_event<'a>(
    event_type: &str,
    what: &str,
    payload: &'a Value,
    private: bool,
    received_at: Timestamp,
) -> Said<'a> {
    let incident = payload.get("incident").filter(|incident| incident.is_object()).unwrap_or(payload);
    let mode = text(incident, "/mode").unwrap_or_default();
    if matches!(mode, "test" | "tutorial") {
        return Said::ping(event_type, format!("an incident of mode `{mode}`: {}", word(incident, "/name")));
    }
    let category = first(payload, &["/new_status/category", "/incident/incident_status/category"])
        .or_else(|| text(incident, "/incident_status/category"));
    let before = text(payload, "/previous_status/category");
    let kind = match what {
        "incident_created" => opened(category, mode),
        "incident_status_updated" => moved(category, before),
        _ => EventKind::Updated,
    };
    let created = time(incident, "/created_at");
    let changed = time(incident, "/updated_at").or(created);
    let (now, then) = (text(payload, "/new_status/name"), text(payload, "/previous_status/name"));
    let summary = match (now, then) {
        (Some(now), Some(then)) if kind.role() != EventRole::Opens => {
            let said = text(payload, "/message").map(|said| format!(": {said}")).unwrap_or_default();
            format!("{then} to {now}{said}")
        }
        _ => String::new(),
    };
    Said {
        external_id: first_word(incident, &["/id"]),
        at: if what == "incident_created" { created } else { changed },
        summary,
        alert: Some(alert_of(incident, private, created.unwrap_or(received_at))),
        ..Said::new(kind, event_type)
    }
}

/// What a new incident is. One that is written down afterwards, or was over before it was sent, does not open.
fn opened(category: Option<&str>, mode: &str) -> EventKind {
    match (ended(category), category) {
        (Some(ended), _) => ended,
        (None, Some("paused")) => EventKind::Updated,
        _ if mode == "retrospective" => EventKind::Updated,
        _ => EventKind::Triggered,
    }
}

fn moved(category: Option<&str>, before: Option<&str>) -> EventKind {
    match (ended(category), category) {
        (Some(ended), _) => ended,
        (None, Some("triage" | "live")) if ended(before).is_some() => EventKind::Reopened,
        _ => EventKind::Updated,
    }
}

/// The categories in which nobody works on the trouble any more. `learning` is what follows the fix.
fn ended(category: Option<&str>) -> Option<EventKind> {
    match category? {
        "learning" | "closed" | "declined" | "canceled" | "cancelled" => Some(EventKind::Resolved),
        "merged" => Some(EventKind::Merged),
        _ => None,
    }
}

fn alert_of(incident: &Value, private: bool, created: Timestamp) -> Alert {
    let fields = custom_fields(incident);
    let severity = text(incident, "/severity/name").unwrap_or_default();
    let mut labels = labels(&fields);
    let own = [
        ("reference", "/reference"),
        ("status", "/incident_status/name"),
        ("incident_type", "/incident_type/name"),
        ("mode", "/mode"),
        ("slack_channel", "/slack_channel_name"),
    ];
    labels.extend(own.into_iter().map(|(key, at)| (key.to_owned(), word(incident, at))));
    labels.insert("visibility".to_owned(), first(incident, &["/visibility"]).unwrap_or(visibility(private)).to_owned());
    Alert {
        description: word(incident, "/summary"),
        priority: severity.to_owned(),
        service: service(named(&fields, &["service"]).unwrap_or_default()),
        team: named(&fields, &["team"]).unwrap_or_default().to_owned(),
        links: links([
            ("incident.io incident", text(incident, "/permalink")),
            ("Runbook", named(&fields, &["runbook", "playbook"])),
            ("Call", text(incident, "/call_url")),
            ("Issue", text(incident, "/external_issue_reference/issue_permalink")),
        ]),
        labels,
        // Severities are named by each account; without one that is known the page counts.
        ..alert(
            title(incident, "/name", "incident", private),
            json::severity(severity).unwrap_or(AlertSeverity::High),
            impact(incident).unwrap_or(created),
        )
    }
}

/// When people say that it began, where they do.
fn impact(incident: &Value) -> Option<Timestamp> {
    let entries = list(incident, "/incident_timestamp_values").iter();
    let of = |entry: &&Value| word(entry, "/incident_timestamp/name").eq_ignore_ascii_case("impact started");
    time(entries.clone().find(of)?, "/value/value")
}

/// Somebody is paged. Where an alert did that, it attaches to the alert, and what becomes of the page does not end it. Any
/// other is a page of its own: alerts and incidents are related to it only later, and its id must be the same for life.
fn escalation_event<'a>(
    event_type: &str,
    payload: &'a Value,
    escalation: &'a Value,
    private: bool,
    received_at: Timestamp,
) -> Said<'a> {
    let about = first_word(escalation, &["/creator/alert/id"]);
    let status = first(payload, &["/new_status"]).or_else(|| text(escalation, "/status")).unwrap_or_default();
    let created = event_type.contains("escalation_created");
    let kind = match (status, about.is_some()) {
        ("acked", _) => EventKind::Acknowledged,
        ("resolved" | "cancelled", false) => EventKind::Resolved,
        ("pending" | "triggered" | "", true) if created => EventKind::Escalated,
        ("triggered", true) => EventKind::Escalated,
        ("pending" | "triggered" | "", false) if created => EventKind::Triggered,
        _ => EventKind::Updated,
    };
    let began = time(escalation, "/created_at");
    let name = text(escalation, "/title").unwrap_or("incident.io escalation");
    let priority = word(escalation, "/priority/name");
    let own = about.is_none().then(|| Alert {
        description: word(escalation, "/description"),
        priority: priority.clone(),
        labels: BTreeMap::from([("visibility".to_owned(), visibility(private).to_owned())]),
        ..alert(name, json::severity(&priority).unwrap_or(AlertSeverity::High), began.unwrap_or(received_at))
    });
    Said {
        external_id: about.or_else(|| first_word(escalation, &["/id"])),
        at: if created { began } else { time(escalation, "/updated_at") },
        summary: if kind == EventKind::Triggered { String::new() } else { format!("escalation {status}: {name}") },
        alert: own,
        ..Said::new(kind, event_type)
    }
}

fn title(of: &Value, at: &str, what: &str, private: bool) -> String {
    let unnamed = || format!("{} incident.io {what} {}", if private { "Private" } else { "Unnamed" }, word(of, "/id"));
    text(of, at).map_or_else(unnamed, str::to_owned)
}

fn visibility(private: bool) -> &'static str {
    if private { "private" } else { "public" }
}

/// What people named, with its values.
type Named = BTreeMap<String, Vec<String>>;

/// The first value of what is called one of `words`, or else of what holds one in its name.
fn named<'l>(values: &'l Named, words: &[&str]) -> Option<&'l str> {
    let of = |fits: &dyn Fn(&str, &str) -> bool| {
        let find = |word: &&str| values.iter().find(|(name, _)| fits(&name.to_ascii_lowercase(), word));
        words.iter().find_map(find).and_then(|(_, values)| values.first())
    };
    of(&|name, word| name == word).or_else(|| of(&|name, word| name.contains(word))).map(String::as_str)
}

/// Several values of one name stand in one text.
fn labels(values: &Named) -> BTreeMap<String, String> {
    values.iter().map(|(name, values)| (name.clone(), values.join(", "))).collect()
}

/// The attributes of an alert.
fn attributes(payload: &Value) -> Named {
    let value = |value: &Value| first_word(value, &["/catalog_entry/name", "/label", "/literal"]);
    let entries = list(payload, "/attributes").iter().filter_map(|entry| {
        let one = entry.get("value").and_then(value);
        let all = || list(entry, "/array_value").iter().filter_map(value).collect();
        Some((first_word(entry, &["/attribute/name"])?, one.map_or_else(all, |one| vec![one])))
    });
    entries.collect()
}

/// The custom fields of an incident.
fn custom_fields(incident: &Value) -> Named {
    let places = ["/value_catalog_entry/name", "/value_option/value", "/value_link", "/value_text", "/value_numeric"];
    let entries = list(incident, "/custom_field_entries").iter().filter_map(|entry| {
        let values = list(entry, "/values").iter().filter_map(|value| first_word(value, &places));
        Some((first_word(entry, &["/custom_field/name"])?, values.collect()))
    });
    entries.collect()
}
