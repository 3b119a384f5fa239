//! Azure Monitor action groups (Microsoft's documentation, Common alert schema; and the schemas that it replaced, which
//! an action group still sends where the common one is switched off).
//!
//! Activity log alerts have no state of their own: each entry of the log is one more `Fired`, also that the trouble is over.

use domain::{Alert, AlertSeverity, EventKind, Service};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    json::{self, first, first_time, first_word, list, text, time, word},
    normalized::named_key,
    said::{Said, alert, links},
};

pub(crate) fn read(body: &Value, received_at: Timestamp) -> Vec<Said<'_>> {
    let schema = text(body, "/schemaId").unwrap_or_default();
    let data = body.get("data").unwrap_or(&Value::Null);
    vec![if data.get("essentials").is_some_and(Value::is_object) {
        common(data, received_at)
    } else if let Some(entry) = data.pointer("/context/activityLog").filter(|entry| entry.is_object()) {
        activity_log(entry, data, received_at)
    } else if data.get("context").is_some_and(Value::is_object) {
        metric(data, received_at)
    } else if body.get("context").is_some_and(Value::is_object) {
        metric(body, received_at)
    } else {
        let reason = "the body is no alert of the common alert schema: enable it for the action in the action group";
        Said::unknown(schema, reason)
    }]
}

/// The common alert schema.
fn common<'a>(data: &'a Value, received_at: Timestamp) -> Said<'a> {
    let condition = text(data, "/essentials/monitorCondition").unwrap_or_default();
    let kind = match condition.to_ascii_lowercase().as_str() {
        "fired" => EventKind::Triggered,
        "resolved" => EventKind::Resolved,
        _ => return Said::foreign(condition),
    };
    let context = data.get("alertContext").unwrap_or(&Value::Null);
    let rule = text(data, "/essentials/alertRule").unwrap_or_default();
    let target = text(data, "/essentials/alertTargetIDs/0").unwrap_or_default();
    if is_test(rule, target, context) {
        return test(rule);
    }
    let log = LogEntry::of(context);
    let (kind, said) = match &log {
        Some(log) => match log.kind(kind) {
            Some(kind) if log.health.is_some() => (kind, log.stage),
            Some(kind) => (kind, condition),
            None => return log.foreign(),
        },
        None => (kind, condition),
    };
    let alert_id = first(data, &["/essentials/alertId", "/essentials/originAlertId"]);
    let own = log.as_ref().and_then(|log| log.incident(target));
    let at = first_time(data, &["/essentials/resolvedDateTime", "/essentials/firedDateTime"]);
    // Azure hears of an outage some time after it began.
    let began = log.as_ref().and_then(|log| time(log.entry, "/properties/impactStartTime"));
    let began = began.or_else(|| time(data, "/essentials/firedDateTime"));
    let severity = log.as_ref().and_then(LogEntry::severity).or_else(|| severity(&word(data, "/essentials/severity")));
    let item = text(data, "/essentials/configurationItems/0").or_else(|| target.rsplit('/').next());
    let title = log.as_ref().and_then(LogEntry::title).unwrap_or_else(|| rule.to_owned());
    let mut alert = Alert {
        description: description(text(data, "/essentials/description"), context),
        service: Service { id: target.to_owned(), name: item.unwrap_or_default().to_owned() },
        ..alert(title, severity.unwrap_or(AlertSeverity::High), began.unwrap_or(received_at))
    };
    if let Some(name) = log.as_ref().and_then(|log| log.service()) {
        alert.service.name = name.to_owned();
    }
    for properties in [data.get("customProperties"), context.get("properties").filter(|_| log.is_none())] {
        alert.labels.append(&mut json::labels(properties));
    }
    alert.links = links([
        ("Runbook", first(data, &RUNBOOKS).or_else(|| first(context, &CONTEXT_RUNBOOKS))),
        ("Azure alert", text(data, "/essentials/investigationLink")),
        ("Search results", first(context, &SEARCHES)),
    ]);
    let labels = [
        ("alert_rule", rule.to_owned()),
        ("signal_type", word(data, "/essentials/signalType")),
        ("monitoring_service", word(data, "/essentials/monitoringService")),
    ];
    more(&mut alert, labels, target, context);
    let delivery = alert_id.map(|id| {
        // Of one trouble the log has several entries, each with its own id.
        let entry = first_word(context, &["/eventDataId", "/properties/communicationId"]).unwrap_or_default();
        format!("{id}/{condition}/{}/{entry}", at.map(|at| at.to_string()).unwrap_or_default())
    });
    let external_id = own.or_else(|| alert_id.map(str::to_owned));
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, said) }
}

