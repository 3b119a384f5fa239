//! Log lines that say the same, told together: templates mined from the lines of a window and counted against a baseline.
//!
//! Drain (He et al., 2017) goes line by line and lets the order decide what is merged. Here all lines are at hand, so it is
//! done in three steps that do not depend on their order:
//!
//! 1. what varies by its looks (numbers, ids, times, quoted text) is masked, see [`masked`];
//! 2. a word that takes more than [`WORDS`] values at one place, with all around it alike, is a variable `<*>`;
//! 3. only when there are still more than [`CROWD`] templates, those of one length and beginning that have most words in
//!    common are merged, as Drain does.
//!
//! Few values are left apart on purpose: that `orders` cannot be reached is news where `payments` could not be before.

mod masked;
mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::common::one_line;

/// How many characters of a line are looked at.
const LINE_CAP: usize = 16 * 1024;
/// How long a template may be, in characters.
const TEMPLATE_CAP: usize = 300;
/// How many words of a line a template has.
const TOKENS: usize = 40;
/// How many values a word may take before it is a variable.
const WORDS: usize = 4;
/// More templates than these are merged by how much they have in common.
const CROWD: usize = 200;
/// With so many templates of the crowd a line is compared; those beyond stay on their own.
const COMPARED: usize = 50;
/// How much of a sample line is kept, in characters.
const SAMPLE_CAP: usize = 500;

/// A word that varies.
const ANY: &str = "<*>";

/// One log line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// When, in milliseconds of the Unix epoch.
    pub(crate) at_ms: i64,
    pub(crate) text: &'a str,
    /// Whether it is of the baseline and not of the window.
    pub(crate) before: bool,
}

/// Lines that say the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) template: String,
    /// How many lines of the window.
    pub(crate) count: u64,
    /// How many of the baseline.
    pub(crate) before: u64,
    /// The first in the window, in milliseconds; `None` when it has none.
    pub(crate) first_ms: Option<i64>,
    /// The newest of the window, else of the baseline, as it was written.
    pub(crate) sample: String,
}

/// The patterns of `lines`, each template once; those of the most lines first. `field` is the key of a JSON line that holds its message,
/// when it is none of the usual ones.
pub(crate) fn mine<'a>(lines: impl IntoIterator<Item = Line<'a>>, field: Option<&str>) -> Vec<Pattern> {
    let mut found: BTreeMap<Vec<String>, Found<'a>> = BTreeMap::new();
    for line in lines {
        let text = head(line.text, LINE_CAP);
        let tokens = tokens(&masked::masked(&message::of(text, field)));
        found.entry(tokens).or_default().take(Found::of(line));
    }
    let mut found = words(found);
    if found.len() > CROWD {
        found = crowd(found);
    }
    let mut patterns: Vec<Pattern> = found.into_iter().map(|(tokens, found)| found.pattern(&tokens)).collect();
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.count + pattern.before));
    patterns
}

/// The first `cap` characters.
fn head(text: &str, cap: usize) -> &str {
    text.char_indices().nth(cap).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// The words of a masked line, at most [`TOKENS`] of them.
fn tokens(masked: &str) -> Vec<String> {
    let mut tokens: Vec<String> = masked.split_whitespace().take(TOKENS).map(str::to_owned).collect();
    if tokens.is_empty() {
        tokens.push("(empty)".to_owned());
    }
    tokens
}

/// What is known of one template.
#[derive(Debug, Default)]
struct Found<'a> {
    count: u64,
    before: u64,
    first_ms: Option<i64>,
    sample: Option<Line<'a>>,
}

impl<'a> Found<'a> {
    fn of(line: Line<'a>) -> Self {
        let (count, before) = if line.before { (0, 1) } else { (1, 0) };
        Self { count, before, first_ms: (!line.before).then_some(line.at_ms), sample: Some(line) }
    }

