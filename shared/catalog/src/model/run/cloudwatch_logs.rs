//! `cloudwatch-logs`.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, nothing};
use crate::model::Span;

/// Which lines are looked at, and what they are held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogPatterns {
    /// Which lines, as a filter pattern of CloudWatch Logs; default: those that speak of errors, exceptions, panics and
    /// timeouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// How long the baseline is, which ends where the window begins; default: as long as the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Span>,
    /// The key of a JSON line that holds its message, with dots into maps, when it is none of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How many patterns to show, at most 50; default 20.
    #[serde(default = "twenty")]
    pub top: u32,
}

/// A query of CloudWatch Logs Insights, or the error patterns of log groups: exactly one of `query` and `patterns`.
/// `result` of a query: `rows` (each a map of its fields), `value` (the first number of the first row, or null), `status`
/// (`Complete`, or `Running` when the time was over), `matched`, `scanned`, `scanned_bytes`, `truncated`, `notes`,
/// `elapsed_ms`. Of patterns: `patterns`, a list of `template`, `count`, `before`, `new`, `ratio` (per time, or null),
/// `first_at`, `sample`; `patterns_total`, `new_total`, `lines`, `lines_before`, `truncated`, `notes`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudwatchLogsRun<T> {
    /// The log groups, by name or ARN; 1 to 20 for a query, 1 to 3 for patterns.
    pub log_groups: Vec<T>,
    /// The window: from so long ago until now; default 15 m.
    #[serde(default = "fifteen_minutes")]
    pub last: Span,
    /// A query of Logs Insights.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub query: Option<T>,
    /// How many rows of a query to show, at most 1000; default 100.
    #[serde(default = "hundred")]
    pub limit: u32,
    /// Error patterns instead of a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patterns: Option<LogPatterns>,
    /// The Account to ask; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The region; default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long to wait; default 20 s, at most 30 s.
    #[serde(default = "twenty_seconds")]
    pub timeout: Span,
}

fn fifteen_minutes() -> Span {
    Span(std::time::Duration::from_secs(15 * 60))
}

fn twenty_seconds() -> Span {
    Span(std::time::Duration::from_secs(20))
}

fn twenty() -> u32 {
    20
}

fn hundred() -> u32 {
    100
}

impl<T> CloudwatchLogsRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<CloudwatchLogsRun<U>, E> {
        Ok(CloudwatchLogsRun {
            log_groups: self.log_groups.iter().map(|group| change(Slot::Text, group)).collect::<Result<_, E>>()?,
            last: self.last,
            query: self.query.as_ref().map(|query| change(Slot::LogsInsights, query)).transpose()?,
            limit: self.limit,
            patterns: self.patterns.clone(),
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
