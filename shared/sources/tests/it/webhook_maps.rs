//! The recipes of docs/sources/webhook.md, read from there, so that what is shown is what works; and what becomes of all
//! the other senders' bodies that nothing was written for.

use std::path::Path;

use catalog::model::Source;
use domain::{AlertSeverity, EventKind, EventRole, Secret};
use firstlook_sources::{Normalized, normalize, verify};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::support::{Beside, bearer, captures, normalized, now, one, probes, source};

const PAGE: &str = include_str!("../../../../docs/sources/webhook.md");

/// The YAML blocks of the page, each a Source.
fn recipes() -> Vec<(Source, String)> {
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let read = |text: String| {
        let loaded = catalog::load_texts([(Path::new("recipe.yaml"), text.as_str())]);
        let errors: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
        let catalog = loaded.catalog.unwrap_or_else(|| panic!("{text}\n{errors:?}"));
        let [source] = <[Source; 1]>::try_from(catalog.sources.into_values().collect::<Vec<_>>()).unwrap();
        (source, text)
    };
    blocks.map(read).collect()
}

fn recipe(name: &str) -> Source {
    recipes().into_iter().map(|(source, _)| source).find(|source| source.name.as_str() == name).unwrap()
}

/// The one real body `file`, with changes; nothing where the captures are not at hand.
fn capture(folder: &str, file: &str, changes: &[(&str, Value)]) -> Option<Value> {
    let (_, body) = captures(folder).into_iter().find(|(name, _)| name == file)?;
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    for (at, value) in changes {
        *body.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
    }
    Some(body)
}

fn read(recipe_name: &str, body: &Value) -> Normalized {
    one(&recipe(recipe_name), body.to_string())
}

/// What a form says.
fn posted(source: &Source, form: &str) -> Normalized {
    let mut beside = Beside::signed(source, form.as_bytes(), "token");
    beside.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let payload = verify(source, beside.with(form.as_bytes()), &[Secret::new("token")], now()).unwrap();
    normalize(source, &payload, now()).remove(0)
}

fn form(body: &Value) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body.to_string()).finish()
}

#[test]
fn every_recipe_is_whole_and_its_map_is_at_most_ten_lines() {
    let recipes = recipes();
    assert!(recipes.len() >= 9, "{}", recipes.len());
    for (source, text) in recipes {
        let map = text.lines().skip_while(|line| !line.starts_with("map:")).skip(1);
        let lines = map.take_while(|line| line.starts_with("  ")).count();
        assert!((2..=10).contains(&lines), "{}: {lines} lines", source.name);
    }
}

#[test]
fn rollbar_is_read() {
    for (file, kind) in [
        ("new_item.json", EventKind::Triggered),
        ("high_occurrence_rate.json", EventKind::Triggered),
        ("every_occurrence.json", EventKind::Updated),
        ("resolved_item.json", EventKind::Resolved),
    ] {
        let Some(body) = capture("rollbar", file, &[]) else { return };
        let event = read("rollbar", &body);
        assert_eq!(event.kind, kind, "{file}: {}", event.summary);
        let item = body.pointer("/data/item").unwrap();
        assert_eq!(event.external_id, Some(item["id"].to_string()), "{file}");
        let alert = event.alert.unwrap();
        assert_eq!(alert.title, item["title"].as_str().unwrap(), "{file}");
        let severity = if item["level"] == 50 { AlertSeverity::Critical } else { AlertSeverity::High };
        assert_eq!((alert.severity, alert.labels["environment"].as_str()), (severity, "production"), "{file}");
        assert_eq!(alert.started_at.as_second(), item["first_occurrence_timestamp"].as_i64().unwrap(), "{file}");
    }
}

#[test]
fn rollbars_test_opens_nothing_and_what_it_invents_is_recorded() {
    assert_eq!(read("rollbar", &json!({"event_name": "test", "data": {"message": "hello"}})).kind, EventKind::Ping);
    assert_eq!(read("rollbar", &json!({"event_name": "deploy", "data": {}})).kind, EventKind::Unknown);
}

