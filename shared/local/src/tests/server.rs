use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use ports::HandleHttp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{HttpServer, REQUEST_CAP, Routes};

/// Says what it got, and who it is.
struct Echo(&'static str);

#[async_trait]
impl HandleHttp for Echo {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let header = request.headers().get("x-sent").map(|value| value.to_str().unwrap().to_owned());
        let body = request.body();
        let text = format!("{} {} {} {header:?} {}", self.0, request.method(), request.uri(), body.len());
        Response::builder().status(202).header("x-answer", "yes").body(Bytes::from(text)).unwrap()
    }
}

async fn ask(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may answer and close before it has read a body that is too large.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn server() -> HttpServer {
    let routes = Routes::new()
        .route("/hooks", Arc::new(Echo("hooks")))
        .route("/runs", Arc::new(Echo("runs")))
        .local_route("/inbox", Arc::new(Echo("inbox")));
    HttpServer::start("127.0.0.1:0".parse().unwrap(), Arc::new(routes)).await.unwrap()
}

#[tokio::test]
async fn a_request_reaches_its_handler_whole_and_the_answer_comes_back_whole() {
    let server = server().await;
    let answer = ask(server.address(), "POST /hooks/pagerduty?a=b HTTP/1.1\r\nhost: x\r\nX-Sent: v1", b"12345").await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(answer.contains("x-answer: yes"), "{answer}");
    assert!(answer.ends_with("hooks POST /hooks/pagerduty?a=b Some(\"v1\") 5"), "{answer}");
    server.stop(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn paths_are_matched_by_whole_parts() {
    let server = server().await;
    for (path, by) in [("/runs", "runs"), ("/runs.json", "runs"), ("/runs/x.json", "runs"), ("/hooks", "hooks")] {
        let answer = ask(server.address(), &format!("GET {path} HTTP/1.1\r\nhost: x"), b"").await;
        assert!(answer.contains(&format!("\r\n\r\n{by} GET")), "{path}: {answer}");
    }
    for path in ["/", "/runsx", "/other", "/hook"] {
        let answer = ask(server.address(), &format!("GET {path} HTTP/1.1\r\nhost: x"), b"").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn i9_pages_without_a_link_are_shown_under_loopback_names_only() {
    let server = server().await;
    for (host, status) in [
        ("127.0.0.1:3000", 202),
        ("localhost", 202),
        ("[::1]:80", 202),
        ("evil.example", 403),
        ("localhost.evil.example:80", 403),
        ("", 403),
    ] {
        let answer = ask(server.address(), &format!("GET /inbox HTTP/1.1\r\nhost: {host}"), b"").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_body_over_the_cap_reaches_nobody() {
    let server = server().await;
    let head = "POST /hooks/x HTTP/1.1\r\nhost: x";
    let answer = ask(server.address(), head, &vec![b'x'; REQUEST_CAP]).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let answer = ask(server.address(), head, &vec![b'x'; REQUEST_CAP + 1]).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
}
