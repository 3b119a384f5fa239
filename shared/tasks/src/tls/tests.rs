use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
};

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::{TLS12, TLS13},
};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{At, answer, closed_port, loopback, serve, unresolvable};

const NOW: &str = "2026-03-01T12:00:00Z";

/// An authority of our own, and the file in which it is trusted.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Example Root");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    fn trust(&self) -> Trust {
        Trust::new(Some(&self.file.path().to_owned())).unwrap()
    }

    /// A certificate of this authority and its key.
    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], key)
    }
}

type Pair = (Vec<CertificateDer<'static>>, KeyPair);

/// For these names, valid in March 2026.
fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "checkout");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 4, 1);
    params
}

fn config(versions: &[&'static SupportedProtocolVersion], (chain, key): Pair) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config
}

async fn serve_tls(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // Holds the connection until the other side has seen enough.
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                }
            });
        }
    });
    address
}

fn run(address: SocketAddr, server_name: Option<&str>) -> TlsRun<String> {
    TlsRun {
        host: address.ip().to_string(),
        port: address.port().to_string(),
        server_name: server_name.map(str::to_owned),
        timeout: "20s".parse().unwrap(),
    }
}

async fn look(trust: &Trust, run: &TlsRun<String>) -> Called {
    call(&loopback(), trust, &At::new(NOW), run).await
}

/// What is found of a server with this certificate, under the name `checkout.internal`.
async fn found(trust: &Trust, pair: Pair) -> Value {
    let address = serve_tls(config(&[&TLS12, &TLS13], pair)).await;
    look(trust, &run(address, Some("checkout.internal"))).await.answer.unwrap().result
}

#[tokio::test]
async fn a_good_certificate_is_trusted_and_read() {
    let authority = Authority::new();
    let pair = authority.sign(params(&["checkout.internal", "*.shop.internal", "10.0.0.7", "2001:db8::1"]));
    let address = serve_tls(config(&[&TLS12, &TLS13], pair)).await;
    let called = look(&authority.trust(), &run(address, Some("checkout.internal"))).await;
    assert_eq!(
        called.request,
        json!({"host": "127.0.0.1", "port": address.port().to_string(), "server_name": "checkout.internal"})
    );
    let mut answer = called.answer.unwrap();
    let elapsed = answer.result["elapsed_ms"].take().as_u64().unwrap();
    assert_eq!(answer.summary, format!("{address} is trusted for 30 more days (TLS 1.3, {elapsed} ms)"));
    assert_eq!(
        answer.result,
        json!({
            "trusted": true,
            "error": "",
            "subject": "CN=checkout",
            "issuer": "CN=Example Root",
            "names": ["checkout.internal", "*.shop.internal", "10.0.0.7", "2001:db8::1"],
            "not_before": "2026-01-01T00:00:00Z",
            "not_after": "2026-04-01T00:00:00Z",
            "days_left": 30,
            "chain": [{"subject": "CN=checkout", "issuer": "CN=Example Root", "not_after": "2026-04-01T00:00:00Z"}],
            "version": "TLS 1.3",
            "address": address.to_string(),
            "elapsed_ms": null,
        })
    );
}

#[tokio::test]
async fn the_name_is_the_hosts_unless_another_is_given() {
    let authority = Authority::new();
    let address = serve_tls(config(&[&TLS13], authority.sign(params(&["127.0.0.1"])))).await;
    let answer = look(&authority.trust(), &run(address, None)).await.answer.unwrap();
    assert_eq!(answer.result["trusted"], json!(true), "{}", answer.summary);
}

#[tokio::test]
async fn the_version_is_the_one_agreed_on() {
    let authority = Authority::new();
    let address = serve_tls(config(&[&TLS12], authority.sign(params(&["checkout.internal"])))).await;
    let answer = look(&authority.trust(), &run(address, Some("checkout.internal"))).await.answer.unwrap();
    assert_eq!((&answer.result["version"], &answer.result["trusted"]), (&json!("TLS 1.2"), &json!(true)));
}

