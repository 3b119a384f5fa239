//! deliver: brings one target of a RunSession to the run's current state.

mod afresh;
pub mod context;
mod given_up;
mod handler;
mod limits;
mod links;
mod outcome;
mod reply;
mod schedule;
mod settled;
#[cfg(test)]
mod tests;
mod thread;
mod wanted;

pub use afresh::CatalogNow;
pub use handler::{Deliver, DeliverError};
pub use links::LINK_KEY;
pub use schedule::{AT_ONCE, BETWEEN_EDITS, LANDS, MAX_ATTEMPTS, MAX_LIMITED};
