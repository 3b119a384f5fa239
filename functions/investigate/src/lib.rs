//! investigate: opens a RunSession or attaches to one, takes its steps, concludes it.

mod handler;

pub use handler::{Investigate, InvestigateError};
