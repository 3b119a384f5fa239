//! investigate: opens a RunSession or attaches to one, takes its steps, concludes it.

mod asked;
pub mod context;
mod counted;
mod handler;
mod pressed;
mod scheduled;
#[cfg(test)]
mod tests;

pub use handler::{Investigate, InvestigateError};
