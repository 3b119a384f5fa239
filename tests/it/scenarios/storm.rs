//! Many alerts at once, and incidents that come back.

use std::{collections::BTreeSet, time::Duration};

use domain::{Attachment, EventId, IncidentState, Run, RunId, RunStatus};
use futures_util::{StreamExt, stream};
use inbox::Service;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use store::UnmatchedEvent;

use super::{World, incident};
use crate::support::{
    pages::{Page, page},
    world::{posts, settled, until, until_within},
};

/// What the workflow `capped` may open in an hour.
const RUNS_PER_HOUR: usize = 5;

/// Long enough for the emulator on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often each event of an incident is sent, and when it happened: 20 webhooks, of 5 deliveries. By its sender's clock
/// the incident ends resolved, in whatever order they come.
const EVENTS: [(&str, &str, &str, usize); 5] = [
    ("incident.triggered", "first", "2026-11-22T10:00:00Z", 8),
    ("incident.triggered", "second", "2026-11-22T10:01:00Z", 4),
    ("incident.acknowledged", "ack", "2026-11-22T10:02:00Z", 3),
    ("incident.annotated", "note", "2026-11-22T10:03:00Z", 2),
    ("incident.resolved", "end", "2026-11-22T10:04:00Z", 3),
];

/// The services of a hundred incidents: without a limit, with one, and wanted by nobody.
const INCIDENTS: [(&str, usize); 3] = [("PFLOOD", 50), ("PCAPPED", 40), ("PNOBODY", 10)];

/// Sebastiano Vigna's SplitMix64: the same order in each run of the test.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.next() % (u64::try_from(last).unwrap() + 1);
            items.swap(last, usize::try_from(other).unwrap());
        }
    }
}

