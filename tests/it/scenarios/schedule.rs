//! A Schedule that is due, whoever keeps the time.

use std::time::Duration;

use domain::{EventId, InvestigateMessage, Name, RunId, RunStatus, Trigger};
use inbox::Service;
use jiff::Timestamp;
use ports::Queue;

use super::World;
use crate::support::{
    catalog::NIGHTLY_AT,
    world::{posts, settled, until},
};

/// The Schedule of the scenarios' catalog, and when it is due.
fn nightly() -> (Name, Timestamp) {
    ("nightly".parse().unwrap(), NIGHTLY_AT.parse().unwrap())
}

/// The clock has said, or is about to say, that `nightly` is due: its run concludes and is delivered, once, though the clock
/// says it again.
pub async fn i3_what_the_clock_says_becomes_one_run_and_its_delivery(world: &dyn World) {
    let (name, at) = nightly();
    let run = RunId::opened_by(EventId::of_firing(&name, at));
    let view = settled(world, run).await;
    assert_eq!((view.run.status, view.steps.len()), (RunStatus::Concluded, 4));
    assert_eq!(view.run.trigger, Trigger::Schedule { name: name.clone(), at });
    assert_eq!(view.run.params["incident"], "NIGHTLY");
    assert_eq!(view.targets.iter().map(|target| target.spec.name.as_str()).collect::<Vec<_>>(), ["slack"]);
    let posted = posts(world, Service::Slack, run);
    assert_eq!(posted.len(), 1, "{posted:?}");
    let text = posted[0].body.to_string();
    assert!(text.contains("by schedule nightly at 2024-01-31 03:00 UTC"), "{text}");

    let again = InvestigateMessage::ScheduleV1 { schedule: name, at, id: "once more".to_owned() };
    let again = serde_json::to_string(&again).unwrap();
    world.sender().send(Queue::Investigate, &again, "nightly", Duration::ZERO).await.unwrap();
    for queue in [Queue::Investigate, Queue::Deliver] {
        until("the queue to be empty", async || (world.depth(queue).await == 0).then_some(())).await;
    }
    let later = settled(world, run).await;
    assert_eq!((later.run.revision, later.run.ended_at), (view.run.revision, view.run.ended_at));
    assert_eq!(posts(world, Service::Slack, run).len(), 1);
}
