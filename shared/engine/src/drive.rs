//! Drives a run: the plan's steps side by side as far as their needs allow, each recorded when it ends.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use catalog::{BindError, Catalog, expr::Scope, model::Command};
use domain::{Alert, LeaseToken, Name, Report, Run, Step, StepId};
use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use ports::Clock;
use serde_json::{Map, Value, json};
use store::{Recorded, Store, StoreError};

use crate::{
    CallTask, Redactor, findings,
    model::AskModel,
    plan::{self, Plan, Planned},
    reader, step,
};

/// How many steps are taken side by side.
pub const CONCURRENCY: usize = 8;

/// How long a run may take where its Assistant says nothing (I12).
pub const RUN_TIME: Duration = Duration::from_secs(300);

/// How a drive ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Driven {
    /// The Command's steps are done, or there is no time for more of them: the deterministic evidence stands.
    Finished(Box<Stood>),
    /// The invocation's time is up; what is recorded stands, the rest is for the next slice.
    Paused,
}

/// What stands when the Command's steps are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Stood {
    /// What the checks say.
    pub report: Report,
    /// All recorded steps, those that an Assistant's tools took among them, in order of their places.
    pub steps: Vec<Step>,
    /// Why planned steps are missing, when some are.
    pub(crate) unreached: Option<String>,
    /// When the run's time ends.
    pub(crate) ends: Timestamp,
    /// Whether a step was taken in this invocation.
    pub(crate) took: bool,
}

/// Why a drive ended without either.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The catalog has no such Command any more.
    #[error("the catalog has no Command `{0}`")]
    NoCommand(Name),
    /// The store did not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The investigation, over its ports.
