//! What the run says.

use domain::{Issue, MergedIssue, Report, StepId};
use maud::{Markup, html};

use super::severity_tag;
use crate::words;

/// What to do next, and what is wrong.
pub(super) fn findings(report: &Report) -> Markup {
    html! {
        @if report.next().next().is_some() {
            section {
                h2 { "Next steps" }
                ol.card { @for step in report.next() { li { (words::ticked(step)) } } }
            }
        }
        @if !report.issues.is_empty() {
            section {
                h2 { (words::count(report.issues.len(), "issue", "issues")) }
                @for merged in &report.issues { (issue(merged)) }
            }
        }
    }
}

fn issue(merged: &MergedIssue) -> Markup {
    let Issue { severity, title, expected, actual, details, reproduce, resource, observed_at, .. } = &merged.issue;
    html! {
        article.card.issue.(super::severity_class(Some(*severity))) {
            div.head { h3 { (words::ticked(title)) } (severity_tag(*severity)) }
            dl {
                @for (name, text) in [("Expected", expected), ("Actual", actual), ("Details", details), ("Resource", resource)] {
                    @if !text.is_empty() { dt { (name) } dd { (words::ticked(text)) } }
                }
                @if !reproduce.is_empty() { dt { "Reproduce" } dd { code { (reproduce) } } }
                dt { "Seen" }
                dd {
                    (words::moment(*observed_at))
                    @if let Some(last) = merged.last_seen_at { " to " (words::moment(last)) }
                    " by " (found_by(&merged.steps))
                }
            }
        }
    }
}

fn found_by(steps: &[StepId]) -> Markup {
    html! {
        @for (place, step) in steps.iter().enumerate() {
            @if place > 0 { ", " }
            (step_link(step))
        }
    }
}

/// Leads to the step on the same page.
pub(super) fn step_link(step: &StepId) -> Markup {
    html! { a href={ "#step-" (step) } { (step) } }
}

/// What is healthy, what nobody knows, and how the run went.
pub(super) fn checks(report: &Report) -> Markup {
    html! {
        @if !report.healthy.is_empty() {
            section {
                h2 { "Healthy" }
                ul.card.plain {
                    @for checked in &report.healthy {
                        li { span.tok { "✓ " } (words::ticked(&checked.title)) " " span.soft { (checked.summary) " · " (step_link(&checked.step)) } }
                    }
                }
            }
        }
        @if !report.gaps.is_empty() {
            section {
                h2 { "Not known" }
                ul.card.plain {
                    @for gap in &report.gaps {
                        li { span.soft { "? " } (words::ticked(&gap.title)) ": " (words::ticked(&gap.reason)) " " span.soft { "· " (step_link(&gap.step)) } }
                    }
                }
            }
        }
        @if !report.suppressed.is_empty() {
            section {
                h2 { "Suppressed by Rules" }
                ul.card.plain {
                    @for one in &report.suppressed {
                        li {
                            b { (words::count(one.count, "finding", "findings")) } " by Rule " b { (one.rule) } ": " (words::ticked(&one.reason))
                            @for title in &one.titles { div.soft { (words::ticked(title)) } }
                        }
                    }
                }
            }
        }
        @if !report.knowledge.is_empty() {
            section {
                h2 { "What is known" }
                @for known in &report.knowledge {
                    article.card {
                        div.head { h3 { (known.title) } span.soft { (known.name) } }
                        @for line in known.excerpt.lines() { div { (words::ticked(line)) } }
                    }
                }
            }
        }
        @if !report.slxs.is_empty() {
            section {
                h2 { "What the alert speaks of" }
                ul.card.plain {
                    @for slx in &report.slxs { li { b { (slx.name) } ": " (words::ticked(&slx.why)) } }
                }
            }
        }
        @if !report.remarks.is_empty() {
            section {
                h2 { "Remarks" }
                ul.card { @for remark in &report.remarks { li { (words::ticked(remark)) } } }
            }
        }
    }
}
