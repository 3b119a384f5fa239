//! A comment on a Jira issue, edited in place (source: Jira Cloud REST API v3, issue comments; Atlassian Document Format; the
//! comment's property `sd.public.comment` of Jira Service Management). The comments of one issue are all that is ever called (I13).

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

/// How long to wait when Jira does not say.
const WAIT: Duration = Duration::from_secs(30);

/// How many comments a page has, and how many pages are read.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// Jira.
pub(crate) struct Jira {
    pub api: Keyed,
    pub base: Url,
    /// The issue, as the catalog has it.
    pub issue: String,
    /// Whether customers see the comment.
    pub public: bool,
}

impl Jira {
    fn comments(&self, post: &Post<'_>, id: Option<&str>) -> Result<Url, OutletError> {
        let issue = ticket(post)?;
        under(&self.base, ["rest", "api", "3", "issue", issue, "comment"].into_iter().chain(id))
    }

    async fn send(
        &self,
        url: &Url,
        once: bool,
        request: impl Fn(&Http) -> RequestBuilder,
    ) -> Result<Answer, OutletError> {
        self.api
            .send(url, once, |http, key| Ok(request(http).header(header::AUTHORIZATION, self.api.basic(key)?)))
            .await
    }

    /// What follows from an answer that is not a success.
    fn explain(&self, answer: &Answer, once: bool, post: &Post<'_>) -> OutletError {
        let body = answer.json();
        let messages = body.get("errorMessages").and_then(Value::as_array).into_iter().flatten();
        let errors = body.get("errors").and_then(Value::as_object).into_iter().flat_map(|errors| errors.values());
        let words: Vec<Option<&Value>> = messages.chain(errors).map(Some).collect();
        let said = answer.said("Jira", &words);
        let wait = answer.retry_after(post.now).unwrap_or(WAIT);
        if let Some(known) = answer.common("Jira", &said, once, (wait, post.now)) {
            return known;
        }
        match answer.status {
            StatusCode::UNAUTHORIZED => OutletError::permanent(format!(
                "{said}: put `e-mail:API token` of a user under `{}` in the secret",
                self.api.name()
            )),
            StatusCode::FORBIDDEN => {
                OutletError::permanent(format!("{said}: the user may not add comments in this project"))
            }
            StatusCode::NOT_FOUND => OutletError::permanent(format!(
                "{said}: the issue or the comment is not there any more, or the user may not see it"
            )),
            _ => OutletError::permanent(said),
        }
    }
}

/// What is sent, with each edit too. Without the property a comment by the API is one that the customers of a service project see
/// and get by e-mail; other projects keep it and make nothing of it.
pub(crate) fn body(public: bool, post: &Post<'_>) -> Value {
    let property = json!({ "key": "sd.public.comment", "value": { "internal": !public } });
    json!({ "body": render(post), "properties": [property] })
}

/// The comment as a document. Texts in it are texts: the format has no markup, so nothing from an alert comes alive.
#[must_use]
pub fn render(post: &Post<'_>) -> Value {
    let note = Note::of(post);
    let text = |text: &str| json!({ "type": "text", "text": text });
    let paragraph = |content: Vec<Value>| json!({ "type": "paragraph", "content": content });
    let broken = |shown: Vec<Value>| {
        let breaks =
            |(at, one): (usize, Value)| (at > 0).then(|| json!({ "type": "hardBreak" })).into_iter().chain([one]);
        paragraph(shown.into_iter().enumerate().flat_map(breaks).collect())
    };
    let mut parts: Vec<Value> = Vec::new();
    if !note.words.is_empty() {
        parts.push(broken(note.words.iter().map(|line| text(&line.text)).collect()));
    }
    for (part, lines) in note.parts().enumerate() {
        let mut shown: Vec<Value> = lines.iter().map(|line| text(line)).collect();
        if let (0, Some(headline)) = (part, shown.first_mut().and_then(Value::as_object_mut)) {
            headline.insert("marks".to_owned(), json!([{ "type": "strong" }]));
        }
        parts.push(broken(shown));
    }
    let link = |(opens, link): &(&str, String)| json!({ "type": "text", "text": opens, "marks": [{ "type": "link", "attrs": { "href": link } }] });
    parts.push(broken(note.links.iter().map(link).chain([text(&note.marker)]).collect()));
    json!({ "type": "doc", "version": 1, "content": parts })
}

/// Whether one of the texts in `node` is `marker`.
fn has_text(node: &Value, marker: &str) -> bool {
    let own = node.get("text").and_then(Value::as_str).is_some_and(|text| text.trim() == marker);
    own || node
        .get("content")
        .and_then(Value::as_array)
        .is_some_and(|content| content.iter().any(|node| has_text(node, marker)))
}

#[async_trait]
impl Outlet for Jira {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let marker = post.marker();
        for page in 0..PAGES {
            let mut url = self.comments(post, None)?;
            url.query_pairs_mut()
                .append_pair("orderBy", "-created")
                .append_pair("maxResults", &PAGE.to_string())
                .append_pair("startAt", &(page * PAGE).to_string());
            let answer = self.send(&url, false, |http| http.get(&url)).await?;
            if !answer.status.is_success() {
                return Err(self.explain(&answer, false, post));
            }
            let body = answer.json();
            let Some(comments) = body.get("comments").and_then(Value::as_array) else {
                return Err(OutletError::transient("Jira lists no comments where it should"));
            };
            let ours = |comment: &&Value| comment.get("body").is_some_and(|body| has_text(body, &marker));
            if let Some(ours) = comments.iter().find(ours) {
                return Ok(ours.get("id").and_then(Value::as_str).map(str::to_owned));
            }
            let total = body.get("total").and_then(Value::as_u64).unwrap_or(0);
            if comments.is_empty() || u64::try_from((page + 1) * PAGE).unwrap_or(u64::MAX) >= total {
                return Ok(None);
            }
        }
        Err(OutletError::permanent("the issue has too many comments to see whether an earlier try's stands among them"))
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let url = self.comments(post, None)?;
        let body = body(self.public, post);
        let answer = self.send(&url, true, |http| http.post(&url).json(&body)).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, true, post));
        }
        match answer.json().get("id").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(OutletError::ambiguous("Jira took the comment and did not say which it is")),
        }
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        let id = clean_id(provider_id, b"", 32).ok_or_else(|| OutletError::permanent("the comment has no id"))?;
        let url = self.comments(post, Some(id))?;
        let body = body(self.public, post);
        let answer = self.send(&url, false, |http| http.put(&url).json(&body)).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.is_of_deleted(self, post).await {
            return Err(OutletError::Deleted { reason: answer.said("Jira", &[]) });
        }
        Err(self.explain(&answer, false, post))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::jira::check(self, now).await
    }
}
