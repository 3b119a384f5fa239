//! Redactions: each does what its cases say.

use regex::Regex;

use super::{Desk, Spot};
use crate::{bind::cut, model::Redaction, problem::Code, schema::DocKind};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, redaction) in &catalog.redactions {
        one(desk, &Spot::new(DocKind::Redaction, name), redaction);
    }
}

fn one(desk: &mut Desk<'_>, spot: &Spot<'_>, redaction: &Redaction) {
    let regex = match Regex::new(&redaction.pattern) {
        Ok(regex) => regex,
        Err(error) => {
            let message = format!("`pattern` is not a regular expression: {}", last_line(&error.to_string()));
            let help = "look-around and back-references are not taken; a backslash in double quotes is written twice";
            return desk.report(&spot.to("pattern"), Code::Regex, message, help);
        }
    };
    let secret = |text: &str| {
        let found = regex.captures(text)?;
        found.name("secret").or_else(|| found.get(0)).map(|found| found.range())
    };
    if secret("").is_some() {
        let help = "let it match at least one character";
        desk.report(&spot.to("pattern"), Code::Redaction, "`pattern` matches where nothing is", help);
        return;
    }
    if redaction.masks.is_empty() {
        let help = "add an invented one: `masks: [\"customer C-000000\"]`";
        desk.report(&spot.to("masks"), Code::Redaction, "there is no text that shows what it masks", help);
    }
    for (place, text) in redaction.masks.iter().enumerate() {
        if secret(text).is_none_or(|range| range.is_empty()) {
            let message = format!("nothing is masked in `{}`", cut(text));
            desk.report(&spot.to("masks").item(place), Code::Redaction, message, "mend the pattern, or the text");
        }
    }
    for (place, text) in redaction.keeps.iter().enumerate() {
        if let Some(found) = secret(text) {
            let message = format!("`{}` is masked in `{}`", cut(text.get(found).unwrap_or_default()), cut(text));
            desk.report(
                &spot.to("keeps").item(place),
                Code::Redaction,
                message,
                "narrow the pattern, or take the text out",
            );
        }
    }
    if let Some(replace) = redaction.replace.as_deref().filter(|replace| secret(replace).is_some()) {
        let message = format!("`{}` would be masked itself", cut(replace));
        desk.report(&spot.to("replace"), Code::Redaction, message, "write what the pattern does not match");
    }
}

/// What the parser says, without the drawing above it.
fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or(text).trim_start_matches("error: ")
}