/// Somebody's mock wraps what the sender sends.
#[test]
fn signalfx_is_read() {
    let Some(mut body) = capture("signalfx", "keep_mock.json", &[]) else { return };
    let mut body = body.pointer_mut("/simulate/payload").unwrap().take();
    let open = read("signalfx", &body);
    assert_eq!((open.kind, open.external_id.as_deref()), (EventKind::Triggered, Some("1234")), "{}", open.summary);
    let alert = open.alert.unwrap();
    assert_eq!((alert.severity, alert.links.len()), (AlertSeverity::Critical, 1));
    assert!(!alert.title.is_empty() && alert.description.contains("sf.org.log"), "{alert:?}");
    for (status, kind) in [
        ("ok", EventKind::Resolved),
        ("manually resolved", EventKind::Resolved),
        ("stopped", EventKind::Resolved),
        ("invented", EventKind::Unknown),
    ] {
        body["statusExtended"] = json!(status);
        let event = read("signalfx", &body);
        assert_eq!(event.kind, kind, "{status}");
        assert_eq!(event.external_id.is_some(), kind == EventKind::Resolved);
    }
}

#[test]
fn graylog_is_read() {
    let Some(body) = capture("graylog", "keep_mock.json", &[]) else { return };
    let event = read("graylog", &body);
    assert_eq!((event.kind, event.delivery_key.as_str()), (EventKind::Triggered, "01JAZZJAKS82TDZAE82E0WAENT"));
    let alert = event.alert.unwrap();
    assert_eq!((alert.severity, alert.title.as_str()), (AlertSeverity::High, "Event - 1"));
    assert_eq!(alert.started_at.to_string(), "2024-10-24T10:22:04.556Z");
    let Some(old) = capture("graylog", "alerta_notification.json", &[]) else { return };
    let event = read("graylog-legacy", &old);
    assert_eq!(event.kind, EventKind::Triggered, "{}", event.summary);
    assert!(event.summary.contains("2 messages"), "{}", event.summary);
    // The one map does not read the other's form, and says so.
    assert_eq!(read("graylog", &old).kind, EventKind::Unknown);
}

#[test]
fn a_saved_search_of_splunk_is_read_with_what_it_has() {
    for (file, _) in captures("splunk_enterprise") {
        let body = capture("splunk_enterprise", &file, &[]).unwrap();
        let event = read("splunk", &body);
        assert_eq!(event.kind, EventKind::Triggered, "{file}: {}", event.summary);
        assert_eq!(event.delivery_key, body["sid"].as_str().unwrap(), "{file}");
        let alert = event.alert.unwrap();
        let name = body.get("search_name").unwrap_or(&body["sid"]).as_str().unwrap();
        assert_eq!(alert.external_id, name, "{file}");
        assert_eq!(alert.links.len(), usize::from(body.get("results_link").is_some()), "{file}");
        assert_eq!(
            (alert.service.name.as_str(), alert.labels["sourcetype"].as_str()),
            ("myserver", "syslog"),
            "{file}"
        );
        assert!(alert.description.contains("session closed"), "{file}");
    }
    let empty = json!({"sid": "s1", "search_name": "no heartbeat", "owner": "admin", "app": "search"});
    assert_eq!(read("splunk", &empty).kind, EventKind::Triggered, "a search may find nothing");
}

#[test]
fn librato_is_read_out_of_its_form() {
    for file in ["alert.json", "three_conditions_alert.json"] {
        // Both were made with the button "Test".
        let Some(body) = capture("librato", file, &[]) else { return };
        let test = posted(&recipe("librato"), &form(&body));
        assert_eq!(test.kind, EventKind::Ping, "{file}: {}", test.summary);
        let body = capture("librato", file, &[("/triggered_by_user_test", json!(false))]).unwrap();
        let open = posted(&recipe("librato"), &form(&body));
        assert_eq!((open.kind, open.external_id.as_deref()), (EventKind::Triggered, Some("6294535")), "{file}");
        let alert = open.alert.unwrap();
        assert_eq!(alert.title, body["alert"]["name"].as_str().unwrap());
        assert_eq!((alert.started_at.as_second(), alert.links.len()), (body["trigger_time"].as_i64().unwrap(), 1));
        let mut clear = body.clone();
        clear["clear"] = json!("normal");
        let over = posted(&recipe("librato"), &form(&clear));
        assert_eq!((over.kind, over.external_id.as_deref()), (EventKind::Resolved, Some("6294535")), "{file}");
    }
}

