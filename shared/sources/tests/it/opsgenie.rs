//! What the webhooks of Opsgenie and of Jira Service Management say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    reviewed::{Row, every_capture, samples},
    support::{changed, known, one},
};

const ALERT: &str = "052652ac-5d1c-464a-812a-7dd18bbfba8c";

fn triggered(changes: &[(&str, Value)]) -> Normalized {
    one(&known("opsgenie"), changed("opsgenie/triggered.json", changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(&known("opsgenie"), &["triggered.json", "acknowledged.json", "escalated.json", "resolved.json"]);
    samples(&known("jsm"), &["triggered.json", "resolved.json"]);
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Acknowledged, Annotated, Escalated, Resolved, Triggered, Unacknowledged, Unknown, Updated};
    let rows: &[Row<'_>] = &[
        ("acknowledge.json", Acknowledged, Some(ALERT), true),
        ("addnote.json", Annotated, Some(ALERT), true),
        ("addrecipient.json", Updated, Some(ALERT), true),
        ("assignownership.json", Escalated, Some(ALERT), true),
        ("close.json", Resolved, Some(ALERT), true),
        ("create.json", Triggered, Some("ec03dad6-62c8-4c94-b38b-d88f398e900f"), true),
        ("delete.json", Resolved, Some(ALERT), true),
        ("escalate.json", Escalated, Some("7ba97e3a-d328-4b5e-8f9a-39e945a3869a"), false),
        ("removetags.json", Updated, Some(ALERT), true),
        ("unacknowledge.json", Unacknowledged, Some(ALERT), true),
    ];
    every_capture(&known("opsgenie"), "opsgenie", rows);
    every_capture(&known("jsm"), "opsgenie", rows);
    // What Jira sends of its issues is nothing that its operations send.
    let issues =
        [("change_status_v2.json", Unknown, None, false), ("created_with_unicode_v2.json", Unknown, None, false)];
    every_capture(&known("jsm"), "jira", &issues);
}

#[test]
fn a_note_of_our_own_that_comes_back_is_recorded_and_attaches_nowhere() {
    let marker = domain::marker("run_0000000000000000000000000Z".parse().unwrap(), "opsgenie");
    let note = |sender: &str, note: String| {
        let changes = [("/action", json!("AddNote")), ("/alert/note", json!(note))];
        one(&known(sender), changed("opsgenie/triggered.json", &changes))
    };
    for sender in ["opsgenie", "jsm"] {
        let ours = note(sender, format!("The database refuses connections\n{marker}"));
        assert_eq!((ours.kind, ours.external_id, ours.alert), (EventKind::Unknown, None, None), "{sender}");
        assert_eq!(ours.provider_kind, "AddNote");
        let theirs = note(sender, "rolled back to 41".to_owned());
        assert_eq!((theirs.kind, theirs.external_id.is_some()), (EventKind::Annotated, true), "{sender}");
    }
}

#[test]
fn every_documented_action_has_its_kind_and_a_custom_one_changes_nothing() {
    use EventKind::{Acknowledged, Annotated, Escalated, Resolved, Triggered, Unacknowledged, Updated};
    for (action, kind) in [
        ("Create", Triggered),
        ("Acknowledge", Acknowledged),
        ("UnAcknowledge", Unacknowledged),
        ("AddNote", Annotated),
        ("AddTags", Updated),
        ("RemoveTags", Updated),
        ("AddTeam", Updated),
        ("AddRecipient", Updated),
        ("UpdatePriority", Updated),
        ("Snooze", Updated),
        ("AssignOwnership", Escalated),
        ("TakeOwnership", Escalated),
        ("Escalate", Escalated),
        ("Close", Resolved),
        ("Delete", Resolved),
        ("Restart the pods", Updated),
    ] {
        let event = triggered(&[("/action", json!(action))]);
        assert_eq!((event.kind, event.provider_kind.as_str()), (kind, action));
    }
}

#[test]
fn one_time_counts_milliseconds_and_the_other_nanoseconds() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let event = triggered(&[]);
    assert_eq!(event.occurred_at, at("2026-03-02T09:14:05.21300011Z"));
    assert_eq!(event.alert.unwrap().started_at, at("2026-03-02T09:14:05.213Z"));
}

