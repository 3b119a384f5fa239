//! What is known: Knowledge by what it is about, and among it by its text. It is shown and quoted as text, and nothing in it
//! is ever an instruction.

use std::{cmp::Ordering, collections::BTreeSet};

use bm25::{EmbedderBuilder, Scorer, Tokenizer};
use catalog::{Catalog, model::Knowledge};
pub use domain::KnowledgeFound as Found;
use domain::{Alert, MergedIssue};
use rust_stemmers::{Algorithm, Stemmer};

use crate::{
    findings::{TITLE_CAP, cap},
    redact,
    slx::{self, Said},
};

/// The most that is found at once.
pub const MOST: usize = 20;
/// The most that a report tells.
const TOLD: usize = 3;
/// So many findings say what a report is about.
const TOLD_ISSUES: usize = 5;
/// The most of an excerpt, in bytes of JSON.
pub const EXCERPT_CAP: usize = 600;
/// The most different words of a query that count. The query may be a whole alert.
const QUERY_WORDS: usize = 64;
/// The most words of one passage; a longer one goes on in the next.
const PASSAGE_WORDS: usize = 160;
/// The most of one document that is read, in bytes. What stands behind it is not found.
const READ_CAP: usize = 64 * 1024;

/// What is known of an alert and of `resources` (names of Slxs), best first, at most [`MOST`]: what names them by its tags,
/// then what is about everything; within each by how well its text answers `query`, by BM25, and then by name. What is about
/// everything and has no word of the query is left out, unless the query has no words at all.
#[must_use]
pub fn search(catalog: &Catalog, alert: Option<&Alert>, resources: &[String], query: &str) -> Vec<Found> {
    if catalog.knowledge.is_empty() {
        return Vec::new();
    }
    let words = Words::new();
    let about = about(catalog, alert, resources);
    let mut passages = Vec::new();
    for (place, knowledge) in about.iter().enumerate() {
        passages.extend(split(&knowledge.text).into_iter().map(|text| {
            let known_by = format!("{} {} {text}", knowledge.title, knowledge.name);
            Passage { place, text, words: words.of(&known_by) }
        }));
    }
    let total: usize = passages.iter().map(|passage| passage.words.len()).sum();
    // Lengths are far below what an f32 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let average = total as f32 / passages.len().max(1) as f32;
    let embedder = EmbedderBuilder::<u32, Spaced>::with_avgdl(average).build();
    let mut scorer = Scorer::<usize>::new();
    for (number, passage) in passages.iter().enumerate() {
        scorer.upsert(&number, embedder.embed(&passage.words.join(" ")));
    }
    let mut asked = BTreeSet::new();
    let query: Vec<String> =
        words.of(query).into_iter().filter(|word| asked.insert(word.clone())).take(QUERY_WORDS).collect();
    let asked = embedder.embed(&query.join(" "));
    // The best passage of each document, the first of equals.
    let mut best: Vec<Option<(f32, usize)>> = vec![None; about.len()];
    for (number, passage) in passages.iter().enumerate() {
        let score = scorer.score(&number, &asked).unwrap_or_default();
        if let Some(slot) = best.get_mut(passage.place)
            && slot.is_none_or(|(other, _)| score > other)
        {
            *slot = Some((score, number));
        }
    }
    let mut found: Vec<(bool, f32, Found)> = about
        .iter()
        .zip(best)
        .map(|(knowledge, best)| {
            let (score, passage) = best.map_or((0.0, ""), |(score, number)| {
                (score, passages.get(number).map_or("", |passage| passage.text.as_str()))
            });
            let found = Found {
                name: knowledge.name.clone(),
                title: cap(redact::text(&knowledge.title).into_owned(), TITLE_CAP),
                excerpt: cap(redact::text(passage).into_owned(), EXCERPT_CAP),
            };
            (!knowledge.tags.is_empty(), score, found)
        })
        .filter(|(selected, score, _)| *selected || query.is_empty() || *score > 0.0)
        .collect();
    found.sort_by(|one, other| {
        let better = other.1.partial_cmp(&one.1).unwrap_or(Ordering::Equal);
        other.0.cmp(&one.0).then(better).then_with(|| one.2.name.cmp(&other.2.name))
    });
    found.into_iter().take(MOST).map(|(_, _, found)| found).collect()
}

