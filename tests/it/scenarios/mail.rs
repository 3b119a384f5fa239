//! A mail through the deployed functions, by the emulator's SES. The local world has no SES: its inbox takes what SES would get.

use domain::{IncidentState, RunStatus, TargetState};
use serde_json::Value;

use super::{World, aws::Aws, incident};
use crate::support::{
    pages::page,
    world::{settled, until},
};

const AT: &str = "2026-11-22T10:00:00Z";

/// All texts in `value`, one after the other.
fn texts(value: &Value, to: &mut String) {
    match value {
        Value::String(text) => to.extend([text.as_str(), "\n"]),
        Value::Array(list) => list.iter().for_each(|one| texts(one, to)),
        Value::Object(map) => map.values().for_each(|one| texts(one, to)),
        _ => {}
    }
}

/// From the webhook to the mail, in which the link opens the run. What comes later is no second mail.
pub async fn i4_a_run_is_mailed_once_and_its_link_opens_it(world: &Aws) {
    let api = world.deployment.api();
    api.verify_domain("example.com").await;
    let name = incident("mail");
    let event = |kind: &str, delivery: &str, at: &str| page(kind, &name, "PMAIL", &format!("{name}-{delivery}"), at);
    let run = world.post("pagerduty", &event("incident.triggered", "1", AT)).await.run();
    let view = settled(world, run).await;
    assert_eq!(view.run.status, RunStatus::Concluded);
    assert_eq!(view.targets[0].state, TargetState::Sent, "{:?}", view.targets[0]);

    let id = run.to_string();
    let mails = api.mails_with(&id).await;
    assert_eq!(mails.len(), 1, "{mails:#?}");
    let mut mail = String::new();
    texts(&mails[0], &mut mail);
    let found = &view.steps.iter().flat_map(|step| &step.issues).next().unwrap().title;
    for part in ["oncall@example.org", "Firstlook <firstlook@ops.example.com>", found.as_str(), "<!DOCTYPE html>"] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    let provider = view.targets[0].provider_id.as_deref().unwrap();
    assert!(mail.contains(provider), "{provider}: {mail}");
    // As the text part has it; the page itself is at the emulator's own address.
    let link = mail.split_whitespace().find(|word| word.starts_with(world.deployment.output("ConsoleUrl"))).unwrap();
    let (status, page) = world.get(link.strip_prefix(world.deployment.output("ConsoleUrl")).unwrap()).await;
    assert!(status == 200 && page.contains(&id), "{link}: {status}");

    let over = event("incident.resolved", "2", "2026-11-22T10:05:00Z");
    assert_eq!(world.post("pagerduty", &over).await.status, 202);
    until("the run to know that it is over", async || {
        let view = world.reader().view(run).await.unwrap()?;
        matches!(view.run.incident, IncidentState::Resolved { .. }).then_some(())
    })
    .await;
    settled(world, run).await;
    assert_eq!(api.mails_with(&id).await.len(), 1);
}
