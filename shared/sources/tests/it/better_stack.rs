//! What Better Stack's webhooks say.

use domain::{AlertSeverity, EventKind, IncidentState};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, now, one, said, stands};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("better-stack"), changed(&format!("better-stack/{name}.json"), changes))
}

fn started(changes: &[(&str, Value)]) -> Normalized {
    of("triggered", changes)
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "acknowledged", "resolved"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("better_stack_{name}"), said(&[of(name, &[])]));
        });
    }
}

#[test]
fn every_real_body_is_read() {
    hold_captures(
        "betterstack",
        "better-stack",
        &[("keep_mock_incident_started.json", &[(EventKind::Triggered, true)])],
    );
}

#[test]
fn one_incident_has_one_id_and_each_of_its_turns_its_own_delivery() {
    let events = ["triggered", "acknowledged", "resolved"].map(|name| of(name, &[]));
    assert!(events.iter().all(|event| event.external_id.as_deref() == Some("812004411")));
    let keys: std::collections::BTreeSet<_> = events.iter().map(|event| &event.delivery_key).collect();
    assert_eq!(keys.len(), 3);
}

#[test]
fn without_a_word_the_times_say_what_happened() {
    use EventKind::{Acknowledged, Resolved, Triggered};
    let at = json!("2026-03-02T09:20:00Z");
    for (acknowledged, resolved, kind) in [
        (json!(null), json!(null), Triggered),
        (at.clone(), json!(null), Acknowledged),
        (at.clone(), at.clone(), Resolved),
        (json!(null), at.clone(), Resolved),
    ] {
        let event = started(&[
            ("/event", json!(null)),
            ("/data/attributes/acknowledged_at", acknowledged),
            ("/data/attributes/resolved_at", resolved),
        ]);
        assert_eq!(event.kind, kind);
    }
}

/// A monitor's `created` is no incident's.
#[test]
fn monitors_and_who_is_on_call_open_nothing() {
    for about in [json!("monitor"), json!("on_call_calendar"), json!(null)] {
        let event = started(&[("/event", json!("created")), ("/data/type", about.clone())]);
        assert_eq!((event.kind, event.alert), (EventKind::Unknown, None), "{about}");
    }
    assert_eq!(started(&[("/event", json!("invented"))]).kind, EventKind::Unknown);
}

#[test]
fn metadata_are_labels_and_may_say_the_severity() {
    let alert = started(&[("/data/attributes/metadata/severity", json!("low"))]).alert.unwrap();
    assert_eq!((alert.severity, alert.labels["namespace"].as_str()), (AlertSeverity::Low, "checkout"));
    assert_eq!(started(&[]).alert.unwrap().severity, AlertSeverity::High);
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    let event = one(&known("better-stack"), r#"{"event": "started", "data": 1}"#);
    assert_eq!(event.kind, EventKind::Unknown);
    assert!(event.summary.contains("no webhook of Better Stack"), "{}", event.summary);
}

/// The body has the time of the beginning, which is before the end.
#[test]
fn an_incident_that_is_reopened_after_its_end_goes_on() {
    let (opened, over) = (started(&[]), of("resolved", &[]));
    assert_eq!(stands([&opened, &over]), IncidentState::Resolved { at: over.occurred_at });
    for word in ["reopened", "incident.reopened", "unacknowledged"] {
        let again = of("resolved", &[("/event", json!(word))]);
        assert_eq!(stands([&opened, &over, &again]), IncidentState::Reopened { at: now() }, "{word}");
        // What is only late does not bring it back.
        assert_eq!(stands([&over, &opened]), stands([&over]));
    }
    for word in ["escalated", "updated", "commented"] {
        let more = of("resolved", &[("/event", json!(word))]);
        assert_eq!((more.occurred_at, stands([&over, &more])), (now(), stands([&over])), "{word}");
    }
}
