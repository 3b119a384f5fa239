//! What DynamoDB says when it does not write, as the port's errors.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, CancellationReason},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use firstlook_aws::AwsError;
use ports::{Item, PortError, Refusal, TableError};

use crate::value::to_item;

type Attributes = HashMap<String, AttributeValue>;

/// Why a write was not done, or may not have been.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Conditions did not hold.
    Refused(Vec<Refusal>),
    /// Somebody else's transaction has the item.
    Contended,
    /// The call failed.
    Call(AwsError),
    /// The answer says more than a code.
    Port(PortError),
}

impl Failed {
    pub(crate) fn into_table(self, doing: &str) -> TableError {
        match self {
            Self::Refused(refusals) => TableError::Refused(refusals),
            Self::Contended => TableError::Contended,
            Self::Call(error) => error.into_port(doing).into(),
            Self::Port(error) => error.into(),
        }
    }
}

impl From<SdkError<PutItemError, HttpResponse>> for Failed {
    fn from(error: SdkError<PutItemError, HttpResponse>) -> Self {
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => refused(refusal.item.clone()),
            _ => other(error),
        }
    }
}

impl From<SdkError<UpdateItemError, HttpResponse>> for Failed {
    fn from(error: SdkError<UpdateItemError, HttpResponse>) -> Self {
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => refused(refusal.item.clone()),
            _ => other(error),
        }
    }
}

impl From<SdkError<TransactWriteItemsError, HttpResponse>> for Failed {
    fn from(error: SdkError<TransactWriteItemsError, HttpResponse>) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancel)) => {
                cancelled(cancel.cancellation_reasons())
            }
            _ => other(error),
        }
    }
}

fn refused(item: Option<Attributes>) -> Failed {
    match found(item) {
        Ok(found) => Failed::Refused(vec![Refusal { part: 0, found }]),
        Err(error) => Failed::Port(error),
    }
}

fn other<E>(error: SdkError<E, HttpResponse>) -> Failed
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let error = AwsError::from(error);
    match error.code() {
        Some(
            "TransactionConflictException" | "TransactionInProgressException" | "ReplicatedWriteConflictException",
        ) => Failed::Contended,
        _ => Failed::Call(error),
    }
}

/// The item that stood there instead. Where there was nothing, DynamoDB gives none, or an empty one.
fn found(item: Option<Attributes>) -> Result<Option<Item>, PortError> {
    item.filter(|item| !item.is_empty())
        .map(to_item)
        .transpose()
        .map_err(|error| PortError::permanent("read the item that stood there", error))
}

/// One answer from the reasons of all parts. What is wrong with the request counts most, since it will not go away;
/// then conditions, which did not hold whatever else was in the way; then conflicts, then throttling.
fn cancelled(reasons: &[CancellationReason]) -> Failed {
    let doing = "write to the table";
    let mut refusals = Vec::new();
    let mut conflict = false;
    for (part, reason) in reasons.iter().enumerate() {
        match reason.code().unwrap_or("None") {
            "None" | "ProvisionedThroughputExceeded" | "ThrottlingError" => {}
            "ConditionalCheckFailed" => match found(reason.item.clone()) {
                Ok(found) => refusals.push(Refusal { part, found }),
                Err(error) => return Failed::Port(error),
            },
            "TransactionConflict" => conflict = true,
            code => {
                let why = format!("part {part} of the transaction: {code}: {}", reason.message().unwrap_or_default());
                return Failed::Port(PortError::permanent(doing, why));
            }
        }
    }
    if !refusals.is_empty() {
        return Failed::Refused(refusals);
    }
    if conflict {
        return Failed::Contended;
    }
    Failed::Port(PortError::transient(doing, "the transaction was cancelled by throttling"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn a_condition_counts_more_than_a_conflict_and_a_mistake_more_than_both() {
        let condition = || reason("ConditionalCheckFailed");
        match cancelled(&[reason("None"), condition(), reason("TransactionConflict")]) {
            Failed::Refused(refusals) => assert_eq!(refusals, [Refusal { part: 1, found: None }]),
            other => panic!("{other:?}"),
        }
        assert!(matches!(cancelled(&[reason("TransactionConflict"), reason("None")]), Failed::Contended));
        match cancelled(&[condition(), reason("ValidationError")]) {
            Failed::Port(error) => assert!(!error.is_transient()),
            other => panic!("{other:?}"),
        }
        match cancelled(&[reason("ThrottlingError"), reason("None")]) {
            Failed::Port(error) => assert!(error.is_transient()),
            other => panic!("{other:?}"),
        }
    }
}
