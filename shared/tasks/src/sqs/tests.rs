use catalog::model::SqsRun;
use serde_json::{Value, json};

use super::call;
use crate::testing::{At, Server, aws, json_answer, serve};

const NOW: i64 = 1_772_366_400;

/// The queue `orders`, whose dead letters are in another account.
async fn queues(dead: (u16, Value), age: (u16, Value)) -> Server {
    serve(move |request| {
        let target = request.lines().find_map(|line| line.strip_prefix("x-amz-target: ")).unwrap();
        let asked: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let (status, body) = match target {
            "GraniteServiceVersion20100801.GetMetricData" => age.clone(),
            "AmazonSQS.GetQueueUrl" => match asked["QueueName"].as_str().unwrap() {
                "orders" => (200, json!({"QueueUrl": "https://sqs/1/orders"})),
                "orders-dlq" => {
                    assert_eq!(asked["QueueOwnerAWSAccountId"], "444455556666");
                    (200, json!({"QueueUrl": "https://sqs/2/orders-dlq"}))
                }
                _ => (400, json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"})),
            },
            "AmazonSQS.GetQueueAttributes" if asked["QueueUrl"] == "https://sqs/2/orders-dlq" => dead.clone(),
            "AmazonSQS.GetQueueAttributes" => (
                200,
                json!({"Attributes": {
                    "QueueArn": "arn:aws:sqs:eu-central-1:111122223333:orders", "ApproximateNumberOfMessages": "41",
                    "ApproximateNumberOfMessagesNotVisible": "3", "ApproximateNumberOfMessagesDelayed": "0",
                    "MessageRetentionPeriod": "345600", "VisibilityTimeout": "30",
                    "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:444455556666:orders-dlq\",\
                                      \"maxReceiveCount\":\"5\"}",
                }}),
            ),
            other => panic!("{other} is asked"),
        };
        json_answer(status, &body).into_bytes()
    })
    .await
}

async fn look(queue: &str, server: &Server) -> Result<engine::Answer, String> {
    let run: SqsRun<String> = serde_json::from_value(json!({"queue": queue})).unwrap();
    call(&aws(server.address), &At::new("2026-03-01T12:00:00Z"), &run).await.answer
}

fn aged() -> (u16, Value) {
    let result =
        json!({"Id": "m", "Timestamps": [NOW - 120, NOW - 60], "Values": [600.0, 660.0], "StatusCode": "Complete"});
    (200, json!({"MetricDataResults": [result]}))
}

#[tokio::test]
async fn a_queue_is_told_with_its_age_and_its_dead_letters() {
    let dead = json!({"Attributes": {"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0"}});
    let server = queues((200, dead), aged()).await;
    let answer = look("orders", &server).await.unwrap();
    assert_eq!(answer.summary, "orders: 41 messages waiting, 3 in flight, the oldest 660 s old, 7 dead");
    let mut result = answer.result;
    assert!(result["elapsed_ms"].take().is_u64());
    assert_eq!(
        result,
        json!({
            "visible": 41, "in_flight": 3, "delayed": 0, "oldest_seconds": 660, "retention_seconds": 345_600,
            "visibility_seconds": 30, "max_receives": 5, "arn": "arn:aws:sqs:eu-central-1:111122223333:orders",
            "dead_letters": {"name": "orders-dlq", "visible": 7, "in_flight": 0, "delayed": 0},
            "unread": [], "elapsed_ms": null,
        })
    );
}

#[tokio::test]
async fn what_beside_the_queue_cannot_be_read_is_a_note_and_the_rest_stands() {
    let denied = |action: &str| {
        let said = format!("User: arn:aws:sts::1:assumed-role/read/x is not authorized to perform: {action}");
        (403, json!({"__type": "AccessDeniedException", "message": said}))
    };
    let server = queues(denied("sqs:getqueueattributes"), denied("cloudwatch:GetMetricData")).await;
    let result = look("orders", &server).await.unwrap().result;
    assert_eq!((&result["visible"], &result["oldest_seconds"]), (&json!(41), &json!(null)));
    assert_eq!(
        result["dead_letters"],
        json!({"name": "orders-dlq", "visible": null, "in_flight": null, "delayed": null})
    );
    let unread: Vec<&str> = result["unread"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(unread[0].starts_with("the age of the oldest message: the role read may not cloudwatch:GetMetricData"));
    assert!(unread[1].starts_with("the dead letters orders-dlq: the role read may not sqs:getqueueattributes"));
    let (status, mut partly) = aged();
    partly["MetricDataResults"][0]["StatusCode"] = "InternalError".into();
    let server = queues((200, json!({"Attributes": {}})), (status, partly)).await;
    let result = look("orders", &server).await.unwrap().result;
    let said = "the age of the oldest message: CloudWatch could not read all of the data (InternalError)";
    assert_eq!((&result["unread"], &result["oldest_seconds"]), (&json!([said]), &json!(660)));
}

#[tokio::test]
async fn a_queue_that_is_not_there_says_so() {
    let server = queues((200, json!({})), aged()).await;
    assert_eq!(look("gone", &server).await.unwrap_err(), "QueueDoesNotExist: no such queue");
}

#[tokio::test]
async fn i7_no_message_is_ever_received() {
    let server = queues((200, json!({"Attributes": {}})), aged()).await;
    look("orders", &server).await.unwrap();
    // The server would have panicked at any other operation; these are the five that were asked.
    assert_eq!(server.requests().len(), 5);
    assert!(!server.requests().iter().any(|request| request.contains("ReceiveMessage")));
}
