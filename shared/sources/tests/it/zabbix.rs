//! What Zabbix says through the project's media type.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, one, said, sample};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("zabbix"), changed(&format!("zabbix/{name}.json"), changes))
}

fn problem(changes: &[(&str, Value)]) -> Normalized {
    of("triggered", changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "acknowledged", "resolved", "ping"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("zabbix_{name}"), said(&[of(name, &[])]));
        });
    }
}

/// It was made by another media type, without the event's id.
#[test]
fn every_real_body_is_read() {
    let events = hold_captures(
        "zabbix",
        "zabbix",
        &[("zabbix_invalid_payload_with_missing_data.json", &[(EventKind::Unknown, false)])],
    );
    for event in events.values().flatten() {
        assert!(event.summary.contains("docs/sources/zabbix.md"), "{}", event.summary);
    }
}

#[test]
fn a_recovery_belongs_to_the_problems_event() {
    let (open, over) = (problem(&[]), of("resolved", &[]));
    assert_eq!((open.external_id.as_deref(), over.external_id.as_deref()), (Some("10528"), Some("10528")));
    assert_eq!((open.delivery_key.as_str(), over.delivery_key.as_str()), ("10528/problem", "10528/recovery/10541"));
}

#[test]
fn i3_each_step_of_an_escalation_is_the_same_delivery() {
    assert_eq!(problem(&[("/operational_data", json!("150 in 5 min"))]).delivery_key, problem(&[]).delivery_key);
}

/// Somebody may comment on a problem that is over.
#[test]
fn an_update_is_no_end_and_no_opening_whatever_the_events_value_is() {
    use EventKind::{Acknowledged, Annotated, Unacknowledged, Updated};
    for value in ["0", "1"] {
        for (action, kind) in [
            ("acknowledged", Acknowledged),
            ("acknowledged, commented and closed", Acknowledged),
            ("unacknowledged", Unacknowledged),
            ("commented", Annotated),
            ("changed severity from Warning to High", Updated),
            ("closed", Updated),
            ("{EVENT.UPDATE.ACTION}", Updated),
        ] {
            let changes =
                [("/event_value", json!(value)), ("/update_action", json!(action)), ("/update_status", json!("1"))];
            assert_eq!(problem(&changes).kind, kind, "{value} {action}");
        }
    }
}

#[test]
fn the_test_button_and_events_without_a_problem_open_nothing() {
    assert_eq!(of("ping", &[]).kind, EventKind::Ping);
    for source in ["1", "2", "3"] {
        assert_eq!(problem(&[("/event_source", json!(source))]).kind, EventKind::Unknown, "{source}");
    }
    assert_eq!(problem(&[("/event_source", json!("4"))]).kind, EventKind::Triggered);
    assert_eq!(problem(&[("/event_value", json!("PROBLEM"))]).kind, EventKind::Unknown);
}

#[test]
fn the_severitys_number_counts_before_its_word() {
    use AlertSeverity::{Critical, High, Info, Low, Medium};
    for (number, word, severity) in [
        ("5", "Katastrophe", Critical),
        ("4", "Information", High),
        ("3", "", Medium),
        ("2", "", Low),
        ("1", "", Info),
        ("0", "Not classified", Medium),
        ("{EVENT.NSEVERITY}", "Disaster", Critical),
    ] {
        let event = problem(&[("/severity_number", json!(number)), ("/severity", json!(word))]);
        assert_eq!(event.alert.unwrap().severity, severity, "{number} {word}");
    }
}

#[test]
fn a_macro_that_zabbix_had_no_value_for_says_nothing() {
    let event = problem(&[("/operational_data", json!("*UNKNOWN*")), ("/trigger_url", json!("{TRIGGER.URL}"))]);
    let alert = event.alert.unwrap();
    assert!(!alert.labels.contains_key("operational_data") && alert.links.len() == 1, "{alert:?}");
    assert_eq!(one(&known("zabbix"), r#"{"event_id": "{EVENT.ID}"}"#).kind, EventKind::Ping);
}

/// The media type sends the fields that are read, and no macro is mistyped in a way that the sample would not show.
#[test]
fn the_media_type_sends_the_fields_of_the_samples() {
    let media_type = include_str!("../../../../docs/sources/zabbix-media-type.yaml");
    let mut names: Vec<String> = media_type
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("- name: ")?.to_owned()))
        .filter(|name| !["Firstlook", "firstlook_url", "firstlook_token", "zabbix_url"].contains(&name.as_str()))
        .collect();
    // The script makes the link of the server's address.
    names.push("link".to_owned());
    names.sort();
    let sample: Value = serde_json::from_slice(&sample("zabbix/triggered.json")).unwrap();
    let mut fields: Vec<String> = sample.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(names, fields);
}
