//! The contract of the table: `ReadTable` and `WriteTable`.

pub mod conditions;
pub mod index;
pub mod races;
pub mod reads;
pub mod values;
pub mod writes;

use std::time::Duration;

use ports::{Item, Key, PortError, Refusal, TableError, When, Write, WriteTable};
use serde_json::{Map, Value};

pub fn key(pk: &str, sk: &str) -> Key {
    Key { pk: pk.to_owned(), sk: sk.to_owned() }
}

pub fn map(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub fn item(key: &Key, attributes: Value) -> Item {
    Item { key: key.clone(), attributes: map(attributes) }
}

pub fn put(key: &Key, attributes: Value, when: When) -> Write {
    Write::Put { item: item(key, attributes), when }
}

pub fn set(key: &Key, attributes: Value, when: When) -> Write {
    Write::Update { key: key.clone(), set: map(attributes), add: vec![], remove: vec![], when }
}

pub fn add(key: &Key, name: &'static str, amount: i64) -> Write {
    Write::Update { key: key.clone(), set: Map::new(), add: vec![(name, amount)], remove: vec![], when: When::always() }
}

pub fn check(key: &Key, when: When) -> Write {
    Write::Check { key: key.clone(), when }
}

/// Writes, again while others are at the same items, as every caller of the port does.
pub async fn attempt(table: &dyn WriteTable, writes: Vec<Write>) -> Result<(), TableError> {
    for pause in 1_u64.. {
        match table.transact(writes.clone()).await {
            Err(TableError::Contended) if pause < 200 => tokio::time::sleep(Duration::from_millis(pause)).await,
            done => return done,
        }
    }
    unreachable!()
}

/// What must be written.
pub async fn write(table: &dyn WriteTable, writes: impl Into<Vec<Write>>) {
    attempt(table, writes.into()).await.unwrap();
}

/// Whether it was written; the refusals if it was not.
pub async fn try_to(table: &dyn WriteTable, writes: impl Into<Vec<Write>>) -> Result<(), Vec<Refusal>> {
    match attempt(table, writes.into()).await {
        Ok(()) => Ok(()),
        Err(TableError::Refused(mut refusals)) => {
            refusals.sort_by_key(|refusal| refusal.part);
            for found in refusals.iter_mut().filter_map(|refusal| refusal.found.as_mut()) {
                found.attributes = plain(&found.attributes);
            }
            Err(refusals)
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// The permanent error of what can never be written.
pub async fn refused_for_good(table: &dyn WriteTable, what: &str, writes: impl Into<Vec<Write>>) -> PortError {
    match attempt(table, writes.into()).await {
        Err(TableError::Port(error)) if !error.is_transient() => error,
        other => panic!("{what}: {other:?}"),
    }
}

/// What stands there.
pub async fn read(table: &dyn WriteTable, key: &Key) -> Option<Value> {
    let item = table.get(key).await.unwrap()?;
    assert_eq!(item.key, *key);
    Some(Value::Object(plain(&item.attributes)))
}

pub fn sort_keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.key.sk.as_str()).collect()
}

/// The attributes with each whole number as an integer: a table may give `1.0` back as `1`.
pub fn plain(attributes: &Map<String, Value>) -> Map<String, Value> {
    fn one(value: &Value) -> Value {
        match value {
            Value::Number(number) if number.is_f64() => match number.as_f64() {
                #[expect(clippy::cast_possible_truncation, reason = "whole and far below 64 bits")]
                Some(double) if double.fract() == 0.0 && double.abs() < 1e15 => (double as i64).into(),
                _ => value.clone(),
            },
            Value::Array(list) => list.iter().map(one).collect(),
            Value::Object(object) => Value::Object(plain(object)),
            _ => value.clone(),
        }
    }
    attributes.iter().map(|(name, value)| (name.clone(), one(value))).collect()
}