fn webhooks(storm: &str) -> Vec<Page> {
    let mut webhooks = Vec::new();
    for (service, incidents) in INCIDENTS {
        for n in 0..incidents {
            let incident = format!("{storm}{service}{n}");
            for (kind, delivery, at, times) in EVENTS {
                let sent = page(kind, &incident, service, &format!("{incident}-{delivery}"), at);
                webhooks.extend(std::iter::repeat_n(sent, times));
            }
        }
    }
    Seeded(20_261_122).shuffle(&mut webhooks);
    webhooks
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The runs of the storm's workflows, and its events that led nowhere.
async fn recorded(world: &dyn World, storm: &BTreeSet<EventId>, began: Timestamp) -> (Vec<Run>, Vec<UnmatchedEvent>) {
    let reader = world.reader();
    let (mut runs, mut unmatched) = (Vec::new(), Vec::new());
    for day in BTreeSet::from([day(began), day(Timestamp::now())]) {
        let mut after = None;
        loop {
            let page = reader.runs_of_day(day, 100, after.as_deref()).await.unwrap();
            runs.extend(page.runs);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let page = reader.unmatched_of_day(day, 500, after.as_deref()).await.unwrap();
            unmatched.extend(page.events);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    runs.retain(|run| run.workflow.as_ref().is_some_and(|name| ["flood", "capped"].contains(&name.as_str())));
    unmatched.retain(|event| storm.contains(&event.id));
    (runs, unmatched)
}

fn of<'r>(runs: &'r [Run], workflow: &str) -> Vec<&'r Run> {
    runs.iter().filter(|run| run.workflow.as_ref().is_some_and(|name| name.as_str() == workflow)).collect()
}

/// Sends `page` until it is taken, as its sender does; its event, and how often the answer was to come again.
async fn accepted(world: &dyn World, page: &Page) -> (EventId, u64) {
    for busy in 0..20 {
        let answer = world.post("pagerduty", page).await;
        match answer.status {
            202 => return (answer.body["event"].as_str().unwrap().parse().unwrap(), busy),
            503 => {}
            _ => panic!("{answer:?}"),
        }
    }
    panic!("refused 20 times");
}

/// 2,000 webhooks of 100 incidents, shuffled and with duplicates, sent 32 at a time.
pub async fn i3_a_storm_gives_the_runs_that_the_catalog_says_and_no_event_is_lost(world: &dyn World) {
    let webhooks = webhooks(&incident("storm"));
    assert_eq!(webhooks.len(), 2000);
    let began = Timestamp::now();
    let mut sends = Vec::new();
    for page in &webhooks {
        sends.push(accepted(world, page));
    }
    let taken: Vec<(EventId, u64)> = stream::iter(sends).buffer_unordered(32).collect().await;
    // A busy answer may have been late and not empty-handed: its event is then one more.
    let busy: u64 = taken.iter().map(|(_, busy)| busy).sum();
    let storm: BTreeSet<EventId> = taken.into_iter().map(|(event, _)| event).collect();
    assert_eq!(storm.len(), 2000, "each is an event of its own");
    println!("2,000 webhooks taken in {:#}, {busy} busy answers", Timestamp::now().duration_since(began));

    let counted = |runs: &[Run], unmatched: &[UnmatchedEvent]| {
        let sum = |count: fn(&Run) -> u64| runs.iter().map(count).sum::<u64>();
        let attached = sum(|run| run.counts.attached);
        let duplicates = sum(|run| run.counts.duplicates);
        let gathered = sum(|run| run.counts.gathered);
        [runs.len() as u64, attached, duplicates, gathered, unmatched.len() as u64]
    };
    let (runs, unmatched) = until_within(PATIENCE, "every event to be accounted for", async || {
        let (runs, unmatched) = recorded(world, &storm, began).await;
        let all = counted(&runs, &unmatched).iter().sum::<u64>() >= 2000;
        (all && runs.iter().all(|run| run.status.is_terminal())).then_some((runs, unmatched))
    })
    .await;
    let ended = Timestamp::now();
    let [opened, attached, duplicates, gathered, nowhere] = counted(&runs, &unmatched);
    println!(
        "after {:#}: opened {opened} + attached {attached} + duplicate {duplicates} + gathered {gathered} + unmatched {nowhere}",
        ended.duration_since(began)
    );
    let all = opened + attached + duplicates + gathered + nowhere;
    assert!((2000..=2000 + busy).contains(&all), "{all} events, {busy} busy answers");
    assert!(attached > 0 && duplicates > 0 && gathered > 0 && nowhere >= 200, "each of them happened");

    // Without a limit: a run for each incident, which was sent twice and fired once, and over as its sender says.
    let flood = of(&runs, "flood");
    assert_eq!(flood.len(), 50);
    for run in &flood {
        assert_eq!((run.status, run.storm), (RunStatus::Concluded, false), "{}: {:?}", run.id, run.reason);
        assert_eq!(run.counts.fired, 1, "{}", run.id);
        assert!(matches!(run.incident, IncidentState::Resolved { .. }), "{}: {:?}", run.id, run.incident);
    }

    // With one: as many as it allows, and one for all others.
    let capped = of(&runs, "capped");
    assert_eq!(runs.len(), flood.len() + capped.len(), "and nobody wanted the rest");
    let (storms, own): (Vec<&Run>, Vec<&Run>) = capped.into_iter().partition(|run| run.storm);
    let hour = |at: Timestamp| at.as_second() / 3600;
    if hour(began) == hour(ended) {
        assert_eq!((own.len(), storms.len()), (RUNS_PER_HOUR, 1));
        assert_eq!(storms[0].counts.incidents, 40 - RUNS_PER_HOUR as u64);
    } else {
        // The hour turned meanwhile: its limit holds for each.
        let of_hour = |runs: &[&Run], at| runs.iter().filter(|run| hour(run.created_at) == at).count();
        for at in hour(began)..=hour(ended) {
            assert!(of_hour(&own, at) <= RUNS_PER_HOUR && of_hour(&storms, at) <= 1);
        }
    }
    assert_eq!(storms.iter().map(|run| run.counts.gathered).sum::<u64>(), gathered);
    for storm in storms {
        assert_eq!((storm.status, &storm.incident), (RunStatus::Concluded, &IncidentState::Open));
        let view = settled(world, storm.id).await;
        let listed = view.events.iter().filter(|event| event.attachment == Attachment::Gathered).count();
        assert!(listed > 0 && view.events.len() <= 2 * store::EVENTS_KEPT as usize + 1);
        let says = format!("{} incidents, {} alerts", storm.counts.incidents, storm.counts.gathered + 1);
        one_message_says(world, storm.id, &says).await;
    }
}

/// What was counted after the first delivery is told a little later, in the one message for all of them (I4).
async fn one_message_says(world: &dyn World, storm: RunId, says: &str) {
    until_within(PATIENCE, says, async || {
        let slack = posts(world, Service::Slack, storm);
        assert_eq!(slack.len(), 1, "I4: one message for all of them");
        slack[0].current().to_string().contains(says).then_some(())
    })
    .await;
}

/// A workflow that may have one run under way: what comes meanwhile is gathered, and what comes when there is room again gets
/// its own look, also when it was gathered before. Gives the storm's run.
pub async fn i3_what_is_over_max_open_is_gathered_until_there_is_room(world: &dyn World) -> RunId {
    let reader = world.reader();
    let event = |incident: &str, delivery: &str| {
        page("incident.triggered", incident, "PFEW", &format!("{incident}-{delivery}"), "2026-11-22T10:00:00Z")
    };
    // The hour's storm is the same for all of them.
    let to_go = 3600 - Timestamp::now().as_second().rem_euclid(3600);
    if to_go < 120 {
        tokio::time::sleep(Duration::from_secs(u64::try_from(to_go).unwrap() + 1)).await;
    }
    let [open, second, third] = ["open", "second", "third"].map(incident);
    world.shop().hold(&open);
    let held = world.post("pagerduty", &event(&open, "1")).await.run();
    until("the run to be under way", async || (!world.shop().hits(&open).is_empty()).then_some(())).await;

    let storm = world.post("pagerduty", &event(&second, "1")).await.run();
    let view = settled(world, storm).await;
    assert_eq!((view.run.storm, view.run.status, view.run.counts.incidents), (true, RunStatus::Concluded, 1));
    assert_eq!(world.shop().hits(&second)["door"], 1, "the first of the storm is looked at");
    let more = world.post("pagerduty", &event(&third, "1")).await.run();
    until("it to be gathered", async || (reader.run(storm).await.unwrap()?.counts.gathered == 1).then_some(())).await;
    assert_eq!(reader.run(more).await.unwrap(), None);
    let view = settled(world, storm).await;
    assert_eq!(view.run.counts.incidents, 2);
    assert!(view.events.iter().any(|event| event.attachment == Attachment::Gathered), "{:?}", view.events);
    one_message_says(world, storm, "2 incidents, 2 alerts").await;
    assert_eq!(reader.run(held).await.unwrap().unwrap().status, RunStatus::Running, "all that while it was open");

    world.shop().let_go(&open);
    let view = settled(world, held).await;
    assert_eq!((view.run.storm, view.run.status), (false, RunStatus::Concluded));
    for (incident, delivery) in [(incident("room"), "1"), (third, "2")] {
        let own = world.post("pagerduty", &event(&incident, delivery)).await.run();
        until("its own run", async || reader.run(own).await.unwrap()).await;
        let view = settled(world, own).await;
        assert_eq!((view.run.storm, view.run.status), (false, RunStatus::Concluded), "{incident}");
    }
    assert_eq!(reader.run(storm).await.unwrap().unwrap().counts.gathered, 1);
    storm
}

/// Reopened after its look: a new one that knows the last. Reopened once more, it flaps.
pub async fn a_reopened_incident_gets_a_new_look_until_it_flaps(world: &dyn World) {
    let incident = incident("again");
    let event = |kind: &str, delivery: &str, at: &str| {
        page(&format!("incident.{kind}"), &incident, "PAGAIN", &format!("{incident}-{delivery}"), at)
    };
    let reader = world.reader();
    let first = world.post("pagerduty", &event("triggered", "1", "2026-11-22T10:00:00Z")).await.run();
    let last = settled(world, first).await.run;
    world.post("pagerduty", &event("resolved", "2", "2026-11-22T10:05:00Z")).await;
    until("the resolve to attach", async || (reader.run(first).await.unwrap()?.counts.attached == 1).then_some(()))
        .await;

    let second = world.post("pagerduty", &event("reopened", "3", "2026-11-22T10:10:00Z")).await.run();
    until("the second look", async || reader.run(second).await.unwrap()).await;
    let view = settled(world, second).await;
    let previous = view.run.previous.as_ref().expect("the last look");
    assert_eq!((previous.id, &previous.verdict), (first, &last.report.unwrap().verdict));
    let slack = posts(world, Service::Slack, second);
    assert_eq!(slack.len(), 1);
    let shown = slack[0].current().to_string();
    assert!(shown.contains("The last look, ") && shown.contains("Open the last look"), "{shown}");
    let at = shown.find(&format!("/runs/{first}?exp=")).expect("a link to the last look");
    let link = shown[at..].split('|').next().unwrap().replace("&amp;", "&");
    assert_eq!(world.get(&link).await.0, 200, "{link}");

    let third = world.post("pagerduty", &event("reopened", "4", "2026-11-22T10:20:00Z")).await.run();
    until("it to attach", async || (reader.run(second).await.unwrap()?.counts.attached == 1).then_some(())).await;
    let view = settled(world, second).await;
    assert_eq!((view.run.counts.fired, reader.run(third).await.unwrap()), (3, None), "flapping, so not looked at anew");
    let shown = posts(world, Service::Slack, second)[0].current().to_string();
    assert!(shown.contains("Flapping: fired 3 times since "), "{shown}");
}
