//! Items as DynamoDB's attribute values and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use ports::{Item, Key};
use serde_json::{Map, Number, Value};

/// The partition key's attribute.
pub(crate) const PK: &str = "pk";
/// The sort key's attribute.
pub(crate) const SK: &str = "sk";

/// Why an attribute value cannot be read: it was not written by us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("attribute `{0}` is binary or a set, which no item of ours is")]
    Kind(String),
    #[error("attribute `{0}` is not a number of 64 bits")]
    Number(String),
    #[error("an item has no `{0}`")]
    Key(&'static str),
}

pub(crate) fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(*truth),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(to_attribute).collect()),
        Value::Object(object) => AttributeValue::M(to_attributes(object)),
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
