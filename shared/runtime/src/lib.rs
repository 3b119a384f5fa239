//! What stands between a Lambda function and its handler: the envelopes of API Gateway and SQS, the log, the
//! environment, and the clock and randomness of the machine.
//!
//! A function's `main` reads its environment ([`env`]), builds its handler, and gives it to [`run_http`],
//! [`run_http_and_alarms`] or [`run_messages`]. The handlers know nothing of this crate, so the local world calls the same ones.

mod alarm_event;
pub mod env;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod http_event;
mod message_event;
pub mod telemetry;

pub use alarm_event::run_http_and_alarms;
pub use http_event::run_http;
pub use message_event::run_messages;
