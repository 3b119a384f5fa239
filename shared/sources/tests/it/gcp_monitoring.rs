//! What Google Cloud Monitoring's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, now, one, said};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("gcp-monitoring"), changed(&format!("gcp-monitoring/{name}.json"), changes))
}

fn open(changes: &[(&str, Value)]) -> Normalized {
    of("triggered", changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "ping"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("gcp_monitoring_{name}"), said(&[of(name, &[])]));
        });
    }
}

#[test]
fn every_real_body_is_read() {
    use EventKind::{Resolved, Triggered, Unknown};
    let events = hold_captures(
        "gcp_monitoring",
        "gcp-monitoring",
        &[
            ("alerta_open.json", &[(Triggered, true)]),
            ("alerta_closed.json", &[(Resolved, true)]),
            ("forwarder_notif.json", &[(Resolved, true)]),
            // Somebody's tests, who wrap the incident in a `payload` that Google does not send.
            ("keep_mock_5XX_errors_production.json", &[(Unknown, false)]),
            ("keep_mock_database_latency.json", &[(Unknown, false)]),
            ("keep_mock_high_memory_usage.json", &[(Unknown, false)]),
        ],
    );
    if let (Some(open), Some(closed)) = (events.get("alerta_open.json"), events.get("alerta_closed.json")) {
        let (open, closed) = (&open[0], &closed[0]);
        assert_eq!(open.external_id, closed.external_id);
        assert_ne!(open.delivery_key, closed.delivery_key);
        assert!(open.occurred_at < closed.occurred_at && closed.occurred_at < now());
    }
}

#[test]
fn times_are_seconds_and_an_open_incident_has_no_end() {
    let event = open(&[]);
    assert_eq!(event.occurred_at.as_second(), 1_772_442_845);
    assert_eq!(event.alert.unwrap().started_at.as_second(), 1_772_442_845);
    let odd = open(&[("/incident/started_at", json!(0)), ("/incident/ended_at", json!(0))]);
    assert_eq!(odd.occurred_at, now());
}

#[test]
fn i3_an_open_incident_told_again_is_the_same_delivery_and_one_that_opens_again_is_not() {
    let again = open(&[("/incident/observed_value", json!("150"))]);
    assert_eq!(again.delivery_key, open(&[]).delivery_key);
    assert_ne!(open(&[("/incident/started_at", json!(1_772_449_999))]).delivery_key, again.delivery_key);
}

#[test]
fn a_test_of_the_channel_opens_nothing() {
    assert_eq!(open(&[("/version", json!("test"))]).kind, EventKind::Ping);
}

#[test]
fn the_state_is_read_in_any_case_and_another_state_is_recorded() {
    assert_eq!(open(&[("/incident/state", json!("OPEN"))]).kind, EventKind::Triggered);
    assert_eq!(open(&[("/incident/state", json!("acknowledged"))]).kind, EventKind::Unknown);
    assert_eq!(open(&[("/incident/state", json!(null))]).kind, EventKind::Unknown);
}

#[test]
fn the_severity_is_the_policys_else_a_label_else_high() {
    for (severity, label, wanted) in [
        (json!("Error"), json!("low"), AlertSeverity::High),
        (json!("Warning"), json!("low"), AlertSeverity::Medium),
        (json!("No severity"), json!("low"), AlertSeverity::Low),
        (json!(null), json!("whatever"), AlertSeverity::High),
    ] {
        let changes = [("/incident/severity", severity.clone()), ("/incident/policy_user_labels/severity", label)];
        assert_eq!(open(&changes).alert.unwrap().severity, wanted, "{severity}");
    }
}

#[test]
fn documentation_may_be_a_text_or_not_be_there() {
    let text = open(&[("/incident/documentation", json!("Look there."))]).alert.unwrap();
    assert!(text.description.ends_with("\n\nLook there."), "{}", text.description);
    let none = open(&[("/incident/documentation", json!(null))]).alert.unwrap();
    assert!(none.description.starts_with("Request count") && none.links.len() == 1, "{none:?}");
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    for body in ["{}", "[]", r#"{"incident": "x"}"#] {
        let event = one(&known("gcp-monitoring"), body);
        assert_eq!(event.kind, EventKind::Unknown);
        assert!(event.summary.contains("no `incident`"), "{}", event.summary);
    }
}
