//! SQS batches.

use std::{error::Error as StdError, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt, future::join_all};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::{Clock, HandleMessage, Queue, Receipt, Received, chain};

use crate::failure::panic_text;

/// What is left of an invocation when the records that are still under way are given up, so that those that are done are
/// deleted and do not come again with them. Handlers end themselves long before.
const END_MARGIN: Duration = Duration::from_millis(500);

/// Hands the messages that the event source mapping of `queue` delivers to `handler`, until Lambda ends this function.
/// The mapping must have `ReportBatchItemFailures`.
///
/// The records of a batch are handled side by side. One that fails, panics or does not end in time comes back alone, and
/// is logged once, with its message id and all sources of its error, without its body.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run_messages(queue: Queue, handler: Arc<dyn HandleMessage>, clock: Arc<dyn Clock>) -> Result<(), Error> {
    let (handler, clock) = (handler.as_ref(), clock.as_ref());
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deadline = deadline(event.context.deadline);
        batch(queue, handler, event.payload, clock.now(), deadline).await
    }))
    .await
}

fn deadline(epoch_ms: u64) -> Timestamp {
    i64::try_from(epoch_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

pub(crate) async fn batch(
    queue: Queue,
    handler: &dyn HandleMessage,
    event: SqsEvent,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<SqsBatchResponse, Error> {
    let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
    let given_up_after = left.saturating_sub(END_MARGIN);
    let records = event.records.into_iter().map(|record| one(queue, handler, record, deadline, given_up_after));
    let mut response = SqsBatchResponse::default();
    for failed in join_all(records).await.into_iter().flatten() {
        // Without its id a failed record cannot be named, and a batch without failures would delete it.
        let id = failed.ok_or("a record without a message id failed, so the whole batch must come back")?;
        response.add_failure(id);
    }
    Ok(response)
}

/// `None` when the record was handled, else its message id if it has one.
async fn one(
    queue: Queue,
    handler: &dyn HandleMessage,
    record: SqsMessage,
    deadline: Timestamp,
    given_up_after: Duration,
) -> Option<Option<String>> {
    let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    let message = Received {
        queue,
        body: record.body.unwrap_or_default(),
        receipt: Receipt(record.receipt_handle.unwrap_or_default()),
        receives,
    };
    let handled = AssertUnwindSafe(handler.handle(&message, deadline)).catch_unwind();
    let error = match tokio::time::timeout(given_up_after, handled).await {
        Ok(Ok(Ok(()))) => return None,
        Ok(Ok(Err(error))) => chain(error.as_ref() as &dyn StdError),
        Ok(Err(payload)) => format!("panicked: {}", panic_text(payload.as_ref())),
        Err(_) => "did not end before the invocation does".to_owned(),
    };
    let id = record.message_id;
    tracing::error!(queue = queue.as_str(), message_id = id, receives, error, "a message failed and comes back");
    Some(id)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Value, json};
    use tokio::sync::Barrier;

    use super::*;

    /// Does what the body says.
    struct Script {
        together: Barrier,
    }

    #[async_trait]
    impl HandleMessage for Script {
        async fn handle(&self, message: &Received, _: Timestamp) -> Result<(), Box<dyn StdError + Send + Sync>> {
            match message.body.as_str() {
                "ok" => Ok(()),
                "fail" => Err("it did not work".into()),
                "panic" => panic!("oh"),
                "hang" => std::future::pending().await,
                "meet" => {
                    self.together.wait().await;
                    Ok(())
                }
                "look" => {
                    assert_eq!((message.queue, message.receives), (Queue::Deliver, 3));
                    assert_eq!(message.receipt.0, "receipt of look");
                    Ok(())
                }
                other => panic!("{other}"),
            }
        }
    }

    fn record(id: Option<&str>, body: &str) -> Value {
        json!({
            "messageId": id, "body": body, "receiptHandle": format!("receipt of {body}"),
            "attributes": {"ApproximateReceiveCount": "3"}
        })
    }

    async fn failed(records: &[Value]) -> Result<Vec<String>, Error> {
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let handler = Script { together: Barrier::new(3) };
        let now = Timestamp::UNIX_EPOCH;
        let deadline = now + Duration::from_secs(30);
        let response = batch(Queue::Deliver, &handler, event, now, deadline).await?;
        Ok(response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
    }

    #[tokio::test]
    async fn i5_only_what_failed_or_panicked_comes_back() {
        let batch =
            [record(Some("a"), "ok"), record(Some("b"), "fail"), record(Some("c"), "panic"), record(Some("d"), "look")];
        assert_eq!(failed(&batch).await.unwrap(), ["b", "c"]);
    }

    #[tokio::test]
    async fn the_records_of_a_batch_run_side_by_side() {
        let batch = [record(Some("a"), "meet"), record(Some("b"), "meet"), record(Some("c"), "meet")];
        assert_eq!(failed(&batch).await.unwrap(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn i5_a_record_that_never_ends_does_not_take_the_finished_ones_back_with_it() {
        let batch = [record(Some("a"), "hang"), record(Some("b"), "ok")];
        assert_eq!(failed(&batch).await.unwrap(), ["a"]);
    }

    #[tokio::test]
    async fn i5_a_failed_record_that_cannot_be_named_brings_the_batch_back() {
        assert!(failed(&[record(None, "fail")]).await.is_err());
        assert_eq!(failed(&[record(None, "ok")]).await.unwrap(), [""; 0]);
    }

    #[test]
    fn a_deadline_is_read_in_milliseconds() {
        assert_eq!(deadline(1_500).as_millisecond(), 1_500);
        assert_eq!(deadline(u64::MAX), Timestamp::MAX);
    }
}
