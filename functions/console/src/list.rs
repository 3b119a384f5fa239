//! The list: newest first, day by day, with the events that nothing followed from (I14).

use domain::{Mode, Run, RunStatus, Trigger};
use jiff::{Timestamp, ToSpan, civil::Date};
use maud::{Markup, html};
use serde::Serialize;
use store::{Origin, Reader, StoreError, UnmatchedEvent};

use crate::{
    handler::Opened,
    page::Page,
    run,
    words::{self, short, ticked},
};

/// How many runs, and how many events, one read gives to programs, and to a page, which is to stay below 50 KB.
const READ: usize = 50;
pub(crate) const PAGE: usize = 20;

/// A page takes in earlier days until it has so many rows, or has looked at so many days.
const ENOUGH: usize = 10;
const DAYS: usize = 7;

/// Where a page begins.
pub(crate) struct Mark {
    pub day: Date,
    pub runs: Option<String>,
    pub events: Option<String>,
}

/// What there is of one day (UTC).
#[derive(Debug, Serialize)]
pub(crate) struct Day {
    pub day: Date,
    pub runs: Vec<Run>,
    /// The mark of the day's next runs, to be handed in as `runs`.
    pub more_runs: Option<String>,
    pub unmatched: Vec<UnmatchedEvent>,
    /// The mark of the day's next unmatched events, to be handed in as `events`.
    pub more_unmatched: Option<String>,
}

/// A day for a program.
pub(crate) async fn one_day(reader: &Reader, mark: &Mark) -> Result<Day, StoreError> {
    read(reader, mark, READ).await
}

async fn read(reader: &Reader, mark: &Mark, most: usize) -> Result<Day, StoreError> {
    let mut runs = reader.runs_of_day(mark.day, most, mark.runs.as_deref()).await?;
    for run in &mut runs.runs {
        run.lease = None;
    }
    let unmatched = reader.unmatched_of_day(mark.day, most, mark.events.as_deref()).await?;
    Ok(Day {
        day: mark.day,
        runs: runs.runs,
        more_runs: runs.next,
        unmatched: unmatched.events,
        more_unmatched: unmatched.next,
    })
}

/// The day of the mark, and earlier ones while there is little to see.
pub(crate) async fn some_days(reader: &Reader, mark: Mark, today: Date) -> Result<Vec<Day>, StoreError> {
    let first = read(reader, &mark, PAGE).await?;
    let mut whole = first.more_runs.is_none() && mark.runs.is_none() && mark.events.is_none();
    let rows = |day: &Day| day.runs.len() + day.unmatched.len();
    let mut rows_so_far = rows(&first);
    let mut days = vec![first];
    let mut day = mark.day;
    while whole && rows_so_far < ENOUGH && days.len() < DAYS {
        let Some(before) = kept_day_before(day, today) else { break };
        let next = read(reader, &Mark { day: before, runs: None, events: None }, PAGE).await?;
        whole = next.more_runs.is_none();
        rows_so_far += rows(&next);
        days.push(next);
        day = before;
    }
    Ok(days)
}

/// The day before, unless what was there is no longer kept.
fn kept_day_before(day: Date, today: Date) -> Option<Date> {
    let oldest = today.checked_sub(store::RUN_DAYS.days()).ok()?;
    day.yesterday().ok().filter(|before| *before >= oldest)
}

pub(crate) fn page(days: &[Day], today: Date, opened: &Opened) -> Page {
    let earlier = days.last().and_then(|last| kept_day_before(last.day, today));
    let begins_today = days.first().is_some_and(|first| first.day == today);
    let body = html! {
        main {
            h1 { "RunSessions" }
            @for day in days.iter().filter(|day| !day.runs.is_empty() || !day.unmatched.is_empty()) { (section(day, opened)) }
            @if days.iter().all(|day| day.runs.is_empty() && day.unmatched.is_empty()) {
                div.card {
                    p {
                        @match (days.first(), days.last()) {
                            (Some(first), Some(last)) if first.day != last.day => {
                                "Nothing came from " (last.day) " to " (first.day) " (UTC)."
                            },
                            (Some(only), _) => { "Nothing came on " (only.day) " (UTC)." },
                            _ => { "Nothing came." },
                        }
                    }
                    p.soft { "An alert that a source accepts stands here within a second, also when no Workflow wants it." }
                }
            }
            nav {
                @if !begins_today { a href=(here(opened, &[])) { "Newest" } }
                @if let Some(day) = earlier { a href=(here(opened, &[("day", &day.to_string())])) { "Earlier than " (day.tomorrow().unwrap_or(day)) } }
            }
        }
    };
    Page::new("RunSessions", body)
}

