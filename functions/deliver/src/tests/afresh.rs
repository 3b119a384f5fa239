//! What was given up and is mended in the catalog goes to where the catalog says by then.

use domain::TargetState;
use inbox::{Endpoint, Fault};
use serde_json::json;

use super::support::{pagerduty, received, slack, world};
use crate::CatalogNow;

#[tokio::test]
async fn i5_a_redrive_after_a_mend_in_the_catalog_delivers_by_it() {
    let mut world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    let last = world.conclude(run).await;
    world.inbox.fault(Endpoint::PagerDutyPost, Fault::status(400, None));
    world.handle(&world.news(run, "pagerduty", last)).await.unwrap();
    assert_eq!(world.target(run, "pagerduty").await.state, TargetState::Failed);
    let letters = world.outbox.take();
    world.catalog_says(json!([{ "pagerduty": { "note": true, "from": "oncall@example.com" } }]));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    let target = world.target(run, "pagerduty").await;
    assert_eq!((target.state, target.revision), (TargetState::Sent, last));
    let from = |n: usize| world.inbox.requests()[n].headers.get("from").cloned();
    assert_eq!((from(0), from(1).as_deref()), (None, Some("oncall@example.com")));
}

#[tokio::test]
async fn i5_later_news_after_a_mend_in_the_catalog_goes_by_it_too() {
    let mut world = world().await;
    world.inbox.say("ops", "hello");
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    world.handle(&news).await.unwrap();
    let last = world.conclude(run).await;
    world.catalog_says(json!([{ "slack": { "channel": "#oncall" }, "text": "Have a look" }]));
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    let posts = world.inbox.posts();
    let ours = posts.iter().find(|post| post.body.to_string().contains("The last word")).unwrap();
    assert!(ours.body.to_string().contains("Have a look"), "{ours:?}");
    assert!(world.inbox.requests().last().unwrap().body.contains("#oncall"));
}

#[tokio::test]
async fn i4_what_stands_is_edited_where_it_stands_whatever_the_catalog_says() {
    let mut world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.handle(&news).await.unwrap();
    world.clock.forward(crate::BETWEEN_EDITS);
    let last = world.conclude(run).await;
    world.inbox.fault(Endpoint::SlackUpdate, Fault::SlackError("is_archived"));
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    let letters = world.outbox.take();
    world.catalog_says(json!([{ "slack": { "channel": "#oncall" } }]));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    let posts = world.inbox.posts();
    assert_eq!((posts.len(), posts[0].edits.len()), (1, 1), "{posts:?}");
    assert_eq!(world.target(run, "slack").await.spec.outlet, slack());
}

/// A first post whose answer was lost cannot be looked for by a channel's name; its id is the mend.
#[tokio::test]
async fn i4_what_may_stand_already_is_looked_for_by_the_mended_target() {
    let mut world = world().await;
    world.inbox.say("ops", "hello");
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::CloseAfterAccepting);
    // Neither the private channels nor the public ones.
    world.inbox.fault(Endpoint::SlackChannels, Fault::SlackError("missing_scope"));
    world.inbox.fault(Endpoint::SlackChannels, Fault::SlackError("missing_scope"));
    world.handle(&news).await.unwrap();
    let letters = world.drain().await;
    let target = world.target(run, "slack").await;
    assert_eq!(target.state, TargetState::Failed, "{target:?}");
    let ours = world.inbox.posts()[1].id.clone();
    let (channel, _) = ours.split_once('/').unwrap();
    world.catalog_says(json!([{ "slack": { "channel": channel } }]));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert_eq!(world.target(run, "slack").await.provider_id, Some(ours));
    assert_eq!(world.inbox.posts().len(), 2, "what somebody said, and one of ours");
}

#[tokio::test]
async fn i5_a_webhook_that_has_moved_gets_the_next_revision_where_it_is() {
    let mut world = world().await;
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    world.handle(&world.news(run, "webhook", 2)).await.unwrap();
    let last = world.conclude(run).await;
    world.inbox.fault(Endpoint::Webhook, Fault::status(410, None));
    world.handle(&world.news(run, "webhook", last)).await.unwrap();
    let letters = world.outbox.take();
    let moved = world.inbox.webhook("moved");
    world.catalog_says(json!([{ "webhook": { "url": moved, "secret": "hook-key" } }]));
    world.handle(&received(letters[0].body.clone())).await.unwrap();
    assert_eq!(world.target(run, "webhook").await.revision, last);
    assert!(moved.ends_with(&world.inbox.requests().last().unwrap().path));
}

#[tokio::test]
async fn i5_without_a_catalog_to_read_it_is_tried_as_it_was() {
    let mut world = world().await;
    world.deliver.catalog = std::sync::Arc::new(CatalogNow::at("/nowhere/catalog.json"));
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    world.inbox.fault(Endpoint::SlackPost, Fault::SlackError("is_archived"));
    world.handle(&news).await.unwrap();
    world.handle(&received(world.outbox.take()[0].body.clone())).await.unwrap();
    assert_eq!(world.target(run, "slack").await.state, TargetState::Sent);
}
