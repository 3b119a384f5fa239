//! The answers of the Query protocol, read into JSON.
//!
//! Such XML has no types and no mark for a list. An element is one when AWS's models say so (`lists.txt`, which
//! `derive/lists.py` writes), or when its members are called `member` (Query) or `item` (EC2): also with one member, and with
//! none. What is repeated without an element around it is a list too. What is none is a structure or a string.

use std::{collections::BTreeSet, sync::LazyLock};

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};
use serde_json::{Map, Value};

/// The deepest nesting that is read. AWS's own stay below 12.
const MAX_DEPTH: usize = 64;

/// A document.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What is inside the root.
    pub(crate) body: Value,
}

/// Why it is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("not XML: {0}")]
    Syntax(#[from] quick_xml::Error),
    #[error("not UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("not XML: it has no element")]
    Empty,
    #[error("not XML: it ends before its elements do")]
    Cut,
    #[error("XML with elements deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("XML with an entity that is not XML's own")]
    Entity,
}

/// An element that is not at its end.
#[derive(Default)]
struct Open {
    name: String,
    text: String,
    members: Vec<(String, Value)>,
}

static LISTS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| include_str!("lists.txt").lines().collect());

impl Open {
    fn close(self) -> (String, Value) {
        let value = if is_list(&self) {
            Value::Array(self.members.into_iter().map(|(_, value)| value).collect())
        } else if self.members.is_empty() {
            Value::String(self.text)
        } else if let Some(map) = as_map(&self.members) {
            Value::Object(map)
        } else {
            structure(self.members)
        };
        (self.name, value)
    }
}

/// Whether this is an element that holds a list's members and nothing else.
fn is_list(element: &Open) -> bool {
    let Some((first, _)) = element.members.first() else {
        return element.text.trim().is_empty() && LISTS.contains(element.name.as_str());
    };
    element.members.iter().all(|(name, _)| name == first)
        && (first == "member" || first == "item" || LISTS.contains(element.name.as_str()))
}

/// A map of the Query protocol: entries of a key and a value.
fn as_map(members: &[(String, Value)]) -> Option<Map<String, Value>> {
    let entry = |(name, value): &(String, Value)| {
        let Value::Object(entry) = value else { return None };
        let key = entry.get("key")?.as_str()?;
        (name == "entry" && entry.len() <= 2).then(|| (key.to_owned(), entry.get("value").cloned().unwrap_or_default()))
    };
    members.iter().map(entry).collect()
}

fn structure(members: Vec<(String, Value)>) -> Value {
    let mut object = Map::new();
    let mut repeated = Vec::new();
    for (name, value) in members {
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(all)) if repeated.contains(&name) => all.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                repeated.push(name);
            }
        }
    }
    Value::Object(object)
}

/// Reads a document. Attributes are left out: AWS's have only namespaces in them.
///
/// # Errors
/// [`XmlError`].
pub(crate) fn read(bytes: &[u8]) -> Result<Answer, XmlError> {
    let mut reader = Reader::from_str(std::str::from_utf8(bytes)?);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let closed = match reader.read_event()? {
            Event::Start(element) => {
                if open.len() >= MAX_DEPTH {
                    return Err(XmlError::TooDeep);
                }
                let name = element.local_name().as_ref().to_owned();
                open.push(Open { name, ..Open::default() });
                continue;
            }
            Event::Empty(element) => Open { name: element.local_name().as_ref().to_owned(), ..Open::default() },
            Event::End(_) => open.pop().ok_or(XmlError::Cut)?,
            Event::Text(text) => {
                if let Some(here) = open.last_mut() {
                    here.text.push_str(&text);
                }
                continue;
            }
            Event::CData(text) => {
                if let Some(here) = open.last_mut() {
                    here.text.push_str(&text);
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                if let Some(here) = open.last_mut() {
                    match reference.resolve_char_ref()? {
                        Some(c) => here.text.push(c),
                        None => {
                            here.text.push_str(resolve_predefined_entity(&reference).ok_or(XmlError::Entity)?);
                        }
                    }
                }
                continue;
            }
            Event::Eof => return Err(if open.is_empty() { XmlError::Empty } else { XmlError::Cut }),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => continue,
        };
        let (name, value) = closed.close();
        match open.last_mut() {
            Some(above) => above.members.push((name, value)),
            None => return Ok(Answer { body: value }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(text: &str) -> Value {
        read(text.as_bytes()).unwrap().body
    }

    #[test]
    fn lists_structures_maps_and_text_are_told_apart() {
        assert_eq!(
            body(
                "<?xml version=\"1.0\"?>\n<R xmlns=\"http://x\">\n <Alarms>\n  <member><Name>a &amp; &#98;</Name></member>\n </Alarms>\
                 <Set><item>1</item><item>2</item></Set><One><Two>3</Two></One><Empty/><Cd><![CDATA[<x>]]></Cd>\
                 <T>1</T><T>2</T><T>3</T><Attributes><entry><key>k</key><value>v</value></entry></Attributes></R>"
            ),
            json!({
                "Alarms": [{"Name": "a & b"}], "Set": ["1", "2"], "One": {"Two": "3"}, "Empty": "", "Cd": "<x>",
                "T": ["1", "2", "3"], "Attributes": {"k": "v"},
            })
        );
        assert_eq!(
            body(
                "<R><DBInstances><DBInstance><A>1</A></DBInstance></DBInstances><MetricAlarms/><tagSet> </tagSet></R>"
            ),
            json!({"DBInstances": [{"A": "1"}], "MetricAlarms": [], "tagSet": []})
        );
        assert_eq!(body("<R><L><member/></L><L><member>1</member></L></R>"), json!({"L": [[""], ["1"]]}));
    }

    #[test]
    fn what_is_no_xml_is_an_error_and_never_a_panic() {
        for text in ["", "<a>", "</a>", "<a></b>", "{}", "<a>&own;</a>", "<a>&#xffffffff;</a>", "plain"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000));
        assert!(matches!(read(deep.as_bytes()), Err(XmlError::TooDeep)));
        // A document's own entities are not expanded.
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
        assert!(matches!(read(bomb.as_bytes()), Err(XmlError::Entity)));
    }
}
