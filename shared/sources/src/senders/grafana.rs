//! Grafana Alerting's webhook contact point, and the alerting before it (up to version 8), which sent one body for a rule
//! (Grafana documentation, Configure webhook notifications; v8 documentation, Alert notifications).

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use super::prometheus::One;
use crate::{
    json::{self, first, labels, list, text, word},
    said::{Said, alert, links, service},
};

/// A body that is no [`Group`](super::prometheus::Group).
pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    if body.get("ruleName").is_some() || body.get("ruleId").is_some() {
        vec![legacy(body, received_at)]
    } else {
        let reason = "the body has neither `alerts` nor `ruleId`, so it is no notification of Grafana: \
                      leave the contact point's payload as it is by default";
        vec![Said::unknown("", reason)]
    }
}

pub(super) fn dress(one: &One<'_>, alert: &mut Alert) {
    // The link that silences it is left out: nobody shall do that by a wrong click.
    alert.links = links([
        ("Runbook", one.runbook()),
        ("Dashboard", text(one.element, "/dashboardURL")),
        ("Panel", text(one.element, "/panelURL")),
        ("Alert rule", text(one.element, "/generatorURL")),
        ("Image", text(one.element, "/imageURL")),
    ]);
    let values = labels(one.element.get("values"));
    let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let measured = if values.is_empty() { word(one.element, "/valueString") } else { values.join(", ") };
    add_line(&mut alert.description, &measured);
}

/// Puts what was measured under what was said.
fn add_line(description: &mut String, measured: &str) {
    if measured.is_empty() {
        return;
    }
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str("Measured: ");
    description.push_str(measured);
}

/// A notification of the alerting before Grafana 9. It carries no time, so its body names the delivery.
fn legacy(body: &Value, received_at: Timestamp) -> Said<'_> {
    let Some(state) = text(body, "/state") else {
        return Said::unknown("", "the body has no `state`, so it does not say whether the rule fires");
    };
    let title = first(body, &["/ruleName", "/title"]).unwrap_or_default();
    if title == "Test rule" && text(body, "/title").is_some_and(|title| title.ends_with("Test notification")) {
        return Said::ping(state, "test notification");
    }
    let kind = match state.to_ascii_lowercase().as_str() {
        "alerting" => EventKind::Triggered,
        "ok" => EventKind::Resolved,
        // Neither firing nor over.
        "no_data" | "paused" | "pending" | "unknown" => EventKind::Updated,
        _ => return Said::foreign(state),
    };
    let rule = word(body, "/ruleId");
    let external_id = match text(body, "/ruleUrl") {
        _ if !matches!(rule.as_str(), "" | "0") => format!("rule:{}:{rule}", word(body, "/orgId")),
        Some(url) => url.to_owned(),
        None => return Said::unknown(state, "the body has neither `ruleId` nor `ruleUrl`, which name the rule"),
    };
    Said {
        external_id: Some(external_id),
        alert: Some(legacy_alert(body, title, received_at)),
        ..Said::new(kind, state)
    }
}

fn legacy_alert(body: &Value, title: &str, received_at: Timestamp) -> Alert {
    let matches = list(body, "/evalMatches");
    // The rule's own tags stand over those of what it measured.
    let mut tags: BTreeMap<_, _> = labels(matches.first().and_then(|first| first.get("tags")));
    tags.extend(labels(body.get("tags")));
    let tag = |name: &str| tags.get(name).cloned().unwrap_or_default();
    let measured: Vec<_> =
        matches.iter().map(|one| format!("{}={}", word(one, "/metric"), word(one, "/value"))).collect();
    let mut description = word(body, "/message");
    add_line(&mut description, &measured.join(", "));
    let links = links([
        ("Runbook", tags.get("runbook_url").map(String::as_str)),
        ("Alert rule", text(body, "/ruleUrl")),
        ("Image", text(body, "/imageUrl")),
    ]);
    Alert {
        description,
        service: service(tag("service")),
        team: tag("team"),
        links,
        labels: tags.clone(),
        ..alert(title, json::severity(&tag("severity")).unwrap_or(AlertSeverity::High), received_at)
    }
}
