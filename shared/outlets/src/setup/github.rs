//! Sources: GitHub's REST API, `GET /repos/{owner}/{repo}` and `/issues/{number}`, version 2022-11-28; `x-oauth-scopes`, which
//! is answered to classic tokens and not to fine-grained ones.

use domain::TicketKind;
use http::{StatusCode, header};
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use super::{Read, Unread, literal_ticket, read};
use crate::github::{self, GitHub};

pub(crate) async fn check(outlet: &GitHub, now: Timestamp) -> Vec<SetupCheck> {
    let name = &outlet.repository;
    let read = match ask(outlet, None, now).await {
        Ok(read) => read,
        Err(unread) => return vec![unread.about("the token")],
    };
    let scopes = read.answer.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let key = outlet.api.name();
    let repository = match read.status() {
        StatusCode::UNAUTHORIZED => read.or(|_| format!("put a token that is valid under `{key}` in the secret")),
        StatusCode::NOT_FOUND => {
            let found = read.or(|_| {
                format!("is there a repository {name}, and may the token under `{key}` see it (Repository access)?")
            });
            return vec![
                SetupCheck::ok("the token is taken"),
                found.map_or_else(|unread| unread.about(&format!("repository {name}")), |_| SetupCheck::ok(name)),
            ];
        }
        _ => {
            read.or(|_| format!("may the token under `{key}` be used here (its organization may have to approve it)?"))
        }
    };
    let repository = match repository {
        Ok(repository) => repository,
        Err(unread) => return vec![unread.about("the token")],
    };
    let mut found = vec![SetupCheck::ok("the token is taken")];
    let is = |field: &str| repository.get(field).and_then(Value::as_bool);
    let what = format!("repository {name}");
    found.push(if is("archived") == Some(true) {
        SetupCheck::mend(what, "it is archived, so nobody can comment there: name another")
    } else if is("has_issues") == Some(false) {
        SetupCheck::mend(what, "its issues are turned off: turn them on (Settings, General, Features), or name another")
    } else {
        SetupCheck::ok(format!("{what} is there and has issues"))
    });
    found.push(may_write(key, scopes.as_deref(), is("private") == Some(false)));
    if let Some(number) = literal_ticket(&outlet.issue, TicketKind::GitHubIssue) {
        found.push(issue(outlet, number, now).await.unwrap_or_else(|unread| unread.about(&format!("issue #{number}"))));
    }
    found
}

async fn ask(outlet: &GitHub, issue: Option<&str>, now: Timestamp) -> Result<Read, Unread> {
    let url = match issue {
        Some(number) => outlet.issues(&[number])?,
        None => {
            let mut url = outlet.issues(&[])?;
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop();
            }
            url
        }
    };
    let read = read(&outlet.api, "GitHub", &url, &["/message"], |http, key| {
        Ok(http
            .get(&url)
            .header(header::AUTHORIZATION, outlet.api.header(format!("Bearer {}", key.expose()))?)
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28"))
    })
    .await?;
    if github::limit(&read.answer, now).is_some() {
        return Err(Unread::Later("GitHub asks to wait".to_owned()));
    }
    Ok(read)
}

/// Only a classic token says what it may.
fn may_write(key: &str, scopes: Option<&str>, public: bool) -> SetupCheck {
    let Some(scopes) = scopes else {
        return SetupCheck::cannot_tell(
            "whether the token has `Issues: read and write`: GitHub says that only when a comment is written",
        );
    };
    let has = |wanted: &str| scopes.split(',').any(|scope| scope.trim() == wanted);
    if has("repo") || (public && has("public_repo")) {
        return SetupCheck::ok("the token's scopes let it comment");
    }
    let scope = if public { "public_repo" } else { "repo" };
    SetupCheck::mend(
        "the token's scopes",
        format!(
            "give the token under `{key}` the scope `{scope}`, or use a fine-grained one with `Issues: read and write`"
        ),
    )
}

async fn issue(outlet: &GitHub, number: &str, now: Timestamp) -> Result<SetupCheck, Unread> {
    let read = ask(outlet, Some(number), now).await?;
    let body = read.or(|_| "name another issue".to_owned())?;
    Ok(if body.get("locked").and_then(Value::as_bool) == Some(true) {
        SetupCheck::mend(format!("issue #{number}"), "it is locked: unlock it, or name another")
    } else {
        SetupCheck::ok(format!("issue #{number} takes comments"))
    })
}