#[derive(Clone)]
pub struct Engine {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// The runs.
    pub store: Store,
    /// The task kinds.
    pub tasks: Arc<dyn CallTask>,
    /// The models.
    pub models: Arc<dyn AskModel>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Engine {
    /// Takes the steps of `run` that are not in `done`, until `until`. The caller holds the run's lease by `token`, and
    /// keeps it.
    ///
    /// # Errors
    /// [`DriveError`]; what was recorded until then stands.
    pub async fn drive(
        &self,
        run: &Run,
        token: LeaseToken,
        mut done: Vec<Step>,
        until: Timestamp,
    ) -> Result<Driven, DriveError> {
        let mut plan = self.plan(run)?;
        plan.keep_places(&done);
        let (budget, ends) = (self.time_budget(run), self.ends(run));
        let (mut stopped, mut took) = (None, false);
        let redactor = Redactor::of(&self.catalog);
        let mut flying = FuturesUnordered::new();
        let mut begun: Vec<StepId> = done.iter().map(|step| step.id.clone()).collect();
        loop {
            let now = self.clock.now();
            let time_is_up = now >= until || now >= ends || stopped.is_some();
            for planned in plan.steps.iter().filter(|_| !time_is_up) {
                if flying.len() >= CONCURRENCY {
                    break;
                }
                let ready = planned.needs.iter().all(|need| done.iter().any(|step| step.id == *need));
                if ready && !begun.contains(&planned.id) {
                    begun.push(planned.id.clone());
                    flying.push(step::take(
                        planned,
                        scope(run.alert.as_ref(), &run.params, planned, &done),
                        &*self.tasks,
                        &*self.clock,
                        &redactor,
                    ));
                }
            }
            if flying.is_empty() || stopped.is_some() {
                break;
            }
            let left = Duration::try_from(until.min(ends).duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::select! {
                Some(taken) = flying.next() => {
                    if self.store.record_step(run.id, token, &taken).await? == Recorded::Now {
                        tracing::info!(step = %taken.id, elapsed_ms = taken.elapsed_ms, issues = taken.issues.len(), "step recorded");
                    }
                    done.push(taken);
                    took = true;
                    stopped = self.stopped_now(run).await?;
                }
                // Calls under way are let go: they only read, and the next slice makes them again.
                () = tokio::time::sleep(left) => break,
            }
        }
        let missing = plan.steps.iter().any(|planned| done.iter().all(|step| step.id != planned.id));
        let over_budget = missing && self.clock.now() >= ends;
        if missing && !over_budget && stopped.is_none() && run.slice + 1 < MAX_SLICES {
            return Ok(Driven::Paused);
        }
        done.sort_by_key(|step| step.index);
        let unreached = missing.then(|| match (stopped, budget) {
            (Some(reason), _) => reason,
            (None, Some(time)) if over_budget => format!("the run's time budget of {time:#} was reached"),
            _ => format!("the run's limit of {MAX_SLICES} invocations was reached"),
        });
        // What an Assistant's tools found is part of its reading.
        let checks: Vec<Step> = done.iter().filter(|step| !reader::is_tools(&step.id)).cloned().collect();
        let report = findings::report(&self.catalog, run.alert.as_ref(), &plan, &checks, unreached.as_deref());
        Ok(Driven::Finished(Box::new(Stood { report, steps: done, unreached, ends, took })))
    }

    /// The report over all of `steps`.
    pub(crate) fn report(&self, run: &Run, steps: &[Step], unreached: Option<&str>) -> Result<Report, DriveError> {
        Ok(findings::report(&self.catalog, run.alert.as_ref(), &self.plan(run)?, steps, unreached))
    }

    pub(crate) fn plan(&self, run: &Run) -> Result<Plan<'_>, DriveError> {
        Ok(plan::plan(&self.catalog, self.command(run)?, run.alert.as_ref()))
    }

    pub(crate) fn command(&self, run: &Run) -> Result<&Command, DriveError> {
        self.catalog.commands.get(&run.command).ok_or_else(|| DriveError::NoCommand(run.command.clone()))
    }

    /// When the run's time ends, counted from the beginning of this slice.
    pub(crate) fn ends(&self, run: &Run) -> Timestamp {
        let spent = SignedDuration::from_millis(i64::try_from(run.spent_ms).unwrap_or(i64::MAX));
        let ends = self.time_budget(run).and_then(|time| self.clock.now().checked_add(time - spent).ok());
        ends.unwrap_or(Timestamp::MAX)
    }

    /// Why the run is to stop, as it stands now; asked only where its workflow has a policy.
    async fn stopped_now(&self, run: &Run) -> Result<Option<String>, DriveError> {
        if !self.may_be_stopped(run) {
            return Ok(None);
        }
        Ok(self.store.reader().run(run.id).await?.and_then(|known| self.stopped(&known)))
    }

    pub(crate) fn time_budget(&self, run: &Run) -> Option<SignedDuration> {
        let assistant = run.assistant.as_ref().and_then(|name| self.catalog.assistants.get(name));
        let time = assistant.and_then(|assistant| assistant.limits.time).map_or(RUN_TIME, |span| span.0);
        SignedDuration::try_from(time).ok()
    }
}

/// What the expressions of a step see, when `done` has ended before it.
pub(crate) fn scope(alert: Option<&Alert>, params: &Map<String, Value>, planned: &Planned<'_>, done: &[Step]) -> Scope {
    // Entries name each other by their own ids; inside an Slx these are the last part.
    let prefix = planned.slx.and_then(|_| planned.id.as_str().rsplit_once('.')).map(|(prefix, _)| prefix);
    let steps: Map<String, Value> = done
        .iter()
        .map(|step| {
            let local = prefix.and_then(|prefix| step.id.as_str().strip_prefix(prefix)?.strip_prefix('.'));
            (local.unwrap_or(step.id.as_str()).to_owned(), step::seen(step))
        })
        .collect();
    let alert = alert.map_or_else(|| json!({}), |alert| json!(alert));
    Scope::new()
        .with("alert", &alert)
        .with("params", &Value::Object(params.clone()))
        .with("steps", &Value::Object(steps))
}

/// The most invocations that a run goes over: an hour of them at the template's 5 min, far above any budget of time. It is
/// what ends a run that gets nowhere, since Lambda's own detection of loops is off (`RecursiveLoop` in the template).
pub const MAX_SLICES: u32 = 12;

/// The Command's parameters for an alert, as the workflow or the caller gives them.
///
/// # Errors
/// What is wrong with them, for people.
pub fn parameters(
    catalog: &Catalog,
    command: &Name,
    given: &BTreeMap<String, Value>,
    alert: Option<&Alert>,
) -> Result<Map<String, Value>, String> {
    let Some(command) = catalog.commands.get(command) else {
        return Err(format!("the catalog has no Command `{command}`"));
    };
    let alert = alert.map_or_else(|| json!({}), |alert| json!(alert));
    catalog::bind(&command.parameters, given, &Scope::new().with("alert", &alert))
        .map_err(|errors| misfit(command, &errors))
}

/// The Command's parameters as a run had them before.
///
/// # Errors
/// What is wrong with them, for people: the Command may be another by now.
pub fn same_parameters(
    catalog: &Catalog,
    command: &Name,
    before: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let Some(command) = catalog.commands.get(command) else {
        return Err(format!("the catalog has no Command `{command}`"));
    };
    let before = before.clone().into_iter().collect();
    catalog::rebind(&command.parameters, &before).map_err(|errors| misfit(command, &errors))
}

fn misfit(command: &Command, errors: &[BindError]) -> String {
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    format!("the Command `{}` cannot be given its parameters: {}", command.name, text.join("; "))
}
