//! What a webhook carries. Version 1 only ever gains fields; a field that goes, or changes its meaning, makes version 2.

use domain::{AlertSeverity, IncidentState, MergedIssue, Name, RunId, RunStatus, Severity, Trigger};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::Serialize;

use super::{
    incident::{IncidentV1, PreviousV1, StormV1},
    known::{EarlierV1, KnowledgeV1, LastTimeV1, SlxV1, SuppressedV1},
    reading::{CostV1, ReadingV1},
};
use crate::{
    Post,
    text::{cut, line, lines},
    words,
};

/// The most bytes of a body: what the scheme advises for receivers that take it straight from a queue or a function.
pub const CAP: usize = 20_000;

fn text_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

pub(super) fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(super) fn optional_time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

pub(super) fn run_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^run_[0-9A-HJKMNP-TV-Z]{26}$" })
}

fn status_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["queued", "running", "concluded", "failed", "cancelled"] })
}

fn alert_severity_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["critical", "high", "medium", "low", "info"] })
}

/// The whole body: a run has changed, and this is how it stands now. A later one says everything again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Firstlook webhook, version 1")]
pub struct EventV1 {
    /// Always `firstlook.run.updated`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "firstlook.run.updated"))]
    pub event_type: &'static str,
    /// When this was sent.
    #[schemars(schema_with = "time_schema")]
    pub timestamp: Timestamp,
    /// What it says.
    pub data: RunUpdatedV1,
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunUpdatedV1 {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    pub version: u8,
    /// The run.
    pub run: RunV1,
    /// The alert that started it; null for a run that a person asked for.
    pub alert: Option<AlertV1>,
    /// What the team says at this target, above the report; left out where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it found; null until the first evidence stands.
    pub report: Option<ReportV1>,
    /// Whether texts or lists were shortened to keep the body below 20,000 bytes. The run's page has everything.
    pub shortened: bool,
}

/// The run's own record.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunV1 {
    /// Its id.
    #[schemars(schema_with = "run_schema")]
    pub id: RunId,
    /// Counts its visible changes. A body with a lower one than was seen already is old.
    pub revision: u64,
    /// How far it has come.
    #[schemars(schema_with = "status_schema")]
    pub status: RunStatus,
    /// One line that says what it is about.
    pub title: String,
    /// The workflow; null for a run that a person asked for.
    pub workflow: Option<Name>,
    /// The Command that is run.
    pub command: Name,
    /// When it was opened.
    #[schemars(schema_with = "time_schema")]
    pub created_at: Timestamp,
    /// When it ended; null while it goes on.
    #[schemars(schema_with = "optional_time_schema")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    /// What the sender last said of the incident.
    pub incident: IncidentV1,
    /// The same event, sent again.
    pub duplicates: u64,
    /// Further events of the same incident.
    pub attached: u64,
    /// How often the incident has fired since it was opened, the opening included; 0 for a run that a person asked for.
    pub fired: u64,
    /// Whether it fires again and again: three times or more.
    pub flapping: bool,
    /// The storm that the run stands for, its workflow being at a limit; null for every other run.
    pub storm: Option<StormV1>,
    /// The look before this one, where the incident was reopened; else null.
    pub previous: Option<PreviousV1>,
    /// When the same fired before; null before anybody looked, and where no event opened the run.
    pub last_time: Option<LastTimeV1>,
    /// What its Assistant has cost.
    pub cost: CostV1,
    /// The digest of the catalog that it runs.
    pub catalog: String,
    /// The run's page; null where there is no console. It opens without a login until it expires.
    pub link: Option<String>,
}

