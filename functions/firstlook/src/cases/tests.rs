use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;

const CATALOG: &str = r#"
kind: Source
name: tool
type: webhook
verify: { secret: tool-signing, scheme: standard-webhooks }
map: { external_id: body.id, title: body.title, labels: body.labels }
tests:
  - { name: an alert is read, event: events/one.json, expect: event.kind == "triggered" && alert.title == "Shop is down" }
  - { name: another title, event: events/one.json, expect: alert.title == "Shop is up" && event.external_id == "A1" }
  - { name: no JSON, event: events/broken.json, expect: event.kind == "triggered" }
---
kind: Source
name: alarms
type: cloudwatch
verify: { scheme: iam }
tests:
  - { name: an alarm, event: events/alarm.json, expect: event.kind == "triggered" && alert.title != "" }
---
kind: Task
name: port-open
access: read-only
inputs: { port: { type: integer, default: 5432 } }
title: Check that port ${{ inputs.port }} takes connections
resource: port/${{ inputs.port }}
run: { tcp: { host: db.internal, port: "${{ inputs.port }}" } }
issues:
  - when: "!result.connected"
    severity: 1
    title: Port ${{ inputs.port }} takes no connections
    expected: a connection
    actual: ${{ result.error }}
    next_steps: ["Check whether the process behind it runs."]
tests:
  - { name: refused, result: { connected: false, error: connection refused }, expect: issues.size() == 1 }
  - { name: wrongly healthy, result: { connected: false, error: timed out }, expect: issues.size() == 0 }
---
kind: Command
name: triage
description: Is it there
tasks: [{ id: port, task: port-open }, { id: again, task: port-open, needs: [port], when: steps.port.issues.size() > 0 }]
tests:
  - { name: healthy, results: { port: { connected: true } }, expect: steps.again.outcome == "skipped" }
  - { name: wrong, results: { port: { connected: false, error: refused } }, expect: steps.again.outcome == "ok" }
---
kind: Workflow
name: pages
trigger: { sources: [tool, alarms], when: alert.title.startsWith("Shop") }
incident: { key: "shop-${{ alert.external_id }}" }
investigate: { command: triage }
tests:
  - { name: the shop, source: tool, event: events/one.json, expect: chosen == "pages" && incident_key == "shop-A1" }
  - { name: others, source: tool, event: events/other.json, expect: chosen == null }
  - { name: wanted in vain, source: tool, event: events/other.json, expect: chosen == "pages" }
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/webhooks/cloudwatch/triggered.json");
        let sample = fs::read_to_string(sample).unwrap();
        fs::create_dir(place.0.path().join("events")).unwrap();
        for (name, text) in [
            ("all.yaml", CATALOG),
            ("events/one.json", r#"{"id": "A1", "title": "Shop is down", "labels": {"zone": "a"}}"#),
            ("events/other.json", r#"{"id": "A2", "title": "Bank is down", "labels": {}}"#),
            ("events/broken.json", "{"),
            ("events/alarm.json", &sample),
        ] {
            fs::write(place.0.path().join(name), text).unwrap();
        }
        place
    }

    fn tried(&self) -> BTreeMap<String, (Case, Tried)> {
        let loaded = load_dir_with(self.0.path(), FILES, None);
        assert_eq!(loaded.problems, vec![]);
        let catalog = loaded.catalog.unwrap();
        loaded.cases.into_iter().map(|case| (title(&case), (case.clone(), tried(&catalog, &case)))).collect()
    }
}

#[test]
fn cases_pass_by_what_really_comes_of_them() {
    let tried = Place::new().tried();
    let passed: Vec<&str> = tried.iter().filter(|(_, (_, tried))| tried.passes()).map(|(title, _)| &**title).collect();
    assert_eq!(
        passed,
        [
            "Command triage: healthy",
            "Source alarms: an alarm",
            "Source tool: an alert is read",
            "Task port-open: refused",
            "Workflow pages: others",
            "Workflow pages: the shop",
        ]
    );
}

#[test]
fn a_case_that_fails_shows_what_it_saw() {
    let place = Place::new();
    let shown: Vec<String> =
        place.tried().values().map(|(case, tried)| super::shown(case, tried, Style::Plain)).collect();
    let printed = shown.join("\n").replace(&place.0.path().display().to_string(), "catalog");
    // What an alert without a time of its own has is when it came.
    insta::with_settings!({filters => vec![(r"started_at: \S+", "started_at: <now>")]}, {
        insta::assert_snapshot!(printed);
    });
}

#[test]
fn the_exit_code_says_whether_all_passed() {
    let place = Place::new();
    let test = |filter: Option<&str>| {
        super::test(&Test { filter: filter.map(str::to_owned), catalog: place.0.path().to_owned() })
    };
    assert!(matches!(test(None), Err(Failure::Told)));
    assert!(test(Some("task port-open: REFUSED")).is_ok());
    assert!(matches!(test(Some("nobody")), Err(Failure::Wrong(_))));
}

/// The example, and the demo with the places of its service put in, keep what their cases promise.
#[tokio::test]
async fn the_catalogs_that_ship_pass_their_cases() {
    let demo = tempfile::tempdir().unwrap();
    let service = crate::demo::checkout::Service::start().await.unwrap();
    crate::demo::catalog::write(demo.path(), &service, "http://127.0.0.1:9/webhook/team").unwrap();
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/workspace");
    for (folder, least) in [(example.as_path(), 8), (demo.path(), 2)] {
        let loaded = load_dir_with(folder, FILES, None);
        let catalog = loaded.catalog.unwrap();
        let failed = loaded.cases.iter().map(|case| (case, tried(&catalog, case))).filter(|(_, tried)| !tried.passes());
        let failed: Vec<String> = failed.map(|(case, tried)| shown(case, &tried, Style::Plain)).collect();
        assert!(failed.is_empty() && loaded.cases.len() >= least, "{}", failed.join("\n"));
    }
}
