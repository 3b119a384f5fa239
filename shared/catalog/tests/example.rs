//! The example catalog is good, and its rules say what they are meant to.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::path::Path;

use firstlook_catalog::{Catalog, expr::Scope, load_dir};
use serde_json::{Value, json};

fn example() -> Catalog {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/workspace");
    let loaded = load_dir(&folder);
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    loaded.catalog.unwrap()
}

/// Results as the task kinds give them: one of a healthy thing, and some of sick ones.
fn results(kind: &str) -> (Value, Vec<Value>) {
    match kind {
        "http" => {
            let of = |status: u16, elapsed_ms: u64| {
                json!({"status": status, "elapsed_ms": elapsed_ms, "headers": {}, "body": "", "truncated": false,
                       "json": null, "final_url": "https://a.internal/", "redirects": 0, "redirect_withheld": ""})
            };
            (of(200, 12), vec![of(503, 12), of(404, 12), of(200, 2500)])
        }
        "promql" => {
            let of = |value: Value, first: Value| {
                let series = if value.is_null() {
                    json!([])
                } else {
                    json!([{"labels": {}, "value": value, "special": "", "first": first, "min": 0, "max": 1, "points": []}])
                };
                json!({"series": series, "series_total": 1, "value": value, "special": "", "warnings": [], "notes": [],
                       "elapsed_ms": 5})
            };
            let sick = vec![
                of(json!(0.2), json!(0)),
                of(json!(0.02), json!(0)),
                of(json!(5000), json!(10)),
                of(json!(null), json!(null)),
            ];
            (of(json!(0), json!(4)), sick)
        }
        "dns" => {
            let of = |code: &str, answers: Value| json!({"code": code, "answers": answers, "elapsed_ms": 3});
            (of("NOERROR", json!(["10.0.0.1"])), vec![of("NXDOMAIN", json!([])), of("NOERROR", json!([]))])
        }
        "tcp" => {
            let of =
                |connected: bool| json!({"connected": connected, "address": "", "error": "refused", "elapsed_ms": 1});
            (of(true), vec![of(false)])
        }
        _ => {
            let of = |trusted: bool, days: Value| {
                json!({"trusted": trusted, "error": "expired", "subject": "CN=a", "issuer": "CN=b", "names": [],
                       "not_before": null, "not_after": "2030-01-01T00:00:00Z", "days_left": days, "chain": [],
                       "version": "TLS 1.3", "address": "", "elapsed_ms": 9})
            };
            (of(true, json!(80)), vec![of(false, json!(null)), of(true, json!(5))])
        }
    }
}

#[test]
fn the_example_has_no_problems_and_compiles() {
    let catalog = example();
    assert_eq!(catalog.workflows.len(), 2);
    let compiled = catalog.to_compiled();
    let read_back = Catalog::from_compiled(&compiled).unwrap();
    assert_eq!((read_back.to_compiled(), &read_back.digest), (compiled, &catalog.digest));
    assert_eq!(catalog.digest.len(), 16);
}

#[test]
fn every_rule_of_the_example_speaks_of_a_sick_result_and_of_no_healthy_one() {
    for (name, task) in example().tasks {
        let inputs = json!({"url": "https://a.internal/", "slow_ms": 1000, "name": "a.internal", "host": "a.internal",
                            "port": 443, "namespace": "checkout", "window": "5m", "queue": "orders"});
        let scope =
            |result: &Value| Scope::new().with("inputs", &inputs).with("result", result).with("alert", &json!({}));
        let (healthy, sick) = results(task.run.kind());
        for (place, rule) in task.issues.iter().enumerate() {
            assert_eq!(rule.when.holds(&scope(&healthy)), Ok(false), "{name} {place}");
            let spoken: Vec<&Value> = sick.iter().filter(|result| rule.when.holds(&scope(result)).unwrap()).collect();
            assert!(!spoken.is_empty(), "{name} {place} never speaks");
            for result in spoken {
                let scope = scope(result);
                let said = [Some(&rule.title), rule.expected.as_ref(), rule.actual.as_ref(), rule.details.as_ref()];
                for text in said.into_iter().flatten().chain(&rule.next_steps) {
                    let rendered = text.render(&scope).unwrap();
                    assert!(!rendered.is_empty() && !rendered.contains("${{"), "{name} {place}: {rendered}");
                }
            }
        }
    }
}
