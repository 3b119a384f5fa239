//! Notes that a provider takes and writes later: Opsgenie and Jira Service Management.

use domain::{AlertNoteSpec, OutletSpec, RunId, TargetState};
use inbox::{Endpoint, Fault, Service};
use ports::{Clock, Received};

use super::support::{Sent, World, received, world};

const KINDS: [(&str, Service); 2] = [("opsgenie", Service::Opsgenie), ("jsm", Service::Jsm)];

/// A run that has concluded and is told at a target of `kind`, and the news of it.
async fn concluded(world: &World, kind: &str) -> (RunId, Received) {
    let note = AlertNoteSpec { note: true, secret: None, api: Some(format!("{}/{kind}", world.inbox.url())) };
    let spec = if kind == "jsm" { OutletSpec::Jsm(note) } else { OutletSpec::Opsgenie(note) };
    let run = world.open(&[spec]).await;
    let last = world.conclude(run).await;
    (run, world.news(run, kind, last))
}

/// Handles `news`, whose note is taken and not written; the message that comes again.
async fn taken(world: &World, news: &Received, service: Service) -> Sent {
    let mut arrivals = world.inbox.subscribe();
    let (handled, ()) = tokio::join!(world.handle(news), async {
        while arrivals.recv().await.unwrap().endpoint != Endpoint::Status(service) {}
        // It asks for three seconds; nothing but its timers is left.
        tokio::time::pause();
    });
    tokio::time::resume();
    handled.unwrap();
    world.outbox.take().remove(0)
}

#[tokio::test]
async fn i4_a_note_that_is_written_minutes_after_it_was_taken_is_one() {
    for (kind, service) in KINDS {
        let world = world().await;
        let (run, news) = concluded(&world, kind).await;
        world.inbox.fault(Endpoint::Post(service), Fault::WrittenLater(240));
        let mut again = taken(&world, &news, service).await;
        let request = world.inbox.posts()[0].id.clone();
        let target = world.target(run, kind).await;
        assert_eq!((target.state, target.attempts), (TargetState::Sending, 1), "{kind}");
        assert_eq!(target.taken.unwrap().request, request);
        let mut tries = 0;
        while world.target(run, kind).await.state == TargetState::Sending {
            world.clock.forward(again.delay);
            world.handle(&received(again.body.clone())).await.unwrap();
            tries += 1;
            again = world.outbox.take().pop().unwrap_or(again);
        }
        let target = world.target(run, kind).await;
        assert_eq!(
            (target.state, target.provider_id, target.taken),
            (TargetState::Sent, Some(request), None),
            "{kind}"
        );
        assert!(tries > 2 && world.inbox.posts().len() == 1, "{kind}: {tries} tries");
    }
}

#[tokio::test]
async fn i5_a_note_of_which_nothing_is_ever_heard_is_written_once_more() {
    for (kind, service) in KINDS {
        let world = world().await;
        let (run, news) = concluded(&world, kind).await;
        world.inbox.fault(Endpoint::Post(service), Fault::WrittenLater(1_000_000));
        let again = taken(&world, &news, service).await;
        let since = world.clock.now();
        world.clock.forward(again.delay);
        world.handle(&received(again.body)).await.unwrap();
        assert_eq!(world.drain().await, [], "{kind}");
        let posts = world.inbox.posts();
        assert_eq!(posts.len(), 2, "{kind}");
        assert_eq!(world.target(run, kind).await.provider_id.as_ref(), Some(&posts[1].id), "{kind}");
        assert!(posts[1].at.duration_since(since).as_mins() >= 10, "{kind}: not before it could be given up");
    }
}
