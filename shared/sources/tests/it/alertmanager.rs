//! What Alertmanager's webhooks say.

use catalog::model::Source;
use domain::{AlertSeverity, Disposition, EventId, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, normalized, now, one, said, sample};

fn alertmanager() -> Source {
    known("alertmanager")
}

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&alertmanager(), changed("alertmanager/triggered.json", changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "group", "slo-sloth", "slo-pyrra"] {
        let events = normalized(&alertmanager(), &sample(&format!("alertmanager/{name}.json")));
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("alertmanager_{name}"), said(&events));
        });
    }
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Resolved, Triggered, Unknown};
    const FIRES: (EventKind, bool) = (Triggered, true);
    const ENDS: (EventKind, bool) = (Resolved, true);
    const ODD: (EventKind, bool) = (Unknown, false);
    hold_captures(
        "alertmanager",
        "alertmanager",
        &[
            ("alerta_v3.json", &[FIRES]),
            ("alerta_v4.json", &[FIRES]),
            // Without a status of its own, the group's counts.
            ("msteams_prom_post_request.json", &[FIRES]),
            // A shell command, not a body.
            ("oneuptime_test_curl.txt", &[ODD]),
            ("opensre_e2e_alert.json", &[FIRES]),
            ("prom2teams_all_ok.json", &[ENDS]),
            ("prom2teams_all_ok_multiple.json", &[ENDS, ENDS]),
            ("prom2teams_with_common_items.json", &[ENDS]),
            ("prom2teams_without_fingerprint.json", &[ENDS]),
            ("prom2teams_without_instance_field.json", &[ENDS]),
            // Neither the alert nor the group says whether it fires.
            ("prom2teams_without_mandatory_field.json", &[ODD]),
            ("prom2teams_without_optional_field.json", &[ENDS]),
            ("prometheus_bot_big_output.json", &[FIRES]),
            ("prometheus_bot_emptyValue.json", &[FIRES]),
            ("prometheus_bot_noGenURL.json", &[ENDS; 8]),
            ("prometheus_bot_production_example.json", &[FIRES; 11]),
            ("prometheus_bot_simpe.json", &[FIRES]),
            ("prometheusalert_targetdown.json", &[FIRES]),
            ("zulip_group_of_2.json", &[FIRES, FIRES]),
            ("zulip_single.json", &[ENDS]),
        ],
    );
}

#[test]
fn an_alert_of_a_group_is_what_its_own_status_says() {
    let events = normalized(&alertmanager(), &sample("alertmanager/group.json"));
    let [fires, ended, left_out] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (fires.kind, ended.kind, left_out.kind),
        (EventKind::Triggered, EventKind::Resolved, EventKind::Unknown)
    );
    assert_ne!(fires.external_id, ended.external_id);
    assert!(fires.raw.text.contains("7c4-a") && !fires.raw.text.contains("7c4-b"), "{}", fires.raw.text);
    assert_eq!(left_out.summary, "2 more alerts of this group were left out by the sender: raise its `max_alerts`");
}

#[test]
fn i3_an_alert_that_goes_on_is_one_delivery_and_the_next_episode_another() {
    let first = triggered(&[]).delivery_key;
    let again = [("/groupKey", json!("other")), ("/receiver", json!("other")), ("/alerts/0/annotations", json!({}))];
    assert_eq!(triggered(&again).delivery_key, first);
    // The same time in another zone, with more digits.
    let same_time = [("/alerts/0/startsAt", json!("2026-03-02T10:14:05.213000000+01:00"))];
    assert_eq!(triggered(&same_time).delivery_key, first);
    let next = triggered(&[("/alerts/0/startsAt", json!("2026-03-05T09:14:05.213Z"))]);
    assert_ne!(next.delivery_key, first);
    let ends =
        |at: &str| one(&alertmanager(), changed("alertmanager/resolved.json", &[("/alerts/0/endsAt", json!(at))]));
    let (monday, thursday) = (ends("2026-03-02T09:36:05Z"), ends("2026-03-05T09:36:05Z"));
    assert_ne!(monday.delivery_key, thursday.delivery_key);
    assert_eq!((&monday.external_id, &next.external_id), (&thursday.external_id, &triggered(&[]).external_id));
}

#[test]
fn i3_without_a_time_nothing_tells_two_episodes_apart_but_the_body() {
    let event = triggered(&[("/alerts/0/startsAt", json!("0001-01-01T00:00:00Z"))]);
    assert!(event.delivery_key.starts_with("sha256:"), "{}", event.delivery_key);
    assert_eq!((event.occurred_at, event.alert.unwrap().started_at), (now(), now()));
}

