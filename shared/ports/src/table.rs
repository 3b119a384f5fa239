//! The table: keyed items, conditional transactions, queries. Small enough that SQLite and DynamoDB mean the same by it;
//! what the items are is said once, in `shared/store`.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::PortError;

/// Names an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// One item: its key and its attributes. Attribute names that begin with `pk` or `sk` or `gsi` are the store's own; a
/// number attribute is a 64-bit integer or a double, and `1.0` may come back as `1`; `expires_at` (epoch seconds) is the
/// TTL.
///
/// An attribute is any JSON of up to 100 levels. An item has at most 400 KB, a partition key 1 to 2048 bytes and a sort
/// key 1 to 1024, those of the indexes too.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// Its attributes, without the key.
    pub attributes: Map<String, Value>,
}

/// What must hold for one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The item does not exist.
    Absent,
    /// The item exists.
    Present,
    /// The attribute exists and is this string, number or boolean.
    Equals(&'static str, Value),
    /// The attribute is missing, or the item is.
    Without(&'static str),
    /// The attribute exists and is a number below this.
    Below(&'static str, i64),
}

/// When a write may happen: in any of these cases, each of which is a conjunction. An empty `When` always may.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct When(pub Vec<Vec<Condition>>);

impl When {
    /// Always.
    #[must_use]
    pub fn always() -> Self {
        Self::default()
    }

    /// When all of these hold.
    #[must_use]
    pub fn all(conditions: impl Into<Vec<Condition>>) -> Self {
        Self(vec![conditions.into()])
    }

    /// Or when all of these hold.
    #[must_use]
    pub fn or(mut self, conditions: impl Into<Vec<Condition>>) -> Self {
        self.0.push(conditions.into());
        self
    }
}

/// One part of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts the item in place of what is there.
    Put {
        /// The item.
        item: Item,
        /// When it may.
        when: When,
    },
    /// Changes attributes, at least one and each once, making the item where it does not exist; to remove alone makes none.
    Update {
        /// Which item.
        key: Key,
        /// Attributes to set.
        set: Map<String, Value>,
        /// Numbers to add to; a missing one counts as 0.
        add: Vec<(&'static str, i64)>,
        /// Attributes to remove.
        remove: Vec<&'static str>,
        /// When it may.
        when: When,
    },
    /// Writes nothing, but must hold.
    Check {
        /// Which item.
        key: Key,
        /// What must hold.
        when: When,
    },
}

/// A part of a transaction whose condition did not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which part, from 0.
    pub part: usize,
    /// The item that stood there instead, if one did.
    pub found: Option<Item>,
}

/// Why a transaction did nothing.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Conditions did not hold.
    #[error("{} of the transaction's conditions did not hold", .0.len())]
    Refused(Vec<Refusal>),
    /// Somebody wrote the same items at the same moment. Not a refusal: try again.
    #[error("another transaction was under way on the same items")]
    Contended,
    /// The table did not do its work.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The indexes beside the table. An item is in an index while it has the index's two attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// By day, for lists: `gsi1pk`, `gsi1sk`.
    Day,
    /// By fingerprint, for "last time this fired": `gsi2pk`, `gsi2sk`.
    Fingerprint,
}

/// Some items, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// Hand this in to get the next ones; absent at the end.
    pub next: Option<String>,
}

/// Reading.
#[async_trait]
pub trait ReadTable: Send + Sync {
    /// One item, as the last write left it.
    ///
    /// # Errors
    /// [`PortError`].
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError>;

    /// All items of a partition whose sort key begins with `prefix`, in key order, as the last write left them.
    ///
    /// # Errors
    /// [`PortError`].
    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError>;

    /// Items of an index partition, newest (highest sort key) first, at most `limit`; those of equal sort keys in any
    /// order. An index may lag a moment behind.
    ///
    /// # Errors
    /// [`PortError`]; permanent when `after` is not a `next` of this partition of this index.
    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError>;
}

/// Writing: all parts or none.
#[async_trait]
pub trait WriteTable: ReadTable {
    /// Does all of `writes` (1 to 100, each on another item, 4 MB together) or none.
    ///
    /// # Errors
    /// [`TableError`]; in each case nothing was written, except that after a transient [`PortError`] it is not known.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError>;
}
