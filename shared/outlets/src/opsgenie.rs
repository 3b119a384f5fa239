//! A note on the alert that the event came from, in Opsgenie or in Jira Service Management, which took over its API
//! (source: the OpenAPI document of Opsgenie; Atlassian's page of the integration API). The notes of an alert are all that is ever called
//! (I13).

use std::{borrow::Cow, time::Duration};

use async_trait::async_trait;
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use ports::SetupCheck;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Answer, Http},
    keyed::Keyed,
    note::Note,
    place::{clean_id, under},
    setup,
};

/// Opsgenie's API.
pub const OPSGENIE: &str = "https://api.opsgenie.com";
/// The integration API of Jira Service Management.
pub const JSM: &str = "https://api.atlassian.com/jsm/ops/integration";

/// How long to wait when it is not said: the limit is counted by the minute.
const WAIT: Duration = Duration::from_secs(60);

/// How long it is asked at once whether a note was written, and how long between. After that the next try asks.
const ASKED: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_millis(200);

/// How long nothing is written again while it is not said what became of a request. No document has a bound for it, and a team must
/// not wait for ever.
const UNDECIDED: SignedDuration = SignedDuration::from_mins(10);

/// What became of a request.
enum Fate {
    Written,
    /// And why.
    NotWritten(String),
}

/// How many notes a page of them has, and how many pages are read.
const PAGE: u32 = 100;
const PAGES: u32 = 20;

/// What is sent.
pub(crate) fn body(post: &Post<'_>) -> Value {
    json!({ "note": Note::of(post).text(), "source": "Firstlook" })
}

/// One of the two.
pub(crate) struct Opsgenie {
    pub who: &'static str,
    pub api: Keyed,
    pub base: Url,
}

impl Opsgenie {
    /// `pieces` of the alert of the run. Its id is one piece of letters, digits and hyphens or nothing (I8).
    fn alert(&self, post: &Post<'_>, pieces: &[&str]) -> Result<Url, OutletError> {
        let id = post.view.run.alert.as_ref().map_or("", |alert| alert.external_id.as_str());
        let id = clean_id(id, b"-", 100).ok_or_else(|| {
            OutletError::permanent(format!(
                "the run was not started by an alert of {0}: this target is for workflows of a source that is {0}",
                self.who
            ))
        })?;
        let pieces = ["v2", "alerts", id].into_iter().chain(pieces.iter().copied());
        let mut url = under(&self.base, pieces)?;
        url.query_pairs_mut().append_pair("identifierType", "id");
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
                Ok(request(http).header(header::AUTHORIZATION, self.api.header(format!("GenieKey {}", key.expose()))?))
            })
            .await
    }

    /// What became of a request, once that is said: the API takes it first and carries it out later.
    async fn fate(&self, request: &str, now: Timestamp) -> Result<Option<Fate>, OutletError> {
        let url = under(&self.base, ["v2", "alerts", "requests", request])?;
        let answer = self.send(&url, false, |http| http.get(&url)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.explain(&answer, false, now));
        }
        let body = answer.json();
        let data = body.get("data");
        let is = |field: &str| data?.get(field)?.as_bool();
        Ok(is("isSuccess").or_else(|| is("success")).map(|written| match written {
            true => Fate::Written,
            false => Fate::NotWritten(answer.said(self.who, &[data.and_then(|data| data.get("status"))])),
        }))
    }

    /// Waits a moment until the note is written.
    async fn written(&self, request: &str, now: Timestamp) -> Result<(), OutletError> {
        let decided = async {
            loop {
                tokio::time::sleep(BETWEEN).await;
                if let Some(fate) = self.fate(request, now).await? {
                    return Ok::<_, OutletError>(fate);
                }
            }
        };
        // The note is taken: whatever goes wrong now, it may stand already.
        let taken = |reason: String| OutletError::Taken { reason, request: request.to_owned() };
        match tokio::time::timeout(ASKED, decided).await {
            Ok(Ok(Fate::Written)) => Ok(()),
            Ok(Ok(Fate::NotWritten(said))) => Err(OutletError::permanent(format!("the note was not written: {said}"))),
            Ok(Err(error)) => Err(taken(error.to_string())),
            Err(_) => Err(taken(format!("{} took the note and does not say that it is written", self.who))),
        }
    }

    /// What follows from an answer that is not a success.
    fn explain(&self, answer: &Answer, once: bool, now: Timestamp) -> OutletError {
        let body = answer.json();
        let said = answer.said(self.who, &[body.get("message")]);
        let wait = answer.limit("x-ratelimit-period-in-sec", now).unwrap_or(WAIT);
        if let Some(known) = answer.common(self.who, &said, once, (wait, now)) {
            return known;
        }
        let mend: Cow<'_, str> = match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "put the key of an API integration that may create and read under `{}` in the secret; in the EU, `api` of the \
                 target is https://api.eu.opsgenie.com",
                self.api.name()
            )
            .into(),
            StatusCode::PAYMENT_REQUIRED => "the account's plan has no such API".into(),
            StatusCode::NOT_FOUND => "the alert is not there any more".into(),
            _ => return OutletError::permanent(said),
        };
        OutletError::permanent(format!("{said}: {mend}"))
    }
}