fn section(day: &Day, opened: &Opened) -> Markup {
    let date = day.day.to_string();
    html! {
        section {
            h2 { (day.day.strftime("%A, %Y-%m-%d")) }
            @if !day.runs.is_empty() {
                div.scroll { table { @for run in &day.runs { (row(run, opened)) } } }
            }
            @if let Some(more) = &day.more_runs {
                p { a href=(here(opened, &[("day", &date), ("runs", more)])) { "More of this day" } }
            }
            @if !day.unmatched.is_empty() { (unmatched(day, &date, opened)) }
        }
    }
}

fn row(run: &Run, opened: &Opened) -> Markup {
    let severity = run.report.as_ref().and_then(|report| report.worst);
    html! {
        tr {
            td.nowrap { (words::clock(run.created_at)) }
            td {
                a href={ "runs/" (opened.to_run(run.id, Timestamp::MAX)) } { (short(&run.title, 120)) }
                div { (ticked(&short(said(run), 160))) }
                div.soft {
                    @if let Some(workflow) = &run.workflow { (workflow) " → " }
                    @if let Trigger::Schedule { name, at } = &run.trigger { "by schedule " (name) " at " (words::moment(*at)) " → " }
                    (run.command)
                    @if run.mode == Mode::Shadow { " · shadow" }
                    @if run.storm { " · storm of " (words::count(run.counts.incidents, "incident", "incidents")) }
                    @if let Some(flapping) = run.flapping() { " · flapping, fired " (flapping.times) " times" }
                    @if run.counts.gathered > 0 { " · " (run.counts.gathered) " gathered" }
                    @if run.counts.attached > 0 { " · " (run.counts.attached) " attached" }
                    @if run.counts.duplicates > 0 { " · " (words::count(run.counts.duplicates, "duplicate", "duplicates")) }
                }
            }
            td.nowrap {
                @match (run.status, severity, &run.report) {
                    (RunStatus::Concluded, Some(severity), _) => (run::severity_tag(severity)),
                    (RunStatus::Concluded, None, Some(_)) => span.tag.ok { "nothing found" },
                    (RunStatus::Failed, ..) => span.tag.s1 { "failed" },
                    (status, ..) => span.tag.off { (status.as_str()) },
                }
            }
        }
    }
}

fn said(run: &Run) -> &str {
    match (&run.reason, &run.report) {
        (Some(reason), _) => reason,
        (None, Some(report)) => report.headline(),
        (None, None) => "",
    }
}

fn unmatched(day: &Day, date: &str, opened: &Opened) -> Markup {
    html! {
        h2 { "No investigation followed" }
        div.scroll { table {
            @for event in &day.unmatched {
                tr {
                    td.nowrap { (words::clock(event.received_at)) }
                    td {
                        (short(&event.summary, 120))
                        div { (ticked(&short(&event.reason, 160))) }
                        div.soft {
                            @match &event.origin {
                                Origin::Event { source, kind, provider_kind } => {
                                    (source) " · " (kind.as_str()) " (" (short(provider_kind, 60)) ")"
                                },
                                Origin::Schedule { schedule } => { "by schedule " (schedule) },
                            }
                        }
                    }
                }
            }
        } }
        @if let Some(more) = &day.more_unmatched {
            p { a href=(here(opened, &[("day", date), ("events", more)])) { "More of these" } }
        }
    }
}

/// This list, elsewhere. Relative, so that it also holds behind a prefix.
fn here(opened: &Opened, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("exp", &opened.expires).append_pair("sig", &opened.signature);
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    format!("runs?{}", query.finish())
}
