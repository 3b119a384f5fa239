use serde_json::json;

use super::*;
use crate::{
    signed::testing::{Asked, World, denied, ok, refused},
    testing::answer as http,
};

fn run(run: Value) -> EcsRun<String> {
    serde_json::from_value(run).unwrap()
}

fn shop() -> EcsRun<String> {
    run(json!({"cluster": "shop", "services": ["checkout"]}))
}

async fn ask(world: &World, run: &EcsRun<String>) -> Called {
    call(&world.cloud, &world.clock, run).await
}

const ARN: &str = "arn:aws:ecs:eu-central-1:111122223333";

/// As ECS answers in the midst of a bad rollout.
fn rollout(asked: &Asked) -> Vec<u8> {
    match asked.what.as_str() {
        "DescribeServices" => ok(json!({
            "services": [{
                "serviceArn": format!("{ARN}:service/shop/checkout"), "serviceName": "checkout", "status": "ACTIVE",
                "desiredCount": 3, "runningCount": 2, "pendingCount": 1,
                "taskDefinition": format!("{ARN}:task-definition/checkout:42"),
                "deployments": [
                    {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": format!("{ARN}:task-definition/checkout:42"),
                        "desiredCount": 3, "runningCount": 0, "pendingCount": 1, "failedTasks": 5,
                        "createdAt": 1_772_365_800.5, "rolloutState": "IN_PROGRESS", "rolloutStateReason": "in progress."},
                    {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": format!("{ARN}:task-definition/checkout:41"),
                        "desiredCount": 0, "runningCount": 2, "pendingCount": 0, "failedTasks": 0,
                        "createdAt": 1_772_000_000.0, "rolloutState": "COMPLETED"},
                ],
                "events": [{"id": "e", "createdAt": 1_772_366_300.0, "message": "(service checkout) was unable to place a task\u{1b}[31m"}],
            }],
            "failures": [{"arn": format!("{ARN}:service/shop/gone"), "reason": "MISSING"}],
        })),
        "ListTasks" => ok(json!({"taskArns": [format!("{ARN}:task/shop/aa11"), format!("{ARN}:task/shop/bb22")]})),
        _ => ok(json!({"tasks": [
            {"taskArn": format!("{ARN}:task/shop/aa11"), "group": "service:checkout", "stopCode": "ServiceSchedulerInitiated",
                "taskDefinitionArn": format!("{ARN}:task-definition/checkout:41"), "stoppedAt": 1_772_366_000.0,
                "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/2)", "containers": [{"name": "app", "exitCode": 0}]},
            {"taskArn": format!("{ARN}:task/shop/bb22"), "group": "service:checkout", "stopCode": "EssentialContainerExited",
                "taskDefinitionArn": format!("{ARN}:task-definition/checkout:42"), "stoppedAt": 1_772_366_200.0,
                "stoppedReason": "Essential container in task exited",
                "containers": [{"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}, {"name": "log"}]},
        ], "failures": []})),
    }
}

#[tokio::test]
async fn a_bad_rollout_is_shown_with_its_deployments_events_and_stopped_tasks() {
    let world = World::new(rollout).await;
    let called = ask(&world, &shop()).await;
    let mut answer = called.answer.unwrap();
    assert!(answer.result["elapsed_ms"].take().is_u64());
    assert_eq!(
        answer.result,
        json!({
            "services": [{
                "name": "checkout", "status": "ACTIVE", "desired": 3, "running": 2, "pending": 1,
                "rollout": "IN_PROGRESS", "rollout_reason": "in progress.", "task_definition": "checkout:42",
                "deployments": [
                    {"status": "PRIMARY", "task_definition": "checkout:42", "desired": 3, "running": 0, "pending": 1, "failed": 5,
                        "rollout": "IN_PROGRESS", "rollout_reason": "in progress.", "created_at": "2026-03-01T11:50:00Z", "age_s": 599},
                    {"status": "ACTIVE", "task_definition": "checkout:41", "desired": 0, "running": 2, "pending": 0, "failed": 0,
                        "rollout": "COMPLETED", "rollout_reason": "", "created_at": "2026-02-25T06:13:20Z", "age_s": 366_400},
                ],
                "events": [{"at": "2026-03-01T11:58:20Z", "message": "(service checkout) was unable to place a task [31m"}],
            }],
            "missing": ["gone"],
            "stopped": [
                {"task": "bb22", "service": "checkout", "task_definition": "checkout:42", "stopped_at": "2026-03-01T11:56:40Z",
                    "code": "EssentialContainerExited", "reason": "Essential container in task exited", "crashed": true, "oom": true,
                    "containers": [
                        {"name": "app", "exit_code": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
                        {"name": "log", "exit_code": null, "reason": ""},
                    ]},
                {"task": "aa11", "service": "checkout", "task_definition": "checkout:41", "stopped_at": "2026-03-01T11:53:20Z",
                    "code": "ServiceSchedulerInitiated", "reason": "Scaling activity initiated by (deployment ecs-svc/2)",
                    "crashed": false, "oom": false, "containers": [{"name": "app", "exit_code": 0, "reason": ""}]},
            ],
            "stopped_total": 2, "crashed_total": 1, "oom_total": 1, "short": 1, "truncated": false, "notes": [],
            "elapsed_ms": null,
        })
    );
    assert_eq!(answer.summary, "1 service, 1 short of tasks; 2 stopped, 1 crashed");
    assert_eq!(called.request, json!({"action": "ecs:DescribeServices", "cluster": "shop", "services": ["checkout"]}));
    let listed = world.asked().into_iter().find(|asked| asked.what == "ListTasks").unwrap();
    assert_eq!(listed.body["serviceName"], json!("checkout"));
}

#[tokio::test]
async fn all_services_of_a_cluster_are_paged_and_described_in_tens() {
    let world = World::new(|asked| match asked.what.as_str() {
        "ListServices" => {
            let from = if asked.body["nextToken"].is_null() { 0 } else { 30 };
            let arns: Vec<String> = (from..from + 30).map(|at| format!("{ARN}:service/shop/s{at:02}")).collect();
            ok(json!({"serviceArns": arns, "nextToken": "more"}))
        }
        "DescribeServices" => {
            let named = asked.body["services"].as_array().unwrap();
            assert!(named.len() <= 10);
            ok(json!({"services": named.iter().map(|name| json!({"serviceName": name})).collect::<Vec<_>>()}))
        }
        "ListTasks" => ok(json!({"taskArns": []})),
        _ => panic!("{asked:?}"),
    })
    .await;
    let result = ask(&world, &run(json!({"cluster": "shop"}))).await.answer.unwrap().result;
    assert_eq!((result["services"].as_array().unwrap().len(), &result["truncated"]), (50, &json!(true)));
    assert!(result["notes"][0].as_str().unwrap().contains("the first 50 services"));
    assert!(world.asked().iter().any(|asked| asked.what == "ListTasks" && asked.body.get("serviceName").is_none()));
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_a_failure_that_says_what_is_missing() {
    for (reply, words) in [
        (denied("ecs:DescribeServices"), "may not ecs:DescribeServices"),
        (refused("ClusterNotFoundException", "Cluster not found."), "ClusterNotFoundException"),
        (refused("ExpiredTokenException", "The security token is expired"), "have expired"),
        (refused("ThrottlingException", "Rate exceeded"), "AWS throttled the call"),
        (http("200 OK", &[("content-type", "text/html")], "<html>a portal</html>"), "not JSON"),
    ] {
        let world = World::new(move |_| reply.clone()).await;
        let reason = ask(&world, &shop()).await.answer.unwrap_err();
        assert!(reason.contains(words), "{words}: {reason}");
    }
    let world =
        World::new(|asked| if asked.what == "ListTasks" { denied("ecs:ListTasks") } else { rollout(asked) }).await;
    assert!(ask(&world, &shop()).await.answer.unwrap_err().contains("may not ecs:ListTasks"), "half a look is none");
    let empty = run(json!({"cluster": "", "services": []}));
    assert!(ask(&world, &empty).await.answer.unwrap_err().contains("is empty"));
}
