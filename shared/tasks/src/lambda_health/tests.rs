use serde_json::json;

use super::*;
use crate::{
    signed::testing::{Asked, World, denied, ok, refused},
    testing::answer as http,
};

fn run(run: Value) -> LambdaHealthRun<String> {
    serde_json::from_value(run).unwrap()
}

async fn ask(world: &World, run: &LambdaHealthRun<String>) -> Called {
    call(&world.cloud, &world.clock, run).await
}

fn configuration() -> Value {
    json!({
        "FunctionName": "orders", "State": "Active", "LastUpdateStatus": "Successful", "Runtime": "python3.13", "Timeout": 30,
        "MemorySize": 512, "Version": "$LATEST", "LastModified": "2026-03-01T11:00:00.123+0000",
        "Environment": {"Variables": {"DB_PASSWORD": "hunter2"}},
    })
}

/// 11:45 is where the window begins.
fn function(asked: &Asked) -> Vec<u8> {
    match asked.what.split('?').next().unwrap() {
        "GET /2015-03-31/functions/orders/configuration" => ok(configuration()),
        "GET /2019-09-30/functions/orders/concurrency" => ok(json!({"ReservedConcurrentExecutions": 0})),
        "GET /2015-03-31/event-source-mappings" => ok(json!({"EventSourceMappings": [
            {"EventSourceArn": "arn:aws:sqs:eu-central-1:1:orders", "State": "Enabled", "LastProcessingResult": "No records processed"},
            {"EventSourceArn": "arn:aws:kinesis:eu-central-1:1:s", "State": "Enabled", "LastProcessingResult": "PROBLEM: Function call failed"},
            {"State": "Disabled"},
        ]})),
        "GetMetricData" => {
            let series = |id: &str, points: &[(i64, f64)]| {
                let (at, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
                json!({"Id": id, "Label": id, "Timestamps": at, "Values": values, "StatusCode": "Complete"})
            };
            let (before, now, late) = (1_772_364_660, 1_772_365_500, 1_772_366_340);
            if asked.body["NextToken"].is_null() {
                ok(json!({"NextToken": "2", "MetricDataResults": [
                    series("m0", &[(late, 30.0), (now, 10.0), (before, 50.0)]),
                    series("m1", &[(late, 10.0), (before, 1.0)]),
                    series("m4", &[(now, 900.0)]),
                ]}))
            } else {
                ok(json!({"MetricDataResults": [
                    series("m4", &[(late, 100.0)]),
                    series("m5", &[(now, 3.0), (late, 1.0)]),
                    series("m6", &[(now, 400.5), (late, 80.0), (before, 20.0)]),
                ]}))
            }
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn configuration_metrics_and_mappings_are_one_picture() {
    let world = World::new(function).await;
    let called = ask(&world, &run(json!({"function": "orders"}))).await;
    assert!(!format!("{called:?}").contains("hunter2"), "the environment is not shown");
    let mut answer = called.answer.unwrap();
    answer.result["elapsed_ms"].take();
    let both = |now: Value, before: Value| json!({"now": now, "before": before});
    assert_eq!(
        answer.result,
        json!({
            "version": "$LATEST", "state": "Active", "state_reason": "", "last_update": "Successful", "last_update_reason": "",
            "runtime": "python3.13", "timeout_s": 30, "memory_mb": 512, "modified_at": "2026-03-01T11:00:00Z",
            "reserved_concurrency": 0, "blocked": true,
            "invocations": both(json!(40), json!(50)), "errors": both(json!(10), json!(1)),
            "throttles": both(json!(null), json!(null)), "dead_letter_errors": both(json!(null), json!(null)),
            "duration_avg_ms": both(json!(250), json!(null)), "duration_max_ms": both(json!(400.5), json!(20)),
            "concurrency_max": both(json!(null), json!(null)),
            "error_rate": 0.25, "error_rate_before": 0.02,
            "mappings": [
                {"source": "arn:aws:sqs:eu-central-1:1:orders", "state": "Enabled", "failing": false, "last_result": "No records processed"},
                {"source": "arn:aws:kinesis:eu-central-1:1:s", "state": "Enabled", "failing": true, "last_result": "PROBLEM: Function call failed"},
                {"source": "(self-managed)", "state": "Disabled", "failing": true, "last_result": ""},
            ],
            "mappings_failing": 2, "notes": [], "unread": [], "elapsed_ms": null,
        })
    );
    assert_eq!(
        answer.summary,
        "orders Active: 40 invocations, 10 errors, 0 throttles, and its reserved concurrency is 0"
    );
    let metrics = world.asked().into_iter().find(|asked| asked.what == "GetMetricData").unwrap().body;
    assert_eq!((&metrics["StartTime"], &metrics["EndTime"]), (&json!(1_772_364_600), &json!(1_772_366_400)));
    let first = &metrics["MetricDataQueries"][0]["MetricStat"];
    assert_eq!(first["Metric"]["Dimensions"], json!([{"Name": "FunctionName", "Value": "orders"}]));
}

#[tokio::test]
async fn an_alias_is_asked_for_by_its_name_everywhere() {
    let world = World::new(|asked| match asked.what.as_str() {
        "GetMetricData" => ok(json!({"MetricDataResults": []})),
        what if what.contains("configuration") => ok(configuration()),
        _ => ok(json!({})),
    })
    .await;
    let result = ask(&world, &run(json!({"function": "orders", "qualifier": "live"}))).await.answer.unwrap().result;
    assert_eq!((&result["reserved_concurrency"], &result["blocked"]), (&json!(null), &json!(false)));
    let operations = world.operations();
    assert!(
        operations.contains(&"GET /2015-03-31/functions/orders/configuration?Qualifier=live".to_owned()),
        "{operations:?}"
    );
    assert!(operations.iter().any(|one| one.contains("FunctionName=orders%3Alive")), "{operations:?}");
    let metrics = world.asked().into_iter().find(|asked| asked.what == "GetMetricData").unwrap().body;
    let dimensions = &metrics["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"];
    assert_eq!(dimensions[1], json!({"Name": "Resource", "Value": "orders:live"}));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_told_and_what_is_denied_is_a_failure() {
    let world = World::new(|asked| {
        if asked.what.contains("concurrency") { http("500 Internal Server Error", &[], "") } else { function(asked) }
    })
    .await;
    let result = ask(&world, &run(json!({"function": "orders", "timeout": "3s"}))).await.answer.unwrap().result;
    assert_eq!(result["reserved_concurrency"], json!(null));
    assert!(result["unread"][0].as_str().unwrap().starts_with("the reserved concurrency is not known: "), "{result}");
    let world = World::new(|asked| match asked.what.as_str() {
        "GetMetricData" => ok(json!({"MetricDataResults": [
            {"Id": "m1", "Timestamps": [], "Values": [], "StatusCode": "Forbidden"},
            {"Id": "m0", "Timestamps": [], "Values": [], "StatusCode": "Complete"},
        ]})),
        _ => function(asked),
    })
    .await;
    let result = ask(&world, &run(json!({"function": "orders"}))).await.answer.unwrap().result;
    assert_eq!(result["unread"], json!(["the metric Errors: CloudWatch could not read all of the data (Forbidden)"]));
    for action in ["GetFunctionConfiguration", "GetFunctionConcurrency", "ListEventSourceMappings", "GetMetricData"] {
        let part = match action {
            "GetFunctionConfiguration" => "configuration",
            "GetFunctionConcurrency" => "concurrency",
            "ListEventSourceMappings" => "mappings",
            other => other,
        };
        let world =
            World::new(
                move |asked| {
                    if asked.what.contains(part) { denied(&format!("x:{action}")) } else { function(asked) }
                },
            )
            .await;
        let reason = ask(&world, &run(json!({"function": "orders"}))).await.answer.unwrap_err();
        assert!(reason.contains(&format!("may not x:{action}")), "{reason}");
    }
    let world = World::new(|_| refused("ResourceNotFoundException", "Function not found: orders")).await;
    assert!(ask(&world, &run(json!({"function": "orders"}))).await.answer.unwrap_err().contains("Function not found"));
    assert!(ask(&world, &run(json!({"function": ""}))).await.answer.unwrap_err().contains("is empty"));
}

#[test]
fn windows_are_whole_minutes_and_touch() {
    for (now, last) in
        [("2026-03-01T12:00:59Z", "90s"), ("2026-03-01T12:03:00Z", "15m"), ("2026-03-01T12:03:30Z", "24h")]
    {
        let windows = Windows::of(now.parse().unwrap(), &run(json!({"function": "f", "last": last})));
        let (before, after) =
            (windows.middle.duration_since(windows.from), windows.until.duration_since(windows.middle));
        assert_eq!(before, after);
        assert_eq!(windows.until.as_second() % windows.period, 0);
        assert!(after.as_secs() % windows.period == 0 && after.as_secs() > 0);
    }
}
