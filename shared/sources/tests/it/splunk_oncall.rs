//! What Splunk On-Call's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::{
    reviewed::{Row, every_capture, form, samples},
    support::{changed, known, one, sample},
};

fn with(file: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("splunk-oncall"), changed(&format!("splunk-oncall/{file}.json"), changes))
}

fn told(body: Value) -> Normalized {
    one(&known("splunk-oncall"), body.to_string())
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(&known("splunk-oncall"), &["triggered.json", "acknowledged.json", "resolved.json", "escalation.txt"]);
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Resolved, Triggered};
    let rows: &[Row<'_>] = &[
        ("form_incident_created.txt", Triggered, Some("31"), true),
        ("nested_resolved_2022_relay.json", Resolved, Some("12"), true),
        // Its parts contradict each other: the incident's phase is right.
        ("raw_resolved_phase_2022_capture.json", Resolved, Some("9"), true),
        ("raw_triggered_2020_capture.json", Triggered, Some("14"), true),
    ];
    every_capture(&known("splunk-oncall"), "splunk_oncall", rows);
}

#[test]
fn all_events_of_an_incident_have_its_number() {
    let ids = ["triggered", "acknowledged", "resolved"].map(|file| with(file, &[]).external_id);
    assert!(ids.iter().all(|id| id.as_deref() == Some("2041")), "{ids:?}");
    let escalated = form(&known("splunk-oncall"), &sample("splunk-oncall/escalation.txt"));
    assert_eq!(escalated.external_id.as_deref(), Some("2041"));
}

#[test]
fn the_phase_of_the_incident_wins_over_all_else() {
    let event = with("triggered", &[("/INCIDENT.CURRENT_PHASE", json!("RESOLVED"))]);
    assert_eq!(event.kind, EventKind::Resolved);
    let event = with("resolved", &[("/INCIDENT.CURRENT_PHASE", json!("unacked"))]);
    assert_eq!(event.kind, EventKind::Triggered);
    let event = with("triggered", &[("/INCIDENT.CURRENT_PHASE", json!("TOMORROW"))]);
    assert_eq!((event.kind, event.external_id), (EventKind::Unknown, None));
}

#[test]
fn without_a_phase_the_kind_of_message_says_it() {
    use EventKind::{Acknowledged, Resolved, Triggered, Unknown, Updated};
    for (message, kind) in [
        ("CRITICAL", Triggered),
        ("WARNING", Triggered),
        ("ACKNOWLEDGEMENT", Acknowledged),
        ("RECOVERY", Resolved),
        ("INFO", Updated),
        ("TOMORROW", Unknown),
    ] {
        let event = told(json!({"incident": 7, "message_type": message, "entity_id": "checkout"}));
        assert_eq!(event.kind, kind, "{message}");
    }
}

#[test]
fn keys_are_flat_or_nested_in_upper_or_lower_case() {
    let flat = with("triggered", &[]);
    let body: Value = serde_json::from_slice(&sample("splunk-oncall/triggered.json")).unwrap();
    let mut nested = json!({"incident": {}, "alert": {}, "state": {}});
    for (key, value) in body.as_object().unwrap() {
        let (part, rest) = key.split_once('.').unwrap();
        nested[part.to_lowercase()][rest.to_lowercase()] = value.clone();
    }
    let nested = told(nested);
    assert_eq!(
        (nested.kind, &nested.delivery_key, &nested.external_id),
        (flat.kind, &flat.delivery_key, &flat.external_id)
    );
    assert_eq!(nested.alert, flat.alert);
}

#[test]
fn the_quotes_in_a_form_are_not_a_part_of_its_values() {
    let event = form(
        &known("splunk-oncall"),
        b"incident=31&message_type=%22CRITICAL%22&entity_id=%22a%20%5C%22b%5C%22%22&summary=",
    );
    let alert = event.alert.unwrap();
    assert_eq!((event.kind, alert.title.as_str()), (EventKind::Triggered, "a \"b\""));
    assert_eq!(alert.labels["message_type"], "CRITICAL");
}

