//! Answers the calls of a turn, side by side, and records each in its place.

use std::time::Duration;

use catalog::{expr::Scope, model::Task};
use domain::{LeaseToken, Run, Step, StepId, ToolCall};
use futures_util::{StreamExt, future::BoxFuture, stream};
use jiff::Timestamp;
use serde_json::json;

use super::{
    answer, budget,
    conversation::{Conversation, Pending},
    inputs, prompt,
    tools::{self, Offer},
};
use crate::{CONCURRENCY, DriveError, Engine, Redactor, knowledge, plan::Planned, step};

/// The most calls of one turn that are answered.
const TURN_CALLS: u32 = 8;

/// What a call comes to.
struct Told {
    text: Result<String, String>,
    /// The step that it became, when it was taken now.
    step: Option<Step>,
    /// Its id, also when it stood already.
    id: Option<StepId>,
}

impl Told {
    fn text(text: Result<String, String>) -> Self {
        Self { text, step: None, id: None }
    }
}

impl Engine {
    /// Answers `pending` until `end`, and adds what was recorded to `talk` and `steps`. What is left is still pending.
    #[allow(clippy::too_many_arguments)]
    pub(super) async fn answer_calls(
        &self,
        run: &Run,
        token: LeaseToken,
        offer: &Offer<'_>,
        pending: Vec<Pending>,
        talk: &mut Conversation,
        steps: &mut Vec<Step>,
        end: Timestamp,
    ) -> Result<(), DriveError> {
        // What was asked before is answered from the record; of several that are the same, the first is made.
        let mut fresh: Vec<Pending> = Vec::new();
        for one in pending {
            let before = talk.same(&one).map(|call| (call.text.clone(), call.is_error, call.step.clone()));
            if let Some((text, is_error, id)) = before.filter(|_| one.tool != answer::TOOL) {
                let text = if is_error { Err(text) } else { Ok(text) };
                self.record(run, token, one, Told { text, step: None, id }, true, talk, steps).await?;
            } else if fresh.iter().all(|other| other.tool != one.tool || other.arguments != one.arguments) {
                fresh.push(one);
            }
        }
        let must_answer = talk.had_to_use().is_some();
        let fence = talk.opening.fence.clone();
        let planned = u32::try_from(self.plan(run)?.steps.len()).unwrap_or(0);
        let first = steps.iter().map(|step| step.index + 1).max().unwrap_or(0).max(planned);
        let over = talk.calls().saturating_sub(budget::MAX_CALLS.saturating_sub(fresh.len()));
        let allowed = fresh.len().saturating_sub(over);
        let mut answered = Vec::new();
        {
            let (steps, fence) = (&*steps, fence.as_str());
            let mut calls: Vec<BoxFuture<'_, Told>> = Vec::with_capacity(fresh.len());
            for (at, one) in fresh.iter().enumerate() {
                let index = first + u32::try_from(at).unwrap_or(0);
                let refused = match () {
                    () if one.tool == answer::TOOL => None,
                    () if must_answer => Some("Only the tool `answer` can be used now. Give your answer."),
                    () if one.place >= TURN_CALLS => Some("Too many calls at once; this one was not made."),
                    () if at >= allowed => Some("The limit of tool calls is reached. Give your answer."),
                    () => None,
                };
                calls.push(match refused {
                    Some(refused) => Box::pin(async move { Told::text(Err(refused.to_owned())) }),
                    None => Box::pin(self.tell(run, offer, one, steps, index, fence)),
                });
            }
            let mut telling = stream::iter(calls).buffered(CONCURRENCY);
            let left = Duration::try_from(end.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
            let time_is_up = tokio::time::sleep(left);
            tokio::pin!(time_is_up);
            loop {
                // Each is recorded when all before it are: what is under way at the end of the time only reads, and is
                // made again.
                tokio::select! {
                    told = telling.next() => match told {
                        Some(told) => {
                            self.record_step_of(run, token, &told).await?;
                            answered.push(told);
                        }
                        None => break,
                    },
                    () = &mut time_is_up => break,
                }
            }
        }
        for (one, told) in fresh.into_iter().zip(answered) {
            self.record(run, token, one, told, false, talk, steps).await?;
        }
        Ok(())
    }

    async fn record_step_of(&self, run: &Run, token: LeaseToken, told: &Told) -> Result<(), DriveError> {
        if let Some(step) = &told.step {
            self.store.record_step(run.id, token, step).await?;
            tracing::info!(step = %step.id, elapsed_ms = step.elapsed_ms, issues = step.issues.len(), "step recorded");
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    async fn record(
        &self,
        run: &Run,
        token: LeaseToken,
        one: Pending,
        told: Told,
        repeated: bool,
        talk: &mut Conversation,
        steps: &mut Vec<Step>,
    ) -> Result<(), DriveError> {
        let Pending { turn, place, id, tool, arguments } = one;
        let is_error = told.text.is_err();
        let (Ok(text) | Err(text)) = told.text;
        let text = prompt::cut(&text, tools::RESULT_CAP);
        let at = self.clock.now();
        let call = ToolCall { turn, place, id, tool, arguments, step: told.id, repeated, text, is_error, at };
        self.store.record_call(run.id, token, &call).await?;
        tracing::info!(turn, tool = call.tool, is_error, repeated, "tool call recorded");
        steps.extend(told.step);
        talk.called(call);
        Ok(())
    }

    /// What a call comes to. `index` is the place of the step that it may become.
    async fn tell(&self, run: &Run, offer: &Offer<'_>, one: &Pending, steps: &[Step], index: u32, fence: &str) -> Told {
        let arguments = &one.arguments;
        match one.tool.as_str() {
            answer::TOOL => {
                let text = answer::parse(arguments).map(|_| "It is taken.".to_owned());
                Told::text(
                    text.map_err(|problem| refusal("The answer cannot be used. Give it again.", &problem, fence)),
                )
            }
            tools::READ_EVIDENCE => {
                let text = tools::read(arguments, steps, fence);
                Told::text(text.map_err(|problem| refusal("It was not read.", &problem, fence)))
            }
            tools::SEARCH_KNOWLEDGE => {
                let text = tools::query(arguments).map(|query| self.knowledge(run, steps, &query, fence));
                Told::text(text.map_err(|problem| refusal("It was not searched.", &problem, fence)))
            }
            tools::EARLIER_RUNS => {
                let text = tools::earlier(arguments, run.last_time.as_ref(), fence);
                Told::text(text.map_err(|problem| refusal("It was not read.", &problem, fence)))
            }
            name => match offer.tasks.get(name) {
                Some(task) => self.take(run, task, one, steps, index, fence).await,
                None => Told::text(Err(offer.unknown())),
            },
        }
    }

    /// Runs a Task as a step of its own. A document's name has no `_`, so no step of a plan has such an id.
    async fn take(&self, run: &Run, task: &Task, one: &Pending, steps: &[Step], index: u32, fence: &str) -> Told {
        let id = StepId::new(format!("assistant.{}_{}.{}", one.turn, one.place + 1, task.name));
        // Recorded before the process ended: it is not run again (I6).
        if let Some(step) = steps.iter().find(|step| step.id == id) {
            return Told { text: Ok(tools::step_told(step, fence)), step: None, id: Some(id) };
        }
        let with = match inputs::accept(&self.catalog, task, &one.arguments) {
            Ok(with) => with,
            Err(problem) => return Told::text(Err(refusal("It was not run.", &problem, fence))),
        };
        let planned = Planned { id: id.clone(), index, task, with: &with, needs: vec![], when: vec![], slx: None };
        let alert = run.alert.as_ref().map_or_else(|| json!({}), |alert| json!(alert));
        let scope = Scope::new().with("alert", &alert);
        let redactor = Redactor::of(&self.catalog);
        let step = step::take(&planned, scope, &*self.tasks, &*self.clock, &redactor).await;
        Told { text: Ok(tools::step_told(&step, fence)), step: Some(step), id: Some(id) }
    }

    fn knowledge(&self, run: &Run, steps: &[Step], query: &str, fence: &str) -> String {
        let found = knowledge::search(&self.catalog, run.alert.as_ref(), &super::resources(steps), query);
        if found.is_empty() {
            return "Nothing is noted about that.".to_owned();
        }
        let notes: Vec<String> = found.iter().map(|one| format!("{}\n{}", one.title, one.excerpt)).collect();
        let body = prompt::cut(&prompt::plain(&notes.join("\n\n"), fence), tools::RESULT_CAP - 200);
        format!("Notes of the team. They are no evidence.\n{}", prompt::fenced("knowledge", &body, fence))
    }
}

/// What cannot be done, and why. The why may repeat what the model was given from outside.
fn refusal(what: &str, why: &str, fence: &str) -> String {
    format!("{what}\n{}", prompt::fenced("why", &prompt::cut(&prompt::plain(why, fence), 1000), fence))
}
