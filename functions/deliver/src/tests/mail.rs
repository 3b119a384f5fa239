//! E-mail: what cannot be looked up.

use std::time::Duration;

use domain::TargetState;
use inbox::{Endpoint, Fault, Moment, Service};
use ports::Queue;

use super::{
    suite::{killed_at, mail},
    support::{LEASE, World, received, world},
};

const POST: Endpoint = Endpoint::Post(Service::Email);

/// The plain parts of all mails.
fn texts(world: &World) -> Vec<String> {
    let text =
        |post: &inbox::Posted| post.body["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap().to_owned();
    world.inbox.posts().iter().map(text).collect()
}

#[tokio::test]
async fn i4_after_an_answer_that_was_lost_one_more_mail_is_sent_and_says_so() {
    for fault in [Fault::CloseAfterAccepting, Fault::StatusAfterAccepting(500)] {
        let world = world().await;
        let run = world.open(&[mail()]).await;
        let revision = world.conclude(run).await;
        world.inbox.fault(POST, fault);
        world.handle(&world.news(run, "e-mail", revision)).await.unwrap();
        assert_eq!(world.drain().await, [], "it is tried again and works");
        let texts = texts(&world);
        assert_eq!(texts.len(), 2);
        assert!(!texts[0].contains("twice") && texts[1].starts_with("An earlier try"), "{texts:?}");
        assert_eq!(world.target(run, "e-mail").await.state, TargetState::Sent);
    }
}

#[tokio::test]
async fn i4_two_answers_that_were_lost_are_a_failure_that_says_so_and_a_redrive_sends_one_more() {
    let world = world().await;
    let run = world.open(&[mail()]).await;
    let revision = world.conclude(run).await;
    for _ in 0..2 {
        world.inbox.fault(POST, Fault::CloseAfterAccepting);
    }
    world.handle(&world.news(run, "e-mail", revision)).await.unwrap();
    let buried = world.drain().await;
    assert_eq!(buried.iter().map(|sent| sent.queue).collect::<Vec<_>>(), [Queue::DeliverDlq]);
    let target = world.target(run, "e-mail").await;
    assert_eq!((target.state, target.in_doubt), (TargetState::Failed, 2));
    assert!(target.last_error.unwrap().contains("may have been sent"));
    world.handle(&received(buried[0].body.clone())).await.unwrap();
    assert_eq!(world.drain().await, []);
    let texts = texts(&world);
    assert_eq!((texts.len(), world.target(run, "e-mail").await.state), (3, TargetState::Sent));
    assert!(texts[2].starts_with("An earlier try"), "{texts:?}");
}

#[tokio::test]
async fn i4_killed_after_it_was_sent_a_mail_is_sent_once_more_at_most() {
    let world = world().await;
    let run = world.open(&[mail()]).await;
    let revision = world.conclude(run).await;
    let news = world.news(run, "e-mail", revision);
    for mails in 1..=2 {
        world.inbox.fault(POST, Fault::HangAfterAccepting);
        killed_at(&world, &news, POST, Moment::Accepted).await;
        world.clock.forward(LEASE + Duration::from_secs(1));
        assert_eq!(
            (world.inbox.posts().len(), world.target(run, "e-mail").await.in_doubt),
            (mails, u32::try_from(mails).unwrap())
        );
    }
    world.handle(&news).await.unwrap();
    assert_eq!(world.inbox.posts().len(), 2);
    assert_eq!(world.target(run, "e-mail").await.state, TargetState::Failed);
}

#[tokio::test]
async fn what_ses_did_not_take_is_no_mail_that_may_be_on_its_way() {
    let world = world().await;
    let run = world.open(&[mail()]).await;
    let revision = world.conclude(run).await;
    for said in ["TooManyRequestsException: Maximum sending rate exceeded.", "ExpiredTokenException: m"] {
        for _ in 0..3 {
            world.inbox.fault(POST, Fault::SlackError(said));
        }
    }
    world.handle(&world.news(run, "e-mail", revision)).await.unwrap();
    assert_eq!(world.drain().await, []);
    assert_eq!((texts(&world).len(), world.target(run, "e-mail").await.state), (1, TargetState::Sent));
    assert!(!texts(&world)[0].contains("twice"));
}
