use async_trait::async_trait;
use jiff::Timestamp;
use ports::{Index, Item, Key, Page, PortError, ReadTable, Refusal, TableError, Write, WriteTable};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::{
    Database,
    item::{Attributes, add, may},
    limits::{MAX_TRANSACTION_BYTES, check, key_of, storable},
};

/// The table on SQLite. Items are not hidden when their `expires_at` has passed; [`SqliteTable::sweep`] removes them.
#[derive(Clone)]
pub struct SqliteTable {
    database: Database,
}

impl SqliteTable {
    /// The table of this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Removes the items whose `expires_at` (epoch seconds) lies before `now`, and says how many there were.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, PortError> {
        self.database
            .transact("sweep the table", move |transaction| {
                transaction.execute(
                    "DELETE FROM items WHERE typeof(attributes ->> '$.expires_at') IN ('integer', 'real')
                     AND attributes ->> '$.expires_at' < ?1",
                    [now.as_second()],
                )
            })
            .await
    }
}

/// What an index is called in the table's columns.
fn index_name(index: Index) -> &'static str {
    match index {
        Index::Day => "gsi1",
        Index::Fingerprint => "gsi2",
    }
}

fn parse(column: usize, text: &str) -> rusqlite::Result<Attributes> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn read_item(row: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
    let attributes: String = row.get("attributes")?;
    Ok(Item { key: Key { pk: row.get("pk")?, sk: row.get("sk")? }, attributes: parse(2, &attributes)? })
}

#[async_trait]
impl ReadTable for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        let key = key.clone();
        self.database
            .call("read an item", move |connection| {
                connection
                    .prepare_cached("SELECT pk, sk, attributes FROM items WHERE pk = ?1 AND sk = ?2")?
                    .query_row([&key.pk, &key.sk], read_item)
                    .optional()
            })
            .await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        let (pk, prefix) = (pk.to_owned(), prefix.to_owned());
        self.database
            .call("read a partition", move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT pk, sk, attributes FROM items WHERE pk = ?1 AND sk >= ?2 ORDER BY sk")?;
                let mut items = Vec::new();
                for item in statement.query_map([&pk, &prefix], read_item)? {
                    let item = item?;
                    if !item.key.sk.starts_with(&prefix) {
                        break;
                    }
                    items.push(item);
                }
                Ok(items)
            })
            .await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        let name = index_name(index);
        let from = after.map(|after| Cursor::read(after, name, pk)).transpose()?;
        let pk = pk.to_owned();
        self.database
            .call("read an index", move |connection| {
                // One more than wanted tells whether there is a next page.
                let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
                let beyond =
                    if from.is_some() { format!("AND ({name}sk, pk, sk) < (?3, ?4, ?5)") } else { String::new() };
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT pk, sk, attributes, {name}sk AS place FROM items
                     WHERE {name}pk = ?1 AND {name}pk IS NOT NULL AND {name}sk IS NOT NULL {beyond}
                     ORDER BY {name}sk DESC, pk DESC, sk DESC LIMIT ?2"
                ))?;
                let read = |row: &rusqlite::Row<'_>| Ok((read_item(row)?, row.get::<_, String>("place")?));
                let mut found: Vec<(Item, String)> = match from {
                    None => statement.query_map(params![pk, wanted], read)?.collect::<Result<_, _>>()?,
                    Some(from) => statement
                        .query_map(params![pk, wanted, from.place, from.key.pk, from.key.sk], read)?
                        .collect::<Result<_, _>>()?,
                };
                let more = found.len() > limit;
                found.truncate(limit);
                let next =
                    found.last().filter(|_| more).map(|(item, place)| Cursor::write(name, &pk, place, &item.key));
                Ok(Page { items: found.into_iter().map(|(item, _)| item).collect(), next })
            })
            .await
    }
}

/// Where a page ended.
struct Cursor {
    place: String,
    key: Key,
}

impl Cursor {
    fn write(index: &str, partition: &str, place: &str, key: &Key) -> String {
        serde_json::json!([index, partition, place, key.pk, key.sk]).to_string()
    }

