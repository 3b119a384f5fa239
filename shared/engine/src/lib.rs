//! The investigation itself: from a Command and an alert to recorded steps and a report.

mod call;
pub mod cases;
mod drive;
mod evidence;
mod findings;
pub mod knowledge;
mod merge;
pub mod model;
mod plan;
pub mod reader;
mod redact;
pub mod slx;
mod step;

pub use call::{Answer, CallTask, Called, advised};
pub use drive::{CONCURRENCY, DriveError, Driven, Engine, MAX_SLICES, RUN_TIME, Stood, parameters, same_parameters};
pub use plan::MAX_STEPS;
pub use redact::{Redactor, text as redact_text};

#[cfg(test)]
mod tests;
