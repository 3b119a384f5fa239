//! Several alerts under one incident key: each has its own course, and the run is over when the last of them is.

use super::*;

impl World {
    /// An event of the alert `of`, of the one incident that all of them are.
    fn of(&self, kind: EventKind, of: &str, at: &str) -> Event {
        let at = format!("2026-11-22T{at}:00Z");
        let event = self.event(kind, &format!("{of} {} {at}", kind.as_str()), &at);
        Event { external_id: Some(of.to_owned()), ..event }
    }

    /// Taken twice, as a queue does; what comes of it the second time is the same.
    async fn taken(&self, event: &Event) -> Accepted {
        let mut came = Vec::new();
        for _ in 0..2 {
            came.push(match event.kind.role() {
                domain::EventRole::Opens => self.open(event).await.unwrap(),
                _ => self.store.attach(event).await.unwrap(),
            });
        }
        assert_eq!(came[0], came[1]);
        came[0]
    }

    async fn read(&self, run: RunId) -> Run {
        self.store.reader().run(run).await.unwrap().unwrap()
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}:00Z").parse().unwrap()
}

#[tokio::test]
async fn a_run_of_several_alerts_is_over_when_the_last_of_them_is() {
    let world = world();
    let Accepted::Opened(run) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    let attached = Accepted::Attached(run);
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await, attached);
    assert_eq!(world.taken(&world.of(EventKind::Resolved, "A", "10:05")).await, attached);
    let stands = world.read(run).await;
    assert_eq!(stands.incident, IncidentState::Open, "the other one burns");
    assert_eq!(stands.course(), ["1 of the incident's 2 alerts is over."]);
    // It began before the first one ended, and was heard of after that.
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "C", "10:02")).await, attached);
    assert_eq!(world.taken(&world.of(EventKind::Resolved, "B", "10:04")).await, attached);
    let stands = world.read(run).await;
    assert_eq!((&stands.incident, stands.counts.fired), (&IncidentState::Open, 1), "each has fired once");
    assert_eq!(world.taken(&world.of(EventKind::Resolved, "C", "10:03")).await, attached);
    let stands = world.read(run).await;
    assert_eq!(stands.incident, IncidentState::Resolved { at: at("10:05") }, "when the last of them ended");
    assert_eq!((stands.counts.attached, stands.revision, stands.course().len()), (5, 6, 0));

    // What is older than its own end changes nothing; what is newer brings the incident back.
    assert_eq!(world.taken(&world.of(EventKind::Acknowledged, "C", "10:02")).await, attached);
    assert_eq!(world.read(run).await.incident, IncidentState::Resolved { at: at("10:05") });
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "B", "10:06")).await, attached);
    let stands = world.read(run).await;
    assert_eq!((stands.incident, stands.counts.fired), (IncidentState::Reopened { at: at("10:06") }, 2));
}

#[tokio::test]
async fn an_alert_that_comes_back_while_another_goes_on_is_no_new_look() {
    let world = world();
    let Accepted::Opened(run) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await;
    world.taken(&world.of(EventKind::Resolved, "B", "10:02")).await;
    let token = world.claimed(run).await;
    world.store.conclude_run(run, token, &report()).await.unwrap();
    assert_eq!(world.taken(&world.of(EventKind::Reopened, "B", "10:03")).await, Accepted::Attached(run));
    assert_eq!(world.read(run).await.counts.fired, 2);
    for of in ["A", "B"] {
        world.taken(&world.of(EventKind::Resolved, of, "10:04")).await;
    }
    let again = world.of(EventKind::Reopened, "B", "10:05");
    // It would be the third firing, so it flaps; the new look is for one that does not.
    assert_eq!(world.taken(&again).await, Accepted::Attached(run));
    assert_eq!(world.read(run).await.flapping().unwrap().times, 3);
}

