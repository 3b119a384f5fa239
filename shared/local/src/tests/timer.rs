//! Schedules by a clock that is set by hand.

use std::time::Duration;

use domain::InvestigateMessage;
use ports::Queue;

use super::*;
use crate::Timer;

const SCHEDULES: &str = "
kind: Task
name: look
access: read-only
title: Look
run: { http: { url: 'https://shop.example/healthz' } }
---
kind: Command
name: triage
description: Is it up
tasks: [{ id: look, task: look }]
---
kind: Schedule
name: quarterly
schedule: cron(0/15 * * * ? *)
timezone: Europe/Berlin
command: triage
---
kind: Schedule
name: hourly
schedule: rate(1 hour)
command: triage
---
kind: Schedule
name: stands-still
schedule: rate(1 minute)
paused: true
command: triage
";

/// What is in the queue, taken out of it: which Schedule, due when.
async fn fired(queues: &SqliteQueues) -> Vec<(String, String)> {
    let mut fired = Vec::new();
    while let Some(message) = queues.receive(Queue::Investigate, 1, Duration::from_secs(60)).await.unwrap().pop() {
        match serde_json::from_str(&message.body).unwrap() {
            InvestigateMessage::ScheduleV1 { schedule, at, .. } => fired.push((schedule.to_string(), at.to_string())),
            other => panic!("{other:?}"),
        }
        queues.delete(Queue::Investigate, &message.receipt).await.unwrap();
    }
    fired.sort();
    fired
}

#[tokio::test]
async fn each_schedule_that_is_due_is_said_once_and_a_paused_one_never() {
    let world = World::new();
    let queues = world.queues();
    let catalog = catalog::load_texts([(std::path::Path::new("all.yaml"), SCHEDULES)]).catalog.unwrap();
    // The hand clock begins at 22:13:20.
    let clock = Arc::new(world.clock.clone());
    let mut timer = Timer::new(&catalog, Arc::new(queues.clone()), clock).unwrap();
    let due: Vec<String> = timer.next().map(|(name, at)| format!("{name} {at}")).collect();
    assert_eq!(due, ["hourly 2023-11-14T23:13:20Z", "quarterly 2023-11-14T22:15:00Z"]);
    timer.look().await.unwrap();
    world.clock.go(99_999);
    timer.look().await.unwrap();
    assert!(fired(&queues).await.is_empty(), "a millisecond too early");
    world.clock.go(1);
    timer.look().await.unwrap();
    timer.look().await.unwrap();
    let one = |schedule: &str, at: &str| (schedule.to_owned(), at.to_owned());
    assert_eq!(fired(&queues).await, [one("quarterly", "2023-11-14T22:15:00Z")]);
    // The machine slept for an hour and a quarter: what was due meanwhile is said once, with its last time.
    world.clock.go(75 * 60_000);
    timer.look().await.unwrap();
    assert_eq!(fired(&queues).await, [one("hourly", "2023-11-14T23:13:20Z"), one("quarterly", "2023-11-14T23:30:00Z")]);
}

#[test]
fn a_zone_that_the_machine_does_not_know_is_named() {
    let world = World::new();
    let elsewhere = SCHEDULES.replace("Europe/Berlin", "Europe/Atlantis");
    let catalog = catalog::load_texts([(std::path::Path::new("all.yaml"), elsewhere.as_str())]).catalog.unwrap();
    let error = Timer::new(&catalog, Arc::new(world.queues()), Arc::new(world.clock.clone())).err().unwrap();
    let said = "the Schedule `quarterly` is in the time zone `Europe/Atlantis`, which this machine does not know";
    assert_eq!(error.to_string(), said);
}
