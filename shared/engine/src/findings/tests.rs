//! Caps, quoting and redaction of findings.

use domain::{Evidence, Name};
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_string(value).unwrap().len()
}

/// A Task whose rules put a whole body into every field, one finding a rule.
pub fn verbose(rules: usize) -> Task {
    let body = "${{ result.body }}";
    let rule = |n: usize| {
        json!({
            "when": "true", "severity": if n == rules - 1 { 1 } else { 3 }, "title": format!("{n} {body}"),
            "expected": body, "actual": body, "details": body, "reproduce": body, "next_steps": vec![body; 12],
        })
    };
    serde_json::from_value(json!({
        "name": "look", "access": "read-only", "description": "x", "inputs": {}, "title": "x",
        "run": {"http": {"url": "http://x"}}, "issues": (0..rules).map(rule).collect::<Vec<_>>(),
    }))
    .unwrap()
}

fn step(index: u32, issues: Vec<Issue>, outcome: Outcome) -> Step {
    Step {
        id: StepId::new(format!("around.checkout-{index}.look")),
        index,
        title: "t".repeat(5000),
        task: "look".parse::<Name>().unwrap(),
        kind: "http".to_owned(),
        resource: String::new(),
        started_at: now(),
        elapsed_ms: 1,
        outcome,
        request: Value::Null,
        evidence: Evidence { summary: "s".repeat(5000), ..Evidence::default() },
        issues,
    }
}

#[test]
fn a_text_is_cut_at_a_character_and_says_so() {
    assert_eq!(cap("short".to_owned(), 5), "short");
    assert_eq!(cap("éééé".to_owned(), 7), "éé…");
    assert_eq!(cap("\n\n\n\n".to_owned(), 7), "\n\n…");
    for text in ["é".repeat(9999), "\0".repeat(9999), "\"".repeat(9999), "x".repeat(9999)] {
        let cut = cap(text, 300);
        assert!(cut.ends_with('…') && (290..=302).contains(&length(&cut)), "{}", length(&cut));
    }
}

#[test]
fn findings_stay_far_below_an_items_limit_whatever_the_body() {
    for body in ["x", "\u{1}", "\"", "é"] {
        let scope = Scope::new().with("result", &json!({"body": body.repeat(8 * 1024)}));
        let issues = issues(&verbose(30), &scope, "r", &Value::Null, now());
        assert!(length(&issues) < 80 * 1024, "{}", length(&issues));
        assert_eq!(issues.first().unwrap().severity, Severity::Critical, "the worst stays");
        let last = issues.last().unwrap();
        let title = format!("{} findings of this step left off", 30 - (issues.len() - 1));
        assert_eq!((last.severity, &last.title), (Severity::Informational, &title));
        let first = issues.first().unwrap();
        assert!(first.title.len() <= 300 && first.details.len() <= 4096 && first.details.ends_with('…'));
        assert_eq!(first.next_steps.len(), ISSUE_NEXT_STEPS);
    }
}

#[test]
fn short_findings_are_twenty_and_the_rest_is_counted() {
    let scope = Scope::new().with("result", &json!({"body": "b"}));
    let few = issues(&verbose(20), &scope, "r", &Value::Null, now());
    assert_eq!((few.len(), few.last().unwrap().severity), (20, Severity::Critical), "in the order of the rules");
    let many = issues(&verbose(25), &scope, "r", &Value::Null, now());
    assert_eq!((many.len(), many.last().unwrap().title.as_str()), (21, "5 findings of this step left off"));
}

#[test]
fn a_report_of_two_hundred_steps_stays_far_below_an_items_limit_and_counts_what_it_left_off() {
    let catalog: Catalog = serde_json::from_value(json!({
        "digest": "d", "sources": {}, "workflows": {}, "schedules": {}, "knowledge": {}, "assistants": {}, "slxs": {},
        "tasks": {}, "commands": {}, "rules": {"worse": {
            "name": "worse", "when": "issue.severity == 3", "then": {"severity": 2}, "reason": "w".repeat(3000),
        }},
    }))
    .unwrap();
    let plan = Plan { steps: vec![], left_off: 3, slxs: vec![], asks_slxs: false };
    let scope = Scope::new().with("result", &json!({"body": "x".repeat(32 * 1024)}));
    let once = issues(&verbose(5), &scope, "r", &Value::Null, now());
    let found = |n: u32| once.iter().cloned().map(|issue| Issue { resource: format!("r{n}"), ..issue }).collect();
    let with: Vec<Step> = (0..200).map(|n| step(n, found(n), Outcome::Ok)).collect();
    let told = report(&catalog, None, &plan, &with, Some("out of time"));
    assert!(length(&told) < 200_000, "{}", length(&told));
    assert_eq!(told.worst, Some(Severity::Critical));
    assert!(told.remarks.len() <= 30 && told.remarks.iter().all(|remark| remark.len() <= LINE_CAP));
    assert!(told.remarks.iter().any(|remark| remark.contains("more findings left off")), "{:?}", told.remarks);
    assert!(told.remarks.iter().any(|remark| remark == "Concluded early: out of time."));

    let failed = Outcome::Failed { reason: "r".repeat(5000) };
    let mixed = (0..200).map(|n| step(n, vec![], if n < 100 { Outcome::Ok } else { failed.clone() }));
    let told = report(&catalog, None, &plan, &mixed.collect::<Vec<_>>(), None);
    assert!(length(&told) < 200_000, "{}", length(&told));
    assert!(told.verdict.starts_with("Nothing wrong found in 100 checks; 100 checks"), "{}", told.verdict);
    assert!(told.healthy.iter().all(|checked| checked.summary.len() <= LINE_CAP));
    assert!(told.gaps.len() < 100 && told.remarks.iter().any(|remark| remark.contains("could not be made left off")));
}

#[test]
fn what_a_person_runs_again_is_quoted_for_the_shell() {
    let mut request = json!({"method": "POST", "url": "http://prom/a'b", "query": "up{ns='x; rm -rf /'}", "time": "5"});
    let quoted = r"'http://prom/a'\''b' 'up{ns='\''x; rm -rf /'\''}'";
    assert_eq!(reproduce(&request), format!("promtool query instant {quoted}"));
    for (name, text) in [("start", "100"), ("end", "400"), ("step", "30")] {
        request[name] = json!(text);
    }
    assert_eq!(reproduce(&request), format!("promtool query range --start '100' --end '400' --step '30s' {quoted}"));
    assert_eq!(reproduce(&json!({"method": "GET", "url": "http://x/'y"})), r"curl -sSi 'http://x/'\''y'");
}

#[test]
fn i9_next_steps_and_the_resource_are_redacted_and_a_command_keeps_its_quotes() {
    let mut task = verbose(1);
    task.issues[0].reproduce = None;
    let scope = Scope::new().with("result", &json!({"body": "password='hunter2 x'"}));
    let request = json!({"url": "http://x/?a=password='[redacted]'"});
    let issues = issues(&task, &scope, "token=abcdef", &request, now());
    let text = serde_json::to_string(&issues).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("abcdef"), "{text}");
    assert_eq!(issues[0].reproduce, r"curl -sSi 'http://x/?a=password='\''[redacted]'\'''");
}
