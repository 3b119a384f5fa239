use super::*;

/// STS's answer, with keys that end at `expires`.
fn assumed(id: &str, expires: &str) -> Response {
    xml_answer(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
             <AssumedRoleId>A:firstlook</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId>\
             <SecretAccessKey>s3cret</SecretAccessKey><SessionToken>t0ken</SessionToken><Expiration>{expires}</Expiration>\
             </Credentials></AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
             </AssumeRoleResponse>"
        ),
    )
}

fn other_account() -> Place {
    let role = Role {
        arn: "arn:aws:iam::444455556666:role/firstlook-read".to_owned(),
        external_id: Some("acme-7".to_owned()),
        region: Some("us-west-2".to_owned()),
    };
    Place { region: None, role: Some(role) }
}

async fn ask(world: &World, place: &Place) -> Result<AwsAnswer, AwsError> {
    let body = json!({});
    let request = AwsRequest::Json {
        service: "sqs",
        signing: "sqs",
        target: "AmazonSQS.ListQueues",
        version: JsonVersion::V1_0,
        body: &body,
    };
    world.aws.call(place, &request, Duration::from_secs(20)).await
}

#[tokio::test]
async fn a_role_is_taken_once_and_again_near_its_end() {
    let ok = || json_answer(200, &json!({}));
    let world = World::new([
        assumed("ASIAONE", "2015-08-30T12:51:00Z"),
        ok(),
        ok(),
        assumed("ASIATWO", "2015-08-30T13:04:30Z"),
        ok(),
    ])
    .await;
    let place = other_account();
    ask(&world, &place).await.unwrap();
    ask(&world, &place).await.unwrap();
    *world.clock.0.lock().unwrap() = at("2015-08-30T12:49:30Z");
    ask(&world, &place).await.unwrap();
    let seen = world.seen();
    let signed: Vec<&str> =
        seen.iter().map(|seen| seen.header("authorization").split(['=', ',']).nth(1).unwrap()).collect();
    assert_eq!(
        signed,
        [
            "AKIDEXAMPLE/20150830/us-west-2/sts/aws4_request",
            "ASIAONE/20150830/us-west-2/sqs/aws4_request",
            "ASIAONE/20150830/us-west-2/sqs/aws4_request",
            "AKIDEXAMPLE/20150830/us-west-2/sts/aws4_request",
            "ASIATWO/20150830/us-west-2/sqs/aws4_request",
        ]
    );
    assert_eq!(
        seen[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Ffirstlook-read\
         &RoleSessionName=firstlook&DurationSeconds=900&ExternalId=acme-7"
    );
    assert_eq!(seen[1].header("x-amz-security-token"), "t0ken");
}

#[tokio::test]
async fn keys_of_a_role_that_end_early_are_taken_anew_once() {
    let expired = || json_answer(400, &json!({"__type": "ExpiredTokenException", "message": "over"}));
    let fresh = |id: &str| assumed(id, "2015-08-30T12:51:00Z");
    let world = World::new([fresh("A1"), expired(), fresh("A2"), json_answer(200, &json!({"QueueUrls": []}))]).await;
    assert_eq!(ask(&world, &other_account()).await.unwrap().body, json!({"QueueUrls": []}));

    let world = World::new([fresh("A1"), expired(), fresh("A2"), expired()]).await;
    assert!(matches!(ask(&world, &other_account()).await, Err(AwsError::Expired { .. })));
    assert_eq!(world.seen().len(), 4);
}

#[tokio::test]
async fn i9_a_role_that_may_not_be_taken_says_so_and_no_error_has_keys_in_it() {
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: arn:aws:sts::1:assumed-role/f/x is not authorized to \
                  perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/firstlook-read</Message></Error>\
                  </ErrorResponse>";
    let half = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s3cret\
                </SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let world = World::new([xml_answer(403, denied), xml_answer(200, half)]).await;
    let error = ask(&world, &other_account()).await.unwrap_err();
    let AwsError::Role { arn, source } = &error else { panic!("{error}") };
    assert_eq!(arn, "arn:aws:iam::444455556666:role/firstlook-read");
    assert!(matches!(&**source, AwsError::Denied { action, .. } if action == "sts:AssumeRole"), "{source}");
    let error = ask(&world, &other_account()).await.unwrap_err();
    let shown = format!("{error:?} {}", ports::chain(&error));
    assert!(shown.contains("gave no Expiration") && !shown.contains("s3cret"), "{shown}");
    assert!(!format!("{:?} {:?}", keys(), world.aws).contains("wJalr"));
}

#[tokio::test]
async fn calls_at_once_take_a_role_once() {
    let ok = || json_answer(200, &json!({}));
    let world = World::new([assumed("A1", "2015-08-30T12:51:00Z"), ok(), ok(), ok()]).await;
    let place = other_account();
    let (a, b, c) = tokio::join!(ask(&world, &place), ask(&world, &place), ask(&world, &place));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let taken = world.seen().iter().filter(|seen| seen.body.contains("AssumeRole")).count();
    assert_eq!(taken, 1);
}
