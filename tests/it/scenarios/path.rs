//! The way of one alert.

use domain::{Attachment, IncidentState, Outcome, RunStatus, TargetState};
use futures_util::future::join_all;
use inbox::{Endpoint, Service};
use ports::Queue;
use serde_json::json;
use store::Origin;

use super::{World, incident};
use crate::support::{
    pages::{self, captured, page, signed},
    world::{posts, settled, until},
};

const AT: &str = "2026-11-22T10:00:00Z";
const LATER: &str = "2026-11-22T10:05:00Z";

/// The webhooks that PagerDuty really sent, with the signatures it really made.
pub async fn captured_webhooks_go_through(world: &dyn World) {
    let Some((triggered, _)) = captured("v3_signed_2025_triggered", "v3_signed_2025_triggered") else { return };
    let run = world.post("pagerduty", &triggered).await.run();
    let view = settled(world, run).await;
    assert_eq!(view.run.status, RunStatus::Concluded);
    assert_eq!(view.run.alert.as_ref().unwrap().external_id, "Q2CKYRLH85UNN4");
    assert_eq!(view.run.workflow.as_ref().unwrap().as_str(), "captured");

    for name in ["acknowledged", "resolved", "annotated"] {
        let (page, _) = captured(&format!("v3_signed_2025_{name}"), &format!("v3_signed_2025_{name}")).unwrap();
        let answer = world.post("pagerduty", &page).await;
        assert_eq!((answer.status, answer.body["does"].as_str()), (202, Some("attaches")), "{name}: {answer:?}");
    }
    let reader = world.reader();
    until("the three events to be attached", async || {
        (reader.run(run).await.unwrap()?.counts.attached == 3).then_some(())
    })
    .await;
    let view = settled(world, run).await;
    assert!(matches!(view.run.incident, IncidentState::Resolved { .. }), "{:?}", view.run.incident);
    assert_eq!(view.steps.len(), 4, "attached, and not run anew");
    let slack = posts(world, Service::Slack, run);
    assert_eq!(slack.len(), 1);
    let shown = slack[0].current().to_string().to_lowercase();
    assert!(shown.contains("resolved"), "the Slack message does not say that it is resolved: {shown}");

    let (ping, _) = captured("v3_signed_2025_ping", "v3_signed_2025_ping").unwrap();
    let answer = world.post("pagerduty", &ping).await;
    assert_eq!((answer.status, answer.body["kind"].as_str()), (202, Some("ping")), "{answer:?}");
    until("the ping to be recorded", async || unmatched(world, "ping").await).await;
    assert_eq!(world.reader().run(answer.run()).await.unwrap(), None, "a ping starts nothing");

    let (tampered, _) = captured("v3_signed_2025_ping", "v3_signed_2025_ping.tampered").unwrap();
    let answer = world.post("pagerduty", &tampered).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

/// The reason of an unmatched event of today of that kind.
async fn unmatched(world: &dyn World, kind: &str) -> Option<String> {
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let page = world.reader().unmatched_of_day(day, 100, None).await.unwrap();
    let is = |origin: &Origin| matches!(origin, Origin::Event { kind: found, .. } if found.as_str() == kind);
    page.events.into_iter().find(|event| is(&event.origin)).map(|event| event.reason)
}

/// A page becomes an investigated run and a delivered answer.
pub async fn a_page_becomes_an_answer_in_every_target(world: &dyn World) {
    let incident = incident("path");
    let answer = world.post("pagerduty", &page("incident.triggered", &incident, "PCHKOUT", &incident, AT)).await;
    assert_eq!(answer.body["does"], "opens");
    let run = answer.run();
    let view = settled(world, run).await;

    assert_eq!(view.run.status, RunStatus::Concluded);
    let outcomes: Vec<(&str, &Outcome)> = view.steps.iter().map(|step| (step.id.as_str(), &step.outcome)).collect();
    assert_eq!(
        outcomes,
        [("front", &Outcome::Ok), ("orders", &Outcome::Ok), ("db", &Outcome::Ok), ("stock", &Outcome::Ok)]
    );
    let report = view.run.report.as_ref().expect("a report");
    let titles: Vec<&str> = report.issues.iter().map(|merged| merged.issue.title.as_str()).collect();
    let port = world.shop().closed_port();
    assert_eq!(
        titles,
        [
            format!("The database at `127.0.0.1:{port}` refuses connections").as_str(),
            "`orders` of the shop answers 503"
        ]
    );
    assert_eq!(report.healthy.len(), 2);
    assert_eq!(report.read_by, "none", "I10: the evidence ships without a model");
    assert!(view.run.evidence_at.is_some());
    assert!(view.targets.iter().all(|target| target.state == TargetState::Sent && target.provider_id.is_some()));

    for service in [Service::Slack, Service::PagerDuty, Service::Webhook] {
        let posts = posts(world, service, run);
        assert!(!posts.is_empty(), "nothing at {service:?}");
        if service != Service::Webhook {
            assert_eq!(posts.len(), 1, "I4: one post at {service:?}");
        }
        let shown = posts.last().unwrap().current().to_string();
        assert!(shown.contains("refuses connections"), "{service:?} does not name the finding: {shown}");
        // I9: what the shop let slip is in no answer.
        assert!(!shown.contains("hunter2-of-the-shop"), "{service:?}: {shown}");
    }
    let stored = serde_json::to_string(&view).unwrap();
    for secret in ["hunter2-of-the-shop", pages::SIGNING_SECRET] {
        assert!(!stored.contains(secret), "I9: `{secret}` stands in the table");
    }
    our_own_note_comes_back_and_attaches_nowhere(world, run, &incident).await;
    link_opens_exactly_this_run(world, run).await;
    i13_only_notes_were_asked_of_pagerduty(world);
}

/// PagerDuty tells of each note, ours too: the note as it stands there leads to nothing.
async fn our_own_note_comes_back_and_attaches_nowhere(world: &dyn World, run: domain::RunId, incident: &str) {
    let note = posts(world, Service::PagerDuty, run)[0].current()["note"]["content"].clone();
    let body = json!({"event": {
        "id": format!("{incident}-own"), "event_type": "incident.annotated", "occurred_at": LATER,
        "data": {"incident": {"id": incident}, "id": "PNOTE", "content": note, "trimmed": false, "type": "incident_note"},
    }});
    let answer = world.post("pagerduty", &signed(&body)).await;
    let said = (answer.status, answer.body["kind"].as_str(), answer.body["does"].as_str());
    assert_eq!(said, (202, Some("unknown"), Some("unmatched")), "{answer:?}");
}

async fn link_opens_exactly_this_run(world: &dyn World, run: domain::RunId) {
    let slack = posts(world, Service::Slack, run)[0].current().to_string();
    let at = slack.find(&format!("/runs/{run}?exp=")).expect("the Slack message carries a link");
    let end = slack[at..].find(['|', '"', '>', '\\']).unwrap();
    let link = slack[at..at + end].replace("&amp;", "&");
    let (status, page) = world.get(&link).await;
    assert_eq!(status, 200, "{link}");
    assert!(page.contains("refuses connections") && page.contains(&run.to_string()));
    let (status, _) = world.get(&format!("/runs/{run}")).await;
    assert_eq!(status, 403, "without a signature");
    let (status, _) = world.get(&link.replace("sig=", "sig=A")).await;
    assert_eq!(status, 403, "with an altered one");
}

fn i13_only_notes_were_asked_of_pagerduty(world: &dyn World) {
    let asked = world.inbox().requests().into_iter().filter(|request| request.path.starts_with("/pagerduty"));
    for request in asked {
        assert!(
            matches!(request.endpoint, Endpoint::PagerDutyPost | Endpoint::PagerDutyList),
            "I13: {} {}",
            request.method,
            request.path
        );
    }
}

/// Ten identical webhooks at once.
pub async fn i3_ten_identical_webhooks_are_one_run_with_nine_duplicates(world: &dyn World) {
    let incident = incident("ten");
    let same = page("incident.triggered", &incident, "PCHAT", &incident, AT);
    let answers = join_all((0..10).map(|_| world.post("pagerduty", &same))).await;
    let reader = world.reader();
    let candidates: Vec<domain::RunId> = answers.iter().map(super::super::support::world::Answer::run).collect();
    let run = until("one of the ten to open a run", async || {
        for candidate in &candidates {
            if reader.run(*candidate).await.unwrap().is_some() {
                return Some(*candidate);
            }
        }
        None
    })
    .await;
    until("nine duplicates", async || (reader.run(run).await.unwrap()?.counts.duplicates == 9).then_some(())).await;
    let view = settled(world, run).await;
    let of = |attachment| view.events.iter().filter(|event| event.attachment == attachment).count();
    assert_eq!((of(Attachment::Opened), of(Attachment::Duplicate), of(Attachment::Attached)), (1, 9, 0));
    let mut opened = 0;
    for candidate in candidates {
        opened += usize::from(reader.run(candidate).await.unwrap().is_some());
    }
    assert_eq!(opened, 1, "one RunSession");
    // Those that came after the first delivery are told a little later.
    until("the message to tell of nine", async || {
        let told = posts(world, Service::Slack, run);
        assert_eq!(told.len(), 1, "one Slack message");
        told[0].current().to_string().contains("9 duplicates").then_some(())
    })
    .await;
    assert!(world.shop().hits(&incident).values().all(|hits| *hits == 1), "{:?}", world.shop().hits(&incident));
}

/// Other events of the same incident attach; what overtakes the opening is not lost.
pub async fn i3_events_of_one_incident_share_its_run(world: &dyn World) {
    let incident = incident("share");
    let event =
        |kind: &str, delivery: &str, at: &str| page(kind, &incident, "PCHAT", &format!("{incident}-{delivery}"), at);
    let early = world.post("pagerduty", &event("incident.acknowledged", "ack", LATER)).await;
    assert_eq!((early.status, early.body["does"].as_str()), (202, Some("attaches")));
    until("the early event to be recorded", async || unmatched(world, "acknowledged").await).await;
    let run = world.post("pagerduty", &event("incident.triggered", "one", AT)).await.run();
    let view = settled(world, run).await;
    assert!(matches!(view.run.incident, IncidentState::Acknowledged { .. }), "{:?}", view.run.incident);
    let again = world.post("pagerduty", &event("incident.triggered", "two", LATER)).await;
    assert_eq!(again.body["does"], "opens");
    let reader = world.reader();
    until("the second page to attach", async || (reader.run(run).await.unwrap()?.counts.attached == 1).then_some(()))
        .await;
    assert_eq!(reader.run(again.run()).await.unwrap(), None, "no second run");
    settled(world, run).await;
    assert_eq!(posts(world, Service::Slack, run).len(), 1);
}

/// Two alerts of one incident key: the run is over when the second is, and that each fired once is no flapping.
pub async fn i3_of_two_alerts_under_one_key_the_incident_is_over_when_both_are(world: &dyn World) {
    let [one, other] = ["one", "other"].map(incident);
    let event = |kind: &str, incident: &str, minute: u32| {
        let (kind, at) = (format!("incident.{kind}"), format!("2026-11-22T10:{minute:02}:00Z"));
        page(&kind, incident, "PTOGETHER", &format!("{incident}-{kind}-{minute}"), &at)
    };
    let run = world.post("pagerduty", &event("triggered", &one, 0)).await.run();
    let reader = world.reader();
    let attached = async |count: u64| {
        until("it to attach", async || reader.run(run).await.unwrap().filter(|run| run.counts.attached == count)).await
    };
    until("the run", async || reader.run(run).await.unwrap()).await;
    world.post("pagerduty", &event("triggered", &other, 1)).await;
    attached(1).await;
    world.post("pagerduty", &event("resolved", &one, 5)).await;
    assert_eq!(attached(2).await.incident, IncidentState::Open, "the other one burns");
    // Sent once more, from before the first one's end.
    world.post("pagerduty", &event("triggered", &other, 2)).await;
    attached(3).await;
    let view = settled(world, run).await;
    assert_eq!((&view.run.incident, view.run.counts.fired), (&IncidentState::Open, 1));
    let shown = posts(world, Service::Slack, run)[0].current().to_string();
    assert!(shown.contains("1 of the incident's 2 alerts is over."), "{shown}");
    assert!(!shown.contains("was resolved") && !shown.contains("Flapping"), "{shown}");

    world.post("pagerduty", &event("resolved", &other, 6)).await;
    assert!(attached(4).await.incident.is_over());
    settled(world, run).await;
    let shown = posts(world, Service::Slack, run)[0].current().to_string();
    assert!(shown.contains("The incident was resolved"), "{shown}");
}

/// What is not verified leads to nothing; what nobody wants is recorded.
pub async fn i1_i14_refused_and_unwanted_events_are_told_apart(world: &dyn World) {
    let incident = incident("fail");
    let mut forged = page("incident.triggered", &incident, "PCHAT", &incident, AT);
    forged.body.push(b' ');
    let answer = world.post("pagerduty", &forged).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer:?}");
    let answer = world.post("nobody", &forged).await;
    assert_eq!(answer.status, 404, "{answer:?}");

    let stranger = page("incident.triggered", &incident, "PNOBODY", &incident, AT);
    let answer = world.post("pagerduty", &stranger).await;
    assert_eq!((answer.status, answer.body["does"].as_str()), (202, Some("unmatched")), "{answer:?}");
    let reason = until("the unwanted page to be recorded", async || unmatched(world, "triggered").await).await;
    assert!(!reason.is_empty());
    let odd = signed(&json!({"event": {"id": incident, "event_type": "incident.sang", "data": {"type": "song"}}}));
    let answer = world.post("pagerduty", &odd).await;
    assert_eq!((answer.status, answer.body["kind"].as_str()), (202, Some("unknown")), "{answer:?}");
    until("the event of an unknown kind to be recorded", async || unmatched(world, "unknown").await).await;
    assert!(world.shop().hits(&incident).is_empty(), "nothing was looked at");
}

