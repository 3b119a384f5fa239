//! `lambda-health` and `lambda`.

use std::collections::BTreeMap;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, nothing, ten_seconds};
use crate::model::Span;

/// How a Lambda function fares. `result`: `version`, `state`, `state_reason`, `last_update`, `last_update_reason`,
/// `runtime`, `timeout_s`, `memory_mb`, `modified_at`; `reserved_concurrency` (or null) and `blocked` (it is 0);
/// `invocations`, `errors`, `throttles`, `dead_letter_errors`, `duration_avg_ms`, `duration_max_ms`, `concurrency_max`,
/// each with `now` and `before` (null where nothing was measured); `error_rate`, `error_rate_before` (0 to 1, or null);
/// `mappings` (each `source`, `state`, `last_result`, `failing`), `mappings_failing`, `notes`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LambdaHealthRun<T> {
    /// The function's name.
    pub function: T,
    /// A version or an alias; default: the function as a whole.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<T>,
    /// The window, held against the same before it; default 15 m, at most 24 h.
    #[serde(default = "fifteen_minutes")]
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

fn fifteen_minutes() -> Span {
    Span(std::time::Duration::from_secs(15 * 60))
}

impl<T> LambdaHealthRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<LambdaHealthRun<U>, E> {
        Ok(LambdaHealthRun {
            function: change(Slot::Text, &self.function)?,
            qualifier: self.qualifier.as_ref().map(|qualifier| change(Slot::Text, qualifier)).transpose()?,
            last: self.last,
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

/// A call of the team's own Lambda function, which gets a [`LambdaEvent`] and gives a [`LambdaAnswer`]. `result`: `summary`,
/// `data`, `findings` (worst first, each `severity`, `title`, `expected`, `actual`, `details`, `resource`, `next_steps`),
/// `findings_total`, `worst` (the least severity, or null), `version` (which one answered), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LambdaRun<T> {
    /// The function's name. It is written here and never filled (I8).
    pub function: String,
    /// The function's name once more: whoever writes it says that this function changes nothing. Firstlook cannot know.
    pub read_only: String,
    /// A version or an alias; default: the newest code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    /// What the function is told, as texts.
    #[serde(default = "none::<T>", skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, T>,
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

fn none<T>() -> BTreeMap<String, T> {
    BTreeMap::new()
}

impl<T> LambdaRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<LambdaRun<U>, E> {
        let inputs = self.inputs.iter().map(|(name, value)| Ok((name.clone(), change(Slot::Text, value)?)));
        Ok(LambdaRun {
            function: self.function.clone(),
            read_only: self.read_only.clone(),
            qualifier: self.qualifier.clone(),
            inputs: inputs.collect::<Result<_, E>>()?,
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

/// What a team's function gets from Firstlook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LambdaEvent {
    /// The version of this contract: 1. Keys may be added without another number.
    pub firstlook: u32,
    /// What the Task's `inputs` say, rendered: names and texts, and nothing of the alert beside them.
    pub inputs: BTreeMap<String, String>,
    /// How long the answer is waited for, in milliseconds.
    pub deadline_ms: u64,
}

/// One thing that the function found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LambdaFinding {
    /// How bad it is: 1 critical, 2 major, 3 minor, 4 informational.
    pub severity: domain::Severity,
    /// One line that names the thing and what is wrong with it.
    #[schemars(length(min = 1, max = 300))]
    pub title: String,
    /// What a healthy thing would have shown.
    #[serde(default)]
    pub expected: String,
    /// What was found instead.
    #[serde(default)]
    pub actual: String,
    /// The evidence in words.
    #[serde(default)]
    pub details: String,
    /// The thing.
    #[serde(default)]
    pub resource: String,
    /// What to do next, each a whole sentence.
    #[serde(default)]
    pub next_steps: Vec<String>,
}

/// What a team's function gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LambdaAnswer {
    /// One line: what was looked at, and how it is.
    #[schemars(length(min = 1, max = 500))]
    pub summary: String,
    /// What was found; nothing is healthy. At most 50.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub findings: Vec<LambdaFinding>,
    /// The evidence, of any form; rules read it as `result.data`.
    #[serde(default)]
    pub data: serde_json::Value,
}
