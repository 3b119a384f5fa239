//! The store over a real SQLite table. The same transactions run on DynamoDB in the contract suite and the scenarios.

mod again;
mod alerts;
mod events;
mod firing;
mod limits;
mod ratings;
mod reading;
mod storm;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    Attachment, Disposition, Event, EventId, EventKind, Evidence, IncidentState, Outcome, OutletSpec, RawFragment,
    Report, Run, RunId, RunStatus, SlackSpec, Step, StepId, TargetSpec, TargetState, Trigger,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use local::{Database, SqliteTable};
use ports::{Clock, Entropy};
use serde_json::json;

use crate::{Accepted, Claim, EVENTS_KEPT, IncidentWindow, OpenLimits, Recorded, Store, StoreError, TargetClaim};

struct Hand(Mutex<Timestamp>);

impl Hand {
    fn forward(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct World {
    store: Store,
    clock: Arc<Hand>,
    entropy: Arc<Counting>,
    _folder: tempfile::TempDir,
}

const LEASE: Duration = Duration::from_secs(30);

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::new(Database::open(&folder.path().join("t.db")).unwrap());
    let clock = Arc::new(Hand(Mutex::new("2026-11-22T10:00:00Z".parse().unwrap())));
    let entropy = Arc::new(Counting::default());
    let store = Store::new(Arc::new(table), clock.clone(), entropy.clone());
    World { store, clock, entropy, _folder: folder }
}

impl World {
    fn event(&self, kind: EventKind, delivery: &str, at: &str) -> Event {
        Event {
            id: EventId::mint(self.clock.now(), self.entropy.random()),
            source: "pagerduty".parse().unwrap(),
            source_type: "pagerduty".into(),
            kind,
            provider_kind: format!("incident.{}", kind.as_str()),
            delivery_key: delivery.into(),
            external_id: Some("Q1".into()),
            occurred_at: at.parse().unwrap(),
            received_at: self.clock.now(),
            summary: "Checkout is down".into(),
            alert: None,
            disposition: Disposition::Attaches,
            raw: RawFragment::keep("{}"),
        }
    }

    fn run(&self, event: &Event) -> Run {
        Run {
            title: "Checkout is down".into(),
            trigger: Trigger::Event { event: event.id, source: event.source.clone() },
            workflow: Some("pages".parse().unwrap()),
            targets: vec![TargetSpec::new("slack", OutletSpec::Slack(SlackSpec::channel("#oncall")))],
            ..Run::queued(RunId::opened_by(event.id), "triage".parse().unwrap(), "0", self.clock.now())
        }
    }

    async fn open(&self, event: &Event) -> Result<Accepted, StoreError> {
        let incident = IncidentWindow {
            workflow: "pages".parse().unwrap(),
            key: "Q1".into(),
            window: Duration::from_secs(4 * 3600),
            limits: OpenLimits::default(),
        };
        self.store.open(event, &self.run(event), &incident).await
    }

    async fn opened(&self) -> RunId {
        let event = self.event(EventKind::Triggered, "d1", "2026-11-22T09:59:00Z");
        let Ok(Accepted::Opened(run)) = self.open(&event).await else { panic!("not opened") };
        run
    }

