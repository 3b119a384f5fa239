//! The page of one RunSession: what came of it first, then what to do, then everything it rests on.

mod alert;
mod quoted;
mod reading;
mod record;
mod report;
mod steps;

use std::collections::BTreeSet;

use domain::{Mode, Run, RunStatus, RunView, Severity, StepId, Trigger};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use self::quoted::Quotes;
use crate::{
    handler::Opened,
    page::Page,
    room::Room,
    words::{self, short, ticked},
};

/// A run that says nothing yet is shown anew after so many seconds, so long after its opening: what somebody reads is not closed, and what
/// hangs is not asked for for ever.
const AGAIN: u32 = 10;
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

// What each part may take, in bytes. With what has no share (the style, the head, the foot) they are below 50 KB.
const STEPS: usize = 13_700;
const ALERT_LINE: usize = 1_400;
const COURSE: usize = 2_200;
const CAUSE: usize = 2_500;
const FINDINGS: usize = 5_500;
const ALTERNATIVES: usize = 2_300;
const CHECKS: usize = 3_500;
const EARLIER: usize = 1_500;
const DELIVERIES: usize = 1_800;
const RATINGS: usize = 700;
const EVENTS: usize = 2_200;
const ALERT: usize = 2_500;
const CONVERSATION: usize = 2_200;
const RAW: usize = 1_200;

/// What the parts of a page refer to.
struct Sheet<'a> {
    /// Leads to the page itself, as it is by then.
    page: String,
    /// Leads to all of it.
    json: String,
    /// The steps that stand on the page.
    shown: BTreeSet<&'a StepId>,
    quotes: Quotes<'a>,
}

impl Sheet<'_> {
    /// Loads the page again, for who wants to see what has come since.
    fn again(&self) -> Markup {
        html! { a href=(self.page) { "Load this page again" } }
    }

    /// Leads to the step on the same page, where it stands there.
    fn step_link(&self, step: &StepId) -> Markup {
        let name = short(step.as_str(), 100);
        match self.shown.contains(step) {
            true => html! { a href={ "#step-" (step) } { (name) } },
            false => html! { (name) },
        }
    }
}

/// The ways to the other looks at the same incident.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// To the one before.
    pub last: Option<String>,
    /// To the newest after it.
    pub newest: Option<String>,
}

pub(crate) fn page(view: &RunView, opened: &Opened, looks: &Looks, now: Timestamp) -> Page {
    let run = &view.run;
    let json = opened.to_json(run.id);
    let mut quotes = Quotes::of(run.report.as_ref());
    let mut room = Room::default();
    room.open(STEPS);
    // Drawn first, since the claims lead to what stands there.
    let steps::Timeline { markup: timeline, shown } = steps::timeline(&view.steps, &mut quotes, &json, &mut room);
    let sheet = Sheet { page: opened.to_page(run.id), json, shown, quotes };
    let again = !run.status.is_terminal() && run.report.is_none() && now.duration_since(run.created_at) < PATIENCE;
    let body = html! {
        main {
            (head(view, now))
            @if let Some(alert) = &run.alert { (room.part(ALERT_LINE, |room| alert::line(alert, room))) }
            (verdict(view, &sheet, again))
            (room.part(COURSE, |room| course(run, looks, &sheet, room)))
            @if let Some(report) = &run.report {
                @let read = report.reading.as_deref();
                @if let Some(read) = read { (room.part(CAUSE, |room| reading::cause(read, &report.read_by, &sheet, room))) }
                (room.part(FINDINGS, |room| report::findings(report, &sheet, room)))
                @if let Some(read) = read { (room.part(ALTERNATIVES, |room| reading::alternatives(read, &sheet, room))) }
                (room.part(CHECKS, |room| report::checks(report, &sheet, room)))
            }
            (room.part(EARLIER, |room| earlier(run, &sheet, room)))
            (timeline)
            (room.part(DELIVERIES, |room| record::deliveries(view, &sheet, room)))
            (room.part(RATINGS, |room| record::ratings(view, &sheet, room)))
            (room.part(EVENTS, |room| record::events(view, &sheet, room)))
            @if let Some(alert) = &run.alert { (room.part(ALERT, |room| alert::section(alert, &sheet, room))) }
            (room.part(CONVERSATION, |room| reading::transcript(&view.transcript, &sheet, room)))
            (room.part(RAW, |room| record::raw(view, &sheet, room)))
        }
        (foot(run, &sheet.json))
    };
    Page { again: again.then_some(AGAIN), aside: html! { (run.id) }, ..Page::new(short(&run.title, 120), body) }
}