/// What a report tells of what is known: what answers the alert's own words and the titles of its findings.
pub(crate) fn told(catalog: &Catalog, alert: Option<&Alert>, issues: &[MergedIssue]) -> Vec<Found> {
    let mut query = String::new();
    // The findings first: of a long query only the beginning counts.
    for merged in issues.iter().take(TOLD_ISSUES) {
        query.push_str(&format!("{} {}\n", merged.issue.title, merged.issue.resource));
    }
    if let Some(alert) = alert {
        query.push_str(&format!("{} {} {}\n", alert.title, alert.service.name, alert.description));
    }
    let resources: Vec<String> = issues.iter().map(|merged| merged.issue.resource.clone()).collect();
    let mut found = search(catalog, alert, &resources, &query);
    found.truncate(TOLD);
    found
}

/// The Knowledge that is about the alert, about one of the Slxs, or about everything, by name.
fn about<'a>(catalog: &'a Catalog, alert: Option<&Alert>, resources: &[String]) -> Vec<&'a Knowledge> {
    let things = things(catalog, alert, resources);
    let is_about = |knowledge: &&Knowledge| things.iter().any(|thing| thing.has_all(&knowledge.tags));
    catalog.knowledge.values().filter(is_about).collect()
}

/// What tags are asked of: the alert, and each Slx that it speaks of or that is in `resources`, together with what the alert
/// says of itself. All tags that are asked for hold of one of them.
pub(crate) fn things(catalog: &Catalog, alert: Option<&Alert>, resources: &[String]) -> Vec<Said> {
    let said = || alert.map_or_else(Said::nothing, Said::of);
    let matched = slx::matched(catalog, alert).into_iter().map(|matched| matched.slx);
    let named = resources.iter().filter_map(|name| catalog.slxs.get(name.as_str()));
    let mut slxs: Vec<_> = matched.chain(named).collect();
    slxs.sort_by(|one, other| one.name.cmp(&other.name));
    slxs.dedup_by(|one, other| one.name == other.name);
    std::iter::once(said()).chain(slxs.into_iter().map(|slx| said().with(&slx.tags))).collect()
}

struct Passage {
    /// Of which document.
    place: usize,
    text: String,
    words: Vec<String>,
}

/// The paragraphs of a text, a heading with what stands below it; at least one, which may be empty.
fn split(text: &str) -> Vec<String> {
    let text = text.get(..text.floor_char_boundary(READ_CAP)).unwrap_or(text);
    let mut passages: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut words = 0;
    for line in text.lines().map(str::trim) {
        let heading = line.starts_with('#');
        let full = words + line.split_whitespace().count() > PASSAGE_WORDS;
        let ends = line.is_empty() && !open.lines().next_back().unwrap_or_default().starts_with('#');
        if (heading || full || ends) && !open.is_empty() {
            passages.push(std::mem::take(&mut open));
            words = 0;
        }
        if !line.is_empty() {
            if !open.is_empty() {
                open.push('\n');
            }
            open.push_str(line);
            words += line.split_whitespace().count();
        }
    }
    if !open.is_empty() || passages.is_empty() {
        passages.push(open);
    }
    passages
}

/// Takes words that are apart already.
#[derive(Default)]
struct Spaced;

