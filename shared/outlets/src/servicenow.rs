//! A work note on a ServiceNow incident (source: ServiceNow's Table API). What is ever called: the incident's number is looked
//! up, its journal is read, and `work_notes` is written, which appends (I13).

use std::time::Duration;

use async_trait::async_trait;
use http::{StatusCode, header};
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
    place::{clean_id, ticket, under},
    setup,
};

/// How long to wait when ServiceNow does not say.
const WAIT: Duration = Duration::from_secs(60);

/// How many notes are looked at that hold the mark in some place: those of the run's targets on one incident.
const ALIKE: usize = 50;

/// ServiceNow.
pub(crate) struct ServiceNow {
    pub api: Keyed,
    pub base: Url,
    /// The incident, as the catalog has it.
    pub incident: String,
}

/// What is sent.
pub(crate) fn body(post: &Post<'_>) -> Value {
    json!({ "work_notes": render(post) })
}

/// The work note. ServiceNow shows what stands in `[code]` as HTML, so no text may have that.
#[must_use]
pub fn render(post: &Post<'_>) -> String {
    let text = Note::of(post).text();
    let mut safe = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        safe.push(c);
        let after = text.get(at + c.len_utf8()..).unwrap_or_default().trim_start_matches('/');
        if c == '[' && after.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("code")) {
            safe.push(' ');
        }
    }
    safe
}

impl ServiceNow {
    fn table(&self, pieces: &[&str], query: &[(&str, &str)]) -> Result<Url, OutletError> {
        let mut url = under(&self.base, ["api", "now", "table"].iter().chain(pieces).copied())?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
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
                Ok(request(http)
                    .header(header::AUTHORIZATION, self.api.basic(key)?)
                    .header(header::ACCEPT, "application/json"))
            })
            .await
    }

    /// The rows of `table` that `query` finds.
    async fn rows(&self, post: &Post<'_>, table: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, OutletError> {
        let url = self.table(&[table], query)?;
        let answer = self.send(&url, false, |http| http.get(&url)).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, false, post));
        }
        match answer.json().get_mut("result").map(Value::take) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(OutletError::transient("ServiceNow lists no rows where it should; a sleeping instance does that")),
        }
    }

    /// The incident's `sys_id`.
    async fn incident(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let number = ticket(post)?;
        let query = format!("number={number}");
        let query = [("sysparm_query", query.as_str()), ("sysparm_fields", "sys_id"), ("sysparm_limit", "1")];
        let rows = self.rows(post, "incident", &query).await?;
        let id = rows.first().and_then(|row| row.get("sys_id")).and_then(Value::as_str);
        id.and_then(|id| clean_id(id, b"", 32)).map(str::to_owned).ok_or_else(|| {
            OutletError::permanent(format!("ServiceNow has no incident {number}, or the user may not see it"))
        })
    }

    async fn note_on(&self, incident: &str, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let marker = post.marker();
        // The mark of one target begins that of another: `.../servicenow`, `.../servicenow-2`. So the rows are looked at, too.
        let query = format!("element_id={incident}^element=work_notes^valueLIKE{marker}");
        let most = ALIKE.to_string();
        let fields =
            [("sysparm_query", query.as_str()), ("sysparm_fields", "sys_id,value"), ("sysparm_limit", most.as_str())];
        let rows = self.rows(post, "sys_journal_field", &fields).await?;
        let said = |row: &Value, field: &str| row.get(field).and_then(Value::as_str).map(str::to_owned);
        let is_ours =
            |row: &&Value| said(row, "value").is_some_and(|text| text.lines().any(|line| line.trim() == marker));
        Ok(rows.iter().find(is_ours).and_then(|row| said(row, "sys_id")))
    }

    /// What follows from an answer that is not a success.
    fn explain(&self, answer: &Answer, once: bool, post: &Post<'_>) -> OutletError {
        let body = answer.json();
        let said = answer.said("ServiceNow", &[body.pointer("/error/message"), body.pointer("/error/detail")]);
        let wait = answer.retry_after(post.now).unwrap_or(WAIT);
        if let Some(known) = answer.common("ServiceNow", &said, once, (wait, post.now)) {
            return known;
        }
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                OutletError::permanent(format!("{said}: put `user:password` under `{}` in the secret", self.api.name()))
            }
            StatusCode::FORBIDDEN => OutletError::permanent(format!(
                "{said}: the user needs to read `incident` and `sys_journal_field` and to write `incident.work_notes`"
            )),
            StatusCode::NOT_FOUND => OutletError::permanent(format!("{said}: the incident is not there any more")),
            _ => OutletError::permanent(said),
        }
    }
}

#[async_trait]
impl Outlet for ServiceNow {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let incident = self.incident(post).await?;
        self.note_on(&incident, post).await
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let incident = self.incident(post).await?;
        // Later news of a run whose note failed comes here without a search, and a journal is only added to.
        if let Some(written) = self.note_on(&incident, post).await? {
            return Ok(written);
        }
        let url = self.table(&["incident", &incident], &[("sysparm_fields", "sys_id")])?;
        let body = body(post);
        let answer = self.send(&url, true, |http| http.patch(&url).json(&body)).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, true, post));
        }
        // A field that the user may not write is left out, and the answer is a success all the same.
        match self.note_on(&incident, post).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => Err(OutletError::permanent(
                "ServiceNow took the note and did not write it: the user may not write `incident.work_notes`, or not read \
                 `sys_journal_field`",
            )),
            Err(OutletError::Permanent { reason }) => Err(OutletError::Permanent { reason }),
            Err(other) => Err(OutletError::ambiguous(other.to_string())),
        }
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        Err(OutletError::permanent("a work note cannot be edited"))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::servicenow::check(self, now).await
    }
}
