//! What a target's own condition and words see of a run: whether it is wanted, and what stands above the report.

use domain::{IncidentState, Piece, Run, RunStatus, TargetSpec, Words};
use serde_json::{Value, json};

use crate::expr::{ExprError, Expression, Part, Scope, Template};

/// `run.worst_severity` where nothing was found: worse than no severity there is, so that `<= 2` does not hold.
const NOTHING_FOUND: u8 = 5;
/// `run.worst_severity` where a run failed and nobody knows what there is to find: `<= 2` holds, and people are told (I14).
const NOT_KNOWN: u8 = 0;

/// Whether `spec` wants to be told of `run` as it stands. Without a condition it does.
///
/// # Errors
/// [`ExprError`]. Who gets it tells people rather than nobody.
pub fn wanted(spec: &TargetSpec, run: &Run) -> Result<bool, ExprError> {
    match &spec.when {
        Some(when) => Expression::new(when.as_str()).holds(&scope(run)),
        None => Ok(true),
    }
}

/// What the team says of `run` at `spec`, and why values of it are missing, if any are.
#[must_use]
pub fn words(spec: &TargetSpec, run: &Run) -> (Words, Vec<ExprError>) {
    let (mut pieces, mut missing) = (Vec::new(), Vec::new());
    let Some(text) = &spec.text else { return (Words::default(), missing) };
    let scope = scope(run);
    match Template::new(text.as_str()).parts() {
        Ok(parts) => {
            for part in parts {
                match part {
                    Part::Text(own) => pieces.push(Piece::Own(own.clone())),
                    Part::Value(expression) => match expression.value(&scope) {
                        Ok(Value::Null) => {}
                        Ok(Value::String(value)) => pieces.push(Piece::Value(value)),
                        Ok(other) => pieces.push(Piece::Value(other.to_string())),
                        Err(error) => missing.push(error),
                    },
                }
            }
        }
        Err(error) => missing.push(error),
    }
    (Words(pieces), missing)
}

fn scope(run: &Run) -> Scope {
    Scope::new().with("run", &seen(run)).with("alert", &json!(run.alert))
}

