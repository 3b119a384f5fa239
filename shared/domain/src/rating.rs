//! What people say of a report, and how they say it in a chat.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ChatPlace, EventId, ResponseUrl, RunId};

/// How near a report came to the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// It named the cause.
    #[serde(rename = "spot on")]
    SpotOn,
    /// It named what the cause broke.
    #[serde(rename = "one hop short")]
    OneHopShort,
    /// It looked at the right part of the system.
    #[serde(rename = "right area")]
    RightArea,
    /// It led away from the cause.
    #[serde(rename = "wrong")]
    Wrong,
}

impl Mark {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::SpotOn, Self::OneHopShort, Self::RightArea, Self::Wrong];

    /// The word for it in the table and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpotOn => "spot on",
            Self::OneHopShort => "one hop short",
            Self::RightArea => "right area",
            Self::Wrong => "wrong",
        }
    }
}

/// One person's word on a report (`RUN#<id>` / `RATING#<who>`); the last one stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// How near it came.
    pub rating: Mark,
    /// Who said so, and where.
    pub by: ChatPlace,
    /// When.
    pub at: Timestamp,
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Act {
    /// It rates the report.
    Rate {
        /// How near it came.
        mark: Mark,
    },
    /// It runs the same again, once the run has ended.
    Again,
    /// It ends the run as it stands.
    Stop,
}

/// Somebody pressed a button of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Who, and where.
    pub place: ChatPlace,
    /// The message, as the target that posted it calls it (`channel/ts`).
    pub message: String,
    /// The run that the button is about, as it says itself.
    pub run: RunId,
    /// What it does.
    pub act: Act,
    /// When, by the chat's clock.
    pub at: Timestamp,
    /// Where who pressed it can be answered for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<ResponseUrl>,
}

impl Press {
    /// What follows from this press is named by it: the same however often its message comes, and another one for every
    /// other press.
    #[must_use]
    pub fn id(&self) -> EventId {
        let Self { place, message, at, .. } = self;
        EventId::of_request(&place.source, &format!("{message} {} {}", place.user, at.as_nanosecond()), *at)
    }
}
