//! A note on the PagerDuty incident that the alert came from (source: PagerDuty's REST API OpenAPI document). The notes
//! of an incident are all that is ever called (I13).

use std::time::Duration;

use async_trait::async_trait;
use domain::PagerDutySpec;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use ports::SetupCheck;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Answer, Http},
    keyed::Keyed,
    note::Note,
    setup,
};

/// The key of the REST API key in the secret.
pub const API_KEY: &str = "pagerduty-api-key";

/// The note's text. PagerDuty shows no markup and names no limit of length. Its last line is the marker by which it is
/// found again.
#[must_use]
pub fn render(post: &Post<'_>) -> String {
    Note::of(post).text()
}

/// What is sent.
pub(crate) fn body(post: &Post<'_>) -> Value {
    json!({ "note": { "content": render(post) } })
}

/// How long to wait when PagerDuty does not say: its limit is counted by the minute.
const WAIT: Duration = Duration::from_secs(60);

/// PagerDuty.
pub(crate) struct PagerDuty {
    pub api: Keyed,
    pub base: Url,
    pub spec: PagerDutySpec,
}

impl PagerDuty {
    /// The notes of the run's incident. Its id comes from the alert, so it is one segment of letters and digits or nothing
    /// (I8).
    fn notes(&self, post: &Post<'_>) -> Result<Url, OutletError> {
        let Some(alert) = &post.view.run.alert else {
            return Err(OutletError::permanent("the run was not started by an incident, so there is none to note on"));
        };
        let id = alert.external_id.as_str();
        if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(OutletError::permanent(
                "the alert's id is not a PagerDuty incident's: this target is for workflows of a PagerDuty source",
            ));
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(["incidents", id, "notes"]);
            }
            Err(()) => return Err(OutletError::permanent("FIRSTLOOK_PAGERDUTY_API is not an http or https URL")),
        }
        Ok(url)
    }

    async fn send(
        &self,
        url: &Url,
        once: bool,
        request: impl Fn(&Http) -> RequestBuilder,
    ) -> Result<Answer, OutletError> {
        self.api
            .send(url, once, |http, key| {
                let token = self.api.header(format!("Token token={}", key.expose()))?;
                Ok(request(http)
                    .header(header::AUTHORIZATION, token)
                    .header(header::ACCEPT, "application/vnd.pagerduty+json;version=2"))
            })
            .await
    }
}

#[async_trait]
impl Outlet for PagerDuty {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let url = self.notes(post)?;
        let answer = self.send(&url, false, |http| http.get(&url)).await?;
        if !answer.status.is_success() {
            return Err(explain(&answer, false, post.now));
        }
        let body = answer.json();
        let Some(notes) = body.get("notes").and_then(Value::as_array) else {
            return Err(OutletError::transient("PagerDuty lists no notes where it should"));
        };
        let marker = post.marker();
        let is_ours = |note: &&Value| {
            let content = note.get("content").and_then(Value::as_str).unwrap_or_default();
            content.lines().any(|line| line.trim() == marker)
        };
        Ok(notes.iter().find(is_ours).and_then(|note| note.get("id")).and_then(Value::as_str).map(str::to_owned))
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let url = self.notes(post)?;
        let from = match &self.spec.from {
            Some(from) => Some(
                HeaderValue::try_from(from)
                    .map_err(|_| OutletError::permanent("`from` of the pagerduty target is not an e-mail address"))?,
            ),
            None => None,
        };
        let body = body(post);
        let request = |http: &Http| {
            let request = http.post(&url).json(&body);
            match &from {
                Some(from) => request.header(header::FROM, from),
                None => request,
            }
        };
        let answer = self.send(&url, true, request).await?;
        if !answer.status.is_success() {
            return Err(explain(&answer, true, post.now));
        }
        match answer.json().pointer("/note/id").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(OutletError::ambiguous("PagerDuty took the note and did not say which it is")),
        }
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        Err(OutletError::permanent("a PagerDuty note cannot be edited"))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::pagerduty::check(self, now).await
    }
}

/// What follows from an answer that is not a success.
fn explain(answer: &Answer, once: bool, now: Timestamp) -> OutletError {
    let status = answer.status;
    let body = answer.json();
    let details = body.pointer("/error/errors").and_then(Value::as_array).into_iter().flatten().map(Some);
    let words: Vec<Option<&Value>> = std::iter::once(body.pointer("/error/message")).chain(details).collect();
    let said = answer.said("PagerDuty", &words);
    let wait = answer.limit("ratelimit-reset", now).unwrap_or(WAIT);
    if let Some(known) = answer.common("PagerDuty", &said, once, (wait, now)) {
        return known;
    }
    match status {
        StatusCode::BAD_REQUEST => OutletError::permanent(format!(
            "{said}: with an account's key, `from` of the target must be the e-mail address of a user"
        )),
        StatusCode::UNAUTHORIZED => {
            OutletError::permanent(format!("{said}: put a valid REST API key under `{API_KEY}` in the secret"))
        }
        StatusCode::PAYMENT_REQUIRED => OutletError::permanent(format!("{said}: the account's plan has no notes")),
        StatusCode::FORBIDDEN => OutletError::permanent(format!(
            "{said}: the key may not write notes on this incident; it must not be read-only"
        )),
        StatusCode::NOT_FOUND => OutletError::permanent(format!("{said}: the incident is not there any more")),
        _ => OutletError::permanent(said),
    }
}
