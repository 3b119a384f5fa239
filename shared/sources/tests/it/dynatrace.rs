//! What Dynatrace's problem notifications say.

use domain::{AlertSeverity, EventKind, IncidentState};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, now, one, said, stands};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("dynatrace"), changed(&format!("dynatrace/{name}.json"), changes))
}

fn open(changes: &[(&str, Value)]) -> Normalized {
    of("triggered", changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "ping"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("dynatrace_{name}"), said(&[of(name, &[])]));
        });
    }
}

/// They are notifications that somebody put into a CloudEvent.
#[test]
fn every_real_body_is_read() {
    use EventKind::{Ping, Resolved};
    let events = hold_captures(
        "dynatrace",
        "dynatrace",
        &[
            ("keptn_closed_problem.json", &[(Resolved, true)]),
            ("keptn_open_problem.json", &[(Ping, false)]),
            ("keptn_open_problem_no_stage.json", &[(Ping, false)]),
        ],
    );
    if let Some([closed]) = events.get("keptn_closed_problem.json").map(Vec::as_slice) {
        assert_eq!(closed.occurred_at.as_millisecond(), 1_641_223_766_597);
        assert_eq!(closed.alert.as_ref().unwrap().severity, AlertSeverity::Critical);
    }
}

#[test]
fn a_problem_that_ends_finds_the_one_that_opened() {
    let (open, over) = (open(&[]), of("resolved", &[]));
    assert_eq!(open.external_id, over.external_id);
    assert_ne!(open.delivery_key, over.delivery_key);
    assert_eq!((open.kind, over.kind), (EventKind::Triggered, EventKind::Resolved));
}

#[test]
fn the_problem_of_the_test_button_opens_nothing() {
    for pid in [json!("99999"), json!(99999)] {
        assert_eq!(open(&[("/PID", pid)]).kind, EventKind::Ping);
    }
}

/// `P-22013994` is shown to people and comes again after some time.
#[test]
fn the_display_id_is_never_the_incidents_id() {
    let event = open(&[("/PID", json!(null)), ("/ProblemDetails", json!(null))]);
    assert_eq!((event.external_id, event.alert), (None, None));
}

#[test]
fn a_merge_is_no_fix_and_what_is_unknown_opens_nothing() {
    assert_eq!(open(&[("/State", json!("MERGED"))]).kind, EventKind::Merged);
    assert_eq!(open(&[("/State", json!("SNOOZED"))]).kind, EventKind::Unknown);
    let unfilled = open(&[("/State", json!("{State}"))]);
    assert!(unfilled.kind == EventKind::Unknown && unfilled.summary.contains("not filled in"), "{}", unfilled.summary);
    let other = one(&known("dynatrace"), r#"{"problem": 1}"#);
    assert!(
        other.kind == EventKind::Unknown && other.summary.contains("docs/sources/dynatrace.md"),
        "{}",
        other.summary
    );
}

#[test]
fn tags_are_labels_and_the_service_is_found_among_what_is_hurt() {
    let alert = open(&[]).alert.unwrap();
    assert_eq!(alert.labels["[Kubernetes]namespace"], "checkout");
    assert_eq!((alert.labels["customer-facing"].as_str(), alert.team.as_str()), ("true", "payments"));
    assert_eq!(alert.service.name, "checkout-api");
    // The second version of the details has them too.
    let entity = json!([{"entityId": {"id": "HOST-1", "type": "HOST"}, "name": "web-2"}]);
    let changes = [("/ImpactedEntities", json!(null)), ("/ProblemDetails/affectedEntities", entity)];
    assert_eq!(open(&changes).alert.unwrap().service.id, "HOST-1");
}

/// The page's payload is what the sample was made by.
#[test]
fn the_payload_of_the_page_has_the_fields_of_the_sample() {
    let page = include_str!("../../../../docs/sources/dynatrace.md");
    let payload = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    // Placeholders that stand without quotes are JSON when they are filled in.
    let payload = payload.replace(": {ImpactedEntities}", ": []").replace(": {ProblemDetailsJSONv2}", ": {}");
    let payload: Value = serde_json::from_str(&payload).unwrap();
    let sample: Value = serde_json::from_slice(&crate::support::sample("dynatrace/triggered.json")).unwrap();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&payload), fields(&sample));
}

/// `startTime` is that of the problem's beginning on each `OPEN`.
#[test]
fn a_problem_that_is_open_again_after_its_end_goes_on() {
    let (first, over) = (open(&[]), of("resolved", &[]));
    assert_eq!(stands([&first, &over]), IncidentState::Resolved { at: over.occurred_at });
    assert_eq!(stands([&first, &over, &open(&[])]), IncidentState::Reopened { at: now() });
    assert!(first.alert.unwrap().started_at < over.occurred_at, "the alert still says when it began");
    // Nor is a merge, whose end is not known, older than that.
    let merged = open(&[("/State", json!("MERGED")), ("/ProblemDetails/endTime", json!(-1))]);
    assert_eq!(stands([&over, &open(&[]), &merged]), IncidentState::Merged { at: now() });
}
