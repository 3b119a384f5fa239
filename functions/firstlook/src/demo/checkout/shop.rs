//! What the service knows: its orders, its releases, its metrics.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use ports::Clock;
use tokio::sync::watch;

/// The most orders that wait; what comes beyond is turned away and counted.
pub(super) const CAPACITY: usize = 10_000;
/// How many samples are kept: 15 minutes of four a second.
const SAMPLES: usize = 3600;

/// What is waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Connections that the database refused.
    pub refused: u64,
    /// Orders that wait.
    pub depth: usize,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    number: u64,
    pub came_at: Timestamp,
}

/// One release, as it was deployed.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub version: &'static str,
    pub deployed_at: Timestamp,
    pub database: SocketAddr,
}

/// Why the database cannot be used, in the system's own words.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub error: String,
    pub since: Timestamp,
}

/// The metrics at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub at: Timestamp,
    pub depth: usize,
    pub errors: u64,
    pub processed: u64,
}

/// Everything that the service knows at one moment.
#[derive(Debug)]
pub(super) struct Books {
    pub queue: VecDeque<Order>,
    pub taken: u64,
    pub turned_away: u64,
    pub processed: u64,
    pub errors: u64,
    /// In the order in which they were deployed.
    pub releases: Vec<Release>,
    pub failure: Option<Failure>,
    /// In the order in which they were taken.
    pub samples: VecDeque<Sample>,
    database: SocketAddr,
    refused: u64,
}

impl Books {
    pub(super) fn database(&self) -> SocketAddr {
        self.database
    }
}

/// The service's state.
pub(super) struct Shop {
    clock: Arc<dyn Clock>,
    books: Mutex<Books>,
    seen: watch::Sender<Seen>,
}

impl Shop {
    /// Begins with `version`, no orders, and this database.
    pub(super) fn open(clock: Arc<dyn Clock>, version: &'static str, database: SocketAddr) -> Self {
        let books = Books {
            queue: VecDeque::new(),
            taken: 0,
            turned_away: 0,
            processed: 0,
            errors: 0,
            releases: vec![Release { version, deployed_at: clock.now(), database }],
            failure: None,
            samples: VecDeque::new(),
            database,
            refused: 0,
        };
        Self { clock, books: Mutex::new(books), seen: watch::Sender::new(Seen::default()) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn until(&self, reached: impl FnMut(&Seen) -> bool) -> Seen {
        // The sender is a part of this, so the channel stays open and there is always an answer.
        self.seen.subscribe().wait_for(reached).await.map_or_else(|_| Seen::default(), |seen| *seen)
    }

    /// An order comes in.
    pub(super) fn order(&self) {
        let came_at = self.now();
        let mut books = self.books();
        if books.queue.len() == CAPACITY {
            books.turned_away += 1;
        } else {
            books.taken += 1;
            let number = books.taken;
            books.queue.push_back(Order { number, came_at });
        }
        self.tell(&books);
    }

    /// The database as it is configured now, and the numbers of the orders that wait for it.
    pub(super) fn waiting(&self) -> (SocketAddr, Vec<u64>) {
        let books = self.books();
        (books.database, books.queue.iter().map(|order| order.number).collect())
    }

    /// The worker's round has ended: so many orders from the front of the queue are stored, or it failed.
    pub(super) fn stored(&self, round: io::Result<usize>) {
        let now = self.now();
        let mut books = self.books();
        match round {
            Ok(stored) => {
                let stored = stored.min(books.queue.len());
                books.queue.drain(..stored);
                books.processed += stored as u64;
                books.failure = None;
            }
            Err(error) => {
                books.errors += 1;
                books.refused += u64::from(error.kind() == io::ErrorKind::ConnectionRefused);
                let since = books.failure.as_ref().map_or(now, |failure| failure.since);
                books.failure = Some(Failure { error: error.to_string(), since });
            }
        }
        self.tell(&books);
    }

    pub(super) fn processed(&self) -> u64 {
        self.books().processed
    }

    /// A release takes over, without a restart.
    pub(super) fn deploy(&self, version: &'static str, database: SocketAddr) {
        let deployed_at = self.now();
        let mut books = self.books();
        books.releases.push(Release { version, deployed_at, database });
        books.database = database;
    }

    /// Writes the metrics down as they are now.
    pub(super) fn sample(&self) {
        let at = self.now();
        let mut books = self.books();
        let sample = Sample { at, depth: books.queue.len(), errors: books.errors, processed: books.processed };
        if books.samples.len() == SAMPLES {
            books.samples.pop_front();
        }
        books.samples.push_back(sample);
    }

    fn tell(&self, books: &Books) {
        self.seen.send_replace(Seen { refused: books.refused, depth: books.queue.len() });
    }
}
