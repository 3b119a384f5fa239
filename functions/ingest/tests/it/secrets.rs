//! Changing a secret loses no event, and a flood of forgeries costs little.

use std::sync::atomic::Ordering::SeqCst;

use http::StatusCode;

use crate::world::{OLD_SECRET, SECRET, World, sample, world};

async fn status(world: &World, secret: &str) -> StatusCode {
    let request = world.signed("pagerduty", secret, &sample("webhooks/pagerduty/triggered.json"));
    world.ask(request).await.status
}

#[tokio::test]
async fn i1_the_current_and_the_previous_secret_are_both_live() {
    let world = world();
    world.secrets.set(&[SECRET, OLD_SECRET], &[SECRET, OLD_SECRET]);
    assert_eq!(status(&world, SECRET).await, StatusCode::ACCEPTED);
    assert_eq!(status(&world, OLD_SECRET).await, StatusCode::ACCEPTED);
    assert_eq!(world.secrets.rereads.load(SeqCst), 0);
}

#[tokio::test]
async fn i1_a_secret_that_was_just_changed_is_read_anew_once() {
    let world = world();
    world.secrets.set(&[OLD_SECRET], &[SECRET, OLD_SECRET]);
    assert_eq!(status(&world, SECRET).await, StatusCode::ACCEPTED);
    assert_eq!((world.secrets.reads.load(SeqCst), world.secrets.rereads.load(SeqCst)), (1, 1));
}

#[tokio::test]
async fn i1_a_forgery_is_tried_twice_at_most() {
    let world = world();
    assert_eq!(status(&world, "forged").await, StatusCode::UNAUTHORIZED);
    assert_eq!((world.secrets.reads.load(SeqCst), world.secrets.rereads.load(SeqCst)), (1, 1));
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_request_that_proves_nothing_does_not_have_the_secret_read_anew() {
    let world = world();
    let mut request = world.signed("pagerduty", SECRET, b"{}");
    request.headers_mut().remove("x-pagerduty-signature");
    assert_eq!(world.ask(request).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.secrets.rereads.load(SeqCst), 0);
}

#[tokio::test]
async fn i1_a_secret_that_cannot_be_read_is_a_503_so_that_the_sender_tries_again() {
    let world = world();
    *world.secrets.broken.lock().unwrap() = true;
    let said = world.post("pagerduty", sample("webhooks/pagerduty/triggered.json")).await;
    assert_eq!((said.status, said.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "30"));
    assert_eq!(world.sent(), 0);
}

#[tokio::test]
async fn i1_a_key_that_is_missing_or_no_key_is_a_503_too() {
    for values in [&[][..], &[""]] {
        let world = world();
        world.secrets.set(values, values);
        assert_eq!(status(&world, SECRET).await, StatusCode::SERVICE_UNAVAILABLE, "{values:?}");
        assert_eq!(world.sent(), 0);
    }
    let world = world();
    world.secrets.set(&["whsec_%"], &["whsec_%"]);
    assert_eq!(world.post("probes", "{}").await.status, StatusCode::SERVICE_UNAVAILABLE);
    world.secrets.set(&["whsec_%"], &[SECRET]);
    assert_eq!(world.post("probes", "{}").await.status, StatusCode::ACCEPTED);
}
