//! When all goes well, in whatever order and number the news come.

use futures_util::future::join_all;
use outlets::Style;

use super::{Subject, each, every, subject};
use crate::tests::support::{World, received, world};

#[tokio::test]
async fn i4_each_outlet_is_posted_to_once_and_edited_where_it_can_be() {
    each(async |world: World, it: Subject| {
        let run = world.open(std::slice::from_ref(&it.spec)).await;
        world.evidence(run).await;
        let early = world.news(run, it.name(), 2);
        for _ in 0..2 {
            world.handle(&early).await.unwrap();
        }
        let first = it.seen(&world, run);
        if it.style() == Style::OnceConcluded {
            assert!(world.inbox.requests().is_empty(), "{}: what cannot be edited waits", it.name());
        } else {
            assert_eq!(first.len(), 1, "{}: {first:?}", it.name());
            assert!(first[0].body.to_string().contains("First findings"), "{first:?}");
        }
        let last = world.conclude(run).await;
        world.clock.forward(crate::BETWEEN_EDITS);
        let late = world.news(run, it.name(), last);
        for message in [&late, &early, &late] {
            world.handle(message).await.unwrap();
        }
        let posts = if it.style() == Style::EachRevision { 2 } else { 1 };
        it.stands(&world, run, posts).await;
        let edits = usize::from(it.style() == Style::Edited);
        assert_eq!(it.seen(&world, run)[0].edits.len(), edits, "{}", it.name());
        assert!(world.outbox.take().is_empty(), "{}", it.name());
    })
    .await;
}

#[tokio::test]
async fn i4_reordered_news_show_the_newest_state_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let run = world.open(std::slice::from_ref(&it.spec)).await;
        world.evidence(run).await;
        let last = world.conclude(run).await;
        world.handle(&world.news(run, it.name(), last)).await.unwrap();
        let asked = world.inbox.requests().len();
        world.handle(&world.news(run, it.name(), 2)).await.unwrap();
        assert_eq!(world.inbox.requests().len(), asked, "{}: nothing is new", it.name());
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i4_concurrent_workers_never_post_twice_at_any_outlet() {
    each(async |world: World, it: Subject| {
        let (run, late) = it.concluded(&world).await;
        let early = world.news(run, it.name(), 2);
        let messages = [&late, &early, &late, &early, &late];
        for handled in join_all(messages.map(|message| world.handle(message))).await {
            handled.unwrap();
        }
        assert!(world.drain().await.is_empty(), "{}: waiting for a lease ends nowhere else", it.name());
        it.stands(&world, run, 1).await;
    })
    .await;
}

#[tokio::test]
async fn i4_a_worker_that_outlived_its_lease_leaves_one_post_at_each_outlet() {
    each(async |world: World, it: Subject| {
        let (run, news) = it.concluded(&world).await;
        world.inbox.fault(it.post, inbox::Fault::HangAfterAccepting);
        let mut arrivals = world.inbox.subscribe();
        let (handled, ()) = tokio::join!(world.handle(&news), async {
            while arrivals.recv().await.unwrap().moment != inbox::Moment::Accepted {}
            // The first worker hangs for longer than its lease by the table's clock; another one takes over.
            world.clock.forward(crate::tests::support::LEASE + std::time::Duration::from_secs(1));
            world.handle(&news).await.unwrap();
            tokio::time::pause();
        });
        tokio::time::resume();
        assert!(handled.is_err(), "{}: it may write nothing any more", it.name());
        it.stands(&world, run, it.after_a_lost_answer()).await;
    })
    .await;
}

/// One target hangs; all the others of the same run stand meanwhile.
#[tokio::test]
async fn one_broken_target_delays_no_other() {
    let kinds = every(&world().await.inbox).len();
    for broken in 0..kinds {
        let world = world().await;
        world.inbox.say("ops", "hello");
        let specs = every(&world.inbox);
        let run = world.open(&specs).await;
        world.evidence(run).await;
        let last = world.conclude(run).await;
        let mut others: Vec<Subject> = specs.into_iter().map(subject).collect();
        let broken = others.swap_remove(broken);
        world.inbox.fault(broken.post, inbox::Fault::HangBefore);
        let (hanging, fine) = (world.news(run, broken.name(), last), &others);
        let mut arrivals = world.inbox.subscribe();
        tokio::select! {
            biased;
            handled = world.handle(&hanging) => panic!("{} did not hang: {handled:?}", broken.name()),
            () = async {
                while arrivals.recv().await.unwrap().endpoint != broken.post {}
                let handled = fine.iter().map(async |it| world.handle(&world.news(run, it.name(), last)).await.unwrap());
                join_all(handled).await;
            } => {}
        }
        for it in &others {
            it.stands(&world, run, 1).await;
        }
        assert!(broken.seen(&world, run).is_empty());
        assert!(world.outbox.take().is_empty());
        // And the broken one, once it is given back.
        world.clock.forward(crate::tests::support::LEASE + std::time::Duration::from_secs(1));
        world.handle(&received(hanging.body.clone())).await.unwrap();
        broken.stands(&world, run, 1).await;
    }
}
