//! What had no room in a message: it stands whole in messages of its thread.

use serde_json::{Value, json};

use super::render::{Message, cost, cost_escaped, escape, whole};
use crate::{Post, text::weight};

/// The most messages for it. What is beyond them stands on the run's page.
const PARTS: usize = 3;
/// The most of one of them, and of a section, in characters; the most sections.
const PART: usize = 11_000;
const SECTION: usize = 2_900;
const SECTIONS: usize = 40;

/// How many messages hold what has no room in that of `post`.
#[must_use]
pub fn parts(post: &Post<'_>) -> usize {
    filled(&whole(post)).0.len()
}

/// The `part`-th of them, from 0.
pub(super) fn render(post: &Post<'_>, part: usize) -> Value {
    let message = whole(post);
    let (parts, more) = filled(&message);
    let mut shown = Message::default();
    shown.context(&match parts.get(part) {
        Some(_) => format!("What had no room above, {} of {}:", part + 1, parts.len()),
        // It had, before a redrive took the run up again.
        None => "What had no room above has room now.".to_owned(),
    });
    for section in parts.get(part).into_iter().flatten() {
        shown.push_section(section);
    }
    if more && part + 1 == parts.len() {
        let link = post.link.map(|link| format!(" · <{}|Open the RunSession>", escape(link))).unwrap_or_default();
        shown.context(&format!("More stands on the run's page{link}"));
    }
    json!({
        "text": "What had no room above",
        "blocks": shown.blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The sections of each message, and whether there are more than all of them take.
fn filled(message: &Message) -> (Vec<Vec<String>>, bool) {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for section in message.rest.iter().flat_map(|lines| sections(lines)) {
        let size = weight(&section, cost_escaped);
        if let Some(part) = parts.last_mut().filter(|part| size <= room && part.len() < SECTIONS) {
            room -= size;
            part.push(section);
        } else if parts.len() < PARTS {
            room = PART.saturating_sub(size);
            parts.push(vec![section]);
        } else {
            return (parts, true);
        }
    }
    (parts, false)
}

/// `lines`, each of which has room in a section, in as few sections as that takes.
fn sections(lines: &[String]) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for line in lines {
        match sections.last_mut() {
            Some(last) if weight(last, cost_escaped) + weight(line, cost_escaped) < SECTION => {
                last.push('\n');
                last.push_str(line);
            }
            _ => sections.push(line.clone()),
        }
    }
    sections
}

/// The whole of `text`, escaped, in pieces that have room in a section.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut used = 0;
        let over = rest.char_indices().find(|(_, c)| {
            used += cost(*c);
            used > SECTION
        });
        let end = over.map_or(rest.len(), |(at, _)| at);
        let kept = rest.get(..end).unwrap_or_default();
        let word = over.and_then(|_| kept.rfind(char::is_whitespace)).filter(|at| at * 2 >= end);
        let (piece, left) = rest.split_at_checked(word.unwrap_or(end)).unwrap_or((rest, ""));
        pieces.push(escape(piece.trim_end()));
        rest = left.trim_start();
    }
    pieces
}