#[test]
fn coralogix_is_read() {
    let Some(body) = capture("coralogix", "keep_mock.json", &[]) else { return };
    let event = read("coralogix", &body);
    assert_eq!(event.kind, EventKind::Triggered, "{}", event.summary);
    let alert = event.alert.unwrap();
    assert_eq!((alert.severity, alert.title.as_str(), alert.links.len()), (AlertSeverity::High, "Keep", 1));
    let over =
        read("coralogix", &capture("coralogix", "keep_mock.json", &[("/alert_action", json!("resolve"))]).unwrap());
    assert_eq!((over.kind, over.external_id), (EventKind::Resolved, event.external_id));
    // The fields are the user's to choose.
    let bare = read("coralogix", &capture("coralogix", "keep_mock.json", &[("/fields", json!([]))]).unwrap());
    assert_eq!(bare.kind, EventKind::Triggered, "{}", bare.summary);
}

#[test]
fn vmware_aria_operations_is_read() {
    let Some(body) = capture("vmware_vrops", "alerta.json", &[]) else { return };
    let event = read("vrops", &body);
    assert_eq!(
        (event.kind, event.external_id.as_deref()),
        (EventKind::Triggered, Some("sample-alert-uuid")),
        "{}",
        event.summary
    );
    let alert = event.alert.unwrap();
    assert_eq!((alert.severity, alert.service.name.as_str()), (AlertSeverity::Medium, "sample-object-name"));
    assert_eq!(alert.started_at.as_second(), 1_369_757_346);
    let over = capture("vmware_vrops", "alerta.json", &[("/status", json!("CANCELED"))]).unwrap();
    assert_eq!(read("vrops", &over).kind, EventKind::Resolved);
}

