use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use inbox::{Endpoint, Fault, Inbox, Posted};
use jiff::Timestamp;
use serde_json::Value;
use standardwebhooks::Webhook;

use super::{SIGNING, inbox, keys, now, open, post, settings, views};
use crate::{OpenOutlet, OutletError, Outlets, Post};

const PREVIOUS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazjW52ee8VM";

fn headers(posted: &Posted) -> HeaderMap {
    let pairs = posted.headers.iter();
    pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::try_from(value).unwrap())).collect()
}

#[tokio::test]
async fn a_body_is_signed_with_every_live_key() {
    let inbox = inbox().await;
    let url = inbox.webhook("team");
    let target = views::webhook(&url, "hook-key");
    let mut two = keys();
    two.cached.insert("hook-key", vec![SIGNING, PREVIOUS]);
    let outlet = open(&inbox, two, &target.spec.outlet).await.unwrap();
    // The verifier has a clock of its own.
    let view = views::concluded();
    let id = outlet.post(&Post { now: Timestamp::now(), ..post(&view, &target) }).await.unwrap();

    let posted = &inbox.posts()[0];
    assert_eq!(id, format!("msg_{}_3", view.run.id));
    assert_eq!((posted.id.as_str(), posted.headers["content-type"].as_str()), (id.as_str(), "application/json"));
    for key in [SIGNING.to_owned(), format!("{PREVIOUS}=")] {
        Webhook::new(&key).unwrap().verify(posted.raw.as_bytes(), &headers(posted)).unwrap();
    }
    let other = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(other.verify(posted.raw.as_bytes(), &headers(posted)).is_err());
    assert_eq!(posted.body["type"], "firstlook.run.updated");
    assert_eq!(posted.body["data"]["version"], 1);
}

#[tokio::test]
async fn i4_a_revision_keeps_its_id_when_it_is_sent_again_and_the_next_has_another() {
    let inbox = inbox().await;
    let target = views::webhook(&inbox.webhook("team"), "hook-key");
    let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
    let (first, second) = (views::evidence(), views::concluded());
    inbox.fault(Endpoint::Webhook, Fault::CloseAfterAccepting);
    let lost = outlet.post(&post(&first, &target)).await.unwrap_err();
    assert!(matches!(lost, OutletError::Transient { .. }), "repeating it does no harm: {lost:?}");
    outlet.post(&post(&first, &target)).await.unwrap();
    outlet.post(&post(&second, &target)).await.unwrap();
    let ids: Vec<String> = inbox.posts().into_iter().map(|posted| posted.id).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn i4_a_second_webhook_to_the_same_receiver_is_no_repetition_of_the_first() {
    let inbox = inbox().await;
    let first = views::webhook(&inbox.webhook("team"), "hook-key");
    let mut second = first.clone();
    second.spec.name = "webhook-2".to_owned();
    let outlet = open(&inbox, keys(), &first.spec.outlet).await.unwrap();
    let view = views::concluded();
    let id = format!("msg_{}_3", view.run.id);
    for (target, id) in [(&first, id.clone()), (&second, format!("{id}_webhook-2"))] {
        for _ in 0..2 {
            assert_eq!(outlet.post(&post(&view, target)).await.unwrap(), id, "also when it is sent again");
            assert_eq!(inbox.posts().last().unwrap().id, id);
        }
    }
}

async fn answered(inbox: &Inbox, fault: Fault) -> OutletError {
    let target = views::webhook(&inbox.webhook("team"), "hook-key");
    let outlet = open(inbox, keys(), &target.spec.outlet).await.unwrap();
    inbox.fault(Endpoint::Webhook, fault);
    outlet.post(&post(&views::concluded(), &target)).await.unwrap_err()
}

#[tokio::test]
async fn what_a_receiver_answers_is_told_apart() {
    let inbox = inbox().await;
    for code in [400, 404, 500, 503] {
        let error = answered(&inbox, Fault::status(code, 9)).await;
        let retry_after = Some(Duration::from_secs(9));
        assert!(
            matches!(&error, OutletError::Transient { retry_after: wait, .. } if *wait == retry_after),
            "{error:?}"
        );
    }
    let limited = answered(&inbox, Fault::status(429, 9)).await;
    assert_eq!(
        limited,
        OutletError::Limited { reason: "the receiver asks to wait".into(), wait: Duration::from_secs(9) }
    );
    let gone = answered(&inbox, Fault::status(410, None)).await;
    assert!(matches!(&gone, OutletError::Permanent { reason } if reason.contains("410")), "{gone:?}");
    let before = inbox.requests().len();
    let moved = answered(&inbox, Fault::Redirect(inbox.webhook("elsewhere"))).await;
    assert!(matches!(&moved, OutletError::Permanent { reason } if reason.contains("redirects")), "{moved:?}");
    assert_eq!(inbox.requests().len(), before + 1, "a redirect is not followed");
    assert!(inbox.posts().is_empty());
}

#[tokio::test]
async fn only_tls_or_this_machine_and_only_real_keys() {
    let inbox = inbox().await;
    for url in ["http://hooks.example.com/x", "ftp://hooks.example.com/", "hooks.example.com", "http://10.0.0.7/"] {
        let error = open(&inbox, keys(), &views::webhook(url, "hook-key").spec.outlet).await.err().unwrap();
        assert!(matches!(error, OutletError::Permanent { .. }), "{url}: {error:?}");
    }
    for key in ["no-such-key", "bad-key"] {
        let target = views::webhook("https://hooks.example.com/", key);
        let error = open(&inbox, keys(), &target.spec.outlet).await.err().unwrap();
        assert!(matches!(&error, OutletError::Permanent { reason } if reason.contains(key)), "{error:?}");
    }
}

#[tokio::test]
async fn a_receiver_on_this_machine_needs_no_tls() {
    let inbox = inbox().await;
    let port = inbox.address().port();
    let local = views::webhook(&format!("http://localhost:{port}/webhook/x"), "hook-key");
    let outlet = open(&inbox, keys(), &local.spec.outlet).await.unwrap();
    outlet.post(&post(&views::concluded(), &local)).await.unwrap();
    assert_eq!(inbox.posts().len(), 1);
}

#[tokio::test]
async fn the_local_world_takes_the_place_of_every_receiver() {
    let inbox = inbox().await;
    let mut settings = settings(&inbox);
    settings.inbox = Some(inbox.url().parse().unwrap());
    let outlets = Outlets::new(settings, std::sync::Arc::new(keys())).unwrap();
    let target = views::webhook("https://hooks.example.com/x?a=b", "hook-key");
    let outlet = outlets.open(&target.spec.outlet).await.unwrap();
    outlet.post(&post(&views::concluded(), &target)).await.unwrap();
    assert_eq!(inbox.posts()[0].place, "https://hooks.example.com/x?a=b");
}

#[test]
fn waiting_until_a_date_is_understood() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("Fri, 15 Jan 2027 08:00:35 GMT"));
    let answer = crate::http::Answer { status: http::StatusCode::OK, headers, body: vec![] };
    assert_eq!(answer.retry_after(now()), Some(Duration::from_secs(30)));
    assert_eq!(answer.json(), Value::Null);
}
