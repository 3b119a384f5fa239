//! A Schedule's firings: once each, never two runs at once, never more than there may be.

use super::*;
use crate::{Fired, Origin};

const DAY: &str = "2026-11-22";

impl World {
    /// The firing at `minute` past ten.
    async fn fire(&self, minute: i64, max_runs: Option<u32>) -> (RunId, Fired) {
        let (name, at) = (nightly(), due(minute));
        let run = Run {
            trigger: Trigger::Schedule { name: name.clone(), at },
            targets: vec![TargetSpec::new("slack", OutletSpec::Slack(SlackSpec::channel("#oncall")))],
            ..Run::queued(RunId::opened_by(EventId::of_firing(&name, at)), "triage".parse().unwrap(), "0", at)
        };
        (run.id, self.store.open_scheduled(&name, at, &run, max_runs).await.unwrap())
    }

    async fn opened_by_clock(&self, minute: i64, max_runs: Option<u32>) -> RunId {
        let (id, fired) = self.fire(minute, max_runs).await;
        assert_eq!(fired, Fired::Opened(id));
        id
    }

    async fn conclude(&self, run: RunId) {
        let token = self.claimed(run).await;
        self.store.conclude_run(run, token, &report()).await.unwrap();
    }

    /// What nothing followed from, oldest first: when, and why.
    async fn skipped(&self) -> Vec<(Timestamp, String)> {
        let page = self.store.reader().unmatched_of_day(DAY.parse().unwrap(), 10, None).await.unwrap();
        let schedule = Origin::Schedule { schedule: nightly() };
        assert!(page.events.iter().all(|event| event.origin == schedule), "{page:?}");
        page.events.into_iter().rev().map(|event| (event.received_at, event.reason)).collect()
    }
}

fn nightly() -> domain::Name {
    "nightly".parse().unwrap()
}

fn due(minute: i64) -> Timestamp {
    let ten: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    ten + jiff::SignedDuration::from_mins(minute)
}

#[tokio::test]
async fn i3_a_firing_opens_one_run_however_often_it_is_said() {
    let world = world();
    let run = world.opened_by_clock(0, None).await;
    assert_eq!(world.opened_by_clock(0, None).await, run, "while it is under way");
    world.conclude(run).await;
    assert_eq!(world.opened_by_clock(0, None).await, run, "after its end");
    let next = world.opened_by_clock(1, None).await;
    assert_ne!(next, run);
    assert_eq!(world.opened_by_clock(0, None).await, run, "and when the next one is under way");
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!((view.run.status, view.targets.len()), (RunStatus::Concluded, 1));
    let days = world.store.reader().runs_of_day(DAY.parse().unwrap(), 10, None).await.unwrap();
    assert_eq!(days.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [next, run]);
    assert!(world.skipped().await.is_empty());
}

#[tokio::test]
async fn i14_what_is_due_while_the_run_before_has_not_ended_is_recorded_and_stays_so() {
    let world = world();
    let before = world.opened_by_clock(0, None).await;
    let reason = format!("the run before, `{before}`, has not ended");
    assert_eq!(world.fire(1, None).await.1, Fired::Skipped);
    assert_eq!(world.skipped().await, [(due(1), reason.clone())]);
    world.conclude(before).await;
    let (late, again) = world.fire(1, None).await;
    assert_eq!(again, Fired::Skipped, "the same firing once more is what it was");
    assert_eq!(world.store.reader().run(late).await.unwrap(), None);
    world.opened_by_clock(2, None).await;
    assert_eq!(world.skipped().await, [(due(1), reason)]);
}

#[tokio::test]
async fn i5_a_run_that_nobody_holds_does_not_keep_the_next_ones_for_ever() {
    let world = world();
    let lost = world.opened_by_clock(0, None).await;
    world.claimed(lost).await;
    world.clock.forward(4 * 3600 - 1);
    assert_eq!(world.fire(1, None).await.1, Fired::Skipped);
    world.clock.forward(1);
    world.opened_by_clock(2, None).await;
}

#[tokio::test]
async fn after_max_runs_what_is_due_is_recorded_until_there_may_be_more() {
    let world = world();
    for minute in 0..2 {
        let run = world.opened_by_clock(minute, Some(2)).await;
        world.opened_by_clock(minute, Some(2)).await;
        world.conclude(run).await;
    }
    assert_eq!(world.fire(2, Some(2)).await.1, Fired::Skipped);
    assert_eq!(world.skipped().await, [(due(2), "the Schedule has had its 2 runs (`max_runs`)".to_owned())]);
    world.opened_by_clock(3, Some(3)).await;
}

#[tokio::test]
async fn i3_of_two_firings_at_once_one_runs() {
    let world = world();
    let fired = join_all((0..4).map(|minute| world.fire(minute, None))).await;
    let opened = fired.iter().filter(|(_, fired)| matches!(fired, Fired::Opened(_))).count();
    assert_eq!((opened, world.skipped().await.len()), (1, 3), "{fired:?}");
}

#[tokio::test]
async fn what_is_skipped_for_the_catalog_is_recorded_unless_it_has_a_run() {
    let world = world();
    for _ in 0..2 {
        assert_eq!(world.store.skip_scheduled(&nightly(), due(0), "paused").await.unwrap(), Fired::Skipped);
    }
    assert_eq!(world.skipped().await, [(due(0), "paused".to_owned())]);
    let run = world.opened_by_clock(1, None).await;
    assert_eq!(world.store.skip_scheduled(&nightly(), due(1), "paused").await.unwrap(), Fired::Opened(run));
    assert_eq!(world.skipped().await.len(), 1);
}
