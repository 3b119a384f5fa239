//! A team's own words in Slack: what the catalog mentions is mentioned, and nothing else.

use domain::Words;

use super::render::{cost, escape};
use crate::words::written;

/// `words` as markup. A mention or link (`<!subteam^S1>`, `<@U1>`, `<https://example.com|here>`) is alive where one piece of the catalog's
/// has the whole of it; so no value can come to stand in one.
pub(super) fn markup(words: &Words) -> String {
    let written = written(words, cost, own, escape);
    written.into_iter().map(|(_, text)| text).collect::<String>().trim().to_owned()
}

fn own(text: &str) -> String {
    let mut markup = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        markup.push_str(&escape(before));
        match after.split_once('>') {
            Some((within, after)) if alive(within) => {
                markup.push('<');
                markup.push_str(&within.replace('&', "&amp;"));
                markup.push('>');
                rest = after;
            }
            _ => {
                markup.push_str("&lt;");
                rest = after;
            }
        }
    }
    markup.push_str(&escape(rest));
    markup
}

/// What Slack reads in angle brackets: a person, a channel, a group or all of them, a link.
fn alive(within: &str) -> bool {
    let begins = ["@", "#", "!", "http://", "https://", "mailto:"];
    begins.iter().any(|begin| within.starts_with(begin)) && !within.contains(['<', '\n'])
}
