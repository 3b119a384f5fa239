//! JSON within a text: a body that was kept as it came, a line of a log. What is masked of a value by its keys is masked
//! there too.

use serde_json::Value;

use super::Redactor;

/// `text` masked as the JSON that it is, or that some of its lines are; `None` where that changes nothing.
pub(super) fn masked(redactor: &Redactor, text: &str) -> Option<String> {
    match whole(redactor, text) {
        Read::Other => lines(redactor, text),
        Read::Same => None,
        Read::Masked(masked) => Some(masked),
    }
}

/// What a text is.
enum Read {
    /// No JSON.
    Other,
    /// JSON with nothing to mask.
    Same,
    /// JSON, masked.
    Masked(String),
}

fn whole(redactor: &Redactor, text: &str) -> Read {
    let inside = text.trim();
    if !inside.starts_with(['{', '[']) {
        return Read::Other;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(inside) else { return Read::Other };
    let before = value.clone();
    redactor.value(&mut value);
    if value == before {
        return Read::Same;
    }
    let masked =
        if inside.contains('\n') { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
    masked.map_or(Read::Other, Read::Masked)
}

/// A log has an object in each line.
fn lines(redactor: &Redactor, text: &str) -> Option<String> {
    if !text.contains('\n') {
        return None;
    }
    let mut changed = false;
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| match whole(redactor, line) {
            Read::Masked(masked) => {
                changed = true;
                masked
            }
            Read::Other | Read::Same => line.to_owned(),
        })
        .collect();
    changed.then(|| lines.join("\n"))
}
