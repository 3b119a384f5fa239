//! What was seen, for people and for scripts.

use std::collections::BTreeSet;

use console::words;
use domain::OutletSpec;
use ports::{SetupCheck, Standing};
use serde_json::{Value, json};

use super::Group;
use crate::out::Style;

/// The longest line.
const WIDTH: usize = 100;

/// How far what is said stands in.
const INDENT: usize = 8;

/// Where a target is, in a few words; empty where its kind says it all.
pub(super) fn place(outlet: &OutletSpec) -> String {
    let host = |text: &str| text.parse::<url::Url>().map_or_else(|_| text.to_owned(), |url| net::where_to(&url));
    let ticket = |place: String, key: &str| {
        if key.contains("${{") { place } else { format!("{place} {key}") }
    };
    match outlet {
        OutletSpec::Slack(spec) => spec.channel.clone(),
        OutletSpec::SlackWebhook(spec) | OutletSpec::Teams(spec) => spec.secret.clone(),
        OutletSpec::PagerDuty(_) => String::new(),
        OutletSpec::Opsgenie(spec) | OutletSpec::Jsm(spec) => spec.api.as_deref().map(host).unwrap_or_default(),
        OutletSpec::Jira(spec) => ticket(host(&spec.site), &spec.issue),
        OutletSpec::ServiceNow(spec) => ticket(host(&spec.instance), &spec.incident),
        OutletSpec::GitHub(spec) => ticket(spec.repository.clone(), &spec.issue),
        OutletSpec::Email(spec) => spec.to.join(", "),
        OutletSpec::Webhook(spec) => host(&spec.url),
    }
}

/// What follows from what was seen. On the machine on which everything runs (`here`) a place that is not reached is to be mended;
/// elsewhere only the functions know. And what was said of one target already is not said of the next.
pub(super) fn settled(mut groups: Vec<Group>, here: bool) -> Vec<Group> {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for group in &mut groups {
        for check in &mut group.checks {
            if let Standing::Unreachable(why) = &check.standing {
                *check = if here {
                    SetupCheck::mend(check.what.clone(), format!("{why}: is the address right, and does it run?"))
                } else {
                    SetupCheck::cannot_tell(format!(
                        "{}: {why} from here, where the functions need not run",
                        check.what
                    ))
                };
            }
        }
        let Some(kind) = group.name.strip_prefix("Target ").and_then(|name| name.split(' ').next()) else { continue };
        let key = |check: &SetupCheck| format!("{kind} {} {:?}", check.what, check.standing);
        let known: Vec<bool> = group.checks.iter().map(|check| !said.insert(key(check))).collect();
        let all = known.iter().all(|known| *known);
        let mends = group.checks.iter().any(|check| matches!(check.standing, Standing::Mend(_)));
        if all && mends {
            group.checks = vec![SetupCheck::cannot_tell("it was not looked at: mend what is said above first")];
        } else if !all {
            let mut known = known.into_iter();
            group.checks.retain(|_| !known.next().unwrap_or(false));
        }
    }
    groups
}

/// Lines for people, at most so wide where words allow it.
pub(super) fn text(groups: &[Group], style: Style) -> String {
    let mut text = String::new();
    for group in groups {
        let of = if group.of.is_empty() { String::new() } else { style.dim(&format!("  {}", words::plain(&group.of))) };
        text.push_str(&format!("{}{of}\n", style.bold(&words::plain(&group.name))));
        for check in &group.checks {
            let (mark, dressed) = match check.standing {
                Standing::Ok => ("ok", style.good("ok")),
                Standing::CannotTell => ("?", style.dim("?")),
                Standing::Mend(_) | Standing::Unreachable(_) => ("mend", style.bad("mend")),
            };
            let gap = " ".repeat((INDENT - 2).saturating_sub(mark.len()));
            let said = wrapped(&check.what);
            text.push_str(&format!("  {dressed}{gap}{}\n", said.join("\n")));
            if let Standing::Mend(advice) | Standing::Unreachable(advice) = &check.standing {
                let advice = wrapped(advice);
                text.push_str(&format!("{}{}\n", " ".repeat(INDENT), advice.join("\n")));
            }
        }
        text.push('\n');
    }
    let (ok, mend, unknown) = counts(groups);
    let mut summary = vec![format!("{ok} ok")];
    if mend > 0 {
        summary.push(style.bad(&format!("{mend} to mend")));
    }
    if unknown > 0 {
        summary.push(format!("{unknown} cannot be told without posting, or from here (?)"));
    }
    text.push_str(&summary.join(", "));
    text
}

fn counts(groups: &[Group]) -> (usize, usize, usize) {
    let of = |wanted: fn(&Standing) -> bool| {
        groups.iter().flat_map(|group| &group.checks).filter(|check| wanted(&check.standing)).count()
    };
    (
        of(|standing| *standing == Standing::Ok),
        of(|standing| matches!(standing, Standing::Mend(_) | Standing::Unreachable(_))),
        of(|standing| *standing == Standing::CannotTell),
    )
}

/// `text` on one line or, where that is too wide, on several, those after the first indented.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words::plain(text).split_whitespace() {
        let width = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && width + INDENT > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let indent = " ".repeat(INDENT);
    lines.iter().enumerate().map(|(at, line)| if at == 0 { line.clone() } else { format!("{indent}{line}") }).collect()
}

/// The same for scripts.
pub(super) fn json(groups: &[Group]) -> Value {
    let check = |check: &SetupCheck| match &check.standing {
        Standing::Ok => json!({ "standing": "ok", "what": check.what }),
        Standing::CannotTell => json!({ "standing": "cannot_tell", "what": check.what }),
        Standing::Mend(mend) | Standing::Unreachable(mend) => {
            json!({ "standing": "mend", "what": check.what, "mend": mend })
        }
    };
    let group = |group: &Group| {
        let checks: Vec<Value> = group.checks.iter().map(check).collect();
        json!({ "name": group.name, "of": group.of, "checks": checks })
    };
    let (ok, mend, cannot_tell) = counts(groups);
    json!({
        "groups": groups.iter().map(group).collect::<Vec<_>>(),
        "ok": ok, "mend": mend, "cannot_tell": cannot_tell,
    })
}
