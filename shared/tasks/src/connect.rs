//! One TCP connection under the policy, for the kinds that speak something else than HTTP.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use catalog::model::Span;
use net::{AddressPolicy, ResolveError};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// Why there is no connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoConnection {
    /// It was not tried: what is asked for is not allowed, or is no host and port.
    NotTried(String),
    /// It was tried and did not come about.
    Failed {
        /// The first address, where there is one.
        address: Option<SocketAddr>,
        /// Why.
        reason: String,
    },
}

/// Connects to the first of the host's addresses that takes the connection, within `limit` in all.
pub(crate) async fn connect(
    policy: &AddressPolicy,
    host: &str,
    port: &str,
    limit: Duration,
) -> Result<TcpStream, NoConnection> {
    let end = Instant::now() + limit;
    let not_tried = |reason: String| Err(NoConnection::NotTried(reason));
    let port = match port.trim().parse::<u16>() {
        Ok(port) if port > 0 => port,
        _ => return not_tried(format!("`{port}` is not a port: that is a number from 1 to 65535")),
    };
    let timed_out = || format!("timed out after {}", Span(limit));
    let addresses = match timeout_at(end, policy.resolve(host, port)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(ResolveError::Refused(refused))) => return not_tried(refused.to_string()),
        Ok(Err(error @ ResolveError::Lookup { .. })) => {
            return Err(NoConnection::Failed { address: None, reason: net::reason(&error) });
        }
        Err(_) => return Err(NoConnection::Failed { address: None, reason: timed_out() }),
    };
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        // Each address gets its share of what is left, so that one that swallows packets does not hide the next.
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(net::reason(&error)),
            Err(_) => last = Some(timed_out()),
        }
    }
    let mut reason = last.unwrap_or_else(timed_out);
    if addresses.len() > 1 {
        reason = format!("{reason} (the last of {} addresses)", addresses.len());
    }
    Err(NoConnection::Failed { address: addresses.first().copied(), reason })
}

/// `host:port` for people; an IPv6 address in brackets.
pub(crate) fn place(host: &str, port: &str) -> String {
    let (host, port) = (host.trim(), port.trim());
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

/// The address at the other end, as text.
pub(crate) fn peer(stream: &TcpStream) -> String {
    stream.peer_addr().as_ref().map_or_else(|_: &io::Error| String::new(), SocketAddr::to_string)
}
