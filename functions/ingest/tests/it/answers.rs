//! Every status, and that nothing is sent but with a 202.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use bytes::Bytes;
use domain::Disposition;
use http::{Method, Request, StatusCode};
use ingest::{ANSWER_WITHIN, MAX_BODY};
use serde_json::json;

use crate::world::{SECRET, Said, Takes, sample, world};

fn is_problem(said: &Said, status: StatusCode, name: &str) {
    assert_eq!(said.status, status, "{said:?}");
    assert_eq!(said.header("content-type"), "application/problem+json");
    assert_eq!(said.body["type"], format!("urn:firstlook:problem:{name}"));
    assert_eq!(said.body["status"], status.as_u16());
    assert!(said.body["title"].is_string() && said.body["detail"].is_string(), "{said:?}");
}

#[tokio::test]
async fn i2_an_accepted_event_is_on_the_queue_when_202_is_said() {
    let world = world();
    let said = world.post("pagerduty", sample("webhooks/pagerduty/triggered.json")).await;
    let event = world.event();
    assert_eq!(said.status, StatusCode::ACCEPTED);
    assert_eq!(said.header("content-type"), "application/json");
    assert_eq!(said.body["event"], event.id.to_string());
    assert_eq!((&said.body["kind"], &said.body["does"]), (&"triggered".into(), &"opens".into()));
    assert_eq!(said.body["workflow"], "checkout-pages");
    assert_eq!(world.queue.sent.lock().unwrap()[0].2, "pagerduty");
}