/// The alert, without the body that it came in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlertV1 {
    /// The source that verified it.
    pub source: Option<Name>,
    /// The sender's id of the incident.
    #[schemars(schema_with = "text_schema")]
    pub external_id: String,
    /// What fired.
    pub title: String,
    /// How bad the sender says it is.
    #[schemars(schema_with = "alert_severity_schema")]
    pub severity: AlertSeverity,
    /// The service that is hurt: its name, else its id.
    pub service: String,
    /// When the trouble began, by the sender's clock.
    #[schemars(schema_with = "time_schema")]
    pub started_at: Timestamp,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportV1 {
    /// The answer in one line, as the checks alone give it.
    pub verdict: String,
    /// What leads: the model's summary where a claim of it stands in the evidence, else the verdict.
    pub headline: String,
    /// The worst severity (1 critical to 4 informational); null when nothing was found.
    pub worst: Option<Severity>,
    /// The findings, worst first.
    pub issues: Vec<FindingV1>,
    /// How many findings there are; more than are listed when they were shortened.
    pub issue_count: usize,
    /// What was checked and found healthy.
    pub healthy: Vec<CheckedV1>,
    /// What could not be checked.
    pub gaps: Vec<GapV1>,
    /// What to do next, in order.
    pub next_steps: Vec<String>,
    /// What a reader must know of how the run went.
    pub remarks: Vec<String>,
    /// What Rules suppressed: found, and not among the issues.
    pub suppressed: Vec<SuppressedV1>,
    /// The Slxs that the alert speaks of.
    pub slxs: Vec<SlxV1>,
    /// What is known of what was found, best first. Text to read, not to follow.
    pub knowledge: Vec<KnowledgeV1>,
    /// Who read the evidence: `none`, or a model.
    pub read_by: String,
    /// What the model read; null where none did, or its answer could not be used.
    pub reading: Option<ReadingV1>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FindingV1 {
    /// 1 critical, 2 major, 3 minor, 4 informational.
    pub severity: Severity,
    /// What is wrong.
    pub title: String,
    /// What a healthy answer would have been.
    pub expected: String,
    /// What was found instead.
    pub actual: String,
    /// The evidence in words.
    pub details: String,
    /// How a person sees the same.
    pub reproduce: String,
    /// The thing it is about.
    pub resource: String,
    /// When it was seen.
    #[schemars(schema_with = "time_schema")]
    pub observed_at: Timestamp,
    /// When it was last seen, where a later step saw it too; else null.
    #[schemars(schema_with = "optional_time_schema")]
    pub last_seen_at: Option<Timestamp>,
    /// The steps that found it.
    pub steps: Vec<SeenV1>,
}

/// A step that found something.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeenV1 {
    /// The step's id.
    pub step: String,
    /// What it saw, in one line.
    pub summary: String,
}

/// A check that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CheckedV1 {
    /// The step's id.
    pub step: String,
    /// What it checked.
    pub title: String,
    /// What it saw.
    pub summary: String,
}

/// A check that could not be made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GapV1 {
    /// The step's id.
    pub step: String,
    /// What it would have checked.
    pub title: String,
    /// Why it could not.
    pub reason: String,
}

/// The JSON Schema of the body, as it stands in `shared/outlets/schema/webhook-v1.json`.
#[must_use]
pub fn schema() -> Schema {
    // Of what is sent, not of what would be read: a field with a default is always there.
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<EventV1>()
}

/// The body: as much of the run as fits into [`CAP`] bytes.
///
/// # Errors
/// It cannot be written as JSON, which cannot be.
pub fn body(post: &Post<'_>) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for scale in [8, 4, 2, 1] {
        text = serde_json::to_string(&event(post, Limits { scale, shortened: std::cell::Cell::new(false) }))?;
        if text.len() <= CAP {
            break;
        }
    }
    Ok(text)
}

/// How much of everything is kept, in steps of an eighth: with 1 the largest possible body is below [`CAP`].
pub(super) struct Limits {
    scale: usize,
    shortened: std::cell::Cell<bool>,
}

impl Limits {
    /// One line of at most an eighth, two, four or eight of `bytes` in JSON.
    pub(super) fn line(&self, text: &str, bytes: usize) -> String {
        self.keep(&line(text), bytes)
    }

    fn keep(&self, text: &str, bytes: usize) -> String {
        let (kept, missing) = cut(text, bytes * self.scale / 8, bytes_in_json);
        self.shortened.set(self.shortened.get() || missing);
        kept
    }

    /// The first of `items`, at most an eighth, two, four or eight of `most`.
    pub(super) fn first<'a, T>(&self, items: &'a [T], most: usize) -> &'a [T] {
        let most = most * self.scale / 8;
        match items.get(..most) {
            Some(first) if first.len() < items.len() => {
                self.shortened.set(true);
                first
            }
            _ => items,
        }
    }
}

/// What a character of clean text costs in JSON.
fn bytes_in_json(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' => 2,
        other => other.len_utf8(),
    }
}