/// An activity log alert in its own schema, which has no essentials.
fn activity_log<'a>(entry: &'a Value, data: &'a Value, received_at: Timestamp) -> Said<'a> {
    let target = text(entry, "/resourceId").unwrap_or_default();
    if is_test("", target, entry) {
        return test("activity log");
    }
    let Some(log) = LogEntry::of(entry) else { return Said::foreign("activityLog") };
    let Some(kind) = log.kind(EventKind::Triggered) else { return log.foreign() };
    let at = first_time(entry, &["/eventTimestamp", "/submissionTimestamp"]);
    let operation = text(entry, "/operationName").unwrap_or("activity log alert");
    let title = log.title().unwrap_or_else(|| format!("{operation} {}", log.stage));
    let name = log.service().or_else(|| target.rsplit('/').next()).unwrap_or_default();
    let started_at = first_time(entry, &["/properties/impactStartTime", "/eventTimestamp"]);
    let mut alert = Alert {
        description: description(None, entry),
        service: Service { id: target.to_owned(), name: name.to_owned() },
        labels: json::labels(data.get("properties")),
        ..alert(title, log.severity().unwrap_or(AlertSeverity::High), started_at.unwrap_or(received_at))
    };
    more(&mut alert, [("monitoring_service", word(entry, "/eventSource"))], target, entry);
    let entry_id = text(entry, "/eventDataId");
    let delivery = entry_id.map(|id| format!("{id}/{}", log.stage));
    let external_id = log.incident(target).or_else(|| entry_id.map(str::to_owned));
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, log.stage) }
}

/// A metric alert in its own schema, and the classic one, which has the same fields without `data` around them.
fn metric<'a>(data: &'a Value, received_at: Timestamp) -> Said<'a> {
    let status = text(data, "/status").unwrap_or_default();
    let kind = match status.to_ascii_lowercase().as_str() {
        "activated" => EventKind::Triggered,
        "deactivated" | "resolved" => EventKind::Resolved,
        _ => return Said::foreign(status),
    };
    let context = data.get("context").unwrap_or(&Value::Null);
    let target = text(context, "/resourceId").unwrap_or_default();
    let rule = text(context, "/name").unwrap_or_default();
    if is_test(rule, target, context) {
        return test(rule);
    }
    // One rule watches many resources, and each series of their dimensions for itself.
    let external_id = text(context, "/id").map(|id| {
        let series = list(context, "/condition/allOf").iter().flat_map(|part| list(part, "/dimensions"));
        let series: Vec<_> = series.map(|part| format!("{}={}", word(part, "/name"), word(part, "/value"))).collect();
        named_key(&[id, target, &series.join(",")].join("|"))
    });
    let at = time(context, "/timestamp");
    let severity = severity(&word(context, "/severity")).unwrap_or(AlertSeverity::High);
    let name = first(context, &["/resourceName"]).or_else(|| target.rsplit('/').next()).unwrap_or_default();
    let mut alert = Alert {
        description: description(text(context, "/description"), context),
        service: Service { id: target.to_owned(), name: name.to_owned() },
        labels: json::labels(data.get("properties")),
        links: links([("Runbook", first(data, &PROPERTY_RUNBOOKS)), ("Azure resource", text(context, "/portalLink"))]),
        ..alert(rule, severity, at.unwrap_or(received_at))
    };
    more(&mut alert, [("alert_rule", rule.to_owned())], target, context);
    let delivery = external_id.as_ref().zip(at).map(|(id, at)| format!("{id}/{status}/{at}"));
    Said { delivery, external_id, at, alert: Some(alert), ..Said::new(kind, status) }
}

