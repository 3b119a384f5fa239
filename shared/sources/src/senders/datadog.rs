//! Datadog's webhooks integration. It has no form of its own: a body is what the account's template makes of Datadog's
//! variables (docs.datadoghq.com, integrations/webhooks). The template that Firstlook ships is
//! `events/webhooks/datadog/template.json`; a body of Datadog's default template is read as far as it goes.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, Slo};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    fields::{Fields, listed},
    slo::shown,
};
use crate::{
    json::{self, decimal},
    said::{Said, alert, links, service},
};

const HEADING: [&str; 3] = ["eventtitle", "title", "alerttitle"];
const MONITOR: [&str; 2] = ["monitorid", "alertid"];
const SCOPE: [&str; 2] = ["scope", "alertscope"];

const USE_TEMPLATE: &str = "put the template of docs/sources/datadog.md into the webhook's payload";

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(&Fields::of(body, is_variable), received_at)]
}

/// `$ALERT_SCOPE`: it stays so where there is nothing to put in.
fn is_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| {
        let mut characters = name.chars();
        characters.next().is_some_and(|c| c.is_ascii_uppercase())
            && characters.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '[' | ']'))
    })
}

fn event<'a>(fields: &Fields, received_at: Timestamp) -> Said<'a> {
    let heading = fields.said(&HEADING).unwrap_or_default();
    let (marks, bare) = unmarked(heading);
    let transition = fields.said(&["transition", "alerttransition"]).or_else(|| in_marks(&marks));
    if marks.iter().any(|mark| mark.eq_ignore_ascii_case("test")) {
        return Said::ping(transition.unwrap_or_default(), heading);
    }
    let Some(transition) = transition else {
        return Said::unknown("", format!("the body does not say what became of the alert: {USE_TEMPLATE}"));
    };
    let Some(kind) = kind(transition) else { return Said::foreign(transition) };
    let Some(external_id) = external_id(fields) else {
        let reason = format!("the body has no id that lasts until the alert is over: {USE_TEMPLATE}");
        return Said::unknown(transition, reason);
    };
    let at = fields.time(&["date", "lastupdated"]);
    // Datadog's id of this event. What a template calls `id` may be the monitor's, so it needs the time beside it.
    let event_id = fields.said(&["eventid"]).map(str::to_owned);
    let event_id = event_id.or_else(|| Some(format!("{}|{}", fields.said(&["id"])?, at?)));
    let delivery = event_id.map(|id| format!("{id}|{transition}"));
    let title = fields.said(&["alerttitle"]).map_or(bare, |title| unmarked(title).1);
    let alert = alert_of(fields, title, transition, at.unwrap_or(received_at));
    Said { delivery, external_id: Some(external_id), at, alert: Some(alert), ..Said::new(kind, transition) }
}

/// The alert's cycle, from its first trigger until it recovers; else the monitor and the group within it, of which a body of
/// the default template has no more than the link at the end of its text.
fn external_id(fields: &Fields) -> Option<String> {
    if let Some(cycle) = fields.said(&["cyclekey", "alertcyclekey", "aggregkey"]) {
        return Some(cycle.to_owned());
    }
    let monitor = fields.said(&MONITOR).or_else(|| linked_monitor(fields.said(&["body", "text"])?))?;
    let scope = fields.said(&SCOPE).or_else(|| group(fields.said(&HEADING)?)).unwrap_or_default();
    Some(format!("monitor:{monitor}:{scope}"))
}

/// The monitor of the last link to one: what comes before may be links of whoever wrote the text.
fn linked_monitor(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once("/monitors/").or_else(|| text.rsplit_once("/monitors#"))?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after.get(..end).filter(|digits| !digits.is_empty())
}

/// `host:a` of `[Triggered on {host:a}] CPU is busy`.
fn group(heading: &str) -> Option<&str> {
    let (_, after) = heading.split_once(" on {")?;
    after.split_once("}]").map(|(group, _)| group)
}

/// What stands in brackets before a title, and the title.
fn unmarked(title: &str) -> (Vec<&str>, &str) {
    let (mut marks, mut rest) = (Vec::new(), title.trim());
    while let Some((mark, after)) = rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        let known = in_marks(&[mark]).is_some() || is_priority(mark) || mark.eq_ignore_ascii_case("test");
        if !known {
            break;
        }
        marks.push(mark);
        rest = after.trim_start();
    }
    (marks, rest)
}

