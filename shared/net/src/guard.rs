//! Which addresses may be connected to (I8).
//!
//! Private networks may: looking at internal services is what a task is for. What may not is what answers only because
//! of where the function runs: its own loopback (the Lambda Runtime API listens there), link-local addresses and the
//! clouds' metadata services, which hand out credentials.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why an address may not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address is of a kind that must be named.
    #[error("{ip} is {what}, which is only reached when the catalog names that very address")]
    Address {
        /// The address.
        ip: IpAddr,
        /// Its kind, with an article.
        what: &'static str,
    },
    /// Every address that a name leads to is of such a kind.
    #[error("`{host}` leads to {ip}, {what}, which is only reached when the catalog names that very address")]
    Resolved {
        /// The name.
        host: String,
        /// The first of the addresses.
        ip: IpAddr,
        /// Its kind, with an article.
        what: &'static str,
    },
    /// Not `http` or `https`.
    #[error("`{0}` is not a scheme that can be asked: only http and https are")]
    Scheme(String),
    /// Not a host name and not an address.
    #[error("`{0}` is not a host name or an IP address")]
    Host(String),
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It may not be connected to.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The system's resolver knows no address.
    #[error("the name `{host}` does not resolve")]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
}

/// Which addresses may be connected to. Cheap to clone.
///
/// Naming a host does not open what its name leads to, since that is for whoever answers for the name to say, and may
/// change between two lookups (DNS rebinding). Only an address that is named itself is opened, and `localhost`, which
/// nobody else answers for, to the loopback.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    named: Arc<Named>,
}

#[derive(Debug, Default)]
struct Named {
    hosts: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl AddressPolicy {
    /// The policy of a catalog that names these hosts: names or addresses, without port. What is neither is left out.
    #[must_use]
    pub fn new(named: impl IntoIterator<Item = String>) -> Self {
        let mut all = Named::default();
        for text in named {
            match parse_host(&text) {
                Ok(Host::Domain(host)) => {
                    all.hosts.insert(host);
                }
                Ok(Host::Ipv4(ip)) => {
                    all.addresses.insert(ip.into());
                }
                Ok(Host::Ipv6(ip)) => {
                    all.addresses.insert(ip.to_canonical());
                }
                Err(_) => {}
            }
        }
        Self { named: Arc::new(all) }
    }

    /// Whether the catalog names this very host.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        match parse_host(host) {
            Ok(Host::Domain(host)) => self.named.hosts.contains(&host),
            Ok(Host::Ipv4(ip)) => self.named.addresses.contains(&ip.into()),
            Ok(Host::Ipv6(ip)) => self.named.addresses.contains(&ip.to_canonical()),
            Err(_) => false,
        }
    }

    /// Whether this address may be connected to.
    ///
    /// # Errors
    /// [`Refused::Address`].
    pub fn check_ip(&self, ip: IpAddr) -> Result<(), Refused> {
        match special(ip) {
            Some(what) if !self.named.addresses.contains(&ip.to_canonical()) => Err(Refused::Address { ip, what }),
            _ => Ok(()),
        }
    }

    /// Whether this URL may be asked, as far as can be said before its name is resolved. `url` reads every way to write
    /// an IPv4 address (decimal, octal, hexadecimal, short), so none gets by.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_url(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => self.check_ip(ip.into()),
            Some(Host::Ipv6(ip)) => self.check_ip(ip.into()),
            Some(Host::Domain(_)) => Ok(()),
            None => Err(Refused::Host(String::new())),
        }
    }

    /// The addresses of `host` (a name or an address) that may be connected to, in the system's order; never empty.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        let name = match parse_host(host)? {
            Host::Ipv4(ip) => {
                self.check_ip(ip.into())?;
                return Ok(vec![SocketAddr::new(ip.into(), port)]);
            }
            Host::Ipv6(ip) => {
                self.check_ip(ip.into())?;
                return Ok(vec![SocketAddr::new(ip.into(), port)]);
            }
            Host::Domain(name) => name,
        };
        let unknown = |source| ResolveError::Lookup { host: name.clone(), source };
        let found: Vec<_> = tokio::net::lookup_host((name.as_str(), port)).await.map_err(unknown)?.collect();
        if found.is_empty() {
            return Err(unknown(io::Error::new(io::ErrorKind::NotFound, "no address")));
        }
        Ok(self.filter(&name, found)?)
    }

    /// Those of the addresses that `host` leads to which may be connected to.
    fn filter(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        // RFC 6761, 6.3: these names are the loopback and nothing else.
        let is_local = (host == "localhost" || host.ends_with(".localhost")) && self.named.hosts.contains(host);
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match self.check_ip(address.ip()) {
                Err(_) if is_local && address.ip().to_canonical().is_loopback() => allowed.push(address),
                Err(Refused::Address { ip, what }) => {
                    refused.get_or_insert(Refused::Resolved { host: host.to_owned(), ip, what });
                }
                Err(other) => {
                    refused.get_or_insert(other);
                }
                Ok(()) => allowed.push(address),
            }
        }
        match refused {
            Some(refused) if allowed.is_empty() => Err(refused),
            _ => Ok(allowed),
        }
    }
}

