//! What was said of an alert before an event of it came, and the run that it leaves where it comes to another one.

use domain::{Event, EventKind, IncidentState, Run, Which};
use jiff::Timestamp;
use ports::Write;

use crate::{
    Store, StoreError,
    accept::{stands, unsaid},
    alias::Alias,
    keys,
};

/// Of the alert of an event that may bring it to a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// What is not older than the event, and was heard where no later event looks for it.
    pub(crate) overtook: Option<(EventKind, Timestamp)>,
    /// A part of the transaction that brings the alert to another run: the one that it leaves counts it no more, and has
    /// heard nothing since it was read.
    pub(crate) leaves: Option<Write>,
}

impl Store {
    /// What stands of the alert of `event`, of which `alias` is, where it does not stand on the run that takes the event.
    pub(crate) async fn before(&self, event: &Event, alias: &Alias) -> Result<Before, StoreError> {
        let Some(id) = alias.run else {
            return Ok(Before { overtook: alias.overtook(event), leaves: None });
        };
        let (which, at) = (alias.which(id), event.occurred_at);
        let run = self.reader().run(id).await?;
        let stood = match (&alias.state, &run) {
            (Some(state), _) => Some(state),
            (None, run) => run.as_ref().map(Run::first_alert),
        };
        let overtook = stood.and_then(said).filter(|(_, said_at)| *said_at >= at);
        Ok(Before { overtook, leaves: run.and_then(|run| leaves(&run, &which, at)) })
    }
}

/// What `run` is told when its alert `which` comes to another run at `at`.
pub(crate) fn leaves(run: &Run, which: &Which, at: Timestamp) -> Option<Write> {
    if run.storm {
        return None;
    }
    match (run.without(which, at), which) {
        (Some((incident, alerts)), _) => Some(stands(run, &incident, Some(&alerts), vec![])),
        // How the first stands is on the run alone.
        (None, Which::First) => Some(Write::Check { key: keys::meta(run.id), when: unsaid(run) }),
        (None, _) => None,
    }
}

/// What a sender says that makes an alert stand so.
fn said(state: &IncidentState) -> Option<(EventKind, Timestamp)> {
    let kind = match state {
        IncidentState::Open => return None,
        IncidentState::Reopened { .. } => EventKind::Reopened,
        IncidentState::Acknowledged { .. } => EventKind::Acknowledged,
        IncidentState::Resolved { .. } => EventKind::Resolved,
        IncidentState::Merged { .. } => EventKind::Merged,
    };
    Some((kind, state.since()?))
}
