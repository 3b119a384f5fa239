//! What a `map` makes of any JSON.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{bearer, normalized, now, one, probes, sample, source};

fn show(event: &Normalized) -> Value {
    json!({
        "kind": event.kind, "provider_kind": event.provider_kind, "delivery_key": event.delivery_key,
        "external_id": event.external_id, "occurred_at": event.occurred_at, "summary": event.summary,
        "alert": event.alert,
    })
}

/// A source whose map has these two fields and what is added to them.
fn mapped(more: Value) -> catalog::model::Source {
    let mut map = json!({"external_id": "body.id", "title": "body.title"});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source(json!({"name": "probes", "type": "webhook", "verify": bearer(), "map": map}))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "ping", "list"] {
        let events = normalized(&probes(bearer()), &sample(&format!("webhook/{name}.json")));
        let shown: Vec<_> = events.iter().map(show).collect();
        insta::assert_json_snapshot!(format!("webhook_{name}"), shown);
    }
}

#[test]
fn i3_the_delivery_is_named_by_what_is_signed_then_by_the_key_then_by_the_body() {
    let body = sample("webhook/triggered.json");
    let signed = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    assert_eq!(one(&signed, &body).delivery_key, "msg_1");
    assert_eq!(one(&probes(bearer()), &body).delivery_key, "probe-2041-1");
    let hashed = one(&mapped(json!({})), &body).delivery_key;
    assert!(hashed.starts_with("sha256:") && hashed.contains('@'), "{hashed}");
}

#[test]
fn i3_each_event_of_a_list_has_its_own_key_and_its_own_part_of_the_body() {
    let signed = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let events = normalized(&signed, &sample("webhook/list.json"));
    let keys: Vec<_> = events.iter().map(|event| event.delivery_key.as_str()).collect();
    assert_eq!(keys, ["msg_1/0", "msg_1/1"]);
    assert!(events[0].raw.text.contains("probe-7-1") && !events[0].raw.text.contains("probe-7-2"));
}

#[test]
fn i14_a_list_of_none_is_recorded() {
    let event = one(&probes(bearer()), "[]");
    assert_eq!((event.kind, event.summary.as_str()), (EventKind::Unknown, "the body is an empty list"));
}

#[test]
fn i5_a_list_is_as_many_events_as_it_has_elements() {
    let list: Vec<_> = (0..3_000).map(|n| json!({"id": n.to_string(), "title": "t"})).collect();
    let events = normalized(&mapped(json!({})), json!(list).to_string().as_bytes());
    assert_eq!(events.len(), 3_000);
    assert!(events.iter().enumerate().all(|(n, event)| event.external_id == Some(n.to_string())));
}

#[test]
fn i14_what_is_beyond_five_thousand_elements_is_one_event_that_counts_them() {
    let signed = probes(json!({"secret": "probes", "scheme": "standard-webhooks"}));
    let list = |count: usize| json!(vec![json!({}); count]).to_string();
    assert_eq!(normalized(&signed, list(5_000).as_bytes()).len(), 5_000);
    let events = normalized(&signed, list(5_003).as_bytes());
    assert_eq!((events.len(), events[5_000].kind), (5_001, EventKind::Unknown));
    assert_eq!(
        (events[4_999].delivery_key.as_str(), events[5_000].delivery_key.as_str()),
        ("msg_1/4999", "msg_1/5000")
    );
    let left_off = "3 more events of this body were left off: of one body 5000 are taken";
    assert!(events[5_000].summary.starts_with(left_off), "{}", events[5_000].summary);
}

#[test]
fn i14_a_field_that_gives_nothing_usable_is_named() {
    let body = r#"{"id": "1", "number": 7, "title": "t", "nothing": null, "list": [1]}"#;
    for (field, expression, reason) in [
        ("external_id", "body.absent", "`map.external_id`"),
        ("external_id", "body.number", "not a string"),
        ("external_id", "''", "`map.external_id` is empty"),
        ("title", "body.titel", "`map.title`"),
        ("event", "body.absent", "`map.event`"),
        ("event", "'firing'", "`map.event` gives `firing`"),
        ("event", "body.number", "`string(...)`"),
        ("description", "body.list", "`map.description`"),
        ("severity", "'warning'", "`map.severity` gives `warning`"),
        ("started_at", "'yesterday'", "`map.started_at` gives `yesterday`"),
        ("labels", "body.list", "`map.labels` gives no map"),
        ("service", "body.number / 0", "`map.service`"),
        ("link", "1 +", "`map.link`"),
    ] {
        let event = one(&mapped(json!({field: expression})), body);
        assert_eq!(event.kind, EventKind::Unknown, "{field}: {expression}");
        assert!(event.summary.contains(reason), "{field}: {}", event.summary);
        assert_eq!((event.alert, event.external_id), (None, None));
    }
}

