//! Splunk On-Call, once VictorOps (Splunk On-Call documentation, Custom outbound webhooks and Webhooks in escalation
//! policies; one incident in each request).
//!
//! An outgoing webhook's body is a template that the customer writes of `INCIDENT.*`, `ALERT.*` and `STATE.*`: flat keys with
//! dots, also for lists, some in upper and some in lower case; who relays them may nest them. An escalation policy's webhook
//! is a form with the alert's fields, each value a JSON string with its quotes. The parts of one body may contradict each
//! other: the incident's phase is what is true.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json,
    said::{Said, alert, links, service},
};

/// How deep a nested body is read.
const DEPTH: usize = 8;

/// The longest key with dots that is read, in bytes. Each field has a key of its own, so one long name over a long list
/// would be that name as often as the list has elements.
const KEY_CAP: usize = 256;

/// The most fields that are read; a template that a person writes has a hundred.
const MAX_FIELDS: usize = 4096;

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(&Fields::of(body), received_at)]
}

fn event<'a>(fields: &Fields, received_at: Timestamp) -> Said<'a> {
    let incident = fields.first(&["incident.incident_id", "incident", "incident.incident_name", "state.incident_name"]);
    let id = incident.map(|id| id.trim_start_matches('#')).or_else(|| fields.first(&["alert.entity_id", "entity_id"]));
    let phase = fields.first(&["incident.current_phase", "state.current_alert_phase"]);
    let message = fields.first(&["alert.message_type", "message_type", "alert.alert_type", "alert_type"]);
    let Some((word, kind)) = kind(fields, phase, message) else {
        let reason = match (phase, message) {
            (None, None) => {
                "the body has no `INCIDENT.CURRENT_PHASE` and no `message_type`: use the payload of docs/sources/splunk-oncall.md"
            }
            _ => "the incident is in a phase that Firstlook does not know",
        };
        return Said::unknown(phase.or(message).unwrap_or_default(), reason);
    };
    if word.starts_with("ONCALL") {
        return Said::foreign(&word);
    }
    let at = match kind {
        EventKind::Triggered => fields.first_time(&["incident.incident_timestamp", "state.incident_timestamp"]),
        EventKind::Acknowledged => fields.first_time(&["state.acked_at"]),
        EventKind::Resolved => fields.first_time(&["state.resolved_at"]),
        _ => None,
    };
    let marks = ["incident.sequencing.sequence", "incident.latest_alert_uuid", "state.last_timestamp", "alert.vo_uuid"];
    let marks: Vec<_> = marks.into_iter().chain(["vo_uuid", "chat.text", "page.attempt_number"]).collect();
    let marked = marks.iter().any(|mark| fields.get(mark).is_some());
    let marks: Vec<_> = marks.iter().map(|mark| fields.get(mark).unwrap_or_default()).collect();
    Said {
        // The phase goes in too, since a snapshot may have the sequence of an earlier one.
        delivery: id.filter(|_| marked).map(|id| format!("{id}/{word}/{}", marks.join("/").trim_end_matches('/'))),
        external_id: id.map(str::to_owned),
        at,
        summary: if kind.role() == EventRole::Opens { String::new() } else { summary(fields, kind) },
        alert: fields.first(&["alert.entity_id", "entity_id"]).or(incident).map(|_| alert_of(fields, id, received_at)),
        ..Said::new(kind, word)
    }
}

/// What happened. A chat or a page carries the phase of its incident, and is neither its beginning nor its end.
fn kind(fields: &Fields, phase: Option<&str>, message: Option<&str>) -> Option<(String, EventKind)> {
    let has = |part: &str| fields.0.keys().any(|key| key.starts_with(part));
    let about = [
        ("chat.", "CHAT", EventKind::Annotated),
        ("page.", "PAGE", EventKind::Updated),
        ("oncall.", "ONCALL", EventKind::Unknown),
    ];
    if let Some((_, word, kind)) = about.into_iter().find(|(part, ..)| has(part)) {
        return Some((word.to_owned(), kind));
    }
    let (word, kind) = match phase.map(str::to_ascii_uppercase) {
        Some(phase) => {
            let kind = match phase.as_str() {
                "UNACKED" | "TRIGGERED" => EventKind::Triggered,
                "ACKED" | "ACKNOWLEDGED" => EventKind::Acknowledged,
                "RESOLVED" => EventKind::Resolved,
                "SNOOZED" => EventKind::Updated,
                _ => return None,
            };
            (phase, kind)
        }
        None => {
            let message = message?.to_ascii_uppercase();
            let kind = match message.as_str() {
                // A page about a warning is a page.
                "CRITICAL" | "WARNING" => EventKind::Triggered,
                "ACKNOWLEDGEMENT" | "ACK" => EventKind::Acknowledged,
                "RECOVERY" | "OK" => EventKind::Resolved,
                "INFO" => EventKind::Updated,
                _ => return None,
            };
            (message, kind)
        }
    };
    Some((word, kind))
}

