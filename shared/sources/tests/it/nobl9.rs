//! What Nobl9's webhook alert method says, by our fields and by others.

use std::{collections::BTreeSet, fs, path::Path};

use catalog::model::Source;
use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::{
    reviewed::{every_capture, samples},
    support::{changed, known, one, sample},
};

fn nobl9() -> Source {
    known("nobl9")
}

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&nobl9(), changed("nobl9/triggered.json", changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(&nobl9(), &["triggered.json", "no-data.json", "fields.json"]);
}

/// No rendered body is public: what there is are alert methods.
#[test]
fn every_capture_is_read() {
    every_capture(&nobl9(), "nobl9", &[("alertmethod_templates_UNRENDERED.txt", EventKind::Unknown, None, false)]);
}

/// What Nobl9 can fill in (nobl9-go, notification_template.go) is what our alert method asks for, and what its sample has.
#[test]
fn the_alert_method_asks_for_what_nobl9_has() {
    const KNOWN: [&str; 20] = [
        "project_name",
        "service_name",
        "service_labels_text",
        "organization",
        "alert_policy_name",
        "alert_policy_labels_text",
        "alert_policy_description",
        "alert_policy_conditions[]",
        "alert_policy_conditions_text",
        "severity",
        "slo_name",
        "slo_labels_text",
        "slo_details_link",
        "objective_name",
        "timestamp",
        "iso_timestamp",
        "alert_id",
        "experience_name",
        "no_data_alert_after",
        "anomaly_type",
    ];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sources/nobl9-alert-method.yaml");
    let method = fs::read_to_string(file).unwrap();
    let (_, fields) = method.split_once("templateFields:\n").unwrap();
    let fields: BTreeSet<&str> = fields.lines().map(|line| line.trim().strip_prefix("- ").unwrap()).collect();
    assert!(fields.iter().all(|field| KNOWN.contains(field)), "{fields:?}");
    let sample: Value = serde_json::from_slice(&sample("nobl9/triggered.json")).unwrap();
    assert_eq!(sample.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), fields);
}

#[test]
fn an_alert_is_one_incident_and_each_notification_one_delivery() {
    let first = triggered(&[]);
    assert_eq!(
        (first.kind, first.external_id.as_deref()),
        (EventKind::Triggered, Some("6f1c9b52-3d7e-4a8f-b2c4-9e0d1a5f7c33"))
    );
    assert_eq!(first.delivery_key, triggered(&[("/severity", json!("Low"))]).delivery_key, "told again");
    let later = triggered(&[("/iso_timestamp", json!("2026-03-02T10:14:05Z"))]);
    assert_eq!(first.external_id, later.external_id);
    assert_ne!(first.delivery_key, later.delivery_key);
    // Without the alert's id, what can alert but once at a time.
    for nothing in [json!(""), json!("$alert_id"), json!(null)] {
        let event = triggered(&[("/alert_id", nothing)]);
        assert_eq!(event.external_id.as_deref(), Some("shop|checkout-availability|good-requests|fast-burn"));
    }
}

#[test]
fn objective_and_window_come_from_labels_or_fields_of_ones_own() {
    let slo = |changes: &[(&str, Value)]| triggered(changes).alert.unwrap().slo;
    let said = slo(&[]);
    assert_eq!(
        (said.name.as_str(), said.objective.as_str(), said.window.as_str()),
        ("checkout-availability", "99.9", "28d")
    );
    assert_eq!((said.burn_rate.as_str(), said.budget_remaining.as_str()), ("14.4", "62"));
    let bare = slo(&[("/slo_labels_text", json!("")), ("/alert_policy_conditions_text", json!("something else"))]);
    assert_eq!((bare.objective, bare.window, bare.burn_rate, bare.budget_remaining), Default::default());
    let own = slo(&[("/objective", json!(0.995)), ("/window", json!("7d"))]);
    assert_eq!((own.objective.as_str(), own.window.as_str()), ("99.5", "7d"));
    let soon = json!("Remaining error budget would be exhausted in 72 hours");
    assert_eq!(slo(&[("/alert_policy_conditions_text", soon)]).budget_remaining, "", "72 are hours");
}

#[test]
fn the_example_of_nobl9s_documentation_is_read_as_far_as_it_goes() {
    let body = json!({
        "message": "Your SLO checkout needs attention!", "timestamp": "2026-03-02T09:14:05Z", "severity": "Medium", "slo": "checkout",
        "project": "shop", "organization": "example", "alert_policy": "fast-burn", "service": "web",
        "alerting_conditions": ["Remaining error budget is 10%"],
        "labels": {"slo": "team:payments", "service": "", "alert_policy": ""}
    });
    let event = one(&nobl9(), body.to_string());
    let alert = event.alert.unwrap();
    assert_eq!((alert.title.as_str(), alert.severity), ("fast-burn: SLO checkout", AlertSeverity::Medium));
    assert_eq!((alert.service.id.as_str(), alert.slo.budget_remaining.as_str()), ("web", "10"));
    assert_eq!(event.external_id.as_deref(), Some("shop|checkout||fast-burn"));
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    for body in ["{}", "[]", "7", r#"{"slo_name": "$slo_name", "alert_policy_name": "$alert_policy_name"}"#] {
        let event = one(&nobl9(), body);
        assert_eq!((event.kind, event.alert), (EventKind::Unknown, None), "{body}");
        assert!(event.summary.contains("docs/sources/nobl9.md"), "{}", event.summary);
    }
}
