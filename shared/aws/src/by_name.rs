//! A stack's queues by their names, for people: functions are given URLs.

use aws_sdk_sqs::Client;
use ports::{PortError, Queue};

use crate::{AwsError, SqsQueues};

impl SqsQueues {
    /// Those of the queues of the stack `stack` that are `wanted`: `{stack}-investigate` and so on. Needs
    /// `sqs:GetQueueUrl`.
    ///
    /// # Errors
    /// [`PortError`]; permanent when there is no such queue.
    pub async fn of_stack(client: Client, stack: &str, wanted: &[Queue]) -> Result<Self, PortError> {
        let mut urls = Vec::with_capacity(wanted.len());
        for queue in wanted {
            let name = format!("{stack}-{}", queue.as_str());
            let doing = || format!("look up the queue {name}");
            let answer = client
                .get_queue_url()
                .queue_name(&name)
                .send()
                .await
                .map_err(|error| AwsError::from(error).into_port(doing()))?;
            let url = answer.queue_url.ok_or_else(|| PortError::permanent(doing(), "the answer has no URL"))?;
            urls.push((*queue, url));
        }
        Ok(Self::new(client, urls))
    }
}
