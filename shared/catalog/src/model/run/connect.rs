//! `dns`, `tcp` and `tls`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Slot, five_seconds, nothing};
use crate::model::Span;

/// The DNS records that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum DnsRecord {
    A,
    Aaaa,
    Cname,
    Mx,
    Ns,
    Srv,
    Txt,
}

/// One DNS lookup. `result`: `answers` (texts), `code` (`NOERROR`, `NXDOMAIN`, ...), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsRun<T> {
    /// The name to look up.
    pub name: T,
    /// Default: A.
    #[serde(default = "address")]
    pub record: DnsRecord,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn address() -> DnsRecord {
    DnsRecord::A
}

/// One TCP connection, opened and closed. `result`: `connected`, `address`, `error` (empty when connected), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpRun<T> {
    /// The host.
    pub host: T,
    /// The port: a number, as text or expression.
    pub port: T,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

/// One TLS handshake. `result`: `trusted`, `error` (empty when trusted), `subject`, `issuer`, `names`, `not_before`,
/// `not_after`, `days_left` (these three may be null), `chain` (each `subject`, `issuer`, `not_after`), `version`,
/// `address`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsRun<T> {
    /// The host.
    pub host: T,
    /// The port, as text or expression.
    pub port: T,
    /// The name that the certificate must be for; default: the host.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub server_name: Option<T>,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

impl<T> DnsRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<DnsRun<U>, E> {
        Ok(DnsRun { name: change(Slot::Text, &self.name)?, record: self.record, timeout: self.timeout })
    }
}

impl<T> TcpRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<TcpRun<U>, E> {
        Ok(TcpRun {
            host: change(Slot::Text, &self.host)?,
            port: change(Slot::Text, &self.port)?,
            timeout: self.timeout,
        })
    }
}

impl<T> TlsRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<TlsRun<U>, E> {
        Ok(TlsRun {
            host: change(Slot::Text, &self.host)?,
            port: change(Slot::Text, &self.port)?,
            server_name: self.server_name.as_ref().map(|name| change(Slot::Text, name)).transpose()?,
            timeout: self.timeout,
        })
    }
}
