//! A Schedule was due: its Command is run, or it is recorded why not.

use domain::{EventId, Name, Run, RunId, Trigger};
use jiff::Timestamp;
use store::Fired;

use crate::{Investigate, handler::InvestigateError};

impl Investigate {
    /// Takes the firing of `schedule` that was due at `at`; `sending` is what the clock calls this sending of it.
    pub(crate) async fn fired(&self, schedule: &Name, at: Timestamp, sending: &str) -> Result<Fired, InvestigateError> {
        let store = &self.engine.store;
        let fired = match self.engine.catalog.schedules.get(schedule) {
            None => store.skip_scheduled(schedule, at, "the Schedule was taken out of the catalog meanwhile").await?,
            Some(known) if known.paused => store.skip_scheduled(schedule, at, "the Schedule is paused").await?,
            Some(known) => store.open_scheduled(schedule, at, &self.due(known, at), known.max_runs).await?,
        };
        tracing::info!(schedule = %schedule, at = %at, sending, fired = ?fired, "firing taken");
        Ok(fired)
    }

    /// The run of `schedule` that was due at `at`.
    fn due(&self, schedule: &catalog::model::Schedule, at: Timestamp) -> Run {
        // As for a workflow: what does not fit fails the run where people see it (I14).
        let params = engine::parameters(&self.engine.catalog, &schedule.command, &schedule.with, None);
        Run {
            trigger: Trigger::Schedule { name: schedule.name.clone(), at },
            targets: catalog::targets(&schedule.deliver, None),
            reason: params.as_ref().err().cloned(),
            params: params.unwrap_or_default(),
            ..self.queued(RunId::opened_by(EventId::of_firing(&schedule.name, at)), &schedule.command)
        }
    }
}
