//! `tls`: one handshake, and what the server showed in it.
//!
//! A certificate that is not trusted is what the task is there to find, so the handshake is let through to its end and
//! nothing is ever sent over it.

pub(crate) mod certificate;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use catalog::model::{Span, TlsRun};
use engine::{Answer, Called};
use net::{AddressPolicy, tls_reason};
use ports::Clock;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::{
    TasksError,
    common::{elapsed_ms, limit},
    connect::{NoConnection, connect, peer, place},
    tls::certificate::{Shown, written},
};

/// How many certificates of a chain are shown.
const CHAIN: usize = 10;

/// What certificates are checked against.
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Trust {
    pub(crate) fn new(extra_ca: Option<&PathBuf>) -> Result<Self, TasksError> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(net::roots(extra_ca)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
        Ok(Self { provider, verifier })
    }
}

/// What the server showed, and what is to be said to it.
#[derive(Debug)]
struct Verdict {
    chain: Vec<CertificateDer<'static>>,
    error: Option<Error>,
}

/// Checks the chain as a client would, writes down what came of it, and lets the handshake go on. The signatures of the
/// handshake are checked in earnest: without the key to it, a certificate shows nothing.
#[derive(Debug)]
struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    now: UnixTime,
    verdict: Mutex<Option<Verdict>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, self.now);
        let chain = std::iter::once(end_entity).chain(intermediates).map(|shown| shown.clone().into_owned()).collect();
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(Verdict { chain, error: verified.err() });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

pub(crate) async fn call(policy: &AddressPolicy, trust: &Trust, clock: &dyn Clock, run: &TlsRun<String>) -> Called {
    let mut request = json!({"host": run.host, "port": run.port});
    if let (Some(shown), Some(name)) = (request.as_object_mut(), &run.server_name) {
        shown.insert("server_name".to_owned(), json!(name));
    }
    let answer = ask(policy, trust, clock, run).await;
    Called { request, answer }
}

async fn ask(policy: &AddressPolicy, trust: &Trust, clock: &dyn Clock, run: &TlsRun<String>) -> Result<Answer, String> {
    let wanted = run.server_name.as_deref().unwrap_or(&run.host).trim();
    let wanted = wanted.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(wanted);
    let server_name = ServerName::try_from(wanted.to_owned())
        .map_err(|_| format!("`{wanted}` is not a name that a certificate can be for"))?;
    let place = place(&run.host, &run.port);
    let now = clock.now();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let witness = Arc::new(Witness {
        verifier: trust.verifier.clone(),
        now: UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        verdict: Mutex::new(None),
    });
    let mut config = ClientConfig::builder_with_provider(trust.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    config.resumption = Resumption::disabled();

    let (started, limit) = (Instant::now(), limit(run.timeout));
    let stream = match connect(policy, &run.host, &run.port, limit).await {
        Ok(stream) => stream,
        Err(NoConnection::NotTried(reason)) => return Err(reason),
        Err(NoConnection::Failed { reason, .. }) => return Err(format!("could not connect to {place}: {reason}")),
    };
    let address = peer(&stream);
    let handshake = TlsConnector::from(Arc::new(config)).connect(server_name, stream);
    let ended = timeout_at(started + limit, handshake).await;
    let elapsed_ms = elapsed_ms(started);
    let (version, broken) = match ended {
        Ok(Ok(stream)) => (version(stream.get_ref().1.protocol_version()), None),
        Ok(Err(error)) => (String::new(), Some(net::reason(&error))),
        Err(_) => (String::new(), Some(format!("no whole handshake within {}", Span(limit)))),
    };
    let verdict = witness.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(verdict) = verdict else {
        let reason = broken.unwrap_or_else(|| "the server shows no certificate".to_owned());
        return Err(format!("no TLS handshake with {place}: {reason}"));
    };
    let chain: Vec<Shown> = verdict.chain.iter().take(CHAIN).map(|der| Shown::read(der)).collect();
    let leaf = chain.first().cloned().unwrap_or_default();
    let error = match (&verdict.error, broken) {
        (Some(error), _) => reason(error, &chain, now),
        (None, Some(broken)) => format!("the certificate is trusted, but the handshake failed: {broken}"),
        (None, None) => String::new(),
    };
    let days_left = leaf.days_left(now);
    let summary = match (error.as_str(), days_left) {
        ("", Some(days)) => format!("{place} is trusted for {days} more days ({version}, {elapsed_ms} ms)"),
        ("", None) => format!("{place} is trusted ({version}, {elapsed_ms} ms)"),
        (error, _) => format!("{place} is not trusted: {error}"),
    };
    let result = json!({
        "trusted": error.is_empty(),
        "error": error,
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "names": leaf.names,
        "not_before": written(leaf.not_before),
        "not_after": written(leaf.not_after),
        "days_left": days_left,
        "chain": chain.iter().map(Shown::in_chain).collect::<Vec<_>>(),
        "version": version,
        "address": address,
        "elapsed_ms": elapsed_ms,
    });
    Ok(Answer { summary, result })
}

fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Why the chain is not trusted, with what is known from the certificates themselves.
fn reason(error: &Error, chain: &[Shown], now: jiff::Timestamp) -> String {
    let leaf = chain.first();
    let Error::InvalidCertificate(certificate) = error else { return tls_reason(error) };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            match chain.iter().position(|shown| shown.not_after.is_some_and(|end| end < now)) {
                Some(0) => match leaf.and_then(|leaf| leaf.not_after) {
                    Some(end) => format!("the certificate has expired at {end}"),
                    None => tls_reason(error),
                },
                Some(at) => {
                    let subject = chain.get(at).map(|shown| shown.subject.as_str()).unwrap_or_default();
                    format!("an intermediate certificate has expired: {subject}")
                }
                None => tls_reason(error),
            }
        }
        // A certificate that calls itself an authority and stands alone is turned down as such before its issuer is.
        CertificateError::UnknownIssuer | CertificateError::Other(_) if leaf.is_some_and(Shown::is_self_signed) => {
            "the certificate is signed by itself".to_owned()
        }
        CertificateError::UnknownIssuer if chain.len() == 1 => {
            "the certificate's issuer is not trusted, and the server shows no intermediate certificate".to_owned()
        }
        _ => tls_reason(error),
    }
}
