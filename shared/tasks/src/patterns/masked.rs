//! What varies from line to line by its looks.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Quoted text. A single quote within a word is an apostrophe, so what stands before it is kept.
static QUOTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?P<before>)"(?:[^"\\]|\\.)*"|(?P<open>^|[\s=(\[{:,])'(?:[^'\\]|\\.)*'"#).ok());

/// The other parts; the first alternative that fits at a place is taken.
static VARYING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts = [
        // 2026-03-01T12:00:00.123Z, 01/Mar/2026:12:00:00 +0000, Mar  1 12:00:00, 2026/03/01, 12:00:00.123
        r"(?P<time>\b\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?(?:Z\b|[+-]\d{2}:?\d{2}\b)?",
        r"|\b\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}|\b[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}\b",
        r"|\b\d{2}:\d{2}:\d{2}(?:[.,]\d+)?\b)",
        r"|(?P<mail>[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)",
        r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\b(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b|\b(?:[0-9a-fA-F]{1,4}:){1,6}:(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*)?)",
        r"|(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)",
        r"|(?P<hex>\b0[xX][0-9a-fA-F]+\b)",
        // What may be an id: long, or hexadecimal; whether it has digits is looked at afterwards.
        r"|(?P<id>[A-Za-z0-9_+/=-]{16,}|\b[0-9a-fA-F]{8,}\b)",
        // What says which error it is stays.
        r"|(?P<kept>(?i:\b(?:http|status|code|errno|exit|signal)(?:[ _-]?(?:code|status|/[0-9.]+))?[ :=]{1,3})\d{1,5}\b)",
        r"|(?P<number>\d+(?:[.,:]\d+)*)",
    ];
    Regex::new(&parts.concat()).ok()
});

/// Digits that make an id of a long word, whatever its letters.
const ID_DIGITS: usize = 4;

/// `text` with `<time>`, `<mail>`, `<ip>`, `<id>`, `<text>` and `<n>` in place of what varies.
///
/// Numbers that say which error it is stay: what stands behind `status`, `code`, `HTTP`, `errno`, `exit` or `signal`, and
/// one or two digits that end a word, as in `s3`.
pub(super) fn masked(text: &str) -> String {
    let Some((quoted, varying)) = QUOTED.as_ref().zip(VARYING.as_ref()) else { return text.to_owned() };
    let text = quoted.replace_all(text, |found: &Captures<'_>| {
        format!("{}<text>", found.name("open").map_or("", |before| before.as_str()))
    });
    let replaced = varying.replace_all(&text, |found: &Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        let has = |name: &str| found.name(name).is_some();
        if has("time") {
            "<time>".to_owned()
        } else if has("mail") {
            "<mail>".to_owned()
        } else if has("ip") {
            "<ip>".to_owned()
        } else if has("uuid") || has("hex") {
            "<id>".to_owned()
        } else if has("id") {
            id(whole)
        } else if has("kept") {
            whole.to_owned()
        } else {
            let start = found.get(0).map_or(0, |whole| whole.start());
            let glued =
                text.get(..start).and_then(|before| before.chars().next_back()).is_some_and(char::is_alphabetic);
            if glued && whole.len() <= 2 { whole.to_owned() } else { "<n>".to_owned() }
        }
    });
    replaced.into_owned()
}

/// A long word: an id by the looks of its digits and letters. Its pieces are looked at one by one, so that
/// `orders/8f7a6b5c4d3e2f1a` keeps its beginning.
fn id(word: &str) -> String {
    let mut text = String::new();
    for piece in word.split_inclusive(['/', '=']) {
        let (bare, end) = match piece.strip_suffix(['/', '=']) {
            Some(bare) => (bare, piece.get(bare.len()..).unwrap_or_default()),
            None => (piece, ""),
        };
        if is_id(bare) {
            text.push_str("<id>");
        } else {
            text.push_str(&numbers(bare));
        }
        text.push_str(end);
    }
    text
}

fn is_id(word: &str) -> bool {
    let count = |of: fn(&char) -> bool| word.chars().filter(of).count();
    let digits = count(char::is_ascii_digit);
    let hex = word.chars().all(|c| c.is_ascii_hexdigit());
    let mixed = count(char::is_ascii_uppercase) > 0 && count(char::is_ascii_lowercase) > 0;
    word.len() >= 8 && digits > 0 && digits < word.len() && (digits >= ID_DIGITS || hex || (mixed && word.len() >= 16))
}

/// A word with its numbers masked, but for one or two digits behind a letter.
fn numbers(word: &str) -> String {
    let mut text = String::new();
    let mut run = String::new();
    let mut before = ' ';
    for c in word.chars().chain([' ']) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            text.push_str(if before.is_alphabetic() && run.len() <= 2 { &run } else { "<n>" });
            run.clear();
        }
        text.push(c);
        before = c;
    }
    text.pop();
    text
}
