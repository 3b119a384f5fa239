use std::{error::Error, fmt, sync::Arc};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use ports::PortError;

/// What is known about a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The service said that it did nothing, and that it may work later.
    NotDone,
    /// The answer is missing or a server error: it may have been done all the same. It may work later.
    Unknown,
    /// Refused: it will not work until somebody mends something.
    Refused,
}

/// A failed call to AWS, without the request and the answer, whose bodies can hold secrets (I9).
#[derive(Debug, Clone)]
pub struct AwsError {
    outcome: Outcome,
    code: Option<String>,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Codes that say: not now. Those of the SDK's own retry table, and the few that the services used here add to it.
const NOT_NOW: [&str; 22] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "KmsThrottled",
    "KMSThrottlingException",
    "OverLimit",
    // A sandbox that outlived its credentials is replaced, and the next one has fresh ones.
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    // The SDK mends the skew with the time of this very answer.
    "RequestTimeTooSkewed",
    "LimitExceeded",
];

/// Codes of server errors that some services send with a status of 400.
const SERVER: [&str; 5] =
    ["RequestTimeout", "RequestTimeoutException", "InternalError", "InternalServerError", "ServiceUnavailable"];

impl AwsError {
    /// What is known about the call.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// AWS's code, such as `AccessDeniedException`, when there was an answer.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// As the port's error: a refusal is permanent, everything else transient.
    #[must_use]
    pub fn into_port(self, doing: impl Into<String>) -> PortError {
        match self.outcome {
            Outcome::Refused => PortError::permanent(doing, self),
            Outcome::NotDone | Outcome::Unknown => PortError::transient(doing, self),
        }
    }
}

/// The last part of a code: `com.amazonaws.sqs#OverLimit` and `AWS.SimpleQueueService.OverLimit` are `OverLimit`.
fn bare(code: &str) -> &str {
    code.rsplit(['#', '.']).next().unwrap_or(code)
}

fn classify(status: u16, code: Option<&str>) -> Outcome {
    match code.map(bare) {
        Some(code) if NOT_NOW.contains(&code) => Outcome::NotDone,
        Some(code) if SERVER.contains(&code) => Outcome::Unknown,
        _ if status == 429 => Outcome::NotDone,
        _ if status >= 500 => Outcome::Unknown,
        _ => Outcome::Refused,
    }
}

impl<E> From<SdkError<E, HttpResponse>> for AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let without_answer = |outcome, message: &str, source: Option<Box<dyn Error + Send + Sync>>| Self {
            outcome,
            code: None,
            message: message.to_owned(),
            source: source.map(Arc::from),
        };
        match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let meta = context.err().meta();
                Self {
                    outcome: classify(status, meta.code()),
                    code: meta.code().map(|code| bare(code).to_owned()),
                    message: format!(
                        "AWS answered {status} {}: {}",
                        meta.code().map_or("without a code", bare),
                        meta.message().unwrap_or("no message"),
                    ),
                    source: None,
                }
            }
            // The source of this one can quote the answer.
            SdkError::ResponseError(context) => {
                let status = context.raw().status().as_u16();
                without_answer(Outcome::Unknown, &format!("AWS answered {status} with what cannot be read"), None)
            }
            SdkError::TimeoutError(_) => without_answer(Outcome::Unknown, "AWS did not answer in time", None),
            SdkError::DispatchFailure(ref failure) if failure.is_user() => {
                without_answer(Outcome::Refused, "the request could not be made", error.into_source().ok())
            }
            SdkError::DispatchFailure(_) => {
                without_answer(Outcome::Unknown, "AWS could not be reached", error.into_source().ok())
            }
            SdkError::ConstructionFailure(_) => {
                without_answer(Outcome::Refused, "the request could not be built", error.into_source().ok())
            }
            _ => without_answer(Outcome::Unknown, "the call failed in a way that is not known here", None),
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AwsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_work_later_is_told_from_what_will_not() {
        use Outcome::{NotDone, Refused, Unknown};
        for (status, code, outcome) in [
            (400, Some("ThrottlingException"), NotDone),
            (400, Some("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"), NotDone),
            (400, Some("ExpiredTokenException"), NotDone),
            (403, Some("RequestThrottled"), NotDone),
            (403, Some("AWS.SimpleQueueService.OverLimit"), NotDone),
            (429, None, NotDone),
            (500, Some("InternalFailure"), Unknown),
            (503, None, Unknown),
            (400, Some("RequestTimeout"), Unknown),
            (400, Some("AccessDeniedException"), Refused),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), Refused),
            (400, Some("ValidationException"), Refused),
            (404, None, Refused),
        ] {
            assert_eq!(classify(status, code), outcome, "{status} {code:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_reached_may_be_later_and_what_is_not_configured_will_not() {
        use std::{error::Error as _, time::Duration};

        use ports::{Queue, SendMessage as _};

        use crate::{AwsEnv, SqsQueues, connect};

        // Bound and kept, but nobody listens there.
        let unheard = tokio::net::TcpSocket::new_v4().unwrap();
        unheard.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = unheard.local_addr().unwrap();
        let env = AwsEnv::read(|name| match name {
            "AWS_ENDPOINT_URL" => Some(format!("http://{closed}")),
            "AWS_CA_BUNDLE" | "AWS_SESSION_TOKEN" => None,
            _ => Some("hunter2".to_owned()),
        });
        let url = format!("http://{closed}/000000000000/investigate");
        let queues = SqsQueues::new(connect(&env.unwrap()).unwrap().sqs(), [(Queue::Investigate, url)]);
        let error = queues.send(Queue::Investigate, "{}", "group", Duration::ZERO).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.source().unwrap().to_string(), "AWS could not be reached");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        let error = queues.send(Queue::Deliver, "{}", "group", Duration::ZERO).await.unwrap_err();
        assert!(!error.is_transient());
    }
}
