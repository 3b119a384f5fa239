//! What the service answers over HTTP, beside its metrics.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    prometheus,
    shop::{CAPACITY, Release, Shop},
};

/// `mend` is told when somebody mends the database.
pub(super) fn router(shop: Arc<Shop>, address: SocketAddr, mend: mpsc::Sender<()>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/orders", get(orders))
        .route("/deploys", get(deploys))
        .route("/payments/healthz", get(payments))
        .with_state(Arc::clone(&shop))
        .route("/mend", post(mended).with_state(mend))
        .nest("/prometheus", prometheus::router(shop, address))
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second()).max(0)
}

/// To the millisecond, which is as much as anybody reads.
fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Whether orders can be stored. 503 while they cannot.
async fn health(State(shop): State<Arc<Shop>>) -> (StatusCode, Json<Value>) {
    let books = shop.books();
    let release = books.releases.last();
    let (status, word) = match books.failure {
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        None => (StatusCode::OK, "healthy"),
    };
    let body = json!({
        "status": word,
        "version": release.map(|release| release.version),
        "deployed_at": release.map(|release| moment(release.deployed_at)),
        "database": {
            "address": books.database().to_string(),
            "error": books.failure.as_ref().map(|failure| &failure.error),
            "failing_since": books.failure.as_ref().map(|failure| moment(failure.since)),
        },
        "queue_depth": books.queue.len(),
    });
    (status, Json(body))
}

async fn orders(State(shop): State<Arc<Shop>>) -> Json<Value> {
    let now = shop.now();
    let books = shop.books();
    Json(json!({
        "taken": books.taken,
        "processed": books.processed,
        "turned_away": books.turned_away,
        "worker_errors": books.errors,
        "queue_depth": books.queue.len(),
        "queue_capacity": CAPACITY,
        "oldest_waits_seconds": books.queue.front().map_or(0, |order| seconds(order.came_at, now)),
    }))
}

/// The releases, newest first, each with what it changed.
async fn deploys(State(shop): State<Arc<Shop>>) -> Json<Value> {
    let now = shop.now();
    let books = shop.books();
    let before = std::iter::once(None).chain(books.releases.iter().map(Some));
    let mut deploys: Vec<Value> =
        books.releases.iter().zip(before).map(|(release, before)| deploy(release, before, now)).collect();
    deploys.reverse();
    Json(deploys.into())
}

fn deploy(release: &Release, before: Option<&Release>, now: Timestamp) -> Value {
    let changed = before.filter(|before| before.database != release.database).map(|before| {
        json!({
            "setting": "database.address",
            "from": before.database.to_string(),
            "to": release.database.to_string(),
        })
    });
    json!({
        "version": release.version,
        "deployed_at": moment(release.deployed_at),
        "age_seconds": seconds(release.deployed_at, now),
        "changed": changed.into_iter().collect::<Vec<_>>(),
    })
}

/// A part of the shop that has no database and is well.
async fn payments(State(shop): State<Arc<Shop>>) -> Json<Value> {
    let opened_at = shop.books().releases.first().map(|release| moment(release.deployed_at));
    Json(json!({"status": "healthy", "up_since": opened_at}))
}

/// Somebody starts the database.
async fn mended(State(mend): State<mpsc::Sender<()>>) -> Json<Value> {
    // Full or closed: it was said before.
    let first = mend.try_send(()).is_ok();
    Json(json!({"database": if first { "listens now" } else { "listens already" }}))
}