#[async_trait]
impl Outlet for Opsgenie {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        if let Some(taken) = &post.target.taken {
            match self.fate(&taken.request, post.now).await? {
                Some(Fate::Written) => return Ok(Some(taken.request.clone())),
                // An earlier try may have written one, of which nobody was told.
                Some(Fate::NotWritten(_)) => {}
                None if post.now.duration_since(taken.at) > UNDECIDED => {}
                None => {
                    let reason = format!("{} does not say yet what became of the note that it took", self.who);
                    return Err(OutletError::transient(reason));
                }
            }
        }
        let marker = post.marker();
        let mut offset = String::new();
        for _ in 0..PAGES {
            let mut url = self.alert(post, &["notes"])?;
            url.query_pairs_mut()
                .append_pair("order", "desc")
                .append_pair("limit", &PAGE.to_string())
                .append_pair("direction", "next")
                .append_pair("offset", &offset);
            let answer = self.send(&url, false, |http| http.get(&url)).await?;
            if !answer.status.is_success() {
                return Err(self.explain(&answer, false, post.now));
            }
            let body = answer.json();
            let Some(notes) = body.get("data").and_then(Value::as_array) else {
                return Err(OutletError::transient(format!("{} lists no notes where it should", self.who)));
            };
            let said = |note: &Value, field: &str| note.get(field).and_then(Value::as_str).map(str::to_owned);
            let ours =
                |note: &&Value| said(note, "note").is_some_and(|text| text.lines().any(|line| line.trim() == marker));
            if let Some(note) = notes.iter().find(ours) {
                return Ok(Some(said(note, "offset").unwrap_or_else(|| "found".to_owned())));
            }
            match notes.last().and_then(|note| said(note, "offset")) {
                Some(last) if notes.len() >= PAGE as usize && last != offset => offset = last,
                _ => return Ok(None),
            }
        }
        Err(OutletError::permanent("the alert has too many notes to see whether an earlier try's stands among them"))
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let url = self.alert(post, &["notes"])?;
        let body = body(post);
        let answer = self.send(&url, true, |http| http.post(&url).json(&body)).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, true, post.now));
        }
        let body = answer.json();
        let request = body.get("requestId").and_then(Value::as_str).and_then(|id| clean_id(id, b"-", 100));
        let Some(request) = request else {
            return Err(OutletError::ambiguous(format!("{} took the note and names no request", self.who)));
        };
        self.written(request, post.now).await?;
        Ok(request.to_owned())
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        Err(OutletError::permanent("a note on an alert cannot be edited"))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::opsgenie::check(self, now).await
    }
}
