//! Deliveries when the other side misbehaves. One begins after the other, since faults meet whoever comes next.

use catalog::Catalog;
use domain::{OutletSpec, RunId, RunStatus, SlackSpec, TargetState};
use inbox::{Endpoint, Fault, Service};
use ports::Queue;

use super::{World, incident};
use crate::support::{
    pages::page,
    world::{posts, settled, until},
};

const AT: &str = "2026-11-22T10:00:00Z";

async fn begun(world: &dyn World, name: &str) -> RunId {
    let incident = incident(name);
    world.post("pagerduty", &page("incident.triggered", &incident, "PCHAT", &incident, AT)).await.run()
}

async fn chat_run(world: &dyn World, name: &str) -> domain::RunView {
    settled(world, begun(world, name).await).await
}

/// How often Slack was asked to post.
fn asked(world: &dyn World) -> usize {
    world.inbox().requests().iter().filter(|request| request.endpoint == Endpoint::SlackPost).count()
}

/// Slack's bad days: each ends in exactly one message.
pub async fn i4_slack_misbehaving_ends_in_one_message(world: &dyn World) {
    let mut runs = Vec::new();
    for (name, fault) in [
        ("rate", Fault::status(429, 1)),
        ("broken", Fault::status(500, None)),
        ("refused", Fault::SlackError("internal_error")),
        ("lost", Fault::HangAfterAccepting),
        ("closed", Fault::CloseAfterAccepting),
    ] {
        let before = asked(world);
        world.inbox().fault(Endpoint::SlackPost, fault.clone());
        let run = begun(world, name).await;
        until("Slack to be asked", async || (asked(world) > before).then_some(())).await;
        if matches!(fault, Fault::Status { status: 429, .. }) {
            // It asks again within a second, and must not meet what is for the others.
            settled(world, run).await;
        }
        runs.push((fault, run));
    }
    // All the others wait at the same time until they may look for what they have posted.
    for (fault, run) in runs {
        let view = settled(world, run).await;
        assert_eq!(view.run.status, RunStatus::Concluded);
        let target = &view.targets[0];
        assert_eq!(target.state, TargetState::Sent, "{fault:?}: {:?}", target.last_error);
        let messages = posts(world, Service::Slack, view.run.id);
        assert_eq!(messages.len(), 1, "{fault:?}: {messages:?}");
        let shown = messages[0].current().to_string();
        assert!(shown.contains("refuses connections"), "{fault:?}: not the last state: {shown}");
        assert_eq!(target.attempts, 0, "{fault:?}");
    }
}

/// What will not work until somebody mends it is shown on the target, kept, and brought back.
pub async fn i5_a_refused_delivery_is_visible_and_redriven_after_the_mend(world: &dyn World) {
    world.inbox().fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    world.inbox().fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    let before = world.depth(Queue::DeliverDlq).await;
    let view = chat_run(world, "gone").await;
    let reader = world.reader();
    let target = until("the target to have failed", async || {
        let target = reader.view(view.run.id).await.unwrap()?.targets.remove(0);
        (target.state == TargetState::Failed).then_some(target)
    })
    .await;
    assert!(target.last_error.unwrap().contains("channel_not_found"));
    until("the delivery among the dead letters", async || {
        (world.depth(Queue::DeliverDlq).await > before).then_some(())
    })
    .await;
    until("no delivery to be under way", async || (world.depth(Queue::Deliver).await == 0).then_some(())).await;
    assert!(posts(world, Service::Slack, view.run.id).is_empty());
    // Slack has the channel again.
    until("the target to stand after redrives", async || {
        world.redrive(Queue::Deliver).await;
        let target = reader.view(view.run.id).await.unwrap()?.targets.remove(0);
        (target.state == TargetState::Sent).then_some(())
    })
    .await;
    assert_eq!(posts(world, Service::Slack, view.run.id).len(), 1);
}

/// What was refused until the catalog was mended is shown, kept, and brought back to where the catalog then says. `mend` puts the
/// changed catalog in place.
pub async fn i5_a_mend_in_the_catalog_reaches_what_was_given_up<W: World>(
    world: &mut W,
    before: Catalog,
    mend: impl AsyncFnOnce(&mut W, Vec<u8>),
) {
    world.inbox().fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    world.inbox().fault(Endpoint::SlackPost, Fault::SlackError("channel_not_found"));
    let run = chat_run(world, "mended").await.run.id;
    let target = async |world: &W| world.reader().view(run).await.unwrap().unwrap().targets.remove(0);
    let failed = target(world).await;
    assert_eq!(failed.state, TargetState::Failed, "{failed:?}");
    until("no delivery to be under way", async || (world.depth(Queue::Deliver).await == 0).then_some(())).await;
    let mut catalog = before;
    let workflow = catalog.workflows.get_mut(&"chat-only".parse::<domain::Name>().unwrap()).unwrap();
    workflow.deliver = vec![OutletSpec::Slack(SlackSpec::channel("#pages")).into()];
    mend(world, catalog.to_compiled()).await;
    until("the target to stand after redrives", async || {
        world.redrive(Queue::Deliver).await;
        (target(world).await.state == TargetState::Sent).then_some(())
    })
    .await;
    let posts = posts(world, Service::Slack, run);
    assert_eq!(posts.iter().map(|post| post.place.as_str()).collect::<Vec<_>>(), ["pages"], "{posts:?}");
}

/// A target is told under its condition, in its team's words; one whose condition does not hold is left alone, and seen to be.
pub async fn i14_targets_are_told_under_their_conditions(world: &dyn World) {
    let incident = incident("when");
    let run = world.post("pagerduty", &page("incident.triggered", &incident, "PWHEN", &incident, AT)).await.run();
    let view = settled(world, run).await;
    let state = |name: &str| view.targets.iter().find(|target| target.spec.name == name).map(|target| target.state);
    assert_eq!((state("slack"), state("pagerduty")), (Some(TargetState::Sent), Some(TargetState::NotWanted)));
    let messages = posts(world, Service::Slack, run);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let words = messages[0].current()["blocks"][0]["text"]["text"].as_str().unwrap_or_default();
    assert!(words.starts_with("<!subteam^S0123ABCD> "), "{words}");
    assert!(words.ends_with(&format!(" found: Orders of {incident} do not arrive")), "{words}");
    assert!(posts(world, Service::PagerDuty, run).is_empty());
    let why = view.targets.iter().find_map(domain::Target::why_not);
    assert_eq!(why.as_deref(), Some("its condition did not hold: run.worst_severity > 2"));
}

/// One broken target does not keep the others.
pub async fn i5_a_broken_target_delays_no_other(world: &dyn World) {
    let incident = incident("apart");
    world.inbox().remove_incident(&incident);
    let run = world.post("pagerduty", &page("incident.triggered", &incident, "PCHKOUT", &incident, AT)).await.run();
    let view = settled(world, run).await;
    for target in &view.targets {
        let wanted = if target.spec.name == "pagerduty" { TargetState::Failed } else { TargetState::Sent };
        assert_eq!(target.state, wanted, "{}: {:?}", target.spec.name, target.last_error);
    }
    assert!(posts(world, Service::PagerDuty, run).is_empty());
}