fn alert_of(fields: &Fields, id: Option<&str>, received_at: Timestamp) -> Alert {
    let names = [
        "incident.entity_display_name",
        "alert.entity_display_name",
        "entity_display_name",
        "state.entity_display_name",
    ];
    let subjects = ["alert.subject", "incident.service", "state.service", "alert.entity_id", "entity_id"];
    let title = fields.first(&names).or_else(|| fields.first(&subjects)).map(str::to_owned);
    let title = title.unwrap_or_else(|| format!("Splunk On-Call incident {}", id.unwrap_or_default()));
    let states =
        ["incident.entity_state", "state.current_state", "alert.entity_state", "entity_state", "alert.message_type"];
    // What is over says OK of itself; that is no severity.
    let severity = states.into_iter().find_map(|at| json::severity(fields.get(at)?)).unwrap_or(AlertSeverity::High);
    let began =
        ["incident.incident_timestamp", "state.incident_timestamp", "alert.vo_alert_rcv_time", "vo_alert_rcv_time"];
    let teams = ["incident.policies_paged.0.team.name", "incident.teams_paged.0", "state.teams_paged.0"];
    let hurt = ["incident.service", "state.service", "service", "incident.host", "state.host", "host"];
    let pages = fields.under("vo_annotate.u.");
    let runbook = |title: &&str| title.to_ascii_lowercase().contains("runbook");
    let pages = pages.map(|(title, url)| (if runbook(&title) { "Runbook" } else { title }, Some(url)));
    let info = [("Alert", fields.first(&["state.info_url", "alert.alert_url", "alert_url"]))];
    Alert {
        description: fields.first(&["alert.state_message", "state_message"]).unwrap_or_default().to_owned(),
        service: service(fields.first(&hurt).unwrap_or_default()),
        team: fields.first(&teams).unwrap_or_default().to_owned(),
        labels: labels(fields),
        links: links(pages.chain(info)),
        ..alert(title, severity, fields.first_time(&began).unwrap_or(received_at))
    }
}

/// What the monitor sent, whose own fields may be anything, and the incident's tags.
fn labels(fields: &Fields) -> BTreeMap<String, String> {
    // They stand elsewhere in the alert, or are Splunk On-Call's own bookkeeping.
    const ELSEWHERE: [&str; 3] = ["state_message", "entity_display_name", "subject"];
    let mut labels = BTreeMap::new();
    for (key, value) in fields.under("").filter(|(key, _)| !ELSEWHERE.contains(key) && !key.starts_with("vo_")) {
        labels.insert(key.to_owned(), value.to_owned());
    }
    let tags = fields.0.iter().filter(|(key, _)| key.starts_with("incident.tags."));
    labels.insert("tags".to_owned(), tags.map(|(_, tag)| tag.as_str()).collect::<Vec<_>>().join(", "));
    for (key, at) in [("host", "incident.host"), ("entity_type", "incident.entity_type")] {
        labels.entry(key.to_owned()).or_insert_with(|| fields.get(at).unwrap_or_default().to_owned());
    }
    labels
}

fn summary(fields: &Fields, kind: EventKind) -> String {
    let who = match kind {
        EventKind::Acknowledged => fields.first(&["state.acked_by", "state.ack_user", "alert.ack_author"]),
        EventKind::Resolved => fields.first(&["state.resolved_by"]),
        EventKind::Annotated => fields.first(&["chat.user_id", "chat.username"]),
        _ => None,
    };
    let mut summary = kind.as_str().to_owned();
    for (before, part) in [(" by ", who), (": ", fields.first(&["chat.text", "incident.entity_display_name"]))] {
        if let Some(part) = part {
            summary.push_str(before);
            summary.push_str(part);
        }
    }
    summary
}

/// The scalars of a body by their keys with dots, in lower case, without the quotes of JSON strings.
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn of(body: &Value) -> Self {
        let mut fields = BTreeMap::new();
        flatten(body, String::new(), DEPTH, &mut fields);
        Self(fields)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    fn first_time(&self, keys: &[&str]) -> Option<Timestamp> {
        keys.iter().find_map(|key| json::moment(self.get(key)?))
    }

    /// The alert's fields that begin with `part`, which is left out: `alert.*`, and in a form those without a dot.
    fn under<'f>(&'f self, part: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        let form = !self.0.keys().any(|key| key.starts_with("alert."));
        self.0.iter().filter_map(move |(key, value)| {
            let other = key.starts_with("incident.") || key.starts_with("state.");
            let own = if form { Some(key.as_str()).filter(|_| !other) } else { key.strip_prefix("alert.") };
            Some((own?.strip_prefix(part)?, value.as_str()))
        })
    }
}

fn flatten(value: &Value, key: String, depth: usize, fields: &mut BTreeMap<String, String>) {
    if fields.len() >= MAX_FIELDS {
        return;
    }
    let mut below = |name: &str, inner: &Value| {
        if key.len() + 1 + name.len() <= KEY_CAP {
            let name = name.to_lowercase();
            let joined = if key.is_empty() { name } else { format!("{key}.{name}") };
            flatten(inner, joined, depth.saturating_sub(1), fields);
        }
    };
    match value {
        Value::Object(map) if depth > 0 => map.iter().for_each(|(name, inner)| below(name, inner)),
        Value::Array(list) if depth > 0 => {
            list.iter().enumerate().for_each(|(at, inner)| below(&at.to_string(), inner));
        }
        value => {
            let text = json::scalar(value).map(|text| serde_json::from_str::<String>(&text).unwrap_or(text));
            // A variable that stands for nothing comes as `null`, or as it was written.
            if let Some(text) = text.filter(|text| text != "null" && !text.starts_with("${{")) {
                fields.entry(key).or_insert_with(|| text.trim().to_owned());
            }
        }
    }
}
