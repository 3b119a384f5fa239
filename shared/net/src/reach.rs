//! A connection that says nothing: whether somebody is there, and with `https` whether their certificate is good.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::{AddressPolicy, reason, where_to};

/// Why nobody was reached, for people; it begins with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReached {
    /// There is no connection.
    #[error("could not connect to {place}: {why}")]
    NoConnection {
        /// `host:port`.
        place: String,
        /// Why.
        why: String,
    },
    /// Somebody is there, but not as TLS asks for.
    #[error("no TLS with {place}: {why}")]
    NoTls {
        /// `host:port`.
        place: String,
        /// Why.
        why: String,
    },
}

/// Connects to the host of `url` within `limit` in all and closes the connection again; with `https` after a handshake under
/// `tls`. Nothing is asked for.
///
/// # Errors
/// [`NotReached`].
pub async fn reach(policy: &AddressPolicy, tls: &ClientConfig, url: &Url, limit: Duration) -> Result<(), NotReached> {
    let place = where_to(url);
    let end = Instant::now() + limit;
    let late = || format!("timed out after {} s", limit.as_secs());
    let no_connection = |why: String| NotReached::NoConnection { place: place.clone(), why };
    let connected = timeout_at(end, connect(policy, url)).await.unwrap_or_else(|_| Err(late()));
    let stream = connected.map_err(no_connection)?;
    if url.scheme() != "https" {
        return Ok(());
    }
    let no_tls = |why: String| NotReached::NoTls { place: place.clone(), why };
    let bare = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(bare).map_err(|_| no_tls("no certificate can be for this name".to_owned()))?;
    let handshake = TlsConnector::from(Arc::new(tls.clone())).connect(name, stream);
    match timeout_at(end, handshake).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(no_tls(reason(&error))),
        Err(_) => Err(no_tls(late())),
    }
}

async fn connect(policy: &AddressPolicy, url: &Url) -> Result<TcpStream, String> {
    policy.check_url(url).map_err(|refused| refused.to_string())?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("it names no host and port".to_owned());
    };
    let addresses = policy.resolve(host, port).await.map_err(|error| reason(&error))?;
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| reason(&error))
}
