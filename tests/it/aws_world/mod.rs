//! The AWS world: the functions as they are deployed, and `infra/template.yaml` itself, on the pinned emulator.

use std::path::PathBuf;

pub mod api;
pub mod build;
pub mod deploy;
pub mod emulator;
pub mod metrics;
mod python;
mod template;
mod tests;

pub use deploy::{Deployment, Options};

/// A client for what stands on loopback.
pub fn loopback_client() -> reqwest::Client {
    client_trusting(None).expect("a client")
}

/// The same for what shows a certificate that is trusted by this file.
fn client_trusting(extra_ca: Option<PathBuf>) -> Result<reqwest::Client, net::ClientError> {
    let policy = net::AddressPolicy::new(["127.0.0.1".to_owned()]);
    net::client(&net::Options { policy, extra_ca, ..net::Options::default() })
}
