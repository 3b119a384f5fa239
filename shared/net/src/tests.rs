//! The client against real servers on the loopback.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::Client;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::{AddressPolicy, ClientError, NotReached, Options, client, reach, read_capped, request_reason, retry_after};

/// Answers every connection with these bytes, once the request's head has come, and closes.
async fn serve(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    // A TLS hello (22) is no head; an HTTP server answers it at once.
    while !head.ends_with(b"\r\n\r\n") && !head.starts_with(&[22]) && matches!(stream.read(&mut byte).await, Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A port on which nobody listens. It stays taken as long as the process lives, so that it becomes nobody else's.
async fn closed_port() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

fn open_client() -> Client {
    client(&Options { policy: AddressPolicy::new(["127.0.0.1".to_owned()]), ..Options::default() }).unwrap()
}

async fn fail(client: &Client, url: &str) -> String {
    let url: Url = url.parse().unwrap();
    let error = client.get(url.clone()).timeout(Duration::from_secs(20)).send().await.unwrap_err();
    request_reason(&error, &url)
}

/// Serves TLS with a certificate for `names`, signed by itself; gives the certificate as PEM too.
async fn serve_tls(names: &[&str]) -> (SocketAddr, String) {
    let signed =
        rcgen::generate_simple_self_signed(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            let _ = stream.shutdown().await;
        }
    });
    (address, signed.cert.pem())
}

