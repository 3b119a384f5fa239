//! What CloudWatch's alarms say, by all three ways.

use catalog::model::Source;
use domain::{AlertSeverity, EventKind, EventRole};
use firstlook_sources::{Normalized, invoked, normalize};
use serde_json::{Value, json};

use crate::support::{captures, now, sample, source};

fn alarms() -> Source {
    source(json!({"name": "alarms", "type": "cloudwatch", "verify": {"scheme": "iam"}}))
}

/// Reads a body, whichever way it came: what is in it does not hang on how it was proven.
pub fn read(raw: &[u8]) -> Vec<Normalized> {
    let alarms = alarms();
    normalize(&alarms, &invoked(&alarms, raw).unwrap(), now())
}

fn one(raw: impl AsRef<[u8]>) -> Normalized {
    let [event] = <[Normalized; 1]>::try_from(read(raw.as_ref())).unwrap();
    event
}

/// The project's samples.
pub const SAMPLES: [&str; 8] = [
    "triggered",
    "resolved",
    "insufficient_data",
    "subscription_confirmation",
    "eventbridge_triggered",
    "lambda_triggered",
    "slo_triggered",
    "composite_suppressed",
];

fn said(name: &str) -> Normalized {
    one(sample(&format!("cloudwatch/{name}.json")))
}

#[test]
fn the_samples_read_as_they_are_meant() {
    for name in SAMPLES {
        let event = said(name);
        insta::with_settings!({description => "the raw part is left out"}, {
            insta::assert_json_snapshot!(format!("cloudwatch_{name}"), json!({
                "kind": event.kind, "provider_kind": event.provider_kind, "delivery_key": event.delivery_key,
                "external_id": event.external_id, "occurred_at": event.occurred_at, "summary": event.summary,
                "alert": event.alert,
            }));
        });
    }
}

#[test]
fn i3_an_alarm_that_is_wired_three_ways_is_one_event() {
    let [sns, bridge, direct] = ["triggered", "eventbridge_triggered", "lambda_triggered"].map(said);
    for other in [&bridge, &direct] {
        assert_eq!((&other.delivery_key, &other.external_id), (&sns.delivery_key, &sns.external_id));
        assert_eq!((other.kind, other.occurred_at), (sns.kind, sns.occurred_at));
        assert_eq!(other.alert.as_ref().unwrap().severity, sns.alert.as_ref().unwrap().severity);
    }
    let resolved = said("resolved");
    assert_eq!(resolved.external_id, sns.external_id);
    assert_ne!(resolved.delivery_key, sns.delivery_key);
}

