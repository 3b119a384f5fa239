//! What a model read, and all that was said with it.

use domain::{Claim, Entry, ModelTurn, Part, Reading, Run, ToolCall};
use maud::{Markup, html};

use super::Sheet;
use crate::{
    room::Room,
    words::{self, short, ticked},
};

/// How much of one text of a conversation stands on the page. All of it stands in the JSON.
const EXCERPT: usize = 2 * 1024;

/// Whom it hits and why, and what that rests on.
pub(super) fn cause(reading: &Reading, read_by: &str, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let impact = Some(&reading.impact).filter(|impact| !impact.is_empty());
    let impact = impact.and_then(|impact| room.fit(html! { p { b { "Impact " } (ticked(&short(impact, 500))) } }));
    let cause = reading.cause.as_ref().map(|cause| {
        let told = room.fit(html! { p { (ticked(&short(&cause.text, 600))) } });
        (cause, told, room.fill(&cause.claims, |claim| html! { li { (cited(claim, sheet)) } }))
    });
    html! {
        @if impact.is_some() || cause.is_some() {
            section {
                h2 { "What " (short(read_by, 100)) " reads in it" }
                @if let Some(impact) = impact { (impact) }
                @if let Some((cause, told, claims)) = cause {
                    article.card {
                        div.head { h3 { "Probable cause" } span.tag.off { (cause.confidence.as_str()) " confidence" } }
                        @if let Some(told) = told { (told) }
                        ul.plain { (claims) }
                        (claims.rest("claim", "claims", &sheet.json))
                    }
                }
            }
        }
    }
}

/// What else may be, what is not, and what the model did not see.
pub(super) fn alternatives(reading: &Reading, sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let other = room.fill_part(2, &reading.hypotheses, |other| {
        html! {
            li {
                (ticked(&short(&other.text, 300)))
                @if let Some(why) = &other.demoted { " " span.tag.off { "not proven" } " " span.soft { (short(why, 200)) } }
            }
        }
    });
    let out = room.fill_part(2, &reading.ruled_out, |out| {
        html! { li { (ticked(&short(&out.text, 300))) ": " (cited(&out.why, sheet)) } }
    });
    let gaps = room.fill(&reading.gaps, |gap| html! { li { (ticked(&short(gap, 300))) } });
    let list = |title: &str, filled: &crate::room::Filled, (one, many): (&str, &str)| {
        html! {
            @if !filled.is_empty() {
                section { h2 { (title) } ul.card { (filled) } (filled.rest(one, many, &sheet.json)) }
            }
        }
    };
    html! {
        (list("It may also be", &other, ("hypothesis", "hypotheses")))
        (list("Ruled out", &out, ("one", "others")))
        (list("Not seen by the model", &gaps, ("gap", "gaps")))
    }
}

fn cited(claim: &Claim, sheet: &Sheet<'_>) -> Markup {
    html! {
        (ticked(&short(&claim.text, 400))) " " (sheet.quotes.cited(claim)) " " span.soft { "· " (sheet.step_link(&claim.step)) }
    }
}

/// What it cost; that it cost nothing too.
pub(super) fn cost(run: &Run) -> Markup {
    let cost = &run.cost;
    html! {
        span {
            @if cost.turns + cost.lost_turns > 0 {
                b { (cost.at_most()) } " for " (words::count(cost.usage.total(), "token", "tokens")) " in "
                (words::count(cost.turns, "turn", "turns"))
                @if cost.lost_turns > 0 { ", " (words::count(cost.lost_turns, "answer", "answers")) " lost" }
            } @else {
                b { (cost.at_most()) } ": no model was asked" @if !run.status.is_terminal() { " so far" }
            }
        }
    }
}

/// The conversation, a line for each turn and each call.
pub(super) fn transcript(entries: &[Entry], sheet: &Sheet<'_>, room: &mut Room) -> Markup {
    let drawn = room.fill(entries, |entry| match entry {
        Entry::Opening(opening) => html! {
            details {
                summary {
                    span.title { "What the model was told" }
                    span.soft { (words::bytes(usize::try_from(opening.bytes).unwrap_or(usize::MAX))) }
                }
                div { (excerpt(&opening.prompt, EXCERPT / 2)) }
            }
        },
        Entry::Turn(turn) => turn_line(turn),
        Entry::Call(call) => call_line(call, sheet),
    });
    html! {
        @if !entries.is_empty() {
            section {
                h2 { "The conversation" }
                (drawn)
                (drawn.rest("entry", "entries", &sheet.json))
            }
        }
    }
}

fn turn_line(turn: &ModelTurn) -> Markup {
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
                span.soft { (words::count(turn.usage.total(), "token", "tokens")) ", " (turn.usd) ", " (words::span(turn.elapsed_ms)) }
                span.note { (words::count(asked, "tool call", "tool calls")) }
            }
            div { (excerpt(&said, EXCERPT)) }
        }
    }
}

fn call_line(call: &ToolCall, sheet: &Sheet<'_>) -> Markup {
    html! {
        details {
            summary {
                span.title { code { (short(&call.tool, 80)) } }
                span {
                    @if call.is_error { span.tag.s3 { "not done" } }
                    @if call.repeated { " " span.tag.off { "from the record" } }
                }
                @if let Some(step) = &call.step { span.note { (short(step.as_str(), 100)) } }
            }
            div {
                @if let Some(step) = &call.step { p.soft { "Its step: " (sheet.step_link(step)) } }
                (excerpt(&call.arguments.to_string(), EXCERPT / 4))
                (excerpt(&call.text, EXCERPT / 2))
            }
        }
    }
}

fn excerpt(text: &str, most: usize) -> Markup {
    let (kept, left) = words::head(text, most);
    html! {
        @if !kept.is_empty() { pre { (kept) } }
        @if left > 0 { p.soft { "… " (words::bytes(left)) " more stand in the JSON." } }
    }
}
