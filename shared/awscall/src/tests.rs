//! Against a loopback server that answers as AWS does, and against AWS's published signatures.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use domain::Secret;
use jiff::Timestamp;
use ports::{Clock, Entropy};
use serde_json::json;

use super::*;

mod answers;
mod roles;
mod signatures;

/// A clock that stands still until it is set.
struct Set(Mutex<Timestamp>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Same;

impl Entropy for Same {
    fn random(&self) -> u128 {
        499
    }
}

/// One request, as the server saw it.
#[derive(Debug)]
struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Server {
    seen: Mutex<Vec<Seen>>,
    script: Mutex<VecDeque<Response>>,
}

async fn answer(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    server.seen.lock().unwrap().push(Seen { method, uri, headers, body });
    let next = server.script.lock().unwrap().pop_front();
    next.unwrap_or_else(|| (StatusCode::IM_A_TEAPOT, "the script is over").into_response())
}

/// AWS's own example keys, which its signature tests are made with.
fn keys() -> Keys {
    Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: None,
        expires: None,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct World {
    aws: Aws,
    server: Arc<Server>,
    clock: Arc<Set>,
}

impl World {
    /// A server that gives these answers, one after the other.
    async fn new(script: impl IntoIterator<Item = Response>) -> Self {
        let server = Arc::new(Server { script: Mutex::new(script.into_iter().collect()), ..Server::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self::at(address, server)
    }

    fn at(address: SocketAddr, server: Arc<Server>) -> Self {
        let clock = Arc::new(Set(Mutex::new(at("2015-08-30T12:36:00Z"))));
        let mut options =
            AwsOptions::new("eu-central-1", Arc::new(keys()), Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(Same));
        options.endpoint = Some(format!("http://{address}").parse().unwrap());
        options.max_answer = 4096;
        Self { aws: Aws::new(options).unwrap(), server, clock }
    }

    async fn logs(&self) -> Result<AwsAnswer, AwsError> {
        let body = json!({"limit": 3});
        let request = AwsRequest::Json {
            service: "logs",
            signing: "logs",
            target: "Logs_20140328.DescribeLogGroups",
            version: JsonVersion::V1_1,
            body: &body,
        };
        self.aws.call(&Place::default(), &request, Duration::from_secs(20)).await
    }

    async fn rds(&self) -> Result<AwsAnswer, AwsError> {
        let params = [("DBInstanceIdentifier".to_owned(), "orders & more".to_owned())];
        let request = AwsRequest::Query {
            service: "rds",
            signing: "rds",
            action: "DescribeDBInstances",
            version: "2014-10-31",
            params: &params,
        };
        self.aws.call(&Place::default(), &request, Duration::from_secs(20)).await
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.server.seen.lock().unwrap())
    }
}

fn json_answer(status: u16, body: &serde_json::Value) -> Response {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "r-1")];
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
}

fn xml_answer(status: u16, body: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "text/xml")], body.to_owned()).into_response()
}
