//! The ports: what a handler needs of the world around it, one trait for each thing it may do, so that a function's
//! context says which rights it has. `shared/aws` and `shared/dynamo` answer them on AWS, `shared/local` on SQLite, and
//! one contract suite (`tests/it/contract`) holds both to the same behaviour.
//!
//! Ingest holds [`SendMessage`], [`ReadSecret`], [`AskSns`], [`Clock`] and [`Entropy`] and nothing else, so it cannot touch the table (I2).

mod error;
mod handle;
mod queue;
mod setup;
mod sns;
mod system;
mod table;
mod world;

pub use error::{PortError, chain};
pub use handle::{HandleHttp, HandleInvocation, HandleMessage, Received};
pub use queue::{MAX_DELAY, Outgoing, Queue, Receipt, RetimeMessage, SendMessage};
pub use setup::{SetupCheck, Standing};
pub use sns::{AskSns, MAX_CERTIFICATE};
pub use system::{OsEntropy, SystemClock};
pub use table::{Condition, Index, Item, Key, Page, ReadTable, Refusal, TableError, When, Write, WriteTable};
pub use world::{Clock, Entropy, ReadSecret, SecretError};
