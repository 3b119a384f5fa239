//! deliver: brings one target of a RunSession to the run's current state.

pub mod context;
mod handler;
mod reply;
mod schedule;
#[cfg(test)]
mod tests;

pub use handler::{Deliver, DeliverError, LINK_KEY};
pub use schedule::{MAX_ATTEMPTS, MAX_LIMITED};
