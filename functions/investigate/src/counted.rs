//! What is only counted on a run is told together, so that a storm of hundreds of events is a few edits and not hundreds.

use std::time::Duration;

use domain::{EventId, InvestigateMessage, RunId};
use ports::Queue;

use crate::{Investigate, handler::InvestigateError};

/// How long one news is enough for all that is counted on a run.
const COUNTING: Duration = Duration::from_secs(10);
/// How much later it is told, so that what another worker counts by a clock that is behind is in it too.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);

impl Investigate {
    /// `event` stands counted on `run`, which is told a little later with all that come meanwhile.
    pub(crate) async fn counted(&self, run: RunId, event: EventId) -> Result<(), InvestigateError> {
        let Some(run) = self.engine.store.has_count_told(run, event, COUNTING).await? else { return Ok(()) };
        self.send(Queue::Investigate, &InvestigateMessage::CountedV1 { run: run.id }, &run, COUNTING + CLOCKS_DIFFER)
            .await
    }

    /// Announces what was counted, to those that hear of it.
    pub(crate) async fn tell_count(&self, id: RunId) -> Result<(), InvestigateError> {
        let Some(mut run) = self.engine.store.tell_count(id).await? else { return Ok(()) };
        let reader = self.engine.store.reader();
        let mut standing = Vec::new();
        for target in std::mem::take(&mut run.targets) {
            if reader.target(id, &target.name).await?.is_some_and(|stands| stands.hears(run.status)) {
                standing.push(target);
            }
        }
        run.targets = standing;
        self.announce(&run).await
    }
}
