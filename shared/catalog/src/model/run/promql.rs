//! `promql`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, Slot, five_seconds};
use crate::model::Span;

/// The window of a range query: from `last` ago until now, a point each `step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromqlRange {
    /// How far back.
    pub last: Span,
    /// A point each; default 30 s.
    #[serde(default = "thirty_seconds")]
    pub step: Span,
}

fn thirty_seconds() -> Span {
    Span(std::time::Duration::from_secs(30))
}

/// One query of the Prometheus HTTP API. `result`: `series`, a list of `labels` with `value` (the newest, or null) and,
/// for a range, `first`, `min`, `max`, `points` ([seconds, value]); `series_total` (how many there are, where the list is
/// cut); `value`, the newest of the first series or null; `special` (`NaN`, `+Inf`, ... where that is why a value is
/// null, else empty; each series has its own); `warnings`, `notes` (texts); `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromqlRun<T> {
    /// The server's base URL, without `/api/v1`.
    pub url: T,
    /// The query.
    pub query: T,
    /// A range instead of an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PromqlRange>,
    /// How it proves itself; default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

impl<T> PromqlRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<PromqlRun<U>, E> {
        Ok(PromqlRun {
            url: change(Slot::Url, &self.url)?,
            query: change(Slot::Query, &self.query)?,
            range: self.range.clone(),
            auth: self.auth.clone(),
            timeout: self.timeout,
        })
    }
}
