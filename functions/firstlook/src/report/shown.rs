//! What the text of each kind of RunSession looks like, whole.

use std::collections::BTreeMap;

use domain::{
    Alert, AlertSeverity, Checked, Counts, EventId, Evidence, Gap, Issue, KnowledgeFound, OutletSpec, PagerDutySpec,
    RunId, SlackSpec, SlxMatched, StepId, TargetSpec, WebhookSpec,
};
use jiff::SignedDuration;
use serde_json::Value;

use super::*;

fn at(millis: i64) -> Timestamp {
    let opened: Timestamp = "2026-03-02T09:14:06Z".parse().unwrap();
    opened + SignedDuration::from_millis(millis)
}

fn issue(severity: Severity, title: &str, resource: &str) -> Issue {
    Issue {
        severity,
        title: title.into(),
        expected: "a connection within 2 s".into(),
        actual: "connection refused, after 1 ms".into(),
        details: String::new(),
        reproduce: "nc -vz -w 2 127.0.0.1 41233".into(),
        next_steps: vec!["Compare 127.0.0.1:41233 with the address at which the database really listens.".into()],
        resource: resource.into(),
        fault: String::new(),
        observed_at: at(20),
    }
}

fn step(index: u32, id: &str, millis: u64, outcome: Outcome, summary: &str, issues: Vec<Issue>) -> Step {
    Step {
        id: StepId::new(id),
        index,
        title: format!("Check {id}"),
        task: "look".parse().unwrap(),
        kind: "http".into(),
        resource: String::new(),
        started_at: at(15 + i64::from(index)),
        elapsed_ms: millis,
        outcome,
        request: Value::Null,
        evidence: Evidence { summary: summary.into(), data: Value::Null, cut: None },
        issues,
    }
}

fn target(name: &str, outlet: OutletSpec, state: TargetState, revision: u64) -> Target {
    Target { state, revision, ..Target::new(TargetSpec::new(name, outlet), at(900)) }
}

fn report(verdict: &str) -> Report {
    Report {
        verdict: verdict.into(),
        worst: None,
        issues: vec![],
        healthy: vec![],
        gaps: vec![],
        next_steps: vec![],
        remarks: vec![],
        read_by: "none".into(),
        ..Report::default()
    }
}

fn concluded(report: Option<Report>, steps: Vec<Step>) -> RunView {
    let event = EventId::mint(at(0), 7);
    let run = Run {
        status: RunStatus::Concluded,
        title: "Checkout answers 5xx for more than 2 % of requests".into(),
        trigger: Trigger::Event { event, source: "pagerduty".parse().unwrap() },
        workflow: Some("checkout-pages".parse().unwrap()),
        alert: Some(Alert {
            external_id: "Q0CHK7OUT4PAGE".into(),
            title: "Checkout answers 5xx for more than 2 % of requests".into(),
            description: String::new(),
            severity: AlertSeverity::High,
            urgency: "high".into(),
            priority: String::new(),
            service: domain::Service::default(),
            team: String::new(),
            labels: BTreeMap::new(),
            links: vec![],
            slo: domain::Slo::default(),
            started_at: at(-1000),
        }),
        evidence_at: Some(at(30)),
        ended_at: Some(at(840)),
        revision: 3,
        report,
        ..Run::queued(RunId::opened_by(event), "checkout-triage".parse().unwrap(), "6f1e5a0c9b3d2e47", at(0))
    };
    RunView { run, steps, events: vec![], targets: vec![], ratings: vec![], transcript: vec![] }
}

fn checked(step: &str, summary: &str) -> Checked {
    Checked { step: StepId::new(step), title: format!("Check {step}"), summary: summary.into() }
}

