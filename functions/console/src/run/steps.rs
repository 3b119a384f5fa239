//! The steps as they were taken, with what each asked and saw.

use std::collections::BTreeSet;

use domain::{Outcome, Step, StepId, quotes};
use maud::{Markup, html};

use super::quoted::{Place, Quotes};
use crate::{
    room::{Room, size},
    words,
};

/// How much of a step's evidence stands on the page. All of it stands in the JSON.
const EXCERPT: usize = 3 * 1024;

/// How much of the timeline's room its lines may take; the rest is for evidence.
const LINES: usize = 9 * 1024;

/// The steps as they stand on the page.
pub(super) struct Timeline<'a> {
    pub markup: Markup,
    /// Those that links can lead to.
    pub shown: BTreeSet<&'a StepId>,
}

/// A step's line and what opens below it.
struct Line {
    summary: Markup,
    facts: Markup,
    open: bool,
}

/// Draws the steps, the most telling first where not all have room, and notes the quotes that are marked in them.
pub(super) fn timeline<'a>(steps: &'a [Step], quotes: &mut Quotes<'a>, json: &str, room: &mut Room) -> Timeline<'a> {
    let Some(begin) = steps.iter().map(|step| step.started_at).min() else {
        return Timeline { markup: html! {}, shown: BTreeSet::new() };
    };
    let end_of = |step: &Step| words::between(begin, step.started_at) + step.elapsed_ms;
    let whole = steps.iter().map(end_of).max().unwrap_or(0).max(1);

    let mut telling: Vec<usize> = (0..steps.len()).collect();
    telling.sort_by_key(|place| steps.get(*place).map(|step| (tells(step, quotes), *place)));
    let mut lines: Vec<Option<Line>> = steps.iter().map(|_| None).collect();
    let kept = room.left().saturating_sub(LINES);
    for place in &telling {
        let (Some(step), Some(slot)) = (steps.get(*place), lines.get_mut(*place)) else { continue };
        let line = line(step, words::between(begin, step.started_at), whole, quotes);
        let both = html! { (step.id) (line.summary) (line.facts) (" ".repeat(FRAME)) };
        if size(&both) > room.left().saturating_sub(kept) || room.fit(both).is_none() {
            break;
        }
        *slot = Some(line);
    }
    let mut evidence: Vec<Markup> = steps.iter().map(|_| html! {}).collect();
    for place in &telling {
        let (Some(step), Some(Some(line)), Some(slot)) =
            (steps.get(*place), lines.get_mut(*place), evidence.get_mut(*place))
        else {
            continue;
        };
        let text = quotes::data_of(step);
        let places = quotes.places(step, &text);
        line.open = !places.is_empty();
        *slot = seen(step, &text, &places, quotes, json, room);
    }

    let left: Vec<&Step> = steps.iter().zip(&lines).filter(|(_, line)| line.is_none()).map(|(step, _)| step).collect();
    let markup = html! {
        section {
            h2 { (words::count(steps.len(), "step", "steps")) " in " (words::span(whole)) }
            @for ((step, line), evidence) in steps.iter().zip(&lines).zip(&evidence) {
                @if let Some(line) = line {
                    details id={ "step-" (step.id) } open[line.open] {
                        summary { (line.summary) }
                        div { (line.facts) (evidence) }
                    }
                }
            }
            @if !left.is_empty() {
                p.soft {
                    (words::count(left.len(), "more step stands", "more steps stand")) " in " a href=(json) { "the JSON" } ": "
                    (outcomes(&left)) "."
                }
            }
        }
    };
    let shown = steps.iter().zip(&lines).filter(|(_, line)| line.is_some()).map(|(step, _)| &step.id).collect();
    quotes.only_in(&shown);
    Timeline { markup, shown }
}

/// What a line takes beside what is in it: its elements, and the notes that its evidence goes on and was cut.
const FRAME: usize = 440;

/// What tells most is least: what is quoted, what found something, what could not be made.
fn tells(step: &Step, quotes: &Quotes<'_>) -> u8 {
    match (&step.outcome, step.issues.iter().map(|issue| issue.severity).min()) {
        _ if quotes.cite(step) => 0,
        (Outcome::Ok, Some(worst)) => u8::from(worst),
        (Outcome::Failed { .. }, _) => 5,
        (Outcome::Skipped { .. }, _) => 6,
        (Outcome::Ok, None) => 7,
    }
}

