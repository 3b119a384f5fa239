//! What of a run is shown, in words, for all outlets alike. Every text in it is clean (`text`), none is cut.

use domain::{IncidentState, Outcome, RunStatus, Severity, Shown, Suppressed};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    reading::Read,
    text::{line, lines},
};

/// A finding.
pub(crate) struct Finding {
    pub severity: Severity,
    pub title: String,
    pub resource: String,
    pub expected: String,
    pub actual: String,
    pub details: String,
    pub reproduce: String,
    /// The steps that found it, each with what it saw.
    pub seen: String,
}

/// Something that was checked, or could not be: what, and what came of it.
pub(crate) struct Check {
    pub title: String,
    pub outcome: String,
}

/// What is shown of a run.
pub(crate) struct Summary {
    /// The answer in one line, or how far it has come.
    pub headline: String,
    /// What it is about: the alert's title, severity and service.
    pub about: Vec<String>,
    /// What a reader must know before anything else: that it goes on, why it failed, that the incident is over.
    pub standing: Vec<String>,
    /// What a model read.
    pub read: Option<Read>,
    /// Worst first.
    pub findings: Vec<Finding>,
    pub gaps: Vec<Check>,
    pub healthy: Vec<Check>,
    pub next_steps: Vec<String>,
    /// What is known: a title, and the passage.
    pub known: Vec<Check>,
    pub remarks: Vec<String>,
    /// Counts and duration.
    pub facts: Vec<String>,
}

impl Summary {
    pub fn of(view: &Shown, now: Timestamp) -> Self {
        let report = view.run.report.as_ref();
        let made = |step: &domain::StepId| {
            view.steps.iter().find(|known| known.id == *step).is_none_or(|known| known.outcome == Outcome::Ok)
        };
        // What only steps that could not be made have found is shown as a gap, and not twice.
        let issues = report.iter().flat_map(|report| &report.issues).filter(|merged| merged.steps.iter().any(made));
        let findings = issues.map(|merged| Finding {
            severity: merged.issue.severity,
            title: line(&merged.issue.title),
            resource: line(&merged.issue.resource),
            expected: line(&merged.issue.expected),
            actual: line(&merged.issue.actual),
            details: lines(&merged.issue.details),
            reproduce: line(&merged.issue.reproduce),
            seen: merged.steps.iter().map(|id| seen(view, id)).collect::<Vec<_>>().join(", "),
        });
        let gaps = report.iter().flat_map(|report| &report.gaps);
        let healthy = report.iter().flat_map(|report| &report.healthy);
        let known = report.iter().flat_map(|report| &report.knowledge);
        Self {
            headline: headline(view),
            about: about(view),
            standing: standing(view),
            read: report.and_then(|report| report.reading.as_deref()).map(Read::of),
            findings: findings.collect(),
            gaps: gaps.map(|gap| Check { title: line(&gap.title), outcome: line(&gap.reason) }).collect(),
            healthy: healthy.map(|check| Check { title: line(&check.title), outcome: line(&check.summary) }).collect(),
            known: known.map(|known| Check { title: line(&known.title), outcome: line(&known.excerpt) }).collect(),
            next_steps: report.iter().flat_map(|report| report.next()).map(line).collect(),
            remarks: report
                .iter()
                .flat_map(|report| report.suppressed.iter().map(Suppressed::told).chain(report.remarks.iter().cloned()))
                .map(|remark| line(&remark))
                .collect(),
            facts: facts(view, now),
        }
    }
}

/// The step and what it saw: `health (503 in 12 ms)`.
fn seen(view: &Shown, id: &domain::StepId) -> String {
    let summary = view.steps.iter().find(|step| step.id == *id).map(|step| line(&step.evidence.summary));
    match summary.filter(|summary| !summary.is_empty()) {
        Some(summary) => format!("{} ({summary})", line(id.as_str())),
        None => line(id.as_str()),
    }
}

pub(crate) fn headline(view: &Shown) -> String {
    let run = &view.run;
    let verdict = run.report.as_ref().map(|report| line(report.headline())).filter(|verdict| !verdict.is_empty());
    let title = line(&run.title);
    match (run.status, verdict) {
        (RunStatus::Failed, _) => format!("Could not investigate: {title}"),
        (RunStatus::Cancelled, _) => format!("Stopped: {title}"),
        (_, Some(verdict)) => verdict,
        (_, None) => format!("Looking into: {title}"),
    }
}

