//! `sqs`: how full a queue is, how old its oldest message, and what is in its dead letters.
//!
//! No message is read: SQS has no way to look at one. ReceiveMessage hides it from its consumer for a while and counts as
//! a receipt, of which a redrive policy allows a few, so that looking could send it to the dead letters (I7).

#[cfg(test)]
mod tests;

use std::time::Duration;

use awscall::{AwsError, AwsRequest, JsonVersion};
use catalog::model::{AwsPlace, SqsRun};
use engine::{Answer, Called};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::{Cloud, There},
    cloudwatch::{Metric, points},
    common::{counted, elapsed_ms, limit},
};

/// How far back the age is looked for: SQS reports it every minute, some minutes late, and only for queues in use.
const AGE_SECONDS: i64 = 900;

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &SqsRun<String>) -> Called {
    let request = json!({
        "operation": "GetQueueUrl, GetQueueAttributes, GetMetricData", "queue": run.queue, "account": run.account,
        "region": run.region,
    });
    let answer = match cloud.at(AwsPlace { account: run.account.as_ref(), region: run.region.as_deref() }) {
        Ok(there) => {
            let within = limit(run.timeout);
            match tokio::time::timeout(within, look(&there, clock.now(), run, within)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("SQS did not answer within {within:?}")),
            }
        }
        Err(reason) => Err(reason),
    };
    Called { request, answer }
}

async fn ask(there: &There<'_>, operation: &str, body: &Value, within: Duration) -> Result<Value, AwsError> {
    let target = format!("AmazonSQS.{operation}");
    let (service, version) = ("sqs", JsonVersion::V1_0);
    let request = AwsRequest::Json { service, signing: "sqs", target: &target, version, body };
    there.ask(&request, within).await.map(|answer| answer.body)
}

/// The attributes of a queue by its name, in the account that is asked or in another.
async fn attributes(there: &There<'_>, name: &str, owner: Option<&str>, within: Duration) -> Result<Value, AwsError> {
    let mut body = json!({"QueueName": name});
    if let (Some(body), Some(owner)) = (body.as_object_mut(), owner) {
        body.insert("QueueOwnerAWSAccountId".to_owned(), owner.into());
    }
    let found = ask(there, "GetQueueUrl", &body, within).await?;
    let url = found.get("QueueUrl").cloned().unwrap_or_default();
    let answer = ask(there, "GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]}), within).await?;
    Ok(answer.get("Attributes").cloned().unwrap_or_default())
}

/// A number among attributes, which are all text.
fn whole(attributes: &Value, name: &str) -> Value {
    let number = attributes.get(name).and_then(Value::as_str).and_then(|text| text.parse::<i64>().ok());
    number.map_or(Value::Null, Value::from)
}

fn depth(attributes: &Value) -> [(&'static str, Value); 3] {
    [
        ("visible", whole(attributes, "ApproximateNumberOfMessages")),
        ("in_flight", whole(attributes, "ApproximateNumberOfMessagesNotVisible")),
        ("delayed", whole(attributes, "ApproximateNumberOfMessagesDelayed")),
    ]
}

async fn look(there: &There<'_>, now: Timestamp, run: &SqsRun<String>, within: Duration) -> Result<Answer, String> {
    let started = Instant::now();
    let metric = Metric {
        namespace: "AWS/SQS",
        name: "ApproximateAgeOfOldestMessage",
        dimensions: vec![("QueueName", run.queue.as_str())],
        statistic: "Maximum",
        period: 60,
    };
    let window = (now.as_second() - AGE_SECONDS, now.as_second());
    let (own, age) = tokio::join!(attributes(there, &run.queue, None, within), points(there, &metric, window, within));
    let own = own.map_err(|error| there.reason(&error))?;
    let mut unread = Vec::new();
    let oldest = match age {
        Ok(mut found) => {
            found.unread.dedup();
            unread.extend(found.unread.iter().map(|what| format!("the age of the oldest message: {what}")));
            found.points.last().map(|(_, value)| crate::common::number(*value))
        }
        Err(error) => {
            let reason = there.reason(&error);
            unread.push(format!("the age of the oldest message: {}", reason.lines().next().unwrap_or_default()));
            None
        }
    };
    let policy = own.get("RedrivePolicy").and_then(Value::as_str);
    let policy: Value = policy.and_then(|policy| serde_json::from_str(policy).ok()).unwrap_or_default();
    // Old policies have it as text.
    let max_receives = policy.get("maxReceiveCount");
    let max_receives = max_receives.and_then(|count| count.as_i64().or_else(|| count.as_str()?.parse().ok()));
    let mut dead_letters = Value::Null;
    if let Some((name, owner)) = policy.get("deadLetterTargetArn").and_then(Value::as_str).and_then(of_arn) {
        let mut told = serde_json::Map::from_iter([("name".to_owned(), Value::from(name))]);
        let nothing = || ["visible", "in_flight", "delayed"].map(|name| (name, Value::Null));
        let numbers = match attributes(there, name, Some(owner), within).await {
            Ok(found) => depth(&found),
            Err(error) => {
                let reason = there.reason(&error);
                unread.push(format!("the dead letters {name}: {}", reason.lines().next().unwrap_or_default()));
                nothing()
            }
        };
        told.extend(numbers.into_iter().map(|(name, value)| (name.to_owned(), value)));
        dead_letters = Value::Object(told);
    }
    let [visible, in_flight, delayed] = depth(&own).map(|(_, value)| value);
    let summary = summary(run, &visible, &in_flight, oldest.as_ref(), &dead_letters);
    let result = json!({
        "visible": visible, "in_flight": in_flight, "delayed": delayed, "oldest_seconds": oldest,
        "retention_seconds": whole(&own, "MessageRetentionPeriod"), "visibility_seconds": whole(&own, "VisibilityTimeout"),
        "max_receives": max_receives, "dead_letters": dead_letters,
        "arn": own.get("QueueArn").and_then(Value::as_str).unwrap_or_default(), "unread": unread,
        "elapsed_ms": elapsed_ms(started),
    });
    Ok(Answer { summary, result })
}

/// Name and account of a queue: `arn:aws:sqs:eu-central-1:111122223333:orders-dlq`.
fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.rsplit(':');
    Some((parts.next()?, parts.next()?))
}

fn summary(
    run: &SqsRun<String>,
    visible: &Value,
    in_flight: &Value,
    oldest: Option<&Value>,
    dead_letters: &Value,
) -> String {
    let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let mut text =
        format!("{}: {} waiting, {in_flight} in flight", run.queue, counted(count(visible), "message", "messages"));
    if let Some(oldest) = oldest {
        text.push_str(&format!(", the oldest {oldest} s old"));
    }
    if let Some(dead) = dead_letters.get("visible").filter(|dead| !dead.is_null()) {
        text.push_str(&format!(", {dead} dead"));
    }
    text
}
