//! Quotes: each claim leads to the place in the evidence that it quotes, which is marked there (I11).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use domain::{Claim, Report, Step, StepId, quotes};
use maud::{Markup, html};

use crate::words;

/// How much of one quote stands on the page, where it is claimed and where it is marked.
const QUOTE: usize = 700;

/// How much is shown before and after a marked place, where the evidence is longer than its room.
const AROUND: usize = 240;

/// The claims of a report, and where on the page their quotes are marked.
pub(super) struct Quotes<'a> {
    claims: Vec<&'a Claim>,
    /// The number of the mark, for each claim that has one.
    marks: BTreeMap<usize, usize>,
}

impl<'a> Quotes<'a> {
    pub fn of(report: Option<&'a Report>) -> Self {
        let reading = report.and_then(|report| report.reading.as_deref());
        let cause = reading.iter().filter_map(|reading| reading.cause.as_ref()).flat_map(|cause| &cause.claims);
        let against = reading.iter().flat_map(|reading| &reading.ruled_out).map(|out| &out.why);
        Self { claims: cause.chain(against).collect(), marks: BTreeMap::new() }
    }

    /// Whether a claim quotes `step`.
    pub fn cite(&self, step: &Step) -> bool {
        self.claims.iter().any(|claim| claim.step == step.id)
    }

    /// Where the quotes that have no mark yet stand in `text`, which is of `step`: in order, none within another. A quote within
    /// another has that one's mark.
    pub fn places(&mut self, step: &Step, text: &str) -> Vec<Place> {
        let unmarked = |number: &usize| !self.marks.contains_key(number);
        let quoted = (0..self.claims.len()).filter(unmarked).filter_map(|number| {
            let claim = self.claims.get(number).filter(|claim| claim.step == step.id)?;
            Some((quotes::place(&claim.quote, text)?, number))
        });
        let mut quoted: Vec<(Range<usize>, usize)> = quoted.collect();
        quoted.sort_by_key(|(at, number)| (at.start, std::cmp::Reverse(at.end), *number));
        let mut places: Vec<Place> = Vec::new();
        for (at, number) in quoted {
            match places.last_mut().filter(|last| at.start < last.at.end) {
                Some(last) => {
                    last.at.end = last.at.end.max(at.end);
                    last.claims.push(number);
                }
                None => places.push(Place { at, mark: number + 1, claims: vec![number] }),
            }
        }
        places
    }

    /// From here on the claims of `place` lead to it.
    fn mark(&mut self, place: &Place) {
        self.marks.extend(place.claims.iter().map(|claim| (*claim, place.mark)));
    }

    /// Forgets the marks in steps that are not among `shown`.
    pub fn only_in(&mut self, shown: &BTreeSet<&StepId>) {
        let claims = &self.claims;
        self.marks.retain(|claim, _| claims.get(*claim).is_some_and(|claim| shown.contains(&claim.step)));
    }

    /// What is quoted, leading to its mark.
    pub fn cited(&self, claim: &Claim) -> Markup {
        let number = self.claims.iter().position(|known| std::ptr::eq(*known, claim));
        let quote = words::short(&claim.quote, QUOTE);
        html! {
            @match number.and_then(|number| self.marks.get(&number)) {
                Some(mark) => a.cite href={ "#quote-" (mark) } { (quote) },
                None => code { (quote) },
            }
        }
    }

    /// `text` up to `room`, with its quotes marked. Where it is longer, what is around them; how many bytes are left out.
    pub fn excerpt(&mut self, text: &str, places: &[Place], room: usize) -> (Markup, usize) {
        let whole = words::head(text, room).1 == 0;
        let first = places.first().map_or(0, |first| first.at.start);
        if whole || places.is_empty() || words::head(text.get(..first).unwrap_or_default(), room / 2).1 == 0 {
            return self.begun(text, places, room);
        }
        let mut shown = Vec::new();
        let (mut used, mut end) = (0, 0);
        for place in places {
            let begin = before(text, place.at.start).max(end);
            let until = after(text, place.at.end);
            let Some(part) = text.get(begin..until).filter(|part| !part.is_empty()) else { continue };
            let (part, _) = words::head(part, room.saturating_sub(used).min(QUOTE + 2 * AROUND));
            if part.is_empty() {
                break;
            }
            used += words::taken(part);
            shown.push((begin, self.marked(part, begin, places)));
            end = begin + part.len();
        }
        let parts: usize = shown.len();
        let shown_bytes = shown.iter().map(|(_, (_, bytes))| bytes).sum::<usize>();
        let markup = html! {
            @for (place, (begin, (part, _))) in shown.iter().enumerate() {
                @if place > 0 || *begin > 0 { span.soft { "…" } "\n" }
                (part) @if place + 1 < parts { "\n" }
            }
        };
        (markup, text.len().saturating_sub(shown_bytes))
    }

    fn begun(&mut self, text: &str, places: &[Place], room: usize) -> (Markup, usize) {
        let (kept, left) = words::head(text, room);
        (self.marked(kept, 0, places).0, left)
    }

    /// `part`, which stands at `begin` of its text, with the marks that lie in it.
    fn marked(&mut self, part: &str, begin: usize, places: &[Place]) -> (Markup, usize) {
        let end = begin + part.len();
        let piece = |from: usize, to: usize| part.get(from.saturating_sub(begin)..to.saturating_sub(begin));
        let inside: Vec<&Place> =
            places.iter().filter(|place| place.at.start >= begin && place.at.start < end).collect();
        let mut at = begin;
        let mut pieces = Vec::new();
        for place in inside {
            self.mark(place);
            let until = place.at.end.min(end);
            pieces.push((piece(at, place.at.start).unwrap_or_default(), place.mark, piece(place.at.start, until)));
            at = until;
        }
        let rest = piece(at, end).unwrap_or_default();
        let markup = html! {
            @for (before, mark, quote) in pieces { (before) mark id={ "quote-" (mark) } { (quote.unwrap_or_default()) } }
            (rest)
        };
        (markup, part.len())
    }
}

/// Where a quote stands in a text.
pub(super) struct Place {
    at: Range<usize>,
    mark: usize,
    claims: Vec<usize>,
}

/// Where to begin what is shown around a place: with a line, if one begins near enough.
fn before(text: &str, start: usize) -> usize {
    let begin = text.floor_char_boundary(start.saturating_sub(AROUND));
    let near = text.get(begin..start).unwrap_or_default();
    near.find('\n').filter(|_| begin > 0).map_or(begin, |line| begin + line + 1)
}

/// Where to end it.
fn after(text: &str, end: usize) -> usize {
    let until = text.floor_char_boundary(end.saturating_add(AROUND).min(text.len()));
    let near = text.get(end..until).unwrap_or_default();
    near.rfind('\n').filter(|_| until < text.len()).map_or(until, |line| end + line)
}
