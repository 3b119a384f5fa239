mod handler;
mod pages;

use domain::RunView;
use serde_json::{Value, json};

fn run_json() -> Value {
    json!({
        "id": "run_01KAPW8Z000000000000000001",
        "status": "concluded",
        "title": "Checkout: orders are late",
        "by": "event",
        "trigger": {"by": "event", "event": "evt_01KAPW8Z000000000000000001", "source": "pagerduty"},
        "workflow": "checkout-pages",
        "command": "checkout-triage",
        "params": {"namespace": "checkout"},
        "alert": {
            "external_id": "Q1XLRQ2DOVR9OB",
            "title": "Checkout: orders are late",
            "description": "p95 of order confirmation is over 30 s.",
            "severity": "high",
            "urgency": "high",
            "priority": "P2",
            "service": {"id": "PCHKOUT", "name": "Checkout"},
            "team": "Payments",
            "labels": {"namespace": "checkout", "env": "prod"},
            "links": [
                {"title": "The incident", "url": "https://acme.pagerduty.com/incidents/Q1XLRQ2DOVR9OB"},
                {"title": "A trap", "url": "javascript:alert(1)"}
            ],
            "started_at": "2025-11-20T22:11:58Z"
        },
        "catalog": "9f2c4e7a01b3d5c6",
        "mode": "live",
        "targets": [],
        "created_at": "2025-11-20T22:12:01Z",
        "evidence_at": "2025-11-20T22:12:02.1Z",
        "ended_at": "2025-11-20T22:12:02.2Z",
        "revision": 4,
        "incident": "acknowledged",
        "at": "2025-11-20T22:13:00Z",
        "counts": {"duplicates": 2, "attached": 1},
        "lease": {"token": "lse_01KAPW8Z000000000000000001", "until": "2025-11-20T22:12:30Z"},
        "report": {
            "verdict": "The orders worker cannot reach its database, and 1 more finding; 1 check could not be made",
            "worst": 1,
            "issues": [
                issue(1, "The orders worker cannot reach its database", &["health", "database"]),
                issue(2, "418 orders wait in the queue", &["queue"])
            ],
            "healthy": [{"step": "payments", "title": "Check that payments answers", "summary": "200 in 3 ms"}],
            "gaps": [{"step": "errors", "title": "Check the error rate", "reason": "connection refused"}],
            "next_steps": [
                "Look at whether db.checkout.internal:5432 listens, and at its newest restart.",
                "Look at how fast the queue `orders` grows before you restart the worker."
            ],
            "remarks": ["Rule `night` ranked \"418 orders wait in the queue\" major instead of critical: nobody orders at night"],
            "read_by": "none"
        }
    })
}

fn issue(severity: u8, title: &str, steps: &[&str]) -> Value {
    json!({
        "severity": severity,
        "title": title,
        "expected": "the worker is connected",
        "actual": "connection refused (os error 111)",
        "details": "The worker has tried 21 times since 22:10.",
        "reproduce": "curl -sSi 'http://127.0.0.1:8080/healthz'",
        "next_steps": ["Look at whether db.checkout.internal:5432 listens, and at its newest restart."],
        "resource": "checkout-worker",
        "observed_at": "2025-11-20T22:12:01.5Z",
        "steps": steps
    })
}

fn step_json(id: &str, index: u32, outcome: Value, issues: Value) -> Value {
    let mut step = json!({
        "id": id,
        "index": index,
        "title": format!("Check `{id}` of checkout"),
        "task": "http-health",
        "kind": "http",
        "resource": "https://checkout.internal/healthz",
        "started_at": format!("2025-11-20T22:12:01.{}00Z", index * 2),
        "elapsed_ms": 120 * (u64::from(index) + 1),
        "request": {"method": "GET", "url": "https://checkout.internal/healthz"},
        "evidence": {
            "summary": "503 in 12 ms",
            "data": {"status": 503, "body": "{\"worker\": \"connection refused\"}"},
            "cut": {"kept": 98_304, "total": 250_000}
        },
        "issues": issues
    });
    step.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
    step
}

/// A RunSession with something of everything.
fn view_json() -> Value {
    let event = |id: u32, attachment: &str, kind: &str, raw: Value| {
        json!({
            "id": format!("evt_01KAPW8Z00000000000000000{id}"),
            "attachment": attachment,
            "kind": kind,
            "provider_kind": format!("incident.{kind}"),
            "summary": "Checkout: orders are late",
            "occurred_at": "2025-11-20T22:11:58Z",
            "received_at": "2025-11-20T22:12:00.4Z",
            "raw": raw
        })
    };
    let target = |name: &str, outlet: Value, state: &str, revision: u64, error: Value| {
        json!({
            "name": name, "outlet": outlet, "state": state, "revision": revision, "provider_id": "C1/17.1",
            "attempts": u64::from(!error.is_null()) * 3, "last_error": error, "updated_at": "2025-11-20T22:12:03Z",
            "lease": {"token": "lse_01KAPW8Z000000000000000001", "until": "2025-11-20T22:12:30Z"}
        })
    };
    let found = json!([without_steps(issue(1, "The orders worker cannot reach its database", &[]))]);
    json!({
        "run": run_json(),
        "steps": [
            step_json("health", 0, json!({"outcome": "ok"}), found),
            step_json("payments", 1, json!({"outcome": "ok"}), json!([])),
            step_json("errors", 2, json!({"outcome": "failed", "reason": "connection refused"}), json!([])),
            step_json("deploys", 3, json!({"outcome": "skipped", "reason": "not needed: `false` is false"}), json!([]))
        ],
        "events": [
            event(1, "opened", "triggered", json!({"text": "{\"event\": {\"id\": \"01ABC\"}}", "cut_bytes": 12})),
            event(2, "attached", "acknowledged", json!({"text": "{\"event\": {\"id\": \"01ABD\"}}"})),
            event(3, "duplicate", "triggered", Value::Null)
        ],
        "targets": [
            target("pagerduty", json!({"pagerduty": {"note": true}}), "sent", 4, Value::Null),
            target("slack", json!({"slack": {"channel": "#checkout-oncall"}}), "failed", 0, json!("channel_not_found")),
            target(
                "webhook",
                json!({"webhook": {"url": "https://tickets.acme.example/hooks/s3cr3t-path", "secret": "tickets"}}),
                "sending", 2, Value::Null
            )
        ]
    })
}

fn without_steps(mut issue: Value) -> Value {
    issue.as_object_mut().unwrap().remove("steps");
    issue
}

fn view() -> RunView {
    serde_json::from_value(view_json()).unwrap()
}
