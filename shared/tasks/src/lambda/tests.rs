use serde_json::json;

use super::*;
use crate::{
    signed::testing::{World, denied, ok, refused},
    testing::answer as http,
};

fn run(run: Value) -> LambdaRun<String> {
    serde_json::from_value(run).unwrap()
}

fn orders() -> LambdaRun<String> {
    run(
        json!({"function": "check-orders", "read_only": "check-orders", "qualifier": "live", "inputs": {"shop": "eu", "n": "7"}}),
    )
}

async fn ask(world: &World, run: &LambdaRun<String>) -> Called {
    call(&world.cloud, run).await
}

#[tokio::test]
async fn i8_the_function_gets_its_inputs_and_nothing_else_and_its_findings_come_back_worst_first() {
    let world = World::new(|_| {
        let body = json!({
            "summary": "2 of 7 orders are stuck",
            "findings": [
                {"severity": 4, "title": "One order is old"},
                {"severity": 2, "title": "Order 12 is stuck", "actual": "31 m", "next_steps": ["Look at order 12."]},
            ],
            "data": {"stuck": [12, 17]},
        });
        http("200 OK", &[("x-amz-executed-version", "7")], body.to_string())
    })
    .await;
    let called = ask(&world, &orders()).await;
    let mut answer = called.answer.unwrap();
    answer.result["elapsed_ms"].take();
    let finding = |severity: u8, title: &str, actual: &str, next_steps: Value| json!({"severity": severity, "title": title, "expected": "", "actual": actual, "details": "", "resource": "", "next_steps": next_steps});
    assert_eq!(
        answer.result,
        json!({
            "summary": "2 of 7 orders are stuck", "data": {"stuck": [12, 17]}, "findings_total": 2, "worst": 2, "version": "7",
            "findings": [finding(2, "Order 12 is stuck", "31 m", json!(["Look at order 12."])), finding(4, "One order is old", "", json!([]))],
            "notes": [], "elapsed_ms": null,
        })
    );
    assert_eq!(answer.summary, "2 of 7 orders are stuck (2 findings)");
    let asked = world.asked();
    assert_eq!(asked[0].what, "POST /2015-03-31/functions/check-orders/invocations?Qualifier=live");
    assert_eq!(asked[0].body, json!({"firstlook": 1, "inputs": {"shop": "eu", "n": "7"}, "deadline_ms": 10_000}));
    assert_eq!(
        called.request,
        json!({"action": "lambda:InvokeFunction", "function": "check-orders", "qualifier": "live", "inputs": {"shop": "eu", "n": "7"}})
    );
}

#[tokio::test]
async fn i7_a_function_that_is_not_said_to_be_read_only_is_not_called() {
    let world = World::new(|_| ok(json!({"summary": "s"}))).await;
    for read_only in ["", "true", "check-order"] {
        let unsaid = LambdaRun { read_only: read_only.to_owned(), ..orders() };
        assert!(
            ask(&world, &unsaid).await.answer.unwrap_err().contains("does not say that `check-orders` is read-only")
        );
    }
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn a_function_that_fails_is_a_failure_in_its_own_words() {
    for (body, words) in [
        (
            json!({"errorType": "KeyError", "errorMessage": "'shop'\nx", "stackTrace": ["secret"]}),
            "`check-orders` failed with KeyError: 'shop' x",
        ),
        (
            json!({"errorMessage": "2026 Task timed out after 3.00 seconds"}),
            "`check-orders` failed with Unhandled: 2026 Task timed out",
        ),
        (json!(null), "`check-orders` failed with Unhandled: "),
    ] {
        let world =
            World::new(move |_| http("200 OK", &[("x-amz-function-error", "Unhandled")], body.to_string())).await;
        let reason = ask(&world, &orders()).await.answer.unwrap_err();
        assert!(reason.starts_with(words) && !reason.contains("secret"), "{reason}");
    }
}

#[tokio::test]
async fn an_answer_beside_the_contract_is_told_from_one_by_it() {
    for (body, words) in [
        (json!("fine"), "invalid type: string"),
        (json!(null), "invalid type: null"),
        (json!({}), "missing field `summary`"),
        (json!({"summary": " "}), "`summary` is empty"),
        (json!({"summary": "s", "finding": []}), "unknown field `finding`"),
        (json!({"summary": "s", "findings": [{"severity": 5, "title": "t"}]}), "severity 5 is not one of"),
        (json!({"summary": "s", "findings": [{"severity": 2}]}), "missing field `title`"),
        (json!({"summary": "s", "findings": [{"severity": 2, "title": ""}]}), "a finding has no `title`"),
        (json!({"summary": "s", "findings": vec![json!({"severity": 2, "title": "t"}); 51]}), "there are 51 findings"),
        (json!({"statusCode": 200, "body": "{}"}), "unknown field `body`"),
        (json!({"a\nb": 1}), "unknown field `a b`"),
    ] {
        let world = World::new(move |_| ok(body.clone())).await;
        let reason = ask(&world, &orders()).await.answer.unwrap_err();
        assert!(
            reason.contains("did not answer by the contract (docs/tasks/lambda.md): ") && reason.contains(words),
            "{reason}"
        );
    }
    let world = World::new(|_| ok(json!({"summary": "all is well"}))).await;
    let result = ask(&world, &orders()).await.answer.unwrap().result;
    assert_eq!((&result["worst"], &result["data"], &result["findings"]), (&json!(null), &json!(null), &json!([])));
}

#[tokio::test]
async fn what_is_too_long_is_not_sent_or_not_read() {
    let world = World::new(|_| ok(json!({"summary": "s", "data": "x".repeat(ANSWER_CAP)}))).await;
    assert!(ask(&world, &orders()).await.answer.unwrap_err().contains("at most 262144"));
    let mut long = orders();
    long.inputs.insert("long".to_owned(), "x".repeat(EVENT_CAP));
    assert!(ask(&world, &long).await.answer.unwrap_err().contains("the inputs have"));
    assert_eq!(world.asked().len(), 1);
    let world = World::new(|_| ok(json!({"summary": "s", "data": "x".repeat(5 * 1024 * 1024)}))).await;
    assert!(ask(&world, &orders()).await.answer.unwrap_err().contains("the answer is longer than"));
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_a_failure_that_says_what_is_missing() {
    for (reply, words) in [
        (denied("lambda:InvokeFunction"), "may not lambda:InvokeFunction"),
        (refused("ResourceNotFoundException", "Function not found: check-orders"), "Function not found"),
        (refused("ExpiredTokenException", "The security token is expired"), "have expired"),
        (
            http("429 Too Many Requests", &[("x-amzn-errortype", "TooManyRequestsException")], "{}"),
            "AWS throttled the call",
        ),
        (http("200 OK", &[("content-type", "text/html")], "<html>a portal</html>"), "not JSON"),
    ] {
        let world = World::new(move |_| reply.clone()).await;
        let reason = ask(&world, &orders()).await.answer.unwrap_err();
        assert!(reason.contains(words), "{words}: {reason}");
    }
}
