//! The drive loop over a real table, with task kinds that answer as a script says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use catalog::{Catalog, model::RunSpec};
use domain::{Alert, AlertSeverity, EventId, LeaseToken, Outcome, Report, Run, RunId, Service, Step};
use jiff::{SignedDuration, Timestamp};
use local::{Database, SqliteTable};
use ports::{Clock, OsEntropy};
use serde_json::{Value, json};
use store::{Claim, Store};

use crate::{
    Answer, CallTask, Called, Driven, Engine,
    reader::testing::{Mortal, ScriptedModel},
};

/// Tokio's paused time as the clock, so that waiting costs nothing and is exact.
struct Paused(tokio::time::Instant, Timestamp);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.1 + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// Answers by URL: how long it takes and what comes of it.
#[derive(Default)]
pub struct Script {
    answers: BTreeMap<String, (u64, Result<Value, String>)>,
    called: Mutex<Vec<String>>,
}

#[async_trait]
impl CallTask for Script {
    async fn call(&self, spec: &RunSpec<String>) -> Called {
        let RunSpec::Http(http) = spec else { panic!("only http is scripted") };
        self.called.lock().unwrap().push(http.url.clone());
        let (seconds, answer) = &self.answers[&http.url];
        tokio::time::sleep(Duration::from_secs(*seconds)).await;
        Called {
            request: json!({"method": "GET", "url": http.url}),
            answer: answer.clone().map(|result| Answer { summary: format!("{} at once", result["status"]), result }),
        }
    }
}

pub fn catalog(tasks: Value, extra: Value) -> Catalog {
    let task = |name: &str| {
        json!({
            "name": name, "access": "read-only", "description": format!("Look at {name}"),
            "inputs": {"url": {"type": "url"}},
            "title": "Check that ${{ inputs.url }} answers",
            "resource": "${{ inputs.url }}",
            "run": {"http": {"url": "${{ inputs.url }}"}},
            "issues": [{
                "when": "result.status >= 500", "severity": 2,
                "title": "${{ inputs.url }} answers ${{ result.status }}",
                "expected": "200", "actual": "${{ result.status }}",
                "next_steps": ["Look at the newest deploy.", "Read the log of ${{ inputs.url }}."],
            }],
        })
    };
    let mut whole = json!({
        "digest": "d", "sources": {}, "workflows": {}, "schedules": {}, "knowledge": {},
        "assistants": {"cathy": {"name": "cathy", "model": "none", "limits": {"time": "20s"}}},
        "slxs": {}, "rules": {},
        "tasks": {"look": task("look")},
        "commands": {"triage": {"name": "triage", "description": "x", "tasks": tasks}},
    });
    for (key, value) in extra.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

pub struct World {
    pub engine: Engine,
    pub script: Arc<Script>,
    pub model: Arc<ScriptedModel>,
    pub table: Arc<Mortal>,
    pub run: Run,
    _folder: tempfile::TempDir,
}

pub fn world(catalog: Catalog, answers: &[(&str, u64, Result<Value, String>)]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Paused(tokio::time::Instant::now(), "2026-11-22T10:00:00Z".parse().unwrap()));
    let answers = answers.iter().map(|(url, s, a)| ((*url).to_owned(), (*s, a.clone()))).collect();
    let script = Arc::new(Script { answers, called: Mutex::default() });
    let table = Arc::new(Mortal::new(SqliteTable::new(Database::open(&folder.path().join("t.db")).unwrap())));
    let store = Store::new(table.clone(), clock.clone(), Arc::new(OsEntropy));
    let created_at = clock.now();
    let model = Arc::new(ScriptedModel::default());
    let engine = Engine { catalog: Arc::new(catalog), store, tasks: script.clone(), models: model.clone(), clock };
    let alert = Alert {
        external_id: "Q1".into(),
        title: "Checkout is down".into(),
        description: String::new(),
        severity: AlertSeverity::High,
        urgency: "high".into(),
        priority: String::new(),
        service: Service { id: "PCHKOUT".into(), name: "Checkout".into() },
        team: String::new(),
        labels: BTreeMap::new(),
        links: vec![],
        slo: domain::Slo::default(),
        started_at: created_at,
    };
    let id = RunId::opened_by(EventId::mint(created_at, 1));
    let run = Run {
        title: alert.title.clone(),
        assistant: Some("cathy".parse().unwrap()),
        alert: Some(alert),
        ..Run::queued(id, "triage".parse().unwrap(), "d", created_at)
    };
    World { engine, script, model, table, run, _folder: folder }
}

