//! What stands in the table: every key, every item and every transaction of a RunSession, said once for both worlds.
//!
//! Two writers meet on a run. The one that investigates holds the run's lease, and each of its writes is conditioned on
//! the lease's token, so a stale holder can write nothing. Events that attach hold no lease; they add counters, or
//! write under the revision that they read.

mod accept;
mod alias;
mod before;
mod counted;
mod error;
mod firing;
mod item;
mod keys;
mod limit;
pub mod link;
mod reader;
mod reading;
mod run;
mod storm;
mod target;
mod unmatched;

use std::{future::Future, sync::Arc, time::Duration};

use domain::LeaseToken;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Entropy, TableError, Write, WriteTable};

#[cfg(test)]
mod tests;

pub use accept::{Accepted, IncidentWindow};
pub use error::StoreError;
pub use firing::Fired;
pub use reader::{Reader, RunPage, UnmatchedPage};
pub use reading::{BudgetScope, DayBudget, Reserved};
pub use run::{Again, Claim, Recorded};
pub use storm::OpenLimits;
pub use target::TargetClaim;
pub use unmatched::{Origin, UnmatchedEvent};

/// How long a delivery key is remembered: longer than any sender's retries (48 h) and the dead letter queues' 14 days.
pub const KEY_DAYS: i64 = 21;

/// How long a RunSession is kept.
pub const RUN_DAYS: i64 = 90;

/// How many attached events of a run are recorded, and how many duplicates beside them; the others are only counted. A page
/// reads them all: 5 MB of raw parts at most (48 KiB each). An answer of the console that cannot hold them all as JSON leaves
/// some out, and says how many.
pub const EVENTS_KEPT: u32 = 100;

/// How often a transaction is tried again when another one is under way on the same items.
const CONTENTION_TRIES: u32 = 12;

/// The table, for those that write it.
#[derive(Clone)]
pub struct Store {
    table: Arc<dyn WriteTable>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Store {
    /// The store over `table`.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { table, clock, entropy }
    }

    /// The same table, for reading.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.table) as Arc<_>)
    }

    fn lease(&self, length: Duration) -> (LeaseToken, Timestamp, Timestamp) {
        let now = self.clock.now();
        (LeaseToken::mint(now, self.entropy.random()), now, later(now, length))
    }

    /// Does `writes`, again while others are at the same items: a conflict of transactions is never read as a refusal.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let mut pause = Duration::from_millis(20);
        for _ in 0..CONTENTION_TRIES {
            match self.table.transact(writes.clone()).await {
                Err(TableError::Contended) => {}
                done => return done,
            }
            // Half of it by chance, so that those who met do not meet again.
            let spread = u32::try_from(self.entropy.random() % 1000).unwrap_or(0);
            tokio::time::sleep(pause / 2 + pause * spread / 2000).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        Err(TableError::Contended)
    }

    /// Reads and writes until what was read still stood when it was written.
    async fn optimistic<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        for _ in 0..CONTENTION_TRIES {
            if let Some(done) = attempt().await? {
                return Ok(done);
            }
        }
        Err(StoreError::Contended)
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// The TTL attribute: `days` from now, in epoch seconds.
fn expiry(now: Timestamp, days: i64) -> i64 {
    now.as_second() + days * 86_400
}
