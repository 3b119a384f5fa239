use std::time::Duration;

use domain::{Entry, Report, Run, RunView, ToolCall};
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::Claim;

use crate::{
    DriveError, Driven,
    reader::Read,
    tests::{World, catalog, entry, world},
};

/// What the checks of [`reading_world`] find.
pub const HEALTH: &str = "http://health answers 503";

/// A world whose Assistant reads with a model that costs 3 and 15 dollars, and may look at `http://queue` besides. `extra`
/// goes into the catalog, `limits` are the Assistant's.
pub fn reading_world(extra: Value, limits: Value) -> World {
    world_of(extra, limits, &[])
}

/// The same with more that can be looked at.
pub fn world_of(extra: Value, limits: Value, more: &[(&str, u64, Result<Value, String>)]) -> World {
    let other = json!({
        "name": "other", "access": "read-only", "title": "Other", "inputs": {"url": {"type": "url"}},
        "run": {"http": {"url": "${{ inputs.url }}"}},
    });
    let mut whole = json!({
        "models": {"sonnet": {
            "name": "sonnet", "provider": "anthropic", "id": "claude", "secret": "key", "price": {"input": 3, "output": 15},
        }},
        "assistants": {"cathy": {"name": "cathy", "model": "sonnet", "limits": limits, "tasks": ["look"]}},
        "slxs": {"queue": {"name": "queue", "tags": {"never": "matched"}, "tasks": [
            {"id": "queue", "task": "look", "with": {"url": "http://queue"}},
            {"id": "slow", "task": "look", "with": {"url": "http://slow"}},
        ]}},
    });
    for (key, value) in extra.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let mut catalog = catalog(json!([entry("health", "http://health")]), whole);
    catalog.tasks.insert("other".parse().unwrap(), serde_json::from_value(other).unwrap());
    let mut answers = vec![
        ("http://health", 0, Ok(json!({"status": 503, "body": "pool exhausted"}))),
        ("http://queue", 1, Ok(json!({"status": 200, "depth": 4711}))),
        ("http://slow", 30, Ok(json!({"status": 200}))),
    ];
    answers.extend(more.iter().cloned());
    world(catalog, &answers)
}

impl World {
    /// One slice of `seconds`, as the handler drives it: what the run says in the end, or `None` when it goes on.
    ///
    /// # Errors
    /// The process was killed.
    pub async fn slice(&self, seconds: i64) -> Result<Option<Report>, DriveError> {
        self.slice_of(&self.run, seconds).await
    }

    /// The same of another run.
    ///
    /// # Errors
    /// The process was killed.
    pub async fn slice_of(&self, run: &Run, seconds: i64) -> Result<Option<Report>, DriveError> {
        let (engine, store) = (&self.engine, &self.engine.store);
        store.open_command(run).await?;
        let Claim::Claimed { run, token } = store.claim_run(run.id, Duration::from_secs(30)).await? else {
            panic!("not claimed")
        };
        let began = engine.clock.now();
        let until = began + SignedDuration::from_secs(seconds);
        let spent = || Duration::from_millis(run.spent_ms) + Duration::try_from(engine.clock.now() - began).unwrap();
        let steps = store.reader().steps(run.id).await?;
        let read = match engine.drive(&run, token, steps, until).await? {
            Driven::Paused => Read::Paused,
            Driven::Finished(stood) => {
                store.evidence_stands(run.id, token, &stood.report).await?;
                engine.read(&run, token, &engine.reads(&run).unwrap(), *stood, until).await?
            }
        };
        match read {
            Read::Paused => {
                store.release_run(run.id, token, true, spent()).await?;
                Ok(None)
            }
            Read::Concluded(report) => {
                store.conclude_run(run.id, token, &report).await?;
                Ok(Some(*report))
            }
        }
    }

    /// The whole run in one slice.
    pub async fn concluded(&self) -> Report {
        self.slice(3000).await.unwrap().unwrap()
    }

    pub async fn view(&self) -> RunView {
        self.engine.store.reader().view(self.run.id).await.unwrap().unwrap()
    }

    pub async fn calls(&self) -> Vec<ToolCall> {
        let call = |entry| match entry {
            Entry::Call(call) => Some(call),
            _ => None,
        };
        self.view().await.transcript.into_iter().filter_map(call).collect()
    }
}
