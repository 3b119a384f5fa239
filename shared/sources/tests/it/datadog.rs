//! What Datadog's webhooks say, by our template, by its default one, and by others.

use std::collections::BTreeMap;

use catalog::model::Source;
use domain::{AlertSeverity, EventKind};
use firstlook_sources::{Normalized, normalize, verify};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Beside, changed, hold_captures, known, normalized, now, one, said, sample, secrets};

fn datadog() -> Source {
    known("datadog")
}

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&datadog(), changed("datadog/triggered.json", changes))
}

fn of(name: &str) -> Normalized {
    one(&datadog(), sample(&format!("datadog/{name}.json")))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "slo", "ping", "default-triggered", "default-resolved"] {
        let events = normalized(&datadog(), &sample(&format!("datadog/{name}.json")));
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("datadog_{name}"), said(&events));
        });
    }
}

/// None of them is a rendered body of our template: they are other products' templates, and monitors.
#[test]
fn every_capture_is_read() {
    const ODD: &[(EventKind, bool)] = &[(EventKind::Unknown, false)];
    hold_captures(
        "datadog",
        "datadog",
        &[
            ("default_payload_UNRENDERED.txt", ODD),
            ("keep_mock_high_cpu_usage.json", ODD),
            ("keep_mock_low_disk_space.json", ODD),
            ("keep_mock_mq_consumer_struggling.json", ODD),
            ("oneuptime_template_UNRENDERED.txt", ODD),
        ],
    );
}

/// As Datadog does it: in one pass, with the values escaped as in JSON text, and what it does not know left as it is.
fn rendered(values: &BTreeMap<String, String>) -> String {
    let template = String::from_utf8(sample("datadog/template.json")).unwrap();
    let mut rendered = String::new();
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        rendered.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap();
        let (name, following) = after.split_at(end);
        let escaped = values.get(name).map_or_else(|| format!("\"${name}\""), |value| json!(value).to_string());
        rendered.push_str(&escaped[1..escaped.len() - 1]);
        rest = following;
    }
    rendered + rest
}

fn variables() -> Vec<String> {
    let template: BTreeMap<String, String> = serde_json::from_slice(&sample("datadog/template.json")).unwrap();
    template.into_values().map(|value| value.strip_prefix('$').unwrap().to_owned()).collect()
}

#[test]
fn the_template_holds_each_variable_once_and_in_quotes() {
    let names = variables();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')), "{names:?}");
    // It is JSON itself and not text, so it would break the body.
    assert!(!names.contains(&"LOGS_SAMPLE".to_owned()));
}

#[test]
fn the_template_where_nothing_was_put_in_says_that_it_says_nothing() {
    for body in
        [rendered(&BTreeMap::new()), rendered(&variables().into_iter().map(|name| (name, String::new())).collect())]
    {
        let event = one(&datadog(), body);
        assert_eq!(event.kind, EventKind::Unknown);
        assert!(event.summary.contains("docs/sources/datadog.md"), "{}", event.summary);
    }
}

#[test]
fn the_samples_are_bodies_of_the_template() {
    let template: BTreeMap<String, String> = serde_json::from_slice(&sample("datadog/template.json")).unwrap();
    for name in ["triggered", "resolved", "slo", "ping"] {
        let body: BTreeMap<String, String> = serde_json::from_slice(&sample(&format!("datadog/{name}.json"))).unwrap();
        assert!(body.keys().eq(template.keys()), "{name}");
    }
}

proptest! {
    #[test]
    fn the_template_is_json_whatever_its_variables_hold(value: String, key in "[0-9]{1,20}") {
        let mut values: BTreeMap<_, _> = variables().into_iter().map(|name| (name, value.clone())).collect();
        values.insert("ALERT_CYCLE_KEY".to_owned(), key.clone());
        values.insert("ALERT_TRANSITION".to_owned(), "Triggered".to_owned());
        values.insert("EVENT_TITLE".to_owned(), "Checkout".to_owned());
        let event = one(&datadog(), rendered(&values));
        prop_assert_eq!(event.kind, EventKind::Triggered);
        prop_assert_eq!(event.external_id, Some(key));
    }
}

