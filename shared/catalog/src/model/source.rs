use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Case;
use crate::expr::Expression;

/// The types of sender there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// PagerDuty webhooks v3.
    Pagerduty,
    /// Anything else that POSTs JSON; `map` says what its fields mean.
    Webhook,
}

impl SourceType {
    /// The word for it in config and table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pagerduty => "pagerduty",
            Self::Webhook => "webhook",
        }
    }
}

/// How a `webhook` source proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The Standard Webhooks scheme: `webhook-id`, `webhook-timestamp`, `webhook-signature`; key `whsec_...`.
    StandardWebhooks,
    /// Hex HMAC-SHA256 of the raw body in a header, with or without `sha256=` before it.
    HmacSha256,
    /// `Authorization: Bearer <secret>`, or the secret itself in the header that `header` names.
    Bearer,
}

/// How a request of this source is verified. There is no source that is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The key within the secret that holds the sender's signing secret or token.
    pub secret: String,
    /// How; only for `type: webhook`, where it must stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The header that carries the signature or token, where the scheme leaves it open. `hmac-sha256` needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// What the fields of a `webhook` body mean. Each is CEL over `body` (the parsed JSON) and `headers` (lower-case names;
/// only of verified requests).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertMap {
    /// The sender's id of the incident: the same for all its events. A string.
    pub external_id: Expression,
    /// One line that says what fired. A string.
    pub title: Expression,
    /// `triggered`, `acknowledged`, `resolved`, ... A string; default: `triggered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Expression>,
    /// What the sender says beyond the title. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Expression>,
    /// `critical`, `high`, `medium`, `low` or `info`. A string; default: `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Expression>,
    /// The service that is hurt. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Expression>,
    /// Labels. A map of strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Expression>,
    /// A page to look at. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Expression>,
    /// When it began, RFC 3339. A string; default: when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Expression>,
}

/// One configured sender. It posts to `/hooks/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, which is also the last part of its URL.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What sends.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    /// How it is verified.
    pub verify: Verify,
    /// CEL over `body` that names the delivery, where the sender has no id of its own for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Expression>,
    /// What the fields mean; must stand for `type: webhook` and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<AlertMap>,
    /// Cases it must pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Case>,
}
