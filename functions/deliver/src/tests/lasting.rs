//! When all goes well: what stands at a target is what stands in the table.

use domain::{Run, RunId, RunStatus, TargetState};
use futures_util::future::join_all;
use inbox::Service;
use store::{
    TargetClaim,
    link::{Scope, verify},
};

use super::support::{LEASE, pagerduty, received, slack, world};
use crate::DeliverError;

#[tokio::test]
async fn i4_one_message_is_posted_and_edited_however_the_news_arrives() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let early = world.evidence(run).await;
    world.handle(&early).await.unwrap();
    assert_eq!(world.target(run, "slack").await.revision, 2);
    let last = world.conclude(run).await;
    let late = world.news(run, "slack", last);
    world.clock.forward(crate::BETWEEN_EDITS);
    // Reordered and doubled: what is old by now changes nothing.
    for message in [&late, &early, &late, &early] {
        world.handle(message).await.unwrap();
    }
    let posts = world.inbox.posts();
    assert_eq!((posts.len(), posts[0].edits.len()), (1, 1), "{posts:?}");
    assert_eq!(posts[0].body["text"], "First findings");
    assert_eq!(posts[0].current()["text"], "The last word");
    let target = world.target(run, "slack").await;
    assert_eq!((target.state, target.revision, target.attempts), (TargetState::Sent, last, 0));
    assert_eq!((target.provider_id.as_deref(), target.lease), (Some(posts[0].id.as_str()), None));
    assert!(world.outbox.take().is_empty());
}

#[tokio::test]
async fn i4_news_of_the_evidence_that_comes_late_shows_the_conclusion_at_once() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let early = world.evidence(run).await;
    let last = world.conclude(run).await;
    world.handle(&early).await.unwrap();
    let calls = world.inbox.requests().len();
    world.handle(&world.news(run, "slack", last)).await.unwrap();
    assert_eq!(world.inbox.posts()[0].body["text"], "The last word");
    assert_eq!(world.inbox.requests().len(), calls, "what is announced stands already, so Slack is not called");
}

#[tokio::test]
async fn i4_many_workers_with_the_same_news_post_once() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    for handled in join_all((0..8).map(|_| world.handle(&news))).await {
        handled.unwrap();
    }
    let waiting = world.outbox.take();
    assert!(waiting.iter().all(|sent| sent.body == news.body && sent.delay <= LEASE), "{waiting:?}");
    for message in waiting {
        world.handle(&received(message.body)).await.unwrap();
    }
    assert!(world.drain().await.is_empty());
    let posts = world.inbox.posts();
    assert_eq!((posts.len(), posts[0].edits.len()), (1, 0), "{posts:?}");
    assert_eq!(world.target(run, "slack").await.attempts, 0, "waiting for a lease is no attempt");
}

#[tokio::test]
async fn i5_news_that_meets_a_held_target_waits_and_is_not_lost() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let news = world.evidence(run).await;
    let TargetClaim::Claimed(held) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else { panic!() };
    world.handle(&news).await.unwrap();
    let waiting = world.outbox.take();
    assert_eq!((waiting.len(), waiting[0].body.as_str()), (1, news.body.as_str()));
    assert!(world.inbox.requests().is_empty());
    // The holder died; its lease ends.
    drop(held);
    world.clock.forward(LEASE);
    world.clock.forward(std::time::Duration::from_secs(1));
    world.handle(&received(waiting[0].body.clone())).await.unwrap();
    assert_eq!(world.inbox.posts().len(), 1);
}

#[tokio::test]
async fn i4_a_webhook_gets_each_revision_under_an_id_of_its_own() {
    let world = world().await;
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    let early = world.news(run, "webhook", 2);
    world.handle(&early).await.unwrap();
    world.handle(&early).await.unwrap();
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "webhook", last)).await.unwrap();
    let ids: Vec<String> = world.inbox.posts().into_iter().map(|post| post.id).collect();
    assert_eq!(ids, [format!("msg_{run}_2"), format!("msg_{run}_{last}")]);
    assert_eq!(world.target(run, "webhook").await.provider_id, Some(format!("msg_{run}_{last}")));
}

#[tokio::test]
async fn i13_pagerduty_gets_a_note_after_the_conclusion_and_nothing_else() {
    let world = world().await;
    let run = world.open(&[pagerduty()]).await;
    world.evidence(run).await;
    world.handle(&world.news(run, "pagerduty", 2)).await.unwrap();
    assert!(world.inbox.requests().is_empty(), "what cannot be edited waits for the conclusion");
    assert_eq!(world.target(run, "pagerduty").await.state, TargetState::Pending);
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "pagerduty", last)).await.unwrap();
    // Such as a resolve afterwards.
    world.handle(&world.news(run, "pagerduty", last)).await.unwrap();
    let requests = world.inbox.requests();
    let asked: Vec<_> = requests.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    assert_eq!(asked, [("POST", "/pagerduty/incidents/Q2VJ1C2G2EXAMP/notes")]);
    let note = &world.inbox.posts()[0];
    assert_eq!(note.service, Service::PagerDuty);
    assert!(note.body.pointer("/note/content").unwrap().as_str().unwrap().starts_with("The last word\n"));
}

