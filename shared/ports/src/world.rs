use async_trait::async_trait;
use domain::Secret;
use jiff::Timestamp;

use crate::PortError;

/// The time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Entropy: Send + Sync {
    /// 128 random bits, unguessable outside tests.
    fn random(&self) -> u128;
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such key in the secret, or it is empty.
    #[error("the secret has no key `{key}`: add it (docs/deploy.md)")]
    Missing {
        /// The key.
        key: String,
    },
    /// The store did not answer as it should.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Reading secrets.
#[async_trait]
pub trait ReadSecret: Send + Sync {
    /// The live values of `key`, the current one first, then the previous one while both are accepted (rotation). Never
    /// empty.
    ///
    /// # Errors
    /// [`SecretError`].
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError>;

    /// The same, past any cache, because what the cache has did not fit; at most once in 30 s reaches the store, and in
    /// between gives what the cache has.
    ///
    /// # Errors
    /// [`SecretError`].
    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError>;
}
