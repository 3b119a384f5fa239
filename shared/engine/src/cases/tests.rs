use serde_json::from_value;

use super::*;

fn health() -> Value {
    json!({
        "name": "health", "access": "read-only",
        "inputs": {"url": {"type": "url"}, "slow": {"type": "integer", "default": 500}},
        "title": "Check that ${{ inputs.url }} answers",
        "resource": "${{ inputs.url }}",
        "run": {"http": {"url": "${{ inputs.url }}"}},
        "issues": [
            {"when": "result.status >= 500", "severity": 1, "title": "It answers ${{ result.status }}", "next_steps": ["Look."]},
            {"when": "result.elapsed_ms > inputs.slow", "severity": 3, "title": "It is slow", "next_steps": ["Look."]},
        ],
    })
}

fn tried(case: Value) -> Tried {
    super::task(&from_value(health()).unwrap(), &from_value(case).unwrap())
}

#[test]
fn a_case_of_a_task_sees_what_a_step_would_find() {
    let passes = tried(json!({
        "name": "down", "inputs": {"url": "https://a.internal/"}, "result": {"status": 503, "elapsed_ms": 501},
        "expect": "issues.size() == 2 && issues[0].title == 'It answers 503' && issues[0].resource == inputs.url \
                   && inputs.slow == 500 && result.status == 503",
    }));
    assert_eq!(passes.wrong, Vec::<String>::new());
}

#[test]
fn what_is_not_true_is_named_with_what_it_gave() {
    let wrong = |expect: &str| {
        let inputs = json!({"url": "https://a.internal/"});
        tried(json!({"name": "x", "inputs": inputs, "result": {"status": 503, "elapsed_ms": 1}, "expect": expect}))
            .wrong
    };
    let all = [
        "issues.size() == 1 && issues[0].title == 'It answers 500' && result.status < 500",
        "issues.size() == 0 || result.status == 200",
        "issues[3].title == 'x' && issues.size() == 1",
        "issues[0].next_steps.exists(step, step == 'a && b')",
        "issues.size() > 0 && issues[0].title.contains('a\\' && b')",
        "issues[7].title == ''",
        "issues.size()",
    ];
    let printed: Vec<String> =
        all.iter().map(|expect| format!("{expect}\n    {}", wrong(expect).join("\n    "))).collect();
    insta::assert_snapshot!(printed.join("\n"), @r##"
    issues.size() == 1 && issues[0].title == 'It answers 500' && result.status < 500
        `issues[0].title == 'It answers 500'` is false: `issues[0].title` is "It answers 503"
        `result.status < 500` is false: `result.status` is 503
    issues.size() == 0 || result.status == 200
        `issues.size() == 0 || result.status == 200` is false
    issues[3].title == 'x' && issues.size() == 1
        `issues[3].title == 'x'` has no value: Index out of bounds: Int(3)
    issues[0].next_steps.exists(step, step == 'a && b')
        `issues[0].next_steps.exists(step, step == 'a && b')` is false
    issues.size() > 0 && issues[0].title.contains('a\' && b')
        `issues[0].title.contains('a\' && b')` is false
    issues[7].title == ''
        `issues[7].title == ''` has no value: Index out of bounds: Int(7)
    issues.size()
        `issues.size()` gives a number, not true or false
    "##);
}

#[test]
fn a_rule_that_fits_no_such_result_passes_for_nothing() {
    let wrong = tried(json!({
        "name": "x", "inputs": {"url": "https://a.internal/"}, "result": {"status": 503}, "expect": "issues.size() == 2",
    }));
    insta::assert_snapshot!(wrong.wrong.join("\n"), @r##"
    a rule of the Task `health` has no value here: `result.elapsed_ms > inputs.slow` has no value: No such key: elapsed_ms
    "##);
    let unfit = tried(json!({"name": "x", "inputs": {"url": "nowhere"}, "result": {}, "expect": "true"}));
    insta::assert_snapshot!(unfit.wrong.join("\n"), @r##"
    parameter `url`: it is not an absolute URL (given: `nowhere`): write it as https://host/path
    "##);
}

#[test]
fn a_case_of_a_command_takes_the_steps_that_a_run_would_take() {
    let catalog = json!({
        "digest": "", "sources": {}, "workflows": {}, "assistants": {}, "knowledge": {}, "schedules": {},
        "tasks": {"health": health()},
        "slxs": {"gate": {"name": "gate", "tags": {"service": "shop"}, "tasks": [
            {"id": "up", "task": "health", "with": {"url": "https://gate.internal/"}},
        ]}},
        "rules": {"known": {"name": "known", "when": "issue.title == 'It is slow'", "then": {"suppress": true}, "reason": "known"}},
        "commands": {"triage": {
            "name": "triage", "description": "d", "parameters": {"slow": {"type": "integer", "default": 100}},
            "tasks": [
                {"id": "shop", "task": "health", "with": {"url": "https://shop.internal/", "slow": "${{ params.slow }}"}},
                {"id": "more", "task": "health", "needs": ["shop"], "when": "steps.shop.issues.size() > 0",
                 "with": {"url": "https://more.internal/"}},
                {"id": "related", "slx": "matched"},
            ],
        }},
    });
    let catalog: Catalog = from_value(catalog).unwrap();
    let triage = catalog.commands.get("triage").unwrap();
    let tried = |case: Value| super::command(&catalog, triage, &from_value(case).unwrap());

    let whole = tried(json!({
        "name": "x", "with": {"slow": 5}, "alert": {"service": {"id": "", "name": "shop"}},
        "results": {
            "shop": {"status": 503, "elapsed_ms": 9},
            "related.gate.up": {"status": 500, "elapsed_ms": 1},
        },
        "expect": "steps.shop.issues.size() == 2 && steps.more.outcome == 'failed' && issues[0].severity == 1 \
                   && !issues.exists(i, i.title == 'It is slow') && params.slow == 5 \
                   && steps['related.gate.up'].issues.size() == 1 && issues.exists(i, i.steps == ['related.gate.up'])",
    }));
    assert_eq!(whole.wrong, Vec::<String>::new());

    let healthy = tried(json!({
        "name": "x", "results": {"shop": {"status": 200, "elapsed_ms": 1}, "related.gate.up": {"status": 200}},
        "expect": "steps.more.outcome == 'skipped' && verdict == 'Nothing wrong found in 1 check'",
    }));
    assert_eq!(healthy.wrong, ["`results` has `related.gate.up`, and there was no such step"]);
}
