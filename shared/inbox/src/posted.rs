use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::Endpoint;

/// Which of the providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Service {
    Slack,
    #[serde(rename = "slack-webhook")]
    SlackWebhook,
    PagerDuty,
    Opsgenie,
    Jsm,
    Jira,
    ServiceNow,
    GitHub,
    Teams,
    #[serde(rename = "e-mail")]
    Email,
    Webhook,
}

/// What a post was before an edit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edit {
    /// When it was edited.
    pub at: Timestamp,
    /// The whole body of the edit.
    pub body: Value,
}

/// One thing that was posted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Posted {
    /// Where.
    pub service: Service,
    /// The Slack channel's name, the id of the incident, alert or ticket, the webhook's name or the URL that it was meant
    /// for, the addresses of a mail.
    pub place: String,
    /// The provider's id: `channel/ts`, the note's id, the `webhook-id`.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The headers of a webhook, in lower case; empty elsewhere.
    pub headers: BTreeMap<String, String>,
    /// The body as it was posted first. A webhook's is a string when it is not JSON.
    pub body: Value,
    /// A webhook's body as it came; empty elsewhere. Signatures are over this.
    pub raw: String,
    /// What it became, oldest first.
    pub edits: Vec<Edit>,
    /// Whether a person deleted it.
    pub deleted: bool,
    /// The one person who sees it, where nobody else does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_for: Option<String>,
}

impl Posted {
    /// The body as it stands now.
    #[must_use]
    pub fn current(&self) -> &Value {
        self.edits.last().map_or(&self.body, |edit| &edit.body)
    }
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It is here; nothing was done.
    Arrived,
    /// What it asks for was done; nothing was answered.
    Accepted,
}

/// A request, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// What it asks for.
    pub endpoint: Endpoint,
    /// How far it has come.
    pub moment: Moment,
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, without `?`.
    pub query: String,
    /// Its headers, in lower case, without what authorizes it.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}