pub(crate) fn about(view: &Shown) -> Vec<String> {
    let run = &view.run;
    let mut about = vec![line(&run.title)];
    if let Some(alert) = &run.alert {
        let severity = format!("{:?}", alert.severity).to_lowercase();
        let level = [severity, line(&alert.urgency), line(&alert.priority)];
        let mut level: Vec<String> = level.into_iter().filter(|part| !part.is_empty()).collect();
        level.dedup();
        about.push(level.join(", "));
        let service = if alert.service.name.is_empty() { &alert.service.id } else { &alert.service.name };
        about.push(line(service));
    }
    match &run.trigger {
        domain::Trigger::Event { .. } => {}
        domain::Trigger::Hand { who } => about.push(format!("asked for by {}", line(who))),
        domain::Trigger::Chat(place) => about.push(format!("asked for by {}", line(&place.to_string()))),
        domain::Trigger::Schedule { name, at } => {
            about.push(format!("by schedule {name} at {}", at.strftime("%F %H:%M UTC")))
        }
    }
    about.retain(|part| !part.is_empty());
    about
}

fn standing(view: &Shown) -> Vec<String> {
    let run = &view.run;
    let mut standing = Vec::new();
    match run.status {
        RunStatus::Queued | RunStatus::Running if run.report.is_some() => {
            standing.push("These are the first findings; the investigation goes on.".to_owned());
        }
        RunStatus::Queued | RunStatus::Running => standing.push("The investigation is under way.".to_owned()),
        RunStatus::Failed | RunStatus::Cancelled => {
            let reason = run.reason.as_deref().map(line).unwrap_or_default();
            if !reason.is_empty() {
                standing.push(format!("Why: {reason}"));
            }
            if run.report.is_some() {
                standing.push("What was found until then stands below.".to_owned());
            }
        }
        RunStatus::Concluded => {}
    }
    if let Some(report) = run.report.as_ref().filter(|report| report.headline() != report.verdict) {
        // A model's words lead; what the code says of the same stands beside them.
        standing.push(format!("The checks say: {}", line(&report.verdict)));
    }
    match &run.incident {
        IncidentState::Open => {}
        IncidentState::Reopened { at } => standing.push(format!("The incident goes on again since {}.", clock(*at))),
        IncidentState::Acknowledged { at } => standing.push(format!("Acknowledged at {}.", clock(*at))),
        IncidentState::Resolved { at } => standing.push(format!("The incident was resolved at {}.", clock(*at))),
        IncidentState::Merged { at } => {
            standing.push(format!("The incident was merged into another one at {}.", clock(*at)));
        }
    }
    // How it is now comes before how it was.
    standing.extend(run.course().iter().map(|said| line(said)));
    standing
}

fn facts(view: &Shown, now: Timestamp) -> Vec<String> {
    let run = &view.run;
    let mut facts = Vec::new();
    if !view.steps.is_empty() {
        facts.push(count(view.steps.len(), "check", "checks"));
    }
    let took = run.ended_at.unwrap_or(now).duration_since(run.created_at);
    facts.push(match run.ended_at {
        Some(_) => format!("took {}", length(took)),
        None => format!("running for {}", length(took)),
    });
    if run.counts.fired > 1 && run.flapping().is_none() {
        facts.push(format!("fired {} times", run.counts.fired));
    }
    let duplicates = usize::try_from(run.counts.duplicates).unwrap_or(usize::MAX);
    if duplicates > 0 {
        facts.push(count(duplicates, "duplicate", "duplicates"));
    }
    let attached = usize::try_from(run.counts.attached).unwrap_or(usize::MAX);
    if attached > 0 {
        facts.push(count(attached, "further event", "further events"));
    }
    if let Some(report) = run.report.as_ref().filter(|report| report.read_by != "none") {
        facts.push(format!("read by {}", line(&report.read_by)));
    }
    let cost = &run.cost;
    if cost.turns + cost.lost_turns > 0 {
        let tokens = usize::try_from(cost.usage.total()).unwrap_or(usize::MAX);
        facts.push(format!("{} for {}", cost.at_most(), count(tokens, "token", "tokens")));
    }
    facts
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A moment as people read it: `2027-01-15 08:00:05 UTC`.
fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time: `12 ms`, `3.2 s`, `2 min 5 s`, `1 h 2 min`.
pub(crate) fn length(span: SignedDuration) -> String {
    let ms = span.as_millis().max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}
