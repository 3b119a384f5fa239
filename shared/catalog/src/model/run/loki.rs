//! `loki`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, PromqlRange, Slot, five_seconds};
use crate::model::Span;

/// Which lines of a window are given where there are more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LokiDirection {
    /// The newest, the newest of them first.
    #[default]
    Backward,
    /// The oldest, the oldest of them first.
    Forward,
}

/// One LogQL query of the Loki HTTP API. `result`: of a log query `lines`, each `at`, `line`, `labels`; `lines_total` (how
/// many came), `limited` (whether as many came as were asked for, so that there may be more); `streams`, each `labels` and
/// `count`; `streams_total`. Of a metric query `series`, `series_total`, `value` and `special` as `promql` has them. Both
/// have all of these, and `warnings`, `notes` (texts) and `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LokiRun<T> {
    /// The server's base URL, without `/loki/api/v1`.
    pub url: T,
    /// The query, in LogQL.
    pub query: T,
    /// The window; a log query needs one. Default: an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PromqlRange>,
    /// How many lines at most, up to 1000. Default: 100.
    #[serde(default = "hundred")]
    pub limit: u32,
    /// Which lines where there are more. Default: the newest.
    #[serde(default)]
    pub direction: LokiDirection,
    /// The tenant, which is sent as `X-Scope-OrgID`, written out. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How it proves itself; default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn hundred() -> u32 {
    100
}

impl<T> LokiRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<LokiRun<U>, E> {
        Ok(LokiRun {
            url: change(Slot::Url, &self.url)?,
            query: change(Slot::LogQl, &self.query)?,
            range: self.range.clone(),
            limit: self.limit,
            direction: self.direction,
            tenant: self.tenant.clone(),
            auth: self.auth.clone(),
            timeout: self.timeout,
        })
    }
}
