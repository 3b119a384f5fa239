//! SIGKILL at every durable write.

use std::collections::BTreeMap;

use domain::{Entry, RunId, RunStatus, RunView, Target, TargetState};
use futures_util::{StreamExt, stream};
use inbox::{Service, Wire};
use ports::Queue;

use super::{World, aws::Aws, local::Local};
use crate::support::{
    pages::page,
    proxy::{Counted, Moment},
    stage::{ChildProcess, Kill, Whose},
    world::{posts, settled, until},
};

/// How many killed worlds are under way at once; most of their time is waiting for a lease to end.
const SIDE_BY_SIDE: usize = 6;

/// A run that is killed.
#[derive(Debug, Clone, Copy)]
struct Victim {
    /// The service whose page opens it.
    service: &'static str,
    /// How many steps it takes.
    steps: usize,
    /// How many turns and tool calls its model is asked for and makes.
    turns: usize,
    calls: usize,
    /// How many targets it has.
    targets: usize,
}

/// Four checks, three targets and no model.
const PLAIN: Victim = Victim { service: "PCHKOUT", steps: 4, turns: 0, calls: 0, targets: 3 };

/// Four checks, read by a model in two turns with three calls: a check more, a look at the evidence, and the answer.
const READ: Victim = Victim { service: "PMESSAGES", steps: 5, turns: 2, calls: 3, targets: 1 };

/// One page for each write and each side of it.
pub async fn everywhere_locally() {
    kill_everywhere(PLAIN, 1).await;
}

/// The same where a model reads. What comes before its evidence stands is as in the plain run.
pub async fn everywhere_in_a_reading_locally() {
    // What precedes its evidence: the opening, the claim, what it knows of earlier runs, and the four steps.
    kill_everywhere(READ, 8).await;
}

async fn kill_everywhere(victim: Victim, first: u32) {
    let (recorded, recorded_before) = killed_until_none_is_left(victim, Whose::Investigate, first).await;
    // Every item that a run is recorded in, each by a write of its own that was killed on both sides.
    let opening = usize::from(victim.turns > 0);
    let before = if first == 1 { 0 } else { PLAIN.steps };
    let wanted = victim.steps - before + opening + victim.turns + victim.calls;
    let items =
        |killed: &[String]| killed.iter().filter(|what| what.contains("STEP#") || what.contains("TURN#")).count();
    assert_eq!((items(&recorded_before), items(&recorded)), (wanted, wanted), "{recorded_before:?} {recorded:?}");
    for what in ["META", "deliver"] {
        assert!(recorded.iter().any(|killed| killed.split(' ').any(|part| part == what)), "{what}: {recorded:?}");
    }
    // Each target is claimed, and recorded as sent.
    let (after, before) = killed_until_none_is_left(victim, Whose::Deliver, 1).await;
    assert!(after.len().min(before.len()) >= 2 * victim.targets, "{before:?} {after:?}");
}

/// Kills runs at every write from the `first` on, until one has fewer; what was killed after and before its write.
async fn killed_until_none_is_left(victim: Victim, whose: Whose, first: u32) -> (Vec<String>, Vec<String>) {
    let kills = (first..).flat_map(|at| [false, true].map(|after| Kill { whose, at, after }));
    let killed: Vec<(bool, String)> = stream::iter(kills)
        .map(|kill| async move { (kill.after, killed_once(victim, kill).await) })
        .buffered(SIDE_BY_SIDE)
        // One that is never reached says that all were.
        .take_while(|(_, killed)| std::future::ready(killed.is_some()))
        .map(|(after, killed)| (after, killed.unwrap_or_default()))
        .collect()
        .await;
    println!("{}: killed {} times at the writes of {whose:?}: {killed:?}", victim.service, killed.len());
    let (after, before): (Vec<_>, Vec<_>) = killed.into_iter().partition(|(after, _)| *after);
    let names = |killed: Vec<(bool, String)>| killed.into_iter().map(|(_, what)| what).collect();
    (names(after), names(before))
}

