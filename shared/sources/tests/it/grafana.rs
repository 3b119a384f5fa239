//! What Grafana's webhooks say, and how it signs them.

use catalog::model::Source;
use domain::{AlertSeverity, EventKind};
use firstlook_sources::{Normalized, Refusal};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{changed, check, hold_captures, known, normalized, now, one, said, sample, source};

/// Computed with `openssl dgst -sha256 -hmac`: over the body, and over `1772444400:` and the body.
const SECRET: &str = "It signs alerts";
const BODY: &[u8] = br#"{"status":"firing"}"#;
const OF_BODY: &str = "2caf4d5b07086f25303bccba8999a939df97527624b74ecf32f2989d55668c3c";
const OF_TIME_AND_BODY: &str = "e69ceaa70b7aea50cd4daf56f1a51cad3cde8c62d4d2d092bff190308007715d";
const SECONDS: &str = "1772444400";
const SIGNATURE: &str = "X-Grafana-Alerting-Signature";
const TIMESTAMP: &str = "X-Grafana-Alerting-Timestamp";

fn grafana() -> Source {
    known("grafana")
}

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&grafana(), changed("grafana/triggered.json", changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "ping", "legacy-triggered", "legacy-resolved"] {
        let events = normalized(&grafana(), &sample(&format!("grafana/{name}.json")));
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("grafana_{name}"), said(&events));
        });
    }
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Ping, Resolved, Triggered, Unknown};
    hold_captures(
        "grafana",
        "grafana",
        &[
            ("alert_no_alertname_v11.json", &[(Triggered, true)]),
            // Tests of the contact point, two of the old one and one of the new one.
            ("alert_ok_v7.json", &[(Ping, false)]),
            ("alert_v7.json", &[(Ping, false)]),
            ("alert_v8.json", &[(Ping, false)]),
            ("alerta_legacy_alerting.json", &[(Triggered, true)]),
            ("alerta_legacy_example.json", &[(Triggered, true)]),
            ("alerta_legacy_ok.json", &[(Resolved, true)]),
            ("alerta_legacy_v6.json", &[(Triggered, true)]),
            // Rules, not notifications.
            ("keep_mock_HighMemoryConsumption.json", &[(Unknown, false)]),
            ("keep_mock_NetworkLatencyIsHigh.json", &[(Unknown, false)]),
            ("no_data_alert_v7.json", &[(Triggered, true)]),
        ],
    );
}

#[test]
fn a_resolve_finds_what_opened_it() {
    for (opens, resolves) in [("triggered", "resolved"), ("legacy-triggered", "legacy-resolved")] {
        let of = |name: &str| one(&grafana(), sample(&format!("grafana/{name}.json")));
        let (opened, resolved) = (of(opens), of(resolves));
        assert_eq!((opened.kind, resolved.kind), (EventKind::Triggered, EventKind::Resolved));
        assert_eq!(opened.external_id, resolved.external_id, "{opens}");
        assert_ne!(opened.delivery_key, resolved.delivery_key, "{opens}");
    }
}

#[test]
fn a_test_of_the_contact_point_opens_nothing() {
    let event = one(&grafana(), sample("grafana/ping.json"));
    assert_eq!((event.kind, event.external_id, event.alert), (EventKind::Ping, None, None));
    // A rule that somebody calls so is none.
    let named = triggered(&[("/alerts/0/labels/alertname", json!("TestAlert"))]);
    assert_eq!(named.kind, EventKind::Triggered);
}

#[test]
fn a_rule_without_data_is_named_by_the_rule() {
    let labels = json!({"alertname": "DatasourceNoData", "rulename": "Checkout queue grows"});
    let event = triggered(&[
        ("/alerts/0/labels", labels),
        ("/alerts/0/annotations", json!({})),
        ("/commonAnnotations", json!({})),
    ]);
    assert_eq!(event.alert.unwrap().title, "DatasourceNoData: Checkout queue grows");
}

#[test]
fn what_was_measured_stands_under_the_description() {
    let of = |changes: &[(&str, Value)]| triggered(changes).alert.unwrap().description;
    assert_eq!(of(&[]), "The queue has grown for 20 minutes.\n\nMeasured: A=4200, C=1");
    let older = [("/alerts/0/values", json!(null)), ("/alerts/0/valueString", json!("[ value=1 ]"))];
    assert!(of(&older).ends_with("Measured: [ value=1 ]"));
    let nothing = [("/alerts/0/values", json!(null)), ("/alerts/0/valueString", json!(null))];
    assert_eq!(of(&nothing), "The queue has grown for 20 minutes.");
}

#[test]
fn an_alert_of_grafana_slo_says_its_objective() {
    let labels = json!({"alertname": "a", "grafana_slo_uuid": "63v1", "grafana_slo_window": "28d", "grafana_slo_severity": "warning"});
    let annotations = json!({"slo_name": "checkout availability"});
    let changes = [("/commonLabels", json!({})), ("/alerts/0/labels", labels), ("/alerts/0/annotations", annotations)];
    let alert = triggered(&changes).alert.unwrap();
    assert_eq!((alert.slo.name.as_str(), alert.slo.window.as_str()), ("checkout availability", "28d"));
    assert_eq!(alert.severity, AlertSeverity::Medium);
}

