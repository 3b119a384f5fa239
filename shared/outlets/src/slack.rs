//! A message in a Slack channel, edited as the run goes on (source: docs.slack.dev/reference/methods).

pub(crate) mod answer;
pub(crate) mod api;
mod newest;
mod render;
mod rest;
mod words;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{OutletSpec, Root, Run, RunId, Secret, SlackSpec, Target, TargetState};
use jiff::{SignedDuration, Timestamp};
use ports::{ReadSecret, SetupCheck};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Http, read_secret},
    setup,
};

pub use newest::newest;
pub use render::{escape, render};
pub use rest::parts;

/// The key of the bot's token (`xoxb-...`) in the secret.
pub const TOKEN_KEY: &str = "slack-bot-token";

/// Slack's clock and ours need not agree.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How long after the last try its message may still come to stand. Later than that nothing is looked for, so that a
/// search long afterwards does not drown in what was written since.
const LANDING: SignedDuration = SignedDuration::from_mins(10);

/// How many messages of a channel are asked for at once, and how many pages. What is beyond is not searched, and the
/// search then says that it cannot tell.
const PAGE: usize = 200;
const PAGES: usize = 20;

/// Slack.
pub(crate) struct Slack {
    pub http: Http,
    pub base: Url,
    pub secrets: Arc<dyn ReadSecret>,
    pub token: Secret,
    pub spec: SlackSpec,
    /// [`Outlet::stands_apart`].
    pub apart: AtomicBool,
}

impl Slack {
    pub async fn open(
        http: Http,
        base: Url,
        secrets: Arc<dyn ReadSecret>,
        spec: SlackSpec,
    ) -> Result<Self, OutletError> {
        let live = read_secret(secrets.as_ref(), TOKEN_KEY).await?;
        let token = live.into_iter().next().unwrap_or_else(|| Secret::new(""));
        Ok(Self { http, base, secrets, token, spec, apart: AtomicBool::new(false) })
    }

    /// The id of the channel, which all methods but `chat.postMessage` want.
    pub(crate) async fn channel_id(&self, now: Timestamp) -> Result<String, OutletError> {
        let given = self.spec.channel.trim();
        if is_channel_id(given) {
            return Ok(given.to_owned());
        }
        let name = given.trim_start_matches('#');
        // Private channels need one more scope; a bot that lacks it is asked for the public ones alone.
        let mut types = "public_channel,private_channel";
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let arguments = [("types", types), ("limit", "200"), ("exclude_archived", "true"), ("cursor", &cursor)];
            let page = match self.read("users.conversations", &arguments, now).await {
                Ok(page) => page,
                Err(refused) if refused.code == "missing_scope" && types.contains("private") => {
                    types = "public_channel";
                    continue;
                }
                Err(refused) => return Err(self.explain("users.conversations", refused, false)),
            };
            let channels = page.get("channels").and_then(Value::as_array).into_iter().flatten();
            let of = |channel: &'_ Value, field: &str| channel.get(field).and_then(Value::as_str).map(str::to_owned);
            let found =
                channels.filter(|channel| of(channel, "name").as_deref() == Some(name)).find_map(|c| of(c, "id"));
            if let Some(id) = found {
                return Ok(id);
            }
            match api::next_cursor(&page) {
                Some(next) => cursor = next,
                None => {
                    return Err(OutletError::permanent(format!(
                        "the bot is in no channel `#{name}`, so it cannot be said whether an earlier post stands there: \
                         invite the bot, or name the channel by its id"
                    )));
                }
            }
        }
        Err(OutletError::permanent(format!(
            "the bot is in too many channels to find `#{name}` among them: name the channel by its id"
        )))
    }

    async fn send(&self, method: &'static str, body: &Value, post: &Post<'_>) -> Result<Value, OutletError> {
        self.call(method, |http, url| http.post(url).json(body), post.now)
            .await
            .map_err(|refused| self.explain(method, refused, method == "chat.postMessage"))
    }
}

