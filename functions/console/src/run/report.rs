//! What the run says.

use domain::{Issue, MergedIssue, Report, StepId};
use maud::{Markup, html};

use super::{Sheet, severity_tag};
use crate::{
    room::Room,
    words::{self, short, ticked},
};

/// What to do next, and what is wrong.
pub(super) fn findings(report: &Report, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let next: Vec<&str> = report.next().collect();
    let steps = room.fill_part(2, &next, |step| html! { li { (ticked(&short(step, 400))) } });
    let issues = room.fill(&report.issues, |merged| issue(merged, sheet));
    html! {
        @if !next.is_empty() {
            section {
                h2 { "Next steps" }
                ol.card { (steps) }
                (steps.rest("step", "steps", &sheet.json))
            }
        }
        @if !report.issues.is_empty() {
            section {
                h2 { (words::count(report.issues.len(), "issue", "issues")) }
                (issues)
                (issues.rest("issue", "issues", &sheet.json))
            }
        }
    }
}

fn issue(merged: &MergedIssue, sheet: &Sheet<'_>) -> Markup {
    let Issue { severity, title, expected, actual, details, reproduce, resource, observed_at, .. } = &merged.issue;
    html! {
        article.card.issue.(super::severity_class(Some(*severity))) {
            div.head { h3 { (ticked(&short(title, 300))) } (severity_tag(*severity)) }
            dl {
                @for (name, text, most) in
                    [("Expected", expected, 300), ("Actual", actual, 300), ("Details", details, 900), ("Resource", resource, 200)]
                {
                    @if !text.is_empty() { dt { (name) } dd { (ticked(&short(text, most))) } }
                }
                @if !reproduce.is_empty() { dt { "Reproduce" } dd { code { (short(reproduce, 400)) } } }
                dt { "Seen" }
                dd {
                    (words::moment(*observed_at))
                    @if let Some(last) = merged.last_seen_at { " to " (words::moment(last)) }
                    " by " (found_by(&merged.steps, sheet))
                }
            }
        }
    }
}

/// How many of an issue's steps are named.
const FOUND_BY: usize = 5;

fn found_by(steps: &[StepId], sheet: &Sheet<'_>) -> Markup {
    html! {
        @for (place, step) in steps.iter().take(FOUND_BY).enumerate() {
            @if place > 0 { ", " }
            (sheet.step_link(step))
        }
        @if steps.len() > FOUND_BY { " and " (steps.len() - FOUND_BY) " more" }
    }
}

/// What is healthy, what nobody knows, and how the run went.
pub(super) fn checks(report: &Report, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let gaps = room.fill_part(2, &report.gaps, |gap| {
        html! {
            li {
                span.soft { "? " } (ticked(&short(&gap.title, 200))) ": " (ticked(&short(&gap.reason, 300)))
                " " span.soft { "· " (sheet.step_link(&gap.step)) }
            }
        }
    });
    let healthy = room.fill_part(2, &report.healthy, |checked| {
        html! {
            li {
                span.tok { "✓ " } (ticked(&short(&checked.title, 200)))
                " " span.soft { (short(&checked.summary, 200)) " · " (sheet.step_link(&checked.step)) }
            }
        }
    });
    let suppressed = room.fill_part(2, &report.suppressed, |one| {
        html! {
            li {
                b { (words::count(one.count, "finding", "findings")) } " by Rule " b { (one.rule) } ": " (ticked(&short(&one.reason, 300)))
                @for title in one.titles.iter().take(3) { div.soft { (ticked(&short(title, 200))) } }
            }
        }
    });
    let known = room.fill_part(2, &report.knowledge, |known| {
        html! {
            article.card {
                div.head { h3 { (short(&known.title, 200)) } span.soft { (known.name) } }
                @for line in short(&known.excerpt, 600).lines() { div { (ticked(line)) } }
            }
        }
    });
    let slxs =
        room.fill_part(2, &report.slxs, |slx| html! { li { b { (slx.name) } ": " (ticked(&short(&slx.why, 200))) } });
    let remarks = room.fill(&report.remarks, |remark| html! { li { (ticked(&short(remark, 300))) } });
    let list = |title: &str, filled: &crate::room::Filled, (one, many): (&str, &str)| {
        html! {
            @if !filled.is_empty() {
                section {
                    h2 { (title) }
                    ul.card.plain { (filled) }
                    (filled.rest(one, many, &sheet.json))
                }
            }
        }
    };
    html! {
        (list("Healthy", &healthy, ("check", "checks")))
        (list("Not known", &gaps, ("gap", "gaps")))
        (list("Suppressed by Rules", &suppressed, ("Rule", "Rules")))
        @if !known.is_empty() { section { h2 { "What is known" } (known) (known.rest("text", "texts", &sheet.json)) } }
        (list("What the alert speaks of", &slxs, ("Slx", "Slxs")))
        (list("Remarks", &remarks, ("remark", "remarks")))
    }
}