#[test]
fn without_a_fingerprint_the_alerts_own_labels_name_it() {
    let nameless = [("/alerts/0/fingerprint", json!(null))];
    let opened = triggered(&nameless).external_id.unwrap();
    assert!(opened.starts_with("sha256:"), "{opened}");
    let resolved = one(&alertmanager(), changed("alertmanager/resolved.json", &nameless));
    assert_eq!(resolved.external_id.as_ref(), Some(&opened));
    // What the group has in common changes with the group.
    let regrouped = [nameless[0].clone(), ("/commonLabels", json!({"cluster": "b"}))];
    assert_eq!(triggered(&regrouped).external_id, Some(opened.clone()));
    let other = [nameless[0].clone(), ("/alerts/0/labels/namespace", json!("cart"))];
    assert_ne!(triggered(&other).external_id, Some(opened));
    let none = triggered(&[nameless[0].clone(), ("/alerts/0/labels", json!({}))]);
    assert_eq!(none.kind, EventKind::Unknown);
    assert!(none.summary.contains("neither `fingerprint` nor `labels`"), "{}", none.summary);
}

#[test]
fn old_versions_say_only_of_the_group_that_it_fires() {
    let statusless = ("/alerts/0/status", json!(null));
    assert_eq!(triggered(std::slice::from_ref(&statusless)).kind, EventKind::Triggered);
    let ended = [statusless.clone(), ("/alerts/0/endsAt", json!("2026-03-02T09:36:05Z"))];
    assert_eq!(triggered(&ended).kind, EventKind::Resolved);
    // Prometheus puts there until when the alert holds if nothing more is heard of it.
    let expires = [statusless, ("/alerts/0/endsAt", json!("2026-03-02T09:44:00Z"))];
    assert_eq!(triggered(&expires).kind, EventKind::Triggered);
    // Its own status counts whatever else stands there.
    assert_eq!(triggered(&[("/status", json!("resolved"))]).kind, EventKind::Triggered);
}

#[test]
fn what_neither_fires_nor_is_over_opens_and_resolves_nothing() {
    for word in ["suppressed", "pending", "inactive", "7"] {
        let event = triggered(&[("/alerts/0/status", json!(word))]);
        assert_eq!((event.kind, event.alert), (EventKind::Unknown, None), "{word}");
    }
}

#[test]
fn the_title_is_what_people_call_it() {
    let title = |labels: Value, annotations: Value| {
        let nothing = json!({});
        let changes = [
            ("/commonLabels", nothing.clone()),
            ("/commonAnnotations", nothing),
            ("/alerts/0/labels", labels),
            ("/alerts/0/annotations", annotations),
        ];
        triggered(&changes).alert.unwrap().title
    };
    let named = json!({"alertname": "Down"});
    assert_eq!(title(named.clone(), json!({"summary": "It is down"})), "Down: It is down");
    assert_eq!(title(named.clone(), json!({"summary": "Down since 9"})), "Down since 9");
    assert_eq!(title(named, json!({"description": "Long."})), "Down");
    assert_eq!(title(json!({"job": "a"}), json!({"message": "It is down"})), "It is down");
    assert_eq!(title(json!({"job": "a"}), json!({})), "alert 3f1c9a60b2d84e75");
}

#[test]
fn severity_is_a_label_that_everybody_names_otherwise() {
    for (label, word, severity) in [
        ("severity", "Critical", AlertSeverity::Critical),
        ("severity", "page", AlertSeverity::Critical),
        ("sloth_severity", "ticket", AlertSeverity::Low),
        ("level", "warning", AlertSeverity::Medium),
        ("severity", "none", AlertSeverity::Info),
        ("severity", "whatever", AlertSeverity::High),
        ("other", "critical", AlertSeverity::High),
    ] {
        let labels = json!({"alertname": "A", label: word});
        let event = triggered(&[("/commonLabels", json!({})), ("/alerts/0/labels", labels)]);
        assert_eq!(event.alert.unwrap().severity, severity, "{label}={word}");
    }
}

#[test]
fn an_objective_that_a_person_labelled_is_read_too() {
    let labels = json!({"alertname": "A", "slo_name": "checkout", "slo_objective": "0.999", "slo_window": "30d"});
    let annotations = json!({"burn_rate": "14.4", "error_budget_remaining": "-3.5 %"});
    let event = triggered(&[("/alerts/0/labels", labels), ("/alerts/0/annotations", annotations)]);
    let slo = event.alert.unwrap().slo;
    assert_eq!((slo.name.as_str(), slo.objective.as_str(), slo.window.as_str()), ("checkout", "99.9", "30d"));
    assert_eq!((slo.burn_rate.as_str(), slo.budget_remaining.as_str()), ("14.4", "-3.5"));
    assert_eq!(triggered(&[]).alert.unwrap().slo, domain::Slo::default());
}

