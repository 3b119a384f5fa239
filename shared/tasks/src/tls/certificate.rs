//! What a certificate says.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde_json::{Value, json};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{FromDer, X509Name},
};

use crate::common::one_line;

/// How many names are kept.
const NAMES: usize = 100;
/// How long a name may be, in characters.
const NAME_CAP: usize = 300;

/// A certificate, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
}

impl Shown {
    /// Reads a certificate; what cannot be read is empty.
    pub(crate) fn read(der: &[u8]) -> Self {
        let Ok((_, read)) = X509Certificate::from_der(der) else { return Self::default() };
        let time = |seconds| Timestamp::from_second(seconds).ok();
        let names = match read.subject_alternative_name() {
            Ok(Some(names)) => names.value.general_names.iter().filter_map(name).take(NAMES).collect(),
            _ => Vec::new(),
        };
        Self {
            subject: distinguished(read.subject()),
            issuer: distinguished(read.issuer()),
            names,
            not_before: time(read.validity().not_before.timestamp()),
            not_after: time(read.validity().not_after.timestamp()),
        }
    }

    /// Whole days until it expires, rounded down; below 0 once it has.
    pub(crate) fn days_left(&self, now: Timestamp) -> Option<i64> {
        const DAY: i64 = 24 * 60 * 60;
        self.not_after.map(|end| end.as_second().saturating_sub(now.as_second()).div_euclid(DAY))
    }

    pub(crate) fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }

    /// As one of a chain.
    pub(crate) fn in_chain(&self) -> Value {
        json!({
            "subject": self.subject,
            "issuer": self.issuer,
            "not_after": written(self.not_after),
        })
    }
}

/// A time in RFC 3339; empty where it could not be read.
pub(crate) fn written(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn distinguished(name: &X509Name<'_>) -> String {
    one_line(&name.to_string(), NAME_CAP)
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(one_line(name, NAME_CAP)),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|octets| Ipv4Addr::from(octets).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|octets| Ipv6Addr::from(octets).to_string()))
            .ok(),
        _ => None,
    }
}
