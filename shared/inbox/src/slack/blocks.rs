//! The limits of Block Kit (source: docs.slack.dev/reference/block-kit, the SDKs' models, and for the total, which no page
//! names, slackapi/bolt-js issue 2509).

use std::collections::BTreeSet;

use serde_json::Value;

const BLOCKS: usize = 50;
const SECTION: usize = 3000;
const FIELDS: usize = 10;
const FIELD: usize = 2000;
const HEADER: usize = 150;
const CONTEXT: usize = 10;
const ACTIONS: usize = 25;
const BUTTON: usize = 75;
const VALUE: usize = 2000;
const BLOCK_ID: usize = 255;
const TOTAL: usize = 13_200;

type Checked = Result<(), &'static str>;

const INVALID: &str = "invalid_blocks";

/// Refuses what Slack would refuse.
pub(crate) fn check(blocks: &Value) -> Checked {
    let blocks = blocks.as_array().ok_or("invalid_blocks_format")?;
    if blocks.len() > BLOCKS {
        return Err(INVALID);
    }
    let (mut total, mut ids) = (0, BTreeSet::new());
    for block in blocks {
        if let Some(id) = block.get("block_id") {
            let id = id.as_str().filter(|id| id.chars().count() <= BLOCK_ID).ok_or(INVALID)?;
            if !ids.insert(id) {
                return Err(INVALID);
            }
        }
        total += size(block)?;
    }
    if total > TOTAL { Err("msg_blocks_too_long") } else { Ok(()) }
}

/// How many characters of text a block holds, if it is a legal one.
fn size(block: &Value) -> Result<usize, &'static str> {
    match block.get("type").and_then(Value::as_str) {
        Some("divider") => Ok(0),
        Some("header") => {
            let text = block.get("text").ok_or(INVALID)?;
            if text.get("type").and_then(Value::as_str) != Some("plain_text") {
                return Err(INVALID);
            }
            object(text, HEADER)
        }
        Some("section") => {
            let fields = block.get("fields").map(|fields| fields.as_array().ok_or(INVALID)).transpose()?;
            if block.get("text").is_none() && fields.is_none_or(Vec::is_empty) {
                return Err(INVALID);
            }
            let mut total = block.get("text").map_or(Ok(0), |text| object(text, SECTION))?;
            for (index, field) in fields.into_iter().flatten().enumerate() {
                if index >= FIELDS {
                    return Err(INVALID);
                }
                total += object(field, FIELD)?;
            }
            Ok(total)
        }
        Some("context") => {
            let elements = block.get("elements").and_then(Value::as_array).ok_or(INVALID)?;
            if elements.is_empty() || elements.len() > CONTEXT {
                return Err(INVALID);
            }
            elements.iter().map(|element| object(element, SECTION)).sum()
        }
        Some("actions") => {
            let elements = block.get("elements").and_then(Value::as_array).ok_or(INVALID)?;
            if elements.is_empty() || elements.len() > ACTIONS {
                return Err(INVALID);
            }
            let mut ids = BTreeSet::new();
            elements.iter().map(|element| button(element, &mut ids)).sum()
        }
        _ => Err(INVALID),
    }
}

/// How many characters a button shows, if it is a legal one. Ids are unique within their block.
fn button<'b>(button: &'b Value, ids: &mut BTreeSet<&'b str>) -> Result<usize, &'static str> {
    let within = |key: &str, most: usize| match button.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text.as_str())),
        Some(_) => Err(INVALID),
    };
    within("value", VALUE)?;
    let fresh = within("action_id", BLOCK_ID)?.is_none_or(|id| ids.insert(id));
    let text = button.get("text").ok_or(INVALID)?;
    let plain = text.get("type").and_then(Value::as_str) == Some("plain_text");
    let is_button = button.get("type").and_then(Value::as_str) == Some("button");
    if is_button && fresh && plain { object(text, BUTTON) } else { Err(INVALID) }
}

/// How many characters a text object holds, if it is a legal one.
fn object(text: &Value, most: usize) -> Result<usize, &'static str> {
    let wrong = match text.get("type").and_then(Value::as_str) {
        Some("plain_text") => "verbatim",
        Some("mrkdwn") => "emoji",
        _ => return Err(INVALID),
    };
    if text.get(wrong).is_some() {
        return Err(INVALID);
    }
    match text.get("text").and_then(Value::as_str).map(|text| text.chars().count()) {
        Some(length) if (1..=most).contains(&length) => Ok(length),
        _ => Err(INVALID),
    }
}
