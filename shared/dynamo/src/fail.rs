//! What DynamoDB says when it does not write, as the port's errors.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::{
        put_item::PutItemError, transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
    types::{AttributeValue, CancellationReason},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use firstlook_aws::AwsError;
use ports::{Item, PortError, Refusal};

use crate::value::to_item;

/// Why a write was not done, or may not have been.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Conditions did not hold.
    Refused(Vec<Refusal>),
    /// Somebody else's transaction has the item.
    Contended,
    /// Everything else.
    Aws(AwsError),
    /// DynamoDB cancelled the transaction for a reason that is no condition.
    Cancelled { code: String, message: String },
    /// An item that stood there cannot be read.
    Unreadable(PortError),
}

/// What a cancelled transaction says about one part.
#[derive(Debug, thiserror::Error)]
#[error("DynamoDB cancelled the transaction: {code}: {message}")]
pub(crate) struct Cancelled {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The item that stood there instead. DynamoDB gives an empty one, or none, where there was nothing.
fn found(item: Option<HashMap<String, AttributeValue>>) -> Result<Option<Item>, Failed> {
    item.filter(|item| !item.is_empty())
        .map(to_item)
        .transpose()
        .map_err(|error| Failed::Unreadable(PortError::permanent("read an item", error)))
}

fn refused(part: usize, item: Option<HashMap<String, AttributeValue>>) -> Failed {
    match found(item) {
        Ok(found) => Failed::Refused(vec![Refusal { part, found }]),
        Err(failed) => failed,
    }
}

impl From<SdkError<PutItemError, HttpResponse>> for Failed {
    fn from(error: SdkError<PutItemError, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(context) if context.err().is_conditional_check_failed_exception() => {
                match context.into_err() {
                    PutItemError::ConditionalCheckFailedException(inner) => refused(0, inner.item),
                    _ => refused(0, None),
                }
            }
            SdkError::ServiceError(ref context) if contended(context.err().meta().code()) => Self::Contended,
            other => Self::Aws(other.into()),
        }
    }
}

impl From<SdkError<UpdateItemError, HttpResponse>> for Failed {
    fn from(error: SdkError<UpdateItemError, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(context) if context.err().is_conditional_check_failed_exception() => {
                match context.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(inner) => refused(0, inner.item),
                    _ => refused(0, None),
                }
            }
            SdkError::ServiceError(ref context) if contended(context.err().meta().code()) => Self::Contended,
            other => Self::Aws(other.into()),
        }
    }
}

impl From<SdkError<TransactWriteItemsError, HttpResponse>> for Failed {
    fn from(error: SdkError<TransactWriteItemsError, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(context) if context.err().is_transaction_canceled_exception() => {
                match context.into_err() {
                    TransactWriteItemsError::TransactionCanceledException(inner) => {
                        cancelled(inner.cancellation_reasons.unwrap_or_default())
                    }
                    _ => cancelled(Vec::new()),
                }
            }
            SdkError::ServiceError(ref context) if contended(context.err().meta().code()) => Self::Contended,
            other => Self::Aws(other.into()),
        }
    }
}

fn contended(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("TransactionConflictException" | "TransactionInProgressException" | "ReplicatedWriteConflictException")
    )
}

/// One answer from the reasons of all parts. What is wrong with the request counts most, since it will not go away; then
/// conditions, which are known not to hold whatever else was in the way; then conflicts.
fn cancelled(reasons: Vec<CancellationReason>) -> Failed {
    let mut refusals = Vec::new();
    let mut conflict = false;
    let mut other: Option<(String, String)> = None;
    for (part, reason) in reasons.into_iter().enumerate() {
        match reason.code.as_deref() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => match found(reason.item) {
                Ok(found) => refusals.push(Refusal { part, found }),
                Err(failed) => return failed,
            },
            Some("TransactionConflict") => conflict = true,
            Some(code) => {
                let why = (code.to_owned(), reason.message.unwrap_or_default());
                if other.is_none() || !is_throttle(&why.0) {
                    other = Some(why);
                }
            }
        }
    }
    match other {
        Some((code, message)) if !is_throttle(&code) => Failed::Cancelled { code, message },
        _ if !refusals.is_empty() => Failed::Refused(refusals),
        _ if conflict => Failed::Contended,
        Some((code, message)) => Failed::Cancelled { code, message },
        None => Failed::Cancelled { code: "TransactionCanceled".into(), message: "without a reason".into() },
    }
}

/// Cancellation codes that say: not now.
pub(crate) fn is_throttle(code: &str) -> bool {
    matches!(code, "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded" | "TransactionCanceled")
}
