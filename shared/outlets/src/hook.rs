//! Channels that can only be posted to, by a URL that is itself the secret: Slack's incoming webhooks (source:
//! docs.slack.dev/messaging/sending-messages-using-incoming-webhooks) and the webhooks of Teams workflows (source: the payload that
//! Alertmanager's `msteamsv2` sends). Nothing can be read there, so an earlier post cannot be looked for: one more is sent, and then
//! it is given up.

use std::time::Duration;

use async_trait::async_trait;
use domain::Secret;
use http::StatusCode;
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Answer, Http},
    note::Note,
    place::base,
    setup, slack,
};

/// How long to wait when it is not said.
const WAIT: Duration = Duration::from_secs(30);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Slack,
    Teams,
}

/// A channel behind a URL.
pub(crate) struct Hook {
    pub kind: Kind,
    pub http: Http,
    pub url: Url,
    /// What the URL is called in the secret.
    pub name: String,
}

/// The URL in `secret`, if it is one of such a channel.
pub(crate) fn url(kind: Kind, secret: &Secret, name: &str) -> Result<Url, OutletError> {
    let wrong = |what: &str| OutletError::permanent(format!("`{name}` in the secret is not {what}"));
    match kind {
        Kind::Slack => {
            let what = "the URL of a Slack incoming webhook (https://hooks.slack.com/...)";
            let url = base(secret.expose(), name).map_err(|_| wrong(what))?;
            let hosts = ["hooks.slack.com", "hooks.slack-gov.com"];
            // A loopback address stands in for Slack where people try things out.
            let known = url.host_str().is_some_and(|host| hosts.contains(&host)) || url.scheme() == "http";
            if known { Ok(url) } else { Err(wrong(what)) }
        }
        // Their hosts differ by region and environment.
        Kind::Teams => base(secret.expose(), name).map_err(|_| wrong("the URL of a Teams workflow's webhook")),
    }
}

impl Hook {
    fn who(&self) -> &'static str {
        match self.kind {
            Kind::Slack => "Slack",
            Kind::Teams => "Teams",
        }
    }

    /// What follows from an answer that is not a success.
    fn explain(&self, answer: &Answer, post: &Post<'_>) -> OutletError {
        let who = self.who();
        // Slack answers a word, Teams JSON or nothing.
        let body = answer.json();
        let word = std::str::from_utf8(&answer.body).ok().filter(|word| word.len() < 100 && body.is_null());
        let word = word.map(Value::from);
        let said = answer.said(who, &[word.as_ref(), body.pointer("/error/message")]);
        let wait = answer.retry_after(post.now).unwrap_or(WAIT);
        if let Some(known) = answer.common(who, &said, true, (wait, post.now)) {
            return known;
        }
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                OutletError::permanent(format!(
                    "{said}: the webhook was removed or its channel archived; make a new one and put its URL under `{}` in the \
                     secret",
                    self.name
                ))
            }
            _ => OutletError::permanent(said),
        }
    }
}

/// What a Slack incoming webhook gets: the message as the `slack` outlet has it.
#[must_use]
pub fn render_slack(post: &Post<'_>) -> Value {
    slack::render(post)
}

/// The most bytes of a card with what is around it: what one library has measured; Microsoft's own page says 28 KB.
const CARD: usize = 21_000;

/// What stands in place of the parts that have no room.
pub(crate) const CUT: &str = "The rest has no room here.";

/// What a Teams workflow gets: one Adaptive Card. Its texts are runs, in which, unlike in text blocks, nothing is markup. Where it
/// would be too large for Teams, its last parts are left out, and it says so.
#[must_use]
pub fn render_teams(post: &Post<'_>) -> Value {
    let note = Note::of(post);
    let parts: Vec<&[String]> = note.parts().collect();
    let whole = card(&note, &parts, false);
    if size(&whole) < CARD {
        return whole;
    }
    // The answer always stands: it is one part of a few short lines.
    let shorter = (1..parts.len()).rev().filter_map(|kept| parts.get(..kept)).map(|kept| card(&note, kept, true));
    let mut last = whole;
    for shorter in shorter {
        last = shorter;
        if size(&last) < CARD {
            break;
        }
    }
    last
}

fn size(card: &Value) -> usize {
    card.to_string().len()
}

/// A card of these parts of a note.
fn card(note: &Note, parts: &[&[String]], is_cut: bool) -> Value {
    let block = |run: Value, spacing: &str| json!({ "type": "RichTextBlock", "inlines": [run], "spacing": spacing });
    let said = note.words.iter().map(|line| block(json!({ "type": "TextRun", "text": line.text }), "None"));
    let mut body: Vec<Value> = said.collect();
    let words = body.len();
    for lines in parts {
        for (at, line) in lines.iter().enumerate() {
            let headline = body.len() == words;
            let mut run = json!({ "type": "TextRun", "text": line });
            if let (true, Some(run)) = (headline, run.as_object_mut()) {
                run.extend([("weight".to_owned(), json!("Bolder")), ("size".to_owned(), json!("Medium"))]);
            }
            let spacing = if at == 0 { "Medium" } else { "None" };
            body.push(block(run, spacing));
        }
    }
    if is_cut {
        body.push(block(json!({ "type": "TextRun", "text": CUT }), "Medium"));
    }
    let marker = json!({ "type": "TextRun", "text": note.marker, "isSubtle": true, "size": "Small" });
    body.push(block(marker, "Medium"));
    let actions = note.links.iter();
    let actions: Vec<Value> =
        actions.map(|(opens, link)| json!({ "type": "Action.OpenUrl", "title": opens, "url": link })).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": body,
                "actions": actions,
                "msteams": { "width": "full" },
            },
        }],
    })
}

#[async_trait]
impl Outlet for Hook {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        post.once_more(self.who(), ("messages", "posted"), "look into the channel")
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let body = match self.kind {
            Kind::Slack => render_slack(post),
            Kind::Teams => render_teams(post),
        };
        let sent = self.http.send(self.http.post(&self.url).json(&body), &self.url).await;
        let answer = sent.map_err(crate::http::Lost::once)?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, post));
        }
        // It names no message, so it is named here.
        Ok(format!("revision {}", post.view.run.revision))
    }

    async fn edit(&self, _: &str, _: &Post<'_>) -> Result<(), OutletError> {
        Err(OutletError::permanent("what a webhook has posted cannot be edited"))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::hook::check(self, now).await
    }
}