/// The body is the one that the page says, with what Slack puts in its places.
#[test]
fn a_workflow_of_slack_is_read() {
    let (_, template) = PAGE.split_once("```json\n").unwrap();
    let mut body: Value = serde_json::from_str(template.split("```").next().unwrap()).unwrap();
    for (field, value) in [
        ("request", "2026-03-02T09:39:58Z U0ONCALL01"),
        ("title", "Checkout looks slow"),
        ("asked_by", "U0ONCALL01"),
        ("channel", "C0CHECKOUT"),
        ("message", "https://shop.slack.com/archives/C0CHECKOUT/p1772444398000100"),
    ] {
        assert!(body[field].as_str().unwrap().contains("{{"), "{field}");
        body[field] = json!(value);
    }
    let event = read("slack-workflow", &body);
    assert_eq!((event.kind, event.delivery_key.as_str()), (EventKind::Triggered, "2026-03-02T09:39:58Z U0ONCALL01"));
    let alert = event.alert.unwrap();
    assert_eq!(
        (alert.title.as_str(), alert.severity, alert.service.id.as_str()),
        ("Checkout looks slow", AlertSeverity::High, "checkout")
    );
    assert_eq!((alert.labels["channel"].as_str(), alert.links.len()), ("C0CHECKOUT", 1));
    for field in ["severity", "service", "message"] {
        body.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(read("slack-workflow", &body).kind, EventKind::Triggered, "the rest is enough");
}

#[test]
fn dash0_is_read() {
    let Some(body) = capture("dash0", "keep_mock.json", &[]) else { return };
    let over = read("dash0", &body);
    assert_eq!(over.kind, EventKind::Resolved, "{}", over.summary);
    let open = read("dash0", &capture("dash0", "keep_mock.json", &[("/type", json!("alert.ongoing"))]).unwrap());
    assert_eq!((open.kind, open.external_id), (EventKind::Triggered, over.external_id));
    assert_eq!(open.alert.unwrap().service.name, "my-first-observable-service");
    let changes = [("/type", json!("alert.ongoing")), ("/data/issue/labels", json!([]))];
    let bare = read("dash0", &capture("dash0", "keep_mock.json", &changes).unwrap());
    assert_eq!(bare.kind, EventKind::Triggered, "{}", bare.summary);
}

/// The folders that no type of sender is about, each file with the recipe that reads it, if one does. What nobody has
/// written a map for is recorded as `unknown`, with the field that its map did not find.
#[test]
fn i1_every_other_real_body_is_recorded_whatever_it_is() {
    use EventKind::{Ping, Resolved, Triggered, Unknown, Updated};
    const TABLE: &[(&str, &str, &str, EventKind)] = &[
        ("axiom", "keep_mock.json", "", Unknown),
        ("coralogix", "keep_mock.json", "coralogix", Triggered),
        ("dash0", "keep_mock.json", "dash0", Resolved),
        ("graylog", "alerta_notification.json", "graylog-legacy", Triggered),
        ("graylog", "keep_mock.json", "graylog", Triggered),
        // Tickets and inventories: no alerts.
        ("jira", "change_status_v2.json", "", Unknown),
        ("jira", "created_with_unicode_v2.json", "", Unknown),
        ("librato", "alert.json", "librato", Ping),
        ("librato", "three_conditions_alert.json", "librato", Ping),
        ("linear", "issue_create_complex.json", "", Unknown),
        ("netbox", "keep_mock.json", "", Unknown),
        // A template, not a body.
        ("nobl9", "alertmethod_templates_UNRENDERED.txt", "", Unknown),
        // No id of an incident.
        ("riemann", "alerta.json", "", Unknown),
        ("rollbar", "every_occurrence.json", "rollbar", Updated),
        ("rollbar", "high_occurrence_rate.json", "rollbar", Triggered),
        ("rollbar", "new_item.json", "rollbar", Triggered),
        ("rollbar", "resolved_item.json", "rollbar", Resolved),
        // What the sender sends stands in it at `simulate.payload`.
        ("signalfx", "keep_mock.json", "signalfx", Unknown),
        ("splunk_enterprise", "long_search_name.json", "splunk", Triggered),
        ("splunk_enterprise", "missing_results_link.json", "splunk", Triggered),
        ("splunk_enterprise", "missing_search_name.json", "splunk", Triggered),
        ("splunk_enterprise", "search_one_result.json", "splunk", Triggered),
        ("telegram", "alerta_callback_ack.json", "", Unknown),
        ("vmware_vrops", "alerta.json", "vrops", Triggered),
        ("wazuh", "keep_mock.json", "", Unknown),
    ];
    let unmapped = source(json!({"name": "any", "type": "webhook", "verify": bearer()}));
    let folders: std::collections::BTreeSet<&str> = TABLE.iter().map(|(folder, ..)| *folder).collect();
    for folder in folders {
        for (file, body) in captures(folder) {
            let row = TABLE.iter().find(|(in_folder, name, ..)| *in_folder == folder && *name == file);
            let (_, _, recipe_name, kind) = row.unwrap_or_else(|| panic!("{folder}/{file} is in no table"));
            let mapped = if recipe_name.is_empty() { probes(bearer()) } else { recipe(recipe_name) };
            let event = one(&mapped, &body);
            assert_eq!(event.kind, *kind, "{folder}/{file}: {}", event.summary);
            assert_eq!(event.external_id.is_some(), kind.role() != EventRole::Control, "{folder}/{file}");
            if *kind == Unknown {
                let reason = event.summary.contains("`map.")
                    || event.summary.contains("`key`")
                    || event.summary.contains("not JSON");
                assert!(reason, "{folder}/{file}: {}", event.summary);
            }
            // Every other map that there is, and none: whatever comes of it, it is one event.
            for (other, _) in recipes() {
                assert_eq!(normalized(&other, &body).len(), 1, "{folder}/{file} by {}", other.name);
            }
            let event = one(&unmapped, &body);
            assert_eq!((event.kind, event.alert, event.external_id), (Unknown, None, None), "{folder}/{file}");
        }
    }
}