/// How many of these were healthy, and so on.
fn outcomes(steps: &[&Step]) -> String {
    let count = |fits: &dyn Fn(&Step) -> bool| steps.iter().filter(|step| fits(step)).count();
    let told = [
        (count(&|step| step.outcome == Outcome::Ok && !step.issues.is_empty()), "with issues"),
        (count(&|step| matches!(step.outcome, Outcome::Failed { .. })), "not made"),
        (count(&|step| matches!(step.outcome, Outcome::Skipped { .. })), "skipped"),
        (count(&|step| step.outcome == Outcome::Ok && step.issues.is_empty()), "healthy"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    told.collect::<Vec<_>>().join(", ")
}

fn line(step: &Step, start: u64, whole: u64, quotes: &mut Quotes<'_>) -> Line {
    let note = note(step);
    let places = quotes.places(step, note);
    let summary = html! {
        span.title { (words::ticked(&words::short(&step.title, 200))) }
        span { (verdict(step)) }
        span.note {
            @if places.is_empty() { (words::ticked(&words::short(note, NOTE))) }
            @else { (quotes.excerpt(note, &places, NOTE).0) }
        }
        span.soft { (words::span(step.elapsed_ms)) }
        (bar(start, step, whole))
    };
    Line { summary, facts: facts(step), open: false }
}

/// How much of what a step said in one line stands on the page.
const NOTE: usize = 300;

fn verdict(step: &Step) -> Markup {
    match (&step.outcome, step.issues.iter().map(|issue| issue.severity).min()) {
        (Outcome::Failed { .. }, _) => html! { span.tag.s3 { "not made" } },
        (Outcome::Skipped { .. }, _) => html! { span.tag.off { "skipped" } },
        (Outcome::Ok, Some(worst)) => super::severity_tag(worst),
        (Outcome::Ok, None) => html! { span.tag.ok { "healthy" } },
    }
}

fn note(step: &Step) -> &str {
    match &step.outcome {
        Outcome::Ok => &step.evidence.summary,
        Outcome::Failed { reason } | Outcome::Skipped { reason } => reason,
    }
}

/// When the step ran within the run, as a line on a line of thousandths.
fn bar(start: u64, step: &Step, whole: u64) -> Markup {
    let thousandths = |millis: u64| (millis.saturating_mul(1000) / whole).min(1000);
    let from = thousandths(start).min(994);
    let width = thousandths(step.elapsed_ms).clamp(6, 1000 - from);
    let class = if matches!(step.outcome, Outcome::Failed { .. }) { "bad" } else { "ran" };
    html! {
        svg.bar viewBox="0 0 1000 4" preserveAspectRatio="none" aria-hidden="true" {
            rect.rail y="1.5" width="1000" height="1" {}
            @if !matches!(step.outcome, Outcome::Skipped { .. }) { rect.(class) x=(from) width=(width) height="4" {} }
        }
    }
}

fn facts(step: &Step) -> Markup {
    html! {
        dl {
            dt { "Task" } dd { (step.task) " (" (words::short(&step.kind, 60)) "), step " code { (words::short(step.id.as_str(), 200)) } }
            @if !step.resource.is_empty() { dt { "Resource" } dd { (words::short(&step.resource, 200)) } }
            dt { "Began" } dd { (words::moment(step.started_at)) }
            @for issue in step.issues.iter().take(3) { dt { "Issue" } dd { (words::ticked(&words::short(&issue.title, 200))) } }
            @if step.issues.len() > 3 { dt { "Issues" } dd { "and " (step.issues.len() - 3) " more" } }
            @if !step.request.is_null() { dt { "Asked" } dd { code { (words::short(&step.request.to_string(), 600)) } } }
        }
    }
}

fn seen(step: &Step, text: &str, places: &[Place], quotes: &mut Quotes<'_>, json: &str, room: &mut Room) -> Markup {
    if text.is_empty() {
        return html! {};
    }
    // The marks are no part of the text, but of the page.
    let own = EXCERPT.min(room.left().saturating_sub(80 * places.len() + 20));
    let (excerpt, left) = quotes.excerpt(text, places, own);
    html! {
        @if left < text.len() { @if let Some(shown) = room.fit(html! { pre { (excerpt) } }) { (shown) } }
        @if left > 0 { p.soft { "… " (words::bytes(left)) " more in " a href=(json) { "the JSON" } "." } }
        @if let Some(cut) = &step.evidence.cut {
            p.soft { "Of " (words::bytes(cut.total)) " that came, " (words::bytes(cut.kept)) " were kept." }
        }
    }
}
