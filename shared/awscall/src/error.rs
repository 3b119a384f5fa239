//! What went wrong, read from the answer of any of the protocols.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{AwsRequest, xml};

/// Why a call gave no answer that can be used. Nothing in it is secret: AWS's messages name principals, actions and
/// resources.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    /// The caller may not do this.
    #[error("not allowed to {action}: {message}")]
    Denied {
        /// The action as policies name it, such as `logs:StartQuery`.
        action: String,
        /// What AWS said.
        message: String,
    },
    /// The credentials are over.
    #[error("the AWS credentials have expired: {message}")]
    Expired {
        /// What AWS said.
        message: String,
    },
    /// The credentials are not known, or their secret is wrong.
    #[error("the AWS credentials were not accepted: {code}: {message}")]
    BadKeys {
        /// AWS's code.
        code: String,
        /// What AWS said.
        message: String,
    },
    /// There are no credentials.
    #[error("there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoCredentials,
    /// Still throttled when the time was up.
    #[error("AWS throttled the call, {attempts} times: {code}")]
    Throttled {
        /// AWS's code.
        code: String,
        /// What AWS said, or nothing.
        message: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// There is no such thing.
    #[error("{}", both(code, message))]
    NotFound {
        /// AWS's code.
        code: String,
        /// What AWS said.
        message: String,
    },
    /// AWS does not take the request as it is.
    #[error("{}", refused(code, message, *status))]
    Refused {
        /// AWS's code.
        code: String,
        /// What AWS said.
        message: String,
        /// The status.
        status: u16,
    },
    /// AWS failed, and failed again when it was tried again.
    #[error("AWS answered {status}, {attempts} times: {}", both(code, message))]
    Failed {
        /// AWS's code, or nothing.
        code: String,
        /// What AWS said, or nothing.
        message: String,
        /// The status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// No connection, or one that broke.
    #[error("{reason}")]
    Unreachable {
        /// What happened.
        reason: String,
        /// Whether the request may have arrived.
        is_sent: bool,
    },
    /// The time was up.
    #[error("{host} did not answer within {within:?}")]
    TimedOut {
        /// Who was asked.
        host: String,
        /// How long the call had.
        within: Duration,
    },
    /// The answer is longer than is read.
    #[error("the answer is longer than {cap} bytes: ask for less")]
    TooLarge {
        /// The most that is read.
        cap: usize,
    },
    /// The answer is not what the protocol says.
    #[error("the answer cannot be read: {what}")]
    NotUnderstood {
        /// What is wrong with it.
        what: String,
    },
    /// Such a service or region cannot be.
    #[error("no host can be made of service `{service}` and region `{region}`")]
    NoSuchPlace {
        /// The service.
        service: String,
        /// The region.
        region: String,
    },
    /// The request itself cannot be made.
    #[error("the request cannot be made: {why}")]
    BadRequest {
        /// Why.
        why: String,
    },
    /// The role could not be taken.
    #[error("the role {arn} could not be taken")]
    Role {
        /// Its ARN.
        arn: String,
        /// Why.
        #[source]
        source: Box<AwsError>,
    },
}

/// What AWS said, as far as it said something.
fn both(code: &str, message: &str) -> String {
    match (code.is_empty(), message.is_empty()) {
        (true, true) => "without a reason".to_owned(),
        (true, false) => message.to_owned(),
        (false, true) => code.to_owned(),
        (false, false) => format!("{code}: {message}"),
    }
}

/// The same with the status, unless that is all that is known.
fn refused(code: &str, message: &str, status: u16) -> String {
    let said = both(code, message);
    if code.starts_with("status ") { said } else { format!("{said} (status {status})") }
}

/// What an answer with an error status says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The most of a message that is kept, in characters; some carry an encoded one of kilobytes.
const MAX_MESSAGE: usize = 600;

/// smithy-rs's list (`aws-runtime`, `retries/classifiers.rs`): codes that mean "later".
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];
const BAD_KEYS: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "AuthFailure",
    "InvalidAccessKeyId",
];
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "NotAuthorizedException",
    "UnauthorizedOperation",
    "UnauthorizedException",
    "UnauthorizedAccess",
    "ForbiddenException",
];