    /// Adds what another one has.
    fn take(&mut self, other: Self) {
        self.count += other.count;
        self.before += other.before;
        self.first_ms = match (self.first_ms, other.first_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        // The text decides between two of one moment, so that the order of the lines does not.
        let rank = |line: &Line<'a>| (!line.before, line.at_ms, line.text);
        self.sample = match (self.sample, other.sample) {
            (Some(one), Some(other)) => Some(if rank(&other) > rank(&one) { other } else { one }),
            (one, other) => one.or(other),
        };
    }

    fn pattern(self, tokens: &[String]) -> Pattern {
        Pattern {
            template: one_line(&tokens.join(" "), TEMPLATE_CAP),
            count: self.count,
            before: self.before,
            first_ms: self.first_ms,
            sample: self.sample.map(|line| one_line(head(line.text, LINE_CAP), SAMPLE_CAP)).unwrap_or_default(),
        }
    }
}

type Templates<'a> = BTreeMap<Vec<String>, Found<'a>>;

/// Whether a word says something by itself.
fn speaks(token: &str) -> bool {
    !token.contains('<') && token.chars().any(char::is_alphabetic)
}

/// Merges templates that differ in one word only, where that word takes more than [`WORDS`] values.
fn words(mut templates: Templates<'_>) -> Templates<'_> {
    for place in 0..TOKENS {
        let mut alike: HashMap<Vec<&str>, usize> = HashMap::new();
        for tokens in templates.keys() {
            if let Some(key) = without(tokens, place) {
                *alike.entry(key).or_default() += 1;
            }
        }
        let variable = |tokens: &[String]| {
            without(tokens, place).is_some_and(|key| alike.get(&key).is_some_and(|values| *values > WORDS))
        };
        let merged: Vec<Vec<String>> = templates.keys().filter(|tokens| variable(tokens)).cloned().collect();
        for tokens in merged {
            if let Some(found) = templates.remove(&tokens) {
                let mut tokens = tokens;
                if let Some(token) = tokens.get_mut(place) {
                    ANY.clone_into(token);
                }
                templates.entry(tokens).or_default().take(found);
            }
        }
    }
    templates
}

/// The words around the one at `place`, when there is one that speaks and at least two others do.
fn without(tokens: &[String], place: usize) -> Option<Vec<&str>> {
    let token = tokens.get(place)?;
    let key: Vec<&str> =
        tokens.iter().enumerate().map(|(at, token)| if at == place { ANY } else { token.as_str() }).collect();
    (speaks(token) && key.iter().filter(|token| speaks(token)).count() >= 2).then_some(key)
}

/// Merges templates of one length and beginning of which at least half of the words are the same.
fn crowd(templates: Templates<'_>) -> Templates<'_> {
    let mut kept: Templates<'_> = BTreeMap::new();
    let mut heads: HashMap<(usize, String), Vec<Vec<String>>> = HashMap::new();
    for (tokens, found) in templates {
        let first = tokens.iter().find(|token| speaks(token)).cloned().unwrap_or_default();
        let others = heads.entry((tokens.len(), first)).or_default();
        let nearest = others.iter_mut().max_by_key(|other| common(other, &tokens));
        match nearest {
            Some(other) if common(other, &tokens) * 2 >= tokens.len() => {
                let both: Vec<String> = other
                    .iter()
                    .zip(&tokens)
                    .map(|(one, other)| if one == other { one.clone() } else { ANY.to_owned() })
                    .collect();
                let mut sum = kept.remove(other).unwrap_or_default();
                sum.take(found);
                // Another one may have come to the same template.
                kept.entry(both.clone()).or_default().take(sum);
                *other = both;
            }
            _ => {
                if others.len() < COMPARED {
                    others.push(tokens.clone());
                }
                kept.entry(tokens).or_default().take(found);
            }
        }
    }
    kept
}

fn common(one: &[String], other: &[String]) -> usize {
    one.iter().zip(other).filter(|(one, other)| one == other || *one == ANY).count()
}
