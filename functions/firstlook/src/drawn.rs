//! What stands in the inbox, drawn as a person would see it at the provider's.

pub mod mrkdwn;
mod slack;

use console::words;
use inbox::{Posted, Service};
use maud::{Markup, html};
use serde_json::Value;

use crate::posts;

/// How many lines of a webhook's body.
const LINES: usize = 80;

/// A post, and what stands beneath it.
pub struct Entry<'p> {
    /// The post.
    pub post: &'p Posted,
    /// The replies in its thread, oldest first.
    pub replies: Vec<&'p Posted>,
}

/// The posts, newest first; a reply stands with the message whose thread it is in.
#[must_use]
pub fn entries(posts: &[Posted]) -> Vec<Entry<'_>> {
    let first = |post: &Posted| {
        let thread = post.body.get("thread_ts").and_then(Value::as_str).filter(|_| post.service == Service::Slack)?;
        let channel = post.id.split_once('/')?.0;
        Some(format!("{channel}/{thread}"))
    };
    // Who sees a message alone has it where it was said.
    let stands =
        |id: &str| posts.iter().any(|post| post.service == Service::Slack && post.id == id && post.only_for.is_none());
    let of = |id: &str| posts.iter().filter(|post| first(post).as_deref() == Some(id)).collect();
    let roots = posts.iter().rev().filter(|post| !first(post).is_some_and(|id| stands(&id)));
    roots
        .map(|post| Entry { post, replies: if post.service == Service::Slack { of(&post.id) } else { vec![] } })
        .collect()
}

/// The post.
#[must_use]
pub fn post(entry: &Entry<'_>) -> Markup {
    let post = entry.post;
    let body = post.current();
    match post.service {
        Service::Slack | Service::SlackWebhook => slack::message(post, &entry.replies),
        Service::Email => mail(body),
        Service::Teams => card(body.pointer("/attachments/0/content").unwrap_or(&Value::Null)),
        Service::Webhook => html! {
            pre { (posts::body(post, LINES)) }
            @if !post.headers.is_empty() {
                details {
                    summary { "Headers" }
                    div { pre { @for (name, value) in &post.headers { (name) ": " (value) "\n" } } }
                }
            }
        },
        _ => html! { div.note { (posts::body(post, LINES)) } },
    }
}

fn said<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A mail with its HTML in a frame in which nothing runs, opens or is loaded.
fn mail(body: &Value) -> Markup {
    let to = body.pointer("/Destination/ToAddresses").and_then(Value::as_array).into_iter().flatten();
    let to: Vec<&str> = to.filter_map(Value::as_str).collect();
    let own = body.pointer("/Content/Simple/Headers").and_then(Value::as_array).into_iter().flatten();
    let page = said(body, "/Content/Simple/Body/Html/Data");
    html! {
        dl.mail {
            dt { "From" } dd { (said(body, "/FromEmailAddress")) }
            dt { "To" } dd { (to.join(", ")) }
            dt { "Subject" } dd { b { (said(body, "/Content/Simple/Subject/Data")) } }
        }
        @if !page.is_empty() { iframe sandbox="" srcdoc=(page) title="The mail" {} }
        details {
            summary { "Text part and headers" }
            div {
                pre { @for header in own { (said(header, "/Name")) ": " (said(header, "/Value")) "\n" } }
                pre { (said(body, "/Content/Simple/Body/Text/Data")) }
            }
        }
    }
}

/// An Adaptive Card, as far as ours go: lines of text, and links.
fn card(card: &Value) -> Markup {
    let parts = card.get("body").and_then(Value::as_array).into_iter().flatten();
    let actions = card.get("actions").and_then(Value::as_array).into_iter().flatten();
    let run = |run: &Value| {
        let text = run.as_str().unwrap_or_else(|| said(run, "/text"));
        let heavy = said(run, "/weight") == "Bolder";
        let subtle = run.get("isSubtle").and_then(Value::as_bool).unwrap_or_default();
        html! { @if heavy { b { (text) } } @else if subtle { span.soft { (text) } } @else { (text) } }
    };
    html! {
        div.teams {
            @for part in parts {
                @let inlines = part.get("inlines").and_then(Value::as_array);
                div.apart[said(part, "/spacing") == "Medium"] {
                    @if let Some(inlines) = inlines { @for inline in inlines { (run(inline)) } } @else { (run(part)) }
                }
            }
            div.actions {
                @for action in actions { span.button { (mrkdwn::link(said(action, "/url"), said(action, "/title"))) } " " }
            }
        }
    }
}