#[test]
fn a_priority_is_a_number_or_a_word() {
    for (priority, shown, severity) in [
        (json!(1), "P1", AlertSeverity::Critical),
        (json!("P1"), "P1", AlertSeverity::Critical),
        (json!(3), "P3", AlertSeverity::Medium),
        (json!("5"), "P5", AlertSeverity::Info),
        (json!(null), "", AlertSeverity::High),
        (json!(9), "9", AlertSeverity::High),
    ] {
        let alert = triggered(&[("/alert/priority", priority.clone())]).alert.unwrap();
        assert_eq!((alert.priority.as_str(), alert.severity), (shown, severity), "{priority}");
    }
}

#[test]
fn i3_each_change_of_an_alert_is_a_delivery_of_its_own() {
    let key =
        |action: &str, at: i64| triggered(&[("/action", json!(action)), ("/alert/updatedAt", json!(at))]).delivery_key;
    let close = key("Close", 1_772_444_292_004_000_007);
    assert_eq!(close, key("Close", 1_772_444_292_004_000_007));
    // A nanosecond later, and another action in the same one.
    assert_ne!(close, key("Close", 1_772_444_292_004_000_008));
    assert_ne!(close, key("AddNote", 1_772_444_292_004_000_007));
    // An escalation has no time of its own: the hash of its body stands for it.
    let escalated = one(&known("opsgenie"), changed("opsgenie/escalated.json", &[]));
    assert!(escalated.delivery_key.starts_with("sha256:"), "{}", escalated.delivery_key);
}

#[test]
fn what_its_maker_wrote_wins_over_tags_and_what_opsgenie_knows() {
    let details = json!({"env": "staging", "alias": "mine", "n": 7, "deep": {}});
    let labels = triggered(&[("/alert/details", details)]).alert.unwrap().labels;
    let of = |key: &str| labels.get(key).map(String::as_str);
    assert_eq!((of("env"), of("alias"), of("n"), of("deep")), (Some("staging"), Some("mine"), Some("7"), None));
    assert_eq!(of("tags"), Some("env:production, customer-facing"));
}

#[test]
fn a_team_is_named_where_it_can_be() {
    for (teams, responders, team) in [
        (json!([]), json!([{"type": "user", "name": "ben"}, {"type": "team", "name": "Payments"}]), "Payments"),
        (json!(["id-1"]), json!([]), "id-1"),
        (json!([{"id": "id-1", "name": "Payments"}]), json!([]), "Payments"),
        (json!(["id-1"]), json!([{"type": "team", "id": "id-1", "name": "Payments"}]), "Payments"),
        (json!([]), json!([{"type": "team", "id": "id-1"}]), "id-1"),
        (json!(null), json!(7), ""),
    ] {
        let event = triggered(&[("/alert/teams", teams), ("/alert/responders", responders)]);
        assert_eq!(event.alert.unwrap().team, team);
    }
}

#[test]
fn i1_what_is_not_its_form_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("{}", "no `action` and `alert.alertId`"),
        (r#"{"action": "Create", "alert": {"message": "x"}}"#, "no `action` and `alert.alertId`"),
        (r#"{"action": "Create", "alert": [1]}"#, "no `action` and `alert.alertId`"),
        (r#"{"webhookEvent": "jira:issue_created", "issue": {}}"#, "Jira's issues"),
        ("[]", "no `action`"),
    ] {
        let event = one(&known("jsm"), body);
        assert_eq!((event.kind, event.external_id), (EventKind::Unknown, None), "{body}");
        assert!(event.summary.contains(reason), "{}", event.summary);
    }
}

#[test]
fn an_alert_without_a_message_still_has_a_title() {
    let event = triggered(&[("/alert/message", json!(null))]);
    assert_eq!(event.alert.unwrap().title, "Opsgenie alert 2041");
}