#[test]
fn a_variable_that_stands_for_nothing_is_nothing() {
    let event = with(
        "triggered",
        &[
            ("/INCIDENT.CURRENT_PHASE", json!("${{INCIDENT.CURRENT_PHASE}}")),
            ("/STATE.CURRENT_ALERT_PHASE", json!("null")),
            ("/ALERT.message_type", json!("RECOVERY")),
        ],
    );
    assert_eq!(event.kind, EventKind::Resolved);
}

#[test]
fn a_chat_or_a_page_in_an_incident_neither_opens_nor_ends_it() {
    use EventKind::{Annotated, Unknown, Updated};
    for (key, kind) in [("CHAT.TEXT", Annotated), ("PAGE.ATTEMPT_NUMBER", Updated), ("ONCALL.USER_ID", Unknown)] {
        for file in ["triggered", "resolved"] {
            let mut body: Value = serde_json::from_slice(&sample(&format!("splunk-oncall/{file}.json"))).unwrap();
            body[key] = json!("x");
            assert_eq!(told(body).kind, kind, "{key} {file}");
        }
    }
}

#[test]
fn i3_each_step_of_an_incident_is_a_delivery_of_its_own() {
    let keys = ["triggered", "acknowledged", "resolved"].map(|file| with(file, &[]).delivery_key);
    assert!(keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
    let later = with("acknowledged", &[("/INCIDENT.SEQUENCING.SEQUENCE", json!(380))]);
    assert_ne!(later.delivery_key, keys[1]);
    // A template that holds no more than the number: another one may be the same in a year.
    let bare = told(json!({"INCIDENT.INCIDENT_ID": "1", "INCIDENT.CURRENT_PHASE": "ACKED"}));
    assert!(bare.delivery_key.starts_with("sha256:"), "{}", bare.delivery_key);
}

#[test]
fn a_state_that_is_no_severity_counts() {
    for (state, severity) in [
        ("CRITICAL", AlertSeverity::Critical),
        ("WARNING", AlertSeverity::Medium),
        ("OK", AlertSeverity::High),
        ("UP", AlertSeverity::High),
    ] {
        let changes = [("/INCIDENT.ENTITY_STATE", json!(state)), ("/ALERT.message_type", json!("x"))];
        assert_eq!(with("triggered", &changes).alert.unwrap().severity, severity, "{state}");
    }
}

#[test]
fn i1_what_is_not_its_form_is_recorded_with_the_reason() {
    for body in [json!({}), json!([]), json!({"text": "hello"}), json!(null), json!("x")] {
        let event = told(body.clone());
        assert_eq!(event.kind, EventKind::Unknown, "{body}");
        assert!(event.summary.contains("no `INCIDENT.CURRENT_PHASE`"), "{}", event.summary);
    }
}

/// Each field has its own key, so one long name over a long list would be that name many thousand times.
#[test]
fn the_fields_of_a_body_are_read_up_to_a_bound() {
    let phase = json!({"current_phase": "UNACKED", "incident_id": 7});
    let long = "k".repeat(300);
    let event = told(json!({"incident": phase, "alert": {"entity_id": "checkout", long: vec![1; 200_000]}}));
    assert_eq!((event.kind, event.external_id.as_deref()), (EventKind::Triggered, Some("7")));
    let labels = event.alert.unwrap().labels;
    assert!(labels.keys().all(|name| !name.starts_with("kk")), "{labels:?}");
    // A key that just fits is read, and one that is joined past the bound is not.
    let (fits, joined) = ("f".repeat(250), "j".repeat(240));
    let event = told(
        json!({"incident": phase, "alert": {"entity_id": "x", fits.clone(): "a", joined.clone(): {"deep_down": {"in": "b"}}}}),
    );
    let labels = event.alert.unwrap().labels;
    assert_eq!(labels.get(&fits).map(String::as_str), Some("a"));
    assert!(labels.keys().all(|name| !name.starts_with(&joined)), "{labels:?}");
    // More fields than are read: what they are about comes last and is not seen, and that is recorded.
    let event = told(json!({"a": vec![1; 5_000], "incident": phase}));
    assert_eq!((event.kind, event.external_id), (EventKind::Unknown, None));
    let event = told(json!({"a": vec![1; 4_000], "incident": phase}));
    assert_eq!(event.kind, EventKind::Triggered);
}
