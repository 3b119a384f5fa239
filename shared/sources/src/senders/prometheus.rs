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
    said::{MAX_EVENTS, MAX_LABELS, NO_ALERT, Said, alert, left_off, service},
    text::{BLOCK_CAP, LINE_CAP, NAME_CAP, block, line},
};

/// The most bytes that the labels which a group has in common may add to each of its alerts, in the order of their names.
const COMMON_CAP: usize = 16 * 1024;

/// What all alerts of a group have in common, read once and cut to size before any alert takes a copy.
struct Common {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// Those of the labels that each alert shows.
    shown: BTreeMap<String, String>,
}

impl Common {
    fn of(body: &Value) -> Self {
        let labels: BTreeMap<_, _> = labels(body.get("commonLabels"))
            .into_iter()
            .map(|(name, value)| (name, line(&value, LINE_CAP)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let annotations = json::labels(body.get("commonAnnotations"));
        let mut left = COMMON_CAP;
        let shown =
            labels.iter().filter(|(name, _)| name.len() <= NAME_CAP).take(MAX_LABELS).take_while(|(name, value)| {
                let rest = left.checked_sub(name.len() + value.len());
                left = rest.unwrap_or_default();
                rest.is_some()
            });
        Self {
            shown: shown.map(|(name, value)| (name.clone(), value.clone())).collect(),
            annotations: annotations.into_iter().map(|(name, value)| (name, block(&value, BLOCK_CAP))).collect(),
            labels,
        }
    }
}

/// One alert of a group.
pub(super) struct One<'a> {
    /// Its element of `alerts`.
    pub(super) element: &'a Value,
    /// The whole body.
    pub(super) body: &'a Value,
    common: &'a Common,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl<'a> One<'a> {
    fn new(element: &'a Value, body: &'a Value, common: &'a Common) -> Self {
        let (labels, annotations) = (labels(element.get("labels")), labels(element.get("annotations")));
        Self { element, body, common, labels, annotations }
    }

    /// The first of these labels that says something.
    pub(super) fn label(&self, names: &[&str]) -> Option<&str> {
        find(&self.labels, &self.common.labels, names)
    }

    /// The first of these annotations that says something.
    pub(super) fn annotation(&self, names: &[&str]) -> Option<&str> {
        find(&self.annotations, &self.common.annotations, names)
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
        let encoded = serde_json::to_vec(&self.labels).ok().filter(|_| !self.labels.is_empty())?;
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
        let mut labels = self.common.shown.clone();
        labels.extend(self.labels.iter().map(|(name, value)| (name.clone(), value.clone())));
        Alert {
            description: self.annotation(&["description", "message"]).unwrap_or_default().to_owned(),
            service: service(word(&hurt)),
            team: word(&["team", "owner"]),
            priority: word(&["priority"]),
            labels,
            slo: slo::of(self),
            // Somebody routed it here, so it counts.
            ..alert(self.title(), severity.unwrap_or(AlertSeverity::High), started_at)
        }
    }
}

/// What all alerts of a group have in common holds for each of them, also where a body leaves it out there.
fn find<'m>(
    own: &'m BTreeMap<String, String>,
    common: &'m BTreeMap<String, String>,
    names: &[&str],
) -> Option<&'m str> {
    let value = |name: &&str| own.get(*name).or_else(|| common.get(*name)).map(|value| value.trim());
    names.iter().filter_map(value).find(|value| !value.is_empty())
}

/// Adds to an alert what only its sender has.
pub(super) type Dress = fn(&One<'_>, &mut Alert);

/// The events of a group, one after the other: a body may hold ten thousand, and with what the group has in common each of
/// them may be a hundred times what it takes there.
pub(crate) struct Group {
    dress: Dress,
    common: Common,
    /// The place of the next one.
    next: usize,
    /// How many the sender left out, as it says.
    left_out: f64,
    /// Whether there was one that is no test.
    real: bool,
    ended: bool,
}

impl Group {
    /// The group that `body` is, if it is one.
    pub(super) fn of(body: &Value, dress: Dress) -> Option<Self> {
        body.get("alerts").filter(|alerts| alerts.is_array())?;
        let left_out = json::number(body, "/truncatedAlerts").unwrap_or_default();
        Some(Self { dress, common: Common::of(body), next: 0, left_out, real: false, ended: false })
    }

    /// The next event of `body`, which is the group's.
    pub(crate) fn next<'a>(&mut self, body: &'a Value, received_at: Timestamp) -> Option<Said<'a>> {
        let alerts = list(body, "/alerts");
        if let Some(element) = alerts.get(self.next).filter(|_| self.next < MAX_EVENTS) {
            self.next += 1;
            let said = event(&One::new(element, body, &self.common), received_at, self.dress);
            self.real |= said.kind != EventKind::Ping;
            return Some(Said { part: Some(element), ..said });
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let more = alerts.len().saturating_sub(self.next);
        let ours = (more > 0).then(|| left_off(more));
        let left_out = self.left_out;
        let theirs = (left_out >= 1.0 && self.real).then(|| {
            format!("{left_out} more alerts of this group were left out by the sender: raise its `max_alerts`")
        });
        // As one event: the body names the delivery of both.
        let reasons: Vec<String> = ours.into_iter().chain(theirs).collect();
        if !reasons.is_empty() {
            return Some(Said::unknown("truncated", reasons.join("; ")));
        }
        (self.next == 0).then(|| Said::unknown("", NO_ALERT))
    }
}

fn event<'a>(one: &One<'_>, received_at: Timestamp, dress: Dress) -> Said<'a> {
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
