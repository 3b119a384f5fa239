//! SIGKILL at every durable write.

use std::{collections::BTreeMap, process::Child};

use domain::{RunId, RunStatus, TargetState};
use futures_util::{StreamExt, stream};
use inbox::Service;

use super::{
    World,
    local::{CHILD_PATIENCE, Local},
};
use crate::support::{
    pages::page,
    stage::spawn_child,
    world::{posts, settled, until},
};

/// How many killed worlds are under way at once; most of their time is waiting for a lease to end.
const SIDE_BY_SIDE: usize = 6;

/// One page for each write and each side of it.
pub async fn everywhere_locally() {
    // More writes than a run has: the first that is never reached says that all were.
    let kills = (1..=60).flat_map(|at| [(at, false), (at, true)]);
    let reached: Vec<bool> =
        stream::iter(kills).map(|(at, after)| killed_once(at, after)).buffered(SIDE_BY_SIDE).take_while(|reached| {
            let reached = *reached;
            async move { reached }
        }).collect().await;
    // Opening, claim, four steps, evidence, conclusion, two announcements to three targets, and each target's own.
    assert!(reached.len() >= 2 * 20, "only {} kills hit a run: it has more durable writes", reached.len());
}

/// Kills a world's workers at a write, lets others go on, and looks at what stands. Whether the write was reached.
async fn killed_once(at: u32, after: bool) -> bool {
    let world = Local::without_workers().await;
    let incident = format!("QKILL{at}{}", if after { "A" } else { "B" });
    let page = page("incident.triggered", &incident, "PCHKOUT", &incident, "2026-11-22T10:00:00Z");
    let run = world.post("pagerduty", &page).await.run();
    let mut child = spawn_child(&world.stage, at, after);
    let killed = killed_or_settled(&world, run, &mut child).await;
    let recorded = recorded(&world, run).await;
    let hits = world.shop.hits(&incident);
    let mut second = spawn_child(&world.stage, u32::MAX, false);
    let view = settled(&world, run).await;
    second.kill().unwrap();
    second.wait().unwrap();

    let context = format!("killed {} write {at}", if after { "after" } else { "before" });
    assert_eq!(view.run.status, RunStatus::Concluded, "{context}");
    assert_eq!(view.steps.len(), 4, "{context}");
    for target in &view.targets {
        assert_eq!(target.state, TargetState::Sent, "{context}: {}: {:?}", target.spec.name, target.last_error);
    }
    let now = world.shop.hits(&incident);
    for check in recorded {
        assert_eq!(now.get(&check), hits.get(&check), "{context}: the recorded `{check}` was run again");
    }
    assert_eq!(posts(&world, Service::Slack, run).len(), 1, "{context}: one Slack message");
    assert_eq!(posts(&world, Service::PagerDuty, run).len(), 1, "{context}: one note");
    let mut revisions: BTreeMap<String, usize> = BTreeMap::new();
    for sent in posts(&world, Service::Webhook, run) {
        *revisions.entry(sent.id).or_default() += 1;
    }
    assert!(!revisions.is_empty(), "{context}: a webhook");
    let page = world.reader().view(run).await.unwrap().unwrap();
    assert_eq!((page.run.counts.duplicates, page.events.len()), (0, 1), "{context}: one event");
    killed
}

async fn killed_or_settled(world: &Local, run: RunId, child: &mut Child) -> bool {
    let child = std::sync::Mutex::new(child);
    let killed = until("the child to be killed or to be done", async || {
        if child.lock().unwrap().try_wait().unwrap().is_some() {
            return Some(true);
        }
        let view = world.reader().view(run).await.unwrap()?;
        let done = view.run.status.is_terminal()
            && view.targets.iter().all(|target| target.lease.is_none() && target.revision >= view.run.revision);
        let idle = world.depth(ports::Queue::Deliver).await + world.depth(ports::Queue::Investigate).await == 0;
        (done && idle).then_some(false)
    });
    let killed = tokio::time::timeout(CHILD_PATIENCE, killed).await.expect("the child was neither killed nor done");
    let child = child.into_inner().unwrap();
    if !killed {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    killed
}

/// The shop's checks whose steps stand.
async fn recorded(world: &Local, run: RunId) -> Vec<String> {
    let Some(view) = world.reader().view(run).await.unwrap() else { return vec![] };
    view.steps.iter().filter(|step| step.kind == "http").map(|step| step.id.to_string()).collect()
}
