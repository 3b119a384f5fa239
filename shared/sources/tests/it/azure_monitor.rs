//! What Azure Monitor's webhooks say.

use domain::{AlertSeverity, EventKind};
use firstlook_sources::Normalized;
use serde_json::{Value, json};

use crate::support::{changed, hold_captures, known, now, one, said};

fn of(name: &str, changes: &[(&str, Value)]) -> Normalized {
    one(&known("azure-monitor"), changed(&format!("azure-monitor/{name}.json"), changes))
}

fn fired(changes: &[(&str, Value)]) -> Normalized {
    of("triggered", changes)
}

fn health(changes: &[(&str, Value)]) -> Normalized {
    of("service-health-resolved", changes)
}

fn metric(status: &str, timestamp: &str) -> Value {
    json!({
        "schemaId": "AzureMonitorMetricAlert",
        "data": {"status": status, "properties": {"team": "payments", "runbook": "https://runbooks.example.com/cpu"}, "context": {
            "timestamp": timestamp, "id": "/subscriptions/s/resourceGroups/g/providers/microsoft.insights/metricAlerts/cpu",
            "name": "cpu", "severity": "2", "description": "too busy",
            "condition": {"allOf": [{"metricName": "Percentage CPU", "operator": "GreaterThan", "threshold": "90",
                "dimensions": [{"name": "host", "value": "web-2"}], "metricValue": 97}]},
            "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web-2",
            "resourceName": "web-2", "portalLink": "https://portal.azure.com/#resource/web-2"
        }}
    })
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in ["triggered", "resolved", "service-health-resolved", "ping"] {
        insta::with_settings!({description => "the raw parts are left out"}, {
            insta::assert_json_snapshot!(format!("azure_monitor_{name}"), said(&[of(name, &[])]));
        });
    }
}

#[test]
fn every_real_body_is_read() {
    use EventKind::{Ping, Resolved, Triggered};
    let events = hold_captures(
        "azure_monitor",
        "azure-monitor",
        &[
            ("alerta_AzureMonitorMetricAlert_activated.json", &[(Triggered, true)]),
            ("alerta_AzureMonitorMetricAlert_deactivated.json", &[(Resolved, true)]),
            ("alerta_classic_metric_2.json", &[(Triggered, true)]),
            ("alerta_classic_metric_activated.json", &[(Triggered, true)]),
            ("docs_common_schema_resolved.json", &[(Resolved, true)]),
            // What "Test action group" sends.
            ("docs_test_metric_dynamic_fired.json", &[(Ping, false)]),
            ("docs_test_metric_static_fired.json", &[(Ping, false)]),
            ("docs_test_resource_health.json", &[(Ping, false)]),
            ("docs_test_service_health.json", &[(Ping, false)]),
        ],
    );
    for (file, events) in events.iter().filter(|(_, events)| events[0].kind != Ping) {
        let event = &events[0];
        assert!(event.occurred_at < now(), "{file}: the sender's time counts");
        assert!(!event.alert.as_ref().unwrap().service.name.is_empty(), "{file}");
    }
}

#[test]
fn a_resolved_finds_its_fired_by_the_alerts_id() {
    let (fired, resolved) = (fired(&[]), of("resolved", &[]));
    assert_eq!(fired.external_id, resolved.external_id);
    assert_ne!(fired.delivery_key, resolved.delivery_key);
    assert_eq!(fired.alert.unwrap().started_at, resolved.alert.unwrap().started_at);
}

/// Activity log alerts have no `Resolved`: the end of an outage is one more alert that fired.
#[test]
fn service_health_that_is_resolved_is_resolved_though_it_says_fired() {
    let over = health(&[]);
    assert_eq!((over.kind, over.provider_kind.as_str()), (EventKind::Resolved, "Resolved"));
    let active = health(&[
        ("/data/essentials/alertId", json!("/another/alert")),
        ("/data/alertContext/properties/stage", json!("Active")),
        ("/data/alertContext/status", json!("Active")),
    ]);
    assert_eq!(active.kind, EventKind::Triggered);
    assert_eq!(active.external_id, over.external_id, "one trouble has one tracking id and many alerts");
    let review = health(&[("/data/alertContext/properties/stage", json!("RCA"))]);
    assert_eq!(review.kind, EventKind::Annotated);
}

#[test]
fn maintenance_and_advisories_of_azure_are_no_incidents() {
    for what in ["Maintenance", "Informational", "ActionRequired", "Security"] {
        let event = health(&[("/data/alertContext/properties/incidentType", json!(what))]);
        assert_eq!((event.kind, event.provider_kind.as_str()), (EventKind::Unknown, what));
    }
}

