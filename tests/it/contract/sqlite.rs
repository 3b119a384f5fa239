//! The contract over SQLite. Time is the test's own, so nothing is waited for.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use local::{Database, FileSecrets, MaxReceives, SqliteQueues, SqliteTable};
use ports::{Clock, PortError, Queue, ReadSecret, Receipt, Received, WriteTable};
use serde_json::json;
use tempfile::TempDir;

use super::{ContractQueues, ContractWorld, Depth, LONG, MAX_RECEIVES, SHORT};

super::contract_tests!(start);

/// A clock that stands until it is told to go.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct SqliteWorld {
    _folder: TempDir,
    clock: Arc<HandClock>,
    table: SqliteTable,
    queues: SqliteQueues,
    secrets: PathBuf,
    written: Mutex<BTreeMap<String, String>>,
}

async fn start() -> SqliteWorld {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("firstlook.db")).unwrap();
    let clock = Arc::new(HandClock(AtomicI64::new(1_790_000_000_000)));
    let most = MaxReceives { investigate: MAX_RECEIVES, deliver: 10 };
    SqliteWorld {
        table: SqliteTable::new(database.clone()),
        queues: SqliteQueues::new(database, Arc::clone(&clock) as Arc<dyn Clock>, most),
        secrets: folder.path().join("secrets.json"),
        _folder: folder,
        clock,
        written: Mutex::default(),
    }
}

#[async_trait]
impl ContractWorld for SqliteWorld {
    fn table(&self) -> Arc<dyn WriteTable> {
        Arc::new(self.table.clone())
    }

    fn queues(&self) -> Arc<dyn ContractQueues> {
        Arc::new(self.queues.clone())
    }

    fn secrets(&self) -> Arc<dyn ReadSecret> {
        Arc::new(FileSecrets::with_environment(&self.secrets, |_| None))
    }

    async fn write_secrets(&self, keys: &[(&str, &str)]) {
        let next: BTreeMap<String, String> =
            keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let previous = std::mem::replace(&mut *self.written.lock().unwrap(), next.clone());
        let file: serde_json::Map<_, _> = next
            .into_iter()
            .map(|(key, value)| match previous.get(&key).filter(|previous| **previous != value) {
                Some(previous) => (key, json!([value, previous])),
                None => (key, json!(value)),
            })
            .collect();
        fs::write(&self.secrets, serde_json::Value::from(file).to_string()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&self.secrets, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn age_secrets(&self, by: Duration) {
        self.clock.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    async fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(millis(time), Ordering::SeqCst);
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

#[async_trait]
impl ContractQueues for SqliteQueues {
    async fn receive(&self, queue: Queue, at_most: usize) -> Vec<Received> {
        let hidden = if queue == Queue::Deliver { SHORT } else { LONG };
        SqliteQueues::receive(self, queue, at_most, hidden).await.unwrap()
    }

    async fn delete(&self, queue: Queue, receipt: &Receipt) -> Result<(), PortError> {
        SqliteQueues::delete(self, queue, receipt).await
    }

    async fn depth(&self, queue: Queue) -> Depth {
        let depth = SqliteQueues::depth(self, queue).await.unwrap();
        Depth { visible: depth.visible, in_flight: depth.in_flight, delayed: depth.delayed }
    }
}
