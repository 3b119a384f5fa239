//! Whether a quote stands in the evidence of its step (I11).
//!
//! What the model is shown and what a quote is held against is the same text. Both are compared in a form that forgets what
//! a reader may change without changing what is said: white space, the escapes of JSON (also of JSON within JSON), and how
//! it is laid out. Letters, digits and their order are never forgotten, and a quote may not end within a word or a number:
//! `50` does not stand in `503`.

use std::ops::Range;

use serde_json::Value;

use crate::{Outcome, Step};

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
    [reason, step.evidence.summary.clone(), data_of(step)]
}

/// What the step saw beyond its summary: fields line by line, a text as it is. Empty where there is nothing.
#[must_use]
pub fn data_of(step: &Step) -> String {
    match &step.evidence.data {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// Whether `quote` stands in the evidence of `step`.
///
/// # Errors
/// Why it does not, for people.
pub fn check(quote: &str, step: &Step) -> Result<(), &'static str> {
    if quote.len() > MOST {
        return Err("its quote is too long to be looked for");
    }
    let quote = Form::of(quote).text;
    if quote.chars().filter(|c| c.is_alphanumeric()).count() < LEAST {
        return Err("its quote is too short to show anything");
    }
    if parts(step).iter().any(|part| stands(&quote, &Form::of(part).text, true).is_some()) {
        return Ok(());
    }
    Err("its quote does not stand in that step's evidence")
}

/// Where in `text` a quote stands that was found in it before, in bytes. It is found as it is kept too: with URLs that have
/// lost their scheme, and cut at its end.
#[must_use]
pub fn place(quote: &str, text: &str) -> Option<Range<usize>> {
    let (whole, text) = (Form::of(quote).text, Form::of(text));
    let cut = whole.strip_suffix('…').filter(|cut| !cut.is_empty());
    let found = |text: &Form| {
        let at = match cut {
            Some(cut) => stands(&whole, &text.text, true).or_else(|| stands(cut, &text.text, false)),
            None => stands(&whole, &text.text, true),
        }?;
        let (first, last) = (text.from.get(at.start)?, text.from.get(at.end.checked_sub(1)?)?);
        Some(first.start..last.end)
    };
    found(&text).or_else(|| found(&text.unlinked()))
}

/// Where `quote` stands in `text`, both canonical. `closed`: nothing that its end is a part of goes on there.
fn stands(quote: &str, text: &str, closed: bool) -> Option<Range<usize>> {
    if quote.is_empty() {
        return None;
    }
    let mut found = text.match_indices(quote).map(|(at, found)| at..at + found.len());
    found.find(|at| {
        let before = text.get(..at.start).unwrap_or_default().chars().rev();
        let after = text.get(at.end..).unwrap_or_default().chars();
        let goes_on_after = closed && goes_on(after, quote.chars().next_back());
        !(goes_on_after || goes_on(before, quote.chars().next()))
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

/// A text without escapes, and with one space only where it parts two words.
struct Form {
    text: String,
    /// For each byte of it, the bytes of the original that it was made of.
    from: Vec<Range<usize>>,
}

impl Form {
    fn of(original: &str) -> Self {
        let mut form = Self { text: String::with_capacity(original.len()), from: Vec::with_capacity(original.len()) };
        let mut space = false;
        let mut push = |c: char, from: Range<usize>| {
            if c.is_whitespace() {
                space = true;
            } else if !is_hidden(c) {
                if space && c.is_alphanumeric() && form.text.chars().next_back().is_some_and(char::is_alphanumeric) {
                    form.push(' ', from.start..from.start);
                }
                space = false;
                form.push(c, from);
            }
        };
        let mut rest = original.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            if c != '\\' {
                push(c, at..at + c.len_utf8());
                continue;
            }
            while rest.next_if(|(_, c)| *c == '\\').is_some() {}
            match rest.peek().copied() {
                Some((end, 'n' | 'r' | 't')) => {
                    rest.next();
                    push(' ', at..end + 1);
                }
                Some((end, 'u')) => {
                    rest.next();
                    let digits: String = rest.clone().take(4).map(|(_, c)| c).collect();
                    match u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).and_then(char::from_u32) {
                        Some(decoded) => {
                            push(decoded, at..end + 5);
                            rest.by_ref().take(4).for_each(drop);
                        }
                        None => push('u', end..end + 1),
                    }
                }
                _ => {}
            }
        }
        form
    }

    fn push(&mut self, c: char, from: Range<usize>) {
        self.text.push(c);
        self.from.extend(std::iter::repeat_n(from, c.len_utf8()));
    }

    /// Without the schemes of its URLs.
    fn unlinked(&self) -> Self {
        let mut kept = Self { text: String::with_capacity(self.text.len()), from: Vec::with_capacity(self.from.len()) };
        let mut rest = 0;
        while let Some((before, after)) = self.text.get(rest..).and_then(|text| text.split_once("://")) {
            let named = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
            kept.extend(self, rest..rest + named.len());
            rest = self.text.len() - after.len();
        }
        kept.extend(self, rest..self.text.len());
        kept
    }

    fn extend(&mut self, other: &Self, part: Range<usize>) {
        self.text.push_str(other.text.get(part.clone()).unwrap_or_default());
        self.from.extend_from_slice(other.from.get(part).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use jiff::Timestamp;

    use super::*;
    use crate::{Evidence, StepId};

    fn step(id: &str, summary: &str, data: Value) -> Step {
        Step {
            id: StepId::new(id),
            index: 0,
            title: String::new(),
            task: "http-health".parse().unwrap(),
            kind: "http".into(),
            resource: String::new(),
            started_at: Timestamp::UNIX_EPOCH,
            elapsed_ms: 12,
            outcome: Outcome::Ok,
            request: Value::Null,
            evidence: Evidence { summary: summary.into(), data, cut: None },
            issues: vec![],
        }
    }

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
    fn a_quote_is_placed_where_people_read_it() {
        let data = data_of(&seen());
        let placed = |quote: &str| place(quote, &data).map(|at| data.get(at).unwrap().to_owned());
        assert_eq!(placed("\"status\":503").as_deref(), Some("\"status\": 503"));
        let body = r#"{\"error\":\"pool exhausted"#;
        assert_eq!(placed("{\"error\": \"pool exhausted").as_deref(), Some(body));
        assert_eq!(placed("pool exhausted: 50 of 50 conn…").as_deref(), Some("pool exhausted: 50 of 50 conn"));
        assert_eq!(placed("refused by db-2"), None);
        assert_eq!(placed("…"), None);
        assert_eq!(placed(""), None);
        let seen = "sees\n http://a.example/x\\nand é https://b.example/y of it";
        let placed = |quote: &str| place(quote, seen).map(|at| seen.get(at).unwrap());
        assert_eq!(placed("https://b.example/y"), Some("https://b.example/y"));
        assert_eq!(placed("a.example/x and é b.example/y"), Some("a.example/x\\nand é https://b.example/y"));
    }

    #[test]
    fn what_is_not_an_escape_is_text() {
        let canonical = |text: &str| Form::of(text).text;
        assert_eq!(canonical(r"a\u00e9b \uZZ c\\\\d"), "aéb uZZ cd");
        assert_eq!(canonical("a  \n b"), "a b");
        assert_eq!(canonical(r#"{ "a" : [ 1, 2 ] }"#), r#"{"a":[1,2]}"#);
    }
}
