//! Slack's Web API, as far as posting, editing and finding messages goes (source: docs.slack.dev/reference/methods).

pub(crate) mod answers;
mod blocks;
mod look;

use std::sync::{Arc, PoisonError};

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    Edit, Endpoint, Fault, Posted, Service,
    serve::{end, whole},
    state::{Course, Shared, World, is_channel_id, posted},
};

/// What stands beside `ok`, or the error's code.
type Answer = Result<Map<String, Value>, &'static str>;

/// The most characters of `text`.
const TEXT: usize = 40_000;
/// The most objects on a page of `conversations.history` and `users.conversations`.
const PAGE: usize = 999;

/// Answers any method. Slack answers 200 to whatever it understands; only `ok` says whether it was done.
pub(crate) async fn method(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let (parts, raw) = whole(request).await;
    let endpoint = match method.as_str() {
        "chat.postMessage" => Endpoint::SlackPost,
        "chat.postEphemeral" => Endpoint::SlackEphemeral,
        "chat.update" => Endpoint::SlackUpdate,
        "conversations.history" => Endpoint::SlackHistory,
        "conversations.replies" => Endpoint::SlackReplies,
        "users.conversations" => Endpoint::SlackChannels,
        "auth.test" => Endpoint::SlackAuth,
        "conversations.info" => Endpoint::SlackInfo,
        _ => Endpoint::Unknown,
    };
    let (arrival, course) = shared.arrive(endpoint, &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(fault) => return refusal(&fault),
    };
    let done = authorized(&parts.headers).and_then(|()| arguments(&parts, &raw)).and_then(|arguments| {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        look::admitted(&mut world, endpoint, &arguments)?;
        match endpoint {
            Endpoint::SlackPost => post(&mut world, arrival.at, arguments),
            Endpoint::SlackUpdate => update(&mut world, arrival.at, arguments),
            Endpoint::SlackHistory => history(&mut world, &arguments, |post| thread_of(post).is_none()),
            Endpoint::SlackReplies => replies(&mut world, &arguments),
            Endpoint::SlackEphemeral => answers::post_ephemeral(&mut world, arrival.at, arguments),
            Endpoint::SlackChannels => channels(&world, &arguments),
            Endpoint::SlackAuth => Ok(identity()),
            Endpoint::SlackInfo => look::info(&mut world, &arguments),
            _ => Err("unknown_method"),
        }
    });
    let response = match done {
        Ok(mut answer) => {
            answer.insert("ok".to_owned(), json!(true));
            end(&shared, arrival, ending, Json(answer).into_response()).await
        }
        Err("missing_scope") => look::missing(&shared, endpoint),
        Err(error) => Json(json!({ "ok": false, "error": error })).into_response(),
    };
    look::with_scopes(&shared, response)
}

fn refusal(fault: &Fault) -> Response {
    match fault {
        Fault::SlackError(error) => Json(json!({ "ok": false, "error": error })).into_response(),
        Fault::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response(),
        Fault::Status { status, retry_after } => {
            let error = if *status == 429 { "ratelimited" } else { "internal_error" };
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, Json(json!({ "ok": false, "error": error }))).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            response
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn authorized(headers: &HeaderMap) -> Result<(), &'static str> {
    match headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        None => Err("not_authed"),
        Some(shown) if shown.strip_prefix("Bearer xoxb-").is_some_and(|rest| !rest.is_empty()) => Ok(()),
        Some(_) => Err("invalid_auth"),
    }
}

/// A JSON body, else the form or the query, whose values are all strings.
fn arguments(parts: &Parts, raw: &Bytes) -> Result<Map<String, Value>, &'static str> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        return serde_json::from_slice(raw).map_err(|_| "invalid_json");
    }
    let form = if kind.starts_with("application/x-www-form-urlencoded") {
        raw.as_ref()
    } else {
        parts.uri.query().unwrap_or_default().as_bytes()
    };
    let pairs = form_urlencoded::parse(form).into_owned();
    Ok(pairs.map(|(key, value)| (key, Value::String(value))).collect())
}

fn text_of<'a>(arguments: &'a Map<String, Value>, key: &str) -> &'a str {
    arguments.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(arguments: &Map<String, Value>, key: &str) -> bool {
    matches!(arguments.get(key), Some(Value::Bool(true))) || matches!(text_of(arguments, key), "true" | "1")
}

fn number(arguments: &Map<String, Value>, key: &str) -> Option<usize> {
    let value = arguments.get(key)?;
    value.as_u64().and_then(|number| usize::try_from(number).ok()).or_else(|| value.as_str()?.parse().ok())
}

