//! Runs that somebody stops, and runs that are run again.

use domain::{ChatPlace, Estimate, Money, Newest};
use jiff::civil::date;

use super::*;
use crate::{Again, BudgetScope, DayBudget};

fn ann() -> ChatPlace {
    ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: "U0123ABCD".to_owned(),
        user_name: "ann".to_owned(),
        outside: false,
    }
}

impl World {
    async fn known(&self, run: RunId) -> Run {
        self.store.reader().run(run).await.unwrap().unwrap()
    }

    /// `before` as it is opened when it is run again now.
    async fn once_more(&self, before: RunId) -> Run {
        let now = self.clock.now();
        let run = Run::queued(RunId::mint(now, self.entropy.random()), "triage".parse().unwrap(), "0", now);
        run.again(&self.known(before).await, ann())
    }
}

#[tokio::test]
async fn i6_who_stops_a_run_takes_it_from_its_holder_who_can_write_nothing_more() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    world.store.evidence_stands(run, token, &Report::default()).await.unwrap();
    assert!(world.store.cancel_run(run, "stopped by ann in #ops").await.unwrap());
    let stands = world.known(run).await;
    assert_eq!((stands.status, stands.reason.as_deref()), (RunStatus::Cancelled, Some("stopped by ann in #ops")));
    assert!(stands.lease.is_none() && stands.report.is_some() && stands.ended_at.is_some());
    for written in [
        world.store.conclude_run(run, token, &Report::default()).await,
        world.store.renew_run(run, token, LEASE, Duration::ZERO).await,
        world.store.record_step(run, token, &step(0, "late")).await.map(drop),
    ] {
        assert!(matches!(written, Err(StoreError::LeaseLost)), "{written:?}");
    }
    assert!(matches!(world.store.claim_run(run, LEASE).await.unwrap(), Claim::Ended(_)));
    assert!(!world.store.cancel_run(run, "stopped by ben in #ops").await.unwrap(), "it has ended");
    assert_eq!(world.known(run).await, stands);
    let gone = RunId::mint(world.clock.now(), 99);
    assert!(matches!(world.store.cancel_run(gone, "x").await, Err(StoreError::NoRun(id)) if id == gone));
}

#[tokio::test]
async fn i12_what_was_reserved_when_a_run_is_stopped_counts_as_spent_and_its_place_is_free() {
    let world = world();
    let limits = OpenLimits { runs_per_hour: None, max_open: Some(1) };
    let open = async |of: &str| {
        let event =
            Event { external_id: Some(of.to_owned()), ..world.event(EventKind::Triggered, of, "2026-11-22T09:59:00Z") };
        let incident = IncidentWindow {
            workflow: "pages".parse().unwrap(),
            key: of.to_owned(),
            window: Duration::from_secs(3600),
            limits,
        };
        world.store.open(&event, &world.run(&event), &incident).await.unwrap()
    };
    let Accepted::Opened(run) = open("Q1").await else { panic!("not opened") };
    let token = world.claimed(run).await;
    let budget = DayBudget { scope: BudgetScope::Account, day: date(2026, 11, 22), limit: None };
    world
        .store
        .reserve_turn(run, token, Estimate { usd: Money::from_nanos(700), tokens: 9 }, std::slice::from_ref(&budget))
        .await
        .unwrap();
    assert!(world.store.cancel_run(run, "stopped").await.unwrap());
    let cost = world.known(run).await.cost;
    assert_eq!((cost.lost_turns, cost.lost_usd), (1, Money::from_nanos(700)));
    assert_eq!(world.store.reader().spent(&budget.scope, budget.day).await.unwrap(), Money::from_nanos(700));
    let Accepted::Opened(next) = open("Q2").await else { panic!("its place is free") };
    assert!(!world.known(next).await.storm);
}

#[tokio::test]
async fn i3_a_run_is_open_once_more_and_not_twice_however_many_press_at_once() {
    let world = world();
    let first = world.opened().await;
    world.store.cancel_run(first, "stopped").await.unwrap();
    let mut wanted = vec![];
    for _ in 0..8 {
        wanted.push(world.once_more(first).await);
    }
    let came = join_all(wanted.iter().map(|run| world.store.open_again(first, run))).await;
    let came: Vec<Again> = came.into_iter().map(Result::unwrap).collect();
    let opened = came.iter().position(|came| *came == Again::Opened).unwrap();
    let (id, others) = (wanted[opened].id, came.iter().filter(|came| **came == Again::GoesOn(wanted[opened].id)));
    assert_eq!(others.count(), 7, "{came:?}");
    assert_eq!(world.store.open_again(first, &wanted[opened]).await.unwrap(), Again::Opened, "the same again");
    let told = world.known(first).await.newest.unwrap();
    assert_eq!((told.id, told.by, told.verdict.as_str()), (id, Some(ann()), ""));
    assert_eq!(world.store.reader().view(id).await.unwrap().unwrap().targets.len(), 1);
    // Nobody holds it, and its message is lost: it does not stand in the way for ever.
    world.clock.forward(4 * 3600);
    let next = world.once_more(first).await;
    assert_eq!(world.store.open_again(first, &next).await.unwrap(), Again::Opened);
    assert_eq!(world.known(first).await.newest.unwrap().id, next.id);
}

#[tokio::test]
async fn a_run_tells_of_the_newest_look_and_never_goes_back_to_an_older_one() {
    let world = world();
    let first = world.opened().await;
    let newest = |id: u128, second: i64, verdict: &str| Newest {
        id: RunId::mint(Timestamp::from_second(second).unwrap(), id),
        created_at: Timestamp::from_second(second).unwrap(),
        by: None,
        verdict: verdict.to_owned(),
    };
    let mut revisions = vec![];
    for look in [newest(1, 10, ""), newest(1, 10, "It is the disk"), newest(1, 10, "It is the disk"), newest(2, 20, "")]
    {
        let told = world.store.tell_of(first, &look).await.unwrap().unwrap();
        assert_eq!(told.newest, Some(look));
        revisions.push(told.revision);
    }
    assert_eq!(revisions, [2, 3, 3, 4], "what stands already is no news");
    assert_eq!(world.store.tell_of(first, &newest(1, 10, "It was the disk")).await.unwrap(), None);
    let gone = RunId::mint(world.clock.now(), 99);
    assert_eq!(world.store.tell_of(gone, &newest(1, 10, "")).await.unwrap(), None);
    assert_eq!(world.store.reader().run(gone).await.unwrap(), None, "nothing is made of it");
}
