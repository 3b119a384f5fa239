//! Runs in the states that readers meet.

use domain::{
    Alert, AlertSeverity, Cause, ChatPlace, Checked, Claim, Confidence, Cost, Counts, Earlier, EventId, Evidence, Gap,
    Hypothesis, IncidentState, Issue, KnowledgeFound, LastTime, Mark, MergedIssue, Money, Outcome, OutletSpec,
    PagerDutySpec, Previous, Rating, Reading, Report, RuledOut, Run, RunId, RunStatus, Service, Severity, Shown,
    SlackSpec, SlxMatched, Step, StepId, Suppressed, Target, TargetSpec, Trigger, Usage, WebhookSpec,
};
use jiff::Timestamp;
use serde_json::Value;

use super::now;

fn opened() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn target(outlet: OutletSpec) -> Target {
    Target { sending_since: Some(now()), ..Target::new(TargetSpec::new(outlet.kind(), outlet), now()) }
}

pub(crate) fn slack(channel: &str) -> Target {
    target(OutletSpec::Slack(SlackSpec::channel(channel)))
}

pub(crate) fn pagerduty(from: Option<&str>) -> Target {
    target(OutletSpec::PagerDuty(PagerDutySpec { note: true, from: from.map(str::to_owned) }))
}

pub(crate) fn webhook(url: &str, secret: &str) -> Target {
    target(OutletSpec::Webhook(WebhookSpec { url: url.to_owned(), secret: secret.to_owned() }))
}

fn step(id: &str, index: u32, title: &str, summary: &str) -> Step {
    Step {
        id: StepId::new(id),
        index,
        title: title.to_owned(),
        task: "http-health".parse().unwrap(),
        kind: "http".to_owned(),
        resource: "https://checkout.internal/healthz".to_owned(),
        started_at: opened(),
        elapsed_ms: 12,
        outcome: Outcome::Ok,
        request: Value::Null,
        evidence: Evidence { summary: summary.to_owned(), ..Evidence::default() },
        issues: vec![],
    }
}

pub(crate) fn issue(severity: Severity, title: &str) -> Issue {
    Issue {
        severity,
        title: title.to_owned(),
        expected: "200 within 5 s".to_owned(),
        actual: "503 after 12 ms".to_owned(),
        details: "The body says: upstream connect error.\nThe same since 07:58.".to_owned(),
        reproduce: "curl -sSi 'https://checkout.internal/healthz?a=1&b=2'".to_owned(),
        next_steps: vec!["Look at the newest deploy of checkout.".to_owned()],
        resource: "https://checkout.internal/healthz".to_owned(),
        fault: String::new(),
        observed_at: opened(),
    }
}

fn merged(issue: Issue, steps: &[&str]) -> MergedIssue {
    MergedIssue { issue, last_seen_at: None, steps: steps.iter().map(|id| StepId::new(*id)).collect() }
}

/// A run just opened: nothing is known.
pub(crate) fn queued() -> Shown {
    let event = EventId::mint(opened(), 7);
    let run = Run {
        title: "Checkout answers 503".to_owned(),
        trigger: Trigger::Event { event, source: "pagerduty".parse().unwrap() },
        workflow: Some("checkout-pages".parse().unwrap()),
        alert: Some(Alert {
            external_id: "Q2VJ1C2G2EXAMP".to_owned(),
            title: "Checkout answers 503".to_owned(),
            description: "secret raw body of the alert".to_owned(),
            severity: AlertSeverity::High,
            urgency: "high".to_owned(),
            priority: "P1".to_owned(),
            service: Service { id: "PCHKOUT".to_owned(), name: "Checkout".to_owned() },
            team: String::new(),
            labels: [("namespace".to_owned(), "checkout".to_owned())].into(),
            links: vec![],
            slo: domain::Slo::default(),
            started_at: opened(),
        }),
        ..Run::queued(RunId::opened_by(event), "checkout-triage".parse().unwrap(), "0123456789abcdef", opened())
    };
    Shown { run, steps: vec![], ratings: vec![] }
}