/// Whether an incoming webhook takes `message`, and if not, Slack's word for why.
pub(crate) fn fits(message: &Value) -> Result<(), &'static str> {
    let arguments = message.as_object().ok_or("invalid_payload")?;
    if arguments.contains_key("metadata") || arguments.contains_key("channel") {
        return Err("invalid_payload");
    }
    check(arguments)
}

/// What both posting and editing ask of a message.
fn check(arguments: &Map<String, Value>) -> Result<(), &'static str> {
    let blocks = arguments.get("blocks");
    let empty = blocks.and_then(Value::as_array).is_none_or(Vec::is_empty);
    if text_of(arguments, "text").is_empty() && empty {
        return Err("no_text");
    }
    if text_of(arguments, "text").chars().count() > TEXT {
        return Err("msg_too_long");
    }
    if let Some(blocks) = blocks {
        blocks::check(blocks)?;
    }
    match arguments.get("metadata") {
        Some(metadata)
            if !metadata.get("event_type").is_some_and(Value::is_string)
                || !metadata.get("event_payload").is_some_and(Value::is_object) =>
        {
            Err("invalid_metadata_format")
        }
        _ => Ok(()),
    }
}

fn post(world: &mut World, at: Timestamp, mut arguments: Map<String, Value>) -> Answer {
    let (channel, name) = world.channel(text_of(&arguments, "channel")).ok_or("channel_not_found")?;
    check(&arguments)?;
    // Into a thread that was deleted nothing is posted: the message stands in the channel. One that was never seen here is
    // somebody's whom the inbox does not know.
    let thread = text_of(&arguments, "thread_ts");
    let first = format!("{channel}/{thread}");
    let known = world.posts.iter().any(|post| post.service == Service::Slack && post.id == first);
    if known && !goes_on(world, &channel, thread) {
        arguments.remove("thread_ts");
    }
    let ts = world.ts(at);
    let id = format!("{channel}/{ts}");
    let new = posted(Service::Slack, name, id, at, Value::Object(arguments));
    let message = message(&new, true);
    world.posts.push(new);
    Ok(fields([("channel", json!(channel)), ("ts", json!(ts)), ("message", message)]))
}

fn update(world: &mut World, at: Timestamp, arguments: Map<String, Value>) -> Answer {
    let channel = text_of(&arguments, "channel").to_owned();
    // Unlike posting, editing takes no names.
    if !is_channel_id(&channel) || world.channel(&channel).is_none() {
        return Err("channel_not_found");
    }
    let ts = text_of(&arguments, "ts").to_owned();
    let id = format!("{channel}/{ts}");
    let found = world.posts.iter_mut().find(|post| post.service == Service::Slack && post.id == id && !post.deleted);
    let found = found.ok_or("message_not_found")?;
    if found.body.get("user").is_some() {
        return Err("cant_update_message");
    }
    check(&arguments)?;
    let text = text_of(&arguments, "text").to_owned();
    found.edits.push(Edit { at, body: Value::Object(arguments) });
    Ok(fields([("channel", json!(channel)), ("ts", json!(ts)), ("text", json!(text))]))
}

/// The thread that the message was posted into.
fn thread_of(post: &Posted) -> Option<&str> {
    post.body.get("thread_ts").and_then(Value::as_str)
}

/// Whether something is left of the thread: its first message, or those in it.
fn goes_on(world: &World, channel: &str, thread: &str) -> bool {
    let is_of = |post: &Posted| match post.id.split_once('/') {
        Some((place, ts)) => place == channel && (ts == thread || thread_of(post) == Some(thread)),
        None => false,
    };
    world.posts.iter().any(|post| post.service == Service::Slack && !post.deleted && is_of(post))
}

/// The first message of a thread and those in it.
fn replies(world: &mut World, arguments: &Map<String, Value>) -> Answer {
    let (channel, ts) = (text_of(arguments, "channel"), text_of(arguments, "ts").to_owned());
    let first = format!("{channel}/{ts}");
    if !goes_on(world, channel, &ts) {
        return Err("thread_not_found");
    }
    history(world, arguments, |post| post.id == first || thread_of(post) == Some(ts.as_str()))
}