impl World {
    pub async fn claim(&self) -> LeaseToken {
        self.engine.store.open_command(&self.run).await.unwrap();
        match self.engine.store.claim_run(self.run.id, Duration::from_secs(3600)).await.unwrap() {
            Claim::Claimed { token, .. } => token,
            other => panic!("{other:?}"),
        }
    }

    pub async fn steps(&self) -> Vec<Step> {
        self.engine.store.reader().view(self.run.id).await.unwrap().unwrap().steps
    }

    pub async fn drive(&self, token: LeaseToken, seconds: i64) -> Driven {
        let until = self.engine.clock.now() + SignedDuration::from_secs(seconds);
        self.engine.drive(&self.run, token, self.steps().await, until).await.unwrap()
    }

    async fn finished(&self) -> Report {
        let token = self.claim().await;
        match self.drive(token, 600).await {
            Driven::Finished(stood) => stood.report,
            Driven::Paused => panic!("paused"),
        }
    }

    pub fn called(&self) -> Vec<String> {
        std::mem::take(&mut *self.script.called.lock().unwrap())
    }
}

pub fn entry(id: &str, url: &str) -> Value {
    json!({"id": id, "task": "look", "with": {"url": url}})
}

fn with(mut entry: Value, key: &str, value: Value) -> Value {
    entry[key] = value;
    entry
}

#[tokio::test(start_paused = true)]
async fn steps_run_side_by_side_and_after_what_they_need() {
    let tasks = json!([
        with(entry("after", "http://after"), "needs", json!([])),
        entry("slow", "http://slow"),
        with(entry("last", "http://last"), "needs", json!(["slow"])),
    ]);
    let ok = |s| (s, Ok(json!({"status": 200})));
    let world = world(
        catalog(tasks, json!({})),
        &[("http://after", ok(5).0, ok(5).1), ("http://slow", 5, ok(5).1), ("http://last", 5, ok(5).1)],
    );
    let began = tokio::time::Instant::now();
    let report = world.finished().await;
    assert_eq!(world.called(), ["http://after", "http://slow", "http://last"]);
    assert_eq!(began.elapsed().as_secs(), 10, "two of the three ran at the same time");
    assert_eq!(report.verdict, "Nothing wrong found in 3 checks");
    assert_eq!(report.worst, None);
}

#[tokio::test(start_paused = true)]
async fn findings_are_ranked_merged_and_told_with_what_is_healthy_and_what_could_not_be_checked() {
    let tasks = json!([
        entry("fine", "http://fine"),
        entry("bad", "http://bad"),
        entry("bad-too", "http://bad"),
        entry("gone", "http://gone"),
        with(entry("no", "http://fine"), "when", json!("alert.urgency == \"low\"")),
        with(
            with(entry("then", "http://worse"), "needs", json!(["bad"])),
            "when",
            json!("steps.bad.issues.size() > 0")
        ),
    ]);
    let rules = json!({"rules": {"worse": {
        "name": "worse", "when": "issue.title.startsWith(\"http://worse\")", "then": {"severity": 1}, "reason": "It takes the money.",
    }}});
    let world = world(
        catalog(tasks, rules),
        &[
            ("http://fine", 0, Ok(json!({"status": 200}))),
            ("http://bad", 0, Ok(json!({"status": 503, "body": "password=hunter22"}))),
            ("http://gone", 0, Err("could not connect to gone: connection refused".into())),
            ("http://worse", 0, Ok(json!({"status": 500}))),
        ],
    );
    let report = world.finished().await;
    insta::assert_json_snapshot!(report);
    let steps = world.steps().await;
    assert!(matches!(&steps[4].outcome, Outcome::Skipped { reason } if reason.contains("alert.urgency")));
    assert_eq!(steps[1].evidence.data["body"], "password=[redacted]", "I9: redacted before it is stored");
}

