//! A service under investigation: answers the scenarios' checks, and counts how often each was made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};

/// What the service remembers.
#[derive(Default)]
struct Desk {
    hits: Mutex<BTreeMap<(String, String), u32>>,
    /// The incidents whose checks wait.
    held: watch::Sender<BTreeSet<String>>,
}

/// A running service.
pub struct Shop {
    url: String,
    closed: TcpSocket,
    desk: Arc<Desk>,
}

impl Shop {
    pub async fn start() -> Self {
        let desk = Arc::<Desk>::default();
        let router = Router::new().route("/checks/{incident}/{name}", get(check)).with_state(Arc::clone(&desk));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        // Bound and kept, but nobody listens there; let go, it could become somebody else's.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { url, closed, desk }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn closed_port(&self) -> u16 {
        self.closed.local_addr().unwrap().port()
    }

    /// How often each check of `incident` was made.
    pub fn hits(&self, incident: &str) -> BTreeMap<String, u32> {
        let hits = self.desk.hits.lock().unwrap();
        hits.iter().filter(|((of, _), _)| of == incident).map(|((_, name), count)| (name.clone(), *count)).collect()
    }

    /// Checks of `incident` wait from now on, so that its run is under way.
    pub fn hold(&self, incident: &str) {
        self.desk.held.send_if_modified(|held| held.insert(incident.to_owned()));
    }

    /// They are answered.
    pub fn let_go(&self, incident: &str) {
        self.desk.held.send_if_modified(|held| held.remove(incident));
    }
}

async fn check(
    State(desk): State<Arc<Desk>>,
    Path((incident, name)): Path<(String, String)>,
) -> (StatusCode, Json<Value>) {
    *desk.hits.lock().unwrap().entry((incident.clone(), name.clone())).or_default() += 1;
    let mut held = desk.held.subscribe();
    held.wait_for(|held| !held.contains(&incident)).await.expect("the service is there");
    match name.as_str() {
        "orders" => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "down", "password": "hunter2-of-the-shop"})))
        }
        _ => (StatusCode::OK, Json(json!({"status": "up"}))),
    }
}
