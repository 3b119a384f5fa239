//! Conditions and updates as DynamoDB's expressions. Names and values never stand in the text: each is a placeholder.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use ports::{Condition, Item, When, Write};
use serde_json::{Map, Value};

use crate::value::{PK, SK, to_attribute, too_deep};

/// Whether the writes can be said to DynamoDB as they are meant.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn well_formed(writes: &[Write]) -> Result<(), &'static str> {
    if writes.is_empty() {
        return Err("a transaction has at least one part");
    }
    for write in writes {
        if let Write::Put { item: Item { attributes, .. }, .. } | Write::Update { set: attributes, .. } = write
            && attributes.values().any(too_deep)
        {
            return Err("a value is nested too deep");
        }
        match write {
            // The key would silently take the attribute's place.
            Write::Put { item, .. } if [PK, SK].iter().any(|name| item.attributes.contains_key(*name)) => {
                return Err("`pk` and `sk` are the key's and no attributes");
            }
            Write::Update { set, add, remove, .. } => {
                let added = add.iter().map(|(name, _)| *name);
                let all = set.keys().map(String::as_str).chain(added).chain(remove.iter().copied());
                let mut names = HashSet::new();
                if !all.into_iter().all(|name| names.insert(name)) {
                    return Err("an update changes an attribute twice");
                }
                // Alone it would make an item, and in a transaction it cannot be said.
                if names.is_empty() {
                    return Err("an update changes nothing");
                }
            }
            Write::Put { .. } | Write::Check { .. } => {}
        }
    }
    Ok(())
}

/// The placeholders of one request.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    fn name(&mut self, attribute: &str) -> String {
        if let Some((placeholder, _)) = self.names.iter().find(|(_, name)| *name == attribute) {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// As the requests take them: DynamoDB refuses empty maps.
    pub(crate) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// As the requests take them.
    pub(crate) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// The condition expression, or none where nothing must hold.
    pub(crate) fn condition(&mut self, when: &When) -> Option<String> {
        // A case that asks nothing always holds, and then so does the whole.
        if when.0.iter().any(Vec::is_empty) {
            return None;
        }
        let cases: Vec<String> = when.0.iter().map(|case| self.case(case)).collect();
        match cases.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(several.iter().map(|case| format!("({case})")).collect::<Vec<_>>().join(" OR ")),
        }
    }

    /// A condition that holds for any item and for none, where there must be one.
    pub(crate) fn always(&mut self) -> String {
        let pk = self.name(PK);
        format!("attribute_exists({pk}) OR attribute_not_exists({pk})")
    }

    fn case(&mut self, conditions: &[Condition]) -> String {
        let parts: Vec<String> = conditions.iter().map(|condition| self.one(condition)).collect();
        parts.join(" AND ")
    }

    fn one(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Absent => format!("attribute_not_exists({})", self.name(PK)),
            Condition::Present => format!("attribute_exists({})", self.name(PK)),
            Condition::Equals(attribute, value) => {
                format!("{} = {}", self.name(attribute), self.value(to_attribute(value)))
            }
            Condition::Without(attribute) => format!("attribute_not_exists({})", self.name(attribute)),
            // False for an attribute that is missing or no number, as the port wants it.
            Condition::Below(attribute, limit) => {
                format!("{} < {}", self.name(attribute), self.value(AttributeValue::N(limit.to_string())))
            }
        }
    }

    /// The update expression, or none where nothing changes.
    pub(crate) fn update(
        &mut self,
        set: &Map<String, Value>,
        add: &[(&'static str, i64)],
        remove: &[&'static str],
    ) -> Option<String> {
        let set: Vec<String> = set
            .iter()
            .map(|(name, value)| format!("{} = {}", self.name(name), self.value(to_attribute(value))))
            .collect();
        let add: Vec<String> = add
            .iter()
            .map(|(name, amount)| format!("{} {}", self.name(name), self.value(AttributeValue::N(amount.to_string()))))
            .collect();
        let remove: Vec<String> = remove.iter().map(|name| self.name(name)).collect();
        let clauses = [("SET", set), ("ADD", add), ("REMOVE", remove)]
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")));
        let text = clauses.collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_names_nothing_in_its_text() {
        let mut held = Placeholders::default();
        let when = When::all([Condition::Absent])
            .or([Condition::Equals("lease_token", json!("t")), Condition::Present])
            .or([Condition::Below("lease_until", 7), Condition::Without("done")]);
        assert_eq!(
            held.condition(&when).unwrap(),
            "(attribute_not_exists(#n0)) OR (#n1 = :v0 AND attribute_exists(#n0)) \
             OR (#n2 < :v1 AND attribute_not_exists(#n3))"
        );
        assert_eq!(held.names().unwrap()["#n1"], "lease_token");
        assert_eq!(held.values().unwrap()[":v1"], AttributeValue::N("7".into()));
    }

    #[test]
    fn what_always_may_happen_has_no_condition() {
        assert_eq!(Placeholders::default().condition(&When::always()), None);
        assert_eq!(Placeholders::default().condition(&When::all([Condition::Absent]).or([])), None);
        assert_eq!(Placeholders::default().names(), None);
    }

    #[test]
    fn an_update_has_a_clause_for_each_thing_it_does() {
        let mut held = Placeholders::default();
        let Value::Object(set) = json!({ "a": 1 }) else { unreachable!() };
        assert_eq!(held.update(&set, &[("n", -2)], &["x", "y"]).unwrap(), "SET #n0 = :v0 ADD #n1 :v1 REMOVE #n2, #n3");
        assert_eq!(held.update(&Map::new(), &[], &[]), None);
    }
}
