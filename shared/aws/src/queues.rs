use std::{borrow::Cow, collections::HashMap, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry},
};
use aws_smithy_types::timeout::TimeoutConfig;
use futures_util::TryStreamExt;
use ports::{MAX_DELAY, Outgoing, PortError, Queue, Receipt, Received, RetimeMessage, SendMessage};

use crate::AwsError;

/// The longest that a received message can be invisible (SQS `VisibilityTimeout`).
const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3_600);
/// The longest that a receive can wait (SQS `WaitTimeSeconds`).
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The most messages that one receive gives (SQS `MaxNumberOfMessages`).
const MAX_BATCH: usize = 10;
/// The most bytes of the bodies of one batch: a message may have 1 MiB, and so may all of a batch together
/// (SQS developer guide, quotas); some is left for what the call puts around them.
const MAX_BATCH_BYTES: usize = 1024 * 1024 - 16 * 1024;
/// How many batches are under way at once.
const MAX_CALLS: usize = 8;
/// The longest fair-queue group (SQS `MessageGroupId`).
const MAX_GROUP: usize = 128;

/// How many messages are in a queue. SQS counts them approximately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: u64,
    /// Received and neither deleted nor back.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
}

/// The queues on SQS: standard queues, at least once, in no order.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    urls: HashMap<Queue, String>,
}

impl SqsQueues {
    /// The queues with these URLs. A function is given those that it has rights on; what it does to another one is a
    /// permanent error.
    #[must_use]
    pub fn new(client: Client, urls: impl IntoIterator<Item = (Queue, String)>) -> Self {
        Self { client, urls: urls.into_iter().collect() }
    }

    /// Opens the connection to SQS with one signed call that changes nothing: during INIT a function has a whole CPU
    /// for the handshake, during its first event it may have a fourteenth of one. Needs `sqs:GetQueueAttributes`.
    ///
    /// # Errors
    /// [`PortError`]. Nothing depends on it: a caller may go on.
    pub async fn warm_up(&self, queue: Queue) -> Result<(), PortError> {
        self.attributes(queue, [QueueAttributeName::QueueArn]).await.map(|_| ())
    }

    /// How many messages are in the queue. Needs `sqs:GetQueueAttributes`.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn depth(&self, queue: Queue) -> Result<Depth, PortError> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let said = self.attributes(queue, [Visible, InFlight, Delayed]).await?;
        let count = |name| said.get(&name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Depth { visible: count(Visible), in_flight: count(InFlight), delayed: count(Delayed) })
    }

    /// Receives up to `at_most` messages (SQS gives no more than 10), waiting for the first one for up to `wait` (20 s
    /// at most). They come back when the queue's visibility timeout ends, unless they are deleted.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn receive(&self, queue: Queue, at_most: usize, wait: Duration) -> Result<Vec<Received>, PortError> {
        let doing = || format!("receive from the {} queue", queue.as_str());
        let wait = wait.min(MAX_WAIT);
        // A long poll is a slow answer by intent: only here is the wait added to what an answer may take.
        let patience = self.client.config().timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let mut longer = patience.to_builder();
        longer.set_operation_attempt_timeout(patience.operation_attempt_timeout().map(|limit| limit + wait));
        longer.set_operation_timeout(patience.operation_timeout().map(|limit| limit + wait));
        let answer = self
            .client
            .receive_message()
            .queue_url(self.url(queue, doing)?)
            .max_number_of_messages(i32::try_from(at_most.clamp(1, MAX_BATCH)).unwrap_or(1))
            .wait_time_seconds(seconds(wait))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(aws_sdk_sqs::config::Config::builder().timeout_config(longer.build()))
            .send()
            .await
            .map_err(|error| AwsError::from(error).into_port(doing()))?;
        let received = |message: aws_sdk_sqs::types::Message| {
            let receives = message
                .attributes()
                .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount))
                .and_then(|text| text.parse().ok());
            Some(Received {
                queue,
                body: message.body?,
                receipt: Receipt(message.receipt_handle?),
                receives: receives.unwrap_or(1),
            })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(received).collect())
    }

    /// Deletes a received message. Deleting it again is no error.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn delete(&self, queue: Queue, receipt: &Receipt) -> Result<(), PortError> {
        let doing = || format!("delete a message of the {} queue", queue.as_str());
        self.client
            .delete_message()
            .queue_url(self.url(queue, doing)?)
            .receipt_handle(&receipt.0)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::from(error).into_port(doing()))
    }

    async fn send_batch(&self, queue: Queue, batch: &[Outgoing]) -> Result<(), PortError> {
        let doing = || format!("send {} messages to the {} queue", batch.len(), queue.as_str());
        let entry = |(place, Outgoing { body, group }): (usize, &Outgoing)| {
            SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(legal(body))
                .set_message_group_id(fair_group(group))
                .build()
        };
        let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(entry).collect();
        let answer = self
            .client
            .send_message_batch()
            .queue_url(self.url(queue, doing)?)
            .set_entries(Some(entries.map_err(|error| PortError::permanent(doing(), error))?))
            .send()
            .await
            .map_err(|error| AwsError::from(error).into_port(doing()))?;
        // A batch is answered with 200 though a part of it was refused.
        let Some(refused) = answer.failed.first() else { return Ok(()) };
        let reason =
            format!("{} of {} were refused, the first with {}", answer.failed.len(), batch.len(), refused.code);
        let error = if refused.sender_fault { PortError::permanent } else { PortError::transient };
        Err(error(doing(), reason))
    }

    async fn attributes<const N: usize>(
        &self,
        queue: Queue,
        names: [QueueAttributeName; N],
    ) -> Result<HashMap<QueueAttributeName, String>, PortError> {
        let doing = || format!("ask about the {} queue", queue.as_str());
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(self.url(queue, doing)?)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| AwsError::from(error).into_port(doing()))?;
        Ok(answer.attributes.unwrap_or_default())
    }

    fn url(&self, queue: Queue, doing: impl Fn() -> String) -> Result<&str, PortError> {
        self.urls
            .get(&queue)
            .map(String::as_str)
            .ok_or_else(|| PortError::permanent(doing(), "no URL is configured for this queue"))
    }
}