/// `run`, as `check` knows it.
fn seen(run: &Run) -> Value {
    let report = run.report.as_ref();
    let issues = report.map(|report| report.issues.as_slice()).unwrap_or_default();
    let listed: Vec<Value> = issues
        .iter()
        .map(|merged| {
            let issue = &merged.issue;
            json!({ "severity": issue.severity, "title": issue.title, "resource": issue.resource })
        })
        .collect();
    let failed = run.status == RunStatus::Failed;
    let worst_severity = match report.and_then(|report| report.worst) {
        Some(worst) => json!(worst),
        None if failed => json!(NOT_KNOWN),
        None => json!(NOTHING_FOUND),
    };
    let outcome = match run.status {
        RunStatus::Queued | RunStatus::Running => "running",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Concluded if issues.is_empty() => "nothing_found",
        RunStatus::Concluded => "issues",
    };
    let cause = report.and_then(|report| report.reading.as_ref()?.cause.as_ref());
    let incident = match run.incident {
        IncidentState::Open => "open",
        IncidentState::Reopened { .. } => "reopened",
        IncidentState::Acknowledged { .. } => "acknowledged",
        IncidentState::Resolved { .. } => "resolved",
        IncidentState::Merged { .. } => "merged",
    };
    json!({
        "id": run.id,
        "title": run.title,
        "workflow": run.workflow.as_ref().map_or("", |name| name.as_str()),
        "command": run.command,
        "status": run.status.as_str(),
        "outcome": outcome,
        "reason": run.reason.as_deref().unwrap_or_default(),
        "verdict": report.map_or("", |report| report.verdict.as_str()),
        "headline": report.map_or("", |report| report.headline()),
        "worst_severity": worst_severity,
        "issues": listed,
        "issue_count": issues.len(),
        "gap_count": report.map_or(0, |report| report.gaps.len()),
        "confidence": cause.map_or("", |cause| cause.confidence.as_str()),
        "cost_usd": run.cost.at_most().usd(),
        "incident": incident,
        "fired": run.counts.fired,
        "flapping": run.flapping().is_some(),
        "storm": run.storm,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Issue, MergedIssue, OutletSpec, Report, RunId, Severity, SlackSpec, StepId};
    use jiff::Timestamp;

    use super::*;
    use crate::check::types::{Type, run as run_type};

    fn run(status: RunStatus, worst: Option<Severity>) -> Run {
        let issue = |severity| MergedIssue {
            issue: Issue {
                severity,
                title: "checkout answers 503".to_owned(),
                expected: String::new(),
                actual: String::new(),
                details: String::new(),
                reproduce: String::new(),
                next_steps: vec![],
                resource: "checkout".to_owned(),
                fault: String::new(),
                observed_at: Timestamp::UNIX_EPOCH,
            },
            last_seen_at: None,
            steps: vec![StepId::new("health")],
        };
        let report = Report {
            verdict: "checkout answers 503".to_owned(),
            worst,
            issues: worst.map(issue).into_iter().collect(),
            ..Report::default()
        };
        let id = RunId::mint(Timestamp::UNIX_EPOCH, 1);
        let queued = Run::queued(id, "triage".parse().unwrap(), "", Timestamp::UNIX_EPOCH);
        Run { status, report: Some(report), ..queued }
    }

    fn spec(when: Option<&str>, text: Option<&str>) -> TargetSpec {
        let [when, text] = [when, text].map(|said| said.map(str::to_owned));
        TargetSpec { when, text, ..TargetSpec::new("slack", OutletSpec::Slack(SlackSpec::channel("#ops"))) }
    }

    #[test]
    fn i14_a_severity_that_nobody_knows_is_told_and_one_that_is_not_there_is_not() {
        let asks = |run: &Run| wanted(&spec(Some("run.worst_severity <= 2"), None), run);
        assert_eq!(asks(&run(RunStatus::Concluded, Some(Severity::Major))), Ok(true));
        assert_eq!(asks(&run(RunStatus::Concluded, Some(Severity::Minor))), Ok(false));
        assert_eq!(asks(&run(RunStatus::Concluded, None)), Ok(false));
        assert_eq!(asks(&run(RunStatus::Failed, None)), Ok(true));
        assert_eq!(asks(&run(RunStatus::Failed, Some(Severity::Minor))), Ok(false));
        assert_eq!(asks(&Run { report: None, ..run(RunStatus::Running, None) }), Ok(false));
        assert_eq!(wanted(&spec(None, None), &run(RunStatus::Running, None)), Ok(true));
        assert!(wanted(&spec(Some("alert.labels.team == \"x\""), None), &run(RunStatus::Running, None)).is_err());
    }

    #[test]
    fn conditions_compare_what_check_lets_them_compare() {
        let run = run(RunStatus::Concluded, Some(Severity::Critical));
        for when in [
            "run.outcome == \"issues\" && run.issue_count > 0 && run.issues.exists(issue, issue.severity == 1)",
            "run.status in [\"concluded\", \"failed\"] && run.confidence == \"\"",
            "run.cost_usd < 0.5 && run.fired == 0 && !run.flapping && !run.storm && run.incident == \"open\"",
        ] {
            assert_eq!(wanted(&spec(Some(when), None), &run), Ok(true), "{when}");
        }
    }

    #[test]
    fn a_run_is_made_as_check_knows_it() {
        fn shown(value: &Value) -> Type {
            match value {
                Value::Object(map) => {
                    Type::Fields(map.iter().map(|(key, value)| (key.clone(), shown(value))).collect())
                }
                Value::Array(items) => Type::List(Box::new(items.first().map_or(Type::Any, shown))),
                Value::Number(_) => Type::Number,
                Value::Bool(_) => Type::Bool,
                Value::String(_) => Type::Text,
                Value::Null => Type::Any,
            }
        }
        assert_eq!(shown(&seen(&run(RunStatus::Concluded, Some(Severity::Major)))), run_type());
        assert_ne!(run_type(), Type::Fields(BTreeMap::new()));
    }

    #[test]
    fn a_value_is_told_apart_from_the_words_around_it_and_may_be_missing() {
        let run = run(RunStatus::Concluded, Some(Severity::Major));
        let text = "<!subteam^S1> ${{ run.verdict }} (${{ run.issue_count }}) of ${{ alert.labels.team }}";
        let (words, missing) = words(&spec(None, Some(text)), &run);
        let own = |text: &str| Piece::Own(text.to_owned());
        let value = |text: &str| Piece::Value(text.to_owned());
        let wanted = [own("<!subteam^S1> "), value("checkout answers 503"), own(" ("), value("1"), own(") of ")];
        assert_eq!(words.0, wanted);
        assert_eq!(missing.len(), 1);
    }
}