    async fn claimed(&self, run: RunId) -> domain::LeaseToken {
        match self.store.claim_run(run, LEASE).await.unwrap() {
            Claim::Claimed { token, .. } => token,
            other => panic!("{other:?}"),
        }
    }
}

fn step(index: u32, summary: &str) -> Step {
    Step {
        id: StepId::new(format!("s{index}")),
        index,
        title: "Look".into(),
        task: "look".parse().unwrap(),
        kind: "http".into(),
        resource: String::new(),
        started_at: Timestamp::UNIX_EPOCH,
        elapsed_ms: 1,
        outcome: Outcome::Ok,
        request: json!({"url": "http://x"}),
        evidence: Evidence { summary: summary.into(), data: json!({"status": 200}), cut: None },
        issues: vec![],
    }
}

fn report() -> Report {
    Report {
        verdict: "Nothing wrong found".into(),
        worst: None,
        issues: vec![],
        healthy: vec![],
        gaps: vec![],
        next_steps: vec![],
        remarks: vec![],
        read_by: "none".into(),
        ..Report::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_ten_identical_deliveries_at_once_open_one_run_and_count_nine_duplicates() {
    let world = world();
    let events: Vec<Event> = (0..10).map(|_| world.event(EventKind::Triggered, "d1", "2026-11-22T09:59:00Z")).collect();
    let accepted: Vec<Accepted> =
        join_all(events.iter().map(|event| world.open(event))).await.into_iter().map(Result::unwrap).collect();
    let opened: Vec<&RunId> =
        accepted.iter().filter_map(|a| if let Accepted::Opened(run) = a { Some(run) } else { None }).collect();
    assert_eq!(opened.len(), 1, "{accepted:?}");
    assert_eq!(accepted.iter().filter(|a| matches!(a, Accepted::Duplicate(_))).count(), 9);
    let view = world.store.reader().view(*opened[0]).await.unwrap().unwrap();
    assert_eq!(view.run.counts.duplicates, 9);
    assert_eq!(view.events.iter().filter(|event| event.attachment == Attachment::Duplicate).count(), 9);
    assert_eq!(view.targets.len(), 1);
}

#[tokio::test]
async fn i6_the_same_event_again_is_told_what_came_of_it_and_counts_nothing() {
    let world = world();
    let event = world.event(EventKind::Triggered, "d1", "2026-11-22T09:59:00Z");
    let first = world.open(&event).await.unwrap();
    assert_eq!(world.open(&event).await.unwrap(), first);
    let resolve = world.event(EventKind::Resolved, "d2", "2026-11-22T10:01:00Z");
    let attached = world.store.attach(&resolve).await.unwrap();
    assert_eq!(world.store.attach(&resolve).await.unwrap(), attached);
    let ping = world.event(EventKind::Ping, "d3", "2026-11-22T10:01:00Z");
    assert_eq!(world.store.unmatched(&ping, "a ping").await.unwrap(), Accepted::Unmatched);
    assert_eq!(world.store.unmatched(&ping, "a ping").await.unwrap(), Accepted::Unmatched);
    let Accepted::Opened(run) = first else { panic!("{first:?}") };
    let counts = world.store.reader().run(run).await.unwrap().unwrap().counts;
    assert_eq!((counts.duplicates, counts.attached), (0, 1));
    let day = "2026-11-22".parse().unwrap();
    assert_eq!(world.store.reader().unmatched_of_day(day, 10, None).await.unwrap().events.len(), 1);
}

#[tokio::test]
async fn i3_a_new_event_of_the_same_incident_attaches_until_the_window_ends() {
    let world = world();
    let run = world.opened().await;
    let again = world.event(EventKind::Triggered, "d2", "2026-11-22T10:02:00Z");
    assert_eq!(world.open(&again).await.unwrap(), Accepted::Attached(run));
    world.clock.forward(4 * 3600 + 1);
    let later = world.event(EventKind::Triggered, "d3", "2026-11-22T14:02:00Z");
    assert_eq!(world.open(&later).await.unwrap(), Accepted::Opened(RunId::opened_by(later.id)));
    // The incident's id leads to the newest run.
    let resolve = world.event(EventKind::Resolved, "d4", "2026-11-22T14:03:00Z");
    assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(RunId::opened_by(later.id)));
}

#[tokio::test]
async fn i3_a_resolve_finds_the_run_that_its_opening_attached_to() {
    let world = world();
    let run = world.opened().await;
    // Another incident of the sender that the workflow's key takes for the same one.
    let of = |kind, delivery, at| Event { external_id: Some("Q2".into()), ..world.event(kind, delivery, at) };
    let early = of(EventKind::Acknowledged, "d2", "2026-11-22T10:04:00Z");
    assert_eq!(world.store.attach(&early).await.unwrap(), Accepted::Unmatched);
    let second = of(EventKind::Triggered, "d3", "2026-11-22T10:01:00Z");
    assert_eq!(world.open(&second).await.unwrap(), Accepted::Attached(run));
    let stands = world.store.reader().run(run).await.unwrap().unwrap();
    assert_eq!(stands.incident, IncidentState::Open, "nobody has the first");
    let alerts = stands.alerts.unwrap();
    assert_eq!((alerts.count, alerts.waiting, alerts.held), (2, 1, 1), "what overtook it counts");
    let resolve = of(EventKind::Resolved, "d4", "2026-11-22T10:05:00Z");
    assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(run));
}

#[tokio::test]
async fn a_resolve_attaches_and_a_late_acknowledge_does_not_undo_it() {
    let world = world();
    let run = world.opened().await;
    let resolve = world.event(EventKind::Resolved, "d2", "2026-11-22T10:05:00Z");
    assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(run));
    let late = world.event(EventKind::Acknowledged, "d3", "2026-11-22T10:03:00Z");
    assert_eq!(world.store.attach(&late).await.unwrap(), Accepted::Attached(run));
    let stands = world.store.reader().run(run).await.unwrap().unwrap();
    assert_eq!(stands.incident, IncidentState::Resolved { at: "2026-11-22T10:05:00Z".parse().unwrap() });
    assert_eq!((stands.revision, stands.counts.attached), (3, 2));
    let reopened = world.event(EventKind::Reopened, "d4", "2026-11-22T10:06:00Z");
    world.store.attach(&reopened).await.unwrap();
    let at = "2026-11-22T10:06:00Z".parse().unwrap();
    assert_eq!(world.store.reader().run(run).await.unwrap().unwrap().incident, IncidentState::Reopened { at });
}

