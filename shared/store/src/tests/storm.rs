//! Limits and what is gathered over them; incidents that fire again.

use super::*;

const DAY: &str = "2026-11-22";

fn limits(runs_per_hour: u32, max_open: u32) -> OpenLimits {
    OpenLimits {
        runs_per_hour: Some(runs_per_hour).filter(|limit| *limit > 0),
        max_open: Some(max_open).filter(|limit| *limit > 0),
    }
}

impl World {
    /// An event of the incident `of`, which the delivery names too.
    fn fires(&self, kind: EventKind, of: &str, delivery: &str) -> Event {
        Event {
            external_id: Some(of.to_owned()),
            occurred_at: self.clock.now(),
            ..self.event(kind, &format!("{of}-{delivery}"), "2026-11-22T09:59:00Z")
        }
    }

    async fn open_under(&self, limits: OpenLimits, event: &Event) -> Accepted {
        let incident = IncidentWindow {
            workflow: "pages".parse().unwrap(),
            key: event.external_id.clone().unwrap(),
            window: Duration::from_secs(4 * 3600),
            limits,
        };
        self.store.open(event, &self.run(event), &incident).await.unwrap()
    }

    async fn page(&self, limits: OpenLimits, of: &str) -> Accepted {
        self.open_under(limits, &self.fires(EventKind::Triggered, of, "1")).await
    }

    async fn stands(&self, run: RunId) -> Run {
        self.store.reader().run(run).await.unwrap().unwrap()
    }

    async fn concluded(&self, run: RunId) {
        let token = self.claimed(run).await;
        self.store.conclude_run(run, token, &report()).await.unwrap();
    }
}

