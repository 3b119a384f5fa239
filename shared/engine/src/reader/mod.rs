//! The Assistant: it reads the evidence in turns, asks for more with tools, and answers with what it can quote.
//!
//! The engine owns the loop. Each turn and each tool call is recorded before the next thing happens, and what comes next
//! follows from the records alone, so a run that is killed at any point goes on without asking for anything twice. Whatever
//! goes wrong ends in the deterministic report with the reason in its remarks (I10, I14).

mod answer;
mod budget;
mod calls;
mod conversation;
mod inputs;
mod prompt;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tools;
mod turn;

use std::time::Duration;

use catalog::model::{Assistant, Price, StopWhen};
use domain::{IncidentState, LeaseToken, Name, Reading, Report, Run, Step, StepId, Trigger, quotes};
use jiff::{SignedDuration, Timestamp};
use store::{BudgetScope, DayBudget};

use self::{
    budget::{Allowed, DayUse, Standing},
    conversation::{Conversation, Next},
    tools::Offer,
    turn::{Asked, Request},
};
use crate::{DriveError, Engine, MAX_SLICES, Redactor, drive::Stood, findings, knowledge};

pub use budget::{ANSWER_TOKENS, MAX_CALLS, MAX_TURNS, RUN_TOKENS};
pub use prompt::PROMPT_CAP;
pub use turn::{TRIES, TURN_TIME};

/// A turn is not begun in less of an invocation than this, where the run has more and the next invocation can have it.
const TURN_LEAST: Duration = Duration::from_secs(45);

/// Who reads a run.
#[derive(Debug, Clone)]
pub struct Reads<'a> {
    /// The Assistant.
    pub assistant: &'a Assistant,
    /// Its Model document.
    pub model: Name,
    /// What that costs.
    pub price: Option<&'a Price>,
    /// The most tokens of one answer.
    pub max_tokens: u32,
}

/// How a reading ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// This is what the run says in the end.
    Concluded(Box<Report>),
    /// The invocation's time is up; what is recorded stands, the rest is for the next slice.
    Paused,
}

/// How the loop ended.
enum Ended {
    Answered(Box<Reading>),
    Without(String),
}

