//! What may be run from Slack.

use super::{Desk, Spot};
use crate::{
    model::{Source, SourceType},
    problem::Code,
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    let spot = spot.to("commands");
    if source.source_type != SourceType::Slack {
        if !source.commands.is_empty() {
            let message = format!("nobody can ask `{}` for a Command", source.source_type.as_str());
            desk.report(&spot, Code::ChatCommand, message, "name it in a Workflow, or in a Source of `type: slack`");
        }
        return;
    }
    for (place, entry) in source.commands.iter().enumerate() {
        let spot = spot.item(place);
        desk.refers(&spot.to("command"), DocKind::Command, &entry.command);
        if let Some(assistant) = &entry.assistant {
            desk.refers(&spot.to("assistant"), DocKind::Assistant, assistant);
        }
        if entry.channels.is_empty() {
            let message = format!("`{}` may be run from nowhere", entry.command);
            let help = "name the channels from which it may be: `channels: [C0123ABCD]`";
            desk.report(&spot.to("channels"), Code::ChatCommand, message, help);
        }
        ids(desk, &spot.to("channels"), &entry.channels, "channel", &['C', 'G', 'D'], "C0123ABCD");
        ids(desk, &spot.to("users"), &entry.users, "member", &['U', 'W'], "U0123ABCD");
        if source.commands.iter().take(place).any(|before| before == entry) {
            desk.report(&spot, Code::ChatCommand, "this entry stands above already", "take one of them out");
        }
    }
}

/// A name is no id: names change, and whoever takes a name that was given up would have what it allows.
fn ids(desk: &mut Desk<'_>, spot: &Spot<'_>, given: &[String], what: &str, begin: &[char], example: &str) {
    for (place, id) in given.iter().enumerate() {
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if id.len() < 9 || !id.starts_with(begin) || !id.bytes().all(legal) {
            let message = format!("`{}` is not the id of a Slack {what}", crate::bind::cut(id));
            let help = format!("write its id, such as {example}: Slack shows it under the {what}'s details");
            desk.report(&spot.item(place), Code::ChatCommand, message, help);
        }
    }
}
