//! What a model read, and all that was said with it.

use domain::{Claim, Cost, Entry, ModelTurn, Part, Reading, ToolCall};
use maud::{Markup, html};

use super::report::step_link;
use crate::words;

/// How much of one text of a conversation stands on the page, and of a whole conversation. All of it stands in the JSON.
const EXCERPT: usize = 2 * 1024;
const EXCERPTS: usize = 24 * 1024;

pub(super) fn section(reading: &Reading, read_by: &str) -> Markup {
    html! {
        section {
            h2 { "What " (read_by) " reads in it" }
            @if let Some(cause) = &reading.cause {
                article.card {
                    div.head { h3 { "Probable cause" } span.tag.off { (cause.confidence.as_str()) " confidence" } }
                    p { (words::ticked(&cause.text)) }
                    ul.plain { @for claim in &cause.claims { li { (cited(claim)) } } }
                }
            }
            @if !reading.impact.is_empty() { p { b { "Impact " } (words::ticked(&reading.impact)) } }
            @if !reading.hypotheses.is_empty() {
                h3 { "It may also be" }
                ul.card {
                    @for other in &reading.hypotheses {
                        li {
                            (words::ticked(&other.text))
                            @if let Some(why) = &other.demoted { " " span.tag.off { "not proven" } " " span.soft { (why) } }
                        }
                    }
                }
            }
            @if !reading.ruled_out.is_empty() {
                h3 { "Ruled out" }
                ul.card { @for out in &reading.ruled_out { li { (words::ticked(&out.text)) ": " (cited(&out.why)) } } }
            }
            @if !reading.gaps.is_empty() {
                h3 { "Not seen by the model" }
                ul.card { @for gap in &reading.gaps { li { (words::ticked(gap)) } } }
            }
        }
    }
}

fn cited(claim: &Claim) -> Markup {
    html! { (words::ticked(&claim.text)) " " code { (claim.quote) } " " span.soft { "· " (step_link(&claim.step)) } }
}

/// What it cost.
pub(super) fn cost(cost: &Cost) -> Markup {
    html! {
        @if cost.turns + cost.lost_turns > 0 {
            span {
                b { (cost.at_most()) } " for " (words::count(cost.usage.total(), "token", "tokens")) " in "
                (words::count(cost.turns, "turn", "turns"))
                @if cost.lost_turns > 0 { ", " (words::count(cost.lost_turns, "answer", "answers")) " lost" }
            }
        }
    }
}

/// The conversation, a line for each turn and each call.
pub(super) fn transcript(entries: &[Entry]) -> Markup {
    let mut room = EXCERPTS;
    html! {
        @if !entries.is_empty() {
            section {
                h2 { "The conversation" }
                @for entry in entries {
                    @match entry {
                        Entry::Opening(opening) => details {
                            summary {
                                span.title { "What the model was told" }
                                span.soft { (words::bytes(usize::try_from(opening.bytes).unwrap_or(usize::MAX))) }
                            }
                            div { (excerpt(&opening.prompt, &mut room)) }
                        },
                        Entry::Turn(turn) => (turn_line(turn, &mut room)),
                        Entry::Call(call) => (call_line(call, &mut room)),
                    }
                }
            }
        }
    }
}

fn turn_line(turn: &ModelTurn, room: &mut usize) -> Markup {
    let said = turn.parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Opaque { .. } => None,
    });
    let said = said.collect::<Vec<_>>().join("\n");
    let asked = turn.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. })).count();
    html! {
        details {
            summary {
                span.title { "Turn " (turn.turn) }
                span.note { (words::count(asked, "tool call", "tool calls")) }
                span.soft { (words::count(turn.usage.total(), "token", "tokens")) ", " (turn.usd) ", " (words::span(turn.elapsed_ms)) }
            }
            div { (excerpt(&said, room)) }
        }
    }
}

fn call_line(call: &ToolCall, room: &mut usize) -> Markup {
    let arguments = call.arguments.to_string();
    html! {
        details {
            summary {
                span.title { code { (words::head(&call.tool, 80).0) } }
                @if call.is_error { span.tag.s3 { "not done" } }
                @if call.repeated { span.tag.off { "from the record" } }
                @if let Some(step) = &call.step { span.note { (step_link(step)) } }
            }
            div { (excerpt(&arguments, room)) (excerpt(&call.text, room)) }
        }
    }
}

fn excerpt(text: &str, room: &mut usize) -> Markup {
    let (kept, left) = words::head(text, EXCERPT.min(*room));
    *room -= kept.len();
    html! {
        @if !kept.is_empty() { pre { (kept) } }
        @if left > 0 { p.soft { "… " (words::bytes(left)) " more: they stand in the JSON." } }
    }
}