fn opened(accepted: Accepted) -> RunId {
    match accepted {
        Accepted::Opened(run) => run,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn i3_over_the_limit_of_an_hour_incidents_are_gathered_and_a_new_hour_opens_again() {
    let world = world();
    let two = limits(2, 0);
    let own = [opened(world.page(two, "Q1").await), opened(world.page(two, "Q2").await)];
    let storm = opened(world.page(two, "Q3").await);
    assert_eq!(world.page(two, "Q4").await, Accepted::Gathered(storm));
    let again = world.fires(EventKind::Triggered, "Q4", "2");
    assert_eq!(world.open_under(two, &again).await, Accepted::Gathered(storm));
    let stands = world.stands(storm).await;
    assert!(stands.storm && stands.title.contains("Alert storm of `pages`"), "{}", stands.title);
    assert_eq!((stands.counts.gathered, stands.counts.incidents, stands.revision), (2, 2, 1));
    assert_eq!(world.stands(own[0]).await.counts.incidents, 0);
    let view = world.store.reader().view(storm).await.unwrap().unwrap();
    let gathered = view.events.iter().filter(|event| event.attachment == Attachment::Gathered);
    assert_eq!((gathered.count(), view.targets.len(), view.only_counted()), (2, 1, 0));
    // What has a run of its own still finds it.
    let more = world.fires(EventKind::Triggered, "Q1", "2");
    assert_eq!(world.open_under(two, &more).await, Accepted::Attached(own[0]));

    world.clock.forward(3600);
    let later = world.fires(EventKind::Triggered, "Q4", "3");
    assert_eq!(world.open_under(two, &later).await, Accepted::Opened(RunId::opened_by(later.id)));
    let resolve = world.fires(EventKind::Resolved, "Q4", "4");
    assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(RunId::opened_by(later.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_of_many_openings_at_the_limit_at_once_as_many_open_as_may() {
    let world = world();
    let events: Vec<Event> = (0..12).map(|n| world.fires(EventKind::Triggered, &format!("Q{n}"), "1")).collect();
    let accepted = join_all(events.iter().map(|event| world.open_under(limits(3, 0), event))).await;
    let gathered = accepted.iter().filter(|accepted| matches!(accepted, Accepted::Gathered(_))).count();
    assert_eq!(gathered, 8, "three of their own, and one that stands for the others: {accepted:?}");
    let page = world.store.reader().runs_of_day(DAY.parse().unwrap(), 50, None).await.unwrap().runs;
    let storms: Vec<&Run> = page.iter().filter(|run| run.storm).collect();
    assert_eq!((page.len(), storms.len()), (4, 1));
    assert_eq!((storms[0].counts.gathered, storms[0].counts.incidents), (8, 9));
}

#[tokio::test]
async fn i6_a_gathered_event_again_is_told_the_same_and_counts_nothing() {
    let world = world();
    let one = limits(1, 0);
    world.page(one, "Q1").await;
    let first = world.fires(EventKind::Triggered, "Q2", "1");
    let second = world.fires(EventKind::Triggered, "Q3", "1");
    let storm = opened(world.open_under(one, &first).await);
    for _ in 0..2 {
        assert_eq!(world.open_under(one, &first).await, Accepted::Opened(storm));
        assert_eq!(world.open_under(one, &second).await, Accepted::Gathered(storm));
        // Told the same, also when there is room again.
        assert_eq!(world.open_under(OpenLimits::default(), &second).await, Accepted::Gathered(storm));
    }
    let other = world.fires(EventKind::Triggered, "Q3", "1");
    assert_eq!(world.open_under(one, &other).await, Accepted::Duplicate(storm), "the same delivery, sent twice");
    let counts = world.stands(storm).await.counts;
    assert_eq!((counts.gathered, counts.incidents, counts.duplicates), (1, 2, 1));
}

#[tokio::test]
async fn what_is_said_of_one_gathered_incident_is_not_said_of_the_storm() {
    let world = world();
    let one = limits(1, 0);
    world.page(one, "Q1").await;
    // It overtook its own opening, which opens the storm.
    let early = world.fires(EventKind::Resolved, "Q2", "0");
    assert_eq!(world.store.attach(&early).await.unwrap(), Accepted::Unmatched);
    let storm = opened(world.page(one, "Q2").await);
    world.page(one, "Q3").await;
    for of in ["Q2", "Q3"] {
        let resolve = world.fires(EventKind::Resolved, of, "2");
        assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(storm));
        assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(storm));
    }
    let stands = world.stands(storm).await;
    assert_eq!((stands.incident, stands.counts.attached), (IncidentState::Open, 2));
    assert_eq!((stands.counts.fired, stands.revision), (1, 1));
}

#[tokio::test]
async fn i3_of_a_storm_the_first_are_recorded_and_all_are_counted() {
    let world = world();
    let one = limits(1, 0);
    world.page(one, "Q").await;
    let storm = opened(world.page(one, "QS").await);
    for n in 0..EVENTS_KEPT {
        assert_eq!(world.page(one, &format!("Q{n}")).await, Accepted::Gathered(storm));
    }
    let resolve = world.fires(EventKind::Resolved, "Q1", "2");
    let over = world.fires(EventKind::Triggered, "QO", "1");
    for _ in 0..2 {
        assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(storm));
        assert_eq!(world.open_under(one, &over).await, Accepted::Gathered(storm));
        let view = world.store.reader().view(storm).await.unwrap().unwrap();
        assert_eq!(view.events.len(), EVENTS_KEPT as usize + 1, "the opening one, and as many as are recorded");
        assert_eq!(view.run.counts.gathered, u64::from(EVENTS_KEPT) + 1);
        assert_eq!((view.run.counts.attached, view.only_counted()), (1, 2));
    }
}

#[tokio::test]
async fn i3_a_run_that_ends_makes_room_and_one_that_is_taken_up_again_takes_it() {
    let world = world();
    let one = limits(0, 1);
    let first = opened(world.page(one, "Q1").await);
    let storm = opened(world.page(one, "Q2").await);
    world.concluded(storm).await;
    assert_eq!(world.page(one, "Q3").await, Accepted::Gathered(storm), "the storm's run takes no room and makes none");
    world.concluded(first).await;
    let second = opened(world.page(one, "Q4").await);
    let token = world.claimed(second).await;
    world.store.give_up_run(second, token, "given up").await.unwrap();
    let third = opened(world.page(one, "Q5").await);
    // Given up and redriven: two are open now, and both must end before there is room.
    let token = world.claimed(second).await;
    let fails = world.claimed(third).await;
    world.store.fail_run(third, fails, "x").await.unwrap();
    assert_eq!(world.page(one, "Q6").await, Accepted::Gathered(storm));
    world.store.conclude_run(second, token, &report()).await.unwrap();
    opened(world.page(one, "Q7").await);
    assert_eq!(world.page(one, "Q8").await, Accepted::Gathered(storm));
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_of_many_openings_at_once_no_more_are_open_than_may() {
    let world = world();
    let events: Vec<Event> = (0..10).map(|n| world.fires(EventKind::Triggered, &format!("Q{n}"), "1")).collect();
    let accepted = join_all(events.iter().map(|event| world.open_under(limits(5, 2), event))).await;
    assert_eq!(accepted.iter().filter(|accepted| matches!(accepted, Accepted::Gathered(_))).count(), 7, "{accepted:?}");
    // A refused opening takes no place of the hour: three more may open when there is room.
    for run in
        accepted.into_iter().filter_map(|accepted| if let Accepted::Opened(run) = accepted { Some(run) } else { None })
    {
        world.concluded(run).await;
    }
    for n in 20..23 {
        let run = opened(world.page(limits(5, 2), &format!("Q{n}")).await);
        world.concluded(run).await;
    }
    assert!(matches!(world.page(limits(5, 2), "Q30").await, Accepted::Gathered(_)));
}

#[tokio::test]
async fn an_incident_that_fires_for_the_third_time_is_flapping_and_one_that_goes_on_is_not() {
    let world = world();
    let run = opened(world.page(OpenLimits::default(), "Q1").await);
    let since = world.clock.now();
    for (delivery, times) in [("2", 2), ("3", 3), ("4", 4)] {
        // Sent once more while it goes on, as some senders do: no firing.
        world.clock.forward(60);
        let repeated = world.fires(EventKind::Triggered, "Q1", &format!("repeated {delivery}"));
        assert_eq!(world.open_under(OpenLimits::default(), &repeated).await, Accepted::Attached(run));
        assert_eq!(world.stands(run).await.counts.fired, times - 1);
        world.clock.forward(60);
        let resolve = world.fires(EventKind::Resolved, "Q1", &format!("end {delivery}"));
        world.store.attach(&resolve).await.unwrap();
        world.clock.forward(60);
        let again = world.fires(EventKind::Triggered, "Q1", delivery);
        for _ in 0..2 {
            assert_eq!(world.open_under(OpenLimits::default(), &again).await, Accepted::Attached(run));
        }
        let note = world.fires(EventKind::Annotated, "Q1", &format!("note {delivery}"));
        world.store.attach(&note).await.unwrap();
        let flapping = (times >= 3).then_some(domain::Flapping { times, since });
        assert_eq!(world.stands(run).await.flapping(), flapping);
    }
}

#[tokio::test]
async fn a_reopened_incident_is_looked_at_anew_once_the_last_look_has_ended_and_until_it_flaps() {
    let world = world();
    let none = OpenLimits::default();
    let first = opened(world.page(none, "Q1").await);
    let since = world.clock.now();
    let stale = world.fires(EventKind::Reopened, "Q1", "stale");
    world.clock.forward(60);
    world.store.attach(&world.fires(EventKind::Resolved, "Q1", "2")).await.unwrap();
    world.concluded(first).await;
    world.clock.forward(60);
    let reopened = world.fires(EventKind::Reopened, "Q1", "3");
    let second = opened(world.open_under(none, &reopened).await);
    assert_eq!(world.open_under(none, &reopened).await, Accepted::Opened(second), "the same event again");
    let stands = world.stands(second).await;
    let previous = stands.previous.unwrap();
    assert_eq!((previous.id, previous.verdict.as_str(), previous.since), (first, "Nothing wrong found", since));
    assert_eq!((stands.incident, stands.counts.fired), (IncidentState::Reopened { at: reopened.occurred_at }, 2));
    // Both ways lead to the new run now.
    world.store.attach(&world.fires(EventKind::Acknowledged, "Q1", "4")).await.unwrap();
    assert_eq!(world.stands(second).await.counts.attached, 1);

    // It says what was before the acknowledgement: it is counted, and starts nothing.
    world.concluded(second).await;
    assert_eq!(world.open_under(none, &stale).await, Accepted::Attached(second));
    let flaps = world.stands(second).await.flapping();
    assert_eq!(flaps, Some(domain::Flapping { times: 3, since }));
    let again = world.fires(EventKind::Reopened, "Q1", "5");
    assert_eq!(world.open_under(none, &again).await, Accepted::Attached(second), "it flaps");
    // The incident's window is that of its opening.
    world.clock.forward(4 * 3600);
    let anew = world.fires(EventKind::Triggered, "Q1", "6");
    let third = opened(world.open_under(none, &anew).await);
    assert_eq!(world.stands(third).await.previous, None);
}

#[tokio::test]
async fn a_reopened_incident_whose_run_goes_on_or_whose_workflow_is_at_a_limit_attaches() {
    let world = world();
    let one = limits(1, 0);
    let first = opened(world.page(one, "Q1").await);
    let early = world.fires(EventKind::Reopened, "Q1", "2");
    assert_eq!(world.open_under(one, &early).await, Accepted::Attached(first));
    assert_eq!(world.stands(first).await.counts.fired, 2);
    world.concluded(first).await;

    world.clock.forward(3600);
    let other = opened(world.page(one, "Q2").await);
    world.concluded(other).await;
    let limited = world.fires(EventKind::Reopened, "Q2", "2");
    assert_eq!(world.open_under(one, &limited).await, Accepted::Attached(other), "it has a run, so it is not gathered");
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_an_incident_that_is_reopened_several_times_at_once_is_looked_at_once() {
    let world = world();
    let first = opened(world.page(OpenLimits::default(), "Q1").await);
    world.concluded(first).await;
    let events: Vec<Event> = (0..6).map(|n| world.fires(EventKind::Reopened, "Q1", &format!("again {n}"))).collect();
    let accepted = join_all(events.iter().map(|event| world.open_under(OpenLimits::default(), event))).await;
    let news: Vec<RunId> =
        accepted.iter().filter_map(|a| if let Accepted::Opened(run) = a { Some(*run) } else { None }).collect();
    assert_eq!(news.len(), 1, "{accepted:?}");
    assert_eq!(world.stands(news[0]).await.counts.fired, 7);
}

#[tokio::test]
async fn a_run_that_an_earlier_release_opened_is_read_and_attached_to() {
    let world = world();
    let run = opened(world.page(OpenLimits::default(), "Q1").await);
    let key = crate::keys::meta(run);
    let mut old = world.store.table.get(&key).await.unwrap().unwrap();
    old.attributes.remove("fired_again").unwrap();
    world.store.table.transact(vec![ports::Write::Put { item: old, when: ports::When::always() }]).await.unwrap();
    assert_eq!(world.stands(run).await.counts.fired, 1);
    world.store.attach(&world.fires(EventKind::Resolved, "Q1", "end")).await.unwrap();
    world.clock.forward(60);
    let again = world.fires(EventKind::Triggered, "Q1", "2");
    assert_eq!(world.open_under(OpenLimits::default(), &again).await, Accepted::Attached(run));
    assert_eq!(world.stands(run).await.counts.fired, 2);
    world.concluded(run).await;
}

#[tokio::test]
async fn i14_a_resolve_that_a_storm_took_marks_the_opening_that_it_overtook() {
    let world = world();
    let one = limits(1, 0);
    opened(world.page(one, "Q1").await);
    let storm = opened(world.page(one, "Q2").await);
    world.clock.forward(3600);
    let opening = world.fires(EventKind::Triggered, "Q2", "late");
    world.clock.forward(60);
    let resolve = world.fires(EventKind::Resolved, "Q2", "end");
    for _ in 0..2 {
        assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(storm));
    }
    let run = opened(world.open_under(one, &opening).await);
    assert_eq!(world.stands(run).await.incident, IncidentState::Resolved { at: resolve.occurred_at });
    assert_eq!(world.stands(storm).await.incident, IncidentState::Open);
}