#[test]
fn i1_what_is_no_webhook_of_alertmanager_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("{}", "no list `alerts`"),
        (r#"{"alerts": {}}"#, "no list `alerts`"),
        (r#"[{"labels": {"alertname": "A"}}]"#, "what goes into an Alertmanager"),
        (r#"{"alerts": []}"#, "tells of no alert"),
        (r#"{"alerts": [7]}"#, "has a `status`"),
    ] {
        let event = one(&alertmanager(), body);
        assert_eq!((event.kind, event.summary.contains(reason)), (EventKind::Unknown, true), "{}", event.summary);
    }
}

/// A group of `count` alerts, with what stands in its head.
fn group(count: usize, head: Value) -> Vec<u8> {
    let alert =
        |n: usize| json!({"status": "firing", "labels": {"n": n.to_string()}, "startsAt": "2026-03-02T09:14:05Z"});
    let mut body = json!({"status": "firing", "alerts": (0..count).map(alert).collect::<Vec<_>>()});
    body.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

/// How much the events are on the queue, in bytes.
fn size(events: &[Normalized]) -> usize {
    let on_queue = |event: &Normalized| {
        let id = EventId::mint(now(), 1);
        serde_json::to_vec(&event.clone().into_event(id, &alertmanager(), now(), Disposition::Attaches)).unwrap().len()
    };
    events.iter().map(on_queue).sum()
}

#[test]
fn i5_all_of_thousands_of_alerts_are_taken() {
    for sender in ["alertmanager", "grafana"] {
        let events = normalized(&known(sender), &group(4_000, json!({"truncatedAlerts": 3})));
        let (last, taken) = events.split_last().unwrap();
        assert_eq!(taken.len(), 4_000);
        assert!(taken.iter().all(|event| event.kind == EventKind::Triggered));
        assert_eq!((taken[0].alert.as_ref().unwrap().labels["n"].as_str(), last.kind), ("0", EventKind::Unknown));
        assert!(last.summary.starts_with("3 more alerts of this group"), "{}", last.summary);
    }
}

#[test]
fn i14_what_is_beyond_five_thousand_alerts_is_one_event_that_counts_them() {
    for sender in ["alertmanager", "grafana"] {
        let whole = normalized(&known(sender), &group(5_000, json!({})));
        assert!(whole.len() == 5_000 && whole.iter().all(|event| event.kind == EventKind::Triggered));
        let events = normalized(&known(sender), &group(5_002, json!({"truncatedAlerts": 3})));
        let (last, taken) = events.split_last().unwrap();
        assert_eq!((taken, last.kind), (&whole[..], EventKind::Unknown));
        assert!(last.summary.starts_with("2 more events of this body were left off"), "{}", last.summary);
        assert!(last.summary.contains("; 3 more alerts of this group"), "{}", last.summary);
    }
}

#[test]
fn what_a_group_has_in_common_is_not_copied_whole_into_each_alert() {
    let long = "x".repeat(16 * 1024);
    let many: serde_json::Map<_, _> = (0..500).map(|n| (format!("label{n:03}"), json!("v".repeat(1_000)))).collect();
    let huge = "y".repeat(500_000);
    for head in [
        json!({"commonAnnotations": {"description": long, "summary": long, "runbook_url": format!("https://{long}")}}),
        json!({"commonLabels": {"team": huge, "service": huge, "priority": huge}}),
        json!({"commonLabels": many}),
        json!({"externalURL": format!("https://{huge}"), "title": huge}),
        json!({"status": huge}),
    ] {
        let events = normalized(&alertmanager(), &group(500, head));
        assert_eq!(events.len(), 500);
        assert!(size(&events) < 500 * 40 * 1024, "{}", size(&events));
    }
    // What fits is in each of them, and found by its name also where it is too much to be shown.
    let mut labels = many;
    labels.extend([("cluster".to_owned(), json!("eu")), ("severity".to_owned(), json!("low"))]);
    let events = normalized(&alertmanager(), &group(2, json!({"commonLabels": labels})));
    for event in &events {
        let alert = event.alert.as_ref().unwrap();
        assert_eq!((alert.labels["cluster"].as_str(), alert.severity), ("eu", AlertSeverity::Low));
        assert!(!alert.labels.contains_key("severity"), "{:?}", alert.labels.keys());
    }
}
