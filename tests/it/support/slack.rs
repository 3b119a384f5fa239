//! Slack's side: signed requests, as it sends them.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::pages::Page;

/// What signs them.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Who writes.
pub const ANN: &str = "U0ANN00001";

/// Her workspace, which has the app.
const TEAM: &str = "T0SHOP0001";

fn signed(body: Vec<u8>, content_type: &str) -> Page {
    let seconds = Timestamp::now().as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).unwrap();
    for part in [b"v0:", seconds.as_bytes(), b":", &body] {
        mac.update(part);
    }
    let headers = vec![
        ("content-type".to_owned(), content_type.to_owned()),
        ("x-slack-request-timestamp".to_owned(), seconds),
        ("x-slack-signature".to_owned(), format!("v0={}", hex::encode(mac.finalize().into_bytes()))),
    ];
    Page { headers, body }
}

/// `/firstlook {text}`, written by Ann in `channel`; `trigger` names the request.
pub fn command(text: &str, channel: &str, trigger: &str, response_url: &str) -> Page {
    let fields = [
        ("token", "gone"),
        ("team_id", TEAM),
        ("channel_id", channel),
        ("channel_name", "asked"),
        ("user_id", ANN),
        ("user_name", "ann"),
        ("command", "/firstlook"),
        ("text", text),
        ("response_url", response_url),
        ("trigger_id", trigger),
    ];
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let form = fields.map(|(name, value)| format!("{name}={}", escaped(value))).join("&");
    signed(form.into_bytes(), "application/x-www-form-urlencoded")
}

/// A body of the Events API.
pub fn event(body: &Value) -> Page {
    signed(body.to_string().into_bytes(), "application/json")
}

/// Ann mentions the bot in the thread of `ts`; `id` names the event.
pub fn mention(text: &str, channel: &str, ts: &str, id: &str) -> Page {
    let now = Timestamp::now().as_second();
    event(&json!({
        "token": "gone", "team_id": TEAM, "type": "event_callback", "event_id": id, "event_time": now,
        "event": {
            "type": "app_mention", "user": ANN, "team": TEAM, "text": format!("<@U0FIRSTLOOK> {text}"), "channel": channel,
            "ts": format!("{now}.000900"), "thread_ts": ts, "event_ts": format!("{now}.000900"),
        },
        "authorizations": [{"team_id": TEAM, "user_id": "U0FIRSTLOOK", "is_bot": true}],
        "is_ext_shared_channel": false,
    }))
}

/// Now, as Slack writes it.
fn moment() -> String {
    let now = Timestamp::now();
    format!("{}.{:06}", now.as_second(), now.subsec_microsecond())
}

/// Ann presses the button `action` of the message `id` (`channel/ts`), whose value is `value`.
pub fn press(id: &str, action: &str, value: &str, trigger: &str) -> Page {
    let (channel, ts) = id.split_once('/').unwrap();
    let payload = json!({
        "type": "block_actions", "token": "gone", "trigger_id": trigger,
        "team": {"id": TEAM, "domain": "shop"}, "user": {"id": ANN, "username": "ann", "team_id": TEAM},
        "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
        "channel": {"id": channel, "name": "asked"},
        "actions": [{
            "type": "button", "action_id": action, "block_id": "firstlook", "value": value,
            "action_ts": moment(),
        }],
    });
    let escaped = payload.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    signed(format!("payload={escaped}").into_bytes(), "application/x-www-form-urlencoded")
}
