//! Whether a quote stands in the evidence of its step (I11).
//!
//! What the model is shown and what a quote is held against is the same text. Both are compared in a form that forgets what
//! a reader may change without changing what is said: white space, the escapes of JSON (also of JSON within JSON), and how
//! it is laid out. Letters, digits and their order are never forgotten, and a quote may not end within a word or a number:
//! `50` does not stand in `503`.

use domain::{Outcome, Step};
use serde_json::Value;

/// The fewest letters and digits of a quote. Less stands somewhere by chance.
pub const LEAST: usize = 8;

/// The longest quote that is looked for, in bytes.
pub const MOST: usize = 2000;

/// The evidence of `step` as the model reads it.
#[must_use]
pub fn text_of(step: &Step) -> String {
    parts(step).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A quote stands in one of these; none runs from one into the next.
fn parts(step: &Step) -> [String; 3] {
    let reason = match &step.outcome {
        Outcome::Ok => String::new(),
        Outcome::Failed { reason } | Outcome::Skipped { reason } => reason.clone(),
    };
    let data = match &step.evidence.data {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    [reason, step.evidence.summary.clone(), data]
}

/// Whether `quote` stands in the evidence of `step`.
///
/// # Errors
/// Why it does not, for people.
pub fn check(quote: &str, step: &Step) -> Result<(), &'static str> {
    if quote.len() > MOST {
        return Err("its quote is too long to be looked for");
    }
    let quote = canonical(quote);
    if quote.chars().filter(|c| c.is_alphanumeric()).count() < LEAST {
        return Err("its quote is too short to show anything");
    }
    if parts(step).iter().any(|part| stands(&quote, &canonical(part))) {
        return Ok(());
    }
    Err("its quote does not stand in that step's evidence")
}

fn stands(quote: &str, text: &str) -> bool {
    text.match_indices(quote).any(|(at, found)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + found.len()..).unwrap_or_default());
        !(goes_on(before.chars().rev(), quote.chars().next()) || goes_on(after.chars(), quote.chars().next_back()))
    })
}

/// Whether a word or a number of the quote, which ends with `edge`, goes on in what stands beside it.
fn goes_on(mut beside: impl Iterator<Item = char>, edge: Option<char>) -> bool {
    let Some(edge) = edge.filter(|edge| edge.is_alphanumeric()) else { return false };
    match beside.next() {
        Some('.' | ',') if edge.is_ascii_digit() => beside.next().is_some_and(|next| next.is_ascii_digit()),
        // `ready` is not what `not_ready` says, nor `5` what `-5` does.
        Some('_') => true,
        Some('-') => edge.is_ascii_digit() || beside.next().is_some_and(char::is_alphanumeric),
        Some(next) => next.is_alphanumeric(),
        None => false,
    }
}

/// Characters that nobody sees, or that turn others around. The model is not shown them.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{AD}'
        | '\u{E0000}'..='\u{E007F}')
        || (c.is_control() && !c.is_whitespace())
}

/// `text` without escapes, and with one space only where it parts two words.
fn canonical(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut space = false;
    let mut push = |c: char| {
        if c.is_whitespace() {
            space = true;
        } else if !is_hidden(c) {
            if space && c.is_alphanumeric() && kept.chars().next_back().is_some_and(char::is_alphanumeric) {
                kept.push(' ');
            }
            space = false;
            kept.push(c);
        }
    };
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            push(c);
            continue;
        }
        while rest.next_if_eq(&'\\').is_some() {}
        match rest.peek() {
            Some('n' | 'r' | 't') => {
                rest.next();
                push(' ');
            }
            Some('u') => {
                rest.next();
                let digits: String = rest.clone().take(4).collect();
                match u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).and_then(char::from_u32) {
                    Some(decoded) => {
                        push(decoded);
                        rest.by_ref().take(4).for_each(drop);
                    }
                    None => push('u'),
                }
            }
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reader::testing::step;

    fn seen() -> Step {
        step(
            "health",
            "503 in 12 ms",
            json!({
                "status": 503,
                "elapsed_ms": 12.75,
                "body": "{\"error\":\"pool exhausted: 50 of 50 connections\",\"path\":\"C:\\\\new\"}",
                "lines": ["2026-11-22T10:00:01Z\tERROR \"refused\" by db-1\nCaused by: timeout"],
            }),
        )
    }

    #[test]
    fn i11_a_quote_stands_however_it_is_laid_out_and_escaped() {
        for quote in [
            "503 in 12 ms",
            "\"status\": 503",
            "\"elapsed_ms\":12.75,",
            "{ \"error\": \"pool exhausted: 50 of 50 connections\"",
            "{\\\"error\\\":\\\"pool exhausted",
            "pool exhausted:\n  50 of 50",
            "ERROR \"refused\" by db-1 Caused by: timeout",
            "ERROR \\\"refused\\\" by db-1\\nCaused by: timeout",
            "\"elapsed_ms\": 12.75",
        ] {
            assert_eq!(check(quote, &seen()), Ok(()), "{quote}");
        }
        let mut failed = seen();
        failed.outcome = Outcome::Failed { reason: "could not connect to db-1: connection refused".into() };
        assert_eq!(check("db-1: connection refused", &failed), Ok(()));
    }

    #[test]
    fn i11_what_is_not_there_does_not_stand() {
        for quote in [
            "pool exhausted: 50 of 51 connections",
            "\"status\": 50",
            "\"elapsed_ms\": 12",
            "\"status\": 200",
            "503 in 12 ms status",
            "pool exhausted ... connections",
            "POOL EXHAUSTED: 50",
            "hausted: 50 of 50 connections",
        ] {
            assert!(check(quote, &seen()).is_err(), "{quote}");
        }
        for trivial in ["", "503", "\"status\"", "{}{}{}{}{}", "a b c d e", &"x".repeat(MOST + 1)] {
            assert!(check(trivial, &seen()).is_err(), "{trivial}");
        }
    }

    #[test]
    fn i11_what_nobody_sees_does_not_keep_a_quote_from_standing() {
        let hidden = step("log", "", json!("conn\u{200B}ection \u{202E}refused\u{7} by db-1"));
        assert_eq!(check("connection refused by db-1", &hidden), Ok(()));
    }

    #[test]
    fn what_is_not_an_escape_is_text() {
        assert_eq!(canonical(r"a\u00e9b \uZZ c\\\\d"), "aéb uZZ cd");
        assert_eq!(canonical("a  \n b"), "a b");
        assert_eq!(canonical(r#"{ "a" : [ 1, 2 ] }"#), r#"{"a":[1,2]}"#);
    }
}
