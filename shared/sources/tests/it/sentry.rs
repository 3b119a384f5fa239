//! What Sentry's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::{
    reviewed::{Row, every_capture, samples},
    support::{changed, known, one, sample},
};

fn with(file: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("sentry"), changed(&format!("sentry/{file}.json"), changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(&known("sentry"), &["triggered.json", "resolved.json", "metric-triggered.json", "metric-resolved.json"]);
}

/// The plugin that came before signs nothing, so its bodies are none that an alert could come from.
#[test]
fn every_capture_is_read() {
    use EventKind::{Resolved, Triggered, Unknown, Updated};
    let rows: &[Row<'_>] = &[
        ("alerta_contrib_v9.json", Unknown, None, false),
        ("event_for_exception_python.json", Triggered, Some("1635244907"), true),
        ("issue_created_for_exception.json", Triggered, Some("1635244907"), true),
        ("issue_ignored.json", Updated, Some("1638821441"), true),
        ("issue_resolved.json", Resolved, Some("1638821441"), true),
        ("sample_event_through_plugin.json", Unknown, None, false),
        ("webhook_event_for_exception_python.json", Unknown, None, false),
    ];
    every_capture(&known("sentry"), "sentry", rows);
}

#[test]
fn the_issue_that_an_alert_fired_on_ends_it() {
    let (opened, ended) = (with("triggered", &[]), with("resolved", &[]));
    assert_eq!((opened.kind, ended.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(opened.external_id, ended.external_id);
    assert_eq!(opened.alert.unwrap().service, ended.alert.unwrap().service);
}

#[test]
fn the_id_of_the_issue_is_found_in_the_pages_where_it_is_not_said() {
    let none = ("/data/event/issue_id", json!(null));
    assert_eq!(with("triggered", std::slice::from_ref(&none)).external_id.as_deref(), Some("6612077341"));
    let api = ("/data/event/issue_url", json!(null));
    assert_eq!(with("triggered", &[none.clone(), api.clone()]).external_id.as_deref(), Some("6612077341"));
    let page = ("/data/event/web_url", json!("https://sentry.io/issues/"));
    let event = with("triggered", &[none, api, page]);
    assert_eq!((event.kind, event.external_id, event.alert), (EventKind::Triggered, None, None));
    let number = with("triggered", &[("/data/event/issue_id", json!(6_612_077_341_i64))]);
    assert_eq!(number.external_id.as_deref(), Some("6612077341"));
}

#[test]
fn a_metric_alert_ends_itself_and_is_never_taken_for_an_issue() {
    let (opened, ended) = (with("metric-triggered", &[]), with("metric-resolved", &[]));
    assert_eq!(opened.external_id.as_deref(), Some("metric_alert/981"));
    assert_eq!((ended.kind, &ended.external_id), (EventKind::Resolved, &opened.external_id));
    let warning = with("metric-triggered", &[("/action", json!("warning"))]);
    assert_eq!((warning.kind, warning.alert.unwrap().severity), (EventKind::Triggered, AlertSeverity::Medium));
    assert_eq!(with("metric-triggered", &[("/action", json!("insufficient"))]).kind, EventKind::Unknown);
    // The next episode of the same rule.
    let again = with("metric-triggered", &[("/data/metric_alert/date_started", json!("2026-03-03T09:12:00Z"))]);
    assert_ne!(again.delivery_key, opened.delivery_key);
}

#[test]
fn a_change_of_an_issue_has_its_kind() {
    use EventKind::{Escalated, Reopened, Resolved, Triggered, Unknown, Updated};
    for (action, status, kind) in [
        ("created", "unresolved", Triggered),
        ("unresolved", "unresolved", Reopened),
        ("resolved", "resolved", Resolved),
        ("assigned", "unresolved", Escalated),
        ("archived", "ignored", Updated),
        ("ignored", "ignored", Updated),
        ("triggered", "unresolved", Triggered),
        ("triggered", "resolved", Resolved),
        ("triggered", "ignored", Updated),
        ("tomorrows_invention", "unresolved", Unknown),
    ] {
        let event = with("resolved", &[("/action", json!(action)), ("/data/issue/status", json!(status))]);
        assert_eq!((event.kind, event.provider_kind), (kind, format!("issue.{action}")), "{status}");
    }
}

#[test]
fn i3_a_change_without_a_time_is_not_named_by_what_it_has_in_common_with_the_next() {
    let resolved = with("resolved", &[]);
    assert!(resolved.delivery_key.starts_with("sha256:"), "{}", resolved.delivery_key);
    let created = with("resolved", &[("/action", json!("created"))]);
    assert_eq!(created.delivery_key, "issue/6612077341/created");
    let other_rule = with("triggered", &[("/data/triggered_rule", json!("Anything fails"))]);
    assert_ne!(other_rule.delivery_key, with("triggered", &[]).delivery_key);
}

#[test]
fn the_button_that_tries_a_rule_opens_nothing() {
    let tags = json!([["level", "error"], ["sample_event", "yes"]]);
    let event = with("triggered", &[("/data/event/tags", tags)]);
    assert_eq!((event.kind, event.external_id), (EventKind::Ping, None));
    let mut body: Value = serde_json::from_slice(&sample("sentry/triggered.json")).unwrap();
    body["data"]["event"]["fingerprint"] = json!(["sample_evt:2026-03-02 09:14:05+00:00"]);
    assert_eq!(one(&known("sentry"), body.to_string()).kind, EventKind::Ping);
    // Its issue is told of too.
    let title = ("/data/issue/title", json!("This is an example Python exception"));
    assert_eq!(with("resolved", &[("/action", json!("created")), title.clone()]).kind, EventKind::Ping);
    assert_eq!(with("resolved", &[title]).kind, EventKind::Resolved);
}

#[test]
fn errors_one_by_one_and_installations_are_not_alerts() {
    for (action, data, word) in [
        ("created", json!({"error": {"issue_id": "1", "title": "x"}}), "error.created"),
        ("deleted", json!({"installation": {"status": "installed"}}), "installation.deleted"),
        ("root_cause_started", json!({"run_id": 1, "group_id": 2}), "root_cause_started"),
    ] {
        let event = with("triggered", &[("/action", json!(action)), ("/data", data)]);
        assert_eq!((event.kind, event.provider_kind.as_str()), (EventKind::Unknown, word));
        assert!(event.summary.contains("does not act on"), "{}", event.summary);
    }
}

#[test]
fn a_comment_is_a_note_on_its_issue() {
    let data = json!({"comment": "looking", "comment_id": 12, "issue_id": 6_612_077_341_i64,
        "project_slug": "checkout", "timestamp": "2026-03-02T09:20:00Z"});
    let event = with("triggered", &[("/action", json!("created")), ("/data", data)]);
    assert_eq!((event.kind, event.external_id.as_deref()), (EventKind::Annotated, Some("6612077341")));
    assert_eq!((event.summary.as_str(), event.alert), ("comment created: looking", None));
}

#[test]
fn the_service_is_the_project_by_its_short_name_and_nobody_stands_in_the_labels() {
    let alert = with("triggered", &[]).alert.unwrap();
    assert_eq!((alert.service.id.as_str(), alert.labels["project_id"].as_str()), ("checkout", "4501"));
    assert!(!alert.labels.contains_key("user"), "{:?}", alert.labels);
    let alert = with("triggered", &[("/data/event/url", json!(null))]).alert.unwrap();
    assert_eq!(alert.service.id, "4501");
    for (level, severity) in
        [("fatal", AlertSeverity::Critical), ("warning", AlertSeverity::Medium), ("debug", AlertSeverity::Info)]
    {
        assert_eq!(with("triggered", &[("/data/event/level", json!(level))]).alert.unwrap().severity, severity);
    }
}

#[test]
fn i1_what_is_not_its_form_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("", "not JSON"),
        ("[]", "no `action` and `data`"),
        (r#"{"action": "triggered", "data": []}"#, "no `action` and `data`"),
        (r#"{"project_slug": "a", "triggering_rules": [], "event": {}}"#, "legacy WebHooks plugin"),
    ] {
        let event = one(&known("sentry"), body);
        assert_eq!(event.kind, EventKind::Unknown, "{body}");
        assert!(event.summary.contains(reason), "{}", event.summary);
    }
}

#[test]
fn i3_a_metric_alert_that_is_critical_again_within_its_episode_is_another_delivery() {
    let keys = [("critical", 41), ("warning", 22), ("critical", 57)].map(|(action, value)| {
        let text = json!(format!("{value} events in the last 5 minutes"));
        with("metric-triggered", &[("/action", json!(action)), ("/data/description_text", text)]).delivery_key
    });
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 3, "{keys:?}");
    assert_eq!(with("metric-triggered", &[]).delivery_key, with("metric-triggered", &[]).delivery_key);
    // An episode ends once, whatever else the body says.
    let over = with("metric-resolved", &[("/data/description_text", json!("other words"))]);
    assert_eq!(over.delivery_key, with("metric-resolved", &[]).delivery_key);
}
