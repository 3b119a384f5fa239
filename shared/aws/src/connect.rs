use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, app_name::AppName};

use crate::{AwsEnv, roots};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one attempt may take. The services answer in milliseconds; what has not come by now was lost.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long a call may take with all its attempts: a sender waits 5 s for ingest (reference: PagerDuty's webhooks), and
/// ingest makes one call after another only when its secrets are cold.
const OPERATION: Duration = Duration::from_millis(4_500);
/// How often a call is attempted.
const ATTEMPTS: u32 = 3;
/// The first wait between attempts, doubled each time and jittered.
const BACKOFF: Duration = Duration::from_millis(50);

/// Why the clients could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `AWS_CA_BUNDLE` cannot be used.
    #[error("AWS_CA_BUNDLE: {} cannot be used", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The TLS client could not be built.
    #[error("the TLS client could not be built")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The way to AWS: one HTTP client, one set of credentials, one set of timeouts for all services.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// A client of SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// A client of Secrets Manager.
    #[must_use]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.config)
    }

    /// What every other service's client is built from.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// Builds the way to AWS. Opens no connection.
///
/// # Errors
/// [`ConnectError`].
pub fn connect(env: &AwsEnv) -> Result<Clients, ConnectError> {
    let tls = tls(env.ca_bundle.as_deref())?;
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https();
    let credentials = Credentials::new(
        &env.access_key_id,
        env.secret_access_key.expose(),
        env.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "environment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(env.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(OPERATION)
                .build(),
        );
    config.set_app_name(AppName::new("firstlook").ok());
    config.set_endpoint_url(env.endpoint_url.clone());
    Ok(Clients { config: config.build() })
}

/// Trusts the roots of `ca_bundle`, else the embedded ones.
pub(crate) fn tls(ca_bundle: Option<&Path>) -> Result<TlsContext, ConnectError> {
    let pem = match ca_bundle {
        Some(path) => roots::from_file(path).map_err(|source| ConnectError::Roots { path: path.to_owned(), source })?,
        None => roots::embedded(),
    };
    TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(pem))
        .build()
        .map_err(|source| ConnectError::Tls(source.into()))
}
