//! A service under investigation: answers the scenarios' checks, and counts how often each was made.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};

type Hits = Arc<Mutex<BTreeMap<(String, String), u32>>>;

/// A running service.
pub struct Shop {
    url: String,
    closed: TcpSocket,
    hits: Hits,
}

impl Shop {
    pub async fn start() -> Self {
        let hits = Hits::default();
        let router = Router::new().route("/checks/{incident}/{name}", get(check)).with_state(Arc::clone(&hits));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        // Bound and kept, but nobody listens there; let go, it could become somebody else's.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { url, closed, hits }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn closed_port(&self) -> u16 {
        self.closed.local_addr().unwrap().port()
    }

    /// How often each check of `incident` was made.
    pub fn hits(&self, incident: &str) -> BTreeMap<String, u32> {
        let hits = self.hits.lock().unwrap();
        hits.iter().filter(|((of, _), _)| of == incident).map(|((_, name), count)| (name.clone(), *count)).collect()
    }
}

async fn check(State(hits): State<Hits>, Path((incident, name)): Path<(String, String)>) -> (StatusCode, Json<Value>) {
    *hits.lock().unwrap().entry((incident, name.clone())).or_default() += 1;
    match name.as_str() {
        "orders" => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "down", "password": "hunter2-of-the-shop"})))
        }
        _ => (StatusCode::OK, Json(json!({"status": "up"}))),
    }
}