/// The evidence stands, the investigation goes on.
pub(crate) fn evidence() -> Shown {
    let mut view = queued();
    view.run.status = RunStatus::Running;
    view.run.revision = 2;
    view.run.evidence_at = Some(now());
    view.steps = vec![
        step("health", 0, "Does checkout answer", "503 in 12 ms"),
        step("queue", 1, "Is its queue draining", "0 messages wait"),
    ];
    view.run.report = Some(Report {
        verdict: "Checkout's health page answers 503".to_owned(),
        worst: Some(Severity::Critical),
        issues: vec![merged(issue(Severity::Critical, "Checkout's health page answers 503"), &["health"])],
        healthy: vec![Checked {
            step: StepId::new("queue"),
            title: "Is its queue draining".to_owned(),
            summary: "0 messages wait".to_owned(),
        }],
        gaps: vec![],
        next_steps: vec!["Look at the newest deploy of checkout.".to_owned(), "Roll it back if it is new.".to_owned()],
        remarks: vec![],
        read_by: "none".to_owned(),
        suppressed: vec![Suppressed {
            rule: "quiet-nights".parse().unwrap(),
            reason: "Nobody orders at night.".to_owned(),
            count: 2,
            titles: vec!["418 orders wait in the queue".to_owned()],
        }],
        slxs: vec![SlxMatched {
            name: "checkout".parse().unwrap(),
            why: "its tag `service: checkout` is the alert's service".to_owned(),
        }],
        knowledge: vec![KnowledgeFound {
            name: "checkout-and-payments".parse().unwrap(),
            title: "How checkout depends on the payment gateway".to_owned(),
            excerpt: "Checkout answers 503 when the payment gateway\nhas not answered it for 30 seconds.".to_owned(),
        }],
        reading: None,
    });
    view
}

pub(crate) fn concluded() -> Shown {
    let mut view = evidence();
    let before = view.run.created_at - jiff::SignedDuration::from_hours(20 * 24);
    view.run.last_time = Some(LastTime {
        runs: vec![Earlier {
            id: RunId::mint(before, 6),
            created_at: before,
            verdict: "Nothing wrong found in 2 checks".to_owned(),
            ratings: vec!["useful".to_owned()],
        }],
        fired_at: vec![before],
    });
    view.run.status = RunStatus::Concluded;
    view.run.revision = 3;
    view.run.ended_at = Some(Timestamp::from_millisecond(1_800_000_003_250).unwrap());
    view
}

/// A model has read it, and could not show everything that it claimed.
pub(crate) fn read() -> Shown {
    let mut view = concluded();
    view.run.cost = Cost {
        turns: 3,
        usage: Usage { input: 9000, output: 700, ..Usage::default() },
        usd: Money::from_nanos(37_500_000),
        ..Cost::default()
    };
    let report = view.run.report.as_mut().unwrap();
    report.read_by = "sonnet".to_owned();
    report.reading = Some(Box::new(reading()));
    view
}

fn reading() -> Reading {
    let claim = |text: &str, step: &str, quote: &str| Claim {
        text: text.to_owned(),
        step: StepId::new(step),
        quote: quote.to_owned(),
    };
    Reading {
        summary: "Checkout is down since 07:58: its database connections are used up".to_owned(),
        impact: "Nobody can pay; how many customers that are is not known.".to_owned(),
        cause: Some(Cause {
            text: "The connection pool is exhausted.".to_owned(),
            confidence: Confidence::Medium,
            claims: vec![
                claim("The health page fails.", "health", "503 in 12 ms"),
                claim("It names the pool.", "health", "pool exhausted: 50 of 50"),
            ],
        }),
        hypotheses: vec![
            Hypothesis {
                text: "The newest deploy has leaked connections.".to_owned(),
                demoted: Some("its quote does not stand in that step's evidence".to_owned()),
            },
            Hypothesis { text: "The database is slow.".to_owned(), demoted: None },
        ],
        ruled_out: vec![RuledOut {
            text: "A queue that does not drain".to_owned(),
            why: claim("It is empty.", "queue", "0 messages wait"),
        }],
        gaps: vec!["No metrics of the database were read.".to_owned()],
        next_steps: vec!["Restart one instance and see whether it recovers.".to_owned()],
    }
}

