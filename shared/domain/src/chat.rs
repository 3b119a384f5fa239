//! What is asked for in a chat, and what is answered there to the one who asked.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EventId, Name};

/// Where in a chat somebody asked, and who. Ids are the chat's own; names are for people, and empty where it does not say them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPlace {
    /// The source that verified it.
    pub source: Name,
    /// The channel's id.
    pub channel: String,
    /// The channel's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel_name: String,
    /// The thread, by the `ts` of its first message; absent outside of threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Who, by id.
    pub user: String,
    /// Who, by name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_name: String,
    /// Whether who asked is of another workspace than the one in which the app is installed: in a channel that two organizations
    /// share, whoever is in it can ask.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
}

impl ChatPlace {
    /// Who asked, as people call them; the id where the chat does not say.
    #[must_use]
    pub fn who(&self) -> &str {
        if self.user_name.is_empty() { &self.user } else { &self.user_name }
    }
}

/// `ann in #ops`.
impl fmt::Display for ChatPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.channel_name.as_str() {
            "" => write!(f, "{} in {}", self.who(), self.channel),
            name => write!(f, "{} in #{name}", self.who()),
        }
    }
}

/// An address to which an answer to one request can be posted, by whoever has it. It does not print (I9).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResponseUrl(pub String);

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(***)")
    }
}

/// What the one who asked is told; nobody else sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum ChatAnswer {
    /// This text: plain, not escaped for any chat.
    Text {
        /// The text.
        text: String,
    },
    /// The newest RunSessions that the channel may see: those delivered to it, and those of these Commands.
    Last {
        /// The Commands that may be run from the channel.
        commands: Vec<Name>,
    },
}

/// An answer that is on its way to the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatReply {
    /// Names the request.
    pub id: EventId,
    /// Where to answer, and whom.
    pub place: ChatPlace,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Where the answer may be posted for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<ResponseUrl>,
    /// The answer.
    pub answer: ChatAnswer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_people_call_it_and_by_ids_where_nothing_else_is_known() {
        let mut place = ChatPlace {
            source: "slack".parse().unwrap(),
            channel: "C0123ABCD".to_owned(),
            channel_name: "ops".to_owned(),
            thread: None,
            user: "U0123ABCD".to_owned(),
            user_name: "ann".to_owned(),
            outside: false,
        };
        assert_eq!(place.to_string(), "ann in #ops");
        (place.channel_name, place.user_name) = Default::default();
        assert_eq!(place.to_string(), "U0123ABCD in C0123ABCD");
    }

    #[test]
    fn i9_a_response_url_does_not_print() {
        assert_eq!(format!("{:?}", ResponseUrl("https://hooks.slack.com/x".to_owned())), "ResponseUrl(***)");
    }
}
