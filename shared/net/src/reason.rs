//! What a failed connection is called, in one line for people. Nothing in these lines comes from a URL's path, query or
//! user (I9).

use std::{error::Error, io};

use rustls::{CertificateError, Error as TlsError};
use url::Url;

use crate::{Refused, ResolveError};

/// `host:port` of a URL, as a person would say where it leads.
#[must_use]
pub fn where_to(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

/// Why a request to `url` got no whole answer, such as `could not connect to 10.0.0.7:5432: connection refused`.
#[must_use]
pub fn request_reason(error: &reqwest::Error, url: &Url) -> String {
    let place = where_to(url);
    if error.is_connect() && error.is_timeout() {
        format!("could not connect to {place}: timed out")
    } else if error.is_connect() {
        format!("could not connect to {place}: {}", reason(error))
    } else if error.is_timeout() {
        format!("{place} did not answer in time")
    } else if error.is_body() || error.is_decode() {
        format!("{place} broke off its answer: {}", reason(error))
    } else if error.is_builder() {
        format!("the request to {place} cannot be made: {}", reason(error))
    } else {
        format!("no answer from {place}: {}", reason(error))
    }
}

/// The first cause in the chain of `error` that has a plain name, else the words of the last.
#[must_use]
pub fn reason(error: &(dyn Error + 'static)) -> String {
    let mut next = Some(error);
    let mut last = error;
    while let Some(here) = next {
        if let Some(known) = known(here) {
            return known;
        }
        last = here;
        next = here.source();
    }
    // A reqwest error names the URL, and its chain never ends in one unless it stands alone.
    if last.is::<reqwest::Error>() { "the request failed".to_owned() } else { last.to_string() }
}

fn known(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(refused.to_string());
    }
    if let Some(error) = error.downcast_ref::<ResolveError>() {
        return Some(match error {
            ResolveError::Refused(refused) => refused.to_string(),
            ResolveError::Lookup { source, .. } => format!("{error} ({})", io_reason(source)),
        });
    }
    if let Some(error) = error.downcast_ref::<TlsError>() {
        return Some(tls_reason(error));
    }
    // An io::Error's source is not what it wraps, but that one's source.
    error.downcast_ref::<io::Error>().map(io_reason)
}

fn io_reason(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        let inner: &(dyn Error + 'static) = inner;
        if let Some(known) = known(inner) {
            return known;
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection was closed".to_owned()
        }
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        io::ErrorKind::HostUnreachable => "the host is unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "the network is unreachable".to_owned(),
        _ => {
            let text = error.to_string();
            // getaddrinfo's words stand behind this prefix of the standard library's.
            text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
        }
    }
}

/// What went wrong in a TLS handshake.
#[must_use]
pub fn tls_reason(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(error) => certificate_reason(error),
        TlsError::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        TlsError::AlertReceived(alert) => format!("the server broke off the TLS handshake ({alert:?})"),
        TlsError::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        TlsError::PeerIncompatible(what) => {
            format!("the server offers no version or cipher of TLS that is still safe ({what:?})")
        }
        other => other.to_string(),
    }
}

fn certificate_reason(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName => "the certificate is not for this name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let name = expected.to_str();
            // webpki says `DnsName("a.example")` and `IpAddress(10.0.0.1)`.
            let names: Vec<&str> = presented
                .iter()
                .take(10)
                .map(|name| name.split(['"', '(', ')']).rfind(|part| !part.is_empty()).unwrap_or(name))
                .collect();
            match names.as_slice() {
                [] => format!("the certificate is not for `{name}`: it has no names in it"),
                names => format!("the certificate is not for `{name}`: it is for {}", names.join(", ")),
            }
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted".to_owned(),
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        CertificateError::BadSignature => "the certificate's signature is wrong".to_owned(),
        CertificateError::BadEncoding => "the certificate cannot be read".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not for servers".to_owned()
        }
        other => format!("the certificate is not accepted: {other}"),
    }
}