#[tokio::test]
async fn when_all_alerts_are_over_one_that_is_back_gets_a_new_look_of_its_own() {
    let world = world();
    let Accepted::Opened(first) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await;
    for of in ["A", "B"] {
        world.taken(&world.of(EventKind::Resolved, of, "10:02")).await;
    }
    let token = world.claimed(first).await;
    world.store.conclude_run(first, token, &report()).await.unwrap();
    let Accepted::Opened(second) = world.taken(&world.of(EventKind::Reopened, "B", "10:03")).await else {
        panic!("not opened")
    };
    // The other one comes to it as a new alert, and both must end.
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "A", "10:04")).await, Accepted::Attached(second));
    world.taken(&world.of(EventKind::Resolved, "B", "10:05")).await;
    assert_eq!(world.read(second).await.incident, IncidentState::Reopened { at: at("10:03") });
    world.taken(&world.of(EventKind::Resolved, "A", "10:06")).await;
    assert_eq!(world.read(second).await.incident, IncidentState::Resolved { at: at("10:06") });
    assert_eq!(world.read(first).await.incident, IncidentState::Resolved { at: at("10:02") });
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_alerts_that_come_and_go_at_once_are_each_counted_once() {
    let world = world();
    let Accepted::Opened(run) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    // Each alert's two deliveries and its end, in any order.
    let names: Vec<String> = (0..4).map(|n| format!("B{n}")).collect();
    let mut events = Vec::new();
    for name in &names {
        events.push(world.of(EventKind::Triggered, name, "10:01"));
        events.push(world.of(EventKind::Triggered, name, "10:02"));
        events.push(world.of(EventKind::Resolved, name, "10:05"));
    }
    join_all(events.iter().map(async |event| {
        // As the queue gives it again, where others were always faster.
        while let Err(error) = match event.kind.role() {
            domain::EventRole::Opens => world.open(event).await,
            _ => world.store.attach(event).await,
        } {
            assert!(matches!(error, StoreError::Contended), "{error}");
        }
    }))
    .await;
    let stands = world.read(run).await;
    let alerts = stands.alerts.clone().unwrap();
    assert_eq!((alerts.count, alerts.waiting, alerts.over()), (5, 1, 4), "{stands:?}");
    assert_eq!(stands.incident, IncidentState::Open);
    world.taken(&world.of(EventKind::Resolved, "A", "10:06")).await;
    assert_eq!(world.read(run).await.incident, IncidentState::Resolved { at: at("10:06") });
}

#[tokio::test]
async fn of_a_run_that_an_earlier_release_opened_all_alerts_are_the_first() {
    let world = world();
    let Accepted::Opened(run) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    // As it was written: an alias that leads to the run and says no more.
    let key = crate::keys::alias(&"pagerduty".parse().unwrap(), "B");
    let old = ports::Item { key, attributes: json!({"run": run}).as_object().unwrap().clone() };
    world.store.transact(vec![ports::Write::Put { item: old, when: ports::When::always() }]).await.unwrap();
    assert_eq!(world.taken(&world.of(EventKind::Resolved, "B", "10:01")).await, Accepted::Attached(run));
    let stands = world.read(run).await;
    assert_eq!((stands.incident, stands.alerts), (IncidentState::Resolved { at: at("10:01") }, None));
    // What comes to it now is told apart.
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "C", "10:02")).await, Accepted::Attached(run));
    world.taken(&world.of(EventKind::Triggered, "A", "10:03")).await;
    world.taken(&world.of(EventKind::Resolved, "C", "10:04")).await;
    let stands = world.read(run).await;
    assert_eq!(stands.incident, IncidentState::Reopened { at: at("10:02") });
    assert_eq!(stands.alerts.unwrap().waiting, 1);
}

/// Longer than an incident takes events in.
const WINDOW: i64 = 4 * 3600 + 1;

#[tokio::test]
async fn i14_a_resolve_that_overtakes_its_opening_counts_where_the_alert_had_a_run_before() {
    let world = world();
    let Accepted::Opened(first) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await;
    for of in ["A", "B"] {
        world.taken(&world.of(EventKind::Resolved, of, "10:02")).await;
    }
    world.clock.forward(WINDOW);
    // Both fired again; their ends are heard of before that. One opened the run before, the other came to it.
    for of in ["A", "B"] {
        assert_eq!(world.taken(&world.of(EventKind::Resolved, of, "14:20")).await, Accepted::Attached(first));
    }
    let Accepted::Opened(second) = world.taken(&world.of(EventKind::Triggered, "A", "14:10")).await else {
        panic!("not opened")
    };
    let over = IncidentState::Resolved { at: at("14:20") };
    assert_eq!(world.read(second).await.incident, over);
    assert_eq!(world.taken(&world.of(EventKind::Triggered, "B", "14:11")).await, Accepted::Attached(second));
    let stands = world.read(second).await;
    assert_eq!((stands.incident, stands.alerts.map(|alerts| alerts.over())), (over, Some(2)));
    // What is newer than all that was said of the alert goes on, and so does what is new.
    world.clock.forward(WINDOW);
    let Accepted::Opened(third) = world.taken(&world.of(EventKind::Triggered, "B", "18:30")).await else {
        panic!("not opened")
    };
    assert_eq!(world.read(third).await.incident, IncidentState::Open);
}

