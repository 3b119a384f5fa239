use async_trait::async_trait;
use domain::Secret;
use jiff::Timestamp;

use crate::AwsError;

/// What a request is signed with.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key's id. It is on every request and is no secret.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: Secret,
    /// The session's token; temporary keys have one.
    pub session_token: Option<Secret>,
    /// When they end, where that is known.
    pub expires: Option<Timestamp>,
}

/// Where keys come from.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The keys to sign with now.
    ///
    /// # Errors
    /// [`AwsError::NoCredentials`], or why they could not be had.
    async fn now(&self) -> Result<Keys, AwsError>;
}

/// The same keys at all times: those of a process's environment, which Lambda sets before a function starts and never
/// changes, or a test's.
#[async_trait]
impl Credentials for Keys {
    async fn now(&self) -> Result<Keys, AwsError> {
        Ok(self.clone())
    }
}

/// Nobody's keys: every call says that there are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKeys;

#[async_trait]
impl Credentials for NoKeys {
    async fn now(&self) -> Result<Keys, AwsError> {
        Err(AwsError::NoCredentials)
    }
}