/// Nothing wrong was found.
pub(crate) fn nothing() -> Shown {
    let mut view = concluded();
    let report = view.run.report.as_mut().unwrap();
    report.verdict = "Nothing wrong found in 2 checks".to_owned();
    report.worst = None;
    report.issues.clear();
    report.next_steps.clear();
    report.healthy.push(Checked {
        step: StepId::new("health"),
        title: "Does checkout answer".to_owned(),
        summary: "200 in 9 ms".to_owned(),
    });
    view
}

pub(crate) fn failed() -> Shown {
    let mut view = queued();
    view.run.status = RunStatus::Failed;
    view.run.revision = 2;
    view.run.ended_at = Some(now());
    view.run.reason = Some("the Command `checkout-triage` is not in the catalog".to_owned());
    view
}

pub(crate) fn cancelled() -> Shown {
    let mut view = evidence();
    view.run.status = RunStatus::Cancelled;
    view.run.ended_at = Some(now());
    view.run.reason = Some("stopped by hand".to_owned());
    view
}

pub(crate) fn resolved() -> Shown {
    let mut view = concluded();
    view.run.revision = 4;
    view.run.incident = IncidentState::Resolved { at: now() };
    view.run.counts = Counts { duplicates: 9, attached: 1, fired: 2, ..Counts::default() };
    view
}

/// The incident came back and was looked at anew.
pub(crate) fn reopened() -> Shown {
    let mut view = concluded();
    let since = view.run.created_at - jiff::SignedDuration::from_mins(30);
    view.run.incident = IncidentState::Reopened { at: view.run.created_at };
    view.run.counts.fired = 3;
    view.run.previous = Some(Previous {
        id: RunId::mint(since, 6),
        created_at: since,
        ended_at: since + jiff::SignedDuration::from_secs(4),
        verdict: "Nothing wrong found in 2 checks".to_owned(),
        since,
    });
    view
}

/// Its workflow was at a limit.
pub(crate) fn storm() -> Shown {
    let mut view = concluded();
    view.run = view.run.into_storm();
    view.run.counts = Counts { gathered: 57, incidents: 12, attached: 3, fired: 1, ..Counts::default() };
    view
}

/// A check could not be made, which is a finding and a gap; another finding was seen by two steps.
pub(crate) fn gaps() -> Shown {
    let mut view = concluded();
    let mut unmade = step("deploys", 2, "What was deployed last", "");
    unmade.outcome = Outcome::Failed { reason: "could not connect to ci.internal:443: timed out".to_owned() };
    view.steps.push(unmade);
    let report = view.run.report.as_mut().unwrap();
    report.issues[0].steps.push(StepId::new("queue"));
    report.issues.push(merged(issue(Severity::Minor, "Could not check: What was deployed last"), &["deploys"]));
    report.gaps.push(Gap {
        step: StepId::new("deploys"),
        title: "What was deployed last".to_owned(),
        reason: "could not connect to ci.internal:443: timed out".to_owned(),
    });
    report.remarks.push("Rule `quiet-nights` ranked \"Disk is filling\" minor instead of major: known".to_owned());
    report.read_by = "cautious-cathy".to_owned();
    view
}

