//! What comes in: proving who sent a request, and saying in our words what it means. Pure over bytes.
//!
//! [`verify`] gives a [`VerifiedPayload`], and only of that can [`events`] be made, so nothing of a body is read
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

use crate::said::{MAX_EVENTS, NO_ALERT, Said, left_off};

/// Events, each of which is made when it is asked for.
pub type Events<'p> = Box<dyn Iterator<Item = Normalized> + Send + 'p>;

/// The events that a verified request tells of; at least one. It cannot fail: what does not have the form that it
/// should is an event of kind `unknown` whose summary says why, since a refusal of a verified request can cost the whole
/// subscription (I1).
///
/// A body may tell of thousands, each of them far larger than it is there: who takes some at a time holds no more than these.
/// Beyond 5,000 the rest of it is one event of kind `unknown` that says how many were left off.
#[must_use]
pub fn events<'p>(source: &'p Source, payload: &VerifiedPayload<'p>, received_at: Timestamp) -> Events<'p> {
    let Some(read) = senders::reader(source.source_type) else {
        return webhook::events(source, payload, received_at);
    };
    let raw = payload.raw();
    let all = |mut said: Vec<Said<'_>>| -> Events<'p> {
        let more = said.len().saturating_sub(MAX_EVENTS);
        if more > 0 {
            said.truncate(MAX_EVENTS);
            said.push(Said::unknown("", left_off(more)));
        }
        let events: Vec<_> = said.into_iter().map(|event| event.normalized(raw, received_at)).collect();
        Box::new(events.into_iter())
    };
    let body = match body::read(payload) {
        Ok(body) => senders::opened(source.source_type, body),
        Err(reason) => return all(vec![Said::unknown("", reason)]),
    };
    if let Some(mut group) = senders::group(source.source_type, &body) {
        return Box::new(std::iter::from_fn(move || {
            Some(group.next(&body, received_at)?.normalized(raw, received_at))
        }));
    }
    let mut said = read(&body, received_at);
    if said.is_empty() {
        said.push(Said::unknown("", NO_ALERT));
    }
    // What a scheme signed as the message's id names the delivery as well as anything in the body does.
    if let ([only], Some(id)) = (said.as_mut_slice(), payload.signed_id()) {
        only.delivery.get_or_insert_with(|| id.to_owned());
    }
    all(said)
}

/// [`events`], all at once.
#[must_use]
pub fn normalize(source: &Source, payload: &VerifiedPayload<'_>, received_at: Timestamp) -> Vec<Normalized> {
    events(source, payload, received_at).collect()
}
