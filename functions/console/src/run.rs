//! The page of one RunSession: what came of it first, then what to do, then everything it rests on.

mod alert;
mod reading;
mod record;
mod report;
mod steps;

use domain::{Mode, Run, RunStatus, RunView, Severity, Trigger};
use jiff::Timestamp;
use maud::{Markup, html};

use crate::{handler::Opened, page::Page, words};

/// A run that is under way is shown anew after so many seconds.
const AGAIN: u32 = 5;

pub(crate) fn page(view: &RunView, opened: &Opened, now: Timestamp) -> Page {
    let run = &view.run;
    let body = html! {
        main {
            (head(view, now))
            (course(run, opened))
            (verdict(view))
            @if let Some(report) = &run.report {
                @if let Some(read) = &report.reading { (reading::section(read, &report.read_by)) }
                (report::findings(report))
            }
            @if let Some(report) = &run.report { (report::checks(report)) }
            (steps::timeline(view))
            (reading::transcript(&view.transcript))
            (record::deliveries(view))
            (record::events(view))
            @if let Some(alert) = &run.alert { (alert::section(alert)) }
            (record::raw(view))
        }
        (foot(run, opened))
    };
    Page {
        again: (!run.status.is_terminal()).then_some(AGAIN),
        aside: html! { (run.id) },
        ..Page::new(words::head(&run.title, 120).0, body)
    }
}

fn head(view: &RunView, now: Timestamp) -> Markup {
    let run = &view.run;
    let took = words::between(run.created_at, run.ended_at.unwrap_or(now));
    html! {
        h1 { (run.title) }
        div.meta {
            span { (status(run)) }
            @if run.mode == Mode::Shadow {
                span title="Investigated and stored, delivered nowhere" { span.tag.off { "shadow" } }
            }
            span { b { (words::moment(run.created_at)) } }
            span {
                @if run.ended_at.is_some() { "took " b { (words::span(took)) } }
                @else { "for " b { (words::span(took)) } " so far" }
            }
            @match &run.trigger {
                Trigger::Event { source, .. } => span { "from " b { (source) } },
                Trigger::Hand { who } => span { "asked for by " b { (who) } },
                Trigger::Chat(place) => span { "asked for by " b { (place) } },
                Trigger::Schedule { name, at } => span { "by schedule " b { (name) } " at " (words::moment(*at)) },
            }
            @if let Some(workflow) = &run.workflow { span { "Workflow " b { (workflow) } } }
            span { "Command " b { (run.command) } }
            (reading::cost(&run.cost))
            @if run.alert.is_some() { span { "incident " b { (words::incident(&run.incident)) } } }
            @for said in &view.ratings { span { "rated " b { (said.rating.as_str()) } " by " (said.by.who()) } }
        }
    }
}

/// How its incident has gone, and the way to the last look at it.
fn course(run: &Run, opened: &Opened) -> Markup {
    html! {
        @for said in run.course() { p { (words::ticked(&said)) } }
        @if let Some(last) = &run.previous { p { a href=(opened.to_run(last.id)) { "Open the last look" } } }
        @if let Some(last) = run.last_time.as_ref().filter(|last| !last.runs.is_empty()) {
            details {
                summary { "When it fired before" }
                ul.card.plain {
                    @for earlier in &last.runs {
                        li {
                            a href=(opened.to_run(earlier.id)) { (words::moment(earlier.created_at)) } " "
                            (words::ticked(&earlier.verdict))
                            @if !earlier.ratings.is_empty() { span.soft { " rated: " (earlier.ratings.join(", ")) } }
                        }
                    }
                }
            }
        }
    }
}

fn status(run: &Run) -> Markup {
    let kind = match run.status {
        RunStatus::Concluded => "ok",
        RunStatus::Failed => "s1",
        RunStatus::Queued | RunStatus::Running => "s4",
        RunStatus::Cancelled => "off",
    };
    html! { span.tag.(kind) { (run.status.as_str()) } }
}

/// The answer. A run without one says why, and what stands so far.
fn verdict(view: &RunView) -> Markup {
    let run = &view.run;
    let done = view.steps.len();
    match (&run.report, run.status) {
        (_, RunStatus::Failed | RunStatus::Cancelled) => {
            let word = if run.status == RunStatus::Failed { "could not be investigated" } else { "was stopped" };
            html! {
                section.card.verdict.s1 {
                    span.soft { "This " (word) }
                    p { (words::ticked(run.reason.as_deref().unwrap_or("No reason was recorded."))) }
                    @if let Some(report) = &run.report { div.soft { "Until then: " (report.headline()) } }
                }
            }
        }
        (Some(report), status) => html! {
            section.card.verdict.(severity_class(report.worst)) {
                span.soft {
                    @if status.is_terminal() { "Verdict" } @else { "First verdict, from the checks alone" }
                    " · read by "
                    @if report.read_by == "none" { "no model" } @else { (report.read_by) }
                }
                p { (words::ticked(report.headline())) }
                @if report.headline() != report.verdict { div.soft { "The checks say: " (words::ticked(&report.verdict)) } }
            }
        },
        (None, _) => html! {
            section.card.verdict.s4 {
                span.soft { "Under way" }
                p { (words::count(done, "step", "steps")) " recorded so far" }
                div.soft { "This page loads itself again every " (AGAIN) " seconds." }
            }
        },
    }
}

/// The class of a finding's colour. Its word always stands beside it.
pub(crate) fn severity_class(severity: Option<Severity>) -> &'static str {
    match severity {
        None => "ok",
        Some(Severity::Critical) => "s1",
        Some(Severity::Major) => "s2",
        Some(Severity::Minor) => "s3",
        Some(Severity::Informational) => "s4",
    }
}

pub(crate) fn severity_tag(severity: Severity) -> Markup {
    html! { span.tag.(severity_class(Some(severity))) { (u8::from(severity)) " " (severity) } }
}

fn foot(run: &Run, opened: &Opened) -> Markup {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("exp", &opened.expires)
        .append_pair("sig", &opened.signature)
        .finish();
    html! {
        footer {
            div.meta {
                span { "catalog " b { (run.catalog) } }
                span { "revision " b { (run.revision) } }
                @if run.slice > 0 { span { b { (run.slice + 1) } " invocations" } }
                span { a href={ (run.id) ".json?" (query) } { "this RunSession as JSON" } }
            }
        }
    }
}
