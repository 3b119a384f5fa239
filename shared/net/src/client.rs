use std::{io, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{Client, Response, header::HeaderMap, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem, pem::PemObject},
};

use crate::AddressPolicy;

/// How requests are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses may be connected to. Default: what no catalog needs to name.
    pub policy: AddressPolicy,
    /// A PEM file of certificate authorities to trust besides the public ones.
    pub extra_ca: Option<PathBuf>,
    /// Certificate authorities in PEM that are trusted alone, in place of all others.
    pub only_ca: Option<Vec<u8>>,
    /// How long a connection may take, TLS included. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long a request may take in all, its body included; a request can say less. Default: 30 s.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: AddressPolicy::default(),
            extra_ca: None,
            only_ca: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of extra authorities cannot be read.
    #[error("the certificate authorities in {path} cannot be read")]
    ReadCa {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file of extra authorities is not PEM.
    #[error("{path} is not a PEM file of certificates")]
    ParseCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// A certificate in the file cannot be trusted to vouch for others.
    #[error("{path} has a certificate that cannot be used as an authority")]
    BadCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The authorities that alone are to be trusted are none.
    #[error("what is to be trusted alone is no PEM with a certificate in it")]
    OnlyCa,
    /// The file has no certificate.
    #[error("{path} has no certificate in it")]
    NoCa {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The client cannot be built.
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
}

/// The certificate authorities to trust: Mozilla's, and those of the file.
///
/// # Errors
/// [`ClientError`]; the file must be there, be PEM and have at least one certificate.
pub fn roots(extra_ca: Option<&PathBuf>) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca {
        let text = std::fs::read(path).map_err(|source| ClientError::ReadCa { path: path.clone(), source })?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|source| ClientError::ParseCa { path: path.clone(), source })?;
            roots.add(certificate).map_err(|source| ClientError::BadCa { path: path.clone(), source })?;
        }
        if roots.len() == before {
            return Err(ClientError::NoCa { path: path.clone() });
        }
    }
    Ok(roots)
}

/// TLS 1.2 and 1.3 by rustls with ring, trusting [`roots`].
///
/// # Errors
/// [`ClientError`].
pub fn tls_config(extra_ca: Option<&PathBuf>) -> Result<ClientConfig, ClientError> {
    trusting(roots(extra_ca)?)
}

/// These authorities and no others.
fn only(pem: &[u8]) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| ClientError::OnlyCa)?).map_err(|_| ClientError::OnlyCa)?;
    }
    if roots.is_empty() { Err(ClientError::OnlyCa) } else { Ok(roots) }
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The HTTP client: HTTP/1.1, no redirects, no proxy, no cookies, no decompression. A name is resolved under the
/// policy; an address in a URL is not resolved, so ask [`AddressPolicy::check_url`] before each request.
///
/// # Errors
/// [`ClientError`].
pub fn client(options: &Options) -> Result<Client, ClientError> {
    let tls = match &options.only_ca {
        Some(pem) => trusting(only(pem)?)?,
        None => tls_config(options.extra_ca.as_ref())?,
    };
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(options.policy.clone()))
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("firstlook/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .timeout(options.timeout)
        // A function is frozen between two invocations, and a server closes what is silent for long.
        .pool_idle_timeout(Duration::from_secs(15))
        .build()
        .map_err(ClientError::Build)
}

/// A response's body, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// Whether there is more of it, unread.
    pub more: bool,
    /// How many bytes it has in all, where that is known: it was read to its end, or the server announced it.
    pub length: Option<u64>,
}

/// Reads a body up to `cap` bytes. What is beyond is not read, and the connection not used again.
///
/// # Errors
/// The connection broke, or the time was up.
pub async fn read_capped(mut response: Response, cap: usize) -> Result<Body, reqwest::Error> {
    let announced = response.content_length();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = cap.saturating_sub(bytes.len());
        if chunk.len() > room {
            bytes.extend(chunk.into_iter().take(room));
            return Ok(Body { bytes, more: true, length: announced });
        }
        bytes.extend_from_slice(&chunk);
    }
    let length = u64::try_from(bytes.len()).ok();
    Ok(Body { bytes, more: false, length })
}

/// How long an answer asks to wait: `retry-after-ms`, which OpenAI and Azure send beside it, or `Retry-After` in seconds or
/// as a date. A date that has passed is no time at all.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}
