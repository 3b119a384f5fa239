//! What one person in a channel is told, and nobody else.

use domain::ChatReply;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::Slack;
use crate::{
    OutletError,
    http::{Http, Lost},
};

/// How long after the request its `response_url` is tried. Slack takes answers there for 30 minutes, and five of them
/// (docs.slack.dev, Handling user interaction, response_url); one is all that is needed.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(29);

/// Answers at `url` where Slack still takes that, which needs no rights in the channel, else as the bot.
pub(crate) async fn answer(
    http: &Http,
    slack: impl Future<Output = Result<Slack, OutletError>>,
    url: Option<Url>,
    reply: &ChatReply,
    markup: &str,
    now: Timestamp,
) -> Result<(), OutletError> {
    // Whether Slack did not answer there for a reason of the moment.
    let mut blip = false;
    if let Some(url) = url.filter(|_| now.duration_since(reply.asked_at) < TAKEN_FOR) {
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": markup });
        match http.send(http.post(&url).json(&body), &url).await {
            Ok(taken) if taken.status.is_success() => return Ok(()),
            // Too late, used up, or lost on the way: the bot says it, and that it may be said twice does no harm.
            Ok(refused) => blip = refused.status.is_server_error() || refused.status == StatusCode::TOO_MANY_REQUESTS,
            Err(Lost::Refused(_)) => {}
            Err(Lost::NotSent(_) | Lost::MaybeDone(_)) => blip = true,
        }
    }
    as_the_bot(slack, reply, markup, now).await.map_err(|error| match error {
        // Who asked in a channel without the bot can be told there alone: it is tried again while that is taken.
        OutletError::Permanent { reason } if blip => OutletError::transient(reason),
        other => other,
    })
}

async fn as_the_bot(
    slack: impl Future<Output = Result<Slack, OutletError>>,
    reply: &ChatReply,
    markup: &str,
    now: Timestamp,
) -> Result<(), OutletError> {
    let slack = slack.await?;
    let mut body = json!({ "channel": reply.place.channel, "user": reply.place.user, "text": markup });
    if let (Some(thread), Value::Object(body)) = (&reply.place.thread, &mut body) {
        body.insert("thread_ts".to_owned(), json!(thread));
    }
    let method = "chat.postEphemeral";
    let sent = slack.call(method, |http, url| http.post(url).json(&body), now).await;
    sent.map(drop).map_err(|refused| slack.explain(method, refused, false))
}
