//! Secrets of known services, by the default rules of gitleaks (`rules/gitleaks.tsv` names its source). A rule is looked
//! at where one of its keywords stands, and its expression is compiled the first time that happens: the two hundred of
//! them would be most of a cold start.

use std::{ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Captures, Regex, RegexBuilder};

struct Rule {
    /// The least Shannon entropy of the secret, in bits a byte; below it is a placeholder.
    entropy: f64,
    /// The group that is the secret; 0 for the first that is there, or the whole match.
    group: usize,
    regex: LazyLock<Option<Regex>, Box<dyn FnOnce() -> Option<Regex> + Send>>,
}

struct Known {
    rules: Vec<Rule>,
    keywords: Option<AhoCorasick>,
    /// The rule of each keyword.
    of: Vec<usize>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known { rules: Vec::new(), keywords: None, of: Vec::new() };
    let mut keywords = Vec::new();
    for line in include_str!("../../rules/gitleaks.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t').skip(1);
        let mut field = || fields.next().unwrap_or_default();
        let (entropy, group, words, source) = (field(), field(), field(), field());
        for word in words.split(' ') {
            keywords.push(word);
            known.of.push(known.rules.len());
        }
        // As Go reads them: `\w` and `\s` are ASCII.
        let compile = move || RegexBuilder::new(source).unicode(false).build().ok();
        known.rules.push(Rule {
            entropy: entropy.parse().unwrap_or_default(),
            group: group.parse().unwrap_or_default(),
            regex: LazyLock::new(Box::new(compile)),
        });
    }
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::ContiguousNFA));
    known.keywords = builder.build(keywords).ok();
    known
});

/// Where the secrets in `text` stand, in order and apart from each other, at the bounds of characters.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let Some(keywords) = &KNOWN.keywords else { return Vec::new() };
    let mut wanted = vec![false; KNOWN.rules.len()];
    for found in keywords.find_overlapping_iter(text) {
        if let Some(slot) = KNOWN.of.get(found.pattern().as_usize()).and_then(|rule| wanted.get_mut(*rule)) {
            *slot = true;
        }
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    for (rule, _) in KNOWN.rules.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
        let Some(regex) = &*rule.regex else { continue };
        found.extend(regex.captures_iter(text.as_bytes()).filter_map(|captures| rule.secret(&captures)));
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        let range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

impl Rule {
    fn secret(&self, captures: &Captures<'_>) -> Option<Range<usize>> {
        let first = || captures.iter().skip(1).flatten().find(|group| !group.is_empty());
        let named = if self.group == 0 { first() } else { captures.get(self.group) };
        let secret = named.or_else(|| captures.get(0))?;
        (self.entropy == 0.0 || entropy(secret.as_bytes()) > self.entropy).then(|| secret.range())
    }
}

/// Shannon entropy in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let part = |count: u32| {
        let part = f64::from(count) / total;
        -part * part.log2()
    };
    counts.into_iter().filter(|count| *count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_every_rule_compiles_and_has_a_keyword() {
        assert!(KNOWN.rules.len() > 200 && KNOWN.of.len() >= KNOWN.rules.len());
        let broken = KNOWN.rules.iter().filter(|rule| rule.regex.is_none()).count();
        assert_eq!(broken, 0);
    }

    #[test]
    fn entropy_is_that_of_gitleaks() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_meets_is_one_and_lies_between_characters() {
        let token = format!("{}{}", "ghp_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5");
        let text = format!("é{token}é and {token}");
        let found = secrets(&text);
        assert_eq!(found.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), [&token, &token]);
    }
}
