//! The targets of a run, each with a lease of its own: one broken target never delays another.

use std::time::Duration;

use domain::{Lease, LeaseToken, RunId, Target};
use jiff::Timestamp;
use ports::{Condition, TableError, When, Write};
use serde_json::{Map, json};

use crate::{Store, StoreError, alias::Alias, expiry, item, keys};

/// What came of claiming a target.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum TargetClaim {
    /// It is ours until its lease ends.
    Claimed(Target),
    /// Another worker has it.
    Held {
        /// Until then, unless it renews or gives back.
        until: Timestamp,
    },
    /// The run has no such target.
    Missing,
}

impl Store {
    /// Claims the target for `length`, and counts that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_target(&self, run: RunId, name: &str, length: Duration) -> Result<TargetClaim, StoreError> {
        let key = keys::target(run, name);
        let (token, now, until) = self.lease(length);
        let mut set = Map::new();
        set.insert(item::LEASE_TOKEN.to_owned(), json!(token));
        set.insert(item::LEASE_UNTIL.to_owned(), json!(until.as_millisecond()));
        let free = When::all([Condition::Present, Condition::Without(item::LEASE_TOKEN)])
            .or([Condition::Present, Condition::Below(item::LEASE_UNTIL, now.as_millisecond())]);
        let add = vec![(item::CLAIMS, 1)];
        let write = Write::Update { key: key.clone(), set, add, remove: vec![], when: free };
        match self.transact(vec![write]).await {
            Ok(()) => {}
            Err(TableError::Refused(refusals)) => {
                let held = refusals.first().and_then(|refusal| refusal.found.as_ref());
                return Ok(match held.and_then(|found| item::lease_in(&found.attributes)) {
                    Some(lease) => TargetClaim::Held { until: lease.until },
                    None => TargetClaim::Missing,
                });
            }
            Err(other) => return Err(StoreError::unexpected("to claim a target")(other)),
        }
        // Ours now, so nobody writes between the claim and this read.
        match self.table.get(&key).await?.as_ref().map(item::read_target).transpose()? {
            Some(target) if target.lease.is_some_and(|lease| lease.token == token) => Ok(TargetClaim::Claimed(target)),
            _ => Err(StoreError::LeaseLost),
        }
    }

    /// Saves what `target` has become, for the holder of `token`. With a lease of `None` the target is given back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker has it by now; others.
    pub async fn save_target(&self, run: RunId, target: &Target, token: LeaseToken) -> Result<(), StoreError> {
        let expires = expiry(self.clock.now(), crate::RUN_DAYS);
        let saved = item::target_item(keys::target(run, &target.spec.name), target, expires);
        let ours = When::all([Condition::Equals(item::LEASE_TOKEN, json!(token))]);
        self.transact(vec![Write::Put { item: saved, when: ours }]).await.map_err(lost)
    }

    /// Adds a target to a run, unless it has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_target(&self, run: RunId, target: &Target) -> Result<(), StoreError> {
        let expires = expiry(self.clock.now(), crate::RUN_DAYS);
        let added = item::target_item(keys::target(run, &target.spec.name), target, expires);
        match self.transact(vec![Write::Put { item: added, when: When::all([Condition::Absent]) }]).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(other) => Err(StoreError::unexpected("to add a target")(other)),
        }
    }

    /// Lets mentions in a Slack thread (`channel:ts` of its first message) find `run`. A thread stays with the first run that
    /// stands in it: the others were asked for there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn thread_leads_to(&self, thread: &str, run: RunId) -> Result<(), StoreError> {
        let alias = item::item(keys::thread(thread), &Alias::to(run), expiry(self.clock.now(), crate::RUN_DAYS));
        match self.transact(vec![Write::Put { item: alias, when: When::all([Condition::Absent]) }]).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(other) => Err(StoreError::unexpected("to note a thread")(other)),
        }
    }

    /// The lease that begins now, for a holder that goes on.
    #[must_use]
    pub fn renewed(&self, lease: &Lease, length: Duration) -> Lease {
        Lease { token: lease.token, until: crate::later(self.clock.now(), length) }
    }
}

/// A refusal of a write that is conditioned on the lease.
pub(crate) fn lost(error: TableError) -> StoreError {
    match error {
        TableError::Refused(_) => StoreError::LeaseLost,
        TableError::Contended => StoreError::Contended,
        TableError::Port(error) => StoreError::Port(error),
    }
}
