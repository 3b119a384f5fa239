//! Storms: what is recorded of them, what is only counted, and who need not read it.

use super::*;

#[tokio::test]
async fn i3_of_a_storm_of_events_the_first_are_recorded_and_all_are_counted() {
    let world = world();
    let run = world.opened().await;
    let reader = world.store.reader();
    for n in 0..EVENTS_KEPT {
        let note = world.event(EventKind::Annotated, &format!("n{n}"), "2026-11-22T10:01:00Z");
        assert_eq!(world.store.attach(&note).await.unwrap(), Accepted::Attached(run));
    }
    assert_eq!(reader.view(run).await.unwrap().unwrap().only_counted(), 0);
    let resolve = world.event(EventKind::Resolved, "last", "2026-11-22T10:05:00Z");
    for _ in 0..2 {
        assert_eq!(world.store.attach(&resolve).await.unwrap(), Accepted::Attached(run));
        let view = reader.view(run).await.unwrap().unwrap();
        assert_eq!(view.run.counts.attached, u64::from(EVENTS_KEPT) + 1);
        assert_eq!(view.run.revision, u64::from(EVENTS_KEPT) + 2);
        assert_eq!(view.run.incident, IncidentState::Resolved { at: resolve.occurred_at });
        assert_eq!(view.events.len(), EVENTS_KEPT as usize + 1, "the opening one, and as many as are recorded");
        assert_eq!(view.only_counted(), 1);
    }
    let again = world.event(EventKind::Resolved, "last", "2026-11-22T10:05:00Z");
    assert_eq!(world.store.attach(&again).await.unwrap(), Accepted::Duplicate(run), "its delivery key was taken");
}

#[tokio::test]
async fn i3_of_a_storm_of_duplicates_the_first_are_recorded_and_each_is_counted_once() {
    let world = world();
    let run = world.opened().await;
    let duplicates: Vec<Event> =
        (0..EVENTS_KEPT + 2).map(|_| world.event(EventKind::Triggered, "d1", "2026-11-22T09:59:00Z")).collect();
    // The second time all are redelivered: the recorded ones, and those that are only counted.
    for _ in 0..2 {
        for duplicate in &duplicates {
            assert_eq!(world.open(duplicate).await.unwrap(), Accepted::Duplicate(run));
        }
        let view = world.store.reader().view(run).await.unwrap().unwrap();
        assert_eq!(view.run.counts.duplicates, u64::from(EVENTS_KEPT) + 2);
        assert_eq!((view.events.len(), view.only_counted()), (EVENTS_KEPT as usize + 1, 2));
        assert_eq!(view.run.revision, 1, "it is counted, and told by who asks for it");
    }
    // They take no place from what attaches.
    let resolve = world.event(EventKind::Resolved, "d2", "2026-11-22T10:05:00Z");
    world.store.attach(&resolve).await.unwrap();
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert!(view.events.iter().any(|event| event.id == resolve.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_duplicates_at_once_are_not_recorded_beyond_what_is_kept() {
    let world = world();
    let run = world.opened().await;
    let event = || world.event(EventKind::Triggered, "d1", "2026-11-22T09:59:00Z");
    for _ in 0..EVENTS_KEPT - 2 {
        world.open(&event()).await.unwrap();
    }
    let last: Vec<Event> = (0..6).map(|_| event()).collect();
    let accepted = join_all(last.iter().map(|event| world.open(event))).await;
    assert!(accepted.iter().all(|accepted| matches!(accepted, Ok(Accepted::Duplicate(_)))), "{accepted:?}");
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!((view.events.len(), view.only_counted()), (EVENTS_KEPT as usize + 1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_of_those_counted_at_once_one_has_them_told() {
    let world = world();
    let run = world.opened().await;
    let wait = Duration::from_secs(10);
    let ids: Vec<EventId> =
        (0..20).map(|n| world.event(EventKind::Triggered, &format!("d{n}"), "2026-11-22T09:59:00Z").id).collect();
    let told = async |id: &EventId| world.store.has_count_told(run, *id, wait).await.unwrap();
    assert_eq!(join_all(ids.iter().map(told)).await, vec![None; 20], "nothing is shown yet");
    let token = world.claimed(run).await;
    world.store.conclude_run(run, token, &report()).await.unwrap();
    for _ in 0..2 {
        let by = join_all(ids.iter().map(told)).await;
        assert_eq!(by.iter().flatten().count(), 1, "and the same one when all are asked again");
    }
    world.clock.forward(11);
    let other = world.event(EventKind::Triggered, "later", "2026-11-22T09:59:00Z").id;
    assert!(told(&other).await.is_some());
    let (before, after) = (world.store.reader().run(run).await.unwrap(), world.store.tell_count(run).await.unwrap());
    assert_eq!(after.unwrap().revision, before.unwrap().revision + 1);
}

#[tokio::test]
async fn who_delivers_or_investigates_reads_no_events() {
    let world = world();
    let run = world.opened().await;
    let token = world.claimed(run).await;
    for index in [1, 0] {
        world.store.record_step(run, token, &step(index, "seen")).await.unwrap();
    }
    // An event that nobody can read: whoever reads it fails.
    let broken = ports::Item {
        key: crate::keys::event(run, EventId::mint(world.clock.now(), 99)),
        attributes: serde_json::Map::new(),
    };
    let put = ports::Write::Put { item: broken, when: ports::When::always() };
    world.store.table.transact(vec![put]).await.unwrap();
    let reader = world.store.reader();
    assert!(matches!(reader.view(run).await, Err(StoreError::Unreadable { .. })));
    let steps = vec![step(0, "seen"), step(1, "seen")];
    assert_eq!(reader.steps(run).await.unwrap(), steps);
    let shown = reader.shown(run).await.unwrap().unwrap();
    assert_eq!((Some(&shown.run), shown.steps), (reader.run(run).await.unwrap().as_ref(), steps));
    let nobody = RunId::mint(world.clock.now(), 98);
    assert_eq!((reader.steps(nobody).await.unwrap(), reader.shown(nobody).await.unwrap()), (vec![], None));
}