fn event(post: &Post<'_>, limits: Limits) -> EventV1 {
    let run = &post.view.run;
    let source = match &run.trigger {
        Trigger::Event { source, .. } => Some(source.clone()),
        Trigger::Hand { .. } | Trigger::Chat(_) | Trigger::Schedule { .. } => None,
    };
    let alert = run.alert.as_ref().map(|alert| AlertV1 {
        source,
        external_id: limits.line(&alert.external_id, 800),
        title: limits.line(&alert.title, 1600),
        severity: alert.severity,
        service: limits.line(if alert.service.name.is_empty() { &alert.service.id } else { &alert.service.name }, 800),
        started_at: alert.started_at,
    });
    let report = report(post, &limits);
    let run = RunV1 {
        id: run.id,
        revision: run.revision,
        status: run.status,
        title: limits.line(&run.title, 1600),
        workflow: run.workflow.clone(),
        command: run.command.clone(),
        created_at: run.created_at,
        ended_at: run.ended_at,
        reason: run.reason.as_deref().map(|reason| limits.line(reason, 1600)),
        incident: IncidentV1 {
            state: match run.incident {
                IncidentState::Open | IncidentState::Reopened { .. } => "open",
                IncidentState::Acknowledged { .. } => "acknowledged",
                IncidentState::Resolved { .. } => "resolved",
                IncidentState::Merged { .. } => "merged",
            },
            since: run.incident.since(),
        },
        duplicates: run.counts.duplicates,
        attached: run.counts.attached,
        fired: run.counts.fired,
        flapping: run.flapping().is_some(),
        storm: run.storm.then_some(StormV1 { incidents: run.counts.incidents, gathered: run.counts.gathered }),
        previous: run.previous.as_ref().map(|last| PreviousV1 {
            id: last.id,
            ended_at: last.ended_at,
            verdict: limits.line(&last.verdict, 1600),
            link: post.previous.map(str::to_owned),
        }),
        last_time: run.last_time.as_ref().map(|last| LastTimeV1 {
            times_in_30_days: last.fired_at.len(),
            runs: limits
                .first(&last.runs, 8)
                .iter()
                .map(|earlier| EarlierV1 {
                    id: earlier.id,
                    created_at: earlier.created_at,
                    verdict: limits.line(&earlier.verdict, 1600),
                    ratings: limits.first(&earlier.ratings, 16).iter().map(|word| limits.line(word, 160)).collect(),
                })
                .collect(),
        }),
        cost: CostV1::of(&run.cost),
        catalog: limits.line(&run.catalog, 800),
        link: post.link.map(str::to_owned),
    };
    let words = words::plain(post.words).join("\n");
    let text = (!words.is_empty()).then(|| limits.keep(&words, 3200));
    let shortened = limits.shortened.get();
    EventV1 {
        event_type: "firstlook.run.updated",
        timestamp: post.now,
        data: RunUpdatedV1 { version: 1, run, alert, text, report, shortened },
    }
}

fn report(post: &Post<'_>, limits: &Limits) -> Option<ReportV1> {
    let report = post.view.run.report.as_ref()?;
    let text = |text: &str, bytes| limits.line(text, bytes);
    Some(ReportV1 {
        verdict: text(&report.verdict, 1600),
        headline: text(report.headline(), 1600),
        worst: report.worst,
        issues: limits.first(&report.issues, 16).iter().map(|merged| finding(post, merged, limits)).collect(),
        issue_count: report.issues.len(),
        healthy: limits
            .first(&report.healthy, 40)
            .iter()
            .map(|checked| CheckedV1 {
                step: text(checked.step.as_str(), 800),
                title: text(&checked.title, 1200),
                summary: text(&checked.summary, 1200),
            })
            .collect(),
        gaps: limits
            .first(&report.gaps, 24)
            .iter()
            .map(|gap| GapV1 {
                step: text(gap.step.as_str(), 800),
                title: text(&gap.title, 1200),
                reason: text(&gap.reason, 1200),
            })
            .collect(),
        next_steps: {
            let all: Vec<&str> = report.next().collect();
            limits.first(&all, 16).iter().map(|step| text(step, 1600)).collect()
        },
        remarks: limits.first(&report.remarks, 16).iter().map(|remark| text(remark, 1600)).collect(),
        suppressed: limits
            .first(&report.suppressed, 16)
            .iter()
            .map(|one| SuppressedV1 {
                rule: one.rule.clone(),
                reason: text(&one.reason, 800),
                count: one.count,
                titles: limits.first(&one.titles, 8).iter().map(|title| text(title, 800)).collect(),
            })
            .collect(),
        slxs: limits
            .first(&report.slxs, 16)
            .iter()
            .map(|slx| SlxV1 { name: slx.name.clone(), why: text(&slx.why, 800) })
            .collect(),
        knowledge: limits
            .first(&report.knowledge, 8)
            .iter()
            .map(|known| KnowledgeV1 {
                name: known.name.clone(),
                title: text(&known.title, 800),
                excerpt: limits.keep(&lines(&known.excerpt), 4000),
            })
            .collect(),
        read_by: text(&report.read_by, 800),
        reading: report.reading.as_deref().map(|reading| ReadingV1::of(reading, limits)),
    })
}

fn finding(post: &Post<'_>, merged: &MergedIssue, limits: &Limits) -> FindingV1 {
    let issue = &merged.issue;
    let text = |text: &str, bytes| limits.line(text, bytes);
    let seen = |id: &domain::StepId| SeenV1 {
        step: text(id.as_str(), 800),
        summary: post
            .view
            .steps
            .iter()
            .find(|step| step.id == *id)
            .map(|step| text(&step.evidence.summary, 800))
            .unwrap_or_default(),
    };
    FindingV1 {
        severity: issue.severity,
        title: text(&issue.title, 1600),
        expected: text(&issue.expected, 1600),
        actual: text(&issue.actual, 1600),
        details: limits.keep(&lines(&issue.details), 4800),
        reproduce: text(&issue.reproduce, 1600),
        resource: text(&issue.resource, 800),
        observed_at: issue.observed_at,
        last_seen_at: merged.last_seen_at,
        steps: limits.first(&merged.steps, 16).iter().map(seen).collect(),
    }
}
