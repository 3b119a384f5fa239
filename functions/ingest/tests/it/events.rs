//! What follows from which event, and what the message looks like.

use domain::{Disposition, EventKind, InvestigateMessage};
use http::{Request, StatusCode};
use ingest::MAX_BODY;
use serde_json::{Value, json};

use crate::world::{SECRET, now, sample, world};

const SQS_LIMIT: usize = 1024 * 1024;

async fn disposition(source: &str, body: impl AsRef<[u8]>) -> Disposition {
    let world = world();
    let said = world.post(source, body).await;
    assert_eq!(said.status, StatusCode::ACCEPTED);
    let event = world.event();
    assert_eq!(said.body["does"], serde_json::to_value(&event.disposition).unwrap()["does"]);
    event.disposition
}

fn changed(file: &str, changes: &[(&str, Value)]) -> String {
    let mut body: Value = serde_json::from_slice(&sample(file)).unwrap();
    for (at, value) in changes {
        *body.pointer_mut(at).unwrap() = value.clone();
    }
    body.to_string()
}

fn reason(disposition: Disposition) -> String {
    match disposition {
        Disposition::Unmatched { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn i3_an_opening_event_gets_one_workflow_and_its_incident_key() {
    let opens = disposition("pagerduty", sample("webhooks/pagerduty/triggered.json")).await;
    let wanted =
        Disposition::Opens { workflow: "checkout-pages".parse().unwrap(), incident_key: "Q0CHK7OUT4PAGE".to_owned() };
    assert_eq!(opens, wanted);
}

#[tokio::test]
async fn an_event_of_a_known_incident_attaches_without_being_matched() {
    for file in ["acknowledged", "resolved"] {
        let body = sample(&format!("webhooks/pagerduty/{file}.json"));
        assert_eq!(disposition("pagerduty", body).await, Disposition::Attaches, "{file}");
    }
    // No workflow listens to `reopened` here.
    let again = json!({"id": "1", "state": "again", "title": "t", "severity": "high", "service": "s"});
    assert_eq!(disposition("probes", again.to_string()).await, Disposition::Attaches);
}

#[tokio::test]
async fn i14_an_event_from_which_nothing_follows_is_recorded_with_the_reason() {
    let file = "webhooks/pagerduty/triggered.json";
    for (body, part) in [
        (changed(file, &[("/event/data/urgency", json!("low"))]), "checkout-pages"),
        (changed(file, &[("/event/data/id", json!(null))]), "no incident that can be read"),
        (changed(file, &[("/event/event_type", json!("incident.new_kind"))]), "does not know"),
        (changed("webhooks/pagerduty/resolved.json", &[("/event/data/id", json!(""))]), "which incident"),
        (String::from_utf8(sample("webhooks/pagerduty/ping.json")).unwrap(), "tests the connection"),
        ("not json".to_owned(), "not JSON"),
    ] {
        let reason = reason(disposition("pagerduty", body).await);
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test]
async fn an_event_carries_what_investigate_needs_of_it() {
    let world = world();
    let body = sample("webhooks/pagerduty/triggered.json");
    world.post("pagerduty", &body).await;
    let event = world.event();
    assert_eq!((event.source.as_str(), event.source_type.as_str()), ("pagerduty", "pagerduty"));
    assert_eq!((event.kind, event.provider_kind.as_str()), (EventKind::Triggered, "incident.triggered"));
    assert_eq!(event.delivery_key, "01KJQFIRSTLOOKTRIGGERED001");
    assert_eq!(event.external_id.as_deref(), Some("Q0CHK7OUT4PAGE"));
    assert_eq!(event.received_at, now());
    assert_eq!((event.raw.text.as_bytes(), event.raw.cut_bytes), (body.as_slice(), 0));
    assert_eq!(event.alert.unwrap().service.id, "PCHKOUT");
}

#[tokio::test]
async fn each_event_has_an_id_of_its_own() {
    let world = world();
    for _ in 0..2 {
        world.post("probes", sample("webhooks/webhook/list.json")).await;
    }
    let mut ids: Vec<_> = world.events().iter().map(|event| event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

/// Large texts everywhere, of characters that JSON or SQS has trouble with.
#[tokio::test]
async fn i5_the_largest_event_still_fits_into_a_message_that_sqs_takes() {
    for filler in ["x", "\"", "\\", "\u{1}", "\u{7f}", "\u{fffe}", "\u{ffff}", "é", "😀"] {
        let huge = filler.repeat(100_000 / serde_json::to_string(filler).unwrap().len());
        let mut alert = json!({"id": "1", "state": "down", "severity": "high"});
        for field in ["title", "service"] {
            alert[field] = json!(huge);
        }
        let incident = changed(
            "webhooks/pagerduty/triggered.json",
            &[
                ("/event/data/title", json!(huge)),
                ("/event/data/service/summary", json!(huge)),
                ("/event/data/incident_key", json!(huge)),
                ("/event/id", json!(huge)),
                ("/event/event_type", json!(format!("incident.{huge}"))),
            ],
        );
        for (source, body) in
            [("probes", alert.to_string()), ("pagerduty", incident), ("plain", filler.repeat(MAX_BODY / filler.len()))]
        {
            let world = world();
            assert_eq!(world.post(source, body).await.status, StatusCode::ACCEPTED);
            let (_, message, _, _) = world.queue.sent.lock().unwrap()[0].clone();
            assert!(message.len() <= SQS_LIMIT / 2, "{source} {filler:?}: {}", message.len());
            assert!(serde_json::from_str::<InvestigateMessage>(&message).is_ok());
        }
    }
}

/// The envelopes of `events/lambda` are what the functions are really given.
#[tokio::test]
async fn the_lambda_envelopes_hold_a_signed_webhook_and_the_message_that_it_becomes() {
    let envelope: Value = serde_json::from_slice(&sample("lambda/apigw-v2.json")).unwrap();
    let mut request = Request::post(envelope["rawPath"].as_str().unwrap());
    for (name, value) in envelope["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = envelope["body"].as_str().unwrap().to_owned();
    assert_eq!(body.as_bytes(), sample("webhooks/pagerduty/triggered.json"));
    let world = world();
    world.secrets.set(&["sample-signing-secret"], &[]);
    let said = world.ask(request.body(body.into()).unwrap()).await;
    assert_eq!(said.status, StatusCode::ACCEPTED);

    let batch: Value = serde_json::from_slice(&sample("lambda/sqs.json")).unwrap();
    let records = batch["Records"].as_array().unwrap();
    let InvestigateMessage::EventV1 { event } = serde_json::from_str(records[0]["body"].as_str().unwrap()).unwrap()
    else {
        panic!("{records:?}");
    };
    let ours = world.event();
    assert_eq!(*event, domain::Event { id: event.id, received_at: event.received_at, ..ours });
    let sent: Value = serde_json::from_str(records[0]["body"].as_str().unwrap()).unwrap();
    assert!(!sent.to_string().contains(SECRET));
}
