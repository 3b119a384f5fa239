//! The other side of a function under measurement: AWS's JSON protocols for the calls that it makes, an example catalog,
//! and one event of each kind.

use std::path::PathBuf;

use axum::{Json, Router, http::HeaderMap, routing::any};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

const SECRET: &str = "bench-signing-secret";

/// Starts the stub of SQS, Secrets Manager and DynamoDB; gives its URL.
pub async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn answer(headers: HeaderMap) -> Json<Value> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Json(match target.rsplit('.').next().unwrap_or_default() {
        "GetSecretValue" => {
            let values = json!({"pagerduty-signing": SECRET, "console-link-key": SECRET, "slack-bot-token": "x", "team-webhook": "x"});
            json!({"ARN": "arn", "Name": "firstlook", "VersionId": "1", "SecretString": values.to_string()})
        }
        "SendMessage" => json!({"MessageId": "1", "MD5OfMessageBody": "00000000000000000000000000000000"}),
        "Query" => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
        _ => json!({}),
    })
}

/// The compiled example catalog, kept while this lives.
pub struct CompiledCatalog {
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

pub fn catalog() -> CompiledCatalog {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../infra/workspace");
    let loaded = catalog::load_dir(&workspace);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    std::fs::write(&path, loaded.catalog.expect("the example catalog is valid").to_compiled()).unwrap();
    CompiledCatalog { path, _folder: folder }
}

/// A signed page, in API Gateway's envelope.
pub fn page() -> Value {
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events/webhooks/pagerduty/triggered.json");
    let body = std::fs::read(sample).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let signature = format!("v1={}", hex::encode(mac.finalize().into_bytes()));
    request(
        "POST",
        "/hooks/pagerduty",
        "",
        json!({"content-type": "application/json", "x-pagerduty-signature": signature}),
        &body,
    )
}

/// The list of RunSessions, by a signed link.
pub fn console_request() -> Value {
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let link = store::link::sign("", store::link::Scope::List, ends, &domain::Secret::new(SECRET));
    let (path, query) = link.split_once('?').unwrap();
    request("GET", path, query, json!({}), b"")
}

fn request(method: &str, path: &str, query: &str, mut headers: Value, body: &[u8]) -> Value {
    headers["host"] = json!("abc.execute-api.eu-central-1.amazonaws.com");
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "abc", "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "abc", "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "22/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_341_600_000_i64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
        },
        "body": STANDARD.encode(body), "isBase64Encoded": true,
    })
}
