use std::collections::BTreeSet;

use serde_json::Value;

/// One thing that was said.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text.
    Text(String),
    /// A call of a tool.
    Call {
        /// Its id.
        id: String,
        /// Which tool.
        name: String,
        /// With what.
        arguments: Value,
    },
    /// What a tool answered.
    Result {
        /// The id of the call.
        id: String,
        /// The answer.
        text: String,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// Something else, such as signed thinking that was given back.
    Other(Value),
}

/// What a request says, in words that all wire formats share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// What holds for the whole conversation.
    pub system: String,
    /// Who said what: whether it was the model, and the pieces.
    pub turns: Vec<(bool, Vec<Piece>)>,
    /// The names of the tools on offer.
    pub tools: Vec<String>,
    /// The one that must be used.
    pub must_use: Option<String>,
    /// The most tokens of an answer.
    pub max_tokens: u64,
    /// Whether anything is marked to be kept in the provider's cache.
    pub keeps: bool,
}

impl Heard {
    /// How many calls of the tool `name` the model has made so far.
    #[must_use]
    pub fn called(&self, name: &str) -> usize {
        self.pieces().filter(|piece| matches!(piece, Piece::Call { name: called, .. } if called == name)).count()
    }

    /// What tools have answered so far, oldest first.
    #[must_use]
    pub fn results(&self) -> Vec<&str> {
        let text = |piece: &'_ Piece| matches!(piece, Piece::Result { .. });
        self.pieces()
            .filter(|piece| text(piece))
            .filter_map(|piece| match piece {
                Piece::Result { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// All that was said to the model in text, joined.
    #[must_use]
    pub fn prompt(&self) -> String {
        let texts = self.turns.iter().filter(|(model, _)| !model).flat_map(|(_, pieces)| pieces);
        texts
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.turns.iter().flat_map(|(_, pieces)| pieces)
    }
}

/// Calls and answers that do not belong together.
pub(crate) enum Unpaired {
    /// Answers in this turn to ids that the turn before did not call.
    Results(usize, Vec<String>),
    /// Calls of the turn before this one that it does not answer.
    Calls(usize, Vec<String>),
}

/// Whether every call of a turn is answered in the next one, and nothing else is.
pub(crate) fn paired(turns: &[(bool, Vec<Piece>)]) -> Result<(), Unpaired> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (place, (_, pieces)) in turns.iter().enumerate() {
        let results: BTreeSet<&str> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Result { id, .. } => Some(id.as_str()),
                _ => None,
            })
            .collect();
        let names = |ids: BTreeSet<&&str>| ids.into_iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let odd = names(results.difference(&open).collect());
        if !odd.is_empty() {
            return Err(Unpaired::Results(place, odd));
        }
        let left = names(open.difference(&results).collect());
        if !left.is_empty() {
            return Err(Unpaired::Calls(place, left));
        }
        open = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Call { id, .. } => Some(id.as_str()),
                _ => None,
            })
            .collect();
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(Unpaired::Calls(turns.len(), open.into_iter().map(str::to_owned).collect()))
    }
}

/// The text at `key`; empty where there is none.
pub(crate) fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The list at `key`; empty where there is none.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a key stands anywhere within.
pub(crate) fn has_key(value: &Value, key: &str) -> usize {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| usize::from(name == key) + has_key(value, key)).sum(),
        Value::Array(list) => list.iter().map(|value| has_key(value, key)).sum(),
        _ => 0,
    }
}

/// Sets a key of an object.
pub(crate) fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}
