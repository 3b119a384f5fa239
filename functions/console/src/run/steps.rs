//! The steps as they were taken, with what each asked and saw.

use domain::{Outcome, RunView, Step};
use maud::{Markup, html};
use serde_json::Value;

use crate::words;

/// How much of a step's evidence stands on the page. All of it stands in the JSON.
const EXCERPT: usize = 3 * 1024;

/// How much of a run's evidence stands on the page, over all its steps.
const EXCERPTS: usize = 24 * 1024;

pub(super) fn timeline(view: &RunView) -> Markup {
    let steps = &view.steps;
    let Some(begin) = steps.iter().map(|step| step.started_at).min() else { return html! {} };
    let end_of = |step: &Step| words::between(begin, step.started_at) + step.elapsed_ms;
    let whole = steps.iter().map(end_of).max().unwrap_or(0).max(1);
    let mut room = EXCERPTS;
    html! {
        section {
            h2 { (words::count(steps.len(), "step", "steps")) " in " (words::span(whole)) }
            @for step in steps {
                details id={ "step-" (step.id) } {
                    summary {
                        span.title { (words::ticked(&step.title)) }
                        span { (verdict(step)) }
                        span.note { (words::ticked(note(step))) }
                        span.soft { (words::span(step.elapsed_ms)) }
                        (bar(words::between(begin, step.started_at), step, whole))
                    }
                    div { (facts(step)) (evidence(step, &mut room)) }
                }
            }
        }
    }
}

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
            rect.rail x="0" y="1.5" width="1000" height="1" {}
            @if !matches!(step.outcome, Outcome::Skipped { .. }) { rect.(class) x=(from) y="0" width=(width) height="4" rx="2" {} }
        }
    }
}

fn facts(step: &Step) -> Markup {
    html! {
        dl {
            dt { "Task" } dd { (step.task) " (" (step.kind) "), step " code { (step.id) } }
            @if !step.resource.is_empty() { dt { "Resource" } dd { (step.resource) } }
            dt { "Began" } dd { (words::moment(step.started_at)) }
            @for issue in &step.issues { dt { "Issue" } dd { (words::ticked(&issue.title)) } }
            @if !step.request.is_null() { dt { "Asked" } dd { code { (step.request) } } }
        }
    }
}

fn evidence(step: &Step, room: &mut usize) -> Markup {
    let data = &step.evidence.data;
    if data.is_null() {
        return html! {};
    }
    let text = laid_out(data);
    let (excerpt, left) = words::head(&text, EXCERPT.min(*room));
    *room -= excerpt.len();
    html! {
        pre { (excerpt) }
        @if left > 0 { p.soft { "… " (words::bytes(left)) " more: they stand in the JSON." } }
        @if let Some(cut) = &step.evidence.cut {
            p.soft { "Of " (words::bytes(cut.total)) " that came, " (words::bytes(cut.kept)) " were kept." }
        }
    }
}

/// Fields line by line. A text that has lines of its own, or is the whole evidence, stands as it is.
fn laid_out(data: &Value) -> String {
    match data {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}
