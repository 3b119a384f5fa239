use serde_json::json;

use super::*;
use crate::{
    signed::testing::{World, denied, ok, refused},
    testing::answer as http,
};

fn run(run: Value) -> CloudtrailRun<String> {
    serde_json::from_value(run).unwrap()
}

async fn ask(world: &World, run: &CloudtrailRun<String>) -> Called {
    call(&world.cloud, &world.clock, run).await
}

/// An event as LookupEvents gives it: a record within a text.
fn event(at: f64, name: &str, record: Value) -> Value {
    json!({
        "EventId": format!("id-{name}"), "EventName": name, "ReadOnly": "false", "EventTime": at,
        "EventSource": "ecs.amazonaws.com", "Username": "jane@shop.example",
        "Resources": [
            {"ResourceType": "AWS::IAM::AccessKey", "ResourceName": "ASIAABCDEFGHIJKLMNOP"},
            {"ResourceType": "AWS::ECS::Service", "ResourceName": "checkout"},
        ],
        "CloudTrailEvent": record.to_string(),
    })
}

fn assumed() -> Value {
    json!({
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAEXAMPLE:jane@shop.example",
            "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/jane@shop.example",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "AWSReservedSSO_Admin_0123456789abcdef"}},
        },
        "sourceIPAddress": "203.0.113.77", "eventName": "UpdateService",
        "requestParameters": {
            "service": "checkout", "cluster": "shop", "taskDefinition": "checkout:42", "desiredCount": 3,
            "environment": {"DB_PASSWORD": "hunter2"}, "masterUserPassword": "hunter2", "overrides": ["hunter2"],
        },
        "responseElements": {"credentials": {"secretAccessKey": "hunter2"}},
        "errorMessage": "hunter2 is not a task definition",
    })
}

#[tokio::test]
async fn i9_changes_are_who_did_what_and_no_parameter_that_could_be_a_secret() {
    let world = World::new(|_| {
        let mut failed = event(
            1_772_366_100.0,
            "DeleteService",
            json!({
                "userIdentity": {"type": "IAMUser", "userName": "deploy"}, "errorCode": "AccessDenied",
                "sourceIPAddress": "2001:db8:1:2::7",
            }),
        );
        failed["Resources"] = json!([]);
        ok(json!({"Events": [event(1_772_366_200.0, "UpdateService", assumed()), failed]}))
    })
    .await;
    let called = ask(&world, &run(json!({"resource": "checkout"}))).await;
    assert!(!format!("{called:?}").contains("hunter2"), "{called:?}");
    let mut answer = called.answer.unwrap();
    answer.result["elapsed_ms"].take();
    assert_eq!(
        answer.result,
        json!({
            "changes": [
                {"at": "2026-03-01T11:56:40Z", "who": "Admin/jane@shop.example", "what": "UpdateService", "service": "ecs",
                    "resource": "checkout", "resources": ["checkout"], "source_ip": "203.0.113.x", "error": "", "id": "id-UpdateService",
                    "details": {"cluster": "shop", "desiredCount": 3, "service": "checkout", "taskDefinition": "checkout:42"}},
                {"at": "2026-03-01T11:55:00Z", "who": "deploy", "what": "DeleteService", "service": "ecs", "resource": "",
                    "resources": [], "source_ip": "2001:db8:1::x", "error": "AccessDenied", "id": "id-DeleteService", "details": {}},
            ],
            "changes_total": 2, "failed_total": 1, "reached": "2026-03-01T10:00:00Z", "truncated": false, "notes": [],
            "elapsed_ms": null,
        })
    );
    assert_eq!(answer.summary, "2 changes, newest UpdateService by Admin/jane@shop.example at 2026-03-01T11:56:40Z");
    assert_eq!(
        called.request,
        json!({
            "action": "cloudtrail:LookupEvents", "MaxResults": 50, "StartTime": 1_772_359_200, "EndTime": 1_772_366_401,
            "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": "checkout"}],
        })
    );
}

#[tokio::test]
async fn a_look_hours_later_goes_back_from_the_same_moment() {
    let world = World::new(|_| ok(json!({"Events": []}))).await;
    let from = async |at: &str| {
        let called = ask(&world, &run(json!({"resource": "checkout", "last": "1h", "at": at}))).await;
        called.answer.map(|_| (called.request["StartTime"].clone(), called.request["EndTime"].clone()))
    };
    let now = 1_772_366_400;
    assert_eq!(from("2026-03-01T09:00:00Z").await, Ok((json!(now - 4 * 3600), json!(now - 3 * 3600 + 1))));
    assert_eq!(from("2026-03-01T19:00:00Z").await, Ok((json!(now - 3600), json!(now + 1))), "not later than now");
    assert_eq!(from(" ").await, Ok((json!(now - 3600), json!(now + 1))));
    assert_eq!(from("yesterday").await, Err("`at` is not a time: it is written as RFC 3339".to_owned()));
}

