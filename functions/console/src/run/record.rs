//! Where the run is shown, and what it was told.

use domain::{AttachedEvent, Attachment, RunView, Target, TargetState};
use maud::{Markup, html};

use crate::words;

/// How many events stand on the page; a storm brings thousands.
const EVENTS: usize = 30;

/// How much of each raw event stands on the page, and of how many events.
const RAW: usize = 6 * 1024;
const RAWS: usize = 2;

pub(super) fn deliveries(view: &RunView) -> Markup {
    if view.targets.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Deliveries" }
            div.scroll { table {
                tr { th { "Target" } th { "State" } th { "Shows" } th { "Changed" } }
                @for target in &view.targets {
                    tr {
                        td { (target.spec.name) br; span.soft { (words::place(&target.spec.outlet)) } }
                        td {
                            (state(target.state))
                            @if target.attempts > 0 { " " span.soft { (words::count(target.attempts, "failed attempt", "failed attempts")) } }
                            @if let Some(error) = &target.last_error { br; (error) }
                            @if let Some(why) = target.why_not() { br; span.soft { (why) } }
                        }
                        td { (shows(target, view.run.revision)) }
                        td.nowrap { (words::clock(target.updated_at)) }
                    }
                }
            } }
        }
    }
}

fn state(state: TargetState) -> Markup {
    let class = match state {
        TargetState::Sent => "ok",
        TargetState::Failed => "s1",
        TargetState::Pending | TargetState::Sending | TargetState::NotWanted => "off",
    };
    html! { span.tag.(class) { (words::target_state(state)) } }
}

fn shows(target: &Target, revision: u64) -> Markup {
    html! {
        @if target.state == TargetState::NotWanted { span.soft { "nothing" } }
        @else if target.revision == 0 { span.soft { "nothing yet" } }
        @else if target.revision >= revision { "the newest state" }
        @else { "revision " (target.revision) " of " (revision) }
    }
}

pub(super) fn events(view: &RunView) -> Markup {
    if view.events.is_empty() {
        return html! {};
    }
    let counts = view.run.counts;
    let newest: Vec<&AttachedEvent> = view.events.iter().rev().take(EVENTS).collect();
    let over = view.events.len() - newest.len();
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
                @for event in newest {
                    tr {
                        td.nowrap { (words::clock(event.received_at)) }
                        td { (event.kind.as_str()) br; span.soft { (event.provider_kind) } }
                        td { (event.summary) }
                        td.nowrap { (words::attachment(event.attachment)) }
                    }
                }
            } }
            @if over > 0 {
                p.soft { "The newest " (EVENTS) " of those recorded are shown; " (over) " older ones stand in the JSON." }
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
pub(super) fn raw(view: &RunView) -> Markup {
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
                    @let (excerpt, left) = words::head(&raw.text, RAW);
                    details {
                        summary {
                            span.title { (event.provider_kind) }
                            span.soft { (words::bytes(raw.text.len() + raw.cut_bytes)) }
                        }
                        div {
                            pre { (excerpt) }
                            @if left > 0 { p.soft { "… " (words::bytes(left)) " more: they stand in the JSON." } }
                            @if raw.cut_bytes > 0 { p.soft { (words::bytes(raw.cut_bytes)) " were not kept." } }
                        }
                    }
                }
            }
        }
    }
}
