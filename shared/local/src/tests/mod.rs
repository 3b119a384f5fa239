mod queues;
mod server;
mod table;
mod timer;
mod worker;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use ports::Clock;
use tempfile::TempDir;

use crate::{Database, MaxReceives, SqliteQueues};

/// A clock that stands until it is told to go.
#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl HandClock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }

    fn go(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct World {
    folder: TempDir,
    clock: HandClock,
    database: Database,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("firstlook.db")).unwrap();
        Self { folder, clock: HandClock::new(), database }
    }

    /// The same file as another process would have it: another connection.
    fn elsewhere(&self) -> Database {
        Database::open(&self.folder.path().join("firstlook.db")).unwrap()
    }

    fn queues(&self) -> SqliteQueues {
        SqliteQueues::new(
            self.database.clone(),
            Arc::new(self.clock.clone()),
            MaxReceives { investigate: 3, deliver: 2 },
        )
    }
}
