//! Somebody pressed a button of a run's message.

use domain::{Act, OutletSpec, Press, Rating};

use crate::{Investigate, handler::InvestigateError};

impl Investigate {
    /// Does what `press` says, if the message that it was pressed on is one of the run's: a button is as good as the place in
    /// which it stands, and who can see that may press it.
    pub(crate) async fn pressed(&self, press: &Press) -> Result<(), InvestigateError> {
        let store = &self.engine.store;
        let view = store.reader().view(press.run).await?;
        let stands = view.is_some_and(|view| {
            view.targets.iter().any(|target| {
                let is_slack = matches!(target.spec.outlet, OutletSpec::Slack(_));
                is_slack && target.provider_id.as_deref() == Some(press.message.as_str())
            })
        });
        let who = press.place.to_string();
        if !stands {
            tracing::warn!(run = %press.run, who, "a button was pressed on a message that is none of the run's");
            return Ok(());
        }
        match press.act {
            Act::Rate { mark } => {
                let rating = Rating { rating: mark, by: press.place.clone(), at: press.at };
                let kept = store.rate_run(press.run, &rating).await?;
                tracing::info!(run = %press.run, who, rating = mark.as_str(), kept, "rated");
            }
        }
        // Also when it stood already: an earlier try may have ended before it said so.
        self.announce_if_shown(press.run).await
    }
}