impl Engine {
    /// Who reads `run`; `None` where nobody does: it has no Assistant, that one's model is `none`, or the catalog has it no
    /// more.
    #[must_use]
    pub fn reads(&self, run: &Run) -> Option<Reads<'_>> {
        let assistant = self.catalog.assistants.get(run.assistant.as_ref()?)?;
        let model = self.catalog.models.get(assistant.model.name()?)?;
        let most = model.max_output_tokens.unwrap_or(ANSWER_TOKENS);
        let max_tokens = most.min(ANSWER_TOKENS);
        Some(Reads { assistant, model: model.name.clone(), price: model.price.as_ref(), max_tokens })
    }

    /// Lets the Assistant of `run` read what `stood` found, until `until`. The caller holds the run's lease by `token`, and
    /// has announced the evidence.
    ///
    /// # Errors
    /// [`DriveError`]; what was recorded until then stands.
    pub async fn read(
        &self,
        run: &Run,
        token: LeaseToken,
        reads: &Reads<'_>,
        stood: Stood,
        until: Timestamp,
    ) -> Result<Read, DriveError> {
        let (offer, mut steps) = (Offer::of(&self.catalog, reads.assistant), stood.steps.clone());
        let ends = stood.ends;
        let mut talk = self.begun(run, token, reads, &offer, &stood).await?;
        let mut did = stood.took;
        let ended = loop {
            let now = self.clock.now();
            match talk.next() {
                Next::Ended(reason) => break Ended::Without(reason),
                Next::Answered(arguments) => match answer::parse(&arguments) {
                    Ok(given) => {
                        let redactor = Redactor::of(&self.catalog);
                        let reading = answer::verify(&given, &steps, &talk.opening.fence, &redactor);
                        break Ended::Answered(Box::new(reading));
                    }
                    // It was valid when it was recorded; another release may read it otherwise.
                    Err(reason) => break Ended::Without(format!("its answer could not be used: {reason}")),
                },
                Next::Calls(_) | Next::Ask if now >= ends => {
                    break Ended::Without("the run's time budget was reached".to_owned());
                }
                Next::Calls(_) | Next::Ask if now >= until => match paused(run) {
                    Some(paused) => return Ok(paused),
                    None => break Ended::Without(slices_reached()),
                },
                Next::Calls(pending) => {
                    did = true;
                    self.answer_calls(run, token, &offer, pending, &mut talk, &mut steps, until.min(ends)).await?;
                }
                Next::Ask => {
                    let request = Request { talk: &talk, offer: &offer, until, ends, did };
                    did = true;
                    match self.ask(run, token, reads, &request).await? {
                        Asked::Recorded(turn) => talk.took(*turn),
                        Asked::Ended(reason) => break Ended::Without(reason),
                        Asked::Paused => match paused(run) {
                            Some(paused) => return Ok(paused),
                            None => break Ended::Without(slices_reached()),
                        },
                    }
                }
            }
        };
        let mut report = self.report_of(run, &steps, &stood)?;
        match ended {
            Ended::Answered(reading) => {
                report.read_by = reads.model.to_string();
                if !reading.stands() {
                    report.remarks.push(format!(
                        "None of the claims of the model `{}` stands in the evidence; what it said is below as unproven.",
                        reads.model
                    ));
                }
                report.reading = Some(reading);
            }
            Ended::Without(reason) => {
                tracing::warn!(reason, "the run concludes without an answer of its model");
                let reason = findings::cap(reason, findings::LINE_CAP - 100);
                report.remarks.push(format!("Not read by the model `{}`: {reason}.", reads.model));
            }
        }
        let known = self.store.reader().run(run.id).await?;
        if let Some(cost) = known.map(|known| known.cost).filter(|cost| cost.lost() > 0) {
            if let Some(lost) = cost.pending {
                tracing::warn!(lost_tokens = lost.tokens, lost_usd = lost.usd.usd(), "turn lost");
            }
            report.remarks.push(format!(
                "{} of the model got lost, and may have cost up to {} more; that is counted.",
                findings::count(usize::try_from(cost.lost()).unwrap_or(usize::MAX), "answer", "answers"),
                cost.at_most().minus(cost.usd)
            ));
        }
        Ok(Read::Concluded(Box::new(report)))
    }

    /// The conversation as it is recorded, or a new one, whose beginning is recorded.
    async fn begun(
        &self,
        run: &Run,
        token: LeaseToken,
        reads: &Reads<'_>,
        offer: &Offer<'_>,
        stood: &Stood,
    ) -> Result<Conversation, DriveError> {
        if let Some(talk) = Conversation::of(self.store.reader().transcript(run.id).await?) {
            return Ok(talk);
        }
        let command = self.command(run)?;
        let rules: Vec<String> =
            self.catalog.rules.values().map(|rule| format!("- {}: {}", rule.name, rule.reason)).collect();
        let found = knowledge::search(&self.catalog, run.alert.as_ref(), &resources(&stood.steps), &run.title);
        let known: Vec<(String, String)> = found.into_iter().map(|one| (one.title, one.excerpt)).collect();
        let material = prompt::Material {
            assistant: reads.assistant.name.as_str(),
            command: (command.name.as_str(), &command.description, command.procedure.as_deref()),
            rules: &rules,
            alert: run.alert.as_ref(),
            knowledge: &known,
            report: &stood.report,
            steps: &stood.steps,
            tools: offer.bytes(),
        };
        let opening = prompt::opening(&material, self.store.fence(), self.clock.now());
        tracing::info!(prompt_bytes = opening.bytes, model = %reads.model, "the Assistant begins to read");
        Ok(Conversation::new(self.store.open_reading(run.id, token, &opening).await?))
    }

    /// What the budgets allow now. `known` is the run as it stands.
    async fn allowed(
        &self,
        known: &Run,
        reads: &Reads<'_>,
        talk: &Conversation,
        offer: &Offer<'_>,
        budgets: &[DayBudget],
        ends: Timestamp,
    ) -> Result<Allowed, DriveError> {
        let mut days = Vec::new();
        for budget in budgets {
            let Some(limit) = budget.limit else { continue };
            let spent = self.store.reader().spent(&budget.scope, budget.day).await?;
            days.push(DayUse { whose: turn::whose(&budget.scope), spent, limit });
        }
        let all = self.time_budget(known).map_or(u64::MAX, |time| u64::try_from(time.as_millis()).unwrap_or(0));
        let left = ends.duration_since(self.clock.now()).max(SignedDuration::ZERO);
        let left = u64::try_from(left.as_millis()).unwrap_or(0);
        let (messages, around) = (talk.messages(), talk.opening.system.len() + offer.bytes());
        let said = serde_json::to_string(&messages).map_or(usize::MAX, |text| text.len());
        let standing = Standing {
            limits: &reads.assistant.limits,
            price: reads.price,
            max_tokens: reads.max_tokens,
            cost: known.cost,
            days: &days,
            time_ms: (all.saturating_sub(left), all),
            // What was asked and not recorded was a turn too.
            turn: known.cost.asked().max(u64::from(talk.next_turn()) - 1) + 1,
            calls: talk.calls(),
            bytes: said.saturating_add(around),
            input: conversation::most_read(talk, &messages, around),
        };
        Ok(standing.allows())
    }

    /// The counters of the day that this run's money is taken from.
    fn day_budgets(&self, run: &Run, now: Timestamp) -> Vec<DayBudget> {
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let limit = |usd: Option<f64>| usd.map(budget::usd);
        let workflow = run.workflow.as_ref().map(|name| {
            let usd = self.catalog.workflows.get(name).and_then(|workflow| workflow.limits.usd_per_day);
            DayBudget { scope: BudgetScope::Workflow(name.clone()), day, limit: limit(usd) }
        });
        // The strictest, should there be several; `check` wants one.
        let everybodys = self.catalog.budgets.values().map(|budget| budget.usd_per_day).reduce(f64::min);
        let account = DayBudget { scope: BudgetScope::Account, day, limit: limit(everybodys) };
        workflow.into_iter().chain([account]).collect()
    }

    /// Whether its workflow has a policy that may stop it. One that a person asked for knows that the incident is over.
    pub(crate) fn may_be_stopped(&self, run: &Run) -> bool {
        let workflow = run.workflow.as_ref().and_then(|name| self.catalog.workflows.get(name));
        let stops = workflow.is_some_and(|workflow| workflow.investigate.stop_when != StopWhen::Never);
        stops && matches!(run.trigger, Trigger::Event { .. })
    }

    /// Whether its workflow wants the run stopped by what was said of the incident, and why.
    pub(crate) fn stopped(&self, known: &Run) -> Option<String> {
        if !self.may_be_stopped(known) {
            return None;
        }
        let workflow = known.workflow.as_ref().and_then(|name| self.catalog.workflows.get(name))?;
        let since = match (workflow.investigate.stop_when, &known.incident) {
            (StopWhen::Resolved, IncidentState::Resolved { at } | IncidentState::Merged { at }) => *at,
            _ => return None,
        };
        Some(format!("the incident was over at {since}, and the workflow stops then (`stop_when: resolved`)"))
    }

    /// The report over all steps: where tools took some, they count as the others do.
    fn report_of(&self, run: &Run, steps: &[Step], stood: &Stood) -> Result<Report, DriveError> {
        if steps.iter().all(|step| !is_tools(&step.id)) {
            return Ok(stood.report.clone());
        }
        self.report(run, steps, stood.unreached.as_deref())
    }
}

/// Whether a step was taken by an Assistant's tool. A document's name has no `_`, so no step of a plan has such an id.
pub(crate) fn is_tools(id: &StepId) -> bool {
    id.as_str().starts_with("assistant.") && id.as_str().contains('_')
}

fn paused(run: &Run) -> Option<Read> {
    (run.slice + 1 < MAX_SLICES).then_some(Read::Paused)
}

fn slices_reached() -> String {
    format!("the run's limit of {MAX_SLICES} invocations was reached")
}

/// The things that the steps looked at.
fn resources(steps: &[Step]) -> Vec<String> {
    let mut resources: Vec<String> =
        steps.iter().map(|step| step.resource.clone()).filter(|resource| !resource.is_empty()).collect();
    resources.sort();
    resources.dedup();
    resources
}