/// What comes of each capture: its kind, and whether there is an alert.
const CAPTURES: &[(&str, &str, EventKind)] = &[
    ("aws_eventbridge_cloudwatch", "config_create_composite.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "config_create_composite_suppressor.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "config_delete_composite.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "config_delete_metric_math.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "config_update_composite.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "config_update_metric.json", EventKind::Unknown),
    ("aws_eventbridge_cloudwatch", "state_change_anomaly.json", EventKind::Triggered),
    ("aws_eventbridge_cloudwatch", "state_change_composite_suppressed.json", EventKind::Triggered),
    ("aws_eventbridge_cloudwatch", "state_change_metric_math.json", EventKind::Triggered),
    ("aws_eventbridge_cloudwatch", "state_change_single_metric.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "alerta_alarm_notification.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "alerta_insufficient_data.json", EventKind::Updated),
    ("aws_sns_cloudwatch", "alerta_subscription_confirmation.json", EventKind::Ping),
    ("aws_sns_cloudwatch", "docs_notification.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "docs_notification_sigv1_real.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "docs_subscription_confirmation.json", EventKind::Ping),
    ("aws_sns_cloudwatch", "docs_unsubscribe_confirmation.json", EventKind::Unknown),
    // Envelopes of functions that are not ours: HTTP, SNS and SQS in front of Lambda.
    ("aws_sns_cloudwatch", "lambda_events_apigw-v2-request-no-authorizer.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "lambda_events_cloudwatch-alarm-composite-with-suppressor-alarm.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "lambda_events_cloudwatch-alarm-composite.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "lambda_events_cloudwatch-alarm-metric.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "lambda_events_cloudwatch-alarm-sns-payload-multiple-metrics.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "lambda_events_cloudwatch-alarm-sns-payload-single-metric.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "lambda_events_sns-event.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "powertools_cloudWatchAlarmEventCompositeMetric.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "powertools_cloudWatchAlarmEventSingleMetric.json", EventKind::Triggered),
    ("aws_sns_cloudwatch", "powertools_lambdaFunctionUrlEvent.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "powertools_lambdaFunctionUrlEventWithHeaders.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "powertools_snsEvent.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "powertools_snsSqsEvent.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "powertools_snsSqsFifoEvent.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_lambda_subject_null_v1.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_lambda_subject_null_v2.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_v1_no_subject.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_v1_subject.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_v2_no_subject.json", EventKind::Unknown),
    ("aws_sns_cloudwatch", "signed_v2_subject.json", EventKind::Unknown),
];

#[test]
fn every_capture_is_classified() {
    for folder in ["aws_eventbridge_cloudwatch", "aws_sns_cloudwatch"] {
        for (file, body) in captures(folder) {
            // Headers of a message beside them, and the certificate of the signed ones.
            if file.ends_with(".headers.json") || file.ends_with(".pem.txt") {
                continue;
            }
            let known = CAPTURES.iter().find(|(of, name, _)| *of == folder && *name == file);
            let (_, _, kind) = known.unwrap_or_else(|| panic!("{folder}/{file} is not in the table"));
            let event = one(&body);
            assert_eq!(event.kind, *kind, "{file}: {}", event.summary);
            let about_an_alarm = kind.role() != EventRole::Control;
            assert_eq!(event.alert.is_some(), about_an_alarm, "{file}");
            assert_eq!(event.external_id.is_some_and(|id| id.contains(":alarm:")), about_an_alarm, "{file}");
            assert!(!event.summary.is_empty(), "{file}");
        }
    }
}

/// The alarm of the EventBridge sample with these changes.
fn with(changes: &[(&str, Value)]) -> Normalized {
    let mut body: Value = serde_json::from_slice(&sample("cloudwatch/eventbridge_triggered.json")).unwrap();
    for (at, value) in changes {
        *body.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = value.clone();
    }
    one(body.to_string())
}

#[test]
fn only_alarm_opens_and_only_ok_resolves() {
    for (state, kind) in [
        ("ALARM", EventKind::Triggered),
        ("OK", EventKind::Resolved),
        ("INSUFFICIENT_DATA", EventKind::Updated),
        ("SNOOZED", EventKind::Unknown),
    ] {
        assert_eq!(with(&[("/detail/state/value", json!(state))]).kind, kind, "{state}");
    }
}

#[test]
fn i3_a_key_names_one_change_of_state() {
    let key = |changes: &[(&str, Value)]| with(changes).delivery_key;
    let first = key(&[]);
    // EventBridge's own id, and how the time is written, are the way's and not the alarm's.
    assert_eq!(
        key(&[("/id", json!("another")), ("/detail/state/timestamp", json!("2026-03-02T09:40:11.204Z"))]),
        first
    );
    assert_ne!(key(&[("/detail/state/timestamp", json!("2026-03-02T09:40:11.205+0000"))]), first);
    assert_ne!(key(&[("/detail/state/value", json!("OK"))]), first);
    assert_ne!(key(&[("/resources/0", json!("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:b"))]), first);
}

#[test]
fn an_alarm_says_how_bad_it_is_by_custom_only() {
    let severity = |name: &str, description: &str| {
        let changes = [("/detail/alarmName", json!(name)), ("/detail/configuration/description", json!(description))];
        with(&changes).alert.unwrap().severity
    };
    for (name, description, wanted) in [
        ("checkout", "", AlertSeverity::High),
        ("checkout-P1", "", AlertSeverity::Critical),
        ("SEV3 checkout", "", AlertSeverity::Medium),
        ("checkout-P1", "severity=low", AlertSeverity::Low),
        ("checkout", "Severity: Warning, look at it tomorrow", AlertSeverity::Medium),
        // Words that only look like one.
        ("error-rate", "The severity of this is unclear", AlertSeverity::High),
        ("info-page-critical-path", "", AlertSeverity::High),
    ] {
        assert_eq!(severity(name, description), wanted, "{name} {description}");
    }
}

#[test]
fn metric_math_names_its_expression_and_the_metrics_behind_it() {
    let metrics = json!([
        {"id": "e1", "expression": "m1/m2*100", "label": "errors", "returnData": true},
        {"id": "m1", "metricStat": {"metric": {"namespace": "AWS/Lambda", "name": "Errors", "dimensions": {"FunctionName": "pay"}}, "stat": "Sum"}},
        {"id": "m2", "metricStat": {"metric": {"namespace": "AWS/Lambda", "name": "Invocations", "dimensions": {"FunctionName": "pay"}}, "stat": "Sum"}}
    ]);
    let alert = with(&[("/detail/configuration/metrics", metrics)]).alert.unwrap();
    assert_eq!(alert.labels["expression"], "m1/m2*100");
    assert_eq!((alert.labels["namespace"].as_str(), alert.labels["metric"].as_str()), ("AWS/Lambda", "Errors"));
    assert_eq!((alert.labels["FunctionName"].as_str(), alert.service.name.as_str()), ("pay", "pay"));
}

#[test]
fn an_slo_alarm_of_sns_reads_its_number_from_the_reason() {
    let mut body: Value = serde_json::from_slice(&sample("cloudwatch/triggered.json")).unwrap();
    let mut alarm: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
    let dimension = |name: &str, value: &str| json!({"name": name, "value": value});
    alarm["Trigger"]["Namespace"] = json!("AWS/ApplicationSignals");
    for (metric, burn_rate, objective, window) in
        [("BurnRate", "61.0", "", "5m"), ("AttainmentRate", "", "25.0", ""), ("BreachedCount", "", "", "")]
    {
        alarm["Trigger"]["MetricName"] = json!(metric);
        alarm["Trigger"]["Dimensions"] = json!([dimension("SloName", "s"), dimension("BurnRateWindowMinutes", "5")]);
        body["Message"] = json!(alarm.to_string());
        let slo = one(body.to_string()).alert.unwrap().slo;
        assert_eq!(
            (slo.name.as_str(), slo.burn_rate.as_str(), slo.objective.as_str(), slo.window.as_str()),
            ("s", burn_rate, objective, window),
            "{metric}"
        );
    }
}

#[test]
fn an_older_notification_without_an_arn_is_the_same_alarm() {
    let mut body: Value = serde_json::from_slice(&sample("cloudwatch/triggered.json")).unwrap();
    let mut alarm: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
    alarm.as_object_mut().unwrap().remove("AlarmArn");
    body["Message"] = json!(alarm.to_string());
    assert_eq!(one(body.to_string()).external_id, said("triggered").external_id);
}

#[test]
fn what_is_kept_of_a_message_cannot_end_the_subscription() {
    let mut body: Value = serde_json::from_slice(&sample("cloudwatch/subscription_confirmation.json")).unwrap();
    body["UnsubscribeURL"] = json!("https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe");
    let event = one(body.to_string());
    for hidden in ["Token", "SubscribeURL", "UnsubscribeURL", "Signature"] {
        assert!(!event.raw.text.contains(&format!("\"{hidden}\"")), "{hidden}: {}", event.raw.text);
    }
}
