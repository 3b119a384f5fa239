//! A Slack message as Slack shows it, with its thread beneath.

use console::words;
use inbox::Posted;
use maud::{Markup, html};
use serde_json::Value;

use super::mrkdwn;

/// A message and the replies in its thread, oldest first.
#[must_use]
pub fn message(posted: &Posted, replies: &[&Posted]) -> Markup {
    html! {
        (one(posted))
        @if !replies.is_empty() {
            div.thread {
                p.soft { (words::count(replies.len(), "reply", "replies")) }
                @for reply in replies { (one(reply)) }
            }
        }
    }
}

fn one(posted: &Posted) -> Markup {
    let person = posted.body.get("user").and_then(Value::as_str).filter(|_| posted.only_for.is_none());
    let name = words::plain(person.unwrap_or("Firstlook"));
    html! {
        div.message {
            div.face.person[person.is_some()] aria-hidden="true" { (name.chars().next().unwrap_or('?')) }
            div.said {
                div.by {
                    b { (name) }
                    @if person.is_none() { " " span.app { "APP" } }
                    " " span.soft { (words::clock(posted.at)) }
                    @if let Some(user) = &posted.only_for { " " span.soft { "Only visible to " (words::plain(user)) } }
                }
                @if posted.deleted {
                    p.soft { "This message was deleted." }
                } @else {
                    (body(posted.current()))
                    @if !posted.edits.is_empty() { span.soft.small { "(edited)" } }
                }
            }
        }
    }
}

/// The blocks, or where there are none the text.
#[must_use]
pub fn body(message: &Value) -> Markup {
    match message.get("blocks").and_then(Value::as_array).filter(|blocks| !blocks.is_empty()) {
        Some(blocks) => html! { @for block in blocks { (drawn(block)) } },
        None => html! { div.section { (mrkdwn::drawn(text(message.get("text")))) } },
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(block: &'a Value, key: &str) -> &'a [Value] {
    block.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn drawn(block: &Value) -> Markup {
    match text(block.get("type")) {
        "header" => html! { h4.header { (object(block.get("text"))) } },
        "divider" => html! { hr; },
        "section" => html! {
            div.section {
                @if block.get("text").is_some() { (object(block.get("text"))) }
                @let fields = list(block, "fields");
                @if !fields.is_empty() { div.fields { @for field in fields { div { (object(Some(field))) } } } }
                @if let Some(beside) = block.get("accessory") { (element(beside)) }
            }
        },
        "context" => html! { div.context { @for part in list(block, "elements") { div { (element(part)) } } } },
        "actions" => html! { div.actions { @for part in list(block, "elements") { (element(part)) " " } } },
        // What is newer than this page is shown as it was sent.
        _ => html! { pre { (serde_json::to_string_pretty(block).unwrap_or_default()) } },
    }
}

/// A text object.
fn object(object: Option<&Value>) -> Markup {
    let said = text(object.and_then(|object| object.get("text")));
    match text(object.and_then(|object| object.get("type"))) {
        "mrkdwn" => mrkdwn::drawn(said),
        _ => html! { (mrkdwn::plain(said)) },
    }
}

fn element(element: &Value) -> Markup {
    match text(element.get("type")) {
        "button" => {
            let style = match text(element.get("style")) {
                "primary" => "button primary",
                "danger" => "button danger",
                _ => "button",
            };
            html! { span class=(style) { (object(element.get("text"))) } }
        }
        // Nothing is loaded from anywhere.
        "image" => html! { span.soft { "[" (text(element.get("alt_text"))) "]" } },
        _ => object(Some(element)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_are_drawn_and_every_text_is_escaped() {
        let message = json!({ "text": "notice", "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": "Down &amp; <out>" } },
            { "type": "divider" },
            { "type": "section", "text": { "type": "mrkdwn", "text": "*Found*\n&lt;script&gt;" },
              "fields": [{ "type": "mrkdwn", "text": "_a_" }] },
            { "type": "actions", "elements": [
                { "type": "button", "style": "danger", "text": { "type": "plain_text", "text": "<b>Stop" } },
            ] },
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": "<https://x.example/|Open>" }] },
            { "type": "new", "x": "<y>" },
        ] });
        let drawn = body(&message).into_string();
        assert_eq!(
            drawn,
            "<h4 class=\"header\">Down &amp; &lt;out&gt;</h4><hr>\
             <div class=\"section\"><div><b>Found</b></div><div>&lt;script&gt;</div>\
             <div class=\"fields\"><div><div><i>a</i></div></div></div></div>\
             <div class=\"actions\"><span class=\"button danger\">&lt;b&gt;Stop</span> </div>\
             <div class=\"context\"><div><div><a href=\"https://x.example/\" target=\"_blank\" rel=\"noreferrer noopener\">Open</a>\
             </div></div></div>\
             <pre>{\n  &quot;type&quot;: &quot;new&quot;,\n  &quot;x&quot;: &quot;&lt;y&gt;&quot;\n}</pre>"
        );
        assert_eq!(body(&json!({ "text": "a <b>" })).into_string(), "<div class=\"section\"><div>a b</div></div>");
    }
}
