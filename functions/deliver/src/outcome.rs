//! Where a post cannot be edited and says that the run could not be investigated, one more says what a redrive of the run came to.

use domain::{Run, RunStatus, Target};

use crate::{Deliver, DeliverError, handler::Held};

impl Deliver {
    /// The target's one post stands. Where it says that the run has failed, and the run has concluded since, a target beside
    /// it is told: with a name of its own it is looked for, tried and given up as any other.
    pub(crate) async fn tell_outcome(&self, held: &Held, run: &Run) -> Result<(), DeliverError> {
        let spec = &held.target.spec;
        let failed = held.target.one_post.is_some_and(|posted| posted.status == RunStatus::Failed);
        if !failed || run.status != RunStatus::Concluded {
            return Ok(());
        }
        let (spec, now) = (spec.concluded(), self.clock.now());
        // Who was told of the failure is told of the conclusion, whatever its condition says by now.
        let beside = Target { wanted_at: Some(now), ..Target::new(spec, now) };
        self.announce_beside(run, &beside.spec.name, Some(&beside)).await
    }
}
