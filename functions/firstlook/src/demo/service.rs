//! The service that breaks: orders come in, a worker takes them to a database, and the database refuses connections.
//! The fault is real: the worker opens TCP connections to a port that is taken and does not listen. `POST /mend` lets it
//! listen, and the queue drains.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use local::{HttpServer, SystemClock};
use ports::{Clock, HandleHttp};
use serde_json::json;
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use super::prometheus::{self, Sample, respond};

/// A customer orders this often.
const ORDERS_EVERY: Duration = Duration::from_millis(25);

/// After a failure the worker waits so long.
const WORKER_PAUSE: Duration = Duration::from_millis(100);

/// The metrics are sampled this often, and kept for ten minutes.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
const SAMPLES: usize = 6000;

/// So many orders fit in the queue; customers are turned away then.
const CAPACITY: usize = 5000;

/// From so many waiting orders on, the service calls itself unhealthy.
const UNHEALTHY: usize = 20;

/// The ports that the demo's catalog is written with.
const CHECKOUT_PORT: &str = "127.0.0.1:18080";
const PAYMENTS_PORT: &str = "127.0.0.1:18081";
const DATABASE_PORT: &str = "15432";

/// The service, what it depends on, and everything that keeps it going. It ends when it is dropped.
pub struct Shop {
    state: Arc<State>,
    checkout: HttpServer,
    payments: HttpServer,
    _loops: JoinSet<()>,
}

struct State {
    database: SocketAddr,
    /// The database's port: taken, so that nobody else gets it, and not listening until it is mended.
    shut: Mutex<Option<TcpSocket>>,
    orders: Mutex<VecDeque<Timestamp>>,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    done: AtomicU64,
    failures: AtomicU64,
    /// What kept the worker from its last order; empty when nothing did.
    trouble: Mutex<String>,
    depth: Mutex<VecDeque<Sample>>,
    errors: Mutex<VecDeque<Sample>>,
    waiting: watch::Sender<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shop {
    /// Opens for business.
    ///
    /// # Errors
    /// What the system said.
    pub async fn start() -> io::Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = TcpSocket::new_v4()?;
        socket.bind(loopback)?;
        let state = Arc::new(State {
            database: socket.local_addr()?,
            shut: Mutex::new(Some(socket)),
            orders: Mutex::default(),
            accepted: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            trouble: Mutex::default(),
            depth: Mutex::default(),
            errors: Mutex::default(),
            waiting: watch::Sender::new(0),
        });
        let checkout = HttpServer::start(loopback, Arc::new(Checkout(Arc::clone(&state)))).await?;
        let payments = HttpServer::start(loopback, Arc::new(Payments { asked: AtomicU64::new(0) })).await?;
        let mut loops = JoinSet::new();
        loops.spawn(customers(Arc::clone(&state)));
        loops.spawn(worker(Arc::clone(&state)));
        loops.spawn(sampler(Arc::clone(&state)));
        Ok(Self { state, checkout, payments, _loops: loops })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        self.checkout.url()
    }

    /// Where its database should be.
    pub fn database(&self) -> SocketAddr {
        self.state.database
    }

    /// Waits until so many orders wait, and gives how many do.
    pub async fn until_waiting(&self, orders: usize) -> usize {
        let mut waiting = self.state.waiting.subscribe();
        // The sender lives as long as this does.
        waiting.wait_for(|waiting| *waiting >= orders).await.map_or(orders, |waiting| *waiting)
    }

    /// Waits until no order waits any more.
    #[cfg(test)]
    pub async fn until_done(&self) {
        let mut waiting = self.state.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting == 0).await.unwrap();
    }

    /// A document of the demo's catalog with the real ports.
    pub fn with_ports(&self, text: &str) -> String {
        text.replace(CHECKOUT_PORT, &self.checkout.address().to_string())
            .replace(PAYMENTS_PORT, &self.payments.address().to_string())
            .replace(DATABASE_PORT, &self.state.database.port().to_string())
    }
}

