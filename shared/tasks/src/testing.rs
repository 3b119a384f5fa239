//! Servers on the loopback for the tests of the kinds.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use domain::Secret;
use jiff::Timestamp;
use net::AddressPolicy;
use ports::{Clock, ReadSecret, SecretError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::keys::Keys;

/// Secrets by their keys; what was read past the cache is the second value of a key, where there is one.
pub(crate) struct Held(BTreeMap<&'static str, Vec<&'static str>>);

impl Held {
    pub(crate) fn none() -> Keys {
        Self::keys([])
    }

    pub(crate) fn secrets<const N: usize>(secrets: [(&'static str, &[&'static str]); N]) -> Arc<dyn ReadSecret> {
        Arc::new(Self(secrets.into_iter().map(|(key, values)| (key, values.to_vec())).collect()))
    }

    pub(crate) fn keys<const N: usize>(secrets: [(&'static str, &[&'static str]); N]) -> Keys {
        Keys::new(Self::secrets(secrets))
    }

    fn value(&self, key: &str, place: usize) -> Result<Vec<Secret>, SecretError> {
        let values = self.0.get(key).ok_or_else(|| SecretError::Missing { key: key.to_owned() })?;
        Ok(values.get(place).or(values.last()).map(|value| Secret::new(*value)).into_iter().collect())
    }
}

#[async_trait]
impl ReadSecret for Held {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.value(key, 0)
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.value(key, 1)
    }
}

/// The policy of a catalog that names the loopback.
pub(crate) fn loopback() -> AddressPolicy {
    AddressPolicy::new(["127.0.0.1".to_owned(), "localhost".to_owned()])
}

/// A port on which nobody listens. It stays taken as long as the process lives, so that it becomes nobody else's.
pub(crate) async fn closed_port() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

/// A name that the system's resolver turns down by itself: its label is too long for any query.
pub(crate) fn unresolvable() -> String {
    format!("{}.invalid", "x".repeat(64))
}

/// A time that stands still.
pub(crate) struct At(pub(crate) Timestamp);

impl At {
    pub(crate) fn new(time: &str) -> Self {
        Self(time.parse().unwrap())
    }
}

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// An HTTP server that answers each request with the bytes that a function makes of it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// The requests so far, each as it came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

pub(crate) async fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (answer, seen) = (Arc::new(answer), requests.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, seen) = (answer.clone(), seen.clone());
            tokio::spawn(async move {
                let request = read_request(&mut stream).await;
                let bytes = answer(&request);
                seen.lock().unwrap().push(request);
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Server { address, requests }
}

/// A server that begins an answer with these bytes of its body and never ends it.
pub(crate) async fn stalled(begin: &'static [u8]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            seen.lock().unwrap().push(request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
            let _ = stream.write_all(begin).await;
            open.push(stream);
        }
    });
    Server { address, requests }
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        // A TLS hello is no request, and nothing more comes of it.
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return text,
        }
        if bytes.first() == Some(&22) {
            return String::new();
        }
    }
}

/// A whole HTTP answer.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

struct Middle;

impl ports::Entropy for Middle {
    fn random(&self) -> u128 {
        500
    }
}

/// AWS, as the server at `address` answers for it.
pub(crate) fn aws(address: SocketAddr) -> crate::aws::Cloud {
    crate::aws::Cloud::new(Some(aws_way(address)), BTreeMap::new())
}

/// The way to AWS that leads there.
pub(crate) fn aws_way(address: SocketAddr) -> awscall::Aws {
    let keys = awscall::Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: domain::Secret::new("secret"),
        session_token: None,
        expires: None,
    };
    let clock = Arc::new(At::new("2026-03-01T12:00:00Z"));
    let mut options = awscall::AwsOptions::new("eu-central-1", Arc::new(keys), clock, Arc::new(Middle));
    options.endpoint = Some(format!("http://{address}").parse().unwrap());
    awscall::Aws::new(options).unwrap()
}

/// An answer of a JSON protocol.
pub(crate) fn json_answer(status: u16, body: &serde_json::Value) -> String {
    typed(status, "application/x-amz-json-1.1", &body.to_string())
}

/// An answer of the Query protocol.
pub(crate) fn xml_answer(status: u16, body: &str) -> String {
    typed(status, "text/xml", body)
}

fn typed(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// A server that gives these answers, one after the other, and then 500.
pub(crate) async fn in_turn(answers: Vec<String>) -> Server {
    let answers = Mutex::new(std::collections::VecDeque::from(answers));
    serve(move |_| {
        let next = answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| json_answer(500, &serde_json::json!({}))).into_bytes()
    })
    .await
}
