//! Slack's Events API, interactivity and slash commands (docs.slack.dev). Nothing of it is an alert: a mention in a thread
//! attaches to the run that stands there, and what is asked for is read in [`crate::chat`].

use domain::EventKind;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    chat::plain,
    json::{first, list, text, time, word},
    said::Said,
};

pub(crate) fn read(body: &Value, _received_at: Timestamp) -> Vec<Said<'_>> {
    // Slack gives events an id that is the same on every attempt; what a person does has a trigger.
    let delivery = first(body, &["/event_id", "/trigger_id"]).map(str::to_owned);
    vec![Said { delivery, ..said(body) }]
}

fn said(body: &Value) -> Said<'_> {
    let kind = first(body, &["/type"]).unwrap_or_default();
    let command = text(body, "/command");
    match (kind, body.get("event").filter(|event| event.is_object()), command) {
        ("url_verification", ..) => Said::ping(kind, "Slack asks whether this URL is ours"),
        ("app_rate_limited", ..) => rate_limited(kind),
        (_, Some(event), _) => of_event(body, event),
        ("", None, Some(command)) => {
            Said::unknown(command, format!("`{command}` is a slash command: it is answered, and is no event"))
        }
        ("", None, None) if word(body, "/ssl_check") == "1" => {
            Said::ping("ssl_check", "Slack looks at the certificate")
        }
        ("", None, None) => Said::unknown("", "the body says neither `type` nor `command`, so it is not Slack's"),
        _ => Said::foreign(kind),
    }
}

fn rate_limited(word: &str) -> Said<'_> {
    Said::unknown(word, "Slack kept events back: this app gets more of them than Slack sends in an hour")
}

fn of_event<'a>(body: &'a Value, event: &'a Value) -> Said<'a> {
    let kind = first(event, &["/type"]).unwrap_or_default();
    // Around the event stands a token that verified requests once.
    let part = Some(event);
    if kind == "app_rate_limited" {
        return Said { part, ..rate_limited(kind) };
    }
    if is_by_an_app(body, event) {
        let reason = "it is a message of an app, and none of those starts or changes anything";
        return Said { part, ..Said::unknown(kind, reason) };
    }
    if kind != "app_mention" {
        return Said { part, ..Said::foreign(kind) };
    }
    let written = text(event, "/text").unwrap_or_default();
    // It begins with our own name, most of the time.
    let written = match our_name(body, written) {
        Some((before, said)) if before.trim().is_empty() => said,
        _ => written,
    };
    let said = format!("{} wrote: {}", word(event, "/user"), plain(written).trim());
    match (text(event, "/channel"), text(event, "/thread_ts")) {
        (Some(channel), Some(thread)) => Said {
            external_id: Some(format!("{channel}:{thread}")),
            at: time(body, "/event_time"),
            summary: said,
            part,
            ..Said::new(EventKind::Annotated, kind)
        },
        _ => Said { part, ..Said::unknown(kind, "it is a mention outside of any thread") },
    }
}

/// What stands before and behind our own mention in `text`; that of the first where Slack does not say who we are.
pub(crate) fn our_name<'t>(body: &Value, text: &'t str) -> Option<(&'t str, &'t str)> {
    let ours: Vec<&str> = list(body, "/authorizations").iter().filter_map(|one| self::text(one, "/user_id")).collect();
    text.match_indices("<@").find_map(|(at, _)| {
        let (before, mention) = text.split_at_checked(at)?;
        let (name, behind) = mention.strip_prefix("<@")?.split_once('>')?;
        let user = name.split_once('|').map_or(name, |(user, _)| user);
        (ours.is_empty() || ours.contains(&user)).then_some((before, behind))
    })
}

/// A message of a bot, ours among them: what we post must not come back as something that is asked for.
pub(crate) fn is_by_an_app(body: &Value, event: &Value) -> bool {
    let user = text(event, "/user");
    let ours = |one: &Value| user.is_some() && text(one, "/user_id") == user;
    first(event, &["/bot_id", "/bot_profile/id"]).is_some()
        || user.is_none()
        || list(body, "/authorizations").iter().any(ours)
}