#[tokio::test]
async fn i14_a_failed_investigation_is_delivered_too() {
    let world = world().await;
    let run = world.open(&[slack(), pagerduty()]).await;
    let store::Claim::Claimed { token, .. } = world.store.claim_run(run, LEASE).await.unwrap() else { panic!() };
    world.store.fail_run(run, token, "the Command is not in the catalog").await.unwrap();
    let stands = world.store.reader().run(run).await.unwrap().unwrap();
    assert_eq!(stands.status, RunStatus::Failed);
    for target in ["slack", "pagerduty"] {
        world.handle(&world.news(run, target, stands.revision)).await.unwrap();
    }
    let posts = world.inbox.posts();
    assert_eq!(posts.len(), 2);
    assert!(posts.iter().all(|post| post.body.to_string().contains("the Command is not in the catalog")), "{posts:?}");
}

#[tokio::test]
async fn the_link_opens_the_run_and_is_the_same_in_every_delivery() {
    let world = world().await;
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    world.handle(&world.news(run, "webhook", 2)).await.unwrap();
    world.clock.forward(std::time::Duration::from_secs(60));
    let last = world.conclude(run).await;
    world.handle(&world.news(run, "webhook", last)).await.unwrap();
    let posts = world.inbox.posts();
    let links: Vec<&str> =
        posts.iter().map(|post| post.body.pointer("/data/run/link").unwrap().as_str().unwrap()).collect();
    assert_eq!(links[0], links[1]);
    let (page, query) = links[0].split_once("?exp=").unwrap();
    assert_eq!(page, format!("https://console.example.com/runs/{run}"));
    let (expires, signature) = query.split_once("&sig=").unwrap();
    let keys = [domain::Secret::new("link-key")];
    let created = "2026-11-22T10:00:00Z".parse().unwrap();
    verify(Scope::Run(run), expires, signature, &keys, created).unwrap();
    assert_eq!(expires, "1797933600", "30 days after the run was opened");
}

#[tokio::test]
async fn i1_a_later_look_gives_the_one_before_it_no_longer_a_life() {
    let world = world().await;
    let first = world.store.reader().run(world.open(&[world.webhook()]).await).await.unwrap().unwrap();
    let later = first.created_at + jiff::SignedDuration::from_hours(5 * 24);
    let again = Run { id: RunId::mint(later, 2), created_at: later, ..first.clone() }.after(&first);
    world.store.open_command(&again).await.unwrap();
    let last = world.conclude(again.id).await;
    world.handle(&world.news(again.id, "webhook", last)).await.unwrap();
    let posts = world.inbox.posts();
    let end = |link: &str| {
        posts[0].body.pointer(link).unwrap().as_str().unwrap().split(['=', '&']).nth(1).unwrap().to_owned()
    };
    assert_eq!(
        [end("/data/run/link"), end("/data/run/previous/link")],
        ["1798365600", "1797933600"],
        "each 30 days after its own opening"
    );
}

#[tokio::test]
async fn i10_without_the_key_of_links_the_findings_go_out_all_the_same() {
    let world = world().await;
    world.keys.live.lock().unwrap().remove(crate::LINK_KEY);
    let run = world.open(&[world.webhook()]).await;
    world.evidence(run).await;
    world.handle(&world.news(run, "webhook", 2)).await.unwrap();
    assert!(world.inbox.posts()[0].body.pointer("/data/run/link").unwrap().is_null());
}

#[tokio::test]
async fn i5_a_message_that_means_nothing_stays_in_the_queue() {
    let world = world().await;
    let run = world.open(&[slack()]).await;
    let error = |handled: super::support::Handled| *handled.unwrap_err().downcast::<DeliverError>().unwrap();
    for body in ["", "{}", "{\"type\":\"target_v2\"}"] {
        let handled = world.handle(&received(body.to_owned())).await;
        assert!(matches!(error(handled), DeliverError::Unreadable(_)));
    }
    let handled = world.handle(&world.news(run, "teams", 1)).await;
    assert!(matches!(error(handled), DeliverError::NoTarget { .. }));
    let nobody = domain::RunId::mint("2026-11-22T10:00:00Z".parse().unwrap(), 77);
    assert!(matches!(error(world.handle(&world.news(nobody, "slack", 1)).await), DeliverError::NoTarget { .. }));
    let soon = world.deliver.clone();
    let news = world.evidence(run).await;
    let handled = ports::HandleMessage::handle(&soon, &news, "2026-11-22T10:00:01Z".parse().unwrap()).await;
    assert!(matches!(error(handled), DeliverError::TooLate));
    assert!(world.outbox.take().is_empty() && world.inbox.requests().is_empty());
}
