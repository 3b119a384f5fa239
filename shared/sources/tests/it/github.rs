//! What GitHub's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::{
    reviewed::{Row, every_capture, form, samples},
    support::{changed, known, one, sample},
};

fn with(file: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("github"), changed(&format!("github/{file}.json"), changes))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    samples(
        &known("github"),
        &["triggered.json", "resolved.json", "deployment-triggered.json", "deployment-resolved.json", "ping.json"],
    );
}

#[test]
fn every_capture_is_read() {
    use EventKind::{Ping, Resolved, Unknown};
    let check = "Codertocat/Hello-World:check_run:octocoders-linter:Octocoders-linter:changes";
    let rows: &[Row<'_>] = &[
        ("check_run_completed.json", Resolved, Some(check), true),
        ("dependabot_alert_created.json", Unknown, None, false),
        ("dependabot_alert_fixed.json", Unknown, None, false),
        ("deployment_status.json", Resolved, Some("Codertocat/Hello-World:deployment_status:production:deploy"), true),
        ("issue_comment_created.json", Unknown, None, false),
        ("issues_opened_empty_body.json", Unknown, None, false),
        ("ping.json", Ping, None, false),
        ("ping_org.json", Ping, None, false),
        ("workflow_run_completed.json", Resolved, Some("octo-org/octo-repo:workflow_run:2823525:master"), true),
    ];
    every_capture(&known("github"), "github", rows);
}

#[test]
fn a_later_success_of_the_same_thing_ends_what_failed() {
    for (failed, works) in [("triggered", "resolved"), ("deployment-triggered", "deployment-resolved")] {
        let (failed, works) = (with(failed, &[]), with(works, &[]));
        assert_eq!((failed.kind, works.kind), (EventKind::Triggered, EventKind::Resolved));
        assert_eq!(failed.external_id, works.external_id);
        assert_ne!(failed.delivery_key, works.delivery_key);
    }
}

#[test]
fn a_success_of_another_thing_ends_nothing() {
    let failed = with("triggered", &[]).external_id.unwrap();
    for (at, value) in [
        ("/workflow_run/head_branch", json!("topic")),
        ("/workflow_run/workflow_id", json!(2042)),
        // A fork has a `main` too, and may be gone by now.
        ("/workflow_run/head_repository", json!({"full_name": "somebody/checkout"})),
        ("/workflow_run/head_repository", json!(null)),
        ("/repository/full_name", json!("example-shop/cart")),
    ] {
        assert_ne!(with("resolved", &[(at, value.clone())]).external_id.unwrap(), failed, "{at} {value}");
    }
    let failed = with("deployment-triggered", &[]).external_id.unwrap();
    for (at, value) in [
        ("/deployment_status/environment", json!("staging")),
        ("/deployment/task", json!("deploy:migrations")),
        ("/workflow/path", json!(".github/workflows/web.yml")),
    ] {
        assert_ne!(with("deployment-resolved", &[(at, value.clone())]).external_id.unwrap(), failed, "{at} {value}");
    }
    // Parts that hold the sign between them.
    let odd = |environment: &str, task: &str| {
        let changes = [("/deployment_status/environment", json!(environment)), ("/deployment/task", json!(task))];
        with("deployment-triggered", &changes).external_id.unwrap()
    };
    assert_ne!(odd("a:b", "c"), odd("a", "b:c"));
    assert_ne!(odd("a%3Ab", "c"), odd("a:b", "c"));
}

#[test]
fn only_a_failure_opens_and_only_a_success_ends() {
    use EventKind::{Resolved, Triggered, Unknown};
    for (end, kind) in [
        (json!("failure"), Triggered),
        (json!("timed_out"), Triggered),
        (json!("startup_failure"), Triggered),
        (json!("success"), Resolved),
        (json!("cancelled"), Unknown),
        (json!("skipped"), Unknown),
        (json!("neutral"), Unknown),
        (json!("stale"), Unknown),
        (json!("action_required"), Unknown),
        (json!(null), Unknown),
    ] {
        assert_eq!(with("triggered", &[("/workflow_run/conclusion", end.clone())]).kind, kind, "{end}");
    }
    for (state, kind) in [
        ("failure", Triggered),
        ("error", Triggered),
        ("success", Resolved),
        ("inactive", Unknown),
        ("in_progress", Unknown),
        ("queued", Unknown),
        ("pending", Unknown),
        ("waiting", Unknown),
    ] {
        assert_eq!(with("deployment-triggered", &[("/deployment_status/state", json!(state))]).kind, kind, "{state}");
    }
    for action in ["requested", "in_progress"] {
        let event = with("triggered", &[("/action", json!(action))]);
        assert_eq!((event.kind, event.provider_kind), (Unknown, format!("workflow+workflow_run.{action}")));
    }
}

