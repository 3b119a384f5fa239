//! What travels over the two queues: tagged and versioned, so that a function of the next release reads what the last
//! one sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ChatPlace, ChatReply, Event, EventId, Name, Press, RunId};

/// A Command asked for by a person, a chat or a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// Names the request; the run's id follows from it.
    pub id: EventId,
    /// The Command.
    pub command: Name,
    /// Its parameters, as given; validated against the Command before anything runs.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// Who asked, for people.
    pub by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Where in a chat it was asked for; its answer stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_in: Option<ChatPlace>,
    /// The Assistant that reads the evidence, as the catalog says for who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Name>,
}

/// What investigate is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InvestigateMessage {
    /// An event was accepted.
    EventV1 {
        /// The event.
        event: Box<Event>,
    },
    /// A Command was asked for.
    CommandV1 {
        /// The request.
        request: Box<CommandRequest>,
    },
    /// A Schedule was due. It is sent at least once, by whoever keeps the time.
    ScheduleV1 {
        /// The Schedule.
        schedule: Name,
        /// When it was due, not when that was sent: with the Schedule's name it says which firing this is.
        at: Timestamp,
        /// What the clock calls this sending of it, for the log. Another one each time, so nothing follows from it.
        #[serde(default)]
        id: String,
    },
    /// Somebody in a chat is to be told something. It is sent on to deliver: who takes requests in has this queue alone.
    ReplyV1 {
        /// The answer.
        reply: Box<ChatReply>,
    },
    /// Somebody pressed a button of a run's message.
    PressV1 {
        /// Which, and who.
        press: Box<Press>,
    },
    /// What was only counted on a run, duplicates and what a storm's run gathers, is to be told by now.
    CountedV1 {
        /// The run.
        run: RunId,
    },
    /// A run reached the end of one invocation and goes on in the next.
    ContinueV1 {
        /// The run.
        run: RunId,
        /// The slice that this message begins; the first is 1.
        slice: u32,
    },
}

/// What deliver is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeliverMessage {
    /// Run `run` stands at `revision` or later; bring `target` there. It says nothing of what the news is; deliver reads the
    /// run as it then is, so late, doubled and reordered messages do no harm.
    TargetV1 {
        /// The run.
        run: RunId,
        /// The target's name within the run.
        target: String,
        /// The least revision that must stand at the target before the message may be deleted.
        revision: u64,
        /// Since when this is the copy of a message that waits for another try; absent for news.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waits_since: Option<Timestamp>,
    },
    /// Tell somebody in a chat something.
    ReplyV1 {
        /// The answer.
        reply: Box<ChatReply>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_release_asked_for_is_read() {
        let old = serde_json::json!({
            "type": "command_v1",
            "request": {"id": "evt_0000001TK0ZYAF21SMQK5SX46T", "command": "triage", "by": "ann",
                "requested_at": "2026-11-22T10:00:00Z"},
        });
        let InvestigateMessage::CommandV1 { request } = serde_json::from_value(old).unwrap() else { panic!() };
        assert_eq!((request.asked_in, request.assistant), (None, None));
    }
}
