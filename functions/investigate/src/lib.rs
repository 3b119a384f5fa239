//! investigate: opens a RunSession or attaches to one, takes its steps, concludes it.

pub mod context;
mod handler;

pub use handler::{Investigate, InvestigateError};