#[tokio::test]
async fn i14_a_resolve_whose_alert_has_a_run_no_more_marks_the_opening_that_it_overtook() {
    let world = world();
    let Accepted::Opened(first) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    let gone = ports::Write::Put {
        item: ports::Item {
            key: crate::keys::alias(&"pagerduty".parse().unwrap(), "A"),
            attributes: json!({"run": RunId::mint(at("09:00"), 7)}).as_object().unwrap().clone(),
        },
        when: ports::When::always(),
    };
    world.store.transact(vec![gone]).await.unwrap();
    world.clock.forward(WINDOW);
    assert_eq!(world.taken(&world.of(EventKind::Resolved, "A", "14:20")).await, Accepted::Unmatched);
    let Accepted::Opened(second) = world.taken(&world.of(EventKind::Triggered, "A", "14:10")).await else {
        panic!("not opened")
    };
    assert_eq!(world.read(second).await.incident, IncidentState::Resolved { at: at("14:20") });
    assert_eq!(world.read(first).await.incident, IncidentState::Open);
}

#[tokio::test]
async fn i14_an_alert_that_opens_a_newer_run_is_counted_no_more_on_the_older_one() {
    for (moves, stays) in [("A", "B"), ("B", "A")] {
        let world = world();
        let Accepted::Opened(first) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
            panic!("not opened")
        };
        world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await;
        world.clock.forward(WINDOW);
        let Accepted::Opened(second) = world.taken(&world.of(EventKind::Triggered, moves, "14:10")).await else {
            panic!("not opened")
        };
        let alerts = world.read(first).await.alerts.unwrap();
        assert_eq!((alerts.count, alerts.waiting), (1, 1), "{moves} went, once");
        assert_eq!(world.taken(&world.of(EventKind::Resolved, stays, "14:20")).await, Accepted::Attached(first));
        let stands = world.read(first).await;
        assert_eq!((&stands.incident, stands.course().len()), (&IncidentState::Resolved { at: at("14:20") }, 0));
        assert_eq!(world.read(second).await.incident, IncidentState::Open);
        world.taken(&world.of(EventKind::Resolved, moves, "14:30")).await;
        assert_eq!(world.read(second).await.incident, IncidentState::Resolved { at: at("14:30") });
        assert_eq!(world.read(first).await.incident, IncidentState::Resolved { at: at("14:20") });
    }
}

#[tokio::test]
async fn i14_when_the_last_that_went_on_comes_to_a_newer_run_the_older_one_is_over() {
    let world = world();
    let Accepted::Opened(first) = world.taken(&world.of(EventKind::Triggered, "A", "10:00")).await else {
        panic!("not opened")
    };
    world.taken(&world.of(EventKind::Triggered, "B", "10:01")).await;
    world.clock.forward(WINDOW);
    let opened = world.taken(&world.of(EventKind::Triggered, "C", "14:09")).await;
    assert!(matches!(opened, Accepted::Opened(_)));
    world.taken(&world.of(EventKind::Resolved, "A", "14:10")).await;
    // It attaches to the newer run, which another one opened.
    assert_eq!(
        world.taken(&world.of(EventKind::Triggered, "B", "14:11")).await,
        Accepted::Attached(opened.run().unwrap())
    );
    let stands = world.read(first).await;
    assert_eq!((stands.incident, stands.alerts.unwrap().count), (IncidentState::Resolved { at: at("14:10") }, 1));
    assert_eq!(world.read(opened.run().unwrap()).await.alerts.unwrap().waiting, 2);
}
