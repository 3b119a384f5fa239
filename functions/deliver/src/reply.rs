//! Tells who asked in a chat what they asked for. Nobody else sees it, and nothing of it is recorded: who missed it asks again.

use std::time::Duration;

use domain::{ChatAnswer, ChatPlace, ChatReply, Name, OutletSpec, Run};
use jiff::{SignedDuration, tz::TimeZone};
use outlets::{OutletError, slack};
use ports::Queue;

use crate::{Deliver, DeliverError, schedule::spread};

/// How many RunSessions are shown.
const FEW: usize = 5;
/// How far back they are looked for, in days.
const DAYS: u32 = 7;
/// How many records are read for it at most: a storm must not make an answer slow.
const MOST: usize = 500;

/// How long a chat may ask to wait with an answer. Later than that nobody waits for it.
const WAITS: SignedDuration = SignedDuration::from_hours(1);

/// What Slack calls channels in slash commands whose names it does not tell.
const NAMELESS: [&str; 2] = ["privategroup", "directmessage"];

impl Deliver {
    /// Answers, or gives up where people see it. `body` is the message, which waits where the chat asks for that.
    pub(crate) async fn reply(&self, reply: &ChatReply, body: &str) -> Result<(), DeliverError> {
        let now = self.clock.now();
        let markup = match &reply.answer {
            ChatAnswer::Text { text } => slack::escape(text),
            ChatAnswer::Last { commands } => self.last(&reply.place, commands).await?,
        };
        let (source, who) = (reply.place.source.as_str(), reply.place.to_string());
        let reason = match self.chat.answer(reply, &markup, now).await {
            Ok(()) => {
                tracing::info!(source, request = %reply.id, "answered");
                return Ok(());
            }
            Err(OutletError::Limited { wait, .. }) if now.duration_since(reply.asked_at) < WAITS => {
                return Ok(self.sender.send(Queue::Deliver, body, source, spread(wait, self.entropy.random())).await?);
            }
            // It comes back with the lease, and after the last receipt it is among the dead letters.
            Err(
                OutletError::Transient { reason, .. }
                | OutletError::Ambiguous { reason, .. }
                | OutletError::Taken { reason, .. },
            ) => {
                return Err(DeliverError::Answer { who, reason });
            }
            Err(
                OutletError::Permanent { reason }
                | OutletError::Deleted { reason }
                | OutletError::Limited { reason, .. },
            ) => reason,
        };
        tracing::error!(source, request = %reply.id, who, reason, "the answer is given up");
        Ok(self.sender.send(Queue::DeliverDlq, body, source, Duration::ZERO).await?)
    }

    /// The newest RunSessions that the channel may see.
    async fn last(&self, place: &ChatPlace, commands: &[Name]) -> Result<String, DeliverError> {
        let now = self.clock.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let wanted = |run: &Run| commands.contains(&run.command) || is_delivered_to(run, place);
        let mut newest = Vec::new();
        for run in self.store.reader().newest(today, DAYS, MOST, FEW, wanted).await? {
            // Who asked wants to know that there is something, more than to open it.
            let link = self.links(&run).await.unwrap_or_default().run;
            newest.push((run, link));
        }
        Ok(slack::newest(newest, DAYS, now))
    }
}

/// Whether a target of `run` is the channel.
fn is_delivered_to(run: &Run, place: &ChatPlace) -> bool {
    let name = Some(place.channel_name.as_str()).filter(|name| !name.is_empty() && !NAMELESS.contains(name));
    run.targets.iter().any(|target| match &target.outlet {
        OutletSpec::Slack(spec) => {
            spec.channel == place.channel || name.is_some_and(|name| spec.channel.strip_prefix('#') == Some(name))
        }
        _ => false,
    })
}