#[tokio::test(start_paused = true)]
async fn i14_a_check_that_saw_only_a_part_is_not_called_healthy() {
    let part = json!({"status": 200, "unread": ["the daemonsets could not be read: 403", "the events could not be read: 403"]});
    let world = world(
        catalog(json!([entry("a", "http://a"), entry("b", "http://b")]), json!({})),
        &[("http://a", 0, Ok(json!({"status": 200, "unread": []}))), ("http://b", 0, Ok(part))],
    );
    let report = world.finished().await;
    assert_eq!(report.verdict, "Nothing wrong found in 2 checks; 1 check saw only a part");
    let healthy: Vec<_> = report.healthy.iter().map(|checked| checked.step.as_str()).collect();
    assert_eq!(healthy, ["a"]);
    let [gap] = report.gaps.as_slice() else { panic!("{report:?}") };
    assert_eq!(gap.reason, "the daemonsets could not be read: 403; the events could not be read: 403");
}

#[tokio::test(start_paused = true)]
async fn i6_a_resumed_run_takes_only_the_steps_that_are_not_recorded() {
    let tasks = json!([entry("a", "http://a"), with(entry("b", "http://b"), "needs", json!(["a"]))]);
    let ok = Ok(json!({"status": 200}));
    let world = world(catalog(tasks, json!({})), &[("http://a", 1, ok.clone()), ("http://b", 8, ok)]);
    let token = world.claim().await;
    assert_eq!(world.drive(token, 3).await, Driven::Paused);
    assert_eq!(world.called(), ["http://a", "http://b"]);
    assert_eq!(world.steps().await.len(), 1, "what was under way is not recorded");
    assert!(matches!(world.drive(token, 600).await, Driven::Finished(_)));
    assert_eq!(world.called(), ["http://b"]);
    assert_eq!(world.steps().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn i6_a_catalog_that_changed_and_came_back_leaves_each_recorded_step_its_place() {
    let ok = Ok(json!({"status": 200}));
    let ours = json!([entry("a", "http://a"), entry("b", "http://b"), entry("c", "http://c")]);
    let others = json!([entry("new", "http://new"), with(entry("c", "http://c"), "needs", json!(["new"]))]);
    let answers = ["a", "b", "c", "new"].map(|name| (format!("http://{name}"), ok.clone()));
    let answers: Vec<_> = answers.iter().map(|(url, answer)| (url.as_str(), 1, answer.clone())).collect();
    let mut world = world(catalog(others, json!({})), &answers);
    let token = world.claim().await;
    // The run began under the catalog that now stands again; between, another one took two of its steps.
    assert!(matches!(world.drive(token, 600).await, Driven::Finished(_)));
    let between = world.steps().await;
    world.engine.catalog = Arc::new(catalog(ours, json!({})));
    assert_eq!(world.run.catalog, world.engine.catalog.digest);
    world.called();
    let Driven::Finished(report) = world.drive(token, 600).await else { panic!("paused") };
    assert_eq!(world.called(), ["http://a", "http://b"]);
    let steps = world.steps().await;
    let ids: Vec<String> = steps.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(ids, ["new", "c", "a", "b"], "what was free is after all places");
    assert_eq!(steps[..2], between[..]);
    assert_eq!(report.report.healthy.len(), 4, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn i12_at_the_time_budget_the_run_concludes_with_what_it_has_and_says_so() {
    let tasks = json!([
        entry("a", "http://a"),
        with(entry("b", "http://b"), "needs", json!(["a"])),
        with(entry("c", "http://c"), "needs", json!(["b"])),
    ]);
    let ok = Ok(json!({"status": 200}));
    let world = world(
        catalog(tasks, json!({})),
        &[("http://a", 5, ok.clone()), ("http://b", 30, ok.clone()), ("http://c", 1, ok)],
    );
    let report = world.finished().await;
    assert_eq!(report.verdict, "Nothing wrong found in 1 check; 2 checks could not be made");
    assert_eq!(report.remarks, ["Concluded early: the run's time budget of 20s was reached."]);
    assert_eq!(world.called(), ["http://a", "http://b"]);
}

#[tokio::test(start_paused = true)]
async fn i6_a_run_that_comes_back_late_still_has_its_time() {
    let ok = Ok(json!({"status": 200}));
    let mut world = world(catalog(json!([entry("a", "http://a")]), json!({})), &[("http://a", 5, ok)]);
    let token = world.claim().await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    world.run.spent_ms = 10_000;
    let Driven::Finished(report) = world.drive(token, 600).await else { panic!("paused") };
    assert_eq!(report.report.verdict, "Nothing wrong found in 1 check");
    world.run.spent_ms = 20_000;
    world.run.id = RunId::opened_by(EventId::mint(world.run.created_at, 2));
    let token = world.claim().await;
    let Driven::Finished(report) = world.drive(token, 600).await else { panic!("paused") };
    assert_eq!(report.report.remarks, ["Concluded early: the run's time budget of 20s was reached."]);
}

#[tokio::test(start_paused = true)]
async fn i14_when_nothing_could_be_checked_the_verdict_says_that() {
    let world = world(
        catalog(json!([entry("a", "http://a"), entry("b", "not a url")]), json!({})),
        &[("http://a", 0, Err("timed out after 5 s".into()))],
    );
    let report = world.finished().await;
    assert_eq!(report.verdict, "Could not investigate: 2 checks could not be made");
    assert_eq!(report.gaps.len(), 2);
    assert_eq!(world.called(), ["http://a"], "an input that does not fit is never sent");
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_matching_slxs_take_their_entrys_place() {
    let slx = |name: &str, service: &str| {
        json!({"name": name, "tags": {"service": service}, "tasks": [
            entry("up", &format!("http://{name}")),
            with(with(entry("then", "http://then"), "needs", json!(["up"])), "when", json!("steps.up.result.status == 200")),
            with(with(entry("never", "http://never"), "needs", json!(["up"])), "when", json!("steps.up.result.status == 500")),
        ]})
    };
    let slxs = json!({"slxs": {"checkout": slx("checkout", "PCHKOUT"), "search": slx("search", "PSEARCH")}});
    let tasks = json!([
        {"id": "around", "slx": "matched", "when": "alert.urgency == \"high\""},
        with(entry("end", "http://end"), "needs", json!(["around"])),
    ]);
    let ok = Ok(json!({"status": 200}));
    let world = world(
        catalog(tasks, slxs),
        &[("http://checkout", 1, ok.clone()), ("http://then", 1, ok.clone()), ("http://end", 1, ok)],
    );
    let report = world.finished().await;
    let slxs: Vec<_> = report.slxs.iter().map(|slx| (slx.name.as_str(), slx.why.as_str())).collect();
    assert_eq!(slxs, [("checkout", "its tag `service: PCHKOUT` is the alert's service")]);
    let ids: Vec<String> = world.steps().await.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(ids, ["around.checkout.up", "around.checkout.then", "around.checkout.never", "end"]);
    assert_eq!(world.called(), ["http://checkout", "http://then", "http://end"]);
}

#[tokio::test(start_paused = true)]
async fn i14_that_no_slx_matched_is_said_where_their_tasks_were_asked_for() {
    let slxs = json!({"slxs": {"search": {"name": "search", "tags": {"service": "PSEARCH"}}}});
    let tasks = json!([entry("a", "http://a"), {"id": "around", "slx": "matched"}]);
    let world = world(catalog(tasks, slxs), &[("http://a", 0, Ok(json!({"status": 200})))]);
    let report = world.finished().await;
    assert_eq!(report.slxs, []);
    assert_eq!(
        report.remarks,
        ["No Slx matched: no tag and no link of one is in the alert, so none of their Tasks ran."]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_what_was_found_stands_in_the_report_without_a_model() {
    let known = |name: &str, tags: Value, text: &str| json!({"name": name, "title": name, "tags": tags, "text": text});
    let extra = json!({
        "slxs": {"shop": {"name": "shop", "tags": {"service": "PCHKOUT", "tier": "1"}}},
        "knowledge": {
            "cache": known("cache", json!({}), "The cache is warmed at night."),
            "payments": known("payments", json!({}), "It answers 503 while the gateway is slow."),
            "shop": known("shop", json!({"tier": "1"}), "Ask the shop's own channel."),
            "other": known("other", json!({"tier": "2"}), "It answers 503 too."),
        },
    });
    let world = world(catalog(json!([entry("a", "http://a")]), extra), &[("http://a", 0, Ok(json!({"status": 503})))]);
    let report = world.finished().await;
    let known: Vec<_> = report.knowledge.iter().map(|known| (known.name.as_str(), known.excerpt.as_str())).collect();
    assert_eq!(
        known,
        [("shop", "Ask the shop's own channel."), ("payments", "It answers 503 while the gateway is slow.")]
    );
}
