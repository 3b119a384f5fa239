//! CloudWatch alarms: as messages of SNS, and as what AWS hands to the function.

use std::sync::{Arc, atomic::Ordering};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::{Disposition, EventKind};
use http::{Request, StatusCode};
use ports::HandleInvocation;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use crate::world::{SECRET, Said, Takes, World, now, sample, world};

const KEY: &[u8] = include_bytes!("../../../../shared/sources/tests/sns/key.pk8");
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";
const HOST: &str = "sns.eu-central-1.amazonaws.com";
const PATH: &str = "/SimpleNotificationService-0a1b.pem";

fn certificate() -> String {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&KEY.into(), &PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.self_signed(&key).unwrap().pem()
}

/// A world whose SNS serves the certificate.
fn serving() -> World {
    let world = world();
    world.sns.certificates.lock().unwrap().insert(format!("{HOST}{PATH}"), certificate());
    world
}

/// A sample as SNS signs and sends it.
fn message(name: &str) -> Value {
    let mut message: Value = serde_json::from_slice(&sample(&format!("webhooks/cloudwatch/{name}.json"))).unwrap();
    message["Timestamp"] = now().to_string().into();
    message["SignatureVersion"] = "2".into();
    message["SigningCertURL"] = format!("https://{HOST}{PATH}").into();
    let mut signed = String::new();
    for key in ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"] {
        if let Some(value) = message[key].as_str() {
            signed.push_str(&format!("{key}\n{value}\n"));
        }
    }
    let key = ring::signature::RsaKeyPair::from_pkcs8(KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    message["Signature"] = STANDARD.encode(signature).into();
    message
}

async fn post(world: &World, source: &str, message: &Value, extra: Option<(&str, &str)>) -> Said {
    let mut request = Request::post(format!("/hooks/{source}")).header("content-type", "text/plain; charset=UTF-8");
    if let Some((name, value)) = extra {
        request = request.header(name, value);
    }
    world.ask(request.body(Bytes::from(message.to_string())).unwrap()).await
}