/// `P1` to `P5`.
fn is_priority(mark: &str) -> bool {
    mark.strip_prefix('P').is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The transition that the brackets name, without the group: `Triggered` of `Triggered on {host:a}`.
fn in_marks<'m>(marks: &[&'m str]) -> Option<&'m str> {
    let words = marks.iter().map(|mark| mark.split_once(" on ").map_or(*mark, |(word, _)| word).trim());
    words.into_iter().find(|word| kind(word).is_some())
}

fn kind(transition: &str) -> Option<EventKind> {
    let kind = match transition.to_ascii_lowercase().as_str() {
        // Of no data a monitor tells only when its owner has asked for it, as of an alert.
        "triggered" | "warn" | "no data" => EventKind::Triggered,
        "re-triggered" | "re-warn" | "re-no data" | "renotify" | "re-notify" => EventKind::Updated,
        "recovered" => EventKind::Resolved,
        _ => return None,
    };
    Some(kind)
}

fn alert_of(fields: &Fields, title: &str, transition: &str, started_at: Timestamp) -> Alert {
    let said = |names: &[&str]| fields.said(names).unwrap_or_default();
    // What the alert is about stands over the monitor's own tags.
    let mut tags = listed(said(&["tags"]));
    tags.extend(listed(said(&SCOPE)));
    for (name, value) in [("host", said(&["host", "hostname"])), ("monitor_id", said(&MONITOR))] {
        tags.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    let tag = |name: &str| tags.get(name).cloned().unwrap_or_default();
    let priority = said(&["priority", "alertpriority"]);
    let by_kind = || match said(&["type", "alerttype"]).to_ascii_lowercase().as_str() {
        "info" => AlertSeverity::Info,
        "warning" => AlertSeverity::Medium,
        _ if transition.to_ascii_lowercase().ends_with("warn") => AlertSeverity::Medium,
        _ => AlertSeverity::High,
    };
    Alert {
        // Datadog marks with `%%%` what is Markdown.
        description: said(&["text", "textonlymsg", "body", "eventmsg"]).replace("%%%", "").trim().to_owned(),
        priority: priority.to_owned(),
        service: service(tag("service")),
        team: tag("team"),
        links: links([
            ("Datadog event", fields.said(&["link"])),
            ("Runbook", tags.get("runbook_url").map(String::as_str)),
            ("Graph", fields.said(&["snapshot"])),
        ]),
        slo: slo(said(&["query", "alertquery"]), &tags),
        labels: tags.clone(),
        ..alert(title, json::severity(priority).unwrap_or_else(by_kind), started_at)
    }
}

/// What the query of an SLO alert says, which is all that a webhook has of it:
/// `burn_rate("<id>").over("30d").long_window("1h").short_window("5m") > 14.4`, or
/// `error_budget("<id>").over("7d") > 75`, in percent of the budget that is spent.
fn slo(query: &str, tags: &BTreeMap<String, String>) -> Slo {
    let quoted = |after: &str| {
        let (_, rest) = query.split_once(after)?;
        let (inside, _) = rest.trim_start().strip_prefix(['"', '\''])?.split_once(['"', '\''])?;
        Some(inside.to_owned())
    };
    let threshold = query.rsplit_once('>').and_then(|(_, number)| decimal(number.trim_start_matches('=')));
    let (burn_rate, spent) = (quoted("burn_rate("), quoted("error_budget("));
    let (reached, left) = match (&burn_rate, &spent) {
        (Some(_), _) => (threshold, None),
        (None, Some(_)) => (None, threshold.map(|spent| 100.0 - spent)),
        (None, None) => return Slo::default(),
    };
    let name = ["slo_name", "slo"].iter().find_map(|name| tags.get(*name).cloned());
    Slo {
        name: name.or(burn_rate).or(spent).unwrap_or_default(),
        objective: String::new(),
        window: quoted(".over(").unwrap_or_default(),
        burn_rate: shown(reached),
        budget_remaining: shown(left),
    }
}
