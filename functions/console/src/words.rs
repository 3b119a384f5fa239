//! Times, lengths, sizes and states in words, for the pages here and for the command line.

use std::borrow::Cow;

use domain::{AlertSeverity, Attachment, IncidentState, OutletSpec, TargetState};
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

/// A moment, to the second, in UTC.
#[must_use]
pub fn moment(at: Timestamp) -> Markup {
    let text = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at) { (text) } }
}

/// A moment of a known day.
#[must_use]
pub fn clock(at: Timestamp) -> Markup {
    let text = at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
    html! { time datetime=(at) { (text) } }
}

/// A moment, with its day (UTC) only where that is not the day of `base`.
#[must_use]
pub fn near(at: Timestamp, base: Timestamp) -> Markup {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    if day(at) == day(base) { clock(at) } else { moment(at) }
}

/// A length of time in at most two units.
#[must_use]
pub fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// From one moment to another; nothing when they are in the wrong order.
#[must_use]
pub fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0)
}

/// A number of bytes.
#[must_use]
pub fn bytes(count: usize) -> String {
    if count < 1024 { format!("{count} B") } else { format!("{}.{} KB", count / 1024, count % 1024 * 10 / 1024) }
}

/// A number with its noun.
#[must_use]
pub fn count(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The sender's severity.
#[must_use]
pub fn alert_severity(severity: AlertSeverity) -> &'static str {
    match severity {
        AlertSeverity::Critical => "critical",
        AlertSeverity::High => "high",
        AlertSeverity::Medium => "medium",
        AlertSeverity::Low => "low",
        AlertSeverity::Info => "info",
    }
}

/// What the sender last said of the incident.
#[must_use]
pub fn incident(incident: &IncidentState) -> &'static str {
    match incident {
        IncidentState::Open | IncidentState::Reopened { .. } => "open",
        IncidentState::Acknowledged { .. } => "acknowledged",
        IncidentState::Resolved { .. } => "resolved",
        IncidentState::Merged { .. } => "merged",
    }
}

/// How an event belongs to its run.
#[must_use]
pub fn attachment(attachment: Attachment) -> &'static str {
    match attachment {
        Attachment::Opened => "opened this run",
        Attachment::Attached => "attached",
        Attachment::Duplicate => "duplicate",
        Attachment::Gathered => "gathered",
    }
}

/// How far a target has come.
#[must_use]
pub fn target_state(state: TargetState) -> &'static str {
    match state {
        TargetState::Pending => "waiting",
        TargetState::Sending => "sending",
        TargetState::Sent => "sent",
        TargetState::Failed => "failed",
        TargetState::NotWanted => "not wanted",
        TargetState::Deleted => "deleted",
    }
}

/// Text with its `names` set as code. Where a backtick lacks its second one, all stand for themselves.
#[must_use]
pub fn ticked(text: &str) -> Markup {
    let pieces: Vec<&str> = text.split('`').collect();
    html! {
        @if pieces.len().is_multiple_of(2) { (text) }
        @else {
            @for (place, piece) in pieces.iter().enumerate() {
                @if place % 2 == 1 { code { (piece) } } @else { (piece) }
            }
        }
    }
}

/// Where a target is. Of a URL the host only, since its path is often its secret.
#[must_use]
pub fn place(outlet: &OutletSpec) -> String {
    let host =
        |text: &str| url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    match outlet {
        OutletSpec::Slack(slack) => slack.channel.clone(),
        OutletSpec::PagerDuty(_) => "note on the incident".to_owned(),
        OutletSpec::Opsgenie(_) | OutletSpec::Jsm(_) => "note on the alert".to_owned(),
        OutletSpec::Jira(jira) => format!("{} at {}", jira.issue, host(&jira.site)),
        OutletSpec::ServiceNow(servicenow) => format!("{} at {}", servicenow.incident, host(&servicenow.instance)),
        OutletSpec::GitHub(github) => format!("{}#{}", github.repository, github.issue),
        OutletSpec::SlackWebhook(hook) | OutletSpec::Teams(hook) => format!("the URL in {}", hook.secret),
        OutletSpec::Email(mail) => mail.to.join(", "),
        OutletSpec::Webhook(webhook) => host(&webhook.url),
    }
}

/// The first part of `text` that takes at most `room` bytes of a page, and how many bytes of it there are beyond.
#[must_use]
pub fn head(text: &str, room: usize) -> (&str, usize) {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, character)| {
        taken += weight(*character);
        taken > room
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    (text.get(..end).unwrap_or_default(), text.len() - end)
}

/// `text`, or as much of it as takes at most `room` bytes of a page and then `…`.
#[must_use]
pub fn short(text: &str, room: usize) -> Cow<'_, str> {
    match head(text, room) {
        (_, 0) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{}…", head(text, room.saturating_sub('…'.len_utf8())).0)),
    }
}

/// The most bytes that `text` takes of a page.
#[must_use]
pub fn taken(text: &str) -> usize {
    text.chars().map(weight).sum()
}

/// The most bytes that a character takes on a page: escaped by `maud`, shown by [`plain`], set as code by [`ticked`].
fn weight(character: char) -> usize {
    match character {
        '"' => "&quot;".len(),
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        '`' => "<code></code>".len().div_ceil(2),
        '\u{61c}' => 3,
        _ if character.is_control() => 3,
        _ => character.len_utf8(),
    }
}

/// Without what makes text look like other text: control characters, and those that turn the direction of writing.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
                shown.push('\u{fffd}')
            }
            _ if character.is_control() => shown.push('\u{fffd}'),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_at_most_two_units() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (61_000, "1 min 1 s"),
            (7_260_000, "2 h 1 min"),
        ] {
            assert_eq!(span(millis), text);
        }
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_is_escaped() {
        assert_eq!(ticked("a `b<` c `d`").into_string(), "a <code>b&lt;</code> c <code>d</code>");
        assert_eq!(ticked("a ` b").into_string(), "a ` b");
        assert_eq!(ticked("`a` ` <").into_string(), "`a` ` &lt;");
    }

    #[test]
    fn text_is_cut_at_a_characters_edge() {
        assert_eq!(head("aé", 2), ("a", 2));
        assert_eq!(head("aé", 3), ("aé", 0));
        assert_eq!(head("<<<", 8), ("<<", 1));
        assert_eq!((short("abcd", 4), short("abcde", 4)), ("abcd".into(), "a…".into()));
    }

    #[test]
    fn no_text_takes_more_of_a_page_than_it_was_given() {
        for character in
            ["\"", "&", "<", ">", "`", "\u{1}", "\u{85}", "\u{61c}", "\u{202e}", "\n", "a", "é", "漢", "🧑‍🚒"]
        {
            for room in [1, 7, 20, 100, 101] {
                let text = character.repeat(100);
                for shown in [ticked(head(&text, room).0), html! { (head(&text, room).0) }] {
                    // The second tick of a pair is always there, or neither is code.
                    assert!(plain(&shown.into_string()).len() <= room, "{character:?} in {room}");
                }
            }
        }
    }

    #[test]
    fn what_turns_or_hides_text_is_shown_as_such() {
        assert_eq!(plain("a\u{202e}b\u{0}c\r\n\td"), "a\u{fffd}b\u{fffd}c\n\td");
    }
}