#[test]
fn resource_health_opens_and_ends_by_its_resource() {
    let event = |stage: &str, status: &str, id: &str| {
        fired(&[
            ("/data/essentials/alertId", json!(id)),
            ("/data/essentials/severity", json!("Sev4")),
            (
                "/data/alertContext",
                json!({
                    "operationName": "Microsoft.Resourcehealth/healthevent/Activated/action", "status": stage,
                    "level": "Critical", "eventDataId": id,
                    "properties": {"title": "The VM is down", "currentHealthStatus": status, "cause": "PlatformInitiated"}
                }),
            ),
        ])
    };
    let (open, over) = (event("Active", "Unavailable", "1"), event("Resolved", "Available", "2"));
    assert_eq!((open.kind, over.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(open.external_id, over.external_id);
    assert_ne!(open.delivery_key, over.delivery_key);
    let alert = open.alert.unwrap();
    assert_eq!((alert.severity, alert.title.as_str()), (AlertSeverity::High, "The VM is down"));
}

#[test]
fn an_entry_of_the_activity_log_opens_whatever_its_status_is() {
    let context =
        json!({"operationName": "Microsoft.Compute/virtualMachines/delete", "status": "Succeeded", "level": 4});
    let event = fired(&[("/data/alertContext", context)]);
    assert_eq!((event.kind, event.alert.unwrap().severity), (EventKind::Triggered, AlertSeverity::Info));
}

#[test]
fn a_test_of_the_action_group_opens_nothing_and_a_rule_that_is_called_so_does() {
    assert_eq!(of("ping", &[]).kind, EventKind::Ping);
    assert_eq!(fired(&[("/data/essentials/alertRule", json!("test-checkout"))]).kind, EventKind::Triggered);
    assert_eq!(health(&[("/data/alertContext/properties/IsSynthetic", json!("True"))]).kind, EventKind::Ping);
}

#[test]
fn severities_are_in_azures_order() {
    use AlertSeverity::{Critical, High, Info, Low, Medium};
    for (word, severity) in [
        ("Sev0", Critical),
        ("Sev1", High),
        ("Sev2", Medium),
        ("Sev3", Low),
        ("Sev4", Info),
        ("Sev9", High),
        ("", High),
    ] {
        let event = fired(&[("/data/essentials/severity", json!(word))]);
        assert_eq!(event.alert.unwrap().severity, severity, "{word}");
    }
}

#[test]
fn the_older_schemas_are_read_and_their_series_are_told_apart() {
    let source = known("azure-monitor");
    let open = one(&source, metric("Activated", "2026-03-02T09:14:05.1234567Z").to_string());
    let over = one(&source, metric("Deactivated", "2026-03-02T09:31:05.1234567Z").to_string());
    assert_eq!((open.kind, over.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(open.external_id, over.external_id);
    assert_ne!(open.delivery_key, over.delivery_key);
    let mut other = metric("Activated", "2026-03-02T09:14:05.1234567Z");
    *other.pointer_mut("/data/context/condition/allOf/0/dimensions/0/value").unwrap() = json!("web-3");
    assert_ne!(one(&source, other.to_string()).external_id, open.external_id);
    let alert = open.alert.unwrap();
    assert_eq!((alert.severity, alert.labels["team"].as_str()), (AlertSeverity::Medium, "payments"));
    assert_eq!(alert.description, "too busy\nPercentage CPU GreaterThan 90: 97");
    assert_eq!(alert.links[0].title, "Runbook");
    // The classic form is the same without `data` around it.
    let classic = one(&source, metric("Activated", "2026-03-02T09:14:05.1234567Z")["data"].to_string());
    assert_eq!((classic.kind, classic.external_id), (EventKind::Triggered, open.external_id));
}

#[test]
fn an_activity_log_alert_in_its_own_schema_is_read() {
    let entry = |stage: &str| {
        json!({"schemaId": "Microsoft.Insights/activityLogs", "data": {"status": "Activated", "properties": {"team": "cloud"},
        "context": {"activityLog": {
            "channels": "Admin", "eventSource": "ServiceHealth", "eventTimestamp": "2026-03-02T10:02:30Z",
            "eventDataId": format!("entry-{stage}"), "level": "Warning",
            "operationName": "Microsoft.ServiceHealth/incident/action", "status": stage, "subscriptionId": "s",
            "properties": {"title": "Connection failures", "service": "SQL Database", "region": "West Europe",
                "incidentType": "Incident", "trackingId": "8K2M-1X0", "impactStartTime": "2026-03-02T08:40:00Z",
                "communication": "<p>We <b>look</b> at it.</p>", "stage": stage}
        }}}})
    };
    let source = known("azure-monitor");
    let (open, over) = (one(&source, entry("Active").to_string()), one(&source, entry("Resolved").to_string()));
    assert_eq!((open.kind, over.kind), (EventKind::Triggered, EventKind::Resolved));
    assert_eq!(open.external_id.as_deref(), Some("service-health/8K2M-1X0"));
    assert_eq!(open.external_id, over.external_id);
    let alert = open.alert.unwrap();
    assert_eq!((alert.title.as_str(), alert.service.name.as_str()), ("Connection failures", "SQL Database"));
    assert_eq!(alert.description, "We look at it.");
    assert_eq!(alert.severity, AlertSeverity::Medium);
}

#[test]
fn i1_a_verified_body_that_is_something_else_is_recorded_with_the_reason() {
    let log = r#"{"schemaId": "Microsoft.Insights/LogAlert", "data": {"AlertRuleName": "errors", "ResultCount": 3}}"#;
    for body in ["{}", "[]", "7", log] {
        let event = one(&known("azure-monitor"), body);
        assert_eq!(event.kind, EventKind::Unknown);
        assert!(event.summary.contains("enable it"), "{}", event.summary);
    }
    assert_eq!(fired(&[("/data/essentials/monitorCondition", json!("Suppressed"))]).kind, EventKind::Unknown);
}
