//! ServiceNow's Table API, as far as work notes of an incident go (source: its reference). `work_notes` is a journal: what is
//! written there is appended, and is read in a table of its own.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    Endpoint, Service,
    desk::{Asked, Refusal, answer, logs_in, said},
    state::{Shared, World, posted},
};

/// An incident whose notes the user may not write: ServiceNow answers as if it had.
pub const READ_ONLY: &str = "INC0009999";

/// GET lists rows of a table by its query.
pub(crate) async fn table(State(shared): State<Arc<Shared>>, Path(table): Path<String>, request: Request) -> Response {
    answer(shared, Endpoint::List(Service::ServiceNow), request, refuse, |world, asked| {
        admitted(asked)?;
        if world.setup.is_denied(&table) {
            let message = "Operation against file 'x' was aborted by Business Rule or ACL";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message.replace('x', &table)));
        }
        let query = asked.query("sysparm_query").unwrap_or_default();
        let rows = match table.as_str() {
            // Without a query a list of all: there is always one.
            _ if query.is_empty() => vec![json!({ "sys_id": "0123456789abcdef0123456789abcdef" })],
            "incident" => incidents(world, &query),
            "sys_journal_field" => journal(world, &query),
            _ => return Err(Refusal::new(StatusCode::BAD_REQUEST, "Invalid table")),
        };
        Ok(said(StatusCode::OK, None, json!({ "result": rows })))
    })
    .await
}

/// PATCH changes an incident.
pub(crate) async fn incident(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Response {
    answer(shared, Endpoint::Post(Service::ServiceNow), request, refuse, |world, asked| {
        admitted(asked)?;
        let Some(number) = number_of(&id).filter(|number| !world.removed.contains(number)) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "No Record found"));
        };
        let note = asked.body.get("work_notes").and_then(Value::as_str).unwrap_or_default();
        if !note.is_empty() && number != READ_ONLY {
            let entry = format!("{:032x}", world.next_id());
            world.posts.push(posted(Service::ServiceNow, number, entry, asked.at, asked.body.clone()));
        }
        Ok(said(StatusCode::OK, None, json!({ "result": { "sys_id": id, "work_notes": "" } })))
    })
    .await
}

fn admitted(asked: &Asked<'_>) -> Result<(), Refusal> {
    if logs_in(&asked.parts.headers) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "User Not Authenticated"))
}

/// Every incident exists until it is removed; its id is its number in hexadecimal.
fn incidents(world: &World, query: &str) -> Vec<Value> {
    let number = query.strip_prefix("number=").unwrap_or_default();
    if number.is_empty() || world.removed.contains(number) {
        return vec![];
    }
    let digits: String = number.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![json!({ "sys_id": format!("{digits:f<32}") })]
}

fn number_of(id: &str) -> Option<String> {
    let digits = id.trim_end_matches('f');
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2).map(|pair| byte(pair * 2)).collect();
    String::from_utf8(bytes?).ok()
}

fn journal(world: &World, query: &str) -> Vec<Value> {
    let part = |name: &str| query.split('^').find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned();
    let (number, text) = (number_of(&part("element_id=")).unwrap_or_default(), part("valueLIKE"));
    let ours = world.posts.iter().filter(|post| post.service == Service::ServiceNow && post.place == number);
    let of_note = ours.filter_map(|post| Some((post, post.body.get("work_notes")?.as_str()?)));
    let found = of_note.filter(|(_, note)| note.contains(&text));
    found.map(|(post, note)| json!({ "sys_id": post.id, "value": note })).collect()
}

fn refuse(status: StatusCode, retry_after: Option<u64>, message: &str) -> Response {
    let error = json!({ "error": { "message": message, "detail": "" }, "status": "failure" });
    said(status, retry_after, error).into_response()
}
