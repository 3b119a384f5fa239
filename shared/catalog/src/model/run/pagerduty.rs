//! `pagerduty`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Slot, five_seconds, nothing};
use crate::model::Span;

/// What PagerDuty knows of an incident. `result`: `incident` (`id`, `number`, `title`, `status`, `urgency`, `priority`,
/// `service`, `service_id`, `created_at`, `url`); `alerts`, each `id`, `summary`, `severity`, `status`, `created_at`,
/// `key`, `source`, `details` (the sender's own, any); `alerts_total`; `recent`, the incidents of the same service before it,
/// each `id`, `number`, `title`, `status`, `urgency`, `created_at`, `url`, `same_title`; `recent_total`, `repeats` (how
/// many have the same title); `changes`, each `summary`, `source`, `at`, `url`, `reason`; `changes_total`; `notes` (texts);
/// `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerdutyRun<T> {
    /// The incident's id.
    pub incident: T,
    /// The key of a read-only API key.
    pub secret: String,
    /// The API's base URL. Default: `https://api.pagerduty.com`; in the EU `https://api.eu.pagerduty.com`.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub url: Option<T>,
    /// How far back incidents of the same service are told, up to 30 days. Default: 168h.
    #[serde(default = "week")]
    pub last: Span,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn week() -> Span {
    Span(std::time::Duration::from_secs(7 * 24 * 3600))
}

impl<T> PagerdutyRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<PagerdutyRun<U>, E> {
        Ok(PagerdutyRun {
            incident: change(Slot::Text, &self.incident)?,
            secret: self.secret.clone(),
            url: self.url.as_ref().map(|url| change(Slot::Url, url)).transpose()?,
            last: self.last,
            timeout: self.timeout,
        })
    }
}
