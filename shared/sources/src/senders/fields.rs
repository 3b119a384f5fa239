//! Bodies that are a flat map which a template of the user's made of the sender's variables.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::json::{labels, moment, scalar};

/// What a body says, by the names of its fields without the ways to write them: `alert_id`, `alertId` and `ALERT_ID` are one.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Takes what says something: variables that do not apply are empty, or still there as `is_variable` knows them.
    pub(super) fn of(body: &Value, is_variable: fn(&str) -> bool) -> Self {
        let fields = body.as_object().into_iter().flatten().filter_map(|(name, value)| {
            let name = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
            Some((name, scalar(value)?))
        });
        Self(fields.filter(|(_, text)| !matches!(text.as_str(), "" | "null") && !is_variable(text)).collect())
    }

    /// The first of these fields that says something.
    pub(super) fn said(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    /// The first of these fields that is a time.
    pub(super) fn time(&self, names: &[&str]) -> Option<Timestamp> {
        names.iter().find_map(|name| moment(self.said(&[name])?))
    }
}

/// Tags as they stand in one text: `env:prod,urgent,team:a`. Of a key that stands twice the first counts.
pub(super) fn listed(tags: &str) -> BTreeMap<String, String> {
    labels(Some(&tags.split(',').map(|tag| Value::from(tag.trim())).collect()))
}
