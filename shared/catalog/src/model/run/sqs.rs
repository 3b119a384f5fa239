//! `sqs`.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, ten_seconds};
use crate::model::Span;

/// One queue, and its dead letters. `result`: `visible`, `in_flight`, `delayed`; `oldest_seconds` (the age of its oldest message
/// by CloudWatch, or null), `retention_seconds`, `visibility_seconds`, `max_receives` (null without a redrive policy),
/// `dead_letters` (null, or `name`, `visible`, `in_flight`, `delayed`), `arn`, `notes` (texts), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqsRun<T> {
    /// The queue's name.
    pub queue: T,
    /// The Account to ask; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The region; default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long to wait; default 10 s, at most 30 s.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

impl<T> SqsRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<SqsRun<U>, E> {
        Ok(SqsRun {
            queue: change(Slot::Text, &self.queue)?,
            account: self.account.clone(),
            region: self.region.clone(),
            timeout: self.timeout,
        })
    }

    pub(super) fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
