//! What incident.io's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::{
    reviewed::{Row, every_capture, samples},
    support::{changed, known, one},
};

fn with(file: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("incident-io"), changed(&format!("incident-io/{file}.json"), changes))
}

fn told(event_type: &str, payload: Value) -> Normalized {
    one(&known("incident-io"), json!({"event_type": event_type, event_type: payload}).to_string())
}

/// The whole incident of a sample with another status before and now.
fn moved(before: &str, now: &str) -> Normalized {
    let at = "/public_incident.incident_status_updated_v2";
    with(
        "incident-resolved",
        &[
            (&format!("{at}/previous_status/category"), json!(before)),
            (&format!("{at}/new_status/category"), json!(now)),
        ],
    )
}

fn created(changes: &[(&str, Value)]) -> Normalized {
    let changes: Vec<_> = changes
        .iter()
        .map(|(at, value)| (format!("/public_incident.incident_created_v2{at}"), value.clone()))
        .collect();
    let changes: Vec<_> = changes.iter().map(|(at, value)| (at.as_str(), value.clone())).collect();
    with("incident-triggered", &changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(
        &known("incident-io"),
        &[
            "triggered.json",
            "resolved.json",
            "incident-triggered.json",
            "incident-resolved.json",
            "private-triggered.json",
        ],
    );
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Escalated, Resolved, Triggered, Unknown, Updated};
    let alert = Some("01GW2G3V0S59R238FAHPDS1R66");
    let incident = Some("01FDAG4SAP5TYPT98WGR2N7W91");
    let rows: &[Row<'_>] = &[
        ("private_alert.alert_created_v1.json", Triggered, Some("abc123"), true),
        ("private_incident.incident_created_v2.json", Triggered, Some("abc123"), true),
        ("private_incident.incident_updated_v2.json", Updated, Some("abc123"), true),
        ("private_incident.membership_granted_v1.json", Unknown, None, false),
        ("public_alert.alert_created_v1.json", Triggered, alert, true),
        ("public_alert.alert_resolved_v1.json", Resolved, alert, true),
        ("public_escalation.escalation_created_v1.json", Escalated, alert, false),
        ("public_escalation.escalation_status_updated_v1.json", Updated, alert, false),
        ("public_incident.action_created_v1.json", Unknown, None, false),
        ("public_incident.follow_up_created_v2.json", Unknown, None, false),
        ("public_incident.incident_created_v2.json", Triggered, incident, true),
        // From triage to triage.
        ("public_incident.incident_status_updated_v2.json", Updated, incident, true),
        ("public_incident.incident_updated_v2.json", Updated, incident, true),
        ("public_incident.postmortem_document_status_updated_v1.json", Unknown, None, false),
        ("schedule.shift_change_v1.json", Unknown, None, false),
    ];
    every_capture(&known("incident-io"), "incident_io", rows);
}

#[test]
fn a_private_incident_says_no_more_than_its_id_and_that_is_no_error() {
    for (event_type, kind) in [
        ("private_incident.incident_created_v2", EventKind::Triggered),
        ("private_incident.incident_updated_v2", EventKind::Updated),
        ("private_incident.incident_status_updated_v2", EventKind::Updated),
        ("private_alert.alert_created_v1", EventKind::Triggered),
        ("private_alert.alert_resolved_v1", EventKind::Resolved),
    ] {
        let event = told(event_type, json!({"id": "01P"}));
        assert_eq!((event.kind, event.external_id.as_deref()), (kind, Some("01P")), "{event_type}");
        let alert = event.alert.unwrap();
        assert!(alert.title.starts_with("Private incident.io ") && alert.title.ends_with(" 01P"), "{}", alert.title);
        assert_eq!(alert.labels["visibility"], "private");
    }
}

#[test]
fn i3_the_signed_id_of_the_message_names_the_delivery() {
    assert_eq!(with("triggered", &[]).delivery_key, "msg_1");
}

#[test]
fn a_status_ends_an_incident_or_brings_it_back_by_its_category() {
    use EventKind::{Merged, Reopened, Resolved, Updated};
    for (before, now, kind) in [
        ("triage", "live", Updated),
        ("live", "live", Updated),
        ("live", "paused", Updated),
        ("paused", "live", Updated),
        ("live", "learning", Resolved),
        ("live", "closed", Resolved),
        ("triage", "declined", Resolved),
        ("triage", "canceled", Resolved),
        ("triage", "merged", Merged),
        ("learning", "closed", Resolved),
        ("closed", "live", Reopened),
        ("learning", "triage", Reopened),
        ("merged", "live", Reopened),
        ("live", "tomorrows_invention", Updated),
    ] {
        assert_eq!(moved(before, now).kind, kind, "{before} to {now}");
    }
}

#[test]
fn an_incident_that_is_a_test_or_over_or_written_down_afterwards_does_not_open() {
    use EventKind::{Merged, Ping, Resolved, Triggered, Updated};
    for (mode, category, kind) in [
        ("standard", "live", Triggered),
        ("standard", "triage", Triggered),
        ("standard", "closed", Resolved),
        ("standard", "merged", Merged),
        ("standard", "paused", Updated),
        ("retrospective", "live", Updated),
        ("retrospective", "closed", Resolved),
        ("test", "live", Ping),
        ("tutorial", "live", Ping),
    ] {
        let event = created(&[("/mode", json!(mode)), ("/incident_status/category", json!(category))]);
        assert_eq!(event.kind, kind, "{mode} {category}");
    }
    let test = "/public_incident.incident_status_updated_v2/incident/mode";
    assert_eq!(with("incident-resolved", &[(test, json!("test"))]).kind, Ping);
    // Order is not promised: what was over before it came does not open.
    let late = with("triggered", &[("/public_alert.alert_created_v1/status", json!("resolved"))]);
    assert_eq!(late.kind, Resolved);
}