#[tokio::test]
async fn i14_a_resolve_that_overtakes_the_opening_is_recorded_and_marks_the_run() {
    let world = world();
    let resolve = world.event(EventKind::Resolved, "d2", "2026-11-22T10:05:00Z");
    assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Unmatched);
    let run = world.opened().await;
    let stands = world.store.reader().run(run).await.unwrap().unwrap();
    assert_eq!(stands.incident, IncidentState::Resolved { at: "2026-11-22T10:05:00Z".parse().unwrap() });
    let day = "2026-11-22".parse().unwrap();
    let unmatched = world.store.reader().unmatched_of_day(day, 10, None).await.unwrap();
    assert_eq!(unmatched.events[0].reason, "no RunSession stands for its incident");
}

#[tokio::test]
async fn an_opening_that_is_newer_than_an_overtaking_resolve_starts_open() {
    let world = world();
    let old = world.event(EventKind::Resolved, "d2", "2026-11-22T09:00:00Z");
    world.store.attach(&old).await.unwrap();
    let run = world.opened().await;
    assert_eq!(world.store.reader().run(run).await.unwrap().unwrap().incident, IncidentState::Open);
}

#[tokio::test]
async fn i6_a_stale_holder_can_write_nothing() {
    let world = world();
    let run = world.opened().await;
    let stale = world.claimed(run).await;
    assert!(matches!(world.store.claim_run(run, LEASE).await.unwrap(), Claim::Held { .. }));
    world.clock.forward(31);
    let fresh = world.claimed(run).await;
    let lost = |result: Result<(), StoreError>| matches!(result, Err(StoreError::LeaseLost));
    assert!(matches!(world.store.record_step(run, stale, &step(0, "stale")).await, Err(StoreError::LeaseLost)));
    assert!(lost(world.store.renew_run(run, stale, LEASE, LEASE).await));
    assert!(lost(world.store.evidence_stands(run, stale, &report()).await));
    assert!(lost(world.store.conclude_run(run, stale, &report()).await));
    assert!(lost(world.store.fail_run(run, stale, "x").await));
    assert!(lost(world.store.release_run(run, stale, true, LEASE).await));
    assert_eq!(world.store.record_step(run, fresh, &step(0, "fresh")).await.unwrap(), Recorded::Now);
    assert_eq!(world.store.record_step(run, fresh, &step(0, "again")).await.unwrap(), Recorded::Before);
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!(view.steps, vec![step(0, "fresh")]);
}

