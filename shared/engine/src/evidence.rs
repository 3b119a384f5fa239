//! Keeps evidence within its cap.

use domain::{Cut, EVIDENCE_CAP};
use serde_json::Value;

/// How deep evidence may be nested. A table holds 100 levels, and nobody reads so far.
const DEPTH: usize = 32;

/// Writes what is nested too deep to be stored as text in its place.
pub fn flatten(data: &mut Value) {
    flatten_from(data, DEPTH);
}

fn flatten_from(data: &mut Value, depth: usize) {
    match data {
        Value::Array(_) | Value::Object(_) if depth == 0 => *data = Value::String(data.to_string()),
        Value::Array(list) => list.iter_mut().for_each(|inner| flatten_from(inner, depth - 1)),
        Value::Object(map) => map.values_mut().for_each(|inner| flatten_from(inner, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Cuts the longest texts and lists of `data` until its JSON is at most [`EVIDENCE_CAP`] bytes, and says how much there
/// was. `None`: it is whole.
pub fn cap(data: &mut Value) -> Option<Cut> {
    flatten(data);
    let total = length(data);
    if total <= EVIDENCE_CAP {
        return None;
    }
    // Halving what one text and one list may hold comes to an end quickly and spares short facts to the last.
    let (mut characters, mut entries) = (16 * 1024, 256);
    while length(data) > EVIDENCE_CAP && characters > 16 {
        shorten(data, characters, entries);
        characters /= 2;
        entries = (entries / 2).max(4);
    }
    if length(data) > EVIDENCE_CAP {
        *data = Value::Null;
    }
    Some(Cut { kept: length(data), total })
}

fn length(data: &Value) -> usize {
    serde_json::to_string(data).map_or(0, |text| text.len())
}

fn shorten(data: &mut Value, characters: usize, entries: usize) {
    match data {
        Value::String(text) => {
            let end = text.floor_char_boundary(characters);
            text.truncate(end);
        }
        Value::Array(list) => {
            list.truncate(entries);
            list.iter_mut().for_each(|inner| shorten(inner, characters, entries));
        }
        Value::Object(map) => {
            if map.len() > entries * 4 {
                let over: Vec<String> = map.keys().skip(entries * 4).cloned().collect();
                over.iter().for_each(|key| {
                    map.remove(key);
                });
            }
            map.values_mut().for_each(|inner| shorten(inner, characters, entries));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        let mut data = json!({"body": "x".repeat(1000)});
        let before = data.clone();
        assert_eq!(cap(&mut data), None);
        assert_eq!(data, before);
    }

    #[test]
    fn what_is_nested_too_deep_becomes_text() {
        let mut data = (0..100).fold(json!("core"), |inner, _| json!([inner]));
        assert_eq!(cap(&mut data), None);
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.starts_with(&"[".repeat(DEPTH)) && !text.starts_with(&"[".repeat(DEPTH + 1)), "{text}");
        assert!(text.contains("core"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_the_cut_is_told() {
        for mut data in [
            json!({"status": 200, "body": "é".repeat(400_000)}),
            json!({"status": 200, "rows": vec![json!({"a": "x".repeat(300)}); 5000]}),
            Value::Object((0..50_000).map(|n| (format!("key-{n}"), json!(n))).collect()),
        ] {
            let cut = cap(&mut data).unwrap();
            assert!(cut.kept <= EVIDENCE_CAP && cut.total > EVIDENCE_CAP && cut.kept > 0, "{cut:?}");
            assert_eq!(length(&data), cut.kept);
        }
    }
}
