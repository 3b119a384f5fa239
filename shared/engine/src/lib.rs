//! The investigation itself.

mod call;

pub use call::{Answer, CallTask, Called};
