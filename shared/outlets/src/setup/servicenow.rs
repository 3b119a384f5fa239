//! Source: ServiceNow's Table API. Rows that the user may not see are left out of a list, which is then empty.

use domain::TicketKind;
use http::{StatusCode, header};
use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use super::{Unread, literal_ticket, read};
use crate::{place::under, servicenow::ServiceNow};

pub(crate) async fn check(outlet: &ServiceNow, _: Timestamp) -> Vec<SetupCheck> {
    let number = literal_ticket(&outlet.incident, TicketKind::ServiceNowIncident);
    let query = number.map(|number| format!("number={number}"));
    let mut found = match rows(outlet, "incident", query.as_deref()).await {
        Ok(rows) => vec![
            SetupCheck::ok("the login is taken"),
            match (rows, number) {
                (0, Some(number)) => SetupCheck::mend(
                    format!("incident {number}"),
                    "there is none, or the user may not see it: name another, or give the user a role that reads `incident`",
                ),
                (0, None) => SetupCheck::cannot_tell(
                    "whether the user may read `incident`: there is none, or none that the user may see",
                ),
                (_, Some(number)) => SetupCheck::ok(format!("the user reads incident {number}")),
                (_, None) => SetupCheck::ok("the user reads `incident`"),
            },
        ],
        Err((StatusCode::FORBIDDEN, unread)) => {
            vec![SetupCheck::ok("the login is taken"), unread.about("reading `incident`")]
        }
        Err((_, unread)) => return vec![unread.about("the login")],
    };
    found.push(match rows(outlet, "sys_journal_field", None).await {
        Ok(0) => SetupCheck::cannot_tell(
            "whether the user may read `sys_journal_field`, where notes are found again: it shows none",
        ),
        Ok(_) => SetupCheck::ok("the user reads `sys_journal_field`"),
        Err((_, unread)) => unread.about("reading `sys_journal_field`, where notes are found again"),
    });
    found.push(SetupCheck::cannot_tell(
        "whether the user may write `incident.work_notes`: ServiceNow says that only when one is written",
    ));
    found
}

/// How many rows there are, one at most.
async fn rows(outlet: &ServiceNow, table: &str, query: Option<&str>) -> Result<usize, (StatusCode, Unread)> {
    let unasked = |unread: Unread| (StatusCode::OK, unread);
    let mut url = under(&outlet.base, ["api", "now", "table", table]).map_err(|error| unasked(error.into()))?;
    let asked = [("sysparm_limit", "1"), ("sysparm_fields", "sys_id")];
    url.query_pairs_mut().extend_pairs(asked.into_iter().chain(query.map(|query| ("sysparm_query", query))));
    let read = read(&outlet.api, "ServiceNow", &url, &["/error/message", "/error/detail"], |http, key| {
        Ok(http
            .get(&url)
            .header(header::AUTHORIZATION, outlet.api.basic(key)?)
            .header(header::ACCEPT, "application/json"))
    })
    .await
    .map_err(unasked)?;
    let status = read.status();
    let body = read.or(|status| match status {
        StatusCode::FORBIDDEN => format!("give the user of `{}` a role that reads `{table}`", outlet.api.name()),
        _ => format!("put `user:password` under `{}` in the secret", outlet.api.name()),
    });
    let body = body.map_err(|unread| (status, unread))?;
    match body.get("result").and_then(Value::as_array) {
        Some(rows) => Ok(rows.len()),
        None => {
            Err(unasked(Unread::Later("it lists no rows where it should; a sleeping instance does that".to_owned())))
        }
    }
}
