//! The form that Alertmanager and Grafana share: a group of alerts, some firing and some resolved, with what all of them
//! have in common beside it (prometheus/alertmanager, notify/webhook and template; Grafana, webhook contact point).
//!
//! The group's own status is `firing` as long as one alert fires, so each alert is an event of its own, by its own status.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use super::slo;
use crate::{
    json::{self, labels, list, text, time},
    normalized::hash,
    said::{Said, alert, service},
};

/// One alert of a group.
pub(super) struct One<'a> {
    /// Its element of `alerts`.
    pub(super) element: &'a Value,
    /// The whole body.
    pub(super) body: &'a Value,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl<'a> One<'a> {
    /// What all alerts of a group have in common holds for each of them, also where a body leaves it out there.
    fn new(element: &'a Value, body: &'a Value) -> Self {
        let merged = |own: &str, common: &str| {
            let mut merged = labels(body.pointer(common));
            merged.extend(labels(element.pointer(own)));
            merged
        };
        Self {
            element,
            body,
            labels: merged("/labels", "/commonLabels"),
            annotations: merged("/annotations", "/commonAnnotations"),
        }
    }

    /// The first of these labels that says something.
    pub(super) fn label(&self, names: &[&str]) -> Option<&str> {
        find(&self.labels, names)
    }

    /// The first of these annotations that says something.
    pub(super) fn annotation(&self, names: &[&str]) -> Option<&str> {
        find(&self.annotations, names)
    }

    /// Where the runbook is, by the names in use for it.
    pub(super) fn runbook(&self) -> Option<&str> {
        self.annotation(&["runbook_url", "runbook", "runbookURL", "runbookUrl"])
    }

    /// What names the alert, through all its events: the sender's fingerprint of its labels, or, before there was one
    /// (Alertmanager 0.19), ours. Only its own labels count, since what is common changes with the group.
    fn identity(&self) -> Option<String> {
        if let Some(fingerprint) = text(self.element, "/fingerprint") {
            return Some(fingerprint.to_owned());
        }
        let own = labels(self.element.get("labels"));
        let encoded = serde_json::to_vec(&own).ok().filter(|_| !own.is_empty())?;
        Some(hash(&encoded))
    }

    fn title(&self) -> String {
        let name = self.label(&["alertname"]).map(|name| match self.label(&["rulename"]) {
            // Grafana's own alert about a rule that has no data or fails.
            Some(rule) => format!("{name}: {rule}"),
            None => name.to_owned(),
        });
        // Pyrra's alerts are all called alike; the objective tells them apart.
        let summary = self.annotation(&["summary", "title"]).or_else(|| self.label(&["slo"]));
        match (name, summary) {
            (Some(name), Some(summary)) if !summary.starts_with(&name) => format!("{name}: {summary}"),
            (_, Some(summary)) => summary.to_owned(),
            (Some(name), None) => name,
            (None, None) => {
                let said = self.annotation(&["description", "message"]).or_else(|| text(self.body, "/title"));
                said.unwrap_or_default().to_owned()
            }
        }
    }

    fn alert(&self, started_at: Timestamp) -> Alert {
        let severity = ["severity", "sloth_severity", "grafana_slo_severity", "level", "priority"];
        let severity = severity.iter().find_map(|name| json::severity(self.label(&[name])?));
        let severity = severity.or_else(|| json::severity(self.annotation(&["severity"])?));
        // Sloth's own label says whose objective it is; `service` may be no more than where it was measured.
        let hurt = ["sloth_service", "service", "service_name", "app", "job", "namespace"];
        let word = |names: &[&str]| self.label(names).unwrap_or_default().to_owned();
        Alert {
            description: self.annotation(&["description", "message"]).unwrap_or_default().to_owned(),
            service: service(word(&hurt)),
            team: word(&["team", "owner"]),
            priority: word(&["priority"]),
            labels: self.labels.clone(),
            slo: slo::of(self),
            // Somebody routed it here, so it counts.
            ..alert(self.title(), severity.unwrap_or(AlertSeverity::High), started_at)
        }
    }
}

fn find<'m>(map: &'m BTreeMap<String, String>, names: &[&str]) -> Option<&'m str> {
    names.iter().find_map(|name| map.get(*name).map(|value| value.trim()).filter(|value| !value.is_empty()))
}

/// The events of a group. `dress` adds to an alert what only its sender has.
pub(super) fn group<'a>(body: &'a Value, received_at: Timestamp, dress: fn(&One<'_>, &mut Alert)) -> Vec<Said<'a>> {
    let alerts = list(body, "/alerts").iter();
    let mut said: Vec<_> = alerts
        .map(|element| Said { part: Some(element), ..event(&One::new(element, body), received_at, dress) })
        .collect();
    let left_out = json::number(body, "/truncatedAlerts").unwrap_or_default();
    if left_out >= 1.0 && said.iter().any(|event| event.kind != EventKind::Ping) {
        let reason =
            format!("{left_out} more alerts of this group were left out by the sender: raise its `max_alerts`");
        said.push(Said::unknown("truncated", reason));
    }
    said
}

fn event<'a>(one: &One<'_>, received_at: Timestamp, dress: fn(&One<'_>, &mut Alert)) -> Said<'a> {
    let (word, kind) = match status(one, received_at) {
        Ok(found) => found,
        Err(said) => return *said,
    };
    // What Grafana's "Test" sends, also through an Alertmanager.
    if (one.label(&["alertname"]), one.label(&["instance"])) == (Some("TestAlert"), Some("Grafana")) {
        return Said::ping(word, one.title());
    }
    let Some(identity) = one.identity() else {
        return Said::unknown(
            word,
            "the alert has neither `fingerprint` nor `labels`, so nothing tells it from others",
        );
    };
    let (started_at, ended_at) = (time(one.element, "/startsAt"), time(one.element, "/endsAt"));
    let ended_at = ended_at.filter(|_| kind == EventKind::Resolved);
    // An alert that goes on is sent again and again: one delivery, as long as it is the same state of the same episode.
    let delivery = started_at.map(|started_at| match ended_at {
        Some(ended_at) => format!("{identity}|{word}|{started_at}|{ended_at}"),
        None => format!("{identity}|{word}|{started_at}"),
    });
    let mut alert = one.alert(started_at.unwrap_or(received_at));
    dress(one, &mut alert);
    let at = if kind == EventKind::Resolved { ended_at } else { started_at };
    Said { delivery, external_id: Some(identity), at, alert: Some(alert), ..Said::new(kind, word) }
}

/// What the alert's status is. Old versions have one for the group alone, which says that one at least fires.
fn status<'a>(one: &One<'_>, received_at: Timestamp) -> Result<(&'static str, EventKind), Box<Said<'a>>> {
    let own = text(one.element, "/status");
    let Some(word) = own.or_else(|| text(one.body, "/status")) else {
        return Err(Box::new(Said::unknown("", "neither the alert nor its group has a `status`")));
    };
    let ended = || time(one.element, "/endsAt").is_some_and(|ended_at| ended_at <= received_at);
    match word.to_ascii_lowercase().as_str() {
        "firing" if own.is_some() || !ended() => Ok(("firing", EventKind::Triggered)),
        "firing" | "resolved" => Ok(("resolved", EventKind::Resolved)),
        _ => Err(Box::new(Said::foreign(word))),
    }
}
