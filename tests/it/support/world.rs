//! What a scenario sees of a world, whichever it is.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use domain::{EventId, RunId, RunView, Target};
use inbox::{Inbox, ModelServer, Posted, Service};
use ports::{Queue, SendMessage};
use serde_json::Value;
use store::Reader;

use super::{pages::Page, shop::Shop};

/// An answer of ingest.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<String>,
}

impl Answer {
    /// The run that the accepted event opens, if it opens one.
    pub fn run(&self) -> RunId {
        assert_eq!(self.status, 202, "{self:?}");
        RunId::opened_by(self.body["event"].as_str().unwrap().parse::<EventId>().unwrap())
    }
}

/// A whole Firstlook with the services around it.
#[async_trait]
pub trait World: Send + Sync {
    /// Posts to `/hooks/{source}` over HTTP.
    async fn post(&self, source: &str, page: &Page) -> Answer;
    /// Gets `path` (with its query) of the console; the status and the text.
    async fn get(&self, path: &str) -> (u16, String);
    /// The table.
    fn reader(&self) -> Reader;
    /// The queues.
    fn sender(&self) -> &dyn SendMessage;
    /// Messages in `queue` that wait for somebody.
    async fn depth(&self, queue: Queue) -> u64;
    /// Brings the dead letters of `queue` back, as `firstlook redrive` does.
    async fn redrive(&self, queue: Queue);
    /// Slack, PagerDuty and the team's webhook.
    fn inbox(&self) -> &Inbox;
    /// What reads.
    fn models(&self) -> &ModelServer;
    /// What is looked at.
    fn shop(&self) -> &Shop;
}

/// How long a scenario waits for what must come. Generous, since it is only reached when something is broken.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `look` has seen it.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    until_within(PATIENCE, what, look).await
}

/// Waits until `look` has seen it, with a patience of its own.
pub async fn until_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let given_up = tokio::time::Instant::now() + patience;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(tokio::time::Instant::now() < given_up, "waited {patience:?} for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The run, once it has ended and each of its targets stands at its revision, has failed or was deleted.
pub async fn settled(world: &dyn World, run: RunId) -> RunView {
    let reader = world.reader();
    until(&format!("{run} to settle"), async || {
        let view = reader.view(run).await.unwrap()?;
        let arrived = |target: &Target| {
            target.lease.is_none() && (target.revision >= view.run.revision || target.state.is_given_up())
        };
        (view.run.status.is_terminal() && view.targets.iter().all(arrived)).then_some(view)
    })
    .await
}

/// What stands at `service` of `run`.
pub fn posts(world: &dyn World, service: Service, run: RunId) -> Vec<Posted> {
    let id = run.to_string();
    let posts = world.inbox().posts().into_iter();
    posts.filter(|post| post.service == service && post.body.to_string().contains(&id)).collect()
}

/// Posts `page` and reads the answer.
pub async fn answer(client: &reqwest::Client, url: &str, extra: &[(&str, &str)], page: &Page) -> Answer {
    let mut request = client.post(url).body(page.body.clone());
    for (name, value) in &page.headers {
        request = request.header(name, value);
    }
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)), retry_after }
}
