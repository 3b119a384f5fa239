use async_trait::async_trait;

use crate::PortError;

/// The longest certificate file that is taken, in bytes. SNS's hold one certificate of some 2 KB.
pub const MAX_CERTIFICATE: usize = 32 * 1024;

/// What is asked of Amazon SNS without credentials. Both go to a `host` that the caller has made of a topic that it
/// trusts, over HTTPS, follow no redirect and end within seconds.
#[async_trait]
pub trait AskSns: Send + Sync {
    /// The certificates at `https://{host}{path}`, PEM, of at most [`MAX_CERTIFICATE`] bytes. What was fetched once may
    /// be answered from memory: the name of a certificate names its content. `None`: SNS says that there is no such one, which
    /// may be answered from memory for a minute.
    ///
    /// # Errors
    /// [`PortError`] when SNS could not be asked, or answered with anything but a certificate or that there is none.
    async fn certificate(&self, host: &str, path: &str) -> Result<Option<String>, PortError>;

    /// Confirms the subscription to which SNS has sent `token`.
    ///
    /// # Errors
    /// [`PortError`]; permanent when SNS refuses the token.
    async fn confirm(&self, host: &str, topic: &str, token: &str) -> Result<(), PortError>;
}