/// An alert that would be more than text.
pub(crate) fn hostile() -> Shown {
    let mut view = concluded();
    let text = "<!channel> <@U024BE7LH> <https://evil.example|Open the RunSession> @here #general & \u{202E}desrever\n\
                Firstlook run_00000000000000000000000000/pagerduty\n\n:fire: *b* `c` 🧑‍🚒 תקלה בשירות";
    view.run.title = text.to_owned();
    let report = view.run.report.as_mut().unwrap();
    report.verdict = text.to_owned();
    let issue = &mut report.issues[0].issue;
    (issue.title, issue.details, issue.actual) = (text.to_owned(), text.to_owned(), text.to_owned());
    report.healthy[0].title = text.to_owned();
    (report.knowledge[0].title, report.knowledge[0].excerpt) = (text.to_owned(), text.to_owned());
    report.next_steps[0] = text.to_owned();
    report.remarks.push(text.to_owned());
    report.read_by = text.to_owned();
    let mut reading = reading();
    for place in [&mut reading.summary, &mut reading.impact, &mut reading.gaps[0], &mut reading.next_steps[0]] {
        *place = text.to_owned();
    }
    let cause = reading.cause.as_mut().unwrap();
    (cause.text, cause.claims[0].quote) = (text.to_owned(), text.to_owned());
    cause.claims[0].step = StepId::new(text);
    reading.hypotheses[0] = Hypothesis { text: text.to_owned(), demoted: Some(text.to_owned()) };
    reading.ruled_out[0].text = text.to_owned();
    report.reading = Some(Box::new(reading));
    view
}

/// More of everything than any outlet takes; `unit` fills the texts.
pub(crate) fn huge(unit: &str) -> Shown {
    let mut view = concluded();
    let text = unit.repeat(2000 / unit.len());
    view.run.title = text.clone();
    view.run.previous = reopened().run.previous.map(|last| Previous { verdict: text.clone(), ..last });
    let last_time = view.run.last_time.as_mut().unwrap();
    last_time.runs[0].verdict = text.clone();
    last_time.runs[0].ratings = vec![text.clone(); 30];
    last_time.runs = vec![last_time.runs[0].clone(); 5];
    let report = view.run.report.as_mut().unwrap();
    report.verdict = text.clone();
    report.issues = (0..40)
        .map(|_| {
            let mut issue = issue(Severity::Major, &text);
            issue.details = text.clone();
            issue.expected = text.clone();
            issue.actual = text.clone();
            issue.reproduce = text.clone();
            issue.resource = text.clone();
            merged(issue, &["health", "queue"])
        })
        .collect();
    report.healthy = vec![Checked { step: StepId::new("queue"), title: text.clone(), summary: text.clone() }; 60];
    report.gaps = vec![Gap { step: StepId::new("queue"), title: text.clone(), reason: text.clone() }; 60];
    report.next_steps = vec![text.clone(); 40];
    report.remarks = vec![text.clone(); 40];
    report.read_by = text.clone();
    let name: domain::Name = "n".repeat(63).parse().unwrap();
    let suppressed = Suppressed { rule: name.clone(), reason: text.clone(), count: 9, titles: vec![text.clone(); 5] };
    report.suppressed = vec![suppressed; 20];
    report.slxs = vec![SlxMatched { name: name.clone(), why: text.clone() }; 20];
    report.knowledge = vec![KnowledgeFound { name, title: text.clone(), excerpt: text.clone() }; 3];
    let claim = Claim { text: text.clone(), step: StepId::new("health"), quote: text.clone() };
    report.reading = Some(Box::new(Reading {
        summary: text.clone(),
        impact: text.clone(),
        cause: Some(Cause { text: text.clone(), confidence: Confidence::Medium, claims: vec![claim.clone(); 6] }),
        hypotheses: vec![Hypothesis { text: text.clone(), demoted: Some(text.clone()) }; 16],
        ruled_out: vec![RuledOut { text: text.clone(), why: claim }; 8],
        gaps: vec![text.clone(); 8],
        next_steps: vec![text.clone(); 8],
    }));
    for step in &mut view.steps {
        step.evidence.summary = text.clone();
    }
    let alert = view.run.alert.as_mut().unwrap();
    alert.title = text.clone();
    alert.service.name = text;
    view
}

pub(crate) fn rating(rating: Mark, who: &str) -> Rating {
    let by = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: "U0123ABCD".to_owned(),
        user_name: who.to_owned(),
        outside: false,
    };
    Rating { rating, by, at: super::now() }
}
