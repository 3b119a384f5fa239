//! Runs that last longer than an invocation, and those that somebody else has.

use std::time::Duration;

use domain::{InvestigateMessage, RunStatus};
use engine::MAX_SLICES;
use ports::Queue;

use super::support::{LEASE, message, world};

#[tokio::test(start_paused = true)]
async fn i6_a_run_goes_on_in_the_next_invocation_and_takes_no_recorded_step_twice() {
    let world = world(&[("http://a", 1), ("http://b", 8), ("http://c", 9), ("http://d", 1)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, 1, 12).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.slice, view.run.lease), (RunStatus::Running, 1, None));
    assert_eq!(view.run.spent_ms, 9_600, "a fifth of the invocation's time is kept for leaving things in order");
    assert_eq!(view.steps.len(), 2);
    let sent = world.outbox.take();
    assert_eq!((sent.len(), sent[0].queue, sent[0].delay), (1, Queue::Investigate, Duration::ZERO));
    let next: InvestigateMessage = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(next, InvestigateMessage::ContinueV1 { run, slice: 1 });
    assert_eq!(world.called(), ["http://a", "http://b", "http://c"]);

    world.handle(&sent[0].body, 1, 12).await.unwrap();
    let (handled, news) = world.drain(12).await;
    assert_eq!((handled, news.len()), (1, 1), "one more slice; the evidence is the conclusion and announced once");
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.slice, view.steps.len()), (RunStatus::Concluded, 2, 4));
    assert_eq!(world.called(), ["http://c", "http://d", "http://d"], "only what was under way was called again");
}

#[tokio::test(start_paused = true)]
async fn i12_at_the_limit_of_invocations_the_run_concludes_and_says_so() {
    let world = world(&[("http://a", 1), ("http://slow", 20)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, 1, 12).await.unwrap();
    let (handled, news) = world.drain(12).await;
    assert_eq!((handled, news.len()), (MAX_SLICES - 1, 1));
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.steps.len()), (RunStatus::Concluded, 1));
    let remark = format!("Concluded early: the run's limit of {MAX_SLICES} invocations was reached.");
    assert_eq!(view.run.report.unwrap().remarks, [remark]);
}

#[tokio::test(start_paused = true)]
async fn i6_a_step_that_outlasts_the_lease_keeps_it() {
    let world = world(&[("http://slow", 100)]);
    let (body, run) = message(&world.opening("pages"));
    let (handled, ()) = tokio::join!(world.handle(&body, 1, 300), async {
        // Between two renewals.
        tokio::time::sleep(LEASE * 2 - LEASE / 6).await;
        world.handle(&body, 1, 300).await.unwrap();
    });
    handled.unwrap();
    let sent = world.outbox.take();
    assert_eq!((sent[0].queue, &sent[0].body), (Queue::Investigate, &body), "the second one waits");
    assert!(sent[1..].iter().all(|sent| sent.queue == Queue::Deliver), "{sent:?}");
    assert_eq!(world.called(), ["http://slow"]);
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
}

#[tokio::test(start_paused = true)]
async fn i6_who_meets_a_held_lease_waits_as_a_copy_and_goes_on_after_it() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, 1, 0).await.unwrap();
    world.outbox.take();
    world.claim(run).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.handle(&body, 1, 300).await.unwrap();
    let sent = world.outbox.take();
    assert_eq!((sent.len(), sent[0].queue, &sent[0].body), (1, Queue::Investigate, &body));
    assert_eq!(sent[0].delay, Duration::from_secs(20), "what is left of the lease");
    assert!(world.called().is_empty());
    // The holder died.
    tokio::time::sleep(sent[0].delay + Duration::from_millis(1)).await;
    world.handle(&sent[0].body, 1, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
    assert_eq!(world.called(), ["http://a"]);
}
