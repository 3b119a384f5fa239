//! What can go wrong, on command.

use std::time::Duration;

use crate::Service;

/// What a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `chat.postMessage`.
    SlackPost,
    /// `chat.update`.
    SlackUpdate,
    /// `chat.postEphemeral`.
    SlackEphemeral,
    /// A `response_url`.
    SlackResponse,
    /// `conversations.history`.
    SlackHistory,
    /// `conversations.replies`.
    SlackReplies,
    /// `users.conversations`.
    SlackChannels,
    /// `auth.test`.
    SlackAuth,
    /// `conversations.info`.
    SlackInfo,
    /// `POST /incidents/{id}/notes`.
    PagerDutyPost,
    /// `GET /incidents/{id}/notes`.
    PagerDutyList,
    /// The webhook receiver.
    Webhook,
    /// What writes a new post, where a service is not named above.
    Post(Service),
    /// What changes a post.
    Edit(Service),
    /// What lists posts.
    List(Service),
    /// What says how far a post has come.
    Status(Service),
    /// What only says who one is, what there is and what one may do.
    Look(Service),
    /// Anything else; met by nothing, it only names such a request.
    Unknown,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status, in the provider's shape, and not accepted. `retry_after` (seconds) goes into the header
    /// that the provider uses.
    Status {
        /// The HTTP status.
        status: u16,
        /// How long to wait.
        retry_after: Option<u64>,
    },
    /// Answered with this status and these words, in the provider's shape and without a header that says more, and not accepted.
    /// Not for Slack, PagerDuty and webhooks.
    Says {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: &'static str,
    },
    /// Slack answers 200 with `ok: false` and this error. Elsewhere it is a 400 with this word; of SES its code and message,
    /// `MessageRejected: ...`.
    SlackError(&'static str),
    /// Accepted, then never answered.
    HangAfterAccepting,
    /// Never answered and not accepted.
    HangBefore,
    /// Accepted, then answered by a byte a second, without end.
    Drip,
    /// Accepted, then the connection is closed without an answer.
    CloseAfterAccepting,
    /// Accepted, then answered with this status.
    StatusAfterAccepting(u16),
    /// Taken, and written so many seconds later by the inbox's clock: of Opsgenie's and JSM's notes alone.
    WrittenLater(u32),
    /// Answered with this status, and accepted so long after that by the inbox's clock: as the next request comes, whoever sends
    /// it, or when a test asks for it ([`crate::Inbox::accept_late`]).
    StatusLongBeforeAccepting(u16, Duration),
    /// Answered with a redirect to this URL, not accepted.
    Redirect(String),
}

impl Fault {
    /// [`Self::Status`], which asks to wait that many seconds if it does.
    #[must_use]
    pub fn status(status: u16, retry_after: impl Into<Option<u64>>) -> Self {
        Self::Status { status, retry_after: retry_after.into() }
    }
}
