//! New Relic's workflows, whose webhook is a template that everybody may change, and the notification channels before them
//! (New Relic documentation, Workflows and Webhook notification channels). The fields are those of the templates that New
//! Relic proposes.

use std::collections::BTreeMap;

use domain::{Alert, AlertSeverity, EventKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first_time, first_word, labels, scalar, word},
    said::{Said, alert, links, service},
};

/// The issue that every test notification is about.
const SAMPLE_ISSUE: &str = "d1b1f3fd-995a-4066-88ab-8ce4f6960654";

/// No webhook of New Relic is older, so what says it is comes of a broken template: 2010-01-01, in seconds.
const OLDEST: i64 = 1_262_304_000;

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    vec![event(body, received_at)]
}

fn event(body: &Value, received_at: Timestamp) -> Said<'_> {
    let id = first_word(body, &["/issueId", "/id", "/incident_id"]);
    let state = first_word(body, &["/state", "/current_state"]);
    let (Some(id), Some(state)) = (id, state.as_deref()) else {
        let reason = "the body has no `id` and `state` (nor `incident_id` and `current_state`): keep them in the template \
                      of the workflow's webhook, as `{{ json issueId }}` and `{{ json state }}`";
        return Said::unknown(state.unwrap_or_default(), reason);
    };
    // The older channels tested with the incident 0.
    if id == SAMPLE_ISSUE || id == "0" {
        return Said::ping(state, "test notification");
    }
    let trigger = word(body, "/trigger");
    let Some(kind) = kind(state, &trigger) else { return Said::foreign(state) };
    let began = believed(body, &["/createdAt", "/activatedAt", "/timestamp"]);
    let closed = ["/closedAt", "/updatedAt", "/timestamp"];
    let changed = ["/updatedAt", "/timestamp"];
    let at = match kind {
        EventKind::Resolved => believed(body, &closed),
        EventKind::Triggered => believed(body, &changed).or(began),
        _ => believed(body, &changed),
    };
    // Only a time that moves with the issue tells its events apart.
    let delivery = believed(body, &changed).map(|at| format!("{id}|{state}|{trigger}|{at}"));
    let alert = Some(alert_of(body, began.unwrap_or(received_at)));
    Said { delivery, external_id: Some(id), at, alert, ..Said::new(kind, state) }
}

/// The first of several times, if it can be true.
fn believed(body: &Value, places: &[&str]) -> Option<Timestamp> {
    first_time(body, places).filter(|time| time.as_second() >= OLDEST)
}

fn kind(state: &str, trigger: &str) -> Option<EventKind> {
    let kind = match state.to_ascii_lowercase().as_str() {
        // What is told of an issue that goes on.
        "created" | "activated" | "active" | "open" | "opened"
            if matches!(trigger, "PRIORITY_CHANGED" | "ATTRIBUTES_UPDATED" | "OTHER_UPDATES") =>
        {
            EventKind::Updated
        }
        "created" | "activated" | "active" | "open" | "opened" => EventKind::Triggered,
        "acknowledged" => EventKind::Acknowledged,
        "investigating" => EventKind::Updated,
        "closed" | "resolved" => EventKind::Resolved,
        _ => return None,
    };
    Some(kind)
}

/// The texts at a place, which in New Relic is a list wherever an issue may have several.
fn several(body: &Value, at: &str) -> Vec<String> {
    let found = match body.pointer(at) {
        Some(Value::Array(list)) => list.iter().filter_map(scalar).collect(),
        Some(one) => scalar(one).into_iter().collect(),
        None => vec![],
    };
    found.into_iter().filter(|text: &String| !text.is_empty()).collect()
}

/// The texts of the first of several places that has some, in one line.
fn joined(body: &Value, places: &[&str]) -> String {
    places.iter().map(|at| several(body, at)).find(|texts| !texts.is_empty()).unwrap_or_default().join(", ")
}

fn alert_of(body: &Value, started_at: Timestamp) -> Alert {
    let condition = joined(body, &["/alertConditionNames", "/accumulations/conditionName", "/condition_name"]);
    let description = joined(body, &["/description", "/annotations/description", "/details"]);
    let title =
        [joined(body, &["/title", "/annotations/title", "/issueTitle"]), condition.clone(), description.clone()];
    let title = title.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let entities = joined(body, &["/impactedEntities", "/entitiesData/names"]);
    let target = joined(body, &["/targets/0/name"]);
    let priority = first_word(body, &["/priority", "/severity"]).unwrap_or_default();
    let mut found: BTreeMap<_, _> = labels(body.get("tags"));
    for (name, value) in [
        ("condition", condition),
        ("policy", joined(body, &["/alertPolicyNames", "/accumulations/policyName", "/policy_name"])),
        ("entities", entities.clone()),
        ("workflow", word(body, "/workflowName")),
        ("account", joined(body, &["/accountName", "/account_name", "/account_id"])),
        ("owner", joined(body, &["/owner"])),
    ] {
        found.entry(name.to_owned()).or_insert(value);
    }
    let hurt = [joined(body, &["/service"]), found.get("service").cloned().unwrap_or_default(), entities, target];
    let hurt = hurt.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let page = |places: &[&str]| places.iter().find_map(|at| several(body, at).into_iter().next());
    let runbook = page(&["/runbookUrl", "/accumulations/runbookUrl", "/runbook_url"]);
    let issue = page(&["/issueUrl", "/issuePageUrl", "/incident_url"]);
    let chart = page(&["/violationChartUrl", "/violation_chart_url"]);
    Alert {
        description,
        service: service(hurt),
        team: found.get("team").cloned().unwrap_or_default(),
        labels: found,
        links: links([
            ("Runbook", runbook.as_deref()),
            ("New Relic issue", issue.as_deref()),
            ("Chart", chart.as_deref()),
        ]),
        severity: json::severity(&priority).unwrap_or(AlertSeverity::High),
        priority,
        ..alert(title, AlertSeverity::High, started_at)
    }
}