impl Said {
    /// Reads the code and the message of an error in any of the protocols: `x-amzn-errortype` or `__type` or `code`
    /// with `message`; `<Error>` with `<Code>` and `<Message>`, wherever it stands.
    pub(crate) fn read(headers: &HeaderMap, bytes: &[u8]) -> Self {
        let text = |value: &Value, names: &[&str]| {
            names.iter().find_map(|name| value.get(*name)?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let said = match serde_json::from_slice::<Value>(bytes) {
            Ok(body) => {
                let code = if header.is_empty() { text(&body, &["__type", "code", "Code"]) } else { header.to_owned() };
                Self { code, message: text(&body, &["message", "Message", "errorMessage"]) }
            }
            Err(_) => match xml::read(bytes) {
                Ok(answer) => {
                    let errors = answer.body.get("Errors").unwrap_or(&answer.body);
                    let error = errors.get("Error").unwrap_or(errors);
                    let error = error.get(0).unwrap_or(error);
                    Self { code: text(error, &["Code"]), message: text(error, &["Message", "message"]) }
                }
                Err(_) => Self { code: header.to_owned(), message: String::new() },
            },
        };
        // `com.amazon.coral.service#AccessDeniedException`, `AccessDeniedException:http://internal.amazon.com/...`.
        let code = said.code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let message = if said.message.chars().count() > MAX_MESSAGE {
            said.message.chars().take(MAX_MESSAGE).chain("...".chars()).collect()
        } else {
            said.message
        };
        Self { code: code.trim().chars().take(100).collect(), message }
    }

    /// What is to be done about it.
    pub(crate) fn judge(self, status: u16, request: &AwsRequest<'_>) -> Judged {
        let is = |codes: &[&str]| codes.contains(&self.code.as_str());
        if is(THROTTLED) || status == 429 {
            let code = if self.code.is_empty() { "429".to_owned() } else { self.code };
            Judged::Throttled(Said { code, message: self.message })
        } else if is(EXPIRED) {
            Judged::Final(AwsError::Expired { message: self.message })
        } else if is(BAD_KEYS) {
            Judged::Final(AwsError::BadKeys { code: self.code, message: self.message })
        } else if is(DENIED) || (status == 403 && self.message.contains("not authorized to perform")) {
            let action = denied_action(&self.message).unwrap_or_else(|| request.action());
            Judged::Final(AwsError::Denied { action, message: self.message })
        } else if status >= 500 || is(&["RequestTimeout", "RequestTimeoutException"]) {
            Judged::Failed(self, status)
        } else if status == 404
            || ["NotFound", "NoSuch", "NonExistent", "DoesNotExist"].iter().any(|part| self.code.contains(part))
        {
            Judged::Final(AwsError::NotFound { code: or_status(self.code, status), message: self.message })
        } else if status == 403 && self.code.is_empty() {
            Judged::Final(AwsError::Denied { action: request.action(), message: "status 403".to_owned() })
        } else {
            Judged::Final(AwsError::Refused { code: or_status(self.code, status), message: self.message, status })
        }
    }
}

fn or_status(code: String, status: u16) -> String {
    if code.is_empty() { format!("status {status}") } else { code }
}

/// What an answer means for the call.
pub(crate) enum Judged {
    /// Later.
    Throttled(Said),
    /// The server failed; it may not the next time.
    Failed(Said, u16),
    /// It would be the same again.
    Final(AwsError),
}

/// The action in AWS's own words: `User: arn:... is not authorized to perform: logs:StartQuery on resource: ...`.
fn denied_action(message: &str) -> Option<String> {
    let (_, after) = message.split_once("not authorized to perform")?;
    let word = after.trim_start_matches([':', ' ']).split([' ', ',']).next()?.trim_end_matches('.');
    let (service, action) = word.split_once(':')?;
    let fits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (fits(service) && fits(action)).then(|| word.to_owned())
}