/// Kills a world's workers at a write, lets others go on, and looks at what stands. The write, if it was reached.
async fn killed_once(victim: Victim, kill: Kill) -> Option<String> {
    let world = Local::without_workers().await;
    let incident = format!("QKILL{}{}", kill.at, if kill.after { "A" } else { "B" });
    let page = page("incident.triggered", &incident, victim.service, &incident, "2026-11-22T10:00:00Z");
    let run = world.post("pagerduty", &page).await.run();
    let child = ChildProcess::start(&world.stage, kill.clone());
    let killed = killed_or_settled(&world, run, child).await.then(|| world.stage.killed_at().expect("its last word"));
    let left = Left::of(&world, run, &incident).await;
    let second = ChildProcess::start(&world.stage, Kill::never());
    let view = settled(&world, run).await;
    drop(second);

    let context = format!("killed at {kill:?} ({killed:?})");
    ended_once(&world, &view, victim, &context);
    left.was_kept(&world, &view, &incident, &context);
    killed
}

/// What a killed run left behind.
struct Left {
    /// The shop's checks whose steps stand.
    recorded: Vec<String>,
    hits: BTreeMap<String, u32>,
    /// How many turns of its model stand.
    turns: usize,
    /// How often its model was paid for each turn, from 1.
    paid: BTreeMap<usize, usize>,
}

impl Left {
    async fn of(world: &dyn World, run: RunId, incident: &str) -> Self {
        let (hits, paid) = (world.shop().hits(incident), paid(world, incident));
        let Some(view) = world.reader().view(run).await.unwrap() else {
            return Self { recorded: vec![], hits, turns: 0, paid };
        };
        let checks = view.steps.iter().filter(|step| step.kind == "http");
        // A check of a tool has the tool's place in its id.
        let name = |id: &str| if id.starts_with("assistant.") { "basket".to_owned() } else { id.to_owned() };
        Self { recorded: checks.map(|step| name(step.id.as_str())).collect(), hits, turns: turns(&view), paid }
    }

    /// Nothing that stood was made again, and of the model's turns only that was paid again which got lost.
    fn was_kept(&self, world: &dyn World, view: &RunView, incident: &str, context: &str) {
        let now = world.shop().hits(incident);
        for check in &self.recorded {
            assert_eq!(now.get(check), self.hits.get(check), "{context}: the recorded `{check}` was run again");
        }
        let (before, mut lost) = (|turn| self.paid.get(&turn).copied().unwrap_or(0), 0);
        for (turn, times) in paid(world, incident) {
            let again = usize::from(turn > self.turns);
            assert_eq!(times, before(turn) + again, "{context}: turn {turn}, of which {} stood", self.turns);
            lost += before(turn) * again;
        }
        assert!(lost <= 1, "{context}: {lost} answers got lost");
        let twice = world.models().paid_twice();
        let twice = twice.iter().filter(|call| call.heard.prompt().contains(incident)).count();
        assert_eq!(twice, lost, "{context}: paid twice, and not because an answer got lost");
        let counted = usize::try_from(view.run.cost.lost_turns).unwrap();
        assert!((lost..=1).contains(&counted), "{context}: {lost} lost, and the run says {counted}");
    }
}

/// How often the model of the incident's run was paid for each turn, from 1.
fn paid(world: &dyn World, incident: &str) -> BTreeMap<usize, usize> {
    let mut paid = BTreeMap::new();
    for call in world.models().calls() {
        if call.paid && call.heard.prompt().contains(&format!("{incident} ")) {
            assert_eq!(call.wire, Wire::Anthropic);
            let said = call.heard.turns.iter().filter(|(model, _)| *model).count();
            *paid.entry(said + 1).or_default() += 1;
        }
    }
    paid
}

