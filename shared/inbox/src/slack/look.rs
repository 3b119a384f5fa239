//! What Slack says of the bot and of a channel, and what it does not let the bot do (docs.slack.dev: `conversations.info`;
//! "Using the Slack Web API", evaluating responses).

use std::sync::PoisonError;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::{Answer, fields, text_of};
use crate::{
    Endpoint, Service,
    state::{Shared, World},
};

const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");

/// What the app of docs/sources/slack.md has.
const ALL: [&str; 7] = [
    "chat:write",
    "commands",
    "app_mentions:read",
    "channels:history",
    "groups:history",
    "channels:read",
    "groups:read",
];

/// Every answer says which scopes the token has.
pub(crate) fn with_scopes(shared: &Shared, mut response: Response) -> Response {
    let world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(value) = HeaderValue::from_str(&granted(&world).join(",")) {
        response.headers_mut().insert(SCOPES, value);
    }
    response
}

fn granted(world: &World) -> Vec<String> {
    world.setup.granted(Service::Slack).unwrap_or_else(|| ALL.map(str::to_owned).to_vec())
}

/// What Slack says where a scope is missing: which would have been enough, and which there are.
pub(crate) fn missing(shared: &Shared, endpoint: Endpoint) -> Response {
    let needed = match endpoint {
        Endpoint::SlackHistory | Endpoint::SlackReplies => "channels:history,groups:history,im:history",
        Endpoint::SlackInfo | Endpoint::SlackChannels => "channels:read,groups:read,im:read",
        _ => "chat:write",
    };
    let world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    let provided = granted(&world).join(",");
    Json(json!({ "ok": false, "error": "missing_scope", "needed": needed, "provided": provided })).into_response()
}

/// Whether the bot has a scope for this, and is where it must be.
pub(crate) fn admitted(
    world: &mut World,
    endpoint: Endpoint,
    arguments: &Map<String, Value>,
) -> Result<(), &'static str> {
    let channel = world.channel(text_of(arguments, "channel")).filter(|_| !text_of(arguments, "channel").is_empty());
    let channel = channel.as_ref().map(|(id, name)| (id.as_str(), name.as_str()));
    let private = channel.is_some_and(|channel| world.setup.is_private(channel));
    let wants_private = text_of(arguments, "types").contains("private");
    let talk = channel.is_some_and(|(id, _)| id.starts_with('D'));
    let one_of = |kind: &'static [&str; 3]| {
        let [public, hidden, with_one] = *kind;
        vec![if talk {
            with_one
        } else if private {
            hidden
        } else {
            public
        }]
    };
    let wanted: Vec<&str> = match endpoint {
        Endpoint::SlackPost | Endpoint::SlackUpdate | Endpoint::SlackEphemeral => vec!["chat:write"],
        Endpoint::SlackHistory | Endpoint::SlackReplies => {
            one_of(&["channels:history", "groups:history", "im:history"])
        }
        Endpoint::SlackInfo => one_of(&["channels:read", "groups:read", "im:read"]),
        Endpoint::SlackChannels if wants_private => vec!["channels:read", "groups:read"],
        Endpoint::SlackChannels => vec!["channels:read"],
        _ => vec![],
    };
    let granted = granted(world);
    if wanted.iter().any(|scope| !granted.iter().any(|one| one == scope)) {
        return Err("missing_scope");
    }
    let Some(channel) = channel else { return Ok(()) };
    let writes = matches!(endpoint, Endpoint::SlackPost | Endpoint::SlackUpdate | Endpoint::SlackEphemeral);
    match endpoint {
        _ if writes && world.setup.is_archived(channel) => Err("is_archived"),
        _ if world.setup.is_member(channel) => Ok(()),
        // A private channel is not there for who is not in it.
        _ if private => Err("channel_not_found"),
        Endpoint::SlackInfo => Ok(()),
        _ => Err("not_in_channel"),
    }
}

pub(crate) fn info(world: &mut World, arguments: &Map<String, Value>) -> Answer {
    let given = text_of(arguments, "channel").to_owned();
    // It takes ids alone.
    if !crate::state::is_channel_id(&given) {
        return Err("channel_not_found");
    }
    let (id, name) = world.channel(&given).ok_or("channel_not_found")?;
    let (setup, channel) = (&world.setup, (id.as_str(), name.as_str()));
    let channel = json!({
        "id": id, "name": name, "is_channel": true, "is_im": false,
        "is_private": setup.is_private(channel), "is_archived": setup.is_archived(channel), "is_member": setup.is_member(channel),
    });
    Ok(fields([("channel", channel)]))
}
