use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ports::PortError;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{LocalError, error::port_error};

/// The layout that this code writes, in `PRAGMA user_version`.
const LAYOUT: i64 = 1;

/// How long a call waits for another process that holds the file. A transaction takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The index columns are read out of the attributes by SQLite itself, so that they cannot differ from them. An item is
/// in an index while it has both.
const SCHEMA: &str = "
CREATE TABLE items (
    pk TEXT NOT NULL,
    sk TEXT NOT NULL,
    attributes TEXT NOT NULL,
    gsi1pk TEXT AS (attributes ->> '$.gsi1pk') VIRTUAL,
    gsi1sk TEXT AS (attributes ->> '$.gsi1sk') VIRTUAL,
    gsi2pk TEXT AS (attributes ->> '$.gsi2pk') VIRTUAL,
    gsi2sk TEXT AS (attributes ->> '$.gsi2sk') VIRTUAL,
    PRIMARY KEY (pk, sk)
) STRICT;
CREATE INDEX items_gsi1 ON items (gsi1pk, gsi1sk, pk, sk) WHERE gsi1pk IS NOT NULL AND gsi1sk IS NOT NULL;
CREATE INDEX items_gsi2 ON items (gsi2pk, gsi2sk, pk, sk) WHERE gsi2pk IS NOT NULL AND gsi2sk IS NOT NULL;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    fair_group TEXT NOT NULL,
    visible_at INTEGER NOT NULL, -- milliseconds since 1970
    receives INTEGER NOT NULL DEFAULT 0,
    receipt TEXT -- of the newest receive; absent before the first
) STRICT;
CREATE INDEX messages_due ON messages (queue, visible_at);
CREATE UNIQUE INDEX messages_receipt ON messages (receipt) WHERE receipt IS NOT NULL;
";

/// One SQLite file that holds the table and the queues. Cheap to clone: clones share one connection. Calls run beside
/// the async threads, one after the other; other processes may have the same file open.
///
/// Every commit is flushed to the disk before the call returns (`synchronous=FULL`), so that what a sender was told to
/// be accepted also outlives the power.
#[derive(Clone)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens the file, making it where there is none. Blocks.
    ///
    /// # Errors
    /// [`LocalError`].
    pub fn open(path: &Path) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Database { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;

        // Immediate, so that of two processes that make the file at once one waits and then finds it made.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        match found {
            0 => {
                transaction.execute_batch(SCHEMA).map_err(failed)?;
                transaction.pragma_update(None, "user_version", LAYOUT).map_err(failed)?;
            }
            LAYOUT => {}
            _ => return Err(LocalError::Newer { path: path.to_owned(), found, known: LAYOUT }),
        }
        transaction.commit().map_err(failed)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` with the connection, beside the async threads.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || {
            // A panic in `work` rolled its transaction back, so the connection is as good as before.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection)
        })
        .await;
        match done {
            Ok(result) => result.map_err(|error| port_error(doing, error)),
            Err(stopped) => Err(PortError::transient(doing, stopped)),
        }
    }

    /// Runs `work` in one immediate transaction: it holds the file's write lock from its first read on, so what it read
    /// still stands when it writes, whoever else has the file open.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.call(doing, move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_make_the_file_at_once_both_find_it_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlook.db");
        std::thread::scope(|scope| {
            for opened in (0..8).map(|_| scope.spawn(|| Database::open(&path))).collect::<Vec<_>>() {
                assert!(opened.join().unwrap().is_ok());
            }
        });
    }

    #[test]
    fn a_later_layout_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("firstlook.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 7).unwrap();
        drop(connection);
        assert!(matches!(Database::open(&path), Err(LocalError::Newer { found: 7, known: 1, .. })));
    }
}