#[test]
fn of_the_old_alerting_only_alerting_opens_and_only_ok_resolves() {
    for (state, kind) in [
        ("alerting", EventKind::Triggered),
        ("ok", EventKind::Resolved),
        ("no_data", EventKind::Updated),
        ("paused", EventKind::Updated),
        ("pending", EventKind::Updated),
        ("tomorrow", EventKind::Unknown),
    ] {
        let body = changed("grafana/legacy-triggered.json", &[("/state", json!(state))]);
        assert_eq!(one(&grafana(), body).kind, kind, "{state}");
    }
    let by_url = changed("grafana/legacy-triggered.json", &[("/ruleId", json!(0))]);
    let url = "https://grafana.example.com/d/checkout?tab=alert&viewPanel=4";
    assert_eq!(one(&grafana(), by_url).external_id.as_deref(), Some(url));
}

#[test]
fn i1_what_is_no_notification_of_grafana_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("{}", "neither `alerts` nor `ruleId`"),
        (r#"{"ruleId": 1, "ruleName": "a"}"#, "no `state`"),
        (r#"{"ruleName": "a", "state": "ok"}"#, "neither `ruleId` nor `ruleUrl`"),
    ] {
        let event = one(&grafana(), body);
        assert_eq!((event.kind, event.summary.contains(reason)), (EventKind::Unknown, true), "{}", event.summary);
    }
}

#[test]
fn i1_a_signature_of_grafana_fits_with_and_without_its_time() {
    let verdict = |pairs: &[(&str, &str)], body: &[u8]| check(&grafana(), pairs, body, &["other", SECRET], now());
    assert_eq!(verdict(&[(SIGNATURE, OF_BODY)], BODY), Ok(()));
    // The name that Grafana's code has for it.
    assert_eq!(verdict(&[("X-Grafana-Alert-Signature", OF_BODY)], BODY), Ok(()));
    assert_eq!(verdict(&[(SIGNATURE, OF_TIME_AND_BODY), (TIMESTAMP, SECONDS)], BODY), Ok(()));
    let timed = [("X-Grafana-Alert-Signature", OF_TIME_AND_BODY), (TIMESTAMP, SECONDS)];
    assert_eq!(verdict(&timed, BODY), Ok(()));

    assert_eq!(verdict(&[(SIGNATURE, OF_BODY)], b"{}"), Err(Refusal::Mismatch));
    assert_eq!(verdict(&[(TIMESTAMP, SECONDS)], BODY), Err(Refusal::Unproven));
    // A time is signed or not: neither can be put beside what was signed the other way.
    assert_eq!(verdict(&[(SIGNATURE, OF_BODY), (TIMESTAMP, SECONDS)], BODY), Err(Refusal::Mismatch));
    assert_eq!(verdict(&[(SIGNATURE, OF_TIME_AND_BODY)], BODY), Err(Refusal::Mismatch));
    for odd in ["", "1772444401", "+1772444400", "1772444400.0", "1772444400,1772444400", "99999999999999999999"] {
        let pairs = [(SIGNATURE, OF_TIME_AND_BODY), (TIMESTAMP, odd)];
        assert_eq!(verdict(&pairs, BODY), Err(Refusal::Mismatch), "{odd:?}");
    }
    let twice = [(SIGNATURE, OF_TIME_AND_BODY), (TIMESTAMP, SECONDS), (TIMESTAMP, SECONDS)];
    assert_eq!(verdict(&twice, BODY), Err(Refusal::Mismatch));
}

#[test]
fn i1_the_time_that_grafana_signs_is_good_for_five_minutes_either_way() {
    let pairs = [(SIGNATURE, OF_TIME_AND_BODY), (TIMESTAMP, SECONDS)];
    let at = |seconds| check(&grafana(), &pairs, BODY, &[SECRET], now() + SignedDuration::from_secs(seconds));
    assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(Refusal::Stale), Err(Refusal::Stale)));
}

/// Else who recorded such a request could send it at any time, with the time moved from its header into the body.
#[test]
fn i1_a_signed_time_cannot_become_a_part_of_the_body() {
    let moved = [SECONDS.as_bytes(), b":", BODY].concat();
    let verdict = check(&grafana(), &[(SIGNATURE, OF_TIME_AND_BODY)], &moved, &[SECRET], now());
    assert_eq!(verdict, Err(Refusal::Mismatch));
}

#[test]
fn i1_only_the_header_that_the_source_names_is_looked_at() {
    let named = source(json!({"name": "g", "type": "grafana", "verify": {"secret": "s", "header": "X-Own"}}));
    assert_eq!(check(&named, &[("X-Own", OF_BODY)], BODY, &[SECRET], now()), Ok(()));
    for other in [SIGNATURE, "X-Grafana-Alert-Signature"] {
        assert_eq!(check(&named, &[(other, OF_BODY)], BODY, &[SECRET], now()), Err(Refusal::Unproven));
    }
}
