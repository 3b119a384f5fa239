//! Zabbix, by the media type docs/sources/zabbix-media-type.yaml: each field is one macro (Zabbix manual, Supported macros).
//!
//! `{EVENT.ID}` is the problem's in every message about it, also when it is over: the recovery has its own beside it.

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first_time, first_word, text, time, word},
    said::{Said, alert, links, service},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

/// The value of a field; nothing where Zabbix had none for its macro.
fn known(body: &Value, at: &str) -> String {
    let word = word(body, at);
    let is_macro = word.starts_with('{') && word.ends_with('}') && !word.starts_with("{\"");
    if is_macro || word == "*UNKNOWN*" { String::new() } else { word }
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    // The button "Test" of the media type leaves the macros as they are.
    if text(body, "/event_id") == Some("{EVENT.ID}") {
        return Said::ping("test", "a test of the media type");
    }
    let id = known(body, "/event_id");
    if id.is_empty() {
        let reason = "the body has no `event_id`: send with the media type of docs/sources/zabbix.md";
        return Said::unknown(first_word(body, &["/value", "/status"]).unwrap_or_default(), reason);
    }
    // Discovery, autoregistration and internal events have no problem behind them.
    let about = known(body, "/event_source");
    if !["", "0", "4"].contains(&about.as_str()) {
        return Said::foreign(&format!("event source {about}"));
    }
    let action = known(body, "/update_action");
    // An update of a problem that is over has the value 0 too, and is not its end.
    let (kind, word, at) = match (known(body, "/update_status").as_str(), known(body, "/event_value").as_str()) {
        ("1", _) => (update(&action), "update", time(body, "/update_timestamp")),
        (_, "1") => (EventKind::Triggered, "problem", time(body, "/event_timestamp")),
        (_, "0") => (EventKind::Resolved, "recovery", time(body, "/recovery_timestamp")),
        (_, value) => {
            let reason = "`event_value` is neither 1 (problem) nor 0 (over): it must be the macro {EVENT.VALUE}";
            return Said::unknown(value, reason);
        }
    };
    let delivery = match word {
        // Each step of an escalation says the same problem again.
        "problem" => Some(format!("{id}/problem")),
        "recovery" => {
            Some(known(body, "/recovery_id")).filter(|id| !id.is_empty()).map(|own| format!("{id}/recovery/{own}"))
        }
        _ => Some(["/update_date", "/update_time"].map(|at| known(body, at)).join(" "))
            .filter(|when| when != " ")
            .map(|when| format!("{id}/update/{when}/{action}")),
    };
    let alert = alert_of(body, &id, received_at);
    let summary = if word == "update" { said(body, kind, &action) } else { String::new() };
    Said { delivery, external_id: Some(id), at, summary, alert: Some(alert), ..Said::new(kind, word) }
}

/// What was done, of a list in words: `acknowledged, commented and changed severity from Warning to High`.
fn update(action: &str) -> EventKind {
    let action = action.to_ascii_lowercase();
    if action.contains("unacknowledged") {
        EventKind::Unacknowledged
    } else if action.contains("acknowledged") {
        EventKind::Acknowledged
    } else if action.contains("commented") {
        EventKind::Annotated
    } else {
        // Closed by hand is here too: its recovery follows by itself.
        EventKind::Updated
    }
}

fn said(body: &Value, kind: EventKind, action: &str) -> String {
    let mut said = if action.is_empty() { kind.as_str().to_owned() } else { action.to_owned() };
    for (before, part) in [(" by ", known(body, "/update_user")), (": ", known(body, "/update_message"))] {
        if !part.is_empty() {
            said.push_str(before);
            said.push_str(&part);
        }
    }
    said
}

fn alert_of(body: &Value, id: &str, received_at: Timestamp) -> Alert {
    let (name, host) = (known(body, "/event_name"), known(body, "/host"));
    let title = match (name.is_empty(), host.is_empty()) {
        (false, _) => name,
        (true, false) => format!("Zabbix problem on {host}"),
        (true, true) => format!("Zabbix problem {id}"),
    };
    let texts = [known(body, "/operational_data"), known(body, "/trigger_description")];
    let mut labels = tags(body);
    for (key, at) in [
        ("host", "/host"),
        ("host_groups", "/host_groups"),
        ("trigger_id", "/trigger_id"),
        ("operational_data", "/operational_data"),
        ("severity", "/severity"),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| known(body, at));
    }
    let tagged = |name: &str| labels.get(name).filter(|value| !value.is_empty()).cloned();
    Alert {
        description: texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        service: service(tagged("service").unwrap_or(host)),
        team: tagged("team").unwrap_or_default(),
        links: links([("Runbook", text(body, "/trigger_url")), ("Zabbix problem", text(body, "/link"))]),
        labels,
        ..alert(title, severity(body), first_time(body, &["/event_timestamp"]).unwrap_or(received_at))
    }
}

/// `{EVENT.TAGSJSON}`, which the script leaves a text where it is not JSON.
fn tags(body: &Value) -> std::collections::BTreeMap<String, String> {
    let list = body.get("tags").filter(|tags| tags.is_array()).and_then(Value::as_array);
    let pairs = list.into_iter().flatten().map(|tag| (word(tag, "/tag"), word(tag, "/value")));
    // A tag may have no value; that it is there says something.
    pairs
        .filter(|(tag, _)| !tag.is_empty())
        .map(|(tag, value)| (tag, if value.is_empty() { "true".to_owned() } else { value }))
        .collect()
}

/// The number comes first: an administrator may have given the words other names.
fn severity(body: &Value) -> AlertSeverity {
    match known(body, "/severity_number").as_str() {
        "5" => AlertSeverity::Critical,
        "4" => AlertSeverity::High,
        "3" => AlertSeverity::Medium,
        "2" => AlertSeverity::Low,
        "1" => AlertSeverity::Info,
        _ => json::severity(&known(body, "/severity")).unwrap_or(AlertSeverity::Medium),
    }
}