#[async_trait]
impl SendMessage for SqsQueues {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        let doing = || format!("send to the {} queue", queue.as_str());
        self.client
            .send_message()
            .queue_url(self.url(queue, doing)?)
            .message_body(legal(body))
            .set_message_group_id(fair_group(group))
            .set_delay_seconds((!delay.is_zero()).then(|| seconds(delay.min(MAX_DELAY))))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::from(error).into_port(doing()))
    }

    async fn send_all(&self, queue: Queue, messages: &[Outgoing]) -> Result<(), PortError> {
        if let [only] = messages {
            return self.send(queue, &only.body, &only.group, Duration::ZERO).await;
        }
        futures_util::stream::iter(batches(messages).into_iter().map(Ok))
            .try_for_each_concurrent(MAX_CALLS, |batch| self.send_batch(queue, batch))
            .await
    }
}

#[async_trait]
impl RetimeMessage for SqsQueues {
    async fn retime(&self, queue: Queue, receipt: &Receipt, visibility: Duration) -> Result<(), PortError> {
        let doing = || format!("retime a message of the {} queue", queue.as_str());
        self.client
            .change_message_visibility()
            .queue_url(self.url(queue, doing)?)
            .receipt_handle(&receipt.0)
            .visibility_timeout(seconds(visibility.min(MAX_VISIBILITY)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::from(error).into_port(doing()))
    }
}

/// The messages in batches of at most ten, and of no more bytes than a batch may have.
fn batches(messages: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut batches = Vec::new();
    let mut rest = messages;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(MAX_BATCH).take_while(|message| {
            bytes += legal(&message.body).len();
            bytes <= MAX_BATCH_BYTES
        });
        // One that is too large alone is SQS's to refuse.
        let (batch, others) = rest.split_at(fits.count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Whole seconds, rounded up: what must wait waits at least as long as it was told.
fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// The body with its noncharacters U+FFFE and U+FFFF escaped, which SQS does not take and a sender's text may hold.
/// Messages are JSON, where they can stand only inside a text, and there the escape means the same.
fn legal(body: &str) -> Cow<'_, str> {
    match body.contains(['\u{FFFE}', '\u{FFFF}']) {
        false => Cow::Borrowed(body),
        true => Cow::Owned(body.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff")),
    }
}

/// The group in the characters that SQS takes (letters, digits, punctuation), or none.
fn fair_group(group: &str) -> Option<String> {
    let legal: String = group.chars().filter(char::is_ascii_graphic).take(MAX_GROUP).collect();
    (!legal.is_empty()).then_some(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_wait_waits_at_least_as_long_as_it_was_told() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(900)), 900);
        assert_eq!(seconds(Duration::MAX), i32::MAX);
    }

    #[test]
    fn i5_no_letter_of_a_text_keeps_a_message_from_being_sent() {
        let sent = serde_json::json!({ "title": "a\u{FFFE}b\u{FFFF}\u{0}c" });
        let body = sent.to_string();
        let legal = legal(&body);
        assert!(legal.chars().all(|letter| letter >= ' ' && !matches!(letter, '\u{FFFE}' | '\u{FFFF}')));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&legal).unwrap(), sent);
    }

    #[test]
    fn batches_have_ten_messages_and_a_mebibyte_at_most_and_miss_none() {
        let message = |bytes: usize| Outgoing { body: "x".repeat(bytes), group: "g".to_owned() };
        let sizes = |messages: &[Outgoing]| batches(messages).iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), [0_usize; 0]);
        assert_eq!(sizes(&vec![message(1); 23]), [10, 10, 3]);
        let large =
            [message(MAX_BATCH_BYTES / 2), message(MAX_BATCH_BYTES / 2), message(1), message(MAX_BATCH_BYTES + 1)];
        assert_eq!(sizes(&large), [2, 1, 1]);
        // What SQS does not take is twice as long when it is escaped.
        let odd = Outgoing { body: "\u{FFFF}".repeat(MAX_BATCH_BYTES / 9), group: "g".to_owned() };
        assert_eq!(sizes(&[odd.clone(), odd]), [1, 1]);
    }

    #[test]
    fn a_group_is_cut_to_what_sqs_takes() {
        assert_eq!(fair_group("pager duty/é").as_deref(), Some("pagerduty/"));
        assert_eq!(fair_group(&"x".repeat(200)).unwrap().len(), 128);
        assert_eq!(fair_group(""), None);
        assert_eq!(fair_group("é "), None);
    }
}