fn with_issues() -> RunView {
    let database = issue(Severity::Critical, "`checkout-db` takes no connections at 127.0.0.1:41233", "checkout-db");
    let health = Issue {
        expected: "200 within 5 s".into(),
        actual: "503 after 2 ms".into(),
        details: "It says: the database is not there, and the orders that come in wait in a queue that nobody \
                  drains, which has been so since the newest deploy\nOrders that wait: 34"
            .into(),
        next_steps: vec!["Read the answer of the health check.".into()],
        ..issue(Severity::Major, "`checkout` answers its health check with 503", "checkout")
    };
    let mut view = concluded(None, vec![]);
    view.steps = vec![
        step(0, "health", 2, Outcome::Ok, "503 in 2 ms", vec![health.clone()]),
        step(1, "database", 1, Outcome::Ok, "could not connect to 127.0.0.1:41233", vec![database.clone()]),
        step(2, "payments", 3, Outcome::Ok, "200 in 3 ms", vec![]),
        step(
            3,
            "deploys",
            0,
            Outcome::Skipped { reason: "not needed: `steps.health.issues.size() > 9` is false".into() },
            "",
            vec![],
        ),
    ];
    let merged = |issue: &Issue, steps: &[&str]| MergedIssue {
        issue: issue.clone(),
        last_seen_at: None,
        steps: steps.iter().map(|step| StepId::new(*step)).collect(),
    };
    view.run.report = Some(Report {
        worst: Some(Severity::Critical),
        issues: vec![merged(&database, &["database", "related.checkout.database"]), merged(&health, &["health"])],
        healthy: vec![checked("payments", "200 in 3 ms")],
        slxs: vec![SlxMatched {
            name: "checkout".parse().unwrap(),
            why: "its tag `service: checkout` is the alert's service".into(),
        }],
        knowledge: vec![KnowledgeFound {
            name: "checkout-db".parse().unwrap(),
            title: "Where the database stands".into(),
            excerpt: "It moves on Sundays,\nand the name follows.".into(),
        }],
        // The second finding's own is beyond what the report tells.
        next_steps: database.next_steps.clone(),
        remarks: vec!["Rule `known` reframed \"`checkout` answers its health check with 503\": it is known.".into()],
        ..report("`checkout-db` takes no connections at 127.0.0.1:41233, and 1 more finding")
    });
    view.run.counts = Counts { duplicates: 1, attached: 2, fired: 1, ..Counts::default() };
    let slack = OutletSpec::Slack(SlackSpec::channel("#checkout-oncall"));
    let note = OutletSpec::PagerDuty(PagerDutySpec { note: true, from: None });
    let webhook = |path: &str| {
        let url = format!("https://hooks.example.com/{path}");
        OutletSpec::Webhook(WebhookSpec { url, secret: "team-webhook".into() })
    };
    let mut failed = target("webhook-2", webhook("b"), TargetState::Failed, 0);
    (failed.attempts, failed.last_error) = (5, Some("hooks.example.com answered 410".into()));
    view.targets = vec![
        target("slack", slack, TargetState::Sent, 3),
        target("pagerduty", note, TargetState::Pending, 0),
        target("webhook", webhook("a"), TargetState::Sent, 2),
        failed,
    ];
    view
}

fn healthy() -> RunView {
    let healthy = vec![checked("health", "200 in 2 ms"), checked("payments", "200 in 3 ms")];
    let steps = vec![
        step(0, "health", 2, Outcome::Ok, "200 in 2 ms", vec![]),
        step(1, "payments", 3, Outcome::Ok, "200 in 3 ms", vec![]),
    ];
    concluded(Some(Report { healthy, ..report("Nothing wrong found in 2 checks") }), steps)
}

/// One check was not made: the engine makes a finding of it as well.
fn gaps_only() -> RunView {
    let reason = "checkout.internal does not resolve";
    let unmade = issue(Severity::Minor, "Check health: could not be checked", "");
    let steps = vec![step(0, "health", 4, Outcome::Failed { reason: reason.into() }, "", vec![unmade.clone()])];
    let gap = Gap { step: StepId::new("health"), title: "Check health".into(), reason: reason.into() };
    let issues = vec![MergedIssue { issue: unmade, last_seen_at: None, steps: vec![StepId::new("health")] }];
    let report = Report {
        worst: Some(Severity::Minor),
        issues,
        gaps: vec![gap],
        next_steps: vec!["Mend what kept the check from being made, then run the Command again.".into()],
        ..report("Could not investigate: 1 check could not be made")
    };
    concluded(Some(report), steps)
}

#[test]
fn a_run_with_issues() {
    insta::assert_snapshot!(text(&with_issues(), Style::Plain));
}

#[test]
fn a_run_that_found_nothing() {
    insta::assert_snapshot!(text(&healthy(), Style::Plain));
    assert!(line(&healthy().run, Style::Plain).contains("  healthy        "));
}

#[test]
fn a_run_that_failed() {
    let mut view = concluded(None, vec![]);
    view.run.status = RunStatus::Failed;
    view.run.reason =
        Some("the Command `checkout-triage` cannot be given its parameters: `growth` is not a number".into());
    insta::assert_snapshot!(text(&view, Style::Plain));
}

/// Neither healthy nor a finding of the service: what could not be looked at is said to be unknown, once.
#[test]
fn i14_a_run_with_gaps_only() {
    let mut view = gaps_only();
    insta::assert_snapshot!(text(&view, Style::Plain));
    assert!(line(&view.run, Style::Plain).contains("  not known  "));
    // So it is, too, when the budget ended the run before any step, or no step was needed.
    let report = view.run.report.as_mut().unwrap();
    (report.issues, report.worst) = (vec![], None);
    assert!(text(&view, Style::Plain).contains("[not known] Could not investigate"));
    view.run.report.as_mut().unwrap().gaps.clear();
    assert!(text(&view, Style::Plain).contains("[not known] Could not investigate"));
}

