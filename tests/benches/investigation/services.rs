//! The other side, in a process of its own so that its work is not counted: a shop with ten parts, and Slack.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Json, Router, extract::Path, routing::get};
use domain::RunId;
use inbox::Inbox;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CHILD: &str = "FIRSTLOOK_BENCH_SERVICES";

/// How long a part of the shop takes. Those of the chain take longer than any that waits for a free hand.
const PART: Duration = Duration::from_millis(10);
const CHAIN: Duration = Duration::from_millis(30);

/// The running process. It ends with this.
pub struct Services {
    pub shop: String,
    pub slack_api: String,
    pub pagerduty_api: String,
    child: Child,
}

impl Services {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let places: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| places[key].as_str().unwrap().to_owned();
        Self { shop: text("shop"), slack_api: text("slack"), pagerduty_api: text("pagerduty"), child }
    }

    /// When the first message about `run` came.
    pub async fn posted(&self, client: &reqwest::Client, run: RunId) -> Timestamp {
        let answer = client.get(format!("{}/posted/{run}", self.shop)).send().await.unwrap();
        let at: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        at.as_str().unwrap_or_else(|| panic!("nothing was posted of {run}")).parse().unwrap()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Serves until its input ends.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let inbox = Arc::new(Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(ports::SystemClock)).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shop = format!("http://{}", listener.local_addr().unwrap());
        let places = json!({"shop": shop, "slack": inbox.slack_api(), "pagerduty": inbox.pagerduty_api()});
        println!("{places}");
        let posts = Arc::clone(&inbox);
        let posted = async move |Path(run): Path<String>| {
            let of = |body: &Value| body.to_string().contains(&run);
            Json(posts.posts().iter().find(|post| of(&post.body)).map(|post| post.at.to_string()))
        };
        let router = Router::new().route("/checks/{n}", get(check)).route("/posted/{run}", get(posted));
        tokio::spawn(async move { axum::serve(listener, router).await });
        tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await.unwrap().unwrap();
    });
}

async fn check(Path(n): Path<u8>) -> Json<Value> {
    tokio::time::sleep(if matches!(n, 0 | 9) { CHAIN } else { PART }).await;
    Json(json!({"status": "up", "part": n}))
}
