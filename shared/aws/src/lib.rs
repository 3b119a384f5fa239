//! The ports on AWS that every function may need: the queues (SQS) and the secret (Secrets Manager). The table is in
//! `shared/dynamo`, so that ingest, which has no rights on it, does not even link its client.
//!
//! [`connect`] builds the clients by hand and not through `aws-config`: a function has its credentials in the
//! environment, and the loader's other providers, the second TLS stack and the system's root bundle would only make
//! the binary larger and its start slower.

mod by_name;
mod connect;
mod env;
mod fail;
mod queues;
mod roots;
mod secrets;
mod sns;

pub use aws_types::SdkConfig;
pub use connect::{Clients, ConnectError, connect};
pub use env::{AwsEnv, AwsEnvError};
pub use fail::{AwsError, Outcome};
pub use queues::{Depth, SqsQueues};
pub use secrets::{NoSuchSecret, SecretsManager};
pub use sns::SnsHttps;
