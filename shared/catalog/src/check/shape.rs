//! A document's shape: its keys and the types of their values, held against the JSON Schema of its kind. All of it at
//! once, since serde stops at the first.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::{misplaced, quoted};
use crate::{
    bind::cut,
    node::{Entry, Kind, Node, Place},
    problem::{Code, nearest},
    schema::DocKind,
};

/// Something wrong with the shape.
pub(crate) struct Wrong {
    pub(crate) place: Place,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Holds `document` against the schema of `kind`.
///
/// # Errors
/// All that is wrong; without any, the document as JSON, which has the types that the schema asks for.
pub(crate) fn check(
    kind: DocKind,
    schema: &Value,
    patterns: &mut Patterns,
    document: &Node,
) -> Result<Value, Vec<Wrong>> {
    let mut shape = Shape { kind, root: schema, patterns, path: Vec::new(), wrong: Vec::new() };
    let value = shape.value(schema, document);
    if shape.wrong.is_empty() { Ok(value) } else { Err(shape.wrong) }
}

/// The patterns of the schemas, compiled once for all documents.
#[derive(Debug, Default)]
pub(crate) struct Patterns(BTreeMap<String, Option<Regex>>);

impl Patterns {
    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        self.0.get(pattern).is_some_and(|regex| regex.as_ref().is_some_and(|regex| regex.is_match(text)))
    }
}

struct Shape<'s, 'p> {
    kind: DocKind,
    root: &'s Value,
    patterns: &'p mut Patterns,
    path: Vec<String>,
    wrong: Vec<Wrong>,
}