#[tokio::test]
async fn i6_a_place_that_is_anothers_is_not_taken_for_recorded_before() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    let first = step(0, "first");
    assert_eq!(world.store.record_step(run, token, &first).await.unwrap(), Recorded::Now);
    let other = Step { id: StepId::new("other"), ..step(0, "other") };
    let error = world.store.record_step(run, token, &other).await.unwrap_err();
    assert!(!error.is_transient(), "it would be refused again");
    assert_eq!(error.to_string(), "place 0 of the run is taken by the step `s0`");
    assert_eq!(world.store.reader().view(run).await.unwrap().unwrap().steps, vec![first]);
}

#[tokio::test]
async fn a_run_goes_on_from_where_it_was_given_back_and_ends_once() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    world.store.release_run(run, token, true, LEASE).await.unwrap();
    let token = world.claimed(run).await;
    world.store.evidence_stands(run, token, &report()).await.unwrap();
    world.store.conclude_run(run, token, &report()).await.unwrap();
    let Claim::Ended(ended) = world.store.claim_run(run, LEASE).await.unwrap() else { panic!("not ended") };
    assert_eq!((ended.status, ended.slice, ended.revision, ended.lease), (RunStatus::Concluded, 1, 3, None));
    assert_eq!(ended.spent_ms, 30_000);
    let day = "2026-11-22".parse().unwrap();
    assert_eq!(world.store.reader().runs_of_day(day, 10, None).await.unwrap().runs, vec![ended]);
}

#[tokio::test]
async fn i5_a_run_that_was_given_up_is_taken_up_again_and_a_failed_one_is_not() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    world.store.record_step(run, token, &step(0, "first")).await.unwrap();
    world.store.give_up_run(run, token, "given up").await.unwrap();
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!((view.run.status, view.run.reason.as_deref()), (RunStatus::Failed, Some("given up")));
    assert!(view.run.ended_at.is_some() && view.run.lease.is_none());

    let token = world.claimed(run).await;
    assert!(matches!(world.store.claim_run(run, LEASE).await.unwrap(), Claim::Held { .. }), "by one of them");
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!((view.run.status, view.run.reason, view.run.ended_at), (RunStatus::Running, None, None));
    assert_eq!((view.run.revision, view.steps.len()), (3, 1), "it stands where it stood, and that it goes on is news");

    world.store.fail_run(run, token, "failed").await.unwrap();
    assert!(matches!(world.store.claim_run(run, LEASE).await.unwrap(), Claim::Ended(_)));
}

#[tokio::test]
async fn i4_a_target_has_one_worker_at_a_time() {
    let world = world();
    let run = world.opened().await;
    let TargetClaim::Claimed(mut target) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else {
        panic!("not claimed")
    };
    assert!(matches!(world.store.claim_target(run, "slack", LEASE).await.unwrap(), TargetClaim::Held { .. }));
    assert_eq!(world.store.claim_target(run, "teams", LEASE).await.unwrap(), TargetClaim::Missing);
    let token = target.lease.unwrap().token;
    target.state = TargetState::Sending;
    world.store.save_target(run, &target, token).await.unwrap();
    world.clock.forward(31);
    let TargetClaim::Claimed(mut next) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else {
        panic!("not claimed after the lease ended")
    };
    assert_eq!(next.state, TargetState::Sending);
    assert!(matches!(world.store.save_target(run, &target, token).await, Err(StoreError::LeaseLost)));
    let token = next.lease.take().unwrap().token;
    world.store.save_target(run, &next, token).await.unwrap();
    assert!(matches!(world.store.claim_target(run, "slack", LEASE).await.unwrap(), TargetClaim::Claimed(_)));
}

