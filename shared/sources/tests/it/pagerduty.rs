//! What PagerDuty's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{now, one, pagerduty, sample};

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    let mut body: Value = serde_json::from_slice(&sample("pagerduty/triggered.json")).unwrap();
    for (at, value) in changes {
        *body.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
    }
    one(&pagerduty(), body.to_string())
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "acknowledged", "resolved", "ping"] {
        let event = one(&pagerduty(), sample(&format!("pagerduty/{name}.json")));
        insta::with_settings!({description => "the raw part is left out"}, {
            insta::assert_json_snapshot!(format!("pagerduty_{name}"), json!({
                "kind": event.kind, "provider_kind": event.provider_kind, "delivery_key": event.delivery_key,
                "external_id": event.external_id, "occurred_at": event.occurred_at, "summary": event.summary,
                "alert": event.alert,
            }));
        });
    }
}

#[test]
fn every_documented_kind_has_its_word() {
    use EventKind::{
        Acknowledged, Annotated, Escalated, Reopened, Resolved, Triggered, Unacknowledged, Unknown, Updated,
    };
    for (word, kind) in [
        ("incident.triggered", Triggered),
        ("incident.reopened", Reopened),
        ("incident.acknowledged", Acknowledged),
        ("incident.unacknowledged", Unacknowledged),
        ("incident.resolved", Resolved),
        ("incident.escalated", Escalated),
        ("incident.reassigned", Escalated),
        ("incident.delegated", Escalated),
        ("incident.annotated", Annotated),
        ("incident.priority_updated", Updated),
        ("incident.service_updated", Updated),
        ("incident.incident_type.changed", Updated),
        ("incident.status_update_published", Updated),
        ("incident.responder.added", Updated),
        ("incident.responder.replied", Updated),
        ("incident.conference_bridge.updated", Updated),
        ("incident.custom_field_values.updated", Updated),
        ("incident.role.assigned", Updated),
        ("incident.task.created", Updated),
        ("incident.task.updated", Updated),
        ("incident.task.completed", Updated),
        ("incident.action_invocation.created", Updated),
        ("incident.action_invocation.updated", Updated),
        ("incident.action_invocation.terminated", Updated),
        ("incident.workflow.started", Updated),
        ("incident.workflow.completed", Updated),
        ("incident.tomorrows_invention", Unknown),
        ("service.created", Unknown),
        ("service.updated", Unknown),
        ("service.deleted", Unknown),
        ("service.custom_field_values.updated", Unknown),
    ] {
        let event = triggered(&[("/event/event_type", json!(word))]);
        assert_eq!((event.kind, event.provider_kind.as_str()), (kind, word));
        assert_eq!(event.delivery_key, "01KJQFIRSTLOOKTRIGGERED001", "{word}");
    }
}

#[test]
fn a_resolve_by_merge_is_not_a_fix() {
    let reason = json!({"type": "merge_resolve_reason", "incident": {"id": "Q9OTHER", "type": "incident_reference"}});
    let changes = [("/event/event_type", json!("incident.resolved")), ("/event/data/resolve_reason", reason)];
    assert_eq!(triggered(&changes).kind, EventKind::Merged);
}

#[test]
fn an_event_that_only_refers_to_its_incident_attaches_without_an_alert() {
    let note = json!({
        "incident": {"id": "Q0CHK7OUT4PAGE", "type": "incident_reference", "summary": "x"},
        "id": "PNOTE01", "content": "rolled back\nto 41", "trimmed": false, "type": "incident_note"
    });
    let agent = json!({"id": "PONCALL", "type": "user_reference", "summary": "On-call engineer"});
    let event = triggered(&[
        ("/event/event_type", json!("incident.annotated")),
        ("/event/data", note),
        ("/event/agent", agent),
    ]);
    assert_eq!(event.kind, EventKind::Annotated);
    assert_eq!(event.external_id.as_deref(), Some("Q0CHK7OUT4PAGE"));
    assert_eq!(event.alert, None);
    assert_eq!(event.summary, "annotated by On-call engineer: rolled back to 41");
}

