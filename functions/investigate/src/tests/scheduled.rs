//! What comes of a Schedule that is due.

use domain::{EventId, Name, RunId, RunStatus, Trigger};
use jiff::Timestamp;
use serde_json::json;

use super::support::{World, slack, world};

/// The message that the clock sends, and the run that it opens if it opens one.
fn due(schedule: &str, at: &str) -> (String, RunId) {
    let name: Name = schedule.parse().unwrap();
    let at: Timestamp = at.parse().unwrap();
    // As EventBridge Scheduler writes it: `render` says where its words go.
    let body = json!({"type": "schedule_v1", "schedule": name, "at": at, "id": "b1d2c3"});
    (body.to_string(), RunId::opened_by(EventId::of_firing(&name, at)))
}

async fn skipped(world: &World) -> Vec<String> {
    let day = "2026-11-22".parse().unwrap();
    let page = world.store.reader().unmatched_of_day(day, 10, None).await.unwrap();
    page.events.into_iter().rev().map(|event| format!("{} {}", event.summary, event.reason)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_schedule_runs_its_command_and_its_targets_are_told() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = due("nightly", "2026-11-22T10:00:00Z");
    world.handle(&body, 1, 300).await.unwrap();
    let view = world.view(run).await;
    assert_eq!((view.run.status, view.run.title.as_str()), (RunStatus::Concluded, "/triage"));
    let (name, at) = ("nightly".parse().unwrap(), "2026-11-22T10:00:00Z".parse().unwrap());
    assert_eq!(view.run.trigger, Trigger::Schedule { name, at });
    assert_eq!((view.run.alert, view.run.workflow, view.targets.len()), (None, None, 2));
    let second = |revision| ("slack-2".to_owned(), revision);
    assert_eq!(world.outbox.news(), [slack(2), second(2)]);
    // The clock says it again: the targets are told again, and nothing is looked at.
    world.called();
    world.handle(&body, 1, 300).await.unwrap();
    assert_eq!(world.outbox.news(), [slack(2), second(2)]);
    assert!(world.called().is_empty() && skipped(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn i6_a_scheduled_run_that_was_killed_goes_on_when_its_firing_comes_back() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = due("nightly", "2026-11-22T10:00:00Z");
    // Opened, and no time left to begin: it goes on in its own message.
    world.handle(&body, 1, 0).await.unwrap();
    assert!(!world.view(run).await.run.status.is_terminal());
    let (next, later) = due("nightly", "2026-11-22T10:01:00Z");
    world.handle(&next, 1, 300).await.unwrap();
    assert_eq!(world.store.reader().run(later).await.unwrap(), None, "no two of them at once");
    assert_eq!(
        skipped(&world).await,
        [format!("The Schedule `nightly` was due the run before, `{run}`, has not ended")]
    );
    world.handle(&body, 2, 300).await.unwrap();
    assert_eq!(world.view(run).await.run.status, RunStatus::Concluded);
}

#[tokio::test(start_paused = true)]
async fn i14_what_is_not_run_is_recorded_with_its_reason() {
    let world = world(&[("http://a", 1)]);
    for (schedule, minute) in [("gone", 1), ("paused", 2), ("nightly", 3), ("nightly", 4), ("nightly", 5)] {
        let (body, _) = due(schedule, &format!("2026-11-22T10:0{minute}:00Z"));
        world.handle(&body, 1, 300).await.unwrap();
    }
    assert_eq!(
        skipped(&world).await,
        [
            "The Schedule `gone` was due the Schedule was taken out of the catalog meanwhile",
            "The Schedule `paused` was due the Schedule is paused",
            "The Schedule `nightly` was due the Schedule has had its 2 runs (`max_runs`)",
        ]
    );
    assert_eq!(world.called().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn i14_a_scheduled_run_whose_parameters_do_not_fit_fails_where_people_see_it() {
    let world = world(&[("http://a", 1)]);
    let (body, run) = due("unfit", "2026-11-22T10:00:00Z");
    world.handle(&body, 1, 300).await.unwrap();
    let run = world.view(run).await.run;
    assert!(run.status == RunStatus::Failed && run.reason.unwrap().contains("namespace"));
    assert_eq!(world.outbox.news().len(), 2);
}
