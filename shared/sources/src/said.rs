use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind, EventRole, Link, Service, Slo};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    normalized::{Normalized, body_key, fragment, named_key},
    text::{BLOCK_CAP, LINE_CAP, NAME_CAP, block, id, line, link},
};

/// The most events that are taken of one body: what the queue takes while a sender waits, with some to spare. A longer one
/// would never go in whole, however often it came, so what is beyond becomes one event that says how many were left off.
pub(crate) const MAX_EVENTS: usize = 5_000;

/// The most labels that are taken of an alert, in the order of their names.
pub(crate) const MAX_LABELS: usize = 64;

/// What is said of a body that holds none.
pub(crate) const NO_ALERT: &str = "the body tells of no alert";

/// What is said of a body that holds more than are taken of one, of the `left_off` last ones.
pub(crate) fn left_off(left_off: usize) -> String {
    format!(
        "{left_off} more events of this body were left off: of one body {MAX_EVENTS} are taken, so send fewer at a time"
    )
}

/// The most links that are taken of an alert.
const MAX_LINKS: usize = 8;

/// One event as a sender's module reads it out of a body. Texts are as the sender wrote them: [`Self::normalized`] cuts and
/// checks them all in one place, so that no module can forget it.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// What happened.
    pub(crate) kind: EventKind,
    /// The sender's own word for it.
    pub(crate) word: String,
    /// What names this delivery among all of this sender's: the same on each attempt and on nothing else. Without it the
    /// body names it, for five minutes.
    pub(crate) delivery: Option<String>,
    /// The sender's id of the incident. Without one nothing follows from the event, and that is recorded.
    pub(crate) external_id: Option<String>,
    /// When it happened.
    pub(crate) at: Option<Timestamp>,
    /// One line for people; empty where the alert's title says it.
    pub(crate) summary: String,
    /// The alert, where the event carries enough of it. Its `external_id` is set from the event's.
    pub(crate) alert: Option<Alert>,
    /// Its part of the body, where that holds several events.
    pub(crate) part: Option<&'a Value>,
}

impl<'a> Said<'a> {
    /// An event of `kind`, of which nothing more is known yet.
    pub(crate) fn new(kind: EventKind, word: impl Into<String>) -> Self {
        Self {
            kind,
            word: word.into(),
            delivery: None,
            external_id: None,
            at: None,
            summary: String::new(),
            alert: None,
            part: None,
        }
    }

    /// An event that nothing can follow from, and why.
    pub(crate) fn unknown(word: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { summary: reason.into(), ..Self::new(EventKind::Unknown, word) }
    }

    /// An event of a kind of this sender that is not about an alert, or that Firstlook does not know.
    pub(crate) fn foreign(word: &str) -> Self {
        Self::unknown(word, format!("`{word}` is a kind of event that Firstlook does not act on"))
    }

    /// A note of ours, of which its place tells us. Nothing is heard of it: nobody said anything.
    pub(crate) fn own_note(word: &str) -> Self {
        Self::unknown(word, "it is a note of our own, of which its place tells us")
    }

    /// An event that only tests the connection.
    pub(crate) fn ping(word: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::new(EventKind::Ping, word) }
    }

    /// The event with everything cut to size and checked.
    fn cut(self) -> Self {
        // Nothing of a test is an incident; and half an id would be another id.
        let named = self.external_id.filter(|_| self.kind.role() != EventRole::Control);
        let external_id = named.and_then(|named| id(&named).ok());
        Self {
            word: line(&self.word, NAME_CAP),
            delivery: self.delivery.as_deref().map(named_key),
            alert: external_id.as_deref().and_then(|id| Some(capped(self.alert?, id))),
            summary: line(&self.summary, LINE_CAP),
            external_id,
            ..self
        }
    }

    /// The event with everything cut to size and checked. `raw` is the whole body.
    pub(crate) fn normalized(self, raw: &[u8], received_at: Timestamp) -> Normalized {
        let Self { kind, word, delivery, external_id, at, mut summary, alert, part } = self.cut();
        let part = part.map(|part| part.to_string().into_bytes());
        let raw = part.as_deref().unwrap_or(raw);
        if let (true, Some(alert)) = (summary.is_empty(), &alert) {
            summary = match kind.role() {
                EventRole::Opens => alert.title.clone(),
                _ => line(&format!("{}: {}", kind.as_str(), alert.title), LINE_CAP),
            };
        }
        if summary.is_empty() {
            summary = kind.as_str().to_owned();
        }
        Normalized {
            kind,
            provider_kind: word,
            delivery_key: delivery.unwrap_or_else(|| body_key(raw, received_at)),
            external_id,
            occurred_at: at.unwrap_or(received_at),
            summary,
            alert,
            raw: fragment(raw),
        }
    }
}

/// An alert of which nothing but what fired and when is known yet.
pub(crate) fn alert(title: impl Into<String>, severity: AlertSeverity, started_at: Timestamp) -> Alert {
    Alert {
        external_id: String::new(),
        title: title.into(),
        description: String::new(),
        severity,
        urgency: String::new(),
        priority: String::new(),
        service: Service::default(),
        team: String::new(),
        labels: BTreeMap::new(),
        links: vec![],
        slo: Slo::default(),
        started_at,
    }
}

/// The links that are such, of pairs of what the page is and where.
pub(crate) fn links<'t>(pairs: impl IntoIterator<Item = (&'t str, Option<&'t str>)>) -> Vec<Link> {
    pairs.into_iter().filter_map(|(title, url)| Some(Link { title: title.to_owned(), url: url?.to_owned() })).collect()
}

/// A service that has one word for id and name, which a workflow may match as either.
pub(crate) fn service(name: impl Into<String>) -> Service {
    let name = name.into();
    Service { id: name.clone(), name }
}

/// The alert with every text cut to size, and nothing in `links` that is not a web page.
fn capped(alert: Alert, external_id: &str) -> Alert {
    let title = line(&alert.title, LINE_CAP);
    let name = |text: &str| line(text, NAME_CAP);
    let labels = alert.labels.iter().map(|(key, value)| (name(key), line(value, LINE_CAP)));
    Alert {
        title: if title.is_empty() { format!("alert {external_id}") } else { title },
        external_id: external_id.to_owned(),
        description: block(&alert.description, BLOCK_CAP),
        severity: alert.severity,
        urgency: name(&alert.urgency),
        priority: name(&alert.priority),
        service: Service { id: name(&alert.service.id), name: name(&alert.service.name) },
        team: name(&alert.team),
        labels: labels.filter(|(_, value)| !value.is_empty()).take(MAX_LABELS).collect(),
        links: alert.links.iter().filter_map(|one| link(&one.title, &one.url)).take(MAX_LINKS).collect(),
        slo: Slo {
            name: name(&alert.slo.name),
            objective: name(&alert.slo.objective),
            window: name(&alert.slo.window),
            burn_rate: name(&alert.slo.burn_rate),
            budget_remaining: name(&alert.slo.budget_remaining),
        },
        started_at: alert.started_at,
    }
}