    fn read(text: &str, index: &str, partition: &str) -> Result<Self, PortError> {
        match serde_json::from_str::<[String; 5]>(text) {
            Ok([of_index, of_partition, place, pk, sk]) if of_index == index && of_partition == partition => {
                Ok(Self { place, key: Key { pk, sk } })
            }
            Ok(_) => Err(PortError::permanent("read an index", "the page's mark belongs to another list")),
            Err(error) => Err(PortError::permanent("read an index", error)),
        }
    }
}

/// Why a transaction wrote nothing.
enum Stopped {
    Refused(Vec<Refusal>),
    Wrong(String),
}

#[async_trait]
impl WriteTable for SqliteTable {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let doing = "write to the table";
        check(&writes).map_err(|reason| PortError::permanent(doing, reason))?;
        match self.database.transact(doing, move |transaction| write(transaction, writes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Stopped::Refused(refusals))) => Err(TableError::Refused(refusals)),
            Ok(Err(Stopped::Wrong(reason))) => Err(PortError::permanent(doing, reason).into()),
            Err(error) => Err(error.into()),
        }
    }
}

fn write(transaction: &Transaction<'_>, writes: Vec<Write>) -> rusqlite::Result<Result<(), Stopped>> {
    let mut read = transaction.prepare_cached("SELECT attributes FROM items WHERE pk = ?1 AND sk = ?2")?;
    let mut found = Vec::with_capacity(writes.len());
    let mut refusals = Vec::new();
    for (part, write) in writes.iter().enumerate() {
        let key = key_of(write);
        let text: Option<String> = read.query_row([&key.pk, &key.sk], |row| row.get(0)).optional()?;
        let attributes = text.map(|text| parse(0, &text)).transpose()?;
        let (Write::Put { when, .. } | Write::Update { when, .. } | Write::Check { when, .. }) = write;
        if !may(when, attributes.as_ref()) {
            let found = attributes.clone().map(|attributes| Item { key: key.clone(), attributes });
            refusals.push(Refusal { part, found });
        }
        found.push(attributes);
    }
    if !refusals.is_empty() {
        return Ok(Err(Stopped::Refused(refusals)));
    }

    let mut changed = Vec::new();
    let mut bytes = 0;
    for (write, old) in writes.into_iter().zip(found) {
        let (key, attributes) = match write {
            Write::Check { .. } => continue,
            Write::Put { item, .. } => (item.key, item.attributes),
            // As in DynamoDB: to remove from what is not there makes nothing.
            Write::Update { set, add, .. } if old.is_none() && set.is_empty() && add.is_empty() => continue,
            Write::Update { key, set, add: additions, remove, .. } => {
                let mut attributes = old.unwrap_or_default();
                attributes.extend(set);
                for (name, amount) in additions {
                    if let Err(reason) = add(&mut attributes, name, amount) {
                        return Ok(Err(Stopped::Wrong(format!("{} {}: {reason}", key.pk, key.sk))));
                    }
                }
                for name in remove {
                    attributes.remove(name);
                }
                (key, attributes)
            }
        };
        match storable(&key, attributes) {
            Ok(text) => {
                bytes += text.len();
                changed.push((key, text));
            }
            Err(reason) => return Ok(Err(Stopped::Wrong(format!("{} {}: {reason}", key.pk, key.sk)))),
        }
    }

    if bytes > MAX_TRANSACTION_BYTES {
        let reason = format!("a transaction writes at most {MAX_TRANSACTION_BYTES} bytes, not {bytes}");
        return Ok(Err(Stopped::Wrong(reason)));
    }

    let mut put = transaction.prepare_cached(
        "INSERT INTO items (pk, sk, attributes) VALUES (?1, ?2, ?3)
         ON CONFLICT (pk, sk) DO UPDATE SET attributes = excluded.attributes",
    )?;
    for (key, text) in changed {
        put.execute([&key.pk, &key.sk, &text])?;
    }
    Ok(Ok(()))
}
