//! Statuspage's subscriber webhooks (Atlassian's documentation, Enable webhook notifications): an incident of somebody you
//! depend on, with all that was published about it, or a component that changed. Instatus sends the same with its own words.

use domain::{Alert, AlertSeverity, EventKind, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{first_time, first_word, list, text, time, word},
    said::{Said, alert, links},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    let is_map = |field: &str| body.get(field).is_some_and(Value::is_object);
    vec![if is_map("incident") {
        incident(body, received_at)
    } else if is_map("component_update") {
        component(body, received_at)
    } else if is_map("maintenance") {
        Said::foreign("maintenance")
    } else {
        let reason = "the body has neither `incident` nor `component_update`, so it is no webhook of a Statuspage";
        Said::unknown("", reason)
    }]
}

/// `Partial_Outage`, `PARTIALOUTAGE` and `partial_outage` are one word.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn incident(body: &Value, received_at: Timestamp) -> Said<'_> {
    let incident = body.get("incident").unwrap_or(&Value::Null);
    let status = text(incident, "/status").unwrap_or_default();
    let mut updates: Vec<&Value> = list(incident, "/incident_updates").iter().collect();
    // The newest comes first, mostly; of two of the same time the one that came first is the newer one.
    updates.reverse();
    updates.sort_by_key(|update| first_time(update, &["/created_at", "/display_at"]));
    let newest = updates.last().copied();
    let is_scheduled = plain(&word(incident, "/impact")) == "maintenance"
        || !word(incident, "/scheduled_for").is_empty()
        || matches!(plain(status).as_str(), "scheduled" | "inprogress" | "verifying" | "completed" | "notstartedyet");
    if is_scheduled {
        return Said::foreign("scheduled maintenance");
    }
    let before = updates.iter().rev().nth(1).map(|update| plain(&word(update, "/status")));
    let kind = match (plain(status).as_str(), before.as_deref()) {
        ("resolved", _) => EventKind::Resolved,
        ("postmortem", _) => EventKind::Annotated,
        ("investigating" | "identified" | "monitoring", None) => EventKind::Triggered,
        ("investigating" | "identified" | "monitoring", Some("resolved" | "postmortem")) => EventKind::Reopened,
        ("investigating" | "identified" | "monitoring", Some(_)) => EventKind::Updated,
        ("", _) => return Said::unknown("", "the incident has no `status`, so nothing can follow from it"),
        _ => return Said::foreign(status),
    };
    let id = word(incident, "/id");
    let at = newest.and_then(|update| first_time(update, &["/created_at", "/display_at"]));
    let at = at.or_else(|| time(incident, "/updated_at"));
    // `meta.generated_at` is another one on each attempt.
    let delivery = match newest.map(|update| word(update, "/id")).filter(|own| !own.is_empty()) {
        Some(own) => Some(format!("{id}/{own}/{status}")),
        None => at.map(|at| format!("{id}/{at}/{status}")),
    };
    let started_at = first_time(incident, &["/started_at", "/created_at"]).unwrap_or(received_at);
    let title = first_word(incident, &["/name"]).unwrap_or_else(|| format!("incident {id}"));
    let components =
        list(incident, "/components").iter().chain(newest.map_or(&[][..], |one| list(one, "/affected_components")));
    let mut names: Vec<String> = components.map(|one| word(one, "/name")).filter(|name| !name.is_empty()).collect();
    names.dedup();
    let mut alert = Alert {
        description: newest.map(|update| word(update, "/body")).unwrap_or_default(),
        links: links([("Status page", first_word(incident, &["/shortlink", "/url"]).as_deref())]),
        ..alert(title, impact(&word(incident, "/impact")), started_at)
    };
    let labels = [("about", "incident".to_owned()), ("status", status.to_owned()), ("components", names.join(", "))];
    about(&mut alert, body, labels);
    let external_id = (!id.is_empty()).then(|| format!("incident/{id}"));
    Said {
        delivery: delivery.filter(|_| !id.is_empty()),
        external_id,
        at,
        alert: Some(alert),
        ..Said::new(kind, status)
    }
}

fn component(body: &Value, received_at: Timestamp) -> Said<'_> {
    let update = body.get("component_update").unwrap_or(&Value::Null);
    let status = text(update, "/new_status").or_else(|| text(body, "/component/status")).unwrap_or_default();
    let old = plain(&word(update, "/old_status"));
    let (kind, severity) = match plain(status).as_str() {
        "operational" => (EventKind::Resolved, AlertSeverity::Info),
        "degradedperformance" => (EventKind::Triggered, AlertSeverity::Medium),
        "partialoutage" => (EventKind::Triggered, AlertSeverity::High),
        "majoroutage" => (EventKind::Triggered, AlertSeverity::Critical),
        "" => return Said::unknown("", "the component has no new status, so nothing can follow from it"),
        // Maintenance among them.
        _ => return Said::foreign(status),
    };
    // From one trouble to another is no second one.
    let is_worse_or_better = ["degradedperformance", "partialoutage", "majoroutage"].contains(&old.as_str());
    let kind = if kind == EventKind::Triggered && is_worse_or_better { EventKind::Updated } else { kind };
    let id = first_word(update, &["/component_id"]).unwrap_or_else(|| word(body, "/component/id"));
    let at = time(update, "/created_at");
    let name = word(body, "/component/name");
    let shown = if name.is_empty() { format!("component {id}") } else { name };
    let mut alert = Alert {
        description: word(body, "/component/description"),
        service: Service { id: id.clone(), name: shown.clone() },
        ..alert(format!("{shown}: {}", status.replace('_', " ")), severity, at.unwrap_or(received_at))
    };
    about(&mut alert, body, [("about", "component".to_owned()), ("status", status.to_owned()), ("components", shown)]);
    let delivery = at.filter(|_| !id.is_empty()).map(|at| format!("{id}/{old}/{status}/{at}"));
    let external_id = (!id.is_empty()).then(|| format!("component/{id}"));
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, status) }
}

/// What both have: of whose page they tell.
fn about(alert: &mut Alert, body: &Value, labels: [(&str, String); 3]) {
    alert.labels.extend(labels.map(|(key, value)| (key.to_owned(), value)));
    let page = first_word(body, &["/page/id"]).unwrap_or_default();
    alert.labels.insert("page".to_owned(), page.clone());
    alert.labels.insert("page_status".to_owned(), word(body, "/page/status_description"));
    if alert.service.id.is_empty() {
        // The page says its id and no name; its address is what people know it by.
        let host = text(body, "/meta/unsubscribe").and_then(|url| url.split('/').nth(2)).map(str::to_owned);
        let name = first_word(body, &["/page/name"]).or(host).unwrap_or_else(|| page.clone());
        alert.service = Service { id: page, name };
    }
}

/// What the page's owner says, who sees their own customers.
fn impact(word: &str) -> AlertSeverity {
    match plain(word).as_str() {
        "critical" | "majoroutage" => AlertSeverity::Critical,
        "major" | "partialoutage" => AlertSeverity::High,
        "minor" | "degradedperformance" => AlertSeverity::Medium,
        "none" | "operational" => AlertSeverity::Info,
        _ => AlertSeverity::High,
    }
}
