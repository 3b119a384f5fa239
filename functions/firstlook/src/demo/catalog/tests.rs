use std::{sync::Arc, time::Duration};

use catalog::{Catalog, Choice, Matcher, load_dir};
use domain::{Alert, EventId, EventKind, Report, Run, RunId, RunView, Secret, Severity};
use engine::{Driven, Engine};
use jiff::{SignedDuration, Timestamp};
use local::{Database, FileSecrets, SqliteTable};
use net::AddressPolicy;
use ports::{Clock, OsEntropy, SystemClock};
use store::{Claim, Store};
use tasks::{Tasks, TasksOptions};

use super::*;

/// What `firstlook demo` sends.
const SAMPLE: &[u8] = include_bytes!("../../../../../events/webhooks/pagerduty/triggered.json");

const WEBHOOK: &str = "http://127.0.0.1:9/webhook/team";

fn loaded(folder: &Path, service: &Service) -> Catalog {
    write(folder, service, WEBHOOK).unwrap();
    let loaded = load_dir(folder);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    loaded.catalog.unwrap()
}

/// What the sample webhook comes to, once it is verified.
fn alert(catalog: &Catalog, now: Timestamp) -> (EventKind, Alert) {
    let source = &catalog.sources["pagerduty"];
    let secret = Secret::new("a signing secret of the demo's test");
    let proof = sources::sign(source, SAMPLE, &secret, "test", now).unwrap();
    let headers = proof
        .headers
        .into_iter()
        .map(|(name, value)| (http::HeaderName::try_from(name).unwrap(), http::HeaderValue::try_from(value).unwrap()))
        .collect();
    let inbound = sources::Inbound { headers: &headers, query: proof.query.as_deref(), raw: SAMPLE };
    let verified = sources::verify(source, inbound, &[secret], now).unwrap();
    let normalized = sources::normalize(source, &verified, now).remove(0);
    (normalized.kind, normalized.alert.unwrap())
}

/// Runs the Command for `alert` with the real task kinds.
async fn investigated(catalog: &Catalog, alert: Alert) -> (Report, RunView) {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let table = SqliteTable::new(Database::open(&folder.path().join("t.db")).unwrap());
    let store = Store::new(Arc::new(table), Arc::clone(&clock), Arc::new(OsEntropy));
    let policy = AddressPolicy::new(tasks::named_hosts(catalog));
    let secrets = Arc::new(FileSecrets::new(folder.path().join("secrets.json")));
    let tasks = Tasks::new(TasksOptions::new(policy, secrets, Arc::clone(&clock))).unwrap();
    let engine = Engine {
        catalog: Arc::new(catalog.clone()),
        store,
        tasks: Arc::new(tasks),
        models: Arc::new(engine::model::NoModels),
        clock,
    };
    let created_at = engine.clock.now();
    let command = "checkout-triage".parse().unwrap();
    let id = RunId::opened_by(EventId::mint(created_at, 1));
    let run = Run {
        title: alert.title.clone(),
        params: engine::parameters(catalog, &command, &Default::default(), Some(&alert)).unwrap(),
        assistant: Some("cautious-cathy".parse().unwrap()),
        alert: Some(alert),
        ..Run::queued(id, command, &catalog.digest, created_at)
    };
    engine.store.open_command(&run).await.unwrap();
    let Claim::Claimed { token, .. } = engine.store.claim_run(run.id, Duration::from_secs(60)).await.unwrap() else {
        panic!("the run of this test is somebody else's");
    };
    let until = created_at + SignedDuration::from_secs(60);
    let Driven::Finished(report) = engine.drive(&run, token, vec![], until).await.unwrap() else { panic!("paused") };
    (report.report, engine.store.reader().view(run.id).await.unwrap().unwrap())
}

/// The demo's promise: the sample event is wanted, every check can be made, and what they find leads from the symptom
/// to the cause. Afterwards the same checks find the service mended.
#[tokio::test]
async fn the_sample_event_leads_to_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start().await.unwrap();
    let catalog = loaded(folder.path(), &service);
    let (kind, alert) = alert(&catalog, SystemClock.now());
    let choice = Matcher::new(&catalog).choose(&"pagerduty".parse().unwrap(), kind, &alert);
    let wanted = Choice::Workflow { name: "checkout-pages".parse().unwrap(), incident_key: alert.external_id.clone() };
    assert_eq!(choice, wanted);

    service.until_failing(10, 20).await;
    let (report, view) = investigated(&catalog, alert.clone()).await;
    let database = format!("127.0.0.1:{}", service.database_port());
    let titles: Vec<(Severity, &str)> =
        report.issues.iter().map(|merged| (merged.issue.severity, merged.issue.title.as_str())).collect();
    assert_eq!(
        titles,
        [
            (Severity::Critical, &*format!("`checkout-db` takes no connections at {database}")),
            (Severity::Major, "`checkout` answers its health check with 503"),
            (Severity::Major, "The queue of orders grows and does not drain"),
            (Severity::Major, "The worker that stores orders fails"),
            (Severity::Minor, "`checkout` 1.42.0 was deployed shortly before and changed `database.address`"),
        ],
        "{report:#?}"
    );
    for merged in &report.issues {
        let issue = &merged.issue;
        let said = [&issue.expected, &issue.actual, &issue.reproduce];
        assert!(said.iter().all(|text| !text.is_empty()) && !issue.next_steps.is_empty(), "{issue:#?}");
    }
    let deploy = &report.issues.last().unwrap().issue;
    assert!(deploy.actual.contains(&database) && deploy.next_steps[0].contains("1.41.0"), "{deploy:#?}");
    let healthy: Vec<&str> = report.healthy.iter().map(|checked| checked.step.as_str()).collect();
    assert_eq!(healthy, ["payments", "related.checkout.former-database"]);
    assert!(report.gaps.is_empty(), "{report:#?}");
    // The Rule was applied, and says so.
    assert_eq!(report.remarks.len(), 1, "{report:#?}");
    assert_eq!(view.steps.len(), 7);

    // What the queue and the worker did in the last minute stays true for a while; the rest is well at once.
    service.mend().await;
    let (report, _) = investigated(&catalog, alert).await;
    let health = ["checkout-db", "health check", "deployed"];
    let still = report.issues.iter().find(|merged| health.iter().any(|text| merged.issue.title.contains(text)));
    assert!(still.is_none(), "{report:#?}");
}

#[tokio::test]
async fn no_placeholder_is_left_in_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start().await.unwrap();
    loaded(folder.path(), &service);
    for (name, _) in FILES {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        for place in ["CHECKOUT_URL", "PROMETHEUS_URL", "DATABASE_PORT", "TEAM_WEBHOOK"] {
            assert!(!text.contains(place), "{name} still has {place}");
        }
    }
}