#[test]
fn a_wait_is_read_in_seconds_in_milliseconds_and_as_a_date() {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let wait = |given: &[(&'static str, &'static str)]| {
        let headers = given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        retry_after(&headers.collect(), now)
    };
    for (given, wanted) in [
        (&[("retry-after", "30")][..], Some(Duration::from_secs(30))),
        (&[("retry-after", "Sun, 01 Mar 2026 12:00:07 GMT")], Some(Duration::from_secs(7))),
        (&[("retry-after", "Sun, 01 Mar 2026 11:00:00 GMT")], Some(Duration::ZERO)),
        (&[("retry-after", "30"), ("retry-after-ms", "1250")], Some(Duration::from_millis(1250))),
        (&[("retry-after", "soon")], None),
        (&[("retry-after-ms", "-1")], None),
        (&[], None),
    ] {
        assert_eq!(wait(given), wanted, "{given:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let address =
        serve("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let response = open_client().get(format!("http://{address}/")).send().await.unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn the_user_agent_says_who_asks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asking = tokio::spawn(open_client().get(format!("http://{address}/")).send());
    let (mut stream, _) = listener.accept().await.unwrap();
    let head = read_head(&mut stream).await;
    asking.abort();
    assert!(head.contains(concat!("user-agent: firstlook/", env!("CARGO_PKG_VERSION"))), "{head}");
    assert!(!head.contains("accept-encoding"), "{head}");
}

#[tokio::test]
async fn a_body_is_read_up_to_the_cap_and_not_one_byte_beyond() {
    let whole = serve("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let read = |cap| async move {
        let response = open_client().get(format!("http://{whole}/")).send().await.unwrap();
        read_capped(response, cap).await.unwrap()
    };
    for cap in [5, 6, 1000] {
        let body = read(cap).await;
        assert_eq!((body.bytes.as_slice(), body.more, body.length), (&b"hello"[..], false, Some(5)), "{cap}");
    }
    for cap in [0, 1, 4] {
        let body = read(cap).await;
        assert_eq!((body.bytes.as_slice(), body.more, body.length), (&b"hello"[..cap], true, Some(5)), "{cap}");
    }

    let chunked = serve("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n").await;
    let response = open_client().get(format!("http://{chunked}/")).send().await.unwrap();
    let body = read_capped(response, 4).await.unwrap();
    assert_eq!((body.bytes.as_slice(), body.more, body.length), (&b"abcd"[..], true, None));
}

#[tokio::test]
async fn what_keeps_a_connection_from_coming_about_has_a_plain_name() {
    let closed = closed_port().await;
    assert_eq!(
        fail(&open_client(), &format!("http://{closed}/secret?token=hunter2")).await,
        format!("could not connect to {closed}: connection refused")
    );
    // A label that is too long for any query: the system's resolver turns it down by itself.
    let name = format!("{}.invalid", "x".repeat(64));
    let unknown = fail(&open_client(), &format!("http://{name}/")).await;
    assert!(
        unknown.starts_with(&format!("could not connect to {name}:80: the name `{name}` does not resolve (")),
        "{unknown}"
    );
    let silent = serve("").await;
    assert_eq!(
        fail(&open_client(), &format!("http://{silent}/")).await,
        format!("no answer from {silent}: connection closed before message completed")
    );
    let garbage = serve("hello\r\n\r\n").await;
    assert_eq!(
        fail(&open_client(), &format!("http://{garbage}/")).await,
        format!("no answer from {garbage}: invalid HTTP version parsed")
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let asked = open_client().get(url.clone()).timeout(Duration::from_millis(50)).send();
    let error = asked.await.unwrap_err();
    assert_eq!(request_reason(&error, &url), format!("{} did not answer in time", crate::where_to(&url)));
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up() {
    // A listener that never accepts: once its queue is full, the kernel drops what comes.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    let options = Options {
        policy: AddressPolicy::new(["127.0.0.1".to_owned()]),
        connect_timeout: Duration::from_millis(100),
        ..Options::default()
    };
    let reason = fail(&client(&options).unwrap(), &format!("http://{address}/")).await;
    assert_eq!(reason, format!("could not connect to {address}: timed out"));
}

#[tokio::test]
async fn i8_the_client_resolves_under_the_policy() {
    let address = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://localhost:{}/", address.port());
    let shut = client(&Options::default()).unwrap();
    let refused = fail(&shut, &url).await;
    assert!(refused.contains("`localhost` leads to") && refused.contains("a loopback address"), "{refused}");

    let policy = AddressPolicy::new(["localhost".to_owned()]);
    let open = client(&Options { policy, ..Options::default() }).unwrap();
    assert_eq!(open.get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn tls_is_checked_and_the_reason_said() {
    let (address, _) = serve_tls(&["127.0.0.1"]).await;
    assert_eq!(
        fail(&open_client(), &format!("https://{address}/")).await,
        format!("could not connect to {address}: the certificate's issuer is not trusted")
    );
    let plain = serve("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(
        fail(&open_client(), &format!("https://{plain}/")).await,
        format!("could not connect to {plain}: what answers there does not speak TLS")
    );
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_from_a_file() {
    let file = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        file
    };
    let trusting = |file: &tempfile::NamedTempFile| {
        client(&Options {
            policy: AddressPolicy::new(["127.0.0.1".to_owned()]),
            extra_ca: Some(file.path().to_owned()),
            ..Options::default()
        })
    };
    let (address, pem) = serve_tls(&["127.0.0.1"]).await;
    let client = trusting(&file(&pem)).unwrap();
    assert_eq!(client.get(format!("https://{address}/")).send().await.unwrap().status(), 200);

    let (other, pem) = serve_tls(&["checkout.internal", "shop.internal"]).await;
    assert_eq!(
        fail(&trusting(&file(&pem)).unwrap(), &format!("https://{other}/")).await,
        format!(
            "could not connect to {other}: the certificate is not for `127.0.0.1`: it is for checkout.internal, \
             shop.internal"
        )
    );

    assert!(matches!(trusting(&file("")), Err(ClientError::NoCa { .. })));
    assert!(matches!(
        trusting(&file("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")),
        Err(ClientError::ParseCa { .. })
    ));
    assert!(matches!(
        trusting(&file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
        Err(ClientError::BadCa { .. })
    ));
    let missing = Options { extra_ca: Some("/nonexistent/ca.pem".into()), ..Options::default() };
    assert!(matches!(crate::client(&missing), Err(ClientError::ReadCa { .. })));
}

#[tokio::test]
async fn who_is_there_is_told_from_who_is_not_and_from_a_bad_certificate() {
    let policy = AddressPolicy::new(["127.0.0.1".to_owned(), "localhost".to_owned()]);
    let limit = Duration::from_secs(20);
    let (secure, pem) = serve_tls(&["localhost"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let (public, trusting) = (crate::tls_config(None).unwrap(), crate::tls_config(Some(&file)).unwrap());
    let (plain, closed) = (serve("nothing").await, closed_port().await);
    let url = |text: String| text.parse::<Url>().unwrap();
    let said = |done: Result<(), NotReached>| done.unwrap_err().to_string();

    assert_eq!(reach(&policy, &public, &url(format!("http://{plain}/x")), limit).await, Ok(()));
    let there = url(format!("https://localhost:{}", secure.port()));
    assert_eq!(reach(&policy, &trusting, &there, limit).await, Ok(()));
    assert_eq!(
        said(reach(&policy, &public, &there, limit).await),
        format!("no TLS with localhost:{}: the certificate's issuer is not trusted", secure.port())
    );
    assert_eq!(
        said(reach(&policy, &public, &url(format!("https://{closed}")), limit).await),
        format!("could not connect to {closed}: connection refused")
    );
    let shut = reach(&AddressPolicy::default(), &public, &url(format!("http://{plain}")), limit).await;
    assert!(said(shut).contains("a loopback address"));
}
