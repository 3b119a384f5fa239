//! What must hold of every parser and verifier that reads bytes from outside, whatever the bytes are: one function for each,
//! which panics where it does not hold.
//!
//! `fuzz/` gives them to cargo-fuzz, one target each; `tests/` gives them the same seeds, hostile shapes and arbitrary bytes
//! on a stable toolchain. An input that needs more than one thing has them in lines before the rest.

mod answers;
mod catalogs;
mod envelopes;
mod expressions;
mod requests;
mod seeds;

use std::str;

use jiff::Timestamp;

pub use answers::{certificate, http_answer, promql_answer};
pub use catalogs::{catalog, compiled};
pub use envelopes::{envelope, record, records};
pub use expressions::{expression, promql, timetable};
pub use requests::{link, map, normalize, sns, verify};
pub use seeds::seeds;

/// One target.
pub type Target = fn(&[u8]);

/// Every target with the name of its seeds' folder.
pub const TARGETS: [(&str, Target); 16] = [
    ("catalog", catalog),
    ("certificate", certificate),
    ("compiled", compiled),
    ("envelope", envelope),
    ("expression", expression),
    ("http_answer", http_answer),
    ("link", link),
    ("map", map),
    ("normalize", normalize),
    ("promql", promql),
    ("promql_answer", promql_answer),
    ("record", record),
    ("records", records),
    ("sns", sns),
    ("timetable", timetable),
    ("verify", verify),
];

/// The time at which everything comes.
fn now() -> Timestamp {
    Timestamp::from_second(1_772_444_400).expect("a time")
}

/// The first line, and what comes after it.
fn line(data: &[u8]) -> (&str, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (head, rest) = data.split_at(end);
    (str::from_utf8(head).unwrap_or_default(), rest.get(1..).unwrap_or_default())
}

/// A text that nobody who wrote `data` can know.
fn secret(data: &[u8]) -> domain::Secret {
    use sha2::{Digest, Sha256};
    domain::Secret::new(hex::encode(Sha256::digest(data)))
}

/// One of `list`, by its name in `word`, else by its first byte.
fn chosen<'l, T>(list: &'l [(String, T)], word: &str) -> &'l T {
    let named = list.iter().find(|(name, _)| name == word);
    let by_byte = || &list[usize::from(word.as_bytes().first().copied().unwrap_or_default()) % list.len()];
    &named.unwrap_or_else(by_byte).1
}
