//! `cloudtrail`.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, nothing};
use crate::model::Span;

/// What was changed, by CloudTrail's record of the last 90 days. `result`: `changes`, newest first, each `at`, `who`, `what` (the event's
/// name), `service`, `resource`, `resources`, `details` (a few names out of the request, never all of it), `source_ip` (its
/// network), `error` (a code, or empty), `id`; `changes_total`, `failed_total`, `reached` (how far back it was read),
/// `truncated`, `notes`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudtrailRun<T> {
    /// The name of the resource that was changed, as CloudTrail has it: often a name, for some services an ARN.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub resource: Option<T>,
    /// The type of resource, such as `AWS::ECS::Service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The service that recorded it, such as `ecs.amazonaws.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Events to leave out, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// How far back from `at`; default 2 h, at most 90 days.
    #[serde(default = "two_hours")]
    pub last: Span,
    /// The moment that it looks back from, RFC 3339: the alert's start, so that a later look sees the same. Default, and at most: now.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub at: Option<T>,
    /// How many changes to show, at most 200; default 50.
    #[serde(default = "fifty")]
    pub limit: u32,
    /// The Account to ask; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The region; default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long to wait; default 15 s, at most 30 s.
    #[serde(default = "fifteen_seconds")]
    pub timeout: Span,
}

fn two_hours() -> Span {
    Span(std::time::Duration::from_secs(2 * 3600))
}

fn fifty() -> u32 {
    50
}

fn fifteen_seconds() -> Span {
    Span(std::time::Duration::from_secs(15))
}

impl<T> CloudtrailRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<CloudtrailRun<U>, E> {
        Ok(CloudtrailRun {
            resource: self.resource.as_ref().map(|resource| change(Slot::Text, resource)).transpose()?,
            resource_type: self.resource_type.clone(),
            source: self.source.clone(),
            except: self.except.clone(),
            last: self.last,
            at: self.at.as_ref().map(|at| change(Slot::Text, at)).transpose()?,
            limit: self.limit,
            account: self.account.clone(),
            region: self.region.clone(),
            timeout: self.timeout,
        })
    }

    /// Where it asks.
    #[must_use]
    pub fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