#[test]
fn each_transition_has_its_kind() {
    use EventKind::{Resolved, Triggered, Unknown, Updated};
    for (word, kind) in [
        ("Triggered", Triggered),
        ("Warn", Triggered),
        ("No Data", Triggered),
        ("Re-Triggered", Updated),
        ("Re-Warn", Updated),
        ("Re-No Data", Updated),
        ("Renotify", Updated),
        ("Recovered", Resolved),
        ("Muted", Unknown),
    ] {
        assert_eq!(triggered(&[("/transition", json!(word))]).kind, kind, "{word}");
    }
}

#[test]
fn a_test_notification_opens_nothing() {
    let event = of("ping");
    assert_eq!((event.kind, event.external_id, event.alert), (EventKind::Ping, None, None));
}

#[test]
fn i3_a_cycle_is_an_incident_and_each_event_of_it_a_delivery() {
    let (opened, resolved) = (of("triggered"), of("resolved"));
    assert_eq!(opened.external_id, resolved.external_id);
    assert_ne!(opened.delivery_key, resolved.delivery_key);
    let other = triggered(&[("/cycle_key", json!("7716548234055550000"))]);
    assert_ne!(other.external_id, opened.external_id);
}

#[test]
fn without_a_cycle_the_monitor_and_its_group_name_the_incident() {
    let keyless = [("/cycle_key", json!("$ALERT_CYCLE_KEY")), ("/aggreg_key", json!(""))];
    assert_eq!(triggered(&keyless).external_id.as_deref(), Some("monitor:148275309:service:checkout"));
    let aggregated = triggered(&keyless[..1]);
    assert_eq!(aggregated.external_id.as_deref(), Some("9bd4ac313a4d1e8fae2482df7b77628c"));
}