#[tokio::test]
async fn who_it_was_is_read_of_every_kind_of_identity() {
    for (identity, who) in [
        (json!({"type": "Root"}), "root"),
        (json!({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}), "autoscaling.amazonaws.com"),
        (json!({"type": "AWSAccount", "accountId": "444455556666"}), "444455556666"),
        (json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/ci/run-7"}), "ci/run-7"),
        (json!({"type": "AssumedRole", "principalId": "AROA:run-8"}), "/run-8"),
        (json!({"type": "SAMLUser", "userName": "ann"}), "ann"),
        (json!({"type": "Unknown"}), "jane@shop.example"),
        (json!(null), "jane@shop.example"),
    ] {
        let change = change::of(&event(1.0, "X", json!({"userIdentity": identity})));
        assert_eq!(change["who"], json!(who));
    }
    let mut broken = event(1.0, "X", json!({}));
    broken["CloudTrailEvent"] = json!("{");
    assert_eq!(change::of(&broken)["who"], json!("jane@shop.example"));
}

#[tokio::test]
async fn the_narrowest_attribute_is_asked_for_and_the_others_are_looked_at_here() {
    for (asked, key, value) in [
        (json!({"resource": "a", "resource_type": "AWS::ECS::Service"}), "ResourceName", "a"),
        (
            json!({"resource_type": "AWS::ECS::Service", "source": "ecs.amazonaws.com"}),
            "ResourceType",
            "AWS::ECS::Service",
        ),
        (
            json!({"source": "ecs.amazonaws.com", "except": ["RegisterTaskDefinition"]}),
            "EventSource",
            "ecs.amazonaws.com",
        ),
        (json!({}), "ReadOnly", "false"),
    ] {
        let world = World::new(|_| {
            let mut other = event(3.0, "UpdateService", json!({}));
            other["EventSource"] = json!("rds.amazonaws.com");
            other["Resources"] = json!([{"ResourceType": "AWS::RDS::DBInstance", "ResourceName": "db"}]);
            let mut read = event(2.0, "DescribeServices", json!({}));
            read["ReadOnly"] = json!("true");
            ok(json!({"Events": [event(4.0, "UpdateService", json!({})), other, read, event(1.0, "RegisterTaskDefinition", json!({}))]}))
        })
        .await;
        let all = asked == json!({});
        let result = ask(&world, &run(asked)).await.answer.unwrap().result;
        assert_eq!(world.asked()[0].body["LookupAttributes"], json!([{"AttributeKey": key, "AttributeValue": value}]));
        let wanted = match key {
            _ if all => 3,
            "EventSource" => 1,
            _ => 2,
        };
        assert_eq!(result["changes_total"], json!(wanted), "{key}: {result}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_half_a_second_apart_and_end_with_the_limit_or_the_time() {
    let page = |at: usize| {
        let events: Vec<Value> =
            (0..3).map(|n| event(1_772_366_000.0 - (at * 10 + n) as f64, "UpdateService", json!({}))).collect();
        ok(json!({"Events": events, "NextToken": (at + 1).to_string()}))
    };
    let world =
        World::new(move |asked| page(asked.body["NextToken"].as_str().map_or(0, |token| token.parse().unwrap()))).await;
    let begun = Instant::now();
    let result = ask(&world, &run(json!({"limit": 7}))).await.answer.unwrap().result;
    assert!(begun.elapsed() >= APART * 2);
    assert_eq!((result["changes_total"].clone(), world.asked().len()), (json!(7), 3));
    assert_eq!((&result["truncated"], &result["reached"]), (&json!(true), &json!("2026-03-01T11:52:58Z")));
    assert_eq!(result["notes"], json!(["older changes were not read: it was looked back to 2026-03-01T11:52:58Z"]));

    let result = ask(&world, &run(json!({"limit": 200, "timeout": "3s"}))).await.answer.unwrap().result;
    let pages = world.asked().len() - 3;
    assert!((3..=6).contains(&pages) && result["truncated"] == json!(true), "{pages}");
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_a_failure_that_says_what_is_missing() {
    for (reply, words) in [
        (denied("cloudtrail:LookupEvents"), "may not cloudtrail:LookupEvents"),
        (refused("InvalidTimeRangeException", "Occurs if the timestamp values are not valid."), "InvalidTimeRange"),
        (refused("ExpiredTokenException", "The security token is expired"), "have expired"),
        (refused("ThrottlingException", "Rate exceeded"), "AWS throttled the call"),
        (http("200 OK", &[("content-type", "text/html")], "<html>a portal</html>"), "not JSON"),
    ] {
        let world = World::new(move |_| reply.clone()).await;
        let reason = ask(&world, &run(json!({}))).await.answer.unwrap_err();
        assert!(reason.contains(words), "{words}: {reason}");
    }
    let world = World::new(|_| ok(json!({}))).await;
    assert!(ask(&world, &run(json!({"resource": ""}))).await.answer.unwrap_err().contains("is empty"));
}
