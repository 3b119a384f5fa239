//! Sources: Jira Cloud's REST API v3, `GET /myself` and `/mypermissions`. Without an issue a permission of projects is there
//! when the user has it in any project.

use domain::TicketKind;
use http::header;
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use super::{Read, Unread, literal_ticket, read, text};
use crate::{jira::Jira, place::under, text::line};

/// What a comment that is edited in place takes, as the API and as people call it.
const PERMISSIONS: [(&str, &str); 3] = [
    ("BROWSE_PROJECTS", "Browse projects"),
    ("ADD_COMMENTS", "Add comments"),
    ("EDIT_OWN_COMMENTS", "Edit own comments"),
];

pub(crate) async fn check(outlet: &Jira, _: Timestamp) -> Vec<SetupCheck> {
    let me = ask(outlet, "myself", &[]).await.and_then(|read| {
        read.or(|_| format!("put `e-mail:API token` of a user under `{}` in the secret", outlet.api.name()))
    });
    let mut found = match me {
        Ok(me) => vec![SetupCheck::ok(format!("the login is taken: {}", line(text(&me, "/displayName"))))],
        Err(unread) => return vec![unread.about("the login")],
    };
    found.push(permissions(outlet).await.unwrap_or_else(|unread| unread.about("what the user may")));
    found
}

async fn ask(outlet: &Jira, piece: &str, query: &[(&str, &str)]) -> Result<Read, Unread> {
    let mut url = under(&outlet.base, ["rest", "api", "3", piece])?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    read(&outlet.api, "Jira", &url, &["/errorMessages/0", "/message"], |http, key| {
        Ok(http.get(&url).header(header::AUTHORIZATION, outlet.api.basic(key)?))
    })
    .await
}

async fn permissions(outlet: &Jira) -> Result<SetupCheck, Unread> {
    let wanted = PERMISSIONS.map(|(name, _)| name).join(",");
    let issue = literal_ticket(&outlet.issue, TicketKind::JiraIssue);
    let query = [("permissions", wanted.as_str())].into_iter().chain(issue.map(|issue| ("issueKey", issue)));
    let read = ask(outlet, "mypermissions", &query.collect::<Vec<_>>()).await?;
    let body = read.or(|_| match issue {
        Some(issue) => format!("is there an issue {issue}, and may the user see it?"),
        None => "the user's permissions cannot be seen".to_owned(),
    })?;
    let has = |name: &str| {
        let permission = body.pointer(&format!("/permissions/{name}/havePermission"));
        permission.and_then(Value::as_bool).unwrap_or(false)
    };
    let missing: Vec<&str> = PERMISSIONS.iter().filter(|(name, _)| !has(name)).map(|(_, word)| *word).collect();
    let place = issue.map_or_else(|| "in some project".to_owned(), |issue| format!("on {issue}"));
    Ok(if missing.is_empty() {
        SetupCheck::ok(format!("the user may write and edit comments {place}"))
    } else {
        let place = if issue.is_some() { "in the issue's project" } else { "in the projects that alerts name" };
        SetupCheck::mend(
            "what the user may",
            format!("give the user of `{}` the permission {place}: {}", outlet.api.name(), missing.join(", ")),
        )
    })
}
