use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn the_three_protocols_go_out_as_aws_reads_them() {
    let ok = || json_answer(200, &json!({"logGroups": []}));
    let xml = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><Engine>postgres</Engine>\
               </DBInstance></DBInstances></DescribeDBInstancesResult><ResponseMetadata/></DescribeDBInstancesResponse>";
    let world = World::new([ok(), ok(), xml_answer(200, xml)]).await;
    let answer = world.logs().await.unwrap();
    assert_eq!(
        (answer.status, answer.body, answer.request_id.as_deref()),
        (200, json!({"logGroups": []}), Some("r-1"))
    );
    let rest = AwsRequest::Rest {
        service: "lambda",
        signing: "lambda",
        method: "GET",
        path: "/2015-03-31/functions/a%20b/policy",
        query: &[("Qualifier", "a b+c")],
        body: None,
    };
    world.aws.call(&Place::default(), &rest, Duration::from_secs(20)).await.unwrap();
    let answer = world.rds().await.unwrap();
    assert_eq!(answer.body, json!({"DBInstances": [{"Engine": "postgres"}]}));

    let seen = world.seen();
    let [logs, lambda, rds] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((logs.method.as_str(), logs.uri.path(), logs.body.as_str()), ("POST", "/", r#"{"limit":3}"#));
    assert_eq!(logs.header("x-amz-target"), "Logs_20140328.DescribeLogGroups");
    assert_eq!(logs.header("content-type"), "application/x-amz-json-1.1");
    let signed = logs.header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/logs/aws4_request"));
    assert!(signed.contains("x-amz-target") && signed.contains("content-type"), "{signed}");
    assert_eq!(lambda.uri.to_string(), "/2015-03-31/functions/a%20b/policy?Qualifier=a%20b%2Bc");
    assert_eq!(rds.body, "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=orders%20%26%20more");
}

#[tokio::test]
async fn a_path_that_would_lead_elsewhere_is_not_asked() {
    let world = World::new([]).await;
    for path in ["/a/../b", "/a/%2e%2e/b", "/a?b=c", "/a#b", "a", "/a b"] {
        let request =
            AwsRequest::Rest { service: "lambda", signing: "lambda", method: "GET", path, query: &[], body: None };
        let error = world.aws.call(&Place::default(), &request, Duration::from_secs(20)).await.unwrap_err();
        assert!(matches!(error, AwsError::BadRequest { .. }), "{path}: {error}");
    }
    assert!(world.seen().is_empty());
}

#[tokio::test]
async fn a_denied_call_names_the_permission() {
    let said = "User: arn:aws:sts::111122223333:assumed-role/firstlook/x is not authorized to perform: \
                logs:DescribeLogGroups on resource: arn:aws:logs:eu-central-1:111122223333:log-group::log-stream: because \
                no identity-based policy allows the logs:DescribeLogGroups action";
    let typed = |kind: &str| json_answer(400, &json!({"__type": kind, "Message": said}));
    let header = (
        StatusCode::FORBIDDEN,
        [("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/coral/")],
        json!({"message": "no"}).to_string(),
    );
    let query = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/x is not \
                 authorized to perform: rds:DescribeDBInstances</Message></Error><RequestId>r</RequestId></ErrorResponse>";
    let ec2 = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this \
               operation.</Message></Error></Errors><RequestID>r</RequestID></Response>";
    let world = World::new([
        typed("com.amazon.coral.service#AccessDeniedException"),
        header.into_response(),
        xml_answer(403, query),
        xml_answer(403, ec2),
        (StatusCode::FORBIDDEN, "<html>no</html").into_response(),
    ])
    .await;
    let action = |error: AwsError| match error {
        AwsError::Denied { action, .. } => action,
        other => panic!("{other}"),
    };
    assert_eq!(action(world.logs().await.unwrap_err()), "logs:DescribeLogGroups");
    assert_eq!(action(world.logs().await.unwrap_err()), "logs:DescribeLogGroups");
    assert_eq!(action(world.rds().await.unwrap_err()), "rds:DescribeDBInstances");
    assert_eq!(action(world.rds().await.unwrap_err()), "rds:DescribeDBInstances");
    assert_eq!(action(world.logs().await.unwrap_err()), "logs:DescribeLogGroups");
}

#[tokio::test]
async fn each_error_is_told_apart() {
    let json_error = |status, code: &str| json_answer(status, &json!({"__type": code, "message": "m"}));
    let world = World::new([
        json_error(400, "ExpiredTokenException"),
        json_error(403, "InvalidClientTokenId"),
        json_error(400, "ResourceNotFoundException"),
        json_error(400, "ValidationException"),
        xml_answer(
            404,
            "<ErrorResponse><Error><Code>DBInstanceNotFound</Code><Message>m</Message></Error></ErrorResponse>",
        ),
        (StatusCode::OK, [("content-type", "text/html")], "<html>a portal</html>").into_response(),
        json_answer(200, &json!("x".repeat(5000))),
        (StatusCode::OK, "").into_response(),
    ])
    .await;
    assert!(matches!(world.logs().await, Err(AwsError::Expired { .. })));
    assert!(matches!(world.logs().await, Err(AwsError::BadKeys { .. })));
    assert!(matches!(world.logs().await, Err(AwsError::NotFound { .. })));
    let Err(AwsError::Refused { code, message, status }) = world.logs().await else { panic!("not refused") };
    assert_eq!((code.as_str(), message.as_str(), status), ("ValidationException", "m", 400));
    assert!(matches!(world.rds().await, Err(AwsError::NotFound { .. })));
    let error = world.logs().await.unwrap_err();
    assert!(error.to_string().ends_with("it begins with `<html>a portal</html>`"), "{error}");
    assert!(matches!(world.logs().await, Err(AwsError::TooLarge { cap: 4096 })));
    assert_eq!(world.logs().await.unwrap().body, json!(null));
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_or_fails_is_tried_again_until_the_time_is_up() {
    let throttled = || json_answer(400, &json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
    let failed = || (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response();
    let world = World::new([throttled(), failed(), json_answer(200, &json!({}))]).await;
    assert_eq!(world.logs().await.unwrap().status, 200);
    assert_eq!(world.seen().len(), 3);

    let world = World::new((0..20).map(|_| throttled())).await;
    let error = world.logs().await.unwrap_err();
    let AwsError::Throttled { code, attempts, .. } = error else { panic!("{error}") };
    let tried = world.seen().len();
    assert_eq!((code.as_str(), usize::try_from(attempts)), ("ThrottlingException", Ok(tried)));
    assert!((5..=8).contains(&tried), "{tried}");

    let world = World::new((0..20).map(|_| failed())).await;
    let error = world.logs().await.unwrap_err();
    assert!(matches!(error, AwsError::Failed { status: 503, attempts: 5.., .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_done_twice_is_tried_once() {
    let request = AwsRequest::Rest {
        service: "email",
        signing: "ses",
        method: "POST",
        path: "/v2/email/outbound-emails",
        query: &[],
        body: Some(&json!({})),
    };
    let once = async |world: &World| {
        world.aws.call_once(&Place::default(), &request, Duration::from_secs(10)).await.unwrap_err()
    };
    let quota = json!({"__type": "TooManyRequestsException", "message": "Daily message quota exceeded."});
    let world = World::new([json_answer(429, &quota), (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response()]).await;
    let error = once(&world).await;
    let said = matches!(&error, AwsError::Throttled { message, attempts: 1, .. } if message.contains("Daily"));
    assert!(said, "{error:?}");
    assert!(matches!(once(&world).await, AwsError::Failed { status: 503, attempts: 1, .. }));
    assert_eq!(world.seen().len(), 2);

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = once(&World::at(closed, Arc::default())).await;
    assert!(matches!(error, AwsError::Unreachable { is_sent: false, .. }), "{error:?}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let error = once(&World::at(address, Arc::default())).await;
    assert!(matches!(error, AwsError::Unreachable { is_sent: true, .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_two_things() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::at(closed, Arc::default());
    let error = world.logs().await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not connect to {closed}: connection refused"));

    // It drips a byte and then nothing more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    });
    let world = World::at(address, Arc::default());
    let request = AwsRequest::Query { service: "sts", signing: "sts", action: "A", version: "1", params: &[] };
    let error = world.aws.call(&Place::default(), &request, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, AwsError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let world = World::new([]).await;
    let mut options = AwsOptions::new("eu-central-1", Arc::new(NoKeys), world.clock.clone(), Arc::new(Same));
    options.endpoint = Some("http://127.0.0.1:9".parse().unwrap());
    let aws = Aws::new(options).unwrap();
    let request = AwsRequest::Query { service: "sts", signing: "sts", action: "A", version: "1", params: &[] };
    let error = aws.call(&Place::default(), &request, Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, AwsError::NoCredentials), "{error}");
}
