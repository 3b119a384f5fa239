//! What stands in the inbox, as text.

use console::words;
use inbox::{Posted, Service};
use serde_json::Value;

/// Where it was posted, and how often it was edited.
#[must_use]
pub fn heading(posted: &Posted) -> String {
    let place = words::plain(&posted.place);
    let mut text = match posted.service {
        Service::Slack => format!("Slack #{place}"),
        Service::SlackWebhook => format!("Slack, incoming webhook {place}"),
        Service::PagerDuty => format!("PagerDuty, note on incident {place}"),
        Service::Opsgenie => format!("Opsgenie, note on alert {place}"),
        Service::Jsm => format!("Jira Service Management, note on alert {place}"),
        Service::Jira => format!("Jira, comment on {place}"),
        Service::ServiceNow => format!("ServiceNow, work note on {place}"),
        Service::GitHub => format!("GitHub, comment on {place}"),
        Service::Teams => format!("Teams, webhook {place}"),
        Service::Email => format!("E-mail to {place}"),
        Service::Webhook => format!("Webhook {place}, id {}", words::plain(&posted.id)),
    };
    if let Some(user) = &posted.only_for {
        text.push_str(&format!(", seen by {} alone", words::plain(user)));
    }
    match posted.edits.len() {
        0 => {}
        1 => text.push_str(", edited once"),
        edits => text.push_str(&format!(", edited {edits} times")),
    }
    if posted.deleted {
        text.push_str(", deleted");
    }
    text
}

/// What stands there now. Of a webhook's body at most so many `lines`.
#[must_use]
pub fn body(posted: &Posted, lines: usize) -> String {
    drawn(posted.service, posted.current(), lines)
}

/// What a body shows that `service` gets. Of a webhook's at most so many `lines`.
#[must_use]
pub fn drawn(service: Service, body: &Value, lines: usize) -> String {
    let text = match service {
        Service::Slack | Service::SlackWebhook => slack(body),
        Service::PagerDuty => first_text(body, &["/note/content", "/content"]),
        Service::Opsgenie | Service::Jsm => first_text(body, &["/note"]),
        Service::ServiceNow => first_text(body, &["/work_notes"]),
        Service::GitHub => first_text(body, &["/body"]),
        Service::Jira => texts(body.get("body"), "content"),
        Service::Teams => texts(body.pointer("/attachments/0/content"), "body"),
        Service::Email => mail(body),
        Service::Webhook => json(body, lines),
    };
    words::plain(text.trim_end())
}

/// The subject and the plain part.
fn mail(body: &Value) -> String {
    let said = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}\n\n{}", said("/Content/Simple/Subject/Data"), said("/Content/Simple/Body/Text/Data"))
}

fn first_text(body: &Value, pointers: &[&str]) -> String {
    let found = pointers.iter().find_map(|pointer| body.pointer(pointer)?.as_str());
    found.map_or_else(|| json(body, usize::MAX), str::to_owned)
}

/// The texts of a document or card, a line for each of its `parts`.
fn texts(document: Option<&Value>, parts: &str) -> String {
    let parts = document.and_then(|document| document.get(parts)).and_then(Value::as_array).into_iter().flatten();
    let line = |part: &Value| {
        let pieces = ["content", "inlines"].iter().find_map(|inner| part.get(inner)?.as_array()).into_iter().flatten();
        let piece = |piece: &Value| match piece.get("text").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => "\n".to_owned(),
        };
        pieces.map(piece).collect::<String>()
    };
    parts.map(line).collect::<Vec<_>>().join("\n")
}

fn json(body: &Value, most: usize) -> String {
    let text = match body {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    let mut lines: Vec<&str> = text.lines().take(most).collect();
    if text.lines().count() > most {
        lines.push("…");
    }
    lines.join("\n")
}

/// The texts of the blocks, one after the other, as Slack would show them.
fn slack(message: &Value) -> String {
    let Some(blocks) = message.get("blocks").and_then(Value::as_array) else {
        return first_text(message, &["/text"]);
    };
    let shown = blocks.iter().map(|block| {
        let mut texts = Vec::new();
        for part in ["text", "fields", "elements"] {
            collect(block.get(part), &mut texts);
        }
        texts.join("  ")
    });
    shown.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn collect(part: Option<&Value>, texts: &mut Vec<String>) {
    match part {
        Some(Value::String(text)) => texts.push(unmarked(text)),
        Some(Value::Array(list)) => list.iter().for_each(|inner| collect(Some(inner), texts)),
        Some(Value::Object(map)) => {
            collect(map.get("text"), texts);
            if let Some(Value::String(url)) = map.get("url") {
                texts.push(url.clone());
            }
        }
        _ => {}
    }
}

/// Slack's markup for links, and its three escapes, read.
fn unmarked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        shown.push_str(before);
        match after.split_once('>') {
            Some((link, after)) => {
                match link.split_once('|') {
                    Some((url, label)) => shown.push_str(&format!("{label}: {url}")),
                    None => shown.push_str(link),
                }
                rest = after;
            }
            None => {
                shown.push('<');
                rest = after;
            }
        }
    }
    shown.push_str(rest);
    shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slack_message_reads_as_slack_would_show_it() {
        let message = json!({
            "text": "the notice",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Down &amp; out"}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "*Found*: a &lt; b"}},
                {"type": "divider"},
                {"type": "context", "elements": [
                    {"type": "mrkdwn", "text": "run_1 · <http://x/runs/1?a=1&amp;b=2|Open the RunSession>"}
                ]}
            ]
        });
        assert_eq!(
            slack(&message),
            "Down & out\n\n*Found*: a < b\n\nrun_1 · Open the RunSession: http://x/runs/1?a=1&b=2"
        );
        assert_eq!(slack(&json!({"text": "only text"})), "only text");
    }

    #[test]
    fn an_angle_bracket_that_does_not_close_stands_for_itself() {
        assert_eq!(unmarked("a < b"), "a < b");
    }

    #[test]
    fn a_long_body_is_cut_by_lines() {
        let list: Vec<u32> = (0..200).collect();
        let text = json(&json!(list), 60);
        assert_eq!(text.lines().count(), 61);
        assert!(text.ends_with('…'));
    }
}