#[tokio::test]
async fn an_expired_certificate_is_reported_and_not_just_an_error() {
    let authority = Authority::new();
    let mut old = params(&["checkout.internal"]);
    old.not_after = date_time_ymd(2026, 2, 27);
    let result = found(&authority.trust(), authority.sign(old)).await;
    assert_eq!(result["trusted"], json!(false));
    assert_eq!(result["error"], json!("the certificate has expired at 2026-02-27T00:00:00Z"));
    assert_eq!(result["days_left"], json!(-3));
    assert_eq!((&result["subject"], &result["version"]), (&json!("CN=checkout"), &json!("TLS 1.3")));
}

#[tokio::test]
async fn the_clock_says_what_has_expired() {
    let authority = Authority::new();
    let address = serve_tls(config(&[&TLS13], authority.sign(params(&["checkout.internal"])))).await;
    for (now, days, trusted) in [
        ("2026-03-31T00:00:00Z", 1, true),
        ("2026-03-31T00:00:01Z", 0, true),
        ("2026-04-01T00:00:01Z", -1, false),
        ("2025-12-31T00:00:00Z", 91, false),
    ] {
        let run = run(address, Some("checkout.internal"));
        let answer = call(&loopback(), &authority.trust(), &At::new(now), &run).await.answer.unwrap();
        assert_eq!((&answer.result["days_left"], &answer.result["trusted"]), (&json!(days), &json!(trusted)), "{now}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_says_for_which() {
    let authority = Authority::new();
    let result = found(&authority.trust(), authority.sign(params(&["a.internal", "b.internal"]))).await;
    assert_eq!(
        result["error"],
        json!("the certificate is not for `checkout.internal`: it is for a.internal, b.internal")
    );
    assert_eq!(result["names"], json!(["a.internal", "b.internal"]));
    assert_eq!(result["days_left"], json!(30));
}

#[tokio::test]
async fn a_certificate_signed_by_itself_is_called_so() {
    for authority in [false, true] {
        let mut params = params(&["checkout.internal"]);
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let result = found(&Trust::new(None).unwrap(), (vec![certificate.der().clone()], key)).await;
        assert_eq!(result["error"], json!("the certificate is signed by itself"));
        assert_eq!((&result["trusted"], &result["subject"]), (&json!(false), &result["issuer"]));
    }
}

#[tokio::test]
async fn an_unknown_authority_and_a_missing_intermediate_are_told() {
    let authority = Authority::new();
    let (alone, key) = authority.sign(params(&["checkout.internal"]));
    let result = found(&Trust::new(None).unwrap(), (alone.clone(), key)).await;
    assert_eq!(
        result["error"],
        json!("the certificate's issuer is not trusted, and the server shows no intermediate certificate")
    );
    let (mut whole, key) = authority.sign(params(&["checkout.internal"]));
    whole.push(authority.issuer.der().clone());
    let result = found(&Trust::new(None).unwrap(), (whole, key)).await;
    assert_eq!(result["error"], json!("the certificate's issuer is not trusted"));
    assert_eq!(result["chain"][1]["subject"], json!("CN=Example Root"));
}

#[tokio::test]
async fn an_intermediate_is_followed_to_the_root_and_told_when_it_has_expired() {
    let authority = Authority::new();
    for (until, error) in [(5, ""), (2, "an intermediate certificate has expired: CN=Example Middle")] {
        let mut middle = params(&[]);
        middle.distinguished_name.push(DnType::CommonName, "Example Middle");
        middle.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        middle.not_after = date_time_ymd(2026, until, 1);
        let middle = CertifiedIssuer::signed_by(middle, KeyPair::generate().unwrap(), &authority.issuer).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = params(&["checkout.internal"]).signed_by(&key, &middle).unwrap();
        let result = found(&authority.trust(), (vec![leaf.der().clone(), middle.der().clone()], key)).await;
        assert_eq!((&result["error"], &result["trusted"]), (&json!(error), &json!(error.is_empty())));
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_of_ours_still_shows_its_own() {
    let authority = Authority::new();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    for version in [&TLS12, &TLS13] {
        let (chain, key) = authority.sign(params(&["checkout.internal"]));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier.clone())
            .with_single_cert(chain, key)
            .unwrap();
        let address = serve_tls(config).await;
        let answer = look(&authority.trust(), &run(address, Some("checkout.internal"))).await.answer.unwrap();
        assert_eq!(answer.result["subject"], json!("CN=checkout"));
        assert_eq!(answer.result["days_left"], json!(30));
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_shows_nothing() {
    // The chain of one, the key of another: a forger's handshake.
    let authority = Authority::new();
    let (chain, _) = authority.sign(params(&["checkout.internal"]));
    let (_, other) = authority.sign(params(&["checkout.internal"]));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(other.serialize_der()));
    let key = ring::default_provider().key_provider.load_private_key(key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let address = serve_tls(config).await;
    let result = look(&authority.trust(), &run(address, Some("checkout.internal"))).await.answer.unwrap().result;
    assert_eq!(result["trusted"], json!(false));
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with("the certificate is trusted, but the handshake failed: "), "{error}");
}

#[tokio::test]
async fn what_keeps_a_handshake_from_coming_about_is_a_failure() {
    let trust = Trust::new(None).unwrap();
    let closed = closed_port().await;
    assert_eq!(
        look(&trust, &run(closed, None)).await.answer.unwrap_err(),
        format!("could not connect to {closed}: connection refused")
    );
    let plain = serve(|_| answer("400 Bad Request", &[], "")).await.address;
    assert_eq!(
        look(&trust, &run(plain, None)).await.answer.unwrap_err(),
        format!("no TLS handshake with {plain}: what answers there does not speak TLS")
    );
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap();
    let hurried = TlsRun { timeout: "80ms".parse().unwrap(), ..run(address, None) };
    assert_eq!(
        look(&trust, &hurried).await.answer.unwrap_err(),
        format!("no TLS handshake with {address}: no whole handshake within 80ms")
    );
    let unknown = TlsRun { host: unresolvable(), server_name: Some("a.example".to_owned()), ..run(closed, None) };
    let reason = look(&trust, &unknown).await.answer.unwrap_err();
    assert!(reason.contains("does not resolve"), "{reason}");
}

#[tokio::test]
async fn i8_what_the_policy_refuses_or_no_certificate_can_be_for_is_not_tried() {
    let trust = Trust::new(None).unwrap();
    let address: SocketAddr = "127.0.0.1:443".parse().unwrap();
    let refused = call(&AddressPolicy::default(), &trust, &At::new(NOW), &run(address, Some("a.example"))).await;
    assert!(refused.answer.unwrap_err().contains("a loopback address"));
    for (name, reason) in [("a b", "is not a name"), ("", "is not a name"), ("ex!ample", "is not a name")] {
        let refused = look(&trust, &run(address, Some(name))).await.answer.unwrap_err();
        assert!(refused.contains(reason), "{name}: {refused}");
    }
    let bracketed = TlsRun { host: "[::1]".to_owned(), ..run(address, None) };
    let refused = call(&AddressPolicy::default(), &trust, &At::new(NOW), &bracketed).await.answer.unwrap_err();
    assert!(refused.contains("::1 is a loopback address"), "{refused}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_certificate_as_far_as_they_can_be_read(bytes: Vec<u8>) {
        prop_assert_eq!(Shown::read(&bytes).days_left(NOW.parse().unwrap()), None);
    }

    #[test]
    fn a_certificate_with_a_wrong_byte_is_read_or_not(at in 0usize..400, byte: u8) {
        static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let good = GOOD.get_or_init(|| {
            let key = KeyPair::generate().unwrap();
            params(&["a.example", "10.0.0.1"]).self_signed(&key).unwrap().der().to_vec()
        });
        let mut bytes = good.clone();
        let at = at % bytes.len();
        bytes[at] = byte;
        let shown = Shown::read(&bytes);
        prop_assert!(shown.names.iter().all(|name| !name.contains(char::is_control)));
    }
}

#[test]
fn addresses_among_the_names_are_written_as_addresses() {
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["10.0.0.1", "2001:db8::1"]).self_signed(&key).unwrap();
    let names = Shown::read(certificate.der()).names;
    assert!(names.iter().all(|name| name.parse::<IpAddr>().is_ok()), "{names:?}");
}
