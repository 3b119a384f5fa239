//! Where a RunSession's state is shown: how it looks there, and the calls that bring it there.
//!
//! Each outlet renders the whole run as it stands, so a delivery needs to know nothing of the one before. What of I4 an
//! outlet can make certain, and what not, stands in `docs/outlets.md`.

pub mod email;
pub mod github;
pub mod hook;
mod http;
pub mod jira;
mod keyed;
mod note;
pub mod opsgenie;
mod outlet;
mod outlets;
pub mod pagerduty;
mod place;
mod preview;
mod reading;
pub mod servicenow;
mod setup;
pub mod slack;
mod summary;
#[cfg(test)]
mod tests;
mod text;
pub mod webhook;
mod words;

pub use http::TIMEOUT;
pub use net::ClientError;
pub use outlet::{AnswerChat, OpenOutlet, Outlet, OutletError, Post, Style};
pub use outlets::{Outlets, Settings};
pub use preview::{Preview, preview};
