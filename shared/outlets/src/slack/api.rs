//! The Web API's manners: 200 for almost everything, `ok` for what it means, codes for what is wrong.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

use super::{Slack, TOKEN_KEY};
use crate::{
    OutletError,
    http::{Answer, Http, Lost, newer_secret, secret_header},
    setup::Unread,
};

/// How long to wait when Slack does not say: its limits are counted by the minute.
const WAIT: Duration = Duration::from_secs(30);

/// What Slack did not do.
pub(crate) struct Refusal {
    /// Slack's code; empty where there is none.
    pub code: String,
    /// The scope that the token lacks, with `missing_scope`.
    pub needed: String,
    kind: Kind,
}

enum Kind {
    /// `ok: false`.
    Said,
    /// An HTTP status that is not Slack's way of saying no, and how long it asks to wait.
    Status(StatusCode, Option<Duration>),
    /// 429.
    Limited(Option<Duration>),
    /// No whole answer.
    Lost(Lost),
    /// An answer that is not the API's.
    Unreadable,
    /// The secret could not be read again, or holds no token.
    Secret(OutletError),
}

impl Refusal {
    fn of(kind: Kind) -> Self {
        Self { code: String::new(), needed: String::new(), kind }
    }
}

impl Slack {
    /// Calls a method that only reads.
    pub(crate) async fn read(
        &self,
        method: &'static str,
        arguments: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let given: Vec<_> = arguments.iter().filter(|(_, value)| !value.is_empty()).collect();
        self.call(method, |http, url| http.get(url).query(&given), now).await
    }

    /// Calls a method; with a newer token if there is one and the first is no longer taken, which Slack says before it
    /// does anything.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        request: impl Fn(&Http, &Url) -> RequestBuilder,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        self.call_whole(method, request, now).await.map(|(body, _)| body)
    }

    /// The same, with the headers of the answer.
    pub(crate) async fn call_whole(
        &self,
        method: &'static str,
        request: impl Fn(&Http, &Url) -> RequestBuilder,
        now: Timestamp,
    ) -> Result<(Value, HeaderMap), Refusal> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(method);
        }
        let send = async |token: &domain::Secret| {
            let bearer = secret_header(TOKEN_KEY, format!("Bearer {}", token.expose()));
            let bearer = bearer.map_err(|error| Refusal::of(Kind::Secret(error)))?;
            let request = request(&self.http, &url).header(header::AUTHORIZATION, bearer);
            let answer = self.http.send(request, &url).await.map_err(|lost| Refusal::of(Kind::Lost(lost)))?;
            understand(&answer, now).map(|body| (body, answer.headers))
        };
        match send(&self.token).await {
            Err(refused) if is_about_the_token(&refused.code) => {
                match newer_secret(self.secrets.as_ref(), TOKEN_KEY, &self.token).await {
                    Ok(Some(newer)) => send(&newer).await,
                    Ok(None) => Err(refused),
                    Err(unread) => Err(Refusal::of(Kind::Secret(unread))),
                }
            }
            done => done,
        }
    }

    /// What follows from a refusal. `once` when doing it twice would show.
    pub(crate) fn explain(&self, method: &str, refused: Refusal, once: bool) -> OutletError {
        let maybe_done = |reason: String| OutletError::passing(reason, once, None);
        match refused.kind {
            Kind::Said if is_passing(&refused.code) => maybe_done(format!("Slack's {method} says `{}`", refused.code)),
            Kind::Said if refused.code == "message_not_found" => {
                OutletError::Deleted { reason: format!("Slack's {method} says `{}`: it was deleted", refused.code) }
            }
            Kind::Said => OutletError::permanent(format!(
                "Slack's {method} says `{}`: {}",
                refused.code,
                self.mend(&refused.code, &refused.needed)
            )),
            Kind::Limited(wait) => {
                OutletError::Limited { reason: format!("Slack's {method} asks to wait"), wait: wait.unwrap_or(WAIT) }
            }
            Kind::Status(status, wait) if status.is_server_error() => {
                OutletError::passing(format!("Slack's {method} answers {status}"), once, wait)
            }
            Kind::Status(status, _) => OutletError::permanent(format!(
                "Slack's {method} answers {status}, as the API never does: look at FIRSTLOOK_SLACK_API"
            )),
            Kind::Unreadable => maybe_done(format!("Slack's {method} answers something that is not JSON")),
            Kind::Lost(lost) if once => lost.once(),
            Kind::Lost(lost) => lost.repeatable(),
            Kind::Secret(error) => error,
        }
    }

    /// The same, for who only looks.
    pub(crate) fn unread(&self, method: &str, refused: Refusal) -> Unread {
        match refused.kind {
            Kind::Lost(lost) => Unread::from(lost),
            _ => Unread::from(self.explain(method, refused, false)),
        }
    }

    fn mend(&self, code: &str, needed: &str) -> String {
        let channel = &self.spec.channel;
        match code {
            "channel_not_found" => format!(
                "there is no channel `{channel}` that the bot can see; name it by its id, or invite the bot to it"
            ),
            "not_in_channel" => format!("invite the bot to `{channel}`"),
            "is_archived" => format!("`{channel}` is archived"),
            "missing_scope" if !needed.is_empty() => format!("give the app the scope `{needed}` and install it again"),
            "missing_scope" => "give the app the scopes of docs/outlets.md and install it again".to_owned(),
            "cant_update_message" | "edit_window_closed" => {
                "the message can no longer be edited; the run's page has everything".to_owned()
            }
            code if is_about_the_token(code) => {
                format!("put a valid bot token (`xoxb-...`) under `{TOKEN_KEY}` in the secret")
            }
            "restricted_action" | "ekm_access_denied" | "access_denied" | "no_permission" => {
                format!("the workspace does not allow the bot to post into `{channel}`")
            }
            _ => "docs.slack.dev/reference/methods says what that means".to_owned(),
        }
    }
}

fn understand(answer: &Answer, now: Timestamp) -> Result<Value, Refusal> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Refusal::of(Kind::Limited(answer.retry_after(now))));
    }
    if answer.status != StatusCode::OK {
        return Err(Refusal::of(Kind::Status(answer.status, answer.retry_after(now))));
    }
    let body = answer.json();
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    match body.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(body),
        // `chat.postMessage` has both words for it.
        Some(false) if matches!(text("error").as_str(), "ratelimited" | "rate_limited") => {
            Err(Refusal::of(Kind::Limited(answer.retry_after(now))))
        }
        Some(false) => Err(Refusal { code: text("error"), needed: text("needed"), kind: Kind::Said }),
        None => Err(Refusal::of(Kind::Unreadable)),
    }
}

/// The cursor of the next page; absent on the last.
pub(crate) fn next_cursor(page: &Value) -> Option<String> {
    let cursor = page.pointer("/response_metadata/next_cursor")?.as_str()?;
    (!cursor.is_empty()).then(|| cursor.to_owned())
}

fn is_about_the_token(code: &str) -> bool {
    matches!(code, "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive")
}

/// What Slack itself could not do. A part of it may be done, as its documentation says of `fatal_error`.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout"
            | "team_added_to_org"
            | "update_failed"
            | "external_channel_migrating"
    )
}
