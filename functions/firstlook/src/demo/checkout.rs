//! The checkout service that the demo investigates, with a fault that is real.
//!
//! Orders come in all the time and wait in a queue; a worker stores them in a database over TCP. Release 1.41.0 does that
//! well. When it has stored its first orders, 1.42.0 is deployed, which changes one setting: the address of the database,
//! to a port where nobody listens. From then on the worker's connections are refused and the queue fills. Every number
//! and every error that the service answers with was counted or met here. `POST /mend` lets the database listen, and the
//! queue drains.

mod api;
mod prometheus;
mod shop;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ports::SystemClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use shop::Shop;

/// An order comes in.
const ORDER_EVERY: Duration = Duration::from_millis(150);
/// The worker stores what waits.
const WORK_EVERY: Duration = Duration::from_millis(300);
/// The metrics are sampled.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// How long the worker waits for its database.
const DATABASE_PATIENCE: Duration = Duration::from_secs(1);
/// How many orders the first release stores before the second is deployed.
const STORED_BEFORE_DEPLOY: u64 = 4;

const FORMER: &str = "1.41.0";
const NEWEST: &str = "1.42.0";

/// A running checkout service. It ends when it is dropped; requests that are under way are still answered.
pub struct Service {
    shop: Arc<Shop>,
    address: SocketAddr,
    former_database: SocketAddr,
    database: SocketAddr,
    _stop: oneshot::Sender<()>,
    _work: JoinSet<()>,
}

impl Service {
    /// Starts it on free ports of the loopback address.
    ///
    /// # Errors
    /// A port cannot be bound.
    pub async fn start() -> io::Result<Self> {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(loopback).await?;
        let former_listener = TcpListener::bind(loopback).await?;
        let unheard = TcpSocket::new_v4()?;
        unheard.bind(loopback)?;
        let address = listener.local_addr()?;
        let former_database = former_listener.local_addr()?;
        let database = unheard.local_addr()?;

        let shop = Arc::new(Shop::open(Arc::new(SystemClock), FORMER, former_database));
        let (stop, stopped) = oneshot::channel::<()>();
        let (mend, mended) = mpsc::channel(1);
        let router = api::router(Arc::clone(&shop), address, mend);
        tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(error = %error, "the demo's service ended");
            }
        });
        let mut work = JoinSet::new();
        work.spawn(answer_as_database(former_listener));
        work.spawn(refuse_until_mended(unheard, mended));
        work.spawn(take_orders(Arc::clone(&shop)));
        work.spawn(store_orders(Arc::clone(&shop), database));
        work.spawn(take_samples(Arc::clone(&shop)));
        Ok(Self { shop, address, former_database, database, _stop: stop, _work: work })
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of its Prometheus API, without `/api/v1`.
    #[must_use]
    pub fn prometheus(&self) -> String {
        format!("http://{}/prometheus", self.address)
    }

    /// The port of the database of its newest release, where nobody listens.
    #[must_use]
    pub fn database_port(&self) -> u16 {
        self.database.port()
    }

    /// The port of the database of the release before, which takes connections all the time.
    #[must_use]
    pub fn former_database_port(&self) -> u16 {
        self.former_database.port()
    }

    /// Waits until the database has refused at least `refused` connections and more than `depth` orders wait, and gives
    /// how many do. With 10 and 20 that takes some five seconds, and the metrics show it too.
    pub async fn until_failing(&self, refused: u64, depth: usize) -> usize {
        self.shop.until(|seen| seen.refused >= refused && seen.depth > depth).await.depth
    }
}

#[cfg(test)]
impl Service {
    /// Mends the database over HTTP, and waits until the queue has drained.
    pub async fn mend(&self) {
        let (status, _) = tests::post(&format!("{}/mend", self.url()), &[]).await;
        assert_eq!(status, 200);
        // More than one round's orders may come until the worker is there.
        self.shop.until(|seen| seen.depth <= 4).await;
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    // What was missed while the machine slept does not come all at once afterwards.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn take_orders(shop: Arc<Shop>) {
    let mut ticks = every(ORDER_EVERY);
    loop {
        ticks.tick().await;
        shop.order();
    }
}

async fn take_samples(shop: Arc<Shop>) {
    let mut ticks = every(SAMPLE_EVERY);
    loop {
        ticks.tick().await;
        shop.sample();
    }
}

/// The worker. The newest release is deployed between two of its rounds.
async fn store_orders(shop: Arc<Shop>, next_database: SocketAddr) {
    let mut ticks = every(WORK_EVERY);
    let mut deployed = false;
    loop {
        ticks.tick().await;
        let (database, orders) = shop.waiting();
        let stored = timeout(DATABASE_PATIENCE, store(database, &orders)).await;
        shop.stored(stored.unwrap_or_else(|late| Err(late.into())));
        if !deployed && shop.processed() >= STORED_BEFORE_DEPLOY {
            shop.deploy(NEWEST, next_database);
            deployed = true;
        }
    }
}

/// Stores `orders`, a line each, and gives how many of them, from the first, the database has confirmed.
async fn store(database: SocketAddr, orders: &[u64]) -> io::Result<usize> {
    let mut stream = TcpStream::connect(database).await?;
    let lines: String = orders.iter().map(|order| format!("{order}\n")).collect();
    stream.write_all(lines.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let confirmed = answer.lines().zip(orders).take_while(|(line, order)| line.parse() == Ok(**order));
    Ok(confirmed.count())
}

/// A database: it confirms each line that it has read.
async fn answer_as_database(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            let mut lines = Vec::new();
            // A check that only connects and goes away ends here too.
            if stream.read_to_end(&mut lines).await.is_ok() {
                let _ = stream.write_all(&lines).await;
            }
        });
    }
}

/// Holds a port that is bound and does not listen, so that connections are refused and nobody else can take it
/// meanwhile; from the first word of `mended` on a database.
async fn refuse_until_mended(socket: TcpSocket, mut mended: mpsc::Receiver<()>) {
    if mended.recv().await.is_none() {
        // Nobody is left who could say it, yet the port stays held until the service ends.
        return std::future::pending().await;
    }
    mended.close();
    match socket.listen(128) {
        Ok(listener) => answer_as_database(listener).await,
        Err(error) => tracing::error!(error = %error, "the demo's database cannot listen"),
    }
}
