//! Sources: PagerDuty's OpenAPI document, `GET /abilities`, `/users`, `/users/me` (which only a user's own key may ask).

use http::{StatusCode, header};
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use super::{Read, Unread, read, text};
use crate::{
    pagerduty::{API_KEY, PagerDuty},
    place::under,
    text::line,
};

pub(crate) async fn check(outlet: &PagerDuty, _: Timestamp) -> Vec<SetupCheck> {
    let abilities = ask(outlet, &["abilities"], &[]).await.and_then(|read| {
        read.or(|_| format!("put a valid REST API key under `{API_KEY}` in the secret; in the EU its API is at another address (FIRSTLOOK_PAGERDUTY_API)"))
    });
    let mut found = match abilities {
        Ok(_) => vec![SetupCheck::ok("the key is taken")],
        Err(unread) => return vec![unread.about("the key")],
    };
    found.push(match &outlet.spec.from {
        Some(from) => user(outlet, from).await.unwrap_or_else(|unread| unread.about(&format!("`from`: {from}"))),
        None => own_key(outlet).await.unwrap_or_else(|unread| unread.about("whose the key is")),
    });
    found.push(SetupCheck::cannot_tell("whether the key may write: PagerDuty says that only when a note is written"));
    found
}

async fn ask(outlet: &PagerDuty, pieces: &[&str], query: &[(&str, &str)]) -> Result<Read, Unread> {
    let mut url = under(&outlet.base, pieces.iter().copied())?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    read(&outlet.api, "PagerDuty", &url, &["/error/message"], |http, key| {
        let token = outlet.api.header(format!("Token token={}", key.expose()))?;
        Ok(http
            .get(&url)
            .header(header::AUTHORIZATION, token)
            .header(header::ACCEPT, "application/vnd.pagerduty+json;version=2"))
    })
    .await
}

/// The user in whose name notes are written.
async fn user(outlet: &PagerDuty, from: &str) -> Result<SetupCheck, Unread> {
    let read = ask(outlet, &["users"], &[("query", from), ("limit", "100")]).await?;
    let body = read.or(|_| "the key may not list users, so whether this is one cannot be seen".to_owned())?;
    let what = format!("`from`: {}", line(from));
    let mut users = body.get("users").and_then(Value::as_array).into_iter().flatten();
    let Some(user) = users.find(|user| text(user, "/email").eq_ignore_ascii_case(from.trim())) else {
        return Ok(SetupCheck::mend(what, "no user has this e-mail address: name one of the account's in `from`"));
    };
    Ok(match text(user, "/role") {
        role if role.starts_with("read_only") => {
            SetupCheck::mend(what, "the user is a stakeholder and may write no notes: name a responder in `from`")
        }
        _ => SetupCheck::ok(format!("{what} is the user {}", line(text(user, "/name")))),
    })
}

/// Without `from` the key must be a user's own.
async fn own_key(outlet: &PagerDuty) -> Result<SetupCheck, Unread> {
    let read = ask(outlet, &["users", "me"], &[]).await?;
    Ok(match read.status() {
        status if status.is_success() => {
            let body = read.answer.json();
            SetupCheck::ok(format!("the key is {}'s own, so no `from` is needed", line(text(&body, "/user/name"))))
        }
        StatusCode::BAD_REQUEST => SetupCheck::mend(
            "the key is the account's and nobody's own, and there is no `from`",
            "name the e-mail address of a user in `from` of the target: notes are written in that name",
        ),
        _ => SetupCheck::cannot_tell(format!("whose the key is: {}", read.said)),
    })
}
