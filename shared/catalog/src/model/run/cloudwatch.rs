//! `cloudwatch-metrics` and `cloudwatch-alarms`.

use std::{collections::BTreeMap, time::Duration};

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, nothing, ten_seconds};
use crate::model::Span;

/// One metric over a window, beside the same window before, a day earlier and a week earlier. `result`: `now`, `before`,
/// `day_ago`, `week_ago`, each with `average`, `max`, `min`, `sum`, `last` (null without data) and `points` (how many);
/// `ratio_before`, `ratio_day`, `ratio_week` (the average of now over theirs, or null); `values` of now ([seconds, value]);
/// `missing` (no data in the window), `period` (seconds), `notes` (texts), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudwatchMetricsRun<T> {
    /// The namespace, such as `AWS/SQS`.
    pub namespace: T,
    /// The metric's name.
    pub metric: T,
    /// Its dimensions: all that it has, since CloudWatch finds no metric by some of them.
    #[serde(default = "no_dimensions::<T>", skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, T>,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p99`. Default: Average.
    #[serde(default = "average")]
    pub statistic: String,
    /// How long the window is; default 1 h, at most 24 h.
    #[serde(default = "one_hour")]
    pub last: Span,
    /// When the window ends, as RFC 3339; default: now.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub at: Option<T>,
    /// The length of a point, whole minutes; default: what gives at most 60 points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Span>,
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

fn no_dimensions<T>() -> BTreeMap<String, T> {
    BTreeMap::new()
}

fn average() -> String {
    "Average".to_owned()
}

fn one_hour() -> Span {
    Span(Duration::from_secs(3600))
}

fn one_day() -> Span {
    Span(Duration::from_secs(24 * 3600))
}

impl<T> CloudwatchMetricsRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<CloudwatchMetricsRun<U>, E> {
        Ok(CloudwatchMetricsRun {
            namespace: change(Slot::Text, &self.namespace)?,
            metric: change(Slot::Text, &self.metric)?,
            dimensions: self
                .dimensions
                .iter()
                .map(|(name, value)| Ok((name.clone(), change(Slot::Text, value)?)))
                .collect::<Result<_, E>>()?,
            statistic: self.statistic.clone(),
            last: self.last,
            at: self.at.as_ref().map(|at| change(Slot::Text, at)).transpose()?,
            period: self.period,
            account: self.account.clone(),
            region: self.region.clone(),
            timeout: self.timeout,
        })
    }

    pub(super) fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}

/// Alarms as they stand, and how they changed. `result`: `alarms`, a list of `name`, `state`, `reason`, `since`, `what`
/// (metric and threshold, or a composite's rule), `actions` (whether its actions are on); `alarms_total`; `alarming` (how
/// many are in ALARM); `changes`, newest first, of `name`, `at`, `from`, `to`, `summary`; `notes` (texts), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudwatchAlarmsRun<T> {
    /// The name of one alarm. This or `prefix`.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub name: Option<T>,
    /// What the alarms' names begin with.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub prefix: Option<T>,
    /// How far back the changes go; default 24 h, at most 30 days.
    #[serde(default = "one_day")]
    pub last: Span,
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

impl<T> CloudwatchAlarmsRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<CloudwatchAlarmsRun<U>, E> {
        Ok(CloudwatchAlarmsRun {
            name: self.name.as_ref().map(|name| change(Slot::Text, name)).transpose()?,
            prefix: self.prefix.as_ref().map(|prefix| change(Slot::Text, prefix)).transpose()?,
            last: self.last,
            account: self.account.clone(),
            region: self.region.clone(),
            timeout: self.timeout,
        })
    }

    pub(super) fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