/// What colours the service has here.
#[must_use]
pub fn class(service: Service) -> &'static str {
    match service {
        Service::Slack | Service::SlackWebhook => "slack",
        Service::Email => "e-mail",
        Service::Teams => "cards",
        Service::PagerDuty | Service::Opsgenie | Service::Jsm => "pages",
        Service::Jira | Service::ServiceNow | Service::GitHub => "tickets",
        Service::Webhook => "hooks",
    }
}

/// When it was posted and edited.
#[must_use]
pub fn times(post: &Posted) -> Markup {
    html! {
        @if !post.edits.is_empty() {
            p.soft.small {
                "Posted " (words::clock(post.at)) ", edited "
                @for (place, edit) in post.edits.iter().enumerate() {
                    @if place > 0 { ", " }
                    (words::clock(edit.at))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn posted(service: Service, id: &str, body: Value) -> Posted {
        Posted {
            service,
            place: "ops".to_owned(),
            id: id.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            headers: BTreeMap::new(),
            body,
            raw: String::new(),
            edits: vec![],
            deleted: false,
            only_for: None,
        }
    }

    #[test]
    fn replies_stand_beneath_the_message_that_they_answer() {
        let reply = |id: &str, to: &str| posted(Service::Slack, id, json!({ "text": id, "thread_ts": to }));
        let posts = [
            posted(Service::Slack, "C1/1.0", json!({ "text": "root" })),
            posted(Service::Webhook, "w", json!({ "thread_ts": "1.0" })),
            reply("C1/2.0", "1.0"),
            reply("C2/3.0", "1.0"),
            reply("C1/4.0", "1.0"),
        ];
        let shown: Vec<(&str, Vec<&str>)> = entries(&posts)
            .iter()
            .map(|entry| (entry.post.id.as_str(), entry.replies.iter().map(|reply| reply.id.as_str()).collect()))
            .collect();
        assert_eq!(shown, [("C2/3.0", vec![]), ("w", vec![]), ("C1/1.0", vec!["C1/2.0", "C1/4.0"])]);
    }

    #[test]
    fn a_mail_is_in_a_frame_that_it_cannot_leave() {
        let page = "<p title=\"x\">hi</p></iframe><script>alert(1)</script>";
        let body = json!({
            "FromEmailAddress": "F <f@example.com>",
            "Content": { "Simple": { "Subject": { "Data": "<b>" }, "Body": { "Html": { "Data": page } } } },
        });
        let drawn = mail(&body).into_string();
        assert!(drawn.contains("<iframe sandbox=\"\" srcdoc=\"&lt;p title=&quot;x&quot;&gt;hi"), "{drawn}");
        assert_eq!(drawn.matches("</iframe>").count(), 1);
        assert!(!drawn.contains("<script") && drawn.contains("F &lt;f@example.com&gt;"), "{drawn}");
    }

    #[test]
    fn a_card_and_a_note_are_text() {
        let card = json!({ "attachments": [{ "content": {
            "body": [{ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": "<x>", "weight": "Bolder" }] }],
            "actions": [{ "type": "Action.OpenUrl", "title": "Open", "url": "javascript:alert(1)" }],
        } }] });
        let posts = [posted(Service::Teams, "1", card), posted(Service::PagerDuty, "2", json!({ "content": "<y>" }))];
        let drawn: Vec<String> = entries(&posts).iter().map(|entry| post(entry).into_string()).collect();
        assert_eq!(drawn[0], "<div class=\"note\">&lt;y&gt;</div>");
        assert!(drawn[1].contains("<b>&lt;x&gt;</b>") && !drawn[1].contains("javascript"), "{}", drawn[1]);
    }
}