#[test]
fn null_is_the_same_as_no_such_field() {
    let nulls = json!({"event": "null", "description": "null", "severity": "null", "service": "null",
        "labels": "null", "link": "null", "started_at": "null"});
    let body = r#"{"id": "1", "title": "t"}"#;
    let event = one(&mapped(nulls), body);
    let alert = event.alert.clone().unwrap();
    assert_eq!((event.kind, alert.severity, alert.started_at), (EventKind::Triggered, AlertSeverity::High, now()));
    assert_eq!(one(&mapped(json!({})), body).alert, Some(alert));
}

#[test]
fn a_beginning_is_read_in_every_form_in_use_and_one_that_is_not_set_is_none() {
    let source = mapped(json!({"started_at": "body.since"}));
    let began = |since: Value| one(&source, json!({"id": "1", "title": "t", "since": since}).to_string()).occurred_at;
    for since in
        [json!("2026-03-02T09:13:30Z"), json!(1_772_442_810), json!(1_772_442_810_000_i64), json!("1772442810")]
    {
        assert_eq!(began(since.clone()).to_string(), "2026-03-02T09:13:30Z", "{since}");
    }
    for unset in [json!(null), json!(0), json!("0001-01-01T00:00:00Z")] {
        assert_eq!(began(unset.clone()), now(), "{unset}");
    }
    let odd = one(&source, r#"{"id": "1", "title": "t", "since": [1]}"#);
    assert!(odd.kind == EventKind::Unknown && odd.summary.contains("`map.started_at`"), "{}", odd.summary);
}

/// A resolve seldom repeats what the alert said, and must end the investigation all the same.
#[test]
fn an_attaching_event_needs_no_more_than_its_id() {
    let source = mapped(json!({"event": "body.state", "severity": "body.severity"}));
    let event = one(&source, r#"{"id": "1", "state": "resolved"}"#);
    assert_eq!((event.kind, event.external_id.as_deref()), (EventKind::Resolved, Some("1")));
    assert_eq!((event.alert, event.summary.as_str()), (None, "resolved"));
}

#[test]
fn labels_are_texts_in_the_order_of_their_names() {
    let source = mapped(json!({"labels": "body.labels"}));
    let labels = json!({"b": 1, "a": "x", "none": null, "deep": {"k": [true]}});
    let alert = one(&source, json!({"id": "1", "title": "t", "labels": labels}).to_string()).alert.unwrap();
    let shown: Vec<_> = alert.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(shown, ["a=x", "b=1", r#"deep={"k":[true]}"#]);
}

#[test]
fn only_a_web_page_becomes_a_link() {
    let source = mapped(json!({"link": "body.url"}));
    for (url, count) in [("https://example.com/1", 1), ("javascript:alert(1)", 0), ("", 0)] {
        let alert = one(&source, json!({"id": "1", "title": "t", "url": url}).to_string()).alert.unwrap();
        assert_eq!(alert.links.len(), count, "{url}");
    }
}

/// A map that copies headers must not be able to copy the token.
#[test]
fn i9_expressions_see_headers_but_none_that_carry_a_secret() {
    let own = json!({"secret": "probes", "scheme": "bearer", "header": "X-Token"});
    for verify in [bearer(), own] {
        let source = source(json!({
            "name": "probes", "type": "webhook", "verify": verify,
            "map": {"external_id": "body.id", "title": "headers['content-type']", "labels": "headers"}
        }));
        let event = one(&source, r#"{"id": "1"}"#);
        let alert = event.alert.clone().unwrap();
        assert_eq!(alert.title, "application/json");
        assert!(!format!("{event:?}").contains("C2FVsBQIhrscChlQIMV"), "{event:?}");
    }
}

#[test]
fn i1_a_source_without_a_map_records_what_comes() {
    let source = source(json!({"name": "probes", "type": "webhook", "verify": bearer()}));
    let event = one(&source, "{}");
    assert_eq!(event.kind, EventKind::Unknown);
    assert!(event.summary.contains("`map`"), "{}", event.summary);
}
