use serde_json::json;

use super::*;
use crate::testing::{aws, in_turn, json_answer, xml_answer};

fn run(spec: Value) -> AwsApiRun<String> {
    serde_json::from_value(spec).unwrap()
}

async fn called(spec: Value, answers: Vec<String>) -> (Called, Vec<String>) {
    let server = in_turn(answers).await;
    let cloud = aws(server.address);
    let called = call(&cloud, &run(spec)).await;
    (called, server.requests())
}

/// The line of a request that begins so.
fn line<'r>(request: &'r str, begin: &str) -> &'r str {
    let found = request.lines().find(|line| line.to_ascii_lowercase().starts_with(begin));
    found.unwrap_or_else(|| panic!("no {begin} in {request}"))
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_json_operation_is_asked_by_its_target_and_its_pages_are_joined() {
    let spec = json!({
        "service": "ecs", "operation": "ListServices", "region": "eu-west-1", "pages": 2,
        "parameters": {"cluster": "shop", "maxResults": 10},
    });
    let pages =
        ["a", "b"].map(|name| json_answer(200, &json!({"serviceArns": [name], "nextToken": format!("to-{name}")})));
    let (called, requests) = called(spec, pages.to_vec()).await;
    let answer = called.answer.unwrap();
    assert_eq!(answer.result["body"], json!({"serviceArns": ["a", "b"], "nextToken": "to-b"}));
    assert_eq!((&answer.result["pages"], &answer.result["truncated"]), (&json!(2), &json!(true)));
    assert!(answer.summary.starts_with("ecs ListServices answered 200, 2 pages, and there is more, in "));
    assert_eq!(line(&requests[0], "x-amz-target"), "x-amz-target: AmazonEC2ContainerServiceV20141113.ListServices");
    assert!(line(&requests[0], "authorization").contains("/eu-west-1/ecs/aws4_request"));
    assert_eq!(body(&requests[0]), r#"{"cluster":"shop","maxResults":10}"#);
    assert_eq!(body(&requests[1]), r#"{"cluster":"shop","maxResults":10,"nextToken":"to-a"}"#);
    let asked = json!({"service": "ecs", "operation": "ListServices", "region": "eu-west-1",
        "parameters": {"cluster": "shop", "maxResults": 10}});
    assert_eq!(called.request, asked);
}

#[tokio::test]
async fn a_query_operation_is_flattened_by_the_names_of_its_service() {
    let answered = |action: &str| xml_answer(200, &format!("<{action}Response><{action}Result/></{action}Response>"));
    for (service, operation, parameters, form) in [
        (
            "rds",
            "DescribeDBInstances",
            json!({"Filters": [{"Name": "engine", "Values": ["postgres", "mysql"]}], "MaxRecords": 20}),
            "&Filters.Filter.1.Name=engine&Filters.Filter.1.Values.Value.1=postgres&Filters.Filter.1.Values.Value.2=mysql\
             &MaxRecords=20",
        ),
        (
            "elbv2",
            "DescribeTargetHealth",
            json!({"TargetGroupArn": "arn:x", "Targets": [{"Id": "i-1", "Port": 80}]}),
            "&TargetGroupArn=arn%3Ax&Targets.member.1.Id=i-1&Targets.member.1.Port=80",
        ),
        (
            "ec2",
            "DescribeInstances",
            json!({"InstanceIds": ["i-1", "i-2"], "Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}),
            "&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&InstanceId.1=i-1&InstanceId.2=i-2",
        ),
        (
            "autoscaling",
            "DescribeAutoScalingGroups",
            json!({"AutoScalingGroupNames": ["web"]}),
            "&AutoScalingGroupNames.member.1=web",
        ),
    ] {
        let spec = json!({"service": service, "operation": operation, "parameters": parameters});
        let (called, requests) = called(spec, vec![answered(operation)]).await;
        called.answer.unwrap();
        let sent = body(&requests[0]);
        assert!(sent.ends_with(form), "{sent}");
    }
}

#[tokio::test]
async fn i8_a_rest_operation_has_each_value_in_one_place_of_its_path_or_query() {
    let spec = json!({
        "service": "eks", "operation": "ListNodegroups",
        "parameters": {"name": "../admin?x", "maxResults": 5},
    });
    let (called, requests) = called(spec, vec![json_answer(200, &json!({"nodegroups": []}))]).await;
    called.answer.unwrap();
    assert!(requests[0].starts_with("GET /clusters/..%2Fadmin%3Fx/node-groups?maxResults=5 "), "{}", requests[0]);
    let spec = json!({"service": "eks", "operation": "DescribeCluster", "parameters": {"name": ""}});
    let (called, requests) = self::called(spec, vec![]).await;
    assert_eq!((called.answer.unwrap_err().as_str(), requests.len()), ("the parameter `name` is empty", 0));
}

#[tokio::test]
async fn i7_what_is_not_read_only_is_not_sent() {
    for (service, operation) in
        [("ecs", "DeleteService"), ("secretsmanager", "GetSecretValue"), ("sqs", "ReceiveMessage")]
    {
        let (called, requests) = called(json!({"service": service, "operation": operation}), vec![]).await;
        let reason = called.answer.unwrap_err();
        assert_eq!(reason, format!("`{service}` `{operation}` is not a read-only operation"));
        assert!(requests.is_empty());
    }
}

#[tokio::test]
async fn a_denied_call_names_who_lacks_what_and_where_it_goes() {
    let said = "User: arn:aws:sts::111122223333:assumed-role/firstlook-read/x is not authorized to perform: \
                ecs:ListClusters on resource: *";
    let denied = json_answer(400, &json!({"__type": "AccessDeniedException", "message": said}));
    let (called, _) = called(json!({"service": "ecs", "operation": "ListClusters"}), vec![denied]).await;
    let reason = called.answer.unwrap_err();
    let (reason, advice) = reason.split_once('\n').unwrap();
    assert_eq!(reason, format!("the role firstlook-read may not ecs:ListClusters: {said}"));
    assert!(advice.starts_with("Allow the role of investigate `ecs:ListClusters`: "), "{advice}");
}

#[tokio::test]
async fn without_credentials_the_call_says_how_to_give_them() {
    let called = call(&Cloud::default(), &run(json!({"service": "ecs", "operation": "ListClusters"}))).await;
    assert!(called.answer.unwrap_err().starts_with("there are no AWS credentials here\nGive the process"));
}