async fn customers(state: Arc<State>) {
    let mut orders = interval(ORDERS_EVERY);
    loop {
        orders.tick().await;
        let mut queue = lock(&state.orders);
        if queue.len() < CAPACITY {
            queue.push_back(SystemClock.now());
            state.accepted.fetch_add(1, Ordering::Relaxed);
        } else {
            state.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        state.waiting.send_replace(queue.len());
    }
}

/// Takes one order after the other to the database. An order that did not get there stays the first of the queue.
async fn worker(state: Arc<State>) {
    loop {
        if lock(&state.orders).is_empty() {
            sleep(WORKER_PAUSE).await;
            continue;
        }
        let trouble = match timeout(Duration::from_secs(1), TcpStream::connect(state.database)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("timed out".to_owned()),
        };
        match trouble {
            None => {
                let mut orders = lock(&state.orders);
                orders.pop_front();
                state.waiting.send_replace(orders.len());
                drop(orders);
                state.done.fetch_add(1, Ordering::Relaxed);
                lock(&state.trouble).clear();
            }
            Some(trouble) => {
                state.failures.fetch_add(1, Ordering::Relaxed);
                *lock(&state.trouble) = trouble;
                sleep(WORKER_PAUSE).await;
            }
        }
    }
}

async fn sampler(state: Arc<State>) {
    let mut samples = interval(SAMPLE_EVERY);
    loop {
        samples.tick().await;
        // Both are far below 2^53.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let (depth, errors) = (lock(&state.orders).len() as f64, state.failures.load(Ordering::Relaxed) as f64);
        let now = SystemClock.now().as_duration().as_secs_f64();
        for (series, value) in [(&state.depth, depth), (&state.errors, errors)] {
            let mut series = lock(series);
            if series.len() == SAMPLES {
                series.pop_front();
            }
            series.push_back((now, value));
        }
    }
}

struct Checkout(Arc<State>);

#[async_trait]
impl HandleHttp for Checkout {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => self.healthz(),
            (&Method::GET, "/orders") => self.orders(),
            (&Method::POST, "/mend") => self.mend(),
            (_, path) if path.starts_with("/api/v1/") => prometheus::answer(&request, |name| {
                let series = match name {
                    "checkout_orders_queue_depth" => &self.0.depth,
                    "checkout_worker_errors_total" => &self.0.errors,
                    _ => return None,
                };
                Some(lock(series).iter().copied().collect())
            }),
            _ => respond(StatusCode::NOT_FOUND, &json!({"error": "not found"})),
        }
    }
}

impl Checkout {
    fn healthz(&self) -> Response<Bytes> {
        let state = &self.0;
        let trouble = lock(&state.trouble).clone();
        let waiting = lock(&state.orders).len();
        let healthy = trouble.is_empty() && waiting < UNHEALTHY;
        let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = json!({
            "status": if healthy { "ok" } else { "failing" },
            "worker": {
                "database": state.database.to_string(),
                "error": trouble,
                "failed_attempts": state.failures.load(Ordering::Relaxed),
            },
            "orders_waiting": waiting,
        });
        respond(status, &body)
    }

    fn orders(&self) -> Response<Bytes> {
        let state = &self.0;
        let (waiting, oldest) = {
            let orders = lock(&state.orders);
            (orders.len(), orders.front().copied())
        };
        let age = oldest.map_or(0.0, |oldest| SystemClock.now().duration_since(oldest).as_secs_f64());
        let body = json!({
            "waiting": waiting,
            "oldest_waiting_seconds": (age * 10.0).round() / 10.0,
            "accepted": state.accepted.load(Ordering::Relaxed),
            "done": state.done.load(Ordering::Relaxed),
            "turned_away": state.turned_away.load(Ordering::Relaxed),
        });
        respond(StatusCode::OK, &body)
    }

    /// Lets the database listen, and take every connection.
    fn mend(&self) -> Response<Bytes> {
        let Some(socket) = lock(&self.0.shut).take() else {
            return respond(StatusCode::OK, &json!({"database": "listens already"}));
        };
        match socket.listen(128) {
            Ok(listener) => {
                tokio::spawn(async move {
                    // What is taken is closed at once: the worker wants no more than that somebody is there.
                    while listener.accept().await.is_ok() {}
                });
                respond(StatusCode::OK, &json!({"database": "listens now"}))
            }
            Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": error.to_string()})),
        }
    }
}

/// What checkout depends on and what is well.
struct Payments {
    asked: AtomicU64,
}

#[async_trait]
impl HandleHttp for Payments {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        match request.uri().path() {
            "/healthz" => respond(StatusCode::OK, &json!({"status": "ok", "asked": asked})),
            _ => respond(StatusCode::NOT_FOUND, &json!({"error": "not found"})),
        }
    }
}
