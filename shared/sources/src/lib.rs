//! What comes in: proving who sent a request, and saying in our words what it means. Pure over bytes.
//!
//! [`verify`] gives a [`VerifiedPayload`], and only of that can [`normalize`] make events, so nothing of a body is read
//! before its sender is known (I1); [`sns`] and [`invoked`] do the same for what AWS sends, which no secret proves.
//! [`sign`] is the other side: what a real sender would send.

mod body;
mod chat;
mod json;
mod normalized;
mod said;
mod senders;
mod sign;
mod signature;
mod sns;
mod text;
mod token;
mod verify;
mod webhook;

use catalog::model::Source;
use jiff::Timestamp;

pub use chat::{Ask, Asked, FromSlack, SSL_CHECK, ask, from_slack};
pub use normalized::Normalized;
pub use sign::{Proof, SignError, sign};
pub use sns::{Confirmation, SnsMessage, invoked, sns};
pub use verify::{Inbound, Refusal, TOLERANCE, VerifiedPayload, verify, wanted};
pub use webhook::MAX_EVENTS;

use crate::said::Said;

/// The events that a verified request tells of; at least one. It cannot fail: what does not have the form that it
/// should is an event of kind `unknown` whose summary says why, since a refusal of a verified request can cost the whole
/// subscription (I1).
#[must_use]
pub fn normalize(source: &Source, payload: &VerifiedPayload<'_>, received_at: Timestamp) -> Vec<Normalized> {
    let Some(read) = senders::reader(source.source_type) else {
        return webhook::normalize(source, payload, received_at);
    };
    let body = match body::read(payload) {
        Ok(body) => senders::opened(source.source_type, body),
        Err(reason) => return vec![Said::unknown("", reason).normalized(payload.raw(), received_at)],
    };
    let mut said = read(&body, received_at);
    if said.is_empty() {
        said.push(Said::unknown("", "the body tells of no alert"));
    }
    // What a scheme signed as the message's id names the delivery as well as anything in the body does.
    if let ([only], Some(id)) = (said.as_mut_slice(), payload.signed_id()) {
        only.delivery.get_or_insert_with(|| id.to_owned());
    }
    said.into_iter().map(|event| event.normalized(payload.raw(), received_at)).collect()
}