/// A run that cannot be investigated is an outcome, and people are told.
pub async fn i14_a_run_that_cannot_be_investigated_says_so_in_slack(world: &dyn World) {
    let incident = incident("misfit");
    let page = page("incident.triggered", &incident, "PMISFIT", &incident, AT);
    let run = world.post("pagerduty", &page).await.run();
    let view = settled(world, run).await;
    assert_eq!(view.run.status, RunStatus::Failed);
    let reason = view.run.reason.expect("a reason");
    assert!(reason.contains("incident"), "the reason does not name the parameter: {reason}");
    let slack = posts(world, Service::Slack, run);
    assert_eq!(slack.len(), 1, "the humans are not left in silence");
}

/// Shadow mode investigates and tells nobody.
pub async fn a_shadowed_workflow_stores_and_delivers_nothing(world: &dyn World) {
    let incident = incident("shadow");
    let page = page("incident.triggered", &incident, "PSHADOW", &incident, AT);
    let run = world.post("pagerduty", &page).await.run();
    let view = settled(world, run).await;
    assert_eq!((view.run.status, view.targets.len()), (RunStatus::Concluded, 0));
    assert!(posts(world, Service::Slack, run).is_empty());
}

/// What no handler can read ends with the dead letters.
pub async fn i5_a_poison_message_reaches_the_dead_letters(world: &dyn World) {
    for (queue, dead) in [(Queue::Investigate, Queue::InvestigateDlq), (Queue::Deliver, Queue::DeliverDlq)] {
        let before = world.depth(dead).await;
        let poison = r#"{"type":"nobody_knows_v9"}"#;
        world.sender().send(queue, poison, "poison", std::time::Duration::ZERO).await.unwrap();
        until("the poison message among the dead letters", async || {
            (world.depth(dead).await == before + 1).then_some(())
        })
        .await;
    }
}
