//! What New Relic's webhooks say.

use catalog::model::Source;
use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, normalized, now, one, said, sample};

fn newrelic() -> Source {
    known("newrelic")
}

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&newrelic(), changed("newrelic/triggered.json", changes))
}

fn of(name: &str) -> Normalized {
    one(&newrelic(), sample(&format!("newrelic/{name}.json")))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "acknowledged", "resolved", "ping", "legacy-triggered", "legacy-resolved"] {
        let events = normalized(&newrelic(), &sample(&format!("newrelic/{name}.json")));
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("newrelic_{name}"), said(&events));
        });
    }
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Acknowledged, Ping, Resolved, Triggered, Unknown};
    hold_captures(
        "newrelic",
        "newrelic",
        &[
            // The test of a channel: incident 0 of a test policy.
            ("alerta_legacy_channel.json", &[(Ping, false)]),
            ("incident_acknowledged_new.json", &[(Acknowledged, true)]),
            ("incident_acknowledged_old.json", &[(Acknowledged, true)]),
            ("incident_closed_old.json", &[(Resolved, true)]),
            ("incident_created_new.json", &[(Triggered, true)]),
            ("incident_missing_state_new.json", &[(Unknown, false)]),
            ("incident_opened_old.json", &[(Triggered, true)]),
            ("incident_state_not_recognized_new.json", &[(Unknown, false)]),
        ],
    );
}

#[test]
fn all_events_of_an_issue_have_its_id_and_each_is_a_delivery() {
    for names in [&["triggered", "acknowledged", "resolved"][..], &["legacy-triggered", "legacy-resolved"]] {
        let events: Vec<_> = names.iter().map(|name| of(name)).collect();
        for pair in events.windows(2) {
            assert_eq!(pair[0].external_id, pair[1].external_id);
            assert_ne!(pair[0].delivery_key, pair[1].delivery_key);
            assert!(pair[0].occurred_at < pair[1].occurred_at);
        }
    }
}

#[test]
fn the_state_counts_however_it_is_written() {
    use EventKind::{Acknowledged, Resolved, Triggered, Unknown, Updated};
    for (state, trigger, kind) in [
        ("CREATED", "STATE_CHANGE", Triggered),
        ("activated", "INCIDENT_ADDED", Triggered),
        ("ACTIVATED", "PRIORITY_CHANGED", Updated),
        ("ACTIVATED", "ATTRIBUTES_UPDATED", Updated),
        ("Acknowledged", "ACKNOWLEDGED", Acknowledged),
        ("INVESTIGATING", "STATE_CHANGE", Updated),
        ("CLOSED", "STATE_CHANGE", Resolved),
        ("closed", "PRIORITY_CHANGED", Resolved),
        ("hello", "STATE_CHANGE", Unknown),
    ] {
        let event = triggered(&[("/state", json!(state)), ("/trigger", json!(trigger))]);
        assert_eq!((event.kind, event.provider_kind.as_str()), (kind, state), "{trigger}");
    }
}

#[test]
fn a_test_notification_opens_nothing() {
    for event in
        [of("ping"), one(&newrelic(), changed("newrelic/legacy-triggered.json", &[("/incident_id", json!(0))]))]
    {
        assert_eq!((event.kind, event.external_id, event.alert), (EventKind::Ping, None, None));
    }
}

/// 17 and 18 digits are in use by broken templates; as nanoseconds they would be 1975.
#[test]
fn a_time_that_cannot_be_true_is_none() {
    for odd in [json!(160_513_393_115_100_000_i64), json!("soon"), json!(0), json!(null)] {
        let event = triggered(&[("/createdAt", odd.clone()), ("/updatedAt", odd.clone())]);
        assert_eq!((event.occurred_at, event.alert.unwrap().started_at), (now(), now()), "{odd}");
        assert!(event.delivery_key.starts_with("sha256:"), "{}", event.delivery_key);
    }
}

#[test]
fn i3_an_issue_that_changes_twice_in_one_state_is_two_deliveries() {
    let later = triggered(&[("/updatedAt", json!(1_772_443_000_000_i64))]);
    assert_ne!(later.delivery_key, triggered(&[]).delivery_key);
    // Without a time that moves, only the body tells.
    let timeless = triggered(&[("/updatedAt", json!(null))]);
    assert!(timeless.delivery_key.starts_with("sha256:"), "{}", timeless.delivery_key);
}

#[test]
fn lists_and_texts_are_read_alike_and_the_title_is_never_empty() {
    let alert = |changes: &[(&str, Value)]| triggered(changes).alert.unwrap();
    let several =
        alert(&[("/impactedEntities", json!(["checkout", "cart"])), ("/runbookUrl", json!("https://r.example.com/a"))]);
    assert_eq!(
        (several.service.name.as_str(), several.links[0].url.as_str()),
        ("checkout, cart", "https://r.example.com/a")
    );
    let untitled = [("/title", json!(null))];
    assert_eq!(alert(&untitled).title, "Checkout error rate");
    let bare = [untitled[0].clone(), ("/alertConditionNames", json!([])), ("/description", json!([]))];
    assert_eq!(alert(&bare).title, "alert 4f2b7c1e-90d3-4a56-8b7e-1c2d3e4f5a6b");
}

#[test]
fn variables_are_read_by_their_own_names_too() {
    let body = json!({
        "issueId": "4f2b", "state": "ACTIVATED", "issuePageUrl": "https://one.newrelic.com/i/4f2b",
        "annotations": {"title": ["Error rate is high"], "description": ["5.1 %"]},
        "accumulations": {"policyName": ["Payments"], "runbookUrl": ["https://r.example.com/a"]},
        "entitiesData": {"names": ["checkout"]},
    });
    let alert = one(&newrelic(), body.to_string()).alert.unwrap();
    assert_eq!((alert.title.as_str(), alert.description.as_str()), ("Error rate is high", "5.1 %"));
    assert_eq!((alert.service.name.as_str(), alert.labels["policy"].as_str()), ("checkout", "Payments"));
    assert_eq!(alert.links.iter().map(|link| link.title.as_str()).collect::<Vec<_>>(), ["Runbook", "New Relic issue"]);
}

#[test]
fn priority_is_the_severity() {
    for (priority, severity) in [
        (json!("CRITICAL"), AlertSeverity::Critical),
        (json!("high"), AlertSeverity::High),
        (json!("MEDIUM"), AlertSeverity::Medium),
        (json!("LOW"), AlertSeverity::Low),
        (json!("INFO"), AlertSeverity::Info),
        (json!(null), AlertSeverity::High),
    ] {
        assert_eq!(triggered(&[("/priority", priority.clone())]).alert.unwrap().severity, severity, "{priority}");
    }
}

#[test]
fn i1_a_template_that_leaves_out_what_must_stand_is_told_so() {
    for (body, word) in [("{}", ""), (r#"{"id": "a"}"#, ""), (r#"{"state": "CLOSED"}"#, "CLOSED"), ("[]", "")] {
        let event = one(&newrelic(), body);
        assert_eq!((event.kind, event.provider_kind.as_str()), (EventKind::Unknown, word));
        assert!(event.summary.contains("{{ json issueId }}"), "{}", event.summary);
    }
}