#[tokio::test]
async fn i2_a_queue_that_takes_nothing_is_answered_with_503_and_a_time_to_come_again() {
    for transient in [true, false] {
        let world = world();
        *world.queue.takes.lock().unwrap() = Takes::Nothing { transient };
        let said = world.post("pagerduty", sample("webhooks/pagerduty/triggered.json")).await;
        is_problem(&said, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        assert_eq!(said.header("retry-after"), "5");
        assert_eq!(world.sent(), 0);
    }
}

#[tokio::test]
async fn i2_a_list_of_which_the_queue_took_only_a_part_is_not_accepted() {
    let world = world();
    *world.queue.takes.lock().unwrap() = Takes::First(1);
    let said = world.post("probes", sample("webhooks/webhook/list.json")).await;
    is_problem(&said, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    *world.queue.takes.lock().unwrap() = Takes::All;
    let said = world.post("probes", sample("webhooks/webhook/list.json")).await;
    assert_eq!(said.status, StatusCode::ACCEPTED);
    assert_eq!(said.body["events"].as_array().unwrap().len(), 2);
    // What was sent before the failure comes again under the same delivery key, so it counts once (I3).
    let keys: Vec<_> = world.events().iter().map(|event| event.delivery_key.clone()).collect();
    assert_eq!(keys, ["msg_1/0", "msg_1/0", "msg_1/1"]);
}

#[tokio::test]
async fn i5_of_thousands_of_events_all_are_taken_some_at_a_time() {
    let world = world();
    let list: Vec<_> = (0..2_500).map(|n| json!({"id": n.to_string(), "title": "t"})).collect();
    let list = json!(list).to_string();
    *world.queue.takes.lock().unwrap() = Takes::First(1_000);
    let said = world.post("plain", list.clone()).await;
    is_problem(&said, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    *world.queue.takes.lock().unwrap() = Takes::All;
    world.queue.sent.lock().unwrap().clear();
    let said = world.post("plain", list).await;
    assert_eq!((said.status, world.sent()), (StatusCode::ACCEPTED, 2_500));
    assert_eq!((said.body["events"].as_array().unwrap().len(), &said.body["more"]), (100, &json!(2_400)));
    let ids: BTreeSet<_> = world.events().into_iter().map(|event| event.external_id.unwrap()).collect();
    assert_eq!(ids.len(), 2_500);
    assert_eq!(world.queue.at_once.load(Ordering::SeqCst), 80);
}

#[tokio::test]
async fn i14_a_list_of_more_than_goes_in_at_once_is_answered_once_and_says_what_was_left_off() {
    let world = world();
    let list: Vec<_> = (0..5_040).map(|n| json!({"id": n.to_string(), "title": "t"})).collect();
    let said = world.post("plain", json!(list).to_string()).await;
    assert_eq!((said.status, world.sent()), (StatusCode::ACCEPTED, 5_001));
    let last = world.events().pop().unwrap();
    let Disposition::Unmatched { reason } = last.disposition else { panic!("{:?}", last.disposition) };
    assert!(reason.starts_with("40 more events of this body were left off"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn i2_a_queue_that_does_not_answer_in_time_is_a_503_while_the_sender_still_listens() {
    let world = world();
    *world.queue.takes.lock().unwrap() = Takes::Hangs;
    let began = tokio::time::Instant::now();
    let said = world.post("pagerduty", sample("webhooks/pagerduty/triggered.json")).await;
    is_problem(&said, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    // The clock of this test stands still but for timers.
    assert_eq!(began.elapsed(), ANSWER_WITHIN);
}

#[tokio::test]
async fn i1_an_unknown_source_or_path_is_404_and_no_secret_is_read() {
    let world = world();
    let body = sample("webhooks/pagerduty/triggered.json");
    for path in [
        "/hooks/nobody",
        "/hooks/",
        "/hooks",
        "/",
        "/hooks/pagerduty/",
        "/hooks/pagerduty/x",
        "/hooks/PAGERDUTY",
        "/x/hooks/pagerduty",
    ] {
        let mut request = world.signed("pagerduty", SECRET, &body);
        *request.uri_mut() = path.parse().unwrap();
        is_problem(&world.ask(request).await, StatusCode::NOT_FOUND, "unknown-source");
    }
    assert_eq!((world.sent(), world.secrets.reads.load(std::sync::atomic::Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn another_method_is_told_which_one_is_taken() {
    let world = world();
    for method in [Method::GET, Method::HEAD, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let mut request = world.signed("pagerduty", SECRET, b"{}");
        *request.method_mut() = method;
        let said = world.ask(request).await;
        is_problem(&said, StatusCode::METHOD_NOT_ALLOWED, "method");
        assert_eq!(said.header("allow"), "POST, PUT");
    }
    let unknown = Request::get("/hooks/nobody").body(Bytes::new()).unwrap();
    is_problem(&world.ask(unknown).await, StatusCode::NOT_FOUND, "unknown-source");
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_not() {
    let world = world();
    let said = world.post("pagerduty", vec![b' '; MAX_BODY]).await;
    assert_eq!(said.status, StatusCode::ACCEPTED);
    let said = world.post("pagerduty", vec![b' '; MAX_BODY + 1]).await;
    is_problem(&said, StatusCode::PAYLOAD_TOO_LARGE, "too-large");
    assert_eq!(world.sent(), 1);
}

#[tokio::test]
async fn only_what_cannot_be_read_is_refused_by_its_content_type() {
    let body = sample("webhooks/pagerduty/triggered.json");
    for (content_type, taken) in [
        (Some("application/json; charset=utf-8"), true),
        (Some("Application/JSON"), true),
        (Some("application/vnd.sender.v3+json"), true),
        (Some("text/plain; charset=UTF-8"), true),
        (Some("application/octet-stream"), true),
        (Some(""), true),
        (None, true),
        (Some("application/x-www-form-urlencoded"), true),
        (Some("application/xml"), false),
        (Some("multipart/form-data; boundary=x"), false),
        (Some("image/png"), false),
    ] {
        let world = world();
        let mut request = world.signed("pagerduty", SECRET, &body);
        request.headers_mut().remove("content-type");
        if let Some(value) = content_type {
            request.headers_mut().insert("content-type", value.parse().unwrap());
        }
        let said = world.ask(request).await;
        if taken {
            assert_eq!(said.status, StatusCode::ACCEPTED, "{content_type:?}");
        } else {
            is_problem(&said, StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type");
            assert_eq!(world.sent(), 0);
        }
    }
}

#[tokio::test]
async fn i1_a_refusal_says_what_was_looked_for_and_not_what_was_found() {
    let world = world();
    let body = sample("webhooks/pagerduty/triggered.json");
    let wrong = world.signed("pagerduty", "not the secret", &body);
    let mut missing = world.signed("pagerduty", SECRET, &body);
    missing.headers_mut().remove("x-pagerduty-signature");
    let (wrong, missing) = (world.ask(wrong).await, world.ask(missing).await);
    is_problem(&wrong, StatusCode::UNAUTHORIZED, "unverified");
    assert_eq!(wrong.body, missing.body);
    assert!(wrong.body["detail"].as_str().unwrap().contains("x-pagerduty-signature: v1="), "{wrong:?}");
    assert!(!wrong.header("www-authenticate").is_empty());
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_stale_signature_is_refused() {
    let world = world();
    let mut request = world.signed("probes", SECRET, b"{}");
    request.headers_mut().insert("webhook-timestamp", "1772443000".parse().unwrap());
    is_problem(&world.ask(request).await, StatusCode::UNAUTHORIZED, "unverified");
    assert_eq!(world.sent(), 0);
}
