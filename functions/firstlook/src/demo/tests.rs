use std::path::Path;

use catalog::load_texts;
use domain::{RunStatus, Severity};
use ports::HandleMessage;

use super::*;

#[test]
fn the_catalog_passes_check_as_it_stands() {
    let loaded = load_texts(CATALOG.iter().map(|(name, text)| (Path::new(*name), *text)));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    assert!(loaded.catalog.is_some());
}

#[test]
fn the_sample_happens_now_and_is_otherwise_as_it_was() {
    let now: Timestamp = "2026-11-22T18:00:00.123456Z".parse().unwrap();
    let Ok(webhook) = happening_now(WEBHOOK, now) else { panic!("the sample is not JSON") };
    assert_eq!(webhook["event"]["occurred_at"], "2026-11-22T18:00:00.123Z");
    let mut back = webhook;
    let sample: Value = serde_json::from_str(WEBHOOK).unwrap();
    back["event"]["occurred_at"] = sample["event"]["occurred_at"].clone();
    back["event"]["data"]["created_at"] = sample["event"]["data"]["created_at"].clone();
    assert_eq!(back, sample);
}

/// Runs the demo's Command against the demo's service, and gives the titles of the findings by severity.
async fn look(shop: &Shop, folder: &Path) -> (Vec<(Severity, String)>, Vec<String>) {
    let Ok(catalog) = write_catalog(&folder.join("catalog"), shop) else { panic!("the catalog cannot be used") };
    let world = World::open(Folder::open(folder.join("world")).unwrap()).unwrap();
    let request = domain::CommandRequest {
        id: EventId::mint(world.clock.now(), rand::random()),
        command: "checkout-triage".parse().unwrap(),
        with: serde_json::Map::new(),
        by: "test".into(),
        requested_at: world.clock.now(),
    };
    let run = RunId::opened_by(request.id);
    let body = serde_json::to_string(&domain::InvestigateMessage::CommandV1 { request }).unwrap();
    let message =
        ports::Received { queue: ports::Queue::Investigate, body, receipt: ports::Receipt("none".into()), receives: 1 };
    let deadline = world.clock.now() + Duration::from_secs(60);
    world.investigate(&catalog).unwrap().handle(&message, deadline).await.unwrap();
    let view = world.store.reader().view(run).await.unwrap().unwrap();
    assert_eq!(view.run.status, RunStatus::Concluded);
    let report = view.run.report.unwrap();
    let issues = report.issues.iter().map(|merged| (merged.issue.severity, merged.issue.title.clone())).collect();
    (issues, report.healthy.iter().map(|checked| checked.step.to_string()).collect())
}

#[tokio::test]
async fn the_fault_is_real_and_so_is_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::start().await.unwrap();
    shop.until_waiting(30).await;

    let (issues, healthy) = look(&shop, folder.path()).await;
    let database = format!("Nothing answers at the database of checkout ({}): connection refused", shop.database());
    assert_eq!(issues[0], (Severity::Critical, database), "{issues:?}");
    assert!(issues.iter().any(|(_, title)| title.ends_with("/healthz answers 503")), "{issues:?}");
    assert!(issues.iter().any(|(_, title)| title.ends_with("orders wait, and 0 were done")), "{issues:?}");
    assert!(healthy.contains(&"payments".to_owned()), "{healthy:?}");

    let mend: Url = format!("{}/mend", shop.url()).parse().unwrap();
    let Ok((200, _)) = send::post(&mend, vec![], vec![]).await else { panic!("it could not be mended") };
    shop.until_done().await;
    let (issues, healthy) = look(&shop, folder.path()).await;
    assert!(issues.iter().all(|(severity, _)| *severity > Severity::Critical), "{issues:?}");
    assert!(healthy.contains(&"health".to_owned()) && healthy.contains(&"orders".to_owned()), "{healthy:?}");
}
