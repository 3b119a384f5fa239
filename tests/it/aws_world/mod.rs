//! The AWS world: the functions as they are deployed, and `infra/template.yaml` itself, on the pinned emulator.

pub mod api;
pub mod build;
pub mod deploy;
pub mod emulator;
mod python;
mod template;
mod tests;

pub use deploy::{Deployment, Options};

/// A client for what stands on loopback.
pub fn loopback_client() -> reqwest::Client {
    let policy = net::AddressPolicy::new(["127.0.0.1".to_owned()]);
    net::client(&net::Options { policy, ..net::Options::default() }).expect("a client")
}
