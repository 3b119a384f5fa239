//! Sources: docs.slack.dev, `auth.test`, `conversations.info`; the header `x-oauth-scopes` of every answer of the Web API.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ports::SetupCheck;
use serde_json::Value;

use super::{Unread, text};
use crate::{
    slack::{Slack, is_channel_id},
    text::line,
};

/// Which scopes are wanted: one of these, and what for.
type Need = (Vec<&'static str>, &'static str);

/// The scopes of a token; none where Slack does not say.
type Scopes = Option<BTreeSet<String>>;

/// By which the messages of a public and of a private channel are read.
const PUBLIC: &str = "channels:history";
const PRIVATE: &str = "groups:history";

/// What was seen of a channel: whether it is private, where that was seen.
type Seen = (SetupCheck, Option<bool>);

pub(crate) async fn check(outlet: &Slack, now: Timestamp) -> Vec<SetupCheck> {
    let (token, granted) = match token(outlet, now).await {
        Ok(known) => known,
        Err(unread) => return vec![unread.about("the bot's token")],
    };
    let (channel, private) = channel(outlet, &granted, now).await;
    let one_of = |public: &'static str, private_one: &'static str| match private {
        Some(true) => vec![private_one],
        Some(false) => vec![public],
        None => vec![public, private_one],
    };
    let history = if is_talk(outlet) { vec!["im:history"] } else { one_of(PUBLIC, PRIVATE) };
    let mut needs: Vec<Need> =
        vec![(vec!["chat:write"], "to post and to edit"), (history, "to find its own message after a lost answer")];
    if !is_channel_id(outlet.spec.channel.trim()) {
        needs.push((one_of("channels:read", "groups:read"), "to find the channel by its name then"));
    }
    vec![token, scopes(&granted, &needs), channel]
}

/// The same for what people ask for in Slack: in `channels` (ids).
pub(crate) async fn check_chat(outlet: &mut Slack, channels: &[&str], now: Timestamp) -> Vec<SetupCheck> {
    let (token, granted) = match token(outlet, now).await {
        Ok(known) => known,
        Err(unread) => return vec![unread.about("the bot's token")],
    };
    let needs: [Need; 3] = [
        (vec!["commands"], "for the slash command"),
        (vec!["app_mentions:read"], "to hear mentions"),
        (vec!["chat:write"], "to answer"),
    ];
    let mut found = vec![token, scopes(&granted, &needs)];
    for id in channels {
        outlet.spec.channel = (*id).to_owned();
        found.push(channel(outlet, &granted, now).await.0);
    }
    found
}

/// Who the bot is, and what it may.
async fn token(outlet: &Slack, now: Timestamp) -> Result<(SetupCheck, Scopes), Unread> {
    let method = "auth.test";
    // By the way of a delivery, so that what is taken here is taken there.
    let asked = outlet.call_whole(method, |http, url| http.get(url), now).await;
    let (body, headers) = asked.map_err(|refused| outlet.unread(method, refused))?;
    let scopes = headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
    let scopes = scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
    let (bot, team) = (line(text(&body, "/user")), line(text(&body, "/team")));
    Ok((SetupCheck::ok(format!("the bot's token is taken: @{bot} in {team}")), scopes))
}

fn scopes(granted: &Scopes, needs: &[Need]) -> SetupCheck {
    let Some(granted) = granted else {
        return SetupCheck::cannot_tell("which scopes the token has: Slack does not say");
    };
    let held = |(any, _): &Need| any.iter().find(|scope| granted.contains(**scope)).copied();
    let missing: Vec<String> = needs
        .iter()
        .filter(|need| held(need).is_none())
        .map(|(any, why)| format!("`{}` ({why})", any.join("` or `")))
        .collect();
    if missing.is_empty() {
        let held: Vec<&str> = needs.iter().filter_map(held).collect();
        return SetupCheck::ok(format!("its scopes are enough: {}", held.join(", ")));
    }
    SetupCheck::mend(
        "the token's scopes",
        format!(
            "give the app {} under OAuth & Permissions, and install it again into the workspace",
            missing.join(", ")
        ),
    )
}

/// Whether the channel is a talk with one person.
fn is_talk(outlet: &Slack) -> bool {
    let given = outlet.spec.channel.trim();
    given.starts_with('D') && is_channel_id(given)
}

async fn channel(outlet: &Slack, granted: &Scopes, now: Timestamp) -> Seen {
    let given = line(outlet.spec.channel.trim());
    let what = format!("channel {given}");
    if is_talk(outlet) {
        let why = "a talk with one person: whether the bot may write there shows when it does";
        return (SetupCheck::cannot_tell(format!("{what} is {why}")), None);
    }
    let id = match outlet.channel_id(now).await {
        Ok(id) => id,
        Err(error) => return (Unread::from(error).about(&what), None),
    };
    let body = match outlet.read("conversations.info", &[("channel", &id)], now).await {
        Ok(body) => body,
        Err(refused) if refused.code == "missing_scope" => return by_history(outlet, &what, &id, granted, now).await,
        Err(refused) => {
            return (outlet.unread("conversations.info", refused).about(&what), None);
        }
    };
    let is = |field: &str| body.pointer(&format!("/channel/{field}")).and_then(Value::as_bool);
    let name = line(text(&body, "/channel/name"));
    let named = if given.ends_with(&name) { what.clone() } else { format!("{what} (#{name})") };
    let seen = match (is("is_archived"), is("is_member")) {
        (Some(true), _) => SetupCheck::mend(named, "it is archived: bring it back, or name another"),
        (_, Some(false)) => SetupCheck::mend(
            format!("{named}: the bot is not in it"),
            format!("invite the bot: write `/invite` and its name in #{name}"),
        ),
        _ => SetupCheck::ok(format!("{named}: the bot is in it")),
    };
    (seen, is("is_private"))
}

/// Whether the bot is in a channel that it may not see the details of. That it may not read it tells whether the channel is private,
/// where it has the scope for one kind alone; and that it may, that its scope is enough.
async fn by_history(outlet: &Slack, what: &str, id: &str, granted: &Scopes, now: Timestamp) -> Seen {
    match outlet.read("conversations.history", &[("channel", id), ("limit", "1")], now).await {
        Ok(_) => (SetupCheck::ok(format!("{what}: the bot is in it")), None),
        Err(refused) if refused.code == "missing_scope" => {
            let seen = SetupCheck::cannot_tell(format!(
                "{what}: whether the bot is in it takes the scope `channels:read`, or `groups:read` for a private one"
            ));
            let has = |scope: &str| granted.as_ref().is_some_and(|granted| granted.contains(scope));
            (seen, (has(PUBLIC) != has(PRIVATE)).then(|| has(PUBLIC)))
        }
        Err(refused) => (outlet.unread("conversations.history", refused).about(what), None),
    }
}
