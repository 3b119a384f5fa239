//! What conditions and updates mean for one item.

use ports::{Condition, When};
use serde_json::{Map, Number, Value};

/// An item's attributes.
pub(crate) type Attributes = Map<String, Value>;

/// Whether a write may happen on the item that stands there.
pub(crate) fn may(when: &When, item: Option<&Attributes>) -> bool {
    when.0.is_empty() || when.0.iter().any(|all| all.iter().all(|condition| holds(condition, item)))
}

fn holds(condition: &Condition, item: Option<&Attributes>) -> bool {
    let attribute = |name: &str| item.and_then(|attributes| attributes.get(name));
    match condition {
        Condition::Absent => item.is_none(),
        Condition::Present => item.is_some(),
        Condition::Equals(name, wanted) => attribute(name).is_some_and(|value| same(value, wanted)),
        Condition::Without(name) => attribute(name).is_none(),
        Condition::Below(name, limit) => attribute(name).is_some_and(|value| below(value, *limit)),
    }
}

/// Numbers are the same when they count the same, as in DynamoDB: 1 is 1.0.
fn same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.as_f64() == other.as_f64() && !(one.is_i64() && other.is_i64()))
        }
        _ => value == wanted,
    }
}

fn below(value: &Value, limit: i64) -> bool {
    match value.as_i64() {
        Some(whole) => whole < limit,
        // Rounding the limit to a double is harmless: only doubles are compared with it here.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        None => value.as_f64().is_some_and(|number| number < limit as f64),
    }
}

/// Adds to a number; a missing one counts as 0.
///
/// # Errors
/// When it is no number, or would grow past 64 bits.
pub(crate) fn add(attributes: &mut Attributes, name: &str, amount: i64) -> Result<(), String> {
    let old = attributes.get(name).map_or(Some(Number::from(0)), |value| value.as_number().cloned());
    let old = old.ok_or_else(|| format!("attribute `{name}` is not a number"))?;
    let new = match old.as_i64() {
        Some(whole) => whole.checked_add(amount).map(Number::from),
        #[expect(clippy::cast_precision_loss, reason = "to a double only a double can be added")]
        None => old.as_f64().and_then(|double| Number::from_f64(double + amount as f64)),
    };
    let new = new.ok_or_else(|| format!("attribute `{name}` is too large to add to"))?;
    attributes.insert(name.to_owned(), new.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(value: Value) -> Attributes {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn each_condition_means_what_it_says_of_a_missing_item_and_of_one_that_is_there() {
        let item = attributes(json!({"s": "x", "n": 5, "d": 5.5, "b": true, "one": 1.0, "text": "4"}));
        for (condition, of_item, of_nothing) in [
            (Condition::Absent, false, true),
            (Condition::Present, true, false),
            (Condition::Equals("s", json!("x")), true, false),
            (Condition::Equals("s", json!("y")), false, false),
            (Condition::Equals("b", json!(true)), true, false),
            (Condition::Equals("n", json!("5")), false, false),
            (Condition::Equals("one", json!(1)), true, false),
            (Condition::Equals("none", json!(null)), false, false),
            (Condition::Without("s"), false, true),
            (Condition::Without("none"), true, true),
            (Condition::Below("n", 6), true, false),
            (Condition::Below("n", 5), false, false),
            (Condition::Below("d", 6), true, false),
            (Condition::Below("text", 6), false, false),
            (Condition::Below("none", 6), false, false),
        ] {
            assert_eq!(holds(&condition, Some(&item)), of_item, "{condition:?}");
            assert_eq!(holds(&condition, None), of_nothing, "{condition:?} of nothing");
        }
    }

    #[test]
    fn large_whole_numbers_are_told_apart() {
        assert!(!same(&json!(i64::MAX), &json!(i64::MAX - 1)));
        assert!(below(&json!(i64::MAX - 1), i64::MAX));
    }

    #[test]
    fn a_when_is_any_of_its_conjunctions_and_an_empty_one_always_holds() {
        let item = attributes(json!({"a": 1, "b": 2}));
        let when = When::all([Condition::Equals("a", json!(1)), Condition::Equals("b", json!(3))]);
        assert!(!may(&when, Some(&item)));
        assert!(may(&when.or([Condition::Below("b", 3)]), Some(&item)));
        assert!(may(&When::always(), None) && may(&When::always(), Some(&item)));
    }

    #[test]
    fn adding_to_what_is_no_number_fails() {
        let mut item = attributes(json!({"text": "x", "full": i64::MAX, "double": 0.5}));
        add(&mut item, "new", -2).unwrap();
        add(&mut item, "new", 5).unwrap();
        add(&mut item, "double", 1).unwrap();
        assert_eq!((item.get("new"), item.get("double")), (Some(&json!(3)), Some(&json!(1.5))));
        assert!(add(&mut item, "text", 1).is_err() && add(&mut item, "full", 1).is_err());
    }
}