const RUNBOOKS: [&str; 3] = ["/customProperties/runbook", "/customProperties/Runbook", "/customProperties/runbook_url"];
const CONTEXT_RUNBOOKS: [&str; 2] = ["/properties/runbook", "/properties/runbook_url"];
const PROPERTY_RUNBOOKS: [&str; 3] = ["/properties/runbook", "/properties/Runbook", "/properties/runbook_url"];
const SEARCHES: [&str; 3] = [
    "/condition/allOf/0/linkToFilteredSearchResultsUI",
    "/condition/allOf/0/linkToSearchResultsUI",
    "/LinkToFilteredSearchResultsUI",
];

/// An entry of the activity log, which is what `alertContext` is for service health, resource health and the like.
struct LogEntry<'a> {
    entry: &'a Value,
    /// Where it stands: `Active`, `Resolved`, `Succeeded`. For service health the stage says it before the status does.
    stage: &'a str,
    health: Option<Health>,
}

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Service,
    Resource,
}

impl<'a> LogEntry<'a> {
    fn of(entry: &'a Value) -> Option<Self> {
        let operation = text(entry, "/operationName")?.to_ascii_lowercase();
        let health = if operation.starts_with("microsoft.servicehealth/") {
            Some(Health::Service)
        } else if operation.starts_with("microsoft.resourcehealth/") {
            Some(Health::Resource)
        } else {
            None
        };
        let stage = first(entry, &["/properties/stage", "/status"]).unwrap_or_default();
        Some(Self { entry, stage, health })
    }

    /// What the entry says of its trouble; none where it is about none.
    fn kind(&self, fired: EventKind) -> Option<EventKind> {
        let Some(health) = self.health else { return Some(fired) };
        let incident = text(self.entry, "/properties/incidentType").unwrap_or("Incident");
        // Maintenance, advisories and bills are no incidents.
        if health == Health::Service && !incident.eq_ignore_ascii_case("incident") {
            return None;
        }
        Some(match self.stage.to_ascii_lowercase().as_str() {
            "resolved" | "complete" | "completed" | "canceled" => EventKind::Resolved,
            "rca" => EventKind::Annotated,
            "updated" => EventKind::Updated,
            _ => fired,
        })
    }

    fn foreign(&self) -> Said<'a> {
        Said::foreign(text(self.entry, "/properties/incidentType").unwrap_or(self.stage))
    }

    /// What is the same in all entries of one trouble: each of them is another alert to Azure.
    fn incident(&self, target: &str) -> Option<String> {
        match self.health? {
            Health::Service => text(self.entry, "/properties/trackingId").map(|id| format!("service-health/{id}")),
            Health::Resource if target.is_empty() => None,
            Health::Resource => Some(named_key(&format!("resource-health/{}", target.to_ascii_lowercase()))),
        }
    }

    fn title(&self) -> Option<String> {
        self.health?;
        text(self.entry, "/properties/title").map(str::to_owned)
    }

    fn service(&self) -> Option<&'a str> {
        text(self.entry, "/properties/service").filter(|_| self.health == Some(Health::Service))
    }

    /// Such alerts are all `Sev4`, so that of the entry counts, as a word or as a number.
    fn severity(&self) -> Option<AlertSeverity> {
        match text(self.entry, "/properties/currentHealthStatus") {
            Some("Unavailable") => return Some(AlertSeverity::High),
            Some("Degraded") => return Some(AlertSeverity::Medium),
            _ => {}
        }
        match word(self.entry, "/level").as_str() {
            "1" => Some(AlertSeverity::Critical),
            "2" => Some(AlertSeverity::High),
            "3" => Some(AlertSeverity::Medium),
            "4" | "5" => Some(AlertSeverity::Info),
            word => json::severity(word),
        }
    }
}

