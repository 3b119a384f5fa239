//! SIGKILL at every durable write.

use domain::{RunId, RunStatus, RunView, Target, TargetState};
use futures_util::{StreamExt, stream};
use inbox::Service;
use ports::Queue;

use super::{World, aws::Aws, local::Local};
use crate::support::{
    pages::page,
    proxy::Moment,
    stage::ChildProcess,
    world::{posts, settled, until},
};

/// How many killed worlds are under way at once; most of their time is waiting for a lease to end.
const SIDE_BY_SIDE: usize = 6;

/// One page for each write and each side of it.
pub async fn everywhere_locally() {
    // More writes than a run has: the first that is never reached says that all were.
    let kills = (1..=60).flat_map(|at| [(at, false), (at, true)]);
    let reached: Vec<bool> = stream::iter(kills)
        .map(|(at, after)| killed_once(at, after))
        .buffered(SIDE_BY_SIDE)
        .take_while(|reached| {
            let reached = *reached;
            async move { reached }
        })
        .collect()
        .await;
    // Opening, claim, four steps, evidence, conclusion, two announcements to three targets, and each target's own.
    assert!(reached.len() >= 2 * 20, "only {} kills hit a run: it has more durable writes", reached.len());
}

/// Kills a world's workers at a write, lets others go on, and looks at what stands. Whether the write was reached.
async fn killed_once(at: u32, after: bool) -> bool {
    let world = Local::without_workers().await;
    let incident = format!("QKILL{at}{}", if after { "A" } else { "B" });
    let page = page("incident.triggered", &incident, "PCHKOUT", &incident, "2026-11-22T10:00:00Z");
    let run = world.post("pagerduty", &page).await.run();
    let killed = killed_or_settled(&world, run, ChildProcess::start(&world.stage, at, after)).await;
    let recorded = recorded(&world, run).await;
    let hits = world.shop.hits(&incident);
    let second = ChildProcess::start(&world.stage, u32::MAX, false);
    let view = settled(&world, run).await;
    drop(second);

    let context = format!("killed {} write {at}", if after { "after" } else { "before" });
    ended_once(&world, &view, &context);
    let now = world.shop.hits(&incident);
    for check in recorded {
        assert_eq!(now.get(&check), hits.get(&check), "{context}: the recorded `{check}` was run again");
    }
    killed
}

async fn killed_or_settled(world: &Local, run: RunId, child: ChildProcess) -> bool {
    let child = std::sync::Mutex::new(child);
    until("the child to be killed or to be done", async || {
        if child.lock().unwrap().has_ended() {
            return Some(true);
        }
        let view = world.reader().view(run).await.unwrap()?;
        let idle = world.depth(Queue::Deliver).await + world.depth(Queue::Investigate).await == 0;
        (is_done(&view) && idle).then_some(false)
    })
    .await
}

/// What ends the process each time is not tried for ever: the run says so where people are, and a redrive brings it back.
pub async fn again_and_again() {
    let world = Local::without_workers().await;
    let page = page("incident.triggered", "QPOISON", "PCHAT", "QPOISON", "2026-11-22T10:00:00Z");
    let run = world.post("pagerduty", &page).await.run();
    // The opening, the claim, and then the first step is not recorded any more.
    for _ in 1..world.stage.queues.max_receives(Queue::Investigate) {
        let child = std::sync::Mutex::new(ChildProcess::start(&world.stage, 3, false));
        until("the child to be killed", async || child.lock().unwrap().has_ended().then_some(())).await;
    }
    let last = ChildProcess::start(&world.stage, u32::MAX, false);
    let view = settled(&world, run).await;
    assert_eq!((view.run.status, view.steps.len()), (RunStatus::Failed, 0));
    let reason = view.run.reason.expect("a reason");
    assert!(reason.starts_with("given up: its message was received 3 times"), "{reason}");
    let slack = posts(&world, Service::Slack, run);
    assert_eq!(slack.len(), 1, "people are told");
    assert!(slack[0].current().to_string().contains("firstlook redrive investigate"), "{}", slack[0].current());
    until("the message among the dead letters", async || (world.depth(Queue::InvestigateDlq).await == 1).then_some(()))
        .await;

    world.redrive(Queue::Investigate).await;
    let reader = world.reader();
    until("the run to be taken up again", async || {
        (reader.run(run).await.unwrap()?.status == RunStatus::Concluded).then_some(())
    })
    .await;
    let view = settled(&world, run).await;
    drop(last);
    assert_eq!((view.run.reason, view.run.counts.duplicates), (None, 0));
    let slack = posts(&world, Service::Slack, run);
    assert_eq!(slack.len(), 1, "I4: the same post says what was found");
    assert!(!slack[0].current().to_string().contains("given up"), "{}", slack[0].current());
}

