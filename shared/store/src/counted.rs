//! What is only counted on a run, a duplicate or one more event of a storm, is told together: the first in a while has it
//! told for all that come meanwhile.

use std::time::Duration;

use domain::{EventId, Run, RunId};
use ports::{Condition, TableError, When, Write};
use serde_json::{Value, json};

use crate::{
    Store, StoreError, item, keys, later,
    run::{fields, news},
};

/// The event that has the count told, and until when no other one has, in epoch milliseconds.
const TOLD_BY: &str = "count_told_by";
const TOLD_AT: &str = "count_told_at";

impl Store {
    /// The run, if `event`, which stands counted on it, is the one that has the count told when `wait` is over: then no other
    /// one is until then, and this one is as often as it is asked for. Nobody is where nothing of the run is shown yet, since
    /// the first delivery has the count in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_count_told(&self, id: RunId, event: EventId, wait: Duration) -> Result<Option<Run>, StoreError> {
        let key = keys::meta(id);
        // On a run that is no longer kept nothing was counted.
        let Some(stands) = self.table.get(&key).await? else { return Ok(None) };
        let run = item::read_run(&stands)?;
        let (now, told_at) = (self.clock.now(), stands.attributes.get(TOLD_AT).and_then(Value::as_i64));
        if stands.attributes.get(TOLD_BY) == Some(&json!(event)) {
            return Ok(Some(run));
        }
        if told_at.is_some_and(|at| at >= now.as_millisecond()) || !run.is_shown() {
            return Ok(None);
        }
        let unclaimed = match told_at {
            Some(at) => Condition::Equals(TOLD_AT, json!(at)),
            None => Condition::Without(TOLD_AT),
        };
        let claim = Write::Update {
            key,
            set: fields([(TOLD_BY, json!(event)), (TOLD_AT, json!(later(now, wait).as_millisecond()))]),
            add: vec![],
            remove: vec![],
            when: When::all([Condition::Present, unclaimed]),
        };
        match self.transact(vec![claim]).await {
            Ok(()) => Ok(Some(run)),
            // Another one was faster.
            Err(TableError::Refused(_)) => Ok(None),
            Err(other) => Err(StoreError::unexpected("to have a count told")(other)),
        }
    }

    /// Makes what was counted on `run` news. The run as it then is; nothing where it is no longer kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_count(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        match self.transact(vec![news(run)]).await {
            Ok(()) => self.reader().run(run).await,
            Err(TableError::Refused(_)) => Ok(None),
            Err(other) => Err(StoreError::unexpected("to tell a count")(other)),
        }
    }
}
