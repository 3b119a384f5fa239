//! Where the run is shown, and what it was told.

use domain::{AttachedEvent, Attachment, RunView, Target, TargetState};
use maud::{Markup, html};

use super::Sheet;
use crate::{
    room::Room,
    words::{self, short},
};

/// How many events stand on the page; a storm brings thousands.
const EVENTS: usize = 30;

/// How much of each raw event stands on the page, and of how many events.
const RAW: usize = 3 * 1024;
const RAWS: usize = 2;

/// What one takes beside its text.
const RAW_FRAME: usize = 500;

pub(super) fn deliveries(view: &RunView, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let rows = room.fill(&view.targets, |target| {
        html! {
            tr {
                td { (short(&target.spec.name, 100)) br; span.soft { (short(&words::place(&target.spec.outlet), 100)) } }
                td {
                    (state(target.state))
                    @if target.attempts > 0 { " " span.soft { (words::count(target.attempts, "failed attempt", "failed attempts")) } }
                    @if let Some(error) = &target.last_error { br; (short(error, 400)) }
                    @if let Some(why) = target.why_not() { br; span.soft { (short(&why, 400)) } }
                }
                td { (shows(target, view.run.revision)) }
                td.nowrap { (words::near(target.updated_at, view.run.created_at)) }
            }
        }
    });
    let comes = |target: &Target| target.state != TargetState::NotWanted && target.hears(view.run.status);
    let waits = |target: &&Target| comes(target) && target.revision < view.run.revision;
    let waiting = view.targets.iter().filter(waits).count();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Deliveries" }
                @if waiting > 0 && view.run.status.is_terminal() {
                    p.soft { (words::count(waiting, "delivery still waits", "deliveries still wait")) ". " (sheet.again()) }
                }
                div.scroll { table {
                    tr { th { "Target" } th { "State" } th { "Shows" } th { "Changed" } }
                    (rows)
                } }
                (rows.rest("target", "targets", &sheet.json))
            }
        }
    }
}

pub(super) fn ratings(view: &RunView, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let said = room.fill(&view.ratings, |said| {
        html! { li { b { (said.rating.as_str()) } " by " (short(&said.by.to_string(), 100)) " " span.soft { (words::moment(said.at)) } } }
    });
    html! {
        @if !said.is_empty() {
            section {
                h2 { "Ratings" }
                ul.card.plain { (said) }
                (said.rest("rating", "ratings", &sheet.json))
            }
        }
    }
}

fn state(state: TargetState) -> Markup {
    let class = match state {
        TargetState::Sent => "ok",
        TargetState::Failed => "s1",
        TargetState::Pending | TargetState::Sending | TargetState::NotWanted | TargetState::Deleted => "off",
    };
    html! { span.tag.(class) { (words::target_state(state)) } }
}

fn shows(target: &Target, revision: u64) -> Markup {
    html! {
        @if matches!(target.state, TargetState::NotWanted | TargetState::Deleted) { span.soft { "nothing" } }
        @else if target.revision == 0 { span.soft { "nothing yet" } }
        @else if target.shown() >= revision { "the newest state" }
        @else {
            "revision " (target.shown()) " of " (revision)
            @if target.one_post.is_some() { br; span.soft { "what is posted there cannot be edited" } }
        }
    }
}

pub(super) fn events(view: &RunView, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    if view.events.is_empty() {
        return html! {};
    }
    let counts = view.run.counts;
    let newest: Vec<&AttachedEvent> = view.events.iter().rev().take(EVENTS).collect();
    let rows = room.fill(&newest, |event| {
        html! {
            tr {
                td.nowrap { (words::near(event.received_at, view.run.created_at)) }
                td { (event.kind.as_str()) br; span.soft { (short(&event.provider_kind, 60)) } }
                td { (short(&event.summary, 200)) }
                td.nowrap { (words::attachment(event.attachment)) }
            }
        }
    });
    let shown = newest.len() - rows.left();
    let over = view.events.len() - shown;
    let more = view.only_counted();
    html! {
        section {
            h2 { "Events" }
            @if counts.attached + counts.duplicates + counts.gathered > 0 {
                p.soft {
                    @if counts.gathered > 0 {
                        (words::count(counts.gathered, "further alert", "further alerts")) " gathered, "
                    }
                    (words::count(counts.attached, "other event", "other events")) @if view.run.storm { " of these incidents attached, " } @else { " of this incident attached, " }
                    (words::count(counts.duplicates, "duplicate delivery", "duplicate deliveries")) " recognized."
                }
            }
            div.scroll { table {
                tr { th { "Came" } th { "What" } th { "Says" } th { "Here" } }
                (rows)
            } }
            @if over > 0 {
                p.soft { "The newest " (shown) " of those recorded are shown; " (over) " older ones stand in " a href=(sheet.json) { "the JSON" } "." }
            }
            @if more > 0 {
                p.soft {
                    @if view.run.storm { "Gathered and attached events together, and duplicates, " }
                    @else { "Attached events and duplicates " }
                    "are recorded up to " (store::EVENTS_KEPT) " of each; "
                    (words::count(more, "later one was", "later ones were")) " only counted."
                }
            }
        }
    }
}

/// The raw events: the opening one, and then the newest, as in the JSON.
pub(super) fn raw(view: &RunView, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let opened = view.events.iter().filter(|event| event.attachment == Attachment::Opened);
    let came = [Attachment::Attached, Attachment::Gathered];
    let attached = view.events.iter().rev().filter(|event| came.contains(&event.attachment));
    let shown: Vec<_> =
        opened.chain(attached).filter_map(|event| Some((event, event.raw.as_ref()?))).take(RAWS).collect();
    html! {
        @if !shown.is_empty() {
            section {
                h2 { "As it came" }
                @for (event, raw) in shown {
                    @let own = RAW.min(room.left().saturating_sub(RAW_FRAME));
                    @let (excerpt, left) = words::head(&raw.text, own);
                    @if let Some(line) = room.fit(html! {
                        details {
                            summary {
                                span.title { (short(&event.provider_kind, 60)) }
                                span.soft { (words::bytes(raw.text.len() + raw.cut_bytes)) }
                            }
                            div {
                                @if !excerpt.is_empty() { pre { (excerpt) } }
                                @if left > 0 { p.soft { "… " (words::bytes(left)) " more in " a href=(sheet.json) { "the JSON" } "." } }
                                @if raw.cut_bytes > 0 { p.soft { (words::bytes(raw.cut_bytes)) " were not kept." } }
                            }
                        }
                    }) { (line) }
                }
            }
        }
    }
}