#[async_trait]
impl Outlet for Slack {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let channel = self.channel_id(post.now).await?;
        let since = post.target.sending_since.unwrap_or(post.view.run.created_at);
        let oldest = since.checked_sub(SKEW).unwrap_or(since).as_second().to_string();
        // The target was saved when the last try was begun or had ended.
        let last = post.target.updated_at.max(since);
        let latest = last.checked_add(LANDING).unwrap_or(last).as_second().to_string();
        // The messages of a thread are not among those of its channel.
        let wanted = under(post.target).unwrap_or_default();
        let mut thread = wanted;
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let limit = PAGE.to_string();
            let arguments = [
                ("channel", channel.as_str()),
                ("oldest", &oldest),
                ("latest", &latest),
                ("limit", &limit),
                ("include_all_metadata", "true"),
                ("cursor", &cursor),
            ];
            let method = if thread.is_empty() { "conversations.history" } else { "conversations.replies" };
            let arguments = arguments.into_iter().chain([("ts", thread)]).collect::<Vec<_>>();
            let page = match self.read(method, &arguments, post.now).await {
                Ok(page) => page,
                // It was deleted before anything stood in it: what was posted into it then stands in the channel.
                Err(refused) if refused.code == "thread_not_found" && !thread.is_empty() => {
                    (thread, cursor) = ("", String::new());
                    continue;
                }
                Err(refused) => return Err(self.explain(method, refused, false)),
            };
            let mut messages = page.get("messages").and_then(Value::as_array).into_iter().flatten();
            if let Some(ours) = messages.find(|message| message.get("metadata") == Some(&metadata(post))) {
                let ts = ours.get("ts").and_then(Value::as_str);
                self.apart.store(thread != wanted, Ordering::Relaxed);
                return match ts {
                    Some(ts) => Ok(Some(format!("{channel}/{ts}"))),
                    None => Err(OutletError::transient("Slack lists our message without its `ts`")),
                };
            }
            match api::next_cursor(&page) {
                Some(next) => cursor = next,
                None => return Ok(None),
            }
        }
        Err(OutletError::transient(format!(
            "`{}` has more than {} messages from the time of the earlier tries, too many to find a post among them",
            self.spec.channel,
            PAGE * PAGES
        )))
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let answer = self.send("chat.postMessage", &message(&self.spec, post), post).await?;
        // Into a thread whose first message was deleted Slack posts nothing: it answers `ok`, and the message stands in the channel
        // (slack-go/slack issue 1571).
        let stands = answer.get("message").and_then(Value::as_object);
        let apart = under(post.target).is_some() && stands.is_some_and(|stands| !stands.contains_key("thread_ts"));
        self.apart.store(apart, Ordering::Relaxed);
        match (answer.get("channel").and_then(Value::as_str), answer.get("ts").and_then(Value::as_str)) {
            (Some(channel), Some(ts)) => Ok(format!("{channel}/{ts}")),
            _ => Err(OutletError::ambiguous("Slack took the message and did not say which it is")),
        }
    }

    fn stands_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        let Some((channel, ts)) = provider_id.split_once('/') else {
            return Err(OutletError::permanent(format!("`{provider_id}` names no Slack message")));
        };
        let mut body = render(post);
        merge(&mut body, json!({ "channel": channel, "ts": ts, "metadata": metadata(post) }));
        self.send("chat.update", &body, post).await.map(drop)
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::slack::check(self, now).await
    }
}

/// The thread into which the target's message is posted, by the `ts` of its first message: that of the first look at its incident,
/// or the one that its workflow names. None where its message came to stand apart from it.
fn under(target: &Target) -> Option<&str> {
    let OutletSpec::Slack(spec) = &target.spec.outlet else { return None };
    let first = target.root.as_ref().and_then(|root| root.thread.as_deref());
    first.or(spec.thread.as_deref()).filter(|_| !target.apart)
}

/// The thread in which the target's message stands, or which it begins: the channel's id, and the `ts` of the first message.
#[must_use]
pub fn thread(target: &Target) -> Option<(&str, &str)> {
    let (channel, ts) = target.provider_id.as_deref()?.split_once('/')?;
    Some((channel, under(target).unwrap_or(ts)))
}

/// Whether `run` can be stopped and run again where its message stands, and that was not known before it stood: what the target
/// names is not the channel's id.
#[must_use]
pub fn gains_a_button(target: &Target, run: &Run) -> bool {
    let (OutletSpec::Slack(spec), Some((channel, _))) = (&target.spec.outlet, thread(target)) else { return false };
    run.buttons && channel != spec.channel.trim() && run.asked_from.iter().any(|from| from == channel)
}

/// Where the message of a later look than `first`'s stands, whose own target is `spec`; nothing where `first` has no message, or
/// none any more.
#[must_use]
pub fn root(first: &Target, run: RunId, spec: &SlackSpec) -> Option<Root> {
    let OutletSpec::Slack(firsts) = &first.spec.outlet else { return None };
    let (_, ts) = thread(first).filter(|_| firsts == spec && first.state != TargetState::Deleted)?;
    let run = first.root.as_ref().map_or(run, |root| root.run);
    Some(Root { run, thread: (spec.thread.as_deref() != Some(ts)).then(|| ts.to_owned()) })
}

/// What `chat.postMessage` is sent.
pub(crate) fn message(spec: &SlackSpec, post: &Post<'_>) -> Value {
    let mut body = render(post);
    merge(&mut body, json!({ "channel": spec.channel.trim(), "metadata": metadata(post) }));
    if let Some(thread) = under(post.target) {
        merge(&mut body, json!({ "thread_ts": thread }));
    }
    body
}

/// By this a message is known again. Only apps see it.
fn metadata(post: &Post<'_>) -> Value {
    json!({
        "event_type": "firstlook_run",
        "event_payload": { "run": post.view.run.id, "target": post.target.spec.name },
    })
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

pub(crate) fn is_channel_id(text: &str) -> bool {
    text.len() >= 9
        && text.starts_with(['C', 'G', 'D'])
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
