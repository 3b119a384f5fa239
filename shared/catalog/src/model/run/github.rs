//! `github`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Slot, five_seconds, nothing};
use crate::model::Span;

/// What has changed in a GitHub repository. `result`: `repository`, `branch`, `url`; `deployments`, the newest of each
/// environment first, each `id`, `environment`, `ref`, `sha`, `by`, `created_at`, `state`, `state_at`, `description`, `url`;
/// `deployments_total`; `pulls`, merged into the branch within the window, each `number`, `title`, `by`, `merged_at`, `sha`,
/// `url`, `after_green`; `pulls_total`; `failures`, the runs of the branch that failed since their workflow's last success,
/// newest first, each `workflow`, `id`, `sha`, `event`, `title`, `conclusion`, `at`, `url`, `green_at`, `green_sha`, `jobs`
/// (of the newest of a workflow: `name`, `steps`, `url`); `failing` (how many workflows fail); `green_at`; `notes` (texts);
/// `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubRun<T> {
    /// The repository: `owner/name`.
    pub repository: T,
    /// The key of a token that may read it. Default: none, for public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The API's base URL. Default: `https://api.github.com`; of GitHub Enterprise `https://HOST/api/v3`.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub url: Option<T>,
    /// The branch. Default: the repository's own.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub branch: Option<T>,
    /// Only deployments of this environment. Default: all.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub environment: Option<T>,
    /// How far back pull requests and runs are told, up to 30 days. Default: 24h.
    #[serde(default = "day")]
    pub last: Span,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn day() -> Span {
    Span(std::time::Duration::from_secs(24 * 3600))
}

impl<T> GithubRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<GithubRun<U>, E> {
        let mut each = |slot, text: &Option<T>| text.as_ref().map(|text| change(slot, text)).transpose();
        let url = each(Slot::Url, &self.url)?;
        let (branch, environment) = (each(Slot::Text, &self.branch)?, each(Slot::Text, &self.environment)?);
        Ok(GithubRun {
            repository: change(Slot::Text, &self.repository)?,
            secret: self.secret.clone(),
            url,
            branch,
            environment,
            last: self.last,
            timeout: self.timeout,
        })
    }
}