#[test]
fn a_note_of_our_own_that_comes_back_is_recorded_and_attaches_nowhere() {
    let marker = domain::marker("run_0000000000000000000000000Z".parse().unwrap(), "pagerduty");
    let note = |content: String| {
        let incident = json!({"id": "Q0CHK7OUT4PAGE", "type": "incident_reference", "summary": "x"});
        let note = json!({"incident": incident, "id": "PNOTE01", "content": content, "type": "incident_note"});
        triggered(&[("/event/event_type", json!("incident.annotated")), ("/event/data", note)])
    };
    let ours = note(format!("The database refuses connections\n\nEverything: https://x.example/runs/1\n{marker}"));
    assert_eq!((ours.kind, ours.external_id, ours.alert), (EventKind::Unknown, None, None));
    assert_eq!(ours.summary, "it is a note of our own, of which its place tells us");
    assert_eq!((ours.provider_kind.as_str(), ours.delivery_key.len()), ("incident.annotated", 26));
    // Who speaks of it in a line is a person.
    assert_eq!(note(format!("as {marker} says")).kind, EventKind::Annotated);
}

#[test]
fn priority_speaks_first_and_urgency_where_it_is_silent() {
    for (priority, urgency, severity) in [
        (json!({"summary": "P1"}), json!("low"), AlertSeverity::Critical),
        (json!({"summary": "SEV-2"}), json!("low"), AlertSeverity::High),
        (json!({"summary": "p3"}), json!("high"), AlertSeverity::Medium),
        (json!({"summary": "Low"}), json!("high"), AlertSeverity::Low),
        (json!({"summary": "P5"}), json!("high"), AlertSeverity::Info),
        (json!({"summary": "Whenever"}), json!("low"), AlertSeverity::Low),
        (json!(null), json!("high"), AlertSeverity::High),
        (json!(null), json!("low"), AlertSeverity::Low),
        (json!(null), json!(null), AlertSeverity::High),
        (json!([1]), json!(7), AlertSeverity::High),
    ] {
        let event = triggered(&[("/event/data/priority", priority.clone()), ("/event/data/urgency", urgency)]);
        assert_eq!(event.alert.unwrap().severity, severity, "{priority}");
    }
}

#[test]
fn what_is_null_or_absent_is_left_out_and_the_page_still_counts() {
    let event = one(
        &pagerduty(),
        r#"{"event": {"id": "1", "event_type": "incident.triggered", "data": {"id": "Q1", "title": null, "teams": null}}}"#,
    );
    let alert = event.alert.unwrap();
    assert_eq!(alert.title, "PagerDuty incident Q1");
    assert_eq!((alert.started_at, event.occurred_at), (now(), now()));
    assert_eq!((alert.service.id.as_str(), alert.team.as_str(), alert.links.len()), ("", "", 0));
}

#[test]
fn an_opening_event_without_an_incident_has_no_alert() {
    for data in [json!({"type": "incident"}), json!({"type": "incident", "id": 7}), json!({"id": "x".repeat(600)})] {
        let event = triggered(&[("/event/data", data.clone())]);
        assert_eq!((event.kind, event.alert, event.external_id), (EventKind::Triggered, None, None), "{data}");
    }
}

#[test]
fn i3_the_delivery_is_named_by_the_event_whatever_its_id_looks_like() {
    for id in
        ["01KJQFIRSTLOOKTRIGGERED001", "79fa2676-dc6b-4055-bc7f-b4ff47a30e93", "32743191412443541367815146404898342710"]
    {
        assert_eq!(triggered(&[("/event/id", json!(id))]).delivery_key, id);
    }
    let nameless = triggered(&[("/event/id", json!(null))]);
    assert!(nameless.delivery_key.starts_with("sha256:"), "{}", nameless.delivery_key);
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no `event.event_type`"),
        ("null", "no `event.event_type`"),
        (r#"{"event": {"event_type": "incident.triggered", "data": []}}"#, "no `event.event_type`"),
        (r#"{"messages": [{"event": "incident.trigger"}]}"#, "version 1 or 2"),
        (r#"{"n": 1e999}"#, "not JSON"),
        (&"[".repeat(200_000), "not JSON"),
    ] {
        let event = one(&pagerduty(), body);
        assert_eq!(event.kind, EventKind::Unknown, "{}", event.summary);
        assert!(event.summary.contains(reason), "{}", event.summary);
    }
    assert_eq!(one(&pagerduty(), b"\xff\xfe{").kind, EventKind::Unknown);
}

#[test]
fn of_a_key_that_stands_twice_the_last_one_counts() {
    let body = r#"{"event": {"id": "1", "event_type": "x", "event_type": "incident.triggered", "data": {"id": "Q1", "id": "Q2"}}}"#;
    assert_eq!(one(&pagerduty(), body).external_id.as_deref(), Some("Q2"));
}
