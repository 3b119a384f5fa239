//! How the setup of a target stands, by requests that only read: `firstlook doctor` shows it. What may be done only shows when
//! it is done, and where nothing less shows it, the check says so.

pub(crate) mod email;
pub(crate) mod github;
pub(crate) mod hook;
pub(crate) mod jira;
pub(crate) mod opsgenie;
pub(crate) mod pagerduty;
pub(crate) mod servicenow;
pub(crate) mod slack;
pub(crate) mod webhook;

use http::StatusCode;
use ports::SetupCheck;
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

use crate::{
    OutletError,
    http::{Answer, Http, Lost},
    keyed::Keyed,
};

/// Why something could not be read.
pub(crate) enum Unread {
    /// Somebody must mend it: how.
    Mend(String),
    /// Nobody answers there.
    Unreachable(String),
    /// Not now.
    Later(String),
}

impl Unread {
    /// The check of `what`, which was asked about.
    pub fn about(self, what: &str) -> SetupCheck {
        match self {
            Self::Mend(advice) => SetupCheck::mend(what, advice),
            Self::Unreachable(why) => SetupCheck::unreachable(what, why),
            Self::Later(why) => SetupCheck::cannot_tell(format!("{what}: {why}")),
        }
    }
}

impl From<Lost> for Unread {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Refused(reason) => Self::Mend(reason),
            Lost::NotSent(reason) => Self::Unreachable(reason),
            Lost::MaybeDone(reason) => Self::Later(reason),
        }
    }
}

impl From<OutletError> for Unread {
    fn from(error: OutletError) -> Self {
        match error {
            OutletError::Permanent { reason } => Self::Mend(reason),
            other => Self::Later(other.to_string()),
        }
    }
}

/// An answer that is the provider's word: a success, or what it refuses. `said` is that for people.
pub(crate) struct Read {
    pub answer: Answer,
    pub said: String,
}

impl Read {
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The body of a success; else what `mend` makes of the refusal.
    pub fn or(self, mend: impl FnOnce(StatusCode) -> String) -> Result<Value, Unread> {
        if self.answer.status.is_success() {
            return Ok(self.answer.json());
        }
        Err(Unread::Mend(format!("{}: {}", self.said, mend(self.answer.status))))
    }
}

/// Asks `who` with the key of `api`. `words` finds in the body what it says of an error.
pub(crate) async fn read(
    api: &Keyed,
    who: &str,
    url: &Url,
    words: &[&str],
    request: impl Fn(&Http, &domain::Secret) -> Result<RequestBuilder, OutletError>,
) -> Result<Read, Unread> {
    let answer = api.read(url, request).await?;
    let body = answer.json();
    let words: Vec<Option<&Value>> = words.iter().map(|pointer| body.pointer(pointer)).collect();
    let said = answer.said(who, &words);
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Err(Unread::Later(format!("{who} asks to wait"))),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Err(Unread::Later(said)),
        status if status.is_redirection() => {
            Err(Unread::Mend(format!("{said}, and redirects are not followed: the API is not at this address")))
        }
        _ => Ok(Read { answer, said }),
    }
}

/// The text at `pointer`.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `key` is the key of a ticket and not what an alert has yet to say.
pub(crate) fn literal_ticket(key: &str, kind: domain::TicketKind) -> Option<&str> {
    Some(key.trim()).filter(|key| kind.is_key(key))
}
