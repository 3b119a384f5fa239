//! What the catalog says of a target beside its outlet: when it is wanted, and the team's words.

use domain::{Run, Target, TargetSpec, TargetState, Words};

use crate::Deliver;

impl Deliver {
    /// Whether anything is to stand at the target: something does, or may, or its condition holds now or held before. One that
    /// cannot be evaluated tells people.
    pub(crate) fn is_wanted(&self, target: &mut Target, run: &Run) -> bool {
        if target.provider_id.is_some() || target.sending_since.is_some() || target.wanted_at.is_some() {
            return true;
        }
        let wanted = catalog::wanted(&target.spec, run).unwrap_or_else(|error| {
            let reason = ports::chain(&error);
            tracing::warn!(run = %run.id, target = target.spec.name, reason, "delivered without its condition");
            true
        });
        if wanted && target.spec.when.is_some() {
            // From now on, whatever its provider does meanwhile.
            target.wanted_at = Some(self.clock.now());
        }
        if wanted && target.state == TargetState::NotWanted {
            target.state = TargetState::Pending;
        }
        wanted
    }
}

/// What the team says at the target; what of it has no value is left out.
pub(crate) fn words(spec: &TargetSpec, run: &Run) -> Option<Words> {
    spec.text.as_ref()?;
    let (words, missing) = catalog::words(spec, run);
    for error in missing {
        let reason = ports::chain(&error);
        tracing::warn!(run = %run.id, target = spec.name, reason, "a value is missing in the words above the report");
    }
    Some(words)
}