/// A check of another app than GitHub's own, and all checks of an app.
#[test]
fn checks_open_and_end_by_their_name_and_branch() {
    let check = |end: &str, sha: &str, branch: Value, at: &str| {
        let run = json!({"id": 11, "name": "lint", "head_sha": sha, "conclusion": end, "completed_at": at,
            "started_at": "2026-03-02T09:10:00Z", "check_suite": {"head_branch": branch},
            "app": {"id": 5, "slug": "linter"}, "output": {"title": "2 problems", "summary": null}});
        let mut body: Value = serde_json::from_slice(&sample("github/ping.json")).unwrap();
        let body = body.as_object_mut().unwrap();
        body.retain(|key, _| ["repository", "sender"].contains(&key.as_str()));
        body.insert("action".to_owned(), json!("completed"));
        body.insert("check_run".to_owned(), run);
        one(&known("github"), json!(body).to_string())
    };
    let failed = check("failure", "aaa", json!("main"), "2026-03-02T09:14:05Z");
    let works = check("success", "bbb", json!("main"), "2026-03-02T09:38:12Z");
    assert_eq!((failed.kind, works.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(failed.external_id.as_deref(), Some("example-shop/checkout:check_run:linter:lint:main"));
    assert_eq!(works.external_id, failed.external_id);
    let alert = failed.alert.unwrap();
    assert_eq!((alert.severity, alert.description.as_str()), (AlertSeverity::High, "2 problems"));
    // The same run of the check, ended once more.
    assert_ne!(check("failure", "aaa", json!("main"), "2026-03-02T10:00:00Z").delivery_key, failed.delivery_key);
    // The branch of a fork is not said: only the same commit counts.
    let fork = |end: &str, sha: &str| check(end, sha, json!(null), "2026-03-02T09:14:05Z").external_id.unwrap();
    assert_eq!(fork("failure", "aaa"), fork("success", "aaa"));
    assert_ne!(fork("failure", "aaa"), fork("success", "bbb"));

    let suite = json!({"action": "completed", "sender": {}, "repository": {"full_name": "a/b", "default_branch": "main"},
        "check_suite": {"id": 1, "head_branch": "main", "conclusion": "timed_out", "app": {"slug": "ci"}}});
    let event = one(&known("github"), suite.to_string());
    assert_eq!((event.kind, event.external_id.as_deref()), (EventKind::Triggered, Some("a/b:check_suite:ci:main")));
}

#[test]
fn i3_each_attempt_of_a_run_is_a_delivery_of_its_own() {
    let first = with("triggered", &[]);
    assert_eq!(first.delivery_key, "workflow_run/90001/1/failure");
    let again = with("triggered", &[("/workflow_run/run_attempt", json!(2))]);
    assert_eq!(again.delivery_key, "workflow_run/90001/2/failure");
    assert_eq!(again.external_id, first.external_id);
}

#[test]
fn what_everybody_works_on_counts_more() {
    assert_eq!(with("triggered", &[]).alert.unwrap().severity, AlertSeverity::High);
    let topic = with("triggered", &[("/workflow_run/head_branch", json!("topic"))]);
    assert_eq!(topic.alert.unwrap().severity, AlertSeverity::Low);
    for (production, environment, severity) in [
        (json!(true), "live", AlertSeverity::High),
        (json!(false), "production", AlertSeverity::Medium),
        (json!(null), "prod-eu", AlertSeverity::High),
        (json!(null), "staging", AlertSeverity::Medium),
    ] {
        let changes = [
            ("/deployment/production_environment", production.clone()),
            ("/deployment_status/environment", json!(environment)),
        ];
        let alert = with("deployment-triggered", &changes).alert.unwrap();
        assert_eq!(alert.severity, severity, "{production} {environment}");
    }
}

#[test]
fn a_run_without_a_name_goes_by_its_workflow() {
    let event = with("triggered", &[("/workflow_run/name", json!(""))]);
    assert_eq!(event.alert.unwrap().title, "Workflow deploy on main: failure in example-shop/checkout");
}

#[test]
fn a_form_is_read_as_the_json_in_it() {
    let body = String::from_utf8(sample("github/triggered.json")).unwrap();
    let raw = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body).finish();
    assert_eq!(form(&known("github"), raw.as_bytes()).external_id, with("triggered", &[]).external_id);
}

#[test]
fn i1_what_is_not_its_form_is_recorded_with_the_reason() {
    for (body, reason) in [
        ("{}", "no webhook of GitHub"),
        ("[]", "no webhook of GitHub"),
        (r#"{"zen": "x"}"#, "no webhook of GitHub"),
        (
            r#"{"ref": "refs/heads/main", "head_commit": {}, "pusher": {}, "sender": {}, "repository": {}}"#,
            "`head_commit+pusher`",
        ),
        (r#"{"action": "completed", "workflow_run": [], "sender": {}}"#, "does not act on"),
    ] {
        let event = one(&known("github"), body);
        assert_eq!(event.kind, EventKind::Unknown, "{body}");
        assert!(event.summary.contains(reason), "{}", event.summary);
    }
}
