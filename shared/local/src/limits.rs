//! What DynamoDB would not take, refused here too: what would fail on AWS fails in the first local try.

use std::collections::HashSet;

use ports::{Key, Write};
use serde_json::Value;

use crate::item::Attributes;

/// The largest item, in bytes of its JSON (DynamoDB: 400 KB).
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// The most parts of a transaction (DynamoDB: 100).
pub const MAX_WRITES: usize = 100;

/// The most that a transaction writes, in bytes of its items' JSON (DynamoDB: 4 MB).
pub(crate) const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// The longest partition key of the table and of its indexes, in bytes.
const MAX_PARTITION_KEY: usize = 2048;

/// The longest sort key of the table and of its indexes, in bytes.
const MAX_SORT_KEY: usize = 1024;

/// How deep a value may be nested: what is written must be readable, and serde_json reads 127 levels.
const MAX_LEVELS: usize = 100;

pub(crate) fn key_of(write: &Write) -> &Key {
    match write {
        Write::Put { item, .. } => &item.key,
        Write::Update { key, .. } | Write::Check { key, .. } => key,
    }
}

/// Whether the parts make a transaction.
pub(crate) fn check(writes: &[Write]) -> Result<(), String> {
    if writes.is_empty() || writes.len() > MAX_WRITES {
        return Err(format!("a transaction has 1 to {MAX_WRITES} parts, not {}", writes.len()));
    }
    let mut keys = HashSet::new();
    for write in writes {
        let key = key_of(write);
        fits("the partition key", &key.pk, MAX_PARTITION_KEY)?;
        fits("the sort key", &key.sk, MAX_SORT_KEY)?;
        if !keys.insert(key) {
            return Err(format!("two parts of one transaction write {} {}", key.pk, key.sk));
        }
        if let Write::Update { set, add, remove, .. } = write {
            let mut names = HashSet::new();
            let all =
                set.keys().map(String::as_str).chain(add.iter().map(|(name, _)| *name)).chain(remove.iter().copied());
            for name in all {
                if !names.insert(name) {
                    return Err(format!("one update changes `{name}` twice"));
                }
            }
            if names.is_empty() {
                return Err("an update changes nothing".to_owned());
            }
        }
    }
    Ok(())
}

fn fits(what: &str, text: &str, most: usize) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("{what} is empty")),
        length if length > most => Err(format!("{what} has {length} bytes, more than {most}")),
        _ => Ok(()),
    }
}

/// The item as text, if it is one that can be kept.
pub(crate) fn storable(key: &Key, attributes: Attributes) -> Result<String, String> {
    for (name, value) in &attributes {
        let longest = match name.as_str() {
            "pk" | "sk" => return Err(format!("`{name}` is the key's and no attribute")),
            "gsi1pk" | "gsi2pk" => Some(MAX_PARTITION_KEY),
            "gsi1sk" | "gsi2sk" => Some(MAX_SORT_KEY),
            _ => None,
        };
        if let Some(longest) = longest {
            let text = value.as_str().ok_or_else(|| format!("the index key `{name}` is not a text"))?;
            fits(name, text, longest)?;
        }
        keepable(value, 1).map_err(|reason| format!("attribute `{name}`: {reason}"))?;
    }
    let text = Value::Object(attributes).to_string();
    let bytes = key.pk.len() + key.sk.len() + text.len();
    if bytes > MAX_ITEM_BYTES {
        return Err(format!("it has {bytes} bytes, more than {MAX_ITEM_BYTES}"));
    }
    Ok(text)
}

fn keepable(value: &Value, level: usize) -> Result<(), String> {
    match value {
        _ if level > MAX_LEVELS => Err(format!("it is nested more than {MAX_LEVELS} levels deep")),
        Value::Array(list) => list.iter().try_for_each(|inner| keepable(inner, level + 1)),
        Value::Object(object) => object.values().try_for_each(|inner| keepable(inner, level + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