#[test]
fn a_resolve_finds_what_opened() {
    assert_eq!(with("triggered", &[]).external_id, with("resolved", &[]).external_id);
    assert_eq!(with("incident-triggered", &[]).external_id, with("incident-resolved", &[]).external_id);
}

#[test]
fn a_page_attaches_to_the_alert_that_made_it_and_any_other_is_one_itself() {
    use EventKind::{Acknowledged, Escalated, Resolved, Triggered, Updated};
    let escalation = |about: Value, status: &str| {
        let mut escalation = json!({"id": "01E", "title": "Database CPU is high", "status": status,
            "priority": {"name": "P1"}, "created_at": "2026-03-02T09:14:05Z"});
        escalation.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        escalation
    };
    let alert = json!({"creator": {"alert": {"id": "01A"}}, "related_incidents": [{"id": "01I"}]});
    let alone = json!({"creator": {"user": {"id": "01U"}}});
    for (status, kind) in [("pending", Escalated), ("triggered", Escalated), ("acked", Acknowledged)] {
        let event = told("public_escalation.escalation_created_v1", escalation(alert.clone(), status));
        assert_eq!((event.kind, event.external_id.as_deref(), event.alert), (kind, Some("01A"), None), "{status}");
    }
    for (status, kind) in
        [("triggered", Escalated), ("acked", Acknowledged), ("resolved", Updated), ("expired", Updated)]
    {
        let payload = json!({"escalation": escalation(alert.clone(), "pending"), "new_status": status});
        let event = told("public_escalation.escalation_status_updated_v1", payload);
        assert_eq!((event.kind, event.external_id.as_deref()), (kind, Some("01A")), "{status}");
    }
    let event = told("public_escalation.escalation_created_v1", escalation(alone.clone(), "pending"));
    assert_eq!((event.kind, event.external_id.as_deref()), (Triggered, Some("01E")));
    assert_eq!(event.alert.unwrap().severity, AlertSeverity::Critical);
    for (status, kind) in
        [("resolved", Resolved), ("cancelled", Resolved), ("acked", Acknowledged), ("triggered", Updated)]
    {
        let payload = json!({"escalation": escalation(alone.clone(), "pending"), "new_status": status});
        let event = told("public_escalation.escalation_status_updated_v1", payload);
        assert_eq!((event.kind, event.external_id.as_deref()), (kind, Some("01E")), "{status}");
    }
}

#[test]
fn a_severity_that_is_not_known_counts() {
    for (name, severity) in [
        (json!("Critical"), AlertSeverity::Critical),
        (json!("Major"), AlertSeverity::High),
        (json!("Minor"), AlertSeverity::Low),
        (json!("Volcano"), AlertSeverity::High),
        (json!(null), AlertSeverity::High),
    ] {
        assert_eq!(created(&[("/severity/name", name.clone())]).alert.unwrap().severity, severity, "{name}");
    }
}

#[test]
fn a_field_is_found_by_its_name_or_by_a_part_of_it() {
    let field = |name: &str, value: &str| json!({"custom_field": {"name": name}, "values": [{"value_option": {"value": value}}, {"value_text": "other"}]});
    for (fields, service) in [
        (json!([field("Customer service rep", "ben"), field("Service", "checkout")]), "checkout"),
        (json!([field("Affected services", "checkout")]), "checkout"),
        (json!([{"custom_field": {"name": "Service"}, "values": []}]), ""),
        (json!([7, {"values": [{}]}, null]), ""),
        (json!({}), ""),
    ] {
        let alert = created(&[("/custom_field_entries", fields.clone())]).alert.unwrap();
        assert_eq!(alert.service.name, service, "{fields}");
    }
}

#[test]
fn i1_what_is_not_its_form_is_recorded_with_the_reason() {
    for body in [
        "{}",
        "[]",
        r#"{"event_type": "public_alert.alert_created_v1"}"#,
        r#"{"event_type": "public_alert.alert_created_v1", "public_alert.alert_created_v1": 7}"#,
        r#"{"event_type": "a", "b": {}}"#,
    ] {
        let event = one(&known("incident-io"), body);
        assert_eq!(event.kind, EventKind::Unknown, "{body}");
        assert!(event.summary.contains("no webhook of incident.io"), "{}", event.summary);
    }
    assert_eq!(told("public_incident.tomorrows_invention_v1", json!({"id": "1"})).kind, EventKind::Unknown);
}

/// Alerts and incidents are related to a page while it lives, and its events must all find the same run.
#[test]
fn what_is_related_to_a_page_later_does_not_change_whose_it_is() {
    use EventKind::{Acknowledged, Resolved, Triggered};
    let user = json!({"user": {"id": "01U"}});
    let related = [
        ("created", "pending", json!({}), Triggered),
        ("acked", "acked", json!({"related_incidents": [{"id": "01I"}]}), Acknowledged),
        (
            "resolved",
            "resolved",
            json!({"related_incidents": [{"id": "01I"}], "related_alerts": [{"id": "01A"}]}),
            Resolved,
        ),
    ];
    for (what, status, related, kind) in related {
        let mut escalation = json!({"id": "01E", "title": "Please look", "status": status, "creator": user});
        escalation.as_object_mut().unwrap().extend(related.as_object().unwrap().clone());
        let event = match what {
            "created" => told("public_escalation.escalation_created_v1", escalation),
            _ => told(
                "public_escalation.escalation_status_updated_v1",
                json!({"escalation": escalation, "new_status": status}),
            ),
        };
        assert_eq!((event.kind, event.external_id.as_deref()), (kind, Some("01E")), "{what}");
        assert!(event.alert.is_some(), "{what}");
    }
}
