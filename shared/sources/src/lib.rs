//! What comes in: proving who sent a request, and saying in our words what it means. Pure over bytes.
//!
//! [`verify`] gives a [`VerifiedPayload`], and only of that can [`normalize`] make events, so nothing of a body is read
//! before its sender is known (I1). [`sign`] is the other side: what a real sender would send.

mod normalized;
mod pagerduty;
mod sign;
mod signature;
mod text;
mod verify;
mod webhook;

use catalog::model::{Source, SourceType};
use jiff::Timestamp;

pub use normalized::Normalized;
pub use sign::{SignError, sign};
pub use verify::{Refusal, TOLERANCE, VerifiedPayload, verify, wanted};
pub use webhook::MAX_EVENTS;

/// The events that a verified request tells of; at least one. It cannot fail: what does not have the form that it
/// should is an event of kind `unknown` whose summary says why, since a refusal of a verified request can cost the whole
/// subscription (I1).
#[must_use]
pub fn normalize(source: &Source, payload: &VerifiedPayload<'_>, received_at: Timestamp) -> Vec<Normalized> {
    match source.source_type {
        SourceType::Pagerduty => vec![pagerduty::normalize(payload, received_at)],
        SourceType::Webhook => webhook::normalize(source, payload, received_at),
    }
}