/// `Sev0` to `Sev4`, and the bare number of the older schemas.
fn severity(word: &str) -> Option<AlertSeverity> {
    let number = word.strip_prefix("Sev").or_else(|| word.strip_prefix("sev")).unwrap_or(word);
    Some(match number {
        "0" => AlertSeverity::Critical,
        "1" => AlertSeverity::High,
        "2" => AlertSeverity::Medium,
        "3" => AlertSeverity::Low,
        "4" => AlertSeverity::Info,
        _ => return None,
    })
}

/// What "Test action group" sends: a rule `test-...` in the resource group `test-RG`, or a made-up service health event.
fn is_test(rule: &str, target: &str, context: &Value) -> bool {
    let group = target.to_ascii_lowercase().contains("/resourcegroups/test-rg/");
    let synthetic = word(context, "/properties/IsSynthetic").eq_ignore_ascii_case("true")
        || text(context, "/properties/trackingId") == Some("TEST-TTT");
    synthetic || group && rule.to_ascii_lowercase().starts_with("test-")
}

fn test<'a>(rule: &str) -> Said<'a> {
    Said::ping("test", format!("a test of the action group: {rule}"))
}

/// What the rule says, then what was measured, or what the log has to tell.
fn description(said: Option<&str>, context: &Value) -> String {
    let mut lines: Vec<String> = said.map(str::to_owned).into_iter().collect();
    let parts = list(context, "/condition/allOf");
    let classic = context.get("condition").filter(|_| parts.is_empty());
    for part in parts.iter().chain(classic) {
        let names = ["/metricName", "/metricMeasureColumn", "/searchQuery"];
        let words = [first_word(part, &names), first_word(part, &["/operator"]), first_word(part, &["/threshold"])];
        let said: Vec<_> = words.into_iter().flatten().collect();
        if !said.is_empty() {
            let value = first_word(part, &["/metricValue"]).map(|value| format!(": {value}")).unwrap_or_default();
            lines.push(format!("{}{value}", said.join(" ")));
        }
    }
    let texts = ["/properties/defaultLanguageContent", "/properties/communication", "/properties/details"];
    if let Some(text) = first(context, &texts) {
        lines.push(without_tags(text));
    }
    if let Some(cause) = text(context, "/properties/cause") {
        lines.push(format!("Cause: {cause}"));
    }
    lines.join("\n")
}

/// The text between the tags of a service health message.
fn without_tags(html: &str) -> String {
    let parts = html.split('<').enumerate();
    let texts =
        parts.map(|(index, part)| if index == 0 { part } else { part.split_once('>').map_or("", |(_, rest)| rest) });
    texts.map(str::trim).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What every schema knows. What the user set stands where both have a name.
fn more<const N: usize>(alert: &mut Alert, labels: [(&str, String); N], target: &str, context: &Value) {
    let part = |name: &str| {
        let mut parts = target.split('/').skip_while(|part| !part.eq_ignore_ascii_case(name));
        parts.nth(1).unwrap_or_default().to_owned()
    };
    let known = [
        ("subscription", part("subscriptions")),
        ("resource_group", part("resourceGroups")),
        ("resource_type", {
            let mut parts = target.split('/').skip_while(|part| !part.eq_ignore_ascii_case("providers")).skip(1);
            parts.by_ref().take(2).collect::<Vec<_>>().join("/")
        }),
        ("region", first_word(context, &["/properties/region", "/resourceRegion"]).unwrap_or_default()),
        (
            "metric",
            first_word(context, &["/condition/allOf/0/metricName", "/condition/metricName"]).unwrap_or_default(),
        ),
    ];
    alert.team = alert.labels.get("team").cloned().unwrap_or_default();
    for (key, value) in labels.into_iter().chain(known) {
        alert.labels.entry(key.to_owned()).or_insert(value);
    }
    for dimension in list(context, "/condition/allOf/0/dimensions") {
        let name = word(dimension, "/name");
        if !name.is_empty() {
            alert.labels.entry(name).or_insert_with(|| word(dimension, "/value"));
        }
    }
}
