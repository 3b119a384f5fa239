//! The console: RunSessions for review, as pages and as JSON.
//!
//! Pages are made on the server, without a line of script, and each is opened by a signed link that names it (see
//! `store::link`). Everything on them is somebody else's text: it is escaped where it is written, and the response's
//! policy lets nothing run or load.

pub mod context;
mod handler;
mod list;
pub mod page;
mod room;
mod run;
mod whole;
pub mod words;

#[cfg(test)]
mod tests;

pub use handler::Console;