fn turns(view: &RunView) -> usize {
    view.transcript.iter().filter(|entry| matches!(entry, Entry::Turn(_))).count()
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
    let third = Kill { whose: Whose::Investigate, at: 3, after: false };
    for _ in 1..world.stage.queues.max_receives(Queue::Investigate) {
        let child = std::sync::Mutex::new(ChildProcess::start(&world.stage, third.clone()));
        until("the child to be killed", async || child.lock().unwrap().has_ended().then_some(())).await;
    }
    let last = ChildProcess::start(&world.stage, Kill::never());
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

/// The deployed functions, killed at each write that one page costs.
pub async fn everywhere_on_aws(world: &Aws) {
    // Ingest's own write is the first, and its sender's to repeat.
    let mut at = 2;
    // The moment right after a write and the one right before the next enclose all that happens between the two.
    // In the local world both are tried at every write; here, where each costs seconds, the second at every third.
    while killed_on_aws(world, PLAIN, Counted::All, at, Moment::After).await
        && (at % 3 != 0 || killed_on_aws(world, PLAIN, Counted::All, at + 1, Moment::Before).await)
    {
        at += 1;
    }
    assert!(at > 20, "only {at} kills hit a run: it has more durable writes");
}

/// The deployed functions, killed after each write of a reading, and with an answer in hand that is not recorded.
pub async fn everywhere_in_a_reading_on_aws(world: &Aws) {
    // The opening, and for both turns what is reserved and what is recorded; the tool calls.
    let writes = 1 + 2 * READ.turns + READ.calls;
    let reading = Counted::With(&["TURN#", "BUDGET#"]);
    for at in 1..=writes {
        assert!(
            killed_on_aws(world, READ, reading, at, Moment::After).await,
            "a reading has {writes} writes, not {at}"
        );
    }
    assert!(!killed_on_aws(world, READ, reading, writes + 1, Moment::Before).await, "a reading has more than {writes}");
    for answered in [3, writes] {
        assert!(killed_on_aws(world, READ, reading, answered, Moment::Before).await);
    }
}

async fn killed_on_aws(world: &Aws, victim: Victim, counted: Counted, at: usize, moment: Moment) -> bool {
    let proxy = world.deployment.proxy();
    until("the last run's messages to be gone", async || {
        (world.depth(Queue::Deliver).await + world.depth(Queue::Investigate).await == 0).then_some(())
    })
    .await;
    let incident = format!("QKILL{}{at}{moment:?}", victim.service);
    let page = page("incident.triggered", &incident, victim.service, &incident, "2026-11-22T10:00:00Z");
    proxy.kill_at(counted, at, moment);
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
    let left = Left::of(world, run, &incident).await;
    let view = settled(world, run).await;
    proxy.behave();
    let context = format!("killed {moment:?} write {at} ({killed:?})");
    ended_once(world, &view, victim, &context);
    left.was_kept(world, &view, &incident, &context);
    killed.is_some()
}

fn is_done(view: &RunView) -> bool {
    let stands = |target: &Target| target.lease.is_none() && target.revision >= view.run.revision;
    view.run.status.is_terminal() && view.targets.iter().all(stands)
}

/// One run, one post in each target, each step and each turn once.
fn ended_once(world: &dyn World, view: &RunView, victim: Victim, context: &str) {
    assert_eq!(view.run.status, RunStatus::Concluded, "{context}");
    assert_eq!((view.steps.len(), view.targets.len()), (victim.steps, victim.targets), "{context}");
    for target in &view.targets {
        assert_eq!(target.state, TargetState::Sent, "{context}: {}: {:?}", target.spec.name, target.last_error);
        let (service, once) = match target.spec.name.as_str() {
            "slack" => (Service::Slack, true),
            "pagerduty" => (Service::PagerDuty, true),
            _ => (Service::Webhook, false),
        };
        let posts = posts(world, service, view.run.id).len();
        assert!(posts == 1 || (posts > 1 && !once), "{context}: {posts} posts at {service:?}");
    }
    assert_eq!((view.run.counts.duplicates, view.events.len()), (0, 1), "{context}: one event");
    let calls = view.transcript.iter().filter(|entry| matches!(entry, Entry::Call(_))).count();
    assert_eq!((turns(view), calls), (victim.turns, victim.calls), "{context}");
    let report = view.run.report.as_ref().unwrap();
    assert_eq!(report.reading.is_some(), victim.turns > 0, "{context}: {:?}", report.remarks);
    assert_eq!(usize::try_from(view.run.cost.turns).unwrap(), victim.turns, "{context}");
}