fn head(view: &RunView, now: Timestamp) -> Markup {
    let run = &view.run;
    let took = words::between(run.created_at, run.ended_at.unwrap_or(now));
    html! {
        h1 { (short(&run.title, 400)) }
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
                Trigger::Hand { who } => span { "asked for by " b { (short(who, 100)) } },
                Trigger::Chat(place) => span { "asked for by " b { (short(&place.to_string(), 150)) } },
                Trigger::Schedule { name, at } => span { "by schedule " b { (name) } " at " (words::moment(*at)) },
            }
            @if let Some(workflow) = &run.workflow { span { "Workflow " b { (workflow) } } }
            span { "Command " b { (run.command) } }
            (reading::cost(run))
            @if run.alert.is_some() { span { "incident " b { (words::incident(&run.incident)) } } }
            @for mark in domain::Mark::ALL {
                @let times = view.ratings.iter().filter(|said| said.rating == mark).count();
                @if times > 0 { span { "rated " b { (mark.as_str()) } @if times > 1 { " by " (times) } } }
            }
        }
        @if !run.params.is_empty() {
            p.soft { "With " @for (place, (name, value)) in run.params.iter().take(PARAMS).enumerate() {
                @if place > 0 { ", " } (short(name, 60)) " " code { (short(&told(value), 120)) }
            } @if run.params.len() > PARAMS { " and " (run.params.len() - PARAMS) " more" } }
        }
    }
}

/// How many parameters stand on the page.
const PARAMS: usize = 6;

/// A parameter as people write it.
fn told(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How its incident has gone, and the ways to the other looks at it.
fn course(run: &Run, looks: &Looks, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let said = room.fill(&run.course(), |said| html! { p { (ticked(&short(said, 300))) } });
    let named = [("Open the newest look", &looks.newest), ("Open the last look", &looks.last)];
    let ways: Vec<(&str, &String)> = named.iter().filter_map(|(name, way)| Some((*name, way.as_ref()?))).collect();
    let ways = room.fill(&ways, |(name, way)| html! { span { a href=(way) { (name) } } });
    html! {
        (said)
        (said.rest("sentence", "sentences", &sheet.json))
        @if !ways.is_empty() { p.meta { (ways) } }
    }
}

/// When the same fired before. These runs may be of other Workflows, which who sees this page may not see: none is linked.
fn earlier(run: &Run, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let earlier = run.last_time.as_ref().map_or(&[][..], |last| &last.runs);
    let earlier = room.fill(earlier, |earlier| {
        html! {
            li {
                (words::moment(earlier.created_at)) " " (ticked(&short(&earlier.verdict, 150)))
                @if !earlier.ratings.is_empty() { span.soft { " rated: " (short(&earlier.ratings.join(", "), 80)) } }
                div.soft { (earlier.id) }
            }
        }
    });
    html! {
        @if !earlier.is_empty() {
            details {
                summary { "When it fired before" }
                div {
                    ul.plain { (earlier) }
                    (earlier.rest("time", "times", &sheet.json))
                    p.soft { "A link to one of them is made by " code { "firstlook link ID" } "." }
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

/// The answer. A run without one says why, and what stands so far; whether the page loads itself `again`.
fn verdict(view: &RunView, sheet: &Sheet<'_>, again: bool) -> Markup {
    let run = &view.run;
    let done = view.steps.len();
    match (&run.report, run.status) {
        (_, RunStatus::Failed | RunStatus::Cancelled) => {
            let word = if run.status == RunStatus::Failed { "could not be investigated" } else { "was stopped" };
            html! {
                section.card.verdict.s1 {
                    span.soft { "This " (word) }
                    p { (ticked(&short(run.reason.as_deref().unwrap_or("No reason was recorded."), 600))) }
                    @if let Some(report) = &run.report { div.soft { "Until then: " (short(report.headline(), 400)) } }
                }
            }
        }
        (Some(report), status) => html! {
            section.card.verdict.(severity_class(report.worst)) {
                span.soft {
                    @if status.is_terminal() { "Verdict" } @else { "First verdict, from the checks alone" }
                    " · read by "
                    @if report.read_by == "none" { "no model" } @else { (short(&report.read_by, 100)) }
                }
                p { (ticked(&short(report.headline(), 600))) }
                @if report.headline() != report.verdict { div.soft { "The checks say: " (ticked(&short(&report.verdict, 400))) } }
                @if !status.is_terminal() { div.soft { "The reading goes on. " (sheet.again()) } }
            }
        },
        (None, _) => html! {
            section.card.verdict.s4 {
                span.soft { "Under way" }
                p { (words::count(done, "step", "steps")) " recorded so far" }
                div.soft { @if again { "This page loads itself again every " (AGAIN) " seconds." } @else { (sheet.again()) } }
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

fn foot(run: &Run, json: &str) -> Markup {
    html! {
        footer {
            div.meta {
                span { "catalog " b { (short(&run.catalog, 80)) } }
                span { "revision " b { (run.revision) } }
                @if run.slice > 0 { span { b { (run.slice + 1) } " invocations" } }
                span { a href=(json) { "this RunSession as JSON" } }
            }
        }
    }
}