#[test]
fn a_run_whose_incident_was_resolved_meanwhile() {
    let mut view = healthy();
    view.run.incident = IncidentState::Resolved { at: at(-500) };
    insta::assert_snapshot!(text(&view, Style::Plain));
}

#[test]
fn a_run_says_how_its_incident_has_gone() {
    let mut first = healthy().run;
    first.counts.fired = 2;
    let mut view = with_issues();
    view.run = view.run.after(&first);
    let shown = text(&view, Style::Plain);
    assert!(shown.contains("\nFlapping: fired 3 times since 20") && shown.contains("fired 3 times, "), "{shown}");
    assert!(shown.contains("Nothing wrong found in 2 checks\n"), "{shown}");
    assert!(shown.contains(&format!("the last look is {}", first.id)), "{shown}");
    view.run = view.run.into_storm();
    (view.run.counts.gathered, view.run.counts.incidents) = (57, 12);
    assert!(text(&view, Style::Plain).contains("12 incidents, 58 alerts, are"));
}

#[test]
fn a_run_that_goes_on_after_its_first_findings() {
    let mut view = with_issues();
    (view.run.status, view.run.ended_at) = (RunStatus::Running, None);
    assert!(text(&view, Style::Plain).contains("\nThese are the first findings; the investigation goes on.\n"));
}

const EVIL: &str = "Down\u{1b}[2J\u{1b}]0;x\u{7}\r\n\n[healthy] all is well\u{9b}31m\u{202e}\u{8}";

fn hostile() -> RunView {
    let mut view = with_issues();
    view.run.title = EVIL.into();
    view.run.trigger = Trigger::Hand { who: EVIL.into() };
    view.run.catalog = EVIL.into();
    let report = view.run.report.as_mut().unwrap();
    report.verdict = EVIL.into();
    (report.next_steps, report.remarks) = (vec![EVIL.into()], vec![EVIL.into()]);
    report.healthy[0].summary = EVIL.into();
    report.gaps = vec![Gap { step: StepId::new("gap"), title: EVIL.into(), reason: EVIL.into() }];
    let issue = &mut report.issues[0].issue;
    for text in [
        &mut issue.title,
        &mut issue.expected,
        &mut issue.actual,
        &mut issue.details,
        &mut issue.reproduce,
        &mut issue.resource,
        &mut issue.next_steps[0],
    ] {
        *text = EVIL.into();
    }
    report.issues[0].steps[0] = StepId::new(EVIL);
    view.steps[0].evidence.summary = EVIL.into();
    view.steps[1].id = StepId::new(EVIL);
    view.steps[3].outcome = Outcome::Failed { reason: EVIL.into() };
    view.targets[0].spec.name = EVIL.into();
    view.targets[0].spec.outlet = OutletSpec::Slack(SlackSpec::channel(EVIL));
    view.targets[3].last_error = Some(EVIL.into());
    view
}

/// No text of an alert or an answer acts on the terminal, and none begins a line as we do.
#[test]
fn i8_hostile_text_is_neutralised() {
    let view = hostile();
    let shown = text(&view, Style::Plain);
    insta::assert_snapshot!(shown);
    for shown in [&shown, &line(&view.run, Style::Plain)] {
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("[healthy]")), "{shown}");
    }
    assert_eq!(line(&view.run, Style::Plain).lines().count(), 1);
    for step in &view.steps {
        assert_eq!(super::step(step, Style::Plain).lines().count(), 1);
    }
    for target in &view.targets {
        assert_eq!(super::target(target, 3, Style::Plain).lines().count(), 1);
    }
}

/// Colour is ours alone and says nothing that the words do not: without our own codes, the text is the plain one.
#[test]
fn colours_are_only_ours() {
    for view in [with_issues(), healthy(), gaps_only(), hostile()] {
        let mut bare = String::new();
        let dressed = text(&view, Style::Dressed);
        let mut pieces = dressed.split('\u{1b}');
        bare.push_str(pieces.next().unwrap());
        for piece in pieces {
            let (code, rest) = piece.split_once('m').unwrap();
            assert!(code.starts_with('[') && code[1..].chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
            bare.push_str(rest);
        }
        assert_eq!(bare, text(&view, Style::Plain));
        assert_ne!(bare, dressed);
    }
}

/// What is ours is ASCII, so that it reads in every terminal and every file.
#[test]
fn the_layout_is_ascii() {
    for view in [with_issues(), healthy(), gaps_only()] {
        assert!(text(&view, Style::Plain).is_ascii());
        assert!(line(&view.run, Style::Plain).is_ascii());
    }
}
