//! What only one person sees: `chat.postEphemeral`, and what is posted to a `response_url` (docs.slack.dev, Handling user
//! interaction: five times within 30 minutes).

use std::sync::{Arc, PoisonError};

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Answer, check, fields, refusal, text_of};
use crate::{
    Endpoint, Posted, Service,
    serve::{end, whole},
    state::{Course, Shared, World, posted},
};

const USES: u32 = 5;
const LASTS: SignedDuration = SignedDuration::from_mins(30);

/// An address that was given out with a slash command.
pub(crate) struct ResponseUrl {
    channel: String,
    user: String,
    made_at: Timestamp,
    uses: u32,
}

/// Gives out an address for what `user` asked for in the channel `name`; the last part of its path.
pub(crate) fn give_out(world: &mut World, name: &str, user: &str, now: Timestamp) -> usize {
    let channel = world.channel(name).map_or_else(|| name.to_owned(), |(id, _)| id);
    world.response_urls.push(ResponseUrl { channel, user: user.to_owned(), made_at: now, uses: 0 });
    world.response_urls.len() - 1
}

pub(crate) fn post_ephemeral(world: &mut World, at: Timestamp, arguments: Map<String, Value>) -> Answer {
    let (channel, name) = world.channel(text_of(&arguments, "channel")).ok_or("channel_not_found")?;
    let user = text_of(&arguments, "user").to_owned();
    if user.is_empty() {
        return Err("user_not_in_channel");
    }
    check(&arguments)?;
    let ts = world.ts(at);
    world.posts.push(told(name, format!("{channel}/{ts}"), at, user, arguments));
    Ok(fields([("message_ts", json!(ts))]))
}

fn told(channel: String, id: String, at: Timestamp, user: String, body: Map<String, Value>) -> Posted {
    Posted { only_for: Some(user), ..posted(Service::Slack, channel, id, at, Value::Object(body)) }
}

/// Takes what is posted to a `response_url`. Who has the address needs no token.
pub(crate) async fn respond(State(shared): State<Arc<Shared>>, Path(at): Path<String>, request: Request) -> Response {
    let (parts, raw) = whole(request).await;
    let (arrival, course) = shared.arrive(Endpoint::SlackResponse, &parts, &raw);
    let ending = match course {
        Course::Accept(ending) => ending,
        Course::Hang => std::future::pending().await,
        Course::Refuse(fault) => return refusal(&fault),
    };
    let done = {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        take(&mut world, &at, arrival.at, serde_json::from_slice(&raw).ok())
    };
    match done {
        Ok(()) => end(&shared, arrival, ending, "ok".into_response()).await,
        Err(error) => (StatusCode::NOT_FOUND, Json(json!({ "ok": false, "error": error }))).into_response(),
    }
}

fn take(world: &mut World, at: &str, now: Timestamp, body: Option<Map<String, Value>>) -> Result<(), &'static str> {
    let known = at.parse::<usize>().ok().and_then(|at| world.response_urls.get_mut(at)).ok_or("invalid_url")?;
    if now.duration_since(known.made_at) > LASTS {
        return Err("expired_url");
    }
    if known.uses >= USES {
        return Err("used_url");
    }
    known.uses += 1;
    let (channel, user) = (known.channel.clone(), known.user.clone());
    let body = body.ok_or("invalid_json")?;
    check(&body)?;
    let (id, name) = world.channel(&channel).ok_or("channel_not_found")?;
    let ts = world.ts(now);
    let in_channel = text_of(&body, "response_type") == "in_channel";
    let mut new = told(name, format!("{id}/{ts}"), now, user, body);
    if in_channel {
        new.only_for = None;
    }
    world.posts.push(new);
    Ok(())
}
