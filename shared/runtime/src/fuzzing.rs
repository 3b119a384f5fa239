//! The readers of envelopes, for `tests/fuzzed`, which could reach them through a Runtime API only. Nothing else calls this.

use jiff::Timestamp;
use lambda_runtime::Error;
use ports::{HandleHttp, HandleInvocation, HandleMessage, Queue};
use serde_json::Value;

use crate::{alarm_event, message_event};

/// What [`run_http_and_alarms`](crate::run_http_and_alarms) answers to this envelope.
///
/// # Errors
/// When the invocation fails.
pub async fn http_or_alarm<H: HandleHttp + HandleInvocation>(handler: &H, envelope: &str) -> Result<Value, Error> {
    Ok(serde_json::to_value(alarm_event::take(handler, envelope).await?)?)
}

/// How many records of this envelope [`run_messages`](crate::run_messages) gives back.
///
/// # Errors
/// When it is no batch, or all of it comes back.
pub async fn messages(
    queue: Queue,
    handler: &dyn HandleMessage,
    envelope: &[u8],
    now: Timestamp,
) -> Result<usize, Error> {
    let batch = serde_json::from_slice(envelope)?;
    let answer = message_event::batch(queue, handler, batch, now, Timestamp::MAX).await?;
    Ok(answer.batch_item_failures.len())
}
