//! Ports that do not work: nothing is lost, nothing is done twice, and people are told.

use domain::RunStatus;
use ports::{PortError, Queue};

use super::support::{LEASE, MAX_RECEIVES, message, slack, world};

#[tokio::test(start_paused = true)]
async fn i5_an_end_that_could_not_be_announced_is_announced_on_the_next_receipt_and_not_run_anew() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    *world.outbox.refuses.lock().unwrap() = Some((Queue::Deliver, 0));
    let error = world.handle(&body, 1, 300).await.unwrap_err();
    assert_eq!(error.to_string(), "the run's news cannot be sent on");
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
    assert!(world.outbox.take().is_empty());
    // On the last receipt too: it has ended, and is not given up.
    assert!(world.handle(&body, MAX_RECEIVES, 300).await.is_err());
    *world.outbox.refuses.lock().unwrap() = None;
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2)]);
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
    assert_eq!(world.called(), ["http://a"]);
}

#[tokio::test(start_paused = true)]
async fn i6_what_does_not_work_this_time_is_given_back_at_once_and_tried_again() {
    let world = world(&[("http://a", 1), ("http://b", 1)]);
    let (body, run) = message(&world.opening("pages"));
    *world.table.trouble.lock().unwrap() = Some(("put STEP#0001", PortError::transient("", "")));
    assert!(world.handle(&body, 1, 300).await.is_err());
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.lease, view.steps.len()), (RunStatus::Running, None, 1));
    *world.table.trouble.lock().unwrap() = None;
    world.called();
    world.handle(&body, 2, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
    assert_eq!(world.called(), ["http://b"]);
}

#[tokio::test(start_paused = true)]
async fn i14_what_would_fail_again_is_the_runs_outcome_and_announced() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    *world.table.trouble.lock().unwrap() = Some(("put STEP#", PortError::permanent("", "")));
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.lease), (RunStatus::Failed, None));
    assert_eq!(view.run.reason.as_deref(), Some("the run cannot go on: write to the table was refused"));
    assert_eq!(world.outbox.news(), [slack(2)]);
}

#[tokio::test(start_paused = true)]
async fn i14_on_the_last_receipt_a_run_that_had_begun_is_given_up_and_not_driven_again() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, 1, 0).await.unwrap();
    world.outbox.take();
    // An invocation that died.
    world.claim(run).await;
    tokio::time::sleep(LEASE * 2).await;
    let error = world.handle(&body, MAX_RECEIVES, 300).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the run {run} is given up: its message was received 3 times"),
        "for the dead letters"
    );
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.lease), (RunStatus::Failed, None));
    let reason = view.run.reason.unwrap();
    assert!(
        reason.starts_with("given up: its message was received 3 times, and none of the tries came to an end."),
        "{reason}"
    );
    assert!(reason.contains("`firstlook redrive investigate`"), "{reason}");
    assert_eq!(world.outbox.news(), [slack(2)]);
    assert!(world.called().is_empty());

    // Redriven, it is a new message with receipts of its own.
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.reason), (RunStatus::Concluded, None));
    assert_eq!(world.outbox.news(), [slack(4)]);
}

#[tokio::test(start_paused = true)]
async fn i14_on_the_last_receipt_a_run_that_had_not_begun_is_driven() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = message(&world.opening("pages"));
    world.handle(&body, MAX_RECEIVES, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
}

#[tokio::test(start_paused = true)]
async fn i14_an_error_of_the_last_try_is_told_where_people_are() {
    let world = world(&[("http://a", 1), ("http://b", 1)]);
    let (body, run) = message(&world.opening("pages"));
    *world.table.trouble.lock().unwrap() = Some(("put STEP#0001", PortError::transient("", "")));
    let error = world.handle(&body, MAX_RECEIVES, 300).await.unwrap_err();
    assert_eq!(error.to_string(), "the run cannot be read or written");
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.lease), (RunStatus::Failed, None));
    let reason = view.run.reason.unwrap();
    assert!(reason.starts_with(
        "given up: its message was received 3 times, and the last try ended because the run cannot be read or written"
    ));
    assert_eq!(world.outbox.news(), [slack(2)]);

    // The table works again: the redriven message takes only what is not recorded.
    *world.table.trouble.lock().unwrap() = None;
    world.called();
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
    assert_eq!(world.called(), ["http://b"]);
}

#[tokio::test(start_paused = true)]
async fn i14_a_slice_that_cannot_be_followed_by_another_is_given_up_on_the_last_receipt() {
    let world = world(&[("http://a", 20)]);
    let (body, run) = message(&world.opening("pages"));
    *world.outbox.refuses.lock().unwrap() = Some((Queue::Investigate, 0));
    assert!(world.handle(&body, MAX_RECEIVES, 12).await.is_err());
    assert_eq!(world.view(run).await.run.status, RunStatus::Failed);
    assert_eq!(world.outbox.news(), [slack(2)]);
}

#[tokio::test(start_paused = true)]
async fn i14_what_could_not_have_been_investigated_says_that_on_the_last_receipt() {
    let world = world(&[]);
    let (body, run) = message(&world.opening("misfit"));
    *world.table.trouble.lock().unwrap() = Some(("update META", PortError::transient("", "")));
    assert!(world.handle(&body, 1, 300).await.is_err());
    *world.table.trouble.lock().unwrap() = None;
    // An invocation that died.
    world.claim(run).await;
    tokio::time::sleep(LEASE * 2).await;
    world.handle(&body, MAX_RECEIVES, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!(view.run.status, RunStatus::Failed);
    assert!(view.run.reason.unwrap().contains("namespace"));
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Failed, "a redrive changes nothing of that");
}