#[tokio::test]
async fn a_deleted_target_is_read_as_failed_by_a_release_that_does_not_know_the_state() {
    let world = world();
    let run = world.opened().await;
    let TargetClaim::Claimed(mut target) = world.store.claim_target(run, "slack", LEASE).await.unwrap() else {
        panic!("not claimed")
    };
    let token = target.lease.unwrap().token;
    // Tried again after that, by whichever release, it is what became of it.
    for (state, written) in
        [(TargetState::Deleted, "failed"), (TargetState::Failed, "failed"), (TargetState::Sent, "sent")]
    {
        target.state = state;
        world.store.save_target(run, &target, token).await.unwrap();
        let item = world.store.table.get(&crate::keys::target(run, "slack")).await.unwrap().unwrap();
        assert_eq!(item.attributes["state"], written);
        assert_eq!(world.store.reader().target(run, "slack").await.unwrap().unwrap().state, state);
    }
}

#[tokio::test]
async fn a_run_knows_when_the_same_fired_before_what_came_of_it_and_what_people_said() {
    let world = world();
    let alert = |title: &str| domain::Alert {
        external_id: "Q1".into(),
        title: title.into(),
        description: String::new(),
        severity: domain::AlertSeverity::High,
        urgency: String::new(),
        priority: String::new(),
        service: domain::Service { id: "PCHKOUT".into(), name: "Checkout".into() },
        team: String::new(),
        labels: std::collections::BTreeMap::new(),
        links: vec![],
        slo: domain::Slo::default(),
        started_at: Timestamp::UNIX_EPOCH,
    };
    let mut runs = Vec::new();
    for number in 0..9 {
        let mut event = world.event(EventKind::Triggered, &format!("d{number}"), "2026-11-22T09:59:00Z");
        event.external_id = None;
        let title = if number == 3 { "Search is down" } else { "Checkout is down" };
        let run = Run { alert: Some(alert(title)), ..world.run(&event) };
        let incident = IncidentWindow {
            workflow: "pages".parse().unwrap(),
            key: format!("Q{number}"),
            window: LEASE,
            limits: OpenLimits::default(),
        };
        world.store.open(&event, &run, &incident).await.unwrap();
        runs.push(run);
        world.clock.forward(86_400);
    }
    let (first, seventh, last) = (&runs[0], &runs[6], &runs[8]);
    let token = world.claimed(seventh.id).await;
    world.store.conclude_run(seventh.id, token, &report()).await.unwrap();
    let rating = json!({"rating": "useful"}).as_object().unwrap().clone();
    let item = ports::Item {
        key: ports::Key { pk: format!("RUN#{}", seventh.id), sk: "RATING#U1".into() },
        attributes: rating,
    };
    world.store.transact(vec![ports::Write::Put { item, when: ports::When::always() }]).await.unwrap();

    let reader = world.store.reader();
    assert_eq!(
        reader.last_time(first).await.unwrap(),
        Some(domain::LastTime::default()),
        "it fires for the first time"
    );
    assert_eq!(reader.last_time(&runs[3]).await.unwrap().unwrap().runs, [], "another title is not the same");
    let known = reader.last_time(seventh).await.unwrap().unwrap();
    let token = world.claimed(runs[7].id).await;
    world.store.note_last_time(runs[7].id, token, &known).await.unwrap();
    let last_time = reader.last_time(last).await.unwrap().unwrap();
    let ids: Vec<RunId> = last_time.runs.iter().map(|earlier| earlier.id).collect();
    assert_eq!(ids, [7, 6, 5, 4, 2].map(|number: usize| runs[number].id), "the newest five");
    assert_eq!(last_time.fired_at.len(), 7, "the others are known from those");
    assert_eq!(last_time.runs[1].ratings, ["useful"]);
    assert_eq!(last_time.runs[1].verdict, "Nothing wrong found");
    assert_eq!(last_time.runs[2].verdict, "queued");
    let by_hand = Run { trigger: Trigger::Hand { who: "me".into() }, ..last.clone() };
    assert_eq!(reader.last_time(&by_hand).await.unwrap(), None);
}
