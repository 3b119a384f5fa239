//! Items as DynamoDB's attribute values and back.

use std::{collections::HashMap, ops::Range};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use ports::{Item, Key};
use serde_json::{Map, Number, Value};

/// The partition key's attribute.
pub(crate) const PK: &str = "pk";
/// The sort key's attribute.
pub(crate) const SK: &str = "sk";

/// Why an attribute value cannot be read: it was not written by us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("attribute `{0}` is a set, which none of ours is")]
    Kind(String),
    #[error("attribute `{0}` is binary and no JSON")]
    Json(String),
    #[error("attribute `{0}` is not a number of 64 bits")]
    Number(String),
    #[error("an item has no `{0}`")]
    Key(&'static str),
}

/// How deep a value may be nested: what is written must be readable, and serde_json reads 127 levels.
const MAX_LEVELS: usize = 100;
/// How deep DynamoDB nests.
const NATIVE_LEVELS: usize = 32;
/// The magnitudes of DynamoDB's numbers.
const NATIVE_NUMBERS: Range<f64> = 1e-130..1e126;

/// Whether a value is nested deeper than can be read again.
pub(crate) fn too_deep(value: &Value) -> bool {
    !every_level(value, 1, &|_, level| level <= MAX_LEVELS)
}

/// Whether `good` holds for a value and all that is in it.
fn every_level(value: &Value, level: usize, good: &impl Fn(&Value, usize) -> bool) -> bool {
    let inside = |inner: &Value| every_level(inner, level + 1, good);
    good(value, level)
        && match value {
            Value::Array(list) => list.iter().all(inside),
            Value::Object(object) => object.values().all(inside),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
}

/// What a system answers is any JSON, and DynamoDB does not hold any: not more than 32 levels, not every double, no
/// empty names.
fn native(value: &Value, level: usize) -> bool {
    level <= NATIVE_LEVELS
        && match value {
            Value::Number(number) => {
                number.as_f64().is_some_and(|double| double == 0.0 || NATIVE_NUMBERS.contains(&double.abs()))
            }
            Value::Object(object) => !object.contains_key(""),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => true,
        }
}

/// The attribute of an item. What DynamoDB cannot hold is kept whole as the bytes of its JSON.
pub(crate) fn to_attribute(value: &Value) -> AttributeValue {
    if every_level(value, 1, &native) { natural(value) } else { AttributeValue::B(Blob::new(value.to_string())) }
}

fn natural(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(*truth),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(natural).collect()),
        Value::Object(object) => {
            AttributeValue::M(object.iter().map(|(name, value)| (name.clone(), natural(value))).collect())
        }
    }
}

pub(crate) fn to_attributes(object: &Map<String, Value>) -> HashMap<String, AttributeValue> {
    object.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect()
}

pub(crate) fn key_attributes(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (PK.to_owned(), AttributeValue::S(key.pk.clone())),
        (SK.to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

pub(crate) fn item_attributes(item: &Item) -> HashMap<String, AttributeValue> {
    let mut attributes = to_attributes(&item.attributes);
    attributes.extend(key_attributes(&item.key));
    attributes
}

/// DynamoDB keeps 38 digits and no difference between `1` and `1.0`: a whole number comes back as an integer, every
/// other as the double it was.
fn from_number(name: &str, text: &str) -> Result<Number, ValueError> {
    let number = || {
        if let Ok(integer) = text.parse::<i64>() {
            return Some(integer.into());
        }
        if let Ok(integer) = text.parse::<u64>() {
            return Some(integer.into());
        }
        Number::from_f64(text.parse().ok()?)
    };
    number().ok_or_else(|| ValueError::Number(name.to_owned()))
}

fn from_attribute(name: &str, value: AttributeValue) -> Result<Value, ValueError> {
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(truth) => Value::Bool(truth),
        AttributeValue::N(text) => Value::Number(from_number(name, &text)?),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::L(values) => {
            Value::Array(values.into_iter().map(|value| from_attribute(name, value)).collect::<Result<_, _>>()?)
        }
        AttributeValue::M(values) => Value::Object(from_attributes(values)?),
        AttributeValue::B(json) => {
            serde_json::from_slice(json.as_ref()).map_err(|_| ValueError::Json(name.to_owned()))?
        }
        _ => return Err(ValueError::Kind(name.to_owned())),
    })
}

fn from_attributes(values: HashMap<String, AttributeValue>) -> Result<Map<String, Value>, ValueError> {
    values
        .into_iter()
        .map(|(name, value)| {
            let value = from_attribute(&name, value)?;
            Ok((name, value))
        })
        .collect()
}

pub(crate) fn to_item(mut values: HashMap<String, AttributeValue>) -> Result<Item, ValueError> {
    let mut key = |name| match values.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(ValueError::Key(name)),
    };
    let key = Key { pk: key(PK)?, sk: key(SK)? };
    Ok(Item { key, attributes: from_attributes(values)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn there_and_back(value: &Value) -> Value {
        from_attribute("a", to_attribute(value)).unwrap()
    }

    #[test]
    fn an_item_reads_back_without_its_key() {
        let Value::Object(attributes) = json!({
            "text": "ä\u{1F525}", "empty": "", "none": null, "yes": true,
            "nested": { "list": [1, "two", { "three": 3.5 }], "empty": {} },
        }) else {
            unreachable!()
        };
        let item = Item { key: Key { pk: "RUN#1".into(), sk: "META".into() }, attributes };
        assert_eq!(to_item(item_attributes(&item)).unwrap(), item);
    }

    #[test]
    fn integers_and_doubles_are_exact() {
        for value in [json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(0.1), json!(-2.5e-12), json!(1e21)] {
            assert_eq!(there_and_back(&value), value);
        }
        // As DynamoDB gives them back.
        assert_eq!(from_number("a", "1E+2").unwrap().as_f64(), Some(100.0));
        assert!(from_number("a", "NaN").is_err());
    }

    #[test]
    fn what_dynamodb_cannot_hold_is_kept_as_its_json() {
        let nested = |levels: usize| (1..levels).fold(json!(1), |inner, _| json!([inner]));
        for held in [nested(32), json!(0), json!(-0.0), json!(9e125), json!(-1e-130), json!({ "a": { "b": [] } })] {
            assert!(!matches!(to_attribute(&held), AttributeValue::B(_)), "{held}");
            assert!(!too_deep(&held));
        }
        for not in [nested(33), nested(100), json!(1e126), json!([{ "x": -1e-200 }]), json!({ "a": { "": 1 } })] {
            assert!(matches!(to_attribute(&not), AttributeValue::B(_)), "{not}");
            assert_eq!(there_and_back(&not), not);
            assert!(!too_deep(&not));
        }
        assert!(too_deep(&nested(101)));
        assert!(from_attribute("a", AttributeValue::B(Blob::new("{"))).is_err());
    }

    proptest! {
        #[test]
        fn any_integer_is_exact(integer: i64) {
            prop_assert_eq!(there_and_back(&json!(integer)), json!(integer));
        }

        #[test]
        fn any_double_keeps_its_value(double in -1e100..1e100_f64) {
            prop_assert_eq!(there_and_back(&json!(double)).as_f64(), Some(double));
        }
    }

    #[test]
    fn what_was_not_written_by_us_is_an_error() {
        assert!(from_attribute("a", AttributeValue::Ss(vec!["x".into()])).is_err());
        assert!(to_item(HashMap::from([("pk".to_owned(), AttributeValue::S("x".into()))])).is_err());
    }
}
