//! What all targets at one account of a provider wait for together.

use jiff::Timestamp;
use ports::{Condition, TableError, When, Write};
use serde_json::json;

use crate::{Store, StoreError, expiry, item, keys};

/// In epoch milliseconds, to be compared.
const UNTIL: &str = "until";

/// A limit is over within minutes; its item is there as long as it may be looked for in the table.
const DAYS: i64 = 1;

impl Store {
    /// Until when nobody asks `account`, if somebody was told to wait there. It may be over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limited_until(&self, account: &[&str]) -> Result<Option<Timestamp>, StoreError> {
        let item = self.table.get(&keys::limit(account)).await?;
        let until = item.and_then(|item| item.attributes.get(UNTIL)?.as_i64());
        Ok(until.and_then(|until| Timestamp::from_millisecond(until).ok()))
    }

    /// Nobody asks `account` before `until`, or before what was said of it already if that is later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limit(&self, account: &[&str], until: Timestamp) -> Result<(), StoreError> {
        let ends = until.as_millisecond();
        let item = item::item(keys::limit(account), &json!({ UNTIL: ends }), expiry(until, DAYS));
        let later = When::all([Condition::Absent]).or([Condition::Below(UNTIL, ends)]);
        match self.transact(vec![Write::Put { item, when: later }]).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(other) => Err(StoreError::unexpected("to note a limit")(other)),
        }
    }
}