impl<'s> Shape<'s, '_> {
    fn report(&mut self, place: Place, code: Code, message: String, help: Option<String>) {
        self.wrong.push(Wrong { place, code, message, help });
    }

    /// The key that is being looked at, as in `trigger.sources`.
    fn here(&self) -> String {
        if self.path.is_empty() { format!("the {}", self.kind.as_str()) } else { format!("`{}`", self.path.join(".")) }
    }

    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
        target.and_then(|name| self.root.get("$defs")?.get(name)).unwrap_or(schema)
    }

    /// `node` as JSON of the type that `schema` asks for.
    fn value(&mut self, schema: &'s Value, node: &Node) -> Value {
        let told = schema.get("description").and_then(Value::as_str);
        let schema = self.resolve(schema);
        let told = told.or_else(|| schema.get("description").and_then(Value::as_str));
        if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
            let nothing = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
            if node.kind == Kind::Null && any.iter().any(|one| nothing(&one)) {
                return Value::Null;
            }
            return match any.iter().find(|one| !nothing(one)) {
                Some(one) => self.value(one, node),
                None => node.to_json(),
            };
        }
        if let Some(words) = words(schema) {
            return self.word(&words, node);
        }
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            return self.one_key(variants, node);
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => return node.to_json(),
        };
        let listed = matches!(node.kind, Kind::List(_)) && types.contains(&"array");
        match (&node.kind, if listed { Some("array") } else { types.first().copied() }) {
            (Kind::Null, _) if types.contains(&"null") => Value::Null,
            (Kind::Map(_), Some("object")) => self.object(schema, node),
            (Kind::List(items), Some("array")) => {
                let each = schema.get("items").unwrap_or(&Value::Bool(true));
                let items = items.iter().enumerate().map(|(place, item)| {
                    self.path.push(place.to_string());
                    let value = self.value(each, item);
                    self.path.pop();
                    value
                });
                items.collect()
            }
            (Kind::Text(text), Some("string")) => {
                self.text(schema, text, node, told);
                Value::String(text.clone())
            }
            // `port: 443` loses nothing as text.
            (Kind::Number(number), Some("string")) if !number.is_f64() => Value::String(number.to_string()),
            (Kind::Bool(flag), Some("boolean")) => Value::Bool(*flag),
            (Kind::Number(number), Some("number" | "integer")) => {
                let whole = !number.is_f64() || types.first() == Some(&"number");
                let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
                let value = number.as_f64().unwrap_or(f64::NAN);
                if !whole
                    || bound("minimum").is_some_and(|min| value < min)
                    || bound("maximum").is_some_and(|max| value > max)
                {
                    let message = format!("{} cannot be {number}", self.here());
                    self.report(node.place, Code::BadValue, message, told.map(str::to_owned));
                }
                Value::Number(number.clone())
            }
            (_, wanted) => {
                let message = format!("{} wants {}, not {}", self.here(), named(wanted), node.what());
                let help = match wanted {
                    Some("string") if matches!(node.kind, Kind::Bool(_) | Kind::Number(_)) => {
                        Some("put it in quotes".to_owned())
                    }
                    _ => told.map(str::to_owned),
                };
                self.report(node.place, Code::BadValue, message, help);
                Value::Null
            }
        }
    }

    fn text(&mut self, schema: &Value, text: &str, node: &Node, told: Option<&str>) {
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return };
        if self.patterns.matches(pattern, text) {
            return;
        }
        let examples = schema.get("examples").and_then(Value::as_array);
        let examples: Vec<&str> = examples.into_iter().flatten().filter_map(Value::as_str).collect();
        let help = match examples.as_slice() {
            [] => schema.get("description").and_then(Value::as_str).or(told).map(str::to_owned),
            some => Some(format!("write it as {}", some.join(" or "))),
        };
        let message = format!("{} cannot be `{}`", self.here(), cut(text));
        self.report(node.place, Code::BadValue, message, help);
    }

    fn word(&mut self, words: &[&str], node: &Node) -> Value {
        match &node.kind {
            Kind::Text(text) if words.contains(&text.as_str()) => return Value::String(text.clone()),
            Kind::Text(text) => {
                let help = match nearest(text, words.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("write one of: {}", words.join(", ")),
                };
                let message = format!("{} cannot be `{}`", self.here(), cut(text));
                self.report(node.place, Code::BadValue, message, Some(help));
            }
            _ => {
                let message = format!("{} wants a word, not {}", self.here(), node.what());
                self.report(node.place, Code::BadValue, message, Some(format!("write one of: {}", words.join(", "))));
            }
        }
        Value::Null
    }

    /// A map with one key that says what the value is: `slack: {...}`. Beside it stand only those that all of them have.
    fn one_key(&mut self, variants: &'s [Value], node: &Node) -> Value {
        let says = |variant: &'s Value| variant.get("required")?.as_array()?.first()?.as_str();
        let known: Vec<&str> = variants.iter().filter_map(says).collect();
        let saying: Vec<&Entry> = node.entries().iter().filter(|entry| known.contains(&entry.key.as_str())).collect();
        if let [entry] = saying.as_slice()
            && let Some(schema) = variants.iter().find(|variant| says(variant) == Some(entry.key.as_str()))
        {
            return self.object(schema, node);
        }
        if let ([], [entry]) = (saying.as_slice(), node.entries())
            && !variants
                .iter()
                .any(|variant| variant.pointer("/properties").is_some_and(|all| all.get(&entry.key).is_some()))
        {
            self.unknown(entry.place, &entry.key, &known);
            return Value::Null;
        }
        let message = match (saying.len(), variants.iter().any(|variant| properties(variant) > 1)) {
            (0, true) => format!("{} says none of these", self.here()),
            (_, true) => format!("{} says {} of these, and can say one", self.here(), saying.len()),
            (_, false) => format!("{} wants a map with one key, not {}", self.here(), count(node)),
        };
        self.report(node.place, Code::BadValue, message, Some(format!("write one of: {}", known.join(", "))));
        Value::Null
    }

    fn object(&mut self, schema: &'s Value, node: &Node) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        let mut map = Map::new();
        for entry in node.entries() {
            let known = properties.and_then(|properties| properties.get(&entry.key)).or(others);
            let Some(known) = known else {
                let all: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let free: Vec<&str> = all.iter().copied().filter(|key| node.entry(key).is_none()).collect();
                self.unknown(entry.place, &entry.key, if free.is_empty() { &all } else { &free });
                continue;
            };
            self.path.push(entry.key.clone());
            let value = self.value(known, &entry.value);
            self.path.pop();
            map.insert(entry.key.clone(), value);
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for key in required.filter(|key| node.entry(key).is_none()) {
            let told = properties.and_then(|properties| properties.get(key)?.get("description")?.as_str());
            let (code, message, help) = misplaced::missing(self.kind, &self.path, key).unwrap_or_else(|| {
                (
                    Code::MissingKey,
                    format!("{} has no `{key}`", self.here()),
                    told.map(|told| format!("`{key}`: {told}")),
                )
            });
            self.report(node.place, code, message, help);
        }
        Value::Object(map)
    }

    fn unknown(&mut self, place: Place, key: &str, known: &[&str]) {
        let (code, message, help) = misplaced::unknown(self.kind, &self.path, key).unwrap_or_else(|| {
            let help = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it can have: {}", quoted(known)),
            };
            (Code::UnknownKey, format!("{} has no key `{}`", self.here(), cut(key)), Some(help))
        });
        self.report(place, code, message, help);
    }
}

/// The words that are all that `schema` allows, when it is of that sort.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let variants = schema.get("oneOf").and_then(Value::as_array)?;
    variants.iter().map(words).collect::<Option<Vec<_>>>().map(|words| words.concat())
}

fn named(wanted: Option<&str>) -> &'static str {
    match wanted {
        Some("object") => "a map",
        Some("array") => "a list",
        Some("string") => "text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        _ => "something else",
    }
}

fn properties(schema: &Value) -> usize {
    schema.get("properties").and_then(Value::as_object).map_or(0, Map::len)
}

fn count(node: &Node) -> String {
    match &node.kind {
        Kind::Map(entries) => format!("{} keys", entries.len()),
        _ => node.what().to_owned(),
    }
}