#[tokio::test]
async fn an_alarm_by_sns_opens_and_its_ok_attaches() {
    let world = serving();
    for (name, kind) in [("triggered", EventKind::Triggered), ("resolved", EventKind::Resolved)] {
        let said = post(&world, "alarms", &message(name), None).await;
        assert_eq!(said.status, StatusCode::ACCEPTED, "{said:?}");
        let event = world.events().pop().unwrap();
        assert_eq!((event.kind, event.source_type.as_str()), (kind, "cloudwatch"));
        let opens = matches!(event.disposition, Disposition::Opens { .. });
        assert_eq!(opens, kind == EventKind::Triggered, "{:?}", event.disposition);
    }
    let [opened, resolved] = <[_; 2]>::try_from(world.events()).unwrap();
    assert_eq!(opened.external_id, resolved.external_id);
    assert!(world.sns.confirmed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_subscription_to_a_pinned_topic_is_confirmed_and_recorded() {
    let world = serving();
    let said = post(&world, "alarms", &message("subscription_confirmation"), None).await;
    assert_eq!(said.status, StatusCode::ACCEPTED, "{said:?}");
    let confirmed = (HOST.to_owned(), TOPIC.to_owned(), "2336412f37fb687f".to_owned());
    assert_eq!(*world.sns.confirmed.lock().unwrap(), [confirmed]);
    let event = world.event();
    assert_eq!(event.kind, EventKind::Ping);
    assert!(matches!(event.disposition, Disposition::Unmatched { .. }));
}

#[tokio::test]
async fn i1_another_topic_is_refused_before_anything_is_fetched_or_confirmed() {
    let world = serving();
    for name in ["subscription_confirmation", "triggered"] {
        let mut message = message(name);
        message["TopicArn"] = json!("arn:aws:sns:eu-central-1:999922223333:alarms");
        let said = post(&world, "alarms", &message, None).await;
        assert_eq!(
            (said.status, said.body["type"].as_str()),
            (StatusCode::FORBIDDEN, Some("urn:firstlook:problem:unverified"))
        );
    }
    assert!(world.sns.asked.lock().unwrap().is_empty() && world.sns.confirmed.lock().unwrap().is_empty());
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_forged_message_is_refused_and_confirms_nothing() {
    let world = serving();
    for key in ["Message", "Token", "Signature"] {
        let mut message = message("subscription_confirmation");
        message[key] = json!("Zm9yZ2Vk");
        assert_eq!(post(&world, "alarms", &message, None).await.status, StatusCode::FORBIDDEN, "{key}");
    }
    assert!(world.sns.confirmed.lock().unwrap().is_empty());
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_raw_message_is_told_what_to_switch_off() {
    let world = serving();
    let said = post(&world, "alarms", &message("triggered"), Some(("x-amz-sns-rawdelivery", "true"))).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN);
    assert!(said.body["detail"].as_str().unwrap().contains("raw message delivery off"), "{said:?}");
}

#[tokio::test]
async fn i1_without_the_certificate_sns_shall_try_again() {
    let world = world();
    let said = post(&world, "alarms", &message("triggered"), None).await;
    assert_eq!((said.status, said.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!(world.sns.asked.lock().unwrap().len(), 1);
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_message_signed_with_a_certificate_that_there_is_none_of_is_forged() {
    let world = world();
    world.sns.knows.store(true, Ordering::SeqCst);
    let said = post(&world, "alarms", &message("triggered"), None).await;
    assert_eq!((said.status, world.sent()), (StatusCode::FORBIDDEN, 0));
    assert_eq!(said.body["type"], "urn:firstlook:problem:unverified");
}

#[tokio::test]
async fn a_confirmation_that_sns_does_not_take_now_is_tried_again_and_one_it_refuses_is_recorded() {
    let world = serving();
    *world.sns.refuses.lock().unwrap() = Some(true);
    let said = post(&world, "alarms", &message("subscription_confirmation"), None).await;
    assert_eq!((said.status, world.sent()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    *world.sns.refuses.lock().unwrap() = Some(false);
    let said = post(&world, "alarms", &message("subscription_confirmation"), None).await;
    assert_eq!((said.status, world.sent()), (StatusCode::ACCEPTED, 1));
}

#[tokio::test]
async fn i2_an_alarm_that_the_queue_does_not_take_is_a_503_to_sns() {
    let world = serving();
    *world.queue.takes.lock().unwrap() = Takes::Nothing { transient: true };
    assert_eq!(post(&world, "alarms", &message("triggered"), None).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn eventbridge_and_the_alarm_itself_tell_one_event_and_sns_another_by_a_source_of_its_own() {
    let world = serving();
    for name in ["eventbridge_triggered", "lambda_triggered"] {
        world.ingest.alarm(&sample(&format!("webhooks/cloudwatch/{name}.json"))).await.unwrap();
    }
    assert_eq!(post(&world, "alarms", &message("triggered"), None).await.status, StatusCode::ACCEPTED);
    let [bridge, direct, sns] = <[_; 3]>::try_from(world.events()).unwrap();
    assert_eq!((bridge.source.as_str(), direct.source.as_str(), sns.source.as_str()), ("aws", "aws", "alarms"));
    // A delivery is one by its Source and its key.
    assert_eq!(bridge.delivery_key, direct.delivery_key);
    assert_eq!((&sns.delivery_key, &sns.external_id), (&bridge.delivery_key, &bridge.external_id));
    for event in [&bridge, &direct] {
        assert!(matches!(event.disposition, Disposition::Opens { .. }), "{:?}", event.disposition);
    }
}

#[tokio::test]
async fn i1_a_source_for_what_aws_hands_over_has_no_url() {
    let world = serving();
    let bare = serde_json::from_slice(&sample("webhooks/cloudwatch/eventbridge_triggered.json")).unwrap();
    for body in [bare, message("triggered")] {
        for extra in [None, Some(("authorization", "Bearer "))] {
            let said = post(&world, "aws", &body, extra).await;
            assert_eq!(said.status, StatusCode::NOT_FOUND);
            // Not told from a source that there is not.
            assert_eq!(said.body, post(&world, "nobody", &body, extra).await.body);
        }
    }
    // Nor does another source take it, whatever proves the sender.
    assert_eq!(
        world.ask(world.signed("pagerduty", SECRET, &sample("webhooks/cloudwatch/lambda_triggered.json"))).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(world.event().kind, EventKind::Unknown);
}

#[tokio::test]
async fn i2_an_invocation_fails_when_the_queue_does_not_take_it() {
    let world = serving();
    *world.queue.takes.lock().unwrap() = Takes::Nothing { transient: true };
    let alarm = sample("webhooks/cloudwatch/lambda_triggered.json");
    assert!(world.ingest.alarm(&alarm).await.is_err());
    *world.queue.takes.lock().unwrap() = Takes::All;
    world.ingest.alarm(&alarm).await.unwrap();
    assert_eq!(world.sent(), 1);
}

#[tokio::test]
async fn i5_an_invocation_that_no_source_takes_fails_so_that_it_is_not_lost() {
    let mut world = serving();
    let mut catalog = (*world.catalog).clone();
    catalog.sources.remove("aws");
    world.set_catalog(Arc::new(catalog));
    let refused = world.ingest.alarm(&sample("webhooks/cloudwatch/lambda_triggered.json")).await.unwrap_err();
    assert!(refused.to_string().contains("scheme: iam"), "{refused}");
}
