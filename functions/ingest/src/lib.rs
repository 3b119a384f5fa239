//! Takes webhooks in: proves the sender, says in our words what happened, chooses the workflow, and hands the event to
//! the queue. That message is its only lasting effect, and a sender hears 202 only after the queue has it (I2).
//!
//! `POST /hooks/{source}` is all there is on the web; what it answers is said in `docs/sources.md`. CloudWatch alarms also
//! come as invocations, from EventBridge or from the alarm itself.

pub mod context;
mod handler;
mod problem;
mod slack;

pub use handler::{ANSWER_GROUP_WITHIN, ANSWER_WITHIN, Ingest, MAX_BODY};