fn history(world: &mut World, arguments: &Map<String, Value>, wanted: impl Fn(&Posted) -> bool) -> Answer {
    let channel = text_of(arguments, "channel").to_owned();
    if !is_channel_id(&channel) || world.channel(&channel).is_none() {
        return Err("channel_not_found");
    }
    let metadata = flag(arguments, "include_all_metadata");
    let (oldest, latest) = (text_of(arguments, "oldest"), text_of(arguments, "latest"));
    let inclusive = flag(arguments, "inclusive");
    let within = |ts: &str| {
        let ts = micros(ts);
        let after = oldest.is_empty() || ts > micros(oldest) || (inclusive && ts == micros(oldest));
        let before = latest.is_empty() || ts < micros(latest) || (inclusive && ts == micros(latest));
        after && before
    };
    let prefix = format!("{channel}/");
    let messages: Vec<Value> = world
        .posts
        .iter()
        .rev()
        .filter(|post| post.service == Service::Slack && !post.deleted && post.only_for.is_none() && wanted(post))
        .filter(|post| post.id.strip_prefix(&prefix).is_some_and(within))
        .map(|post| message(post, metadata))
        .collect();
    let (page, next) = page(messages, arguments)?;
    Ok(fields([
        ("messages", json!(page)),
        ("has_more", json!(next.is_some())),
        ("response_metadata", json!({ "next_cursor": next.unwrap_or_default() })),
    ]))
}

fn channels(world: &World, arguments: &Map<String, Value>) -> Answer {
    let types = Some(text_of(arguments, "types")).filter(|types| !types.is_empty()).unwrap_or("public_channel");
    let setup = &world.setup;
    let channels: Vec<Value> = world
        .channels
        .iter()
        .filter(|(id, name)| !world.removed.contains(id) && !world.removed.contains(name))
        .map(|(id, name)| (id.as_str(), name.as_str()))
        .filter(|channel| setup.is_member(*channel) && !setup.is_archived(*channel))
        .map(|channel| (channel, setup.is_private(channel)))
        .filter(|(_, private)| types.contains(if *private { "private_channel" } else { "public_channel" }))
        .map(|((id, name), private)| json!({ "id": id, "name": name, "is_channel": true, "is_private": private }))
        .collect();
    let (page, next) = page(channels, arguments)?;
    Ok(fields([("channels", json!(page)), ("response_metadata", json!({ "next_cursor": next.unwrap_or_default() }))]))
}

fn identity() -> Map<String, Value> {
    fields([
        ("url", json!("https://inbox.slack.com/")),
        ("team", json!("Inbox")),
        ("user", json!("firstlook")),
        ("team_id", json!("T0INBOX")),
        ("user_id", json!("U0FIRSTLOOK")),
        ("bot_id", json!("B0FIRSTLOOK")),
    ])
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The page that `limit` and `cursor` ask for, and the cursor of the next.
fn page(all: Vec<Value>, arguments: &Map<String, Value>) -> Result<(Vec<Value>, Option<String>), &'static str> {
    let limit = number(arguments, "limit").unwrap_or(100);
    if !(1..=PAGE).contains(&limit) {
        return Err("invalid_limit");
    }
    let start: usize = match text_of(arguments, "cursor") {
        "" => 0,
        cursor => cursor.strip_prefix("next:").and_then(|at| at.parse().ok()).ok_or("invalid_cursor")?,
    };
    let next = (start + limit < all.len()).then(|| format!("next:{}", start + limit));
    Ok((all.into_iter().skip(start).take(limit).collect(), next))
}

/// A `ts`, or seconds without a fraction, in microseconds; 0 when it is neither.
fn micros(ts: &str) -> i64 {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let seconds: i64 = seconds.parse().unwrap_or(0);
    let fraction: i64 = format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    seconds * 1_000_000 + fraction
}

/// The message as Slack shows it. Editing without `metadata` keeps what there was.
fn message(post: &Posted, with_metadata: bool) -> Value {
    let current = post.current();
    let ts = post.id.split_once('/').map_or("", |(_, ts)| ts);
    let text = current.get("text").cloned().unwrap_or_default();
    let mut message = fields([("type", json!("message")), ("ts", json!(ts)), ("text", text)]);
    let mut put = |key: &str, value: Value| message.insert(key.to_owned(), value);
    if let Some(person) = post.body.get("user") {
        put("user", person.clone());
        return Value::Object(message);
    }
    put("user", json!("U0FIRSTLOOK"));
    put("bot_id", json!("B0FIRSTLOOK"));
    if let Some(thread) = thread_of(post) {
        put("thread_ts", json!(thread));
    }
    if let Some(blocks) = current.get("blocks") {
        put("blocks", blocks.clone());
    }
    let metadata = current.get("metadata").or_else(|| post.body.get("metadata"));
    if let (true, Some(metadata)) = (with_metadata, metadata) {
        put("metadata", metadata.clone());
    }
    if let Some(edit) = post.edits.last() {
        put("edited", json!({ "user": "U0FIRSTLOOK", "ts": format!("{}.000000", edit.at.as_second()) }));
    }
    Value::Object(message)
}
