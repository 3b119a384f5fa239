//! A target that was given up is tried again: a redrive brings its letter, or there is news of its run.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use catalog::Catalog;
use domain::{Run, Target, TargetState};
use outlets::Style;

use crate::Deliver;

/// The catalog as it stands now. Nearly no delivery asks for it, so it is read when the first one does.
#[derive(Debug)]
pub struct CatalogNow {
    path: PathBuf,
    read: OnceLock<Option<Arc<Catalog>>>,
}

impl CatalogNow {
    /// The compiled catalog in the file `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), read: OnceLock::new() }
    }

    fn get(&self) -> Option<&Catalog> {
        let read = || match Catalog::read_compiled(&self.path) {
            Ok(catalog) => Some(Arc::new(catalog)),
            Err(error) => {
                let reason = ports::chain(&error);
                tracing::warn!(
                    reason,
                    "what was given up is tried again as it was: what was mended of it is not known"
                );
                None
            }
        };
        self.read.get_or_init(read).as_deref()
    }
}

impl From<Arc<Catalog>> for CatalogNow {
    fn from(catalog: Arc<Catalog>) -> Self {
        Self { path: PathBuf::new(), read: OnceLock::from(Some(catalog)) }
    }
}

impl Deliver {
    /// A given-up target that is tried again has all its attempts and all its time to wait, and goes to where the catalog says
    /// now; what it knows of an earlier post it keeps.
    pub(crate) fn begin_afresh(&self, target: &mut Target, run: &Run) {
        self.mend(target, run);
        target.attempts = 0;
        target.limited_since = None;
        // Where nothing can be looked up, one more is sent, which says that it may be a second.
        target.in_doubt = target.in_doubt.min(1);
        target.state = match (&target.provider_id, target.sending_since) {
            (Some(_), _) => TargetState::Sent,
            (None, Some(_)) => TargetState::Sending,
            (None, None) => TargetState::Pending,
        };
    }

    /// What the catalog says of the target now takes the place of what it said when the run was opened: most of what a target
    /// fails for is mended there. What stands somewhere is edited where it stands.
    fn mend(&self, target: &mut Target, run: &Run) {
        if target.provider_id.is_some() && Style::of(&target.spec.outlet) != Style::EachRevision {
            return;
        }
        let now = self.catalog.get().and_then(|catalog| catalog.target_now(run, &target.spec.name));
        let Some(now) = now.filter(|now| *now != target.spec) else { return };
        if now.outlet != target.spec.outlet && target.sending_since.is_none() {
            // It belongs to the place that is given up. What may stand there already is looked for by it.
            target.root = None;
        }
        tracing::info!(run = %run.id, target = now.name, "the target is the one that the catalog has now");
        target.spec = now;
    }
}
