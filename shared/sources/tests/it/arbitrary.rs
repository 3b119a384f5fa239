//! Whatever bytes come: nobody gets in, and nothing panics.

use domain::{Disposition, EventId, Secret};
use firstlook_sources::{normalize, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::support::{Beside, KNOWN, bearer, known, normalized, now, probes, sample};

fn sources() -> Vec<catalog::model::Source> {
    let mut sources = vec![
        probes(json!({"secret": "s", "scheme": "standard-webhooks"})),
        probes(json!({"secret": "s", "scheme": "hmac-sha256", "header": "x-signature"})),
        probes(json!({"secret": "s", "scheme": "basic"})),
        probes(json!({"secret": "s", "scheme": "url-token"})),
        probes(bearer()),
    ];
    sources.extend(KNOWN.map(known));
    sources
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("x".repeat(100_000))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect()))
        ]
    })
}

/// Every place in a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            places(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found)
        }),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, inner)| places(inner, &format!("{at}/{i}"), found)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn i1_arbitrary_headers_prove_nothing(
        body: Vec<u8>,
        query in "(token=)?[a-zA-Z0-9+/=&%._]{0,90}",
        values in vec(prop_oneof![vec(any::<u8>(), 0..200), "(v[01][=,]|v1a,|sha256=|Bearer |Basic )?[a-zA-Z0-9+/=, .]{0,90}".prop_map(String::into_bytes)], 12),
    ) {
        let names = ["x-pagerduty-signature", "webhook-id", "webhook-timestamp", "webhook-signature", "svix-signature",
            "x-signature", "authorization", "x-token", "x-grafana-alerting-signature", "x-grafana-alerting-timestamp",
            "x-slack-signature", "x-slack-request-timestamp"];
        let mut headers = HeaderMap::new();
        for (name, value) in names.into_iter().zip(values) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let secrets = [Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), Secret::new("previous")];
        for source in sources() {
            let beside = Beside { headers: headers.clone(), query: Some(query.clone()) };
            prop_assert!(verify(&source, beside.with(&body), &secrets, now()).is_err());
        }
    }

    #[test]
    fn i1_whatever_is_signed_is_let_in_and_becomes_events(body: Vec<u8>) {
        for source in sources() {
            let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
            let beside = Beside::signed(&source, &body, key);
            let payload = verify(&source, beside.with(&body), &[Secret::new(key)], now()).unwrap();
            prop_assert!(!normalize(&source, &payload, now()).is_empty());
        }
    }

    /// A real body in which one place was put in place by something else.
    #[test]
    fn i14_a_body_with_one_odd_place_is_still_recorded(
        file in select(vec!["pagerduty/triggered.json", "pagerduty/resolved.json", "webhook/triggered.json", "webhook/list.json",
            "alertmanager/triggered.json", "alertmanager/resolved.json", "alertmanager/group.json", "alertmanager/slo-sloth.json",
            "alertmanager/slo-pyrra.json", "grafana/triggered.json", "grafana/resolved.json", "grafana/ping.json",
            "grafana/legacy-triggered.json", "datadog/triggered.json", "datadog/slo.json", "datadog/default-triggered.json",
            "newrelic/triggered.json", "newrelic/resolved.json", "newrelic/legacy-triggered.json",
            "opsgenie/triggered.json", "opsgenie/escalated.json", "jsm/triggered.json", "sentry/triggered.json",
            "sentry/resolved.json", "sentry/metric-triggered.json", "github/triggered.json",
            "github/deployment-triggered.json", "incident-io/triggered.json", "incident-io/incident-resolved.json",
            "splunk-oncall/triggered.json",
            "azure-monitor/triggered.json", "azure-monitor/service-health-resolved.json", "gcp-monitoring/triggered.json",
            "dynatrace/triggered.json", "zabbix/triggered.json", "zabbix/acknowledged.json", "better-stack/resolved.json",
            "statuspage/resolved.json", "statuspage/component.json", "nobl9/triggered.json", "nobl9/fields.json",
            "slack/mention.json", "slack/challenge.json"]),
        place: prop::sample::Index,
        value in any_value(),
    ) {
        let mut body: Value = serde_json::from_slice(&sample(file)).unwrap();
        let mut found = Vec::new();
        places(&body, "", &mut found);
        *body.pointer_mut(place.get::<String>(&found)).unwrap() = value;
        let (folder, _) = file.split_once('/').unwrap();
        let source = if folder == "webhook" { probes(bearer()) } else { known(folder) };
        let events = normalized(&source, body.to_string().as_bytes());
        prop_assert!(!events.is_empty());
        for event in events {
            prop_assert!(!event.delivery_key.is_empty() && event.delivery_key.len() <= 200, "{}", event.delivery_key);
            prop_assert!(!event.summary.contains('\n'));
            let disposition = Disposition::Attaches;
            let event = event.into_event(EventId::mint(now(), 1), &source, now(), disposition);
            // What the queue takes, whatever stands around it.
            prop_assert!(serde_json::to_string(&event).unwrap().len() < 900_000);
        }
    }

    /// The same of what AWS sends, the text within the message of SNS among it.
    #[test]
    fn i14_an_alarm_with_one_odd_place_is_still_recorded(
        name in select(crate::cloudwatch::SAMPLES.to_vec()),
        place: prop::sample::Index,
        within: bool,
        value in any_value(),
    ) {
        let mut body: Value = serde_json::from_slice(&sample(&format!("cloudwatch/{name}.json"))).unwrap();
        let inner = body["Message"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let (mut changed, inside) = match inner {
            Some(inner) if within => (inner, true),
            _ => (body.clone(), false),
        };
        let mut found = Vec::new();
        places(&changed, "", &mut found);
        *changed.pointer_mut(place.get::<String>(&found)).unwrap() = value;
        if inside {
            body["Message"] = json!(changed.to_string());
        } else {
            body = changed;
        }
        for event in crate::cloudwatch::read(body.to_string().as_bytes()) {
            prop_assert!(!event.delivery_key.is_empty() && event.delivery_key.len() <= 200, "{}", event.delivery_key);
            prop_assert!(!event.summary.is_empty() && !event.summary.contains('\n'));
            let event = event.into_event(EventId::mint(now(), 1), &known("pagerduty"), now(), Disposition::Attaches);
            prop_assert!(serde_json::to_string(&event).unwrap().len() < 900_000);
        }
    }
}
