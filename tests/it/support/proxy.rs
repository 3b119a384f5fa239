//! A loopback proxy between functions and AWS that counts their durable writes, kills the process that makes a chosen
//! one, or refuses chosen calls.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot};

/// The calls that change something, by `X-Amz-Target`. Retiming a message is none: nothing is lost with it.
const WRITES: [&str; 5] = [
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.UpdateItem",
    "DynamoDB_20120810.TransactWriteItems",
    "AmazonSQS.SendMessage",
    "AmazonSQS.DeleteMessage",
];

/// On which side of a write the process that makes it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before AWS hears of it.
    Before,
    /// When AWS has done it, and before the process hears of that.
    After,
}

/// Which writes a kill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Every one.
    All,
    /// Those with one of these words in them.
    With(&'static [&'static str]),
}

impl Counted {
    fn counts(self, body: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::With(words) => {
                let body = String::from_utf8_lossy(body);
                words.iter().any(|word| body.contains(word))
            }
        }
    }
}

/// How a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// With this status and nothing that the SDK could read.
    Status(u16),
    /// By closing the connection.
    Close,
}

/// A process that was killed at a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Killed {
    /// Its id.
    pub pid: u32,
    /// The function that it ran, by its binary's path.
    pub binary: String,
    /// The write's `X-Amz-Target`.
    pub target: String,
}

#[derive(Default)]
struct Plan {
    /// How many of the writes that count have come since the plan was made.
    writes: usize,
    kill: Option<(Counted, usize, Moment)>,
    killed: Option<Killed>,
    refuse: Option<(String, Refusal)>,
}

struct Shared {
    upstream: String,
    port: u16,
    client: reqwest::Client,
    plan: Mutex<Plan>,
}

/// A running proxy. It ends when it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    _running: oneshot::Sender<Infallible>,
}

impl Proxy {
    /// Starts one in front of what listens, now or later, on `upstream`. It runs on a thread of its own, since a test that
    /// shares it may end before it.
    pub async fn start(upstream: u16) -> Self {
        let (running, ended) = oneshot::channel::<Infallible>();
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let shared = Arc::new(Shared {
                    upstream: format!("http://127.0.0.1:{upstream}"),
                    port: listener.local_addr().unwrap().port(),
                    client: crate::aws_world::loopback_client(),
                    plan: Mutex::default(),
                });
                tell.send(Arc::clone(&shared)).ok().unwrap();
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = ended => {}
                }
            });
        });
        Self { shared: told.await.unwrap(), _running: running }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// Kills the process that makes the `nth` of the `counted` writes from now on (from 1).
    pub fn kill_at(&self, counted: Counted, nth: usize, moment: Moment) {
        *self.plan() = Plan { kill: Some((counted, nth, moment)), ..Plan::default() };
    }

    /// Refuses the calls whose `X-Amz-Target` is `target`, until [`Proxy::behave`].
    pub fn refuse(&self, target: &str, how: Refusal) {
        *self.plan() = Plan { refuse: Some((target.to_owned(), how)), ..Plan::default() };
    }

    /// Does nothing but count, from now on.
    pub fn behave(&self) {
        *self.plan() = Plan::default();
    }

    /// Who was killed since the last order.
    pub fn killed(&self) -> Option<Killed> {
        self.plan().killed.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.shared.plan.lock().unwrap()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, peer) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), peer, request));
            // A service that fails ends the connection without an answer: that is how a call is broken off.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// What closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("broken off")]
struct BrokenOff;

async fn answer(
    shared: Arc<Shared>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, BrokenOff> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let target = target.to_owned();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
    let (refuse, kill) = {
        let mut plan = shared.plan.lock().unwrap();
        let refuse = plan.refuse.as_ref().filter(|(of, _)| *of == target).map(|(_, how)| *how);
        let mut kill = None;
        if let Some((counted, nth, moment)) = plan.kill
            && WRITES.contains(&target.as_str())
            && counted.counts(&body)
        {
            plan.writes += 1;
            kill = (plan.writes == nth).then_some(moment);
        }
        (refuse, kill)
    };
    match refuse {
        Some(Refusal::Close) => return Err(BrokenOff),
        Some(Refusal::Status(status)) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            return Ok(response);
        }
        None => {}
    }
    if kill == Some(Moment::Before) {
        kill_caller(&shared, peer, target);
        return Err(BrokenOff);
    }
    let response = forward(&shared, head, body).await?;
    if kill == Some(Moment::After) {
        kill_caller(&shared, peer, target);
        return Err(BrokenOff);
    }
    Ok(response)
}

async fn forward(shared: &Shared, head: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, BrokenOff> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", shared.upstream);
    // `Host` goes on as it came: it is signed.
    let sent = shared.client.request(head.method, url).headers(end_to_end(head.headers)).body(body).send();
    let answer = sent.await.map_err(|_| BrokenOff)?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = answer.status();
    *response.headers_mut() = end_to_end(answer.headers().clone());
    *response.body_mut() = Full::new(answer.bytes().await.map_err(|_| BrokenOff)?);
    Ok(response)
}

/// Without the headers of the one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(name);
    }
    headers
}

fn kill_caller(shared: &Shared, peer: SocketAddr, target: String) {
    let inode = inode(peer.port(), shared.port).expect("the caller's socket in /proc/net/tcp");
    let (pid, binary) = holder(&inode).expect("the process that holds the caller's socket");
    // Nothing else may be killed, whatever connects here.
    assert!(binary.ends_with("/bootstrap"), "the caller is {binary} and not a function");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill");
    assert!(killed.success(), "{binary} ({pid}) was not killed");
    shared.plan.lock().unwrap().killed = Some(Killed { pid, binary, target });
}

/// The inode of the loopback socket from `local` to `remote`.
fn inode(local: u16, remote: u16) -> Option<String> {
    let address = |port: u16| format!("0100007F:{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp: killing needs Linux");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = fields.get(1) == Some(&address(local).as_str()) && fields.get(2) == Some(&address(remote).as_str());
        fields.get(9).filter(|_| found).map(|inode| (*inode).to_owned())
    })
}

/// The process that holds the socket, and its binary.
fn holder(inode: &str) -> Option<(u32, String)> {
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let folder = Path::new("/proc").join(pid.to_string());
        let open = fs::read_dir(folder.join("fd")).ok()?.flatten();
        let holds = open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|link| link == Path::new(&socket));
        let binary = fs::read_link(folder.join("exe")).ok()?;
        holds.then(|| (pid, binary.to_string_lossy().into_owned()))
    })
}
