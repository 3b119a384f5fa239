//! Targets: where a run's state is shown, and how far each of them has come.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Lease;

/// A Slack channel. The bot must be a member of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSpec {
    /// The channel: `#name` or its id (`C...`).
    pub channel: String,
}

/// The PagerDuty incident that the alert came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerDutySpec {
    /// Write an incident note. `true` is the only value that makes sense; it stands there to be read.
    pub note: bool,
    /// The e-mail address of the PagerDuty user in whose name the note is written. The API asks for it with an account's
    /// key; with a user's own key it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A webhook of the team's own, signed by the Standard Webhooks scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// Where to POST to. Only the catalog can name it.
    pub url: String,
    /// The key within the secret that signs it (`whsec_...`).
    pub secret: String,
}

/// The kind of a target and what it needs: one key, the outlet's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutletSpec {
    /// A Slack channel.
    Slack(SlackSpec),
    /// A note on the PagerDuty incident.
    PagerDuty(PagerDutySpec),
    /// A webhook.
    Webhook(WebhookSpec),
}

impl OutletSpec {
    /// The outlet's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::PagerDuty(_) => "pagerduty",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// One target of a run, as the workflow named it when the run was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Its name within the run: the outlet's, with `-2`, `-3` where a workflow names several of one kind.
    pub name: String,
    /// What it is.
    pub outlet: OutletSpec,
}

/// How far a target has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Nothing was sent yet.
    Pending,
    /// A first post was begun. Whoever finds this looks for it before posting again (I4).
    Sending,
    /// What was sent stands there.
    Sent,
    /// It was given up; `last_error` says why. A redrive or later news tries again.
    Failed,
}

/// The recorded state of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What the target is.
    #[serde(flatten)]
    pub spec: TargetSpec,
    /// How far it has come.
    pub state: TargetState,
    /// The revision of the run that stands there; 0 when none does.
    pub revision: u64,
    /// The provider's id of the post (Slack's `channel/ts`, PagerDuty's note id, the last webhook-id).
    #[serde(default)]
    pub provider_id: Option<String>,
    /// Real attempts that failed since the last success. Waiting is not an attempt.
    #[serde(default)]
    pub attempts: u32,
    /// Since when its provider asks to wait, if it did since the last success.
    #[serde(default)]
    pub limited_since: Option<Timestamp>,
    /// Why the last attempt failed, for people.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When the first post was begun.
    #[serde(default)]
    pub sending_since: Option<Timestamp>,
    /// When the target last changed.
    pub updated_at: Timestamp,
    /// Who is working on it.
    #[serde(default)]
    pub lease: Option<Lease>,
}