impl Tokenizer for Spaced {
    fn tokenize(&self, text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

/// What counts as a word: `checkout-orders` is one, and so are its parts. English words are known by their stem, and those
/// that every text has do not count.
struct Words {
    stemmer: Stemmer,
    every: BTreeSet<&'static str>,
}

impl Words {
    fn new() -> Self {
        Self {
            stemmer: Stemmer::create(Algorithm::English),
            every: stop_words::get(stop_words::Language::English).iter().copied().collect(),
        }
    }

    fn of(&self, text: &str) -> Vec<String> {
        let joins = |character: char| matches!(character, '-' | '_' | '.' | '/' | ':');
        let mut words = Vec::new();
        for run in text.split(|character: char| !character.is_alphanumeric() && !joins(character)) {
            let run = run.trim_matches(joins).to_lowercase();
            let parts: Vec<&str> = run.split(joins).filter(|part| !part.is_empty()).collect();
            words.extend(
                parts
                    .iter()
                    .filter(|part| !self.every.contains(*part))
                    .map(|part| self.stemmer.stem(part).into_owned()),
            );
            if parts.len() > 1 {
                words.push(run);
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn catalog(knowledge: &[(&str, Value, &str)]) -> Catalog {
        let knowledge: serde_json::Map<String, Value> = knowledge
            .iter()
            .map(|(name, tags, text)| {
                (
                    (*name).to_owned(),
                    json!({"name": name, "title": format!("About {name}"), "tags": tags, "text": text}),
                )
            })
            .collect();
        serde_json::from_value(json!({
            "digest": "", "sources": {}, "workflows": {}, "commands": {}, "tasks": {}, "assistants": {}, "rules": {},
            "schedules": {}, "knowledge": knowledge, "slxs": {
                "gateway": {"name": "gateway", "tags": {"dependency": "gateway", "tier": "1"}},
                "orders": {"name": "orders", "tags": {"queue": "orders"}},
            },
        }))
        .unwrap()
    }

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|found| found.name.as_str()).collect()
    }

    #[test]
    fn the_text_ranks_what_is_about_everything() {
        let catalog = catalog(&[
            ("a", json!({}), "The cache is warmed at night."),
            ("b", json!({}), "The queue checkout-orders fills when the consumer stops acknowledging."),
            ("c", json!({}), "Queues are drained by hand. A queue never fills at night."),
        ]);
        let found = |query| search(&catalog, None, &[], query);
        assert_eq!(names(&found("why are messages not acknowledged by the consumers")), ["b"]);
        assert_eq!(names(&found("checkout-orders queue")), ["b", "c"], "a name as a whole counts more than a word");
        assert_eq!(names(&found("is the of")), ["a", "b", "c"], "no word that counts: all, by name");
        assert!(found("kubernetes").is_empty());
    }

    #[test]
    fn what_names_the_thing_stands_first_and_what_names_another_is_not_found() {
        let catalog = catalog(&[
            ("general", json!({}), "gateway gateway gateway"),
            ("named", json!({"dependency": ["other", "GATEWAY"], "tier": "1"}), "It is slow on Mondays."),
            ("half", json!({"dependency": "gateway", "tier": "2"}), "gateway"),
            ("other", json!({"queue": "orders"}), "gateway"),
        ]);
        let resources = ["gateway".to_owned(), "nobody".to_owned()];
        assert_eq!(names(&search(&catalog, None, &resources, "gateway")), ["named", "general"]);
        assert_eq!(names(&search(&catalog, None, &[], "gateway")), ["general"]);
    }

    #[test]
    fn an_excerpt_is_the_passage_that_answers_under_its_heading() {
        let text = "# Nights\n\nThe cache is warmed at three.\n\n# Orders\n\nA full queue means a stopped consumer.\nRestart it.\n\nLast.";
        let catalog = catalog(&[("a", json!({}), text)]);
        let found = search(&catalog, None, &[], "queue full");
        assert_eq!(found[0].excerpt, "# Orders\nA full queue means a stopped consumer.\nRestart it.");
        assert_eq!(found[0].title, "About a");
    }

    #[test]
    fn i9_a_secret_in_a_text_is_not_shown() {
        let catalog = catalog(&[("a", json!({}), "The queue's password=hunter2 here")]);
        assert_eq!(search(&catalog, None, &[], "queue")[0].excerpt, "The queue's password=[redacted] here");
    }

    #[test]
    fn a_long_text_is_bounded_in_what_is_read_and_shown() {
        let long = "queue ".repeat(50_000);
        let catalog = catalog(&[("a", json!({}), &long)]);
        let found = search(&catalog, None, &[], &"queue full ".repeat(10_000));
        assert!(found[0].excerpt.len() <= EXCERPT_CAP && found[0].excerpt.ends_with('…'));
    }
}
