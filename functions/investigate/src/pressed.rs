//! Somebody pressed a button of a run's message.

use domain::{Act, ChatAnswer, ChatReply, OutletSpec, Press, Rating, Run, RunId};
use store::Again;

use crate::{Investigate, handler::InvestigateError};

/// What who pressed is told where the message is none of a run's. The same whether the run exists or not (I1).
const NO_RUN: &str = "This did nothing: no RunSession is known here that has this message. RunSessions are kept for 90 days. If \
                      the message has only just come, press again in a moment.";

impl Investigate {
    /// Does what `press` says, if the message that it was pressed on is one of the run's; the run that is to be driven for it, if
    /// there is one. Who can see the message may rate its report, if they are of the app's own workspace. To stop a run and to run
    /// it again is for those who may run its Command from there, as the catalog says.
    pub(crate) async fn pressed(&self, press: &Press) -> Result<Option<RunId>, InvestigateError> {
        let store = &self.engine.store;
        let view = store.reader().view(press.run).await?;
        let view = view.filter(|view| {
            view.targets.iter().any(|target| {
                let is_slack = matches!(target.spec.outlet, OutletSpec::Slack(_));
                is_slack && target.provider_id.as_deref() == Some(press.message.as_str())
            })
        });
        let who = press.place.to_string();
        let Some(view) = view else {
            tracing::warn!(run = %press.run, who, "a button was pressed on a message that is none of the run's");
            self.tell(press, NO_RUN.to_owned()).await?;
            return Ok(None);
        };
        let done = match press.act {
            Act::Rate { .. } if press.place.outside => {
                Err("Reports are rated by people of the workspace that has the app; you are of another one.".to_owned())
            }
            Act::Rate { mark } => {
                let rating = Rating { rating: mark, by: press.place.clone(), at: press.at };
                let kept = store.rate_run(press.run, &rating).await?;
                tracing::info!(run = %press.run, who, rating = mark.as_str(), kept, "rated");
                Ok(None)
            }
            // What an earlier try of this message has opened goes on, whatever the catalog says by now.
            Act::Again if store.reader().run(again_id(press)).await?.is_some() => Ok(Some(again_id(press))),
            Act::Stop | Act::Again => match self.permits(press, &view.run) {
                Ok(()) if press.act == Act::Stop => self.stop(press, &view.run).await?,
                Ok(()) => self.again(press, &view.run).await?,
                Err(refused) => Err(refused),
            },
        };
        match done {
            Ok(run) => {
                // Also when it stood already: an earlier try may have ended before it said so.
                self.announce_if_shown(&self.run(press.run).await?).await?;
                Ok(run)
            }
            Err(told) => {
                tracing::info!(run = %press.run, who, told, "a button did nothing");
                self.tell(press, told).await?;
                Ok(None)
            }
        }
    }

    /// Tells who pressed, and nobody else.
    async fn tell(&self, press: &Press, text: String) -> Result<(), InvestigateError> {
        let reply = ChatReply {
            id: press.id(),
            place: press.place.clone(),
            asked_at: press.at,
            response_url: press.response_url.clone(),
            answer: ChatAnswer::Text { text },
        };
        self.reply(Box::new(reply)).await
    }

    fn permits(&self, press: &Press, run: &Run) -> Result<(), String> {
        let place = &press.place;
        let source = self.engine.catalog.sources.get(&place.source);
        let source = source.ok_or_else(|| format!("The catalog has no Source `{}` any more.", place.source))?;
        source.permits(run.command.as_str(), place).map(drop)
    }

    /// Ends the run as it stands; what who pressed is to be told where it had ended before.
    async fn stop(&self, press: &Press, run: &Run) -> Result<Result<Option<RunId>, String>, InvestigateError> {
        let reason = format!("stopped by {}", press.place);
        if self.engine.store.cancel_run(run.id, &reason).await? {
            tracing::info!(run = %run.id, reason, "the run is stopped");
            return Ok(Ok(None));
        }
        // It ended meanwhile, perhaps by an earlier try of this message.
        let run = self.engine.store.reader().run(run.id).await?.ok_or(InvestigateError::NoRun(run.id))?;
        Ok(match run.reason == Some(reason) {
            true => Ok(None),
            false => Err(format!("There is nothing to stop: this run has ended before ({}).", run.status.as_str())),
        })
    }

    /// Opens the same run anew, whose id follows from the press; what who pressed is to be told where that cannot be.
    async fn again(&self, press: &Press, run: &Run) -> Result<Result<Option<RunId>, String>, InvestigateError> {
        let store = &self.engine.store;
        let id = again_id(press);
        if !run.status.is_terminal() {
            return Ok(Err("This run has not ended. Stop it first, or wait for its end.".to_owned()));
        }
        let params = engine::same_parameters(&self.engine.catalog, &run.command, &run.params);
        let command = self.engine.catalog.commands.get(&run.command);
        // It never had parameters, because they did not fit: without them it would look at something else now.
        let unfit =
            run.reason.clone().filter(|_| run.params.is_empty() && command.is_some_and(|c| !c.parameters.is_empty()));
        let again = Run {
            // As for an event: what does not fit fails the run where people see it (I14).
            reason: unfit.or_else(|| params.as_ref().err().cloned()),
            params: params.unwrap_or_default(),
            ..self.queued(id, &run.command).again(run, press.place.clone())
        };
        Ok(match store.open_again(run.id, &again).await? {
            Again::Opened => {
                tracing::info!(run = %id, before = %run.id, who = press.place.to_string(), "run again");
                Ok(Some(id))
            }
            Again::GoesOn(newest) => Err(format!("It is being run again already: {newest} has not ended.")),
        })
    }
}

/// The run that a press opens.
fn again_id(press: &Press) -> RunId {
    RunId::opened_by(press.id())
}
