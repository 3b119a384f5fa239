//! What a Statuspage that one is subscribed to says.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, one, said};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("statuspage"), changed(&format!("statuspage/{name}.json"), changes))
}

fn incident(name: &str, changes: &[(&str, Value)]) -> Normalized {
    of(name, changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "updated", "resolved", "maintenance", "component"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("statuspage_{name}"), said(&[of(name, &[])]));
        });
    }
}

#[test]
fn every_real_body_is_read() {
    let events =
        hold_captures("statuspage", "statuspage", &[("incident_created.json", &[(EventKind::Triggered, true)])]);
    for event in events.values().flatten() {
        assert_eq!(event.alert.as_ref().unwrap().severity, AlertSeverity::Info, "its impact is `none`");
    }
}

#[test]
fn one_incident_has_one_id_and_only_its_first_update_opens() {
    let events = ["triggered", "updated", "resolved"].map(|name| incident(name, &[]));
    assert!(events.iter().all(|event| event.external_id == events[0].external_id && event.external_id.is_some()));
    assert_eq!(
        events.each_ref().map(|event| event.kind),
        [EventKind::Triggered, EventKind::Updated, EventKind::Resolved]
    );
}

/// `meta.generated_at` says when this attempt was made.
#[test]
fn i3_the_delivery_is_named_by_the_newest_update() {
    let again = incident("updated", &[("/meta/generated_at", json!("2026-03-02T11:00:00Z"))]);
    assert_eq!(again.delivery_key, incident("updated", &[]).delivery_key);
    let oldest_first = incident("updated", &[]);
    let body: Value = serde_json::from_slice(&crate::support::sample("statuspage/updated.json")).unwrap();
    let mut updates = body.pointer("/incident/incident_updates").unwrap().as_array().unwrap().clone();
    updates.reverse();
    let turned = incident("updated", &[("/incident/incident_updates", json!(updates))]);
    assert_eq!((turned.kind, turned.delivery_key), (oldest_first.kind, oldest_first.delivery_key));
}

#[test]
fn scheduled_maintenance_is_no_incident() {
    for (place, value) in [
        ("/incident/status", json!("scheduled")),
        ("/incident/status", json!("in_progress")),
        ("/incident/status", json!("completed")),
        ("/incident/impact", json!("maintenance")),
        ("/incident/scheduled_for", json!("2026-03-08T02:00:00Z")),
    ] {
        let event = incident("triggered", &[(place, value.clone())]);
        assert_eq!((event.kind, event.alert), (EventKind::Unknown, None), "{place} {value}");
    }
    let other =
        one(&known("statuspage"), r#"{"page": {"id": "p"}, "maintenance": {"id": "m", "status": "NOTSTARTEDYET"}}"#);
    assert_eq!((other.kind, other.provider_kind.as_str()), (EventKind::Unknown, "maintenance"));
}

#[test]
fn an_incident_that_comes_back_is_reopened_and_a_review_is_a_note() {
    let body: Value = serde_json::from_slice(&crate::support::sample("statuspage/resolved.json")).unwrap();
    let mut updates = body.pointer("/incident/incident_updates").unwrap().as_array().unwrap().clone();
    updates.push(
        json!({"id": "upd04", "status": "investigating", "body": "It is back.", "created_at": "2026-03-02T12:00:00Z"}),
    );
    let back = incident(
        "resolved",
        &[("/incident/status", json!("investigating")), ("/incident/incident_updates", json!(updates))],
    );
    assert_eq!((back.kind, back.alert.unwrap().description.as_str()), (EventKind::Reopened, "It is back."));
    assert_eq!(incident("resolved", &[("/incident/status", json!("postmortem"))]).kind, EventKind::Annotated);
}

#[test]
fn a_component_opens_when_it_breaks_and_ends_when_it_works() {
    use EventKind::{Resolved, Triggered, Unknown, Updated};
    for (old, new, kind) in [
        ("operational", "degraded_performance", Triggered),
        ("under_maintenance", "major_outage", Triggered),
        ("partial_outage", "major_outage", Updated),
        ("major_outage", "operational", Resolved),
        ("operational", "under_maintenance", Unknown),
        ("OPERATIONAL", "MAJOROUTAGE", Triggered),
    ] {
        let changes = [("/component_update/old_status", json!(old)), ("/component_update/new_status", json!(new))];
        let event = incident("component", &changes);
        assert_eq!(event.kind, kind, "{old} {new}");
        let id = (kind != Unknown).then_some("component/cmp01api");
        assert_eq!(event.external_id.as_deref(), id);
    }
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("{}", "neither `incident` nor"),
        (r#"{"incident": {"id": "x"}}"#, "no `status`"),
        (r#"{"component_update": {}}"#, "no new status"),
    ] {
        let event = one(&known("statuspage"), body);
        assert_eq!(event.kind, EventKind::Unknown);
        assert!(event.summary.contains(reason), "{}", event.summary);
    }
}

#[test]
fn of_two_updates_of_the_same_time_the_one_that_stands_first_is_the_newer_one() {
    let update =
        |id: &str, status: &str| json!({"id": id, "status": status, "body": id, "created_at": "2026-03-02T12:00:00Z"});
    let updates = json!([update("upd03", "investigating"), update("upd02", "resolved"), update("upd01", "identified")]);
    let changes = [("/incident/status", json!("investigating")), ("/incident/incident_updates", updates)];
    let event = incident("resolved", &changes);
    assert_eq!((event.kind, event.alert.unwrap().description.as_str()), (EventKind::Reopened, "upd03"));
    assert!(event.delivery_key.contains("/upd03/"), "{}", event.delivery_key);
}
