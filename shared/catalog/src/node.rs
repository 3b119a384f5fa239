//! YAML as a tree that knows the place of every value, read with limits.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error as YamlError, Location, MergeKeyPolicy, Options, Spanned};

use crate::{bind::cut, problem::Code};

/// How deep a document may nest.
const DEPTH_LIMIT: usize = 32;

/// How many aliases a file may use, and how much they may repeat.
const ALIAS_LIMIT: usize = 100;

/// How many broken documents of a file are told: what is behind the last of them is not seen.
const BROKEN_LIMIT: usize = 32;

/// A line and a column, both from 1; 0 where it is about the whole file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let cut = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: cut(location.line()), column: cut(location.column()) }
    }
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place of what `path` leads to, or of the last thing on the way that is there. A number leads into a list.
    pub(crate) fn place_of(&self, path: &[&str]) -> Place {
        let mut at = self;
        let mut place = self.place;
        for key in path {
            let next = match &at.kind {
                Kind::List(items) => key.parse().ok().and_then(|index: usize| items.get(index)),
                _ => at.get(key),
            };
            match next {
                Some(next) => (at, place) = (next, next.place),
                None => break,
            }
        }
        place
    }

    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                let map: Map<String, Value> =
                    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect();
                Value::Object(map)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self { place: spanned.referenced.into(), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Kind, E> {
        Ok(Kind::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kind, E> {
        Ok(Kind::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Kind, E> {
        Number::from_f64(number).map(Kind::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Kind, E> {
        Ok(Kind::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if key.value.is_empty() {
                return Err(A::Error::custom("a key is empty"));
            }
            let value = map.next_value()?;
            entries.push(Entry { key: key.value, place: key.referenced.into(), value });
        }
        Ok(Kind::Map(entries))
    }
}

/// What is wrong with a file's YAML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broken {
    pub(crate) place: Place,
    pub(crate) code: Code,
    pub(crate) message: String,
}

/// The documents of `text`, and what is wrong with the others. A document that is broken hides none behind it: a line of
/// `---` begins another one whatever it stands in.
pub(crate) fn documents(text: &str) -> (Vec<Node>, Vec<Broken>) {
    let mut found = Vec::new();
    let mut broken: Vec<Broken> = Vec::new();
    let mut rest = Some(Cow::Borrowed(text));
    while let Some(text) = rest.take() {
        let mut bytes = text.as_bytes();
        for document in serde_saphyr::read_with_options::<_, Node>(&mut bytes, options()) {
            match document {
                Ok(node) => found.push(node),
                Err(error) => {
                    let one = explained(&error);
                    let later = broken.last().is_none_or(|last| one.place > last.place);
                    rest = later.then(|| behind(&text, one.place)).flatten().filter(|_| broken.len() < BROKEN_LIMIT);
                    broken.push(one);
                    break;
                }
            }
        }
    }
    (found, broken)
}

/// `text` from the first document that begins behind `place`, with empty lines before it, so that its places are the file's.
fn behind<'t>(text: &str, place: Place) -> Option<Cow<'t, str>> {
    let from = usize::try_from(place.line).ok().filter(|line| *line > 0)?;
    let begins =
        |line: &&str| line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let next = from + lines.get(from..)?.iter().position(|line| begins(&line.trim_end_matches(['\r', '\n'])))?;
    Some(Cow::Owned("\n".repeat(next) + &lines.get(next..)?.concat()))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_LIMIT,
            flow_nesting_limit: DEPTH_LIMIT,
            max_aliases: ALIAS_LIMIT,
            max_anchors: ALIAS_LIMIT,
            max_documents: usize::MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 4,
            max_alias_expansions_per_anchor: ALIAS_LIMIT,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        // One way to write a thing: what is merged in has no line of its own.
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn explained(error: &YamlError) -> Broken {
    let error = error.without_snippet();
    let place = error.location().map(Place::from).unwrap_or_default();
    if let YamlError::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().map_or_else(|| "a key".to_owned(), |key| format!("the key `{}`", cut(key)));
        return Broken { place, code: Code::DuplicateKey, message: format!("{key} stands twice") };
    }
    // The library says where, too; we say it in our own way.
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    let said = said.split_once(" at line ").map_or(said, |(said, _)| said);
    let too_much = matches!(
        error,
        YamlError::Budget { .. }
            | YamlError::AliasReplayCounterOverflow { .. }
            | YamlError::AliasReplayLimitExceeded { .. }
            | YamlError::AliasExpansionLimitExceeded { .. }
            | YamlError::AliasReplayStackDepthExceeded { .. }
    );
    // Some limits come as plain text: the parser's own, and those met within an alias.
    if too_much || said.contains("limit exceeded") {
        return Broken { place, code: Code::TooComplex, message: format!("the document is too complex: {said}") };
    }
    Broken { place, code: Code::YamlSyntax, message: format!("this is not YAML: {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let (found, broken) = documents("a: 1\nb:\n  - x\n  - {c: true, d: ~}\n---\n# a comment\ne: 007\n");
        assert_eq!(broken, vec![]);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(first.place_of(&["b", "1", "c"]), Place { line: 4, column: 9 });
        assert_eq!(first.place_of(&["b", "7", "c"]), Place { line: 3, column: 3 }, "the last that is there");
        assert_eq!(first.to_json(), serde_json::json!({"a": 1, "b": ["x", {"c": true, "d": null}]}));
        assert_eq!(second.get("e").and_then(Node::text), Some("007"), "leading zeros are not lost");
    }

    #[test]
    fn a_broken_document_hides_none_of_the_others() {
        let text =
            "a: 1\n--- # one\nb: \"open\nc: 1\n---\nd: *none\n---\r\ne: 1\ne: 2\n---\nf: [\n--- \ng: 1\nh: {i: 2}\n";
        let (found, broken) = documents(text);
        let lines: Vec<(u32, Code)> = broken.iter().map(|broken| (broken.place.line, broken.code)).collect();
        let (yaml, twice) = (Code::YamlSyntax, Code::DuplicateKey);
        assert_eq!(lines, [(3, yaml), (6, yaml), (9, twice), (11, yaml)]);
        let [first, last] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(first.to_json(), serde_json::json!({"a": 1}));
        assert_eq!(last.to_json(), serde_json::json!({"g": 1, "h": {"i": 2}}));
        assert_eq!(last.place_of(&["h", "i"]), Place { line: 14, column: 8 });
    }

    #[test]
    fn words_of_other_yamls_are_text() {
        let (found, _) = documents("a: no\nb: on\nc: 1_000\nd: 0x1F\ne: '5'\n");
        let json = found.first().map(Node::to_json);
        assert_eq!(json, Some(serde_json::json!({"a": "no", "b": "on", "c": "1_000", "d": 31, "e": "5"})));
    }
}
