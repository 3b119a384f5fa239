//! Where the next page of an index begins, as text that a caller hands back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::{Index, Item, Key};

use crate::value::key_attributes;

/// The attributes and the name of an index.
pub(crate) struct Names {
    pub(crate) index: &'static str,
    pub(crate) pk: &'static str,
    pub(crate) sk: &'static str,
}

pub(crate) fn names(index: Index) -> Names {
    match index {
        Index::Day => Names { index: "gsi1", pk: "gsi1pk", sk: "gsi1sk" },
        Index::Fingerprint => Names { index: "gsi2", pk: "gsi2pk", sk: "gsi2sk" },
    }
}

/// What comes after `last`, which is an item of this index.
pub(crate) fn after(index: Index, last: &Item) -> Option<String> {
    let names = names(index);
    let part = |name| last.attributes.get(name)?.as_str();
    let text = [names.index, part(names.pk)?, part(names.sk)?, &last.key.pk, &last.key.sk];
    let text = serde_json::to_string(&text).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text))
}

/// The start key of the page that begins after `cursor`, or nothing when it is not of this partition of this index.
pub(crate) fn start(index: Index, partition: &str, cursor: &str) -> Option<HashMap<String, AttributeValue>> {
    let names = names(index);
    let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let [of, list, sort, pk, sk]: [String; 5] = serde_json::from_slice(&text).ok()?;
    if of != names.index || list != partition || pk.is_empty() || sk.is_empty() || sort.is_empty() {
        return None;
    }
    let mut key = key_attributes(&Key { pk, sk });
    key.insert(names.pk.to_owned(), AttributeValue::S(partition.to_owned()));
    key.insert(names.sk.to_owned(), AttributeValue::S(sort));
    Some(key)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_item_and_to_no_other_list() {
        let mut attributes = Map::new();
        attributes.insert("gsi1pk".into(), json!("DAY#2026-11-22"));
        attributes.insert("gsi1sk".into(), json!("2026-11-22T10:00:00Z#run_1"));
        let item = Item { key: Key { pk: "RUN#1".into(), sk: "META".into() }, attributes };
        let cursor = after(Index::Day, &item).unwrap();
        let key = start(Index::Day, "DAY#2026-11-22", &cursor).unwrap();
        assert_eq!(key["pk"], AttributeValue::S("RUN#1".into()));
        assert_eq!(key["gsi1sk"], AttributeValue::S("2026-11-22T10:00:00Z#run_1".into()));
        assert_eq!(start(Index::Fingerprint, "DAY#2026-11-22", &cursor), None);
        assert_eq!(start(Index::Day, "DAY#2026-11-23", &cursor), None);
        for wrong in ["", "!", "e30", &URL_SAFE_NO_PAD.encode("[1,2,3,4,5]")] {
            assert_eq!(start(Index::Day, "DAY#2026-11-22", wrong), None);
        }
    }
}