/// The shop's checks whose steps stand.
async fn recorded(world: &dyn World, run: RunId) -> Vec<String> {
    let Some(view) = world.reader().view(run).await.unwrap() else { return vec![] };
    view.steps.iter().filter(|step| step.kind == "http").map(|step| step.id.to_string()).collect()
}

/// The deployed functions, killed at each write that one page costs.
pub async fn everywhere_on_aws(world: &Aws) {
    // Ingest's own write is the first, and its sender's to repeat.
    let mut at = 2;
    // The moment right after a write and the one right before the next enclose all that happens between the two.
    // In the local world both are tried at every write; here, where each costs seconds, the second at every third.
    while killed_on_aws(world, at, Moment::After).await
        && (at % 3 != 0 || killed_on_aws(world, at + 1, Moment::Before).await)
    {
        at += 1;
    }
    assert!(at > 20, "only {at} kills hit a run: it has more durable writes");
}

async fn killed_on_aws(world: &Aws, at: usize, moment: Moment) -> bool {
    let proxy = world.deployment.proxy();
    until("the last run's messages to be gone", async || {
        (world.depth(Queue::Deliver).await + world.depth(Queue::Investigate).await == 0).then_some(())
    })
    .await;
    let incident = format!("QKILL{at}{moment:?}");
    let page = page("incident.triggered", &incident, "PCHKOUT", &incident, "2026-11-22T10:00:00Z");
    proxy.kill_at(at, moment);
    let run = world.post("pagerduty", &page).await.run();
    let killed = until("somebody to be killed or nothing to be left to do", async || {
        if let Some(killed) = proxy.killed() {
            return Some(Some(killed));
        }
        let view = world.reader().view(run).await.unwrap()?;
        let idle = world.depth(Queue::Deliver).await + world.depth(Queue::Investigate).await == 0;
        (is_done(&view) && idle).then_some(None)
    })
    .await;
    // Nobody goes on before the lease of the killed one has ended.
    let (recorded, hits) = (recorded(world, run).await, world.shop().hits(&incident));
    let view = settled(world, run).await;
    proxy.behave();
    let context = format!("killed {moment:?} write {at} ({killed:?})");
    ended_once(world, &view, &context);
    let now = world.shop().hits(&incident);
    for check in recorded {
        assert_eq!(now.get(&check), hits.get(&check), "{context}: the recorded `{check}` was run again");
    }
    killed.is_some()
}

fn is_done(view: &RunView) -> bool {
    let stands = |target: &Target| target.lease.is_none() && target.revision >= view.run.revision;
    view.run.status.is_terminal() && view.targets.iter().all(stands)
}

/// One run, one Slack message, one note, each step once.
fn ended_once(world: &dyn World, view: &RunView, context: &str) {
    assert_eq!(view.run.status, RunStatus::Concluded, "{context}");
    assert_eq!(view.steps.len(), 4, "{context}");
    for target in &view.targets {
        assert_eq!(target.state, TargetState::Sent, "{context}: {}: {:?}", target.spec.name, target.last_error);
    }
    assert_eq!(posts(world, Service::Slack, view.run.id).len(), 1, "{context}: one Slack message");
    assert_eq!(posts(world, Service::PagerDuty, view.run.id).len(), 1, "{context}: one note");
    assert!(!posts(world, Service::Webhook, view.run.id).is_empty(), "{context}: a webhook");
    assert_eq!((view.run.counts.duplicates, view.events.len()), (0, 1), "{context}: one event");
}