impl Resolve for AddressPolicy {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.clone();
        Box::pin(async move {
            // Port 0 stands for the URL's.
            let allowed = AddressPolicy::resolve(&policy, name.as_str(), 0).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A host as a URL would read it: names in lower case without the last dot, addresses in any of their spellings, with or
/// without brackets.
fn parse_host(text: &str) -> Result<Host<String>, Refused> {
    let text = text.trim();
    if let Ok(ip) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(ip));
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) => match name.strip_suffix('.').unwrap_or(&name) {
            "" => Err(Refused::Host(text.to_owned())),
            name => Ok(Host::Domain(name.to_owned())),
        },
        Ok(address) => Ok(address),
        Err(_) => Err(Refused::Host(text.to_owned())),
    }
}

/// What is special about an address that is not reached without being named.
fn special(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => special_v4(ip),
        IpAddr::V6(ip) => special_v6(ip),
    }
}

fn special_v4(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        // EC2, Google, Azure and others; ECS and EKS credentials; Alibaba; Azure's wire server; Oracle.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, 192] => Some("a cloud metadata address"),
        [127, ..] => Some("a loopback address"),
        [169, 254, ..] => Some("a link-local address"),
        [0, ..] => Some("an unspecified address"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn special_v6(ip: Ipv6Addr) -> Option<&'static str> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an unspecified address"),
        // AWS keeps fd00:ec2::/32 for its own services on the instance; fd20:ce::254 is Google's.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..] => Some("a cloud metadata address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // An IPv4 address in IPv6 clothes: mapped, translated, compatible, NAT64 (well-known and local), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            special_v4(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(named: &[&str]) -> AddressPolicy {
        AddressPolicy::new(named.iter().map(|host| (*host).to_owned()))
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn i8_what_answers_only_from_inside_is_refused() {
        let policy = policy(&[]);
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.1.1",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(policy.check_ip(address.parse().unwrap()).is_err(), "{address}");
        }
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "8.8.8.8",
            "fd12::1",
            "2001:db8::1",
            "2002:a00:1::1",
        ] {
            assert_eq!(policy.check_ip(address.parse().unwrap()), Ok(()), "{address}");
        }
    }

    #[test]
    fn i8_every_spelling_of_an_address_in_a_url_is_read() {
        let policy = policy(&[]);
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
            "http://2852039166/latest/meta-data/",
            "http://0251.0376.0251.0376/",
            "http://\u{ff11}27.0.0.1/",
            "http://user@127.0.0.1:9001/",
        ] {
            assert!(matches!(policy.check_url(&url(text)), Err(Refused::Address { .. })), "{text}");
        }
        assert_eq!(policy.check_url(&url("https://10.1.2.3:8443/healthz")), Ok(()));
        assert_eq!(policy.check_url(&url("https://checkout.internal/")), Ok(()));
        assert_eq!(policy.check_url(&url("file:///etc/passwd")), Err(Refused::Scheme("file".to_owned())));
        assert!(matches!(policy.check_url(&url("unix:/run/x")), Err(Refused::Scheme(_))));
    }

    #[test]
    fn an_address_that_the_catalog_names_is_reached_and_no_other() {
        let policy = policy(&["127.0.0.1", "[::1]", "fd00:ec2::254", "not a host", ""]);
        for open in ["http://127.0.0.1:9090/", "http://2130706433/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"] {
            assert_eq!(policy.check_url(&url(open)), Ok(()), "{open}");
        }
        for shut in ["http://127.0.0.2/", "http://169.254.169.254/", "http://[fd00:ec2::253]/"] {
            assert!(policy.check_url(&url(shut)).is_err(), "{shut}");
        }
    }

    #[test]
    fn a_host_is_named_in_any_case_and_with_a_last_dot() {
        let policy = policy(&["Checkout.Internal", "10.0.0.7", "b\u{fc}cher.example"]);
        for named in ["checkout.internal", "CHECKOUT.internal.", "10.0.0.7", "xn--bcher-kva.example"] {
            assert!(policy.names(named), "{named}");
        }
        for other in ["internal", "x.checkout.internal", "checkout.internal.evil.example", "10.0.0.70", "", "a b"] {
            assert!(!policy.names(other), "{other}");
        }
    }

    #[test]
    fn i8_a_named_host_that_is_rebound_to_an_inside_address_is_refused() {
        let policy = policy(&["api.example.com"]);
        let refused = policy.filter("api.example.com", vec!["169.254.169.254:80".parse().unwrap()]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`api.example.com` leads to 169.254.169.254, a cloud metadata address, which is only reached when the \
             catalog names that very address"
        );
        // What is harmless among the answers is still used.
        let mixed = vec!["127.0.0.1:80".parse().unwrap(), "10.0.0.1:80".parse().unwrap()];
        assert_eq!(policy.filter("api.example.com", mixed), Ok(vec!["10.0.0.1:80".parse().unwrap()]));
    }

    #[tokio::test]
    async fn localhost_is_the_loopback_when_the_catalog_names_it_and_only_then() {
        let refused = policy(&["checkout.internal"]).resolve("localhost", 80).await.unwrap_err();
        assert!(matches!(refused, ResolveError::Refused(Refused::Resolved { .. })), "{refused:?}");
        let found = policy(&["localhost"]).resolve("LOCALHOST", 8080).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8080), "{found:?}");
        let elsewhere = policy(&["localhost"]).filter("localhost", vec!["169.254.169.254:80".parse().unwrap()]);
        assert!(elsewhere.is_err());
    }

    #[tokio::test]
    async fn addresses_are_not_looked_up_and_names_that_nobody_knows_are_an_error_with_its_cause() {
        let policy = policy(&["127.0.0.1"]);
        assert_eq!(policy.resolve("0x7f.1", 5).await.unwrap(), vec!["127.0.0.1:5".parse().unwrap()]);
        assert!(matches!(policy.resolve("::1", 5).await, Err(ResolveError::Refused(Refused::Address { .. }))));
        assert!(matches!(policy.resolve("a b", 5).await, Err(ResolveError::Refused(Refused::Host(_)))));
        let too_long = format!("{}.invalid", "x".repeat(64));
        assert!(matches!(policy.resolve(&too_long, 5).await, Err(ResolveError::Lookup { .. })));
    }

    proptest! {
        #[test]
        fn i8_an_ipv4_address_is_no_less_special_in_ipv6_clothes(octets: [u8; 4]) {
            let v4 = Ipv4Addr::from(octets);
            let mapped = special(IpAddr::V6(v4.to_ipv6_mapped()));
            prop_assert_eq!(mapped, special(IpAddr::V4(v4)));
        }

        #[test]
        fn reading_a_host_never_panics(text: String) {
            let policy = policy(&[&text]);
            prop_assert_eq!(policy.names(&text), parse_host(&text).is_ok());
        }
    }
}