#[test]
fn the_default_template_is_read_as_far_as_it_goes() {
    let (opened, resolved) = (of("default-triggered"), of("default-resolved"));
    assert_eq!((opened.kind, resolved.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(opened.external_id.as_deref(), Some("monitor:148275309:service:checkout"));
    assert_eq!(opened.external_id, resolved.external_id);
    assert_ne!(opened.delivery_key, resolved.delivery_key);
    let linkless = one(&datadog(), changed("datadog/default-triggered.json", &[("/body", json!("It is down."))]));
    assert_eq!(linkless.kind, EventKind::Unknown);
    assert!(linkless.summary.contains("no id that lasts") && linkless.summary.contains("docs/sources/datadog.md"));
    let untold = one(&datadog(), changed("datadog/default-triggered.json", &[("/title", json!("Deployed 42"))]));
    assert!(untold.kind == EventKind::Unknown && untold.summary.contains("what became of the alert"));
}

#[test]
fn the_names_of_other_templates_are_read_however_they_are_written() {
    for names in [
        ["alert_cycle_key", "alert_transition", "event_title", "alert_priority", "alert_scope"],
        ["alertCycleKey", "alertTransition", "eventTitle", "alertPriority", "alertScope"],
        ["ALERT_CYCLE_KEY", "ALERT_TRANSITION", "EVENT_TITLE", "ALERT_PRIORITY", "ALERT_SCOPE"],
    ] {
        let values = ["77165", "Triggered", "[Triggered] CPU is busy", "P1", "service:cart"];
        let body: serde_json::Map<_, _> = names.into_iter().map(str::to_owned).zip(values.map(Value::from)).collect();
        let event = one(&datadog(), Value::from(body).to_string());
        let alert = event.alert.unwrap();
        assert_eq!((event.kind, alert.external_id.as_str()), (EventKind::Triggered, "77165"));
        assert_eq!((alert.title.as_str(), alert.service.name.as_str()), ("CPU is busy", "cart"));
        assert_eq!(alert.severity, AlertSeverity::Critical);
    }
}

#[test]
fn the_template_sent_as_a_form_says_the_same() {
    let json: BTreeMap<String, String> = serde_json::from_slice(&sample("datadog/triggered.json")).unwrap();
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&json).finish();
    let mut beside = Beside::signed(&datadog(), form.as_bytes(), "t0ken");
    beside.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let payload = verify(&datadog(), beside.with(form.as_bytes()), &secrets(&["t0ken"]), now()).unwrap();
    let events = normalize(&datadog(), &payload, now());
    assert_eq!(said(&events), said(&[of("triggered")]));
}

#[test]
fn of_several_links_to_monitors_the_last_is_datadogs() {
    let body = "See https://app.datadoghq.com/monitors/1 too. [Edit](https://app.datadoghq.eu/monitors/148275309/edit)";
    let event = one(&datadog(), changed("datadog/default-triggered.json", &[("/body", json!(body))]));
    assert_eq!(event.external_id, of("default-triggered").external_id);
}

/// A template of somebody's own, in which `id` is the monitor: it must not make the next alert a repetition.
#[test]
fn i3_an_id_that_may_be_the_monitors_names_no_delivery_alone() {
    let own = |date: &str| {
        let body = json!({"title": "[Triggered] Checkout", "transition": "Triggered", "id": "148275309",
            "alert_id": "148275309", "date": date});
        one(&datadog(), body.to_string()).delivery_key
    };
    assert_ne!(own("1772442845000"), own("1772529245000"));
    assert_eq!(own("1772442845000"), own("1772442845000"));
    assert!(own("").starts_with("sha256:"));
}

#[test]
fn marks_are_no_part_of_the_title_and_other_brackets_are() {
    for (written, title) in [
        ("[P1] [Triggered on {host:a}] CPU is busy", "CPU is busy"),
        ("[Re-Warn] [prod] CPU is busy", "[prod] CPU is busy"),
        ("[prod] CPU is busy", "[prod] CPU is busy"),
        ("[Triggered", "[Triggered"),
        ("CPU is busy", "CPU is busy"),
    ] {
        assert_eq!(triggered(&[("/alert_title", json!(written))]).alert.unwrap().title, title, "{written}");
    }
}

#[test]
fn priority_speaks_first_and_then_the_type() {
    for (priority, of_type, transition, severity) in [
        ("P1", "warning", "Triggered", AlertSeverity::Critical),
        ("P4", "error", "Triggered", AlertSeverity::Low),
        ("$ALERT_PRIORITY", "warning", "Triggered", AlertSeverity::Medium),
        ("", "error", "Triggered", AlertSeverity::High),
        ("", "error", "Warn", AlertSeverity::Medium),
        ("", "info", "Triggered", AlertSeverity::Info),
        ("", "$ALERT_TYPE", "No Data", AlertSeverity::High),
    ] {
        let changes = [("/priority", json!(priority)), ("/type", json!(of_type)), ("/transition", json!(transition))];
        assert_eq!(triggered(&changes).alert.unwrap().severity, severity, "{priority} {of_type} {transition}");
    }
}

#[test]
fn tags_are_labels_of_which_the_group_counts_first() {
    let changes =
        [("/tags", json!("env:prod, env:dev,service:all,team:a,urgent,url:https://x")), ("/host", json!("web-1"))];
    let alert = triggered(&changes).alert.unwrap();
    let labels: Vec<_> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        labels,
        ["env=prod", "host=web-1", "monitor_id=148275309", "service=checkout", "team=a", "url=https://x"]
    );
    assert_eq!((alert.service.name.as_str(), alert.team.as_str()), ("checkout", "a"));
}

#[test]
fn an_slo_alert_says_its_objective_as_far_as_the_query_does() {
    let burn = of("slo").alert.unwrap().slo;
    assert_eq!(
        (burn.name.as_str(), burn.window.as_str(), burn.burn_rate.as_str()),
        ("checkout-availability", "30d", "14.4")
    );
    let spent = triggered(&[("/query", json!("error_budget(\"0a1b\").over(\"7d\") > 75"))]).alert.unwrap().slo;
    assert_eq!((spent.name.as_str(), spent.window.as_str(), spent.budget_remaining.as_str()), ("0a1b", "7d", "25"));
    for other in ["", "avg(last_5m):avg:burn_rate{*} > 3", "error_budget(", "burn_rate(x"] {
        let slo = triggered(&[("/query", json!(other))]).alert.unwrap().slo;
        assert!(slo.name.is_empty() && slo.window.is_empty(), "{other}: {slo:?}");
    }
}
