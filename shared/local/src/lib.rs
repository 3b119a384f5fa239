//! The local world: the same ports as on AWS, on one SQLite file, with the queues' workers and an HTTP server on
//! loopback. The handlers that run here are the very ones that run in Lambda.
//!
//! Several processes may use one [`Folder`] at once, such as `firstlook dev` and `firstlook send`: every change is an
//! immediate SQLite transaction, and a worker looks at its queue again at least every half second.

mod database;
mod error;
mod folder;
mod item;
mod limits;
mod queues;
mod secrets;
mod server;
mod table;
mod timer;
mod worker;

pub use database::Database;
pub use error::LocalError;
pub use folder::Folder;
pub use limits::{MAX_ITEM_BYTES, MAX_WRITES};
pub use queues::{Depth, MAX_BODY_BYTES, MAX_VISIBILITY, MaxReceives, SqliteQueues};
pub use secrets::FileSecrets;
pub use server::{HttpServer, REQUEST_CAP, Routes};
pub use table::SqliteTable;
pub use timer::{Timer, TimerError};
pub use worker::{Worker, WorkerSettings};

#[cfg(test)]
mod tests;
