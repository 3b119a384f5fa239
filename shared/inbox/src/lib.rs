//! Loopback servers that answer as the APIs do that deliveries go to: Slack, PagerDuty, Opsgenie, Jira Service Management, Jira,
//! ServiceNow, GitHub, Teams, Amazon SES, and a webhook receiver; and as the APIs of models do. The local world shows
//! in them what the real ones would have got; tests break them in scripted ways.
//!
//! What is checked and answered follows reference pages of the providers: `ok: false` with HTTP 200, the limits of
//! blocks, message metadata only where it is asked for, notes that can be listed and never edited.

mod desk;
mod fault;
mod github;
mod hook;
mod jira;
mod model;
mod opsgenie;
mod pagerduty;
mod posted;
mod serve;
mod servicenow;
mod ses;
mod setup;
mod slack;
mod state;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    middleware,
    routing::{any, get, patch, post, put},
};
use ports::Clock;
use tokio::{net::TcpListener, sync::broadcast, task::JoinHandle};

pub use fault::{Endpoint, Fault};
pub use model::{Heard, ModelCall, ModelServer, Piece, Reply, Wire};
pub use posted::{Arrival, Edit, Moment, Posted, Service};
pub use servicenow::READ_ONLY;

use state::Shared;

/// A running inbox. It ends when it is dropped.
pub struct Inbox {
    shared: Arc<Shared>,
    router: Router,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Inbox {
    /// Serves on `address`; port 0 takes a free one. Times of posts are `clock`'s.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(address: SocketAddr, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(clock));
        let router = Router::new()
            .route("/posts", get(list_posts))
            .route("/slack/api/{method}", any(slack::method))
            .route("/slack/response/{at}", post(slack::answers::respond))
            .route("/pagerduty/abilities", get(pagerduty::abilities))
            .route("/pagerduty/users", get(pagerduty::users))
            .route("/pagerduty/users/me", get(pagerduty::me))
            .route("/pagerduty/incidents/{id}/notes", post(pagerduty::notes).get(pagerduty::notes))
            .route("/{api}/v2/alerts", get(opsgenie::alerts))
            .route("/{api}/v2/alerts/{alert}/notes", post(opsgenie::notes).get(opsgenie::notes))
            .route("/{api}/v2/alerts/requests/{id}", get(opsgenie::requests))
            .route("/jira/rest/api/3/myself", get(jira::myself))
            .route("/jira/rest/api/3/mypermissions", get(jira::permissions))
            .route("/jira/rest/api/3/issue/{issue}/comment", post(jira::comments).get(jira::comments))
            .route("/jira/rest/api/3/issue/{issue}/comment/{id}", put(jira::comment))
            .route("/servicenow/api/now/table/{table}", get(servicenow::table))
            .route("/servicenow/api/now/table/incident/{id}", patch(servicenow::incident))
            .route("/github/repos/{owner}/{name}", get(github::repository))
            .route("/github/repos/{owner}/{name}/issues/{number}", get(github::issue))
            .route(
                "/github/repos/{owner}/{name}/issues/{number}/comments",
                post(github::comments).get(github::comments),
            )
            .route("/github/repos/{owner}/{name}/issues/comments/{id}", patch(github::comment))
            .route("/slack-webhook/{name}", post(hook::slack))
            .route("/teams/{name}", post(hook::teams))
            .route("/e-mail/v2/email/outbound-emails", post(ses::send))
            .route("/e-mail/v2/email/account", get(ses::account))
            .route("/e-mail/v2/email/identities/{identity}", get(ses::identity))
            .route("/webhook", post(webhook::receive))
            .route("/webhook/{*name}", post(webhook::receive))
            .fallback(serve::unknown)
            .with_state(Arc::clone(&shared));
        let late = middleware::from_fn_with_state((Arc::clone(&shared), router.clone()), serve::late);
        let server = tokio::spawn(serve::serve(listener, router.clone().layer(late)));
        Ok(Self { shared, router, address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// In place of `https://slack.com/api`.
    #[must_use]
    pub fn slack_api(&self) -> String {
        format!("http://{}/slack/api", self.address)
    }

    /// In place of `https://api.pagerduty.com`.
    #[must_use]
    pub fn pagerduty_api(&self) -> String {
        format!("http://{}/pagerduty", self.address)
    }

    /// In place of the endpoint of SES, for any region.
    #[must_use]
    pub fn ses(&self) -> String {
        format!("http://{}/e-mail", self.address)
    }

    /// A webhook receiver, one for each `name`.
    #[must_use]
    pub fn webhook(&self, name: &str) -> String {
        format!("http://{}/webhook/{name}", self.address)
    }

    /// Stands in for every place that a catalog can name, with a path for each outlet. Under `/webhook` a query `to=` says whom
    /// a request was meant for.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was posted, oldest first, with every edit.
    #[must_use]
    pub fn posts(&self) -> Vec<Posted> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner).posts.clone()
    }

    /// Every request that came, oldest first (the newest 10,000), whatever was answered.
    #[must_use]
    pub fn requests(&self) -> Vec<Arrival> {
        let world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.requests.iter().cloned().collect()
    }

    /// The next request at `endpoint` that has no earlier fault waiting for it meets `fault`.
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.faults.entry(endpoint).or_default().push_back(fault);
    }

    /// What was to be accepted late is accepted now, as far as it is time ([`Fault::StatusLongBeforeAccepting`]).
    pub async fn accept_late(&self) {
        serve::accept_late(&self.shared, &self.router).await;
    }

    /// Every request from now on, once when it has come and once when it has been accepted, before it is answered. A
    /// receiver that is 1,024 behind misses some.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arrival> {
        self.shared.arrivals.subscribe()
    }

    /// Calls `hook` at the same moments, and goes on when it returns: a test kills a process here.
    pub fn on_arrival(&self, hook: impl Fn(&Arrival) + Send + Sync + 'static) {
        let mut hooks = self.shared.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.push(Arc::new(hook));
    }

    /// There is a Slack channel `name`, and the bot is in it. A channel that nobody opened comes to be with its first post.
    pub fn open_channel(&self, name: &str) {
        let _ = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner).channel(name);
    }

    /// A person writes `text` into the Slack channel `name`; the message's id (`channel/ts`), if there is the channel.
    pub fn say(&self, name: &str, text: &str) -> Option<String> {
        self.shared.say(name, text)
    }

    /// The `response_url` that Slack sends along with a slash command of `user` in the channel `name`.
    #[must_use]
    pub fn response_url(&self, name: &str, user: &str) -> String {
        let now = self.shared.clock.now();
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slack::answers::give_out(&mut world, name, user, now);
        format!("http://{}/slack/response/{at}", self.address)
    }

    /// A person deletes the message or comment that stands as `id` in [`Posted`].
    pub fn delete(&self, id: &str) {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        for posted in world.posts.iter_mut().filter(|posted| posted.id == id) {
            posted.deleted = true;
        }
    }

    /// There is no Slack channel `name` (or id) any more. Until then every channel exists, with the bot in it.
    pub fn remove_channel(&self, name: &str) {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.removed.insert(name.trim_start_matches('#').to_owned());
    }

    /// Everything works again: no faults wait, what was removed is there, what was closed is open. Deleted posts stay deleted.
    pub fn mend(&self) {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.faults.clear();
        world.removed.clear();
        world.setup.reopen();
    }

    /// There is no incident, alert, ticket, hook or identity of SES `id` any more. Until then each exists.
    pub fn remove_incident(&self, id: &str) {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner).removed.insert(id.to_owned());
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn list_posts(State(shared): State<Arc<Shared>>) -> Json<Vec<Posted>> {
    Json(shared.world.lock().unwrap_or_else(PoisonError::into_inner).posts.clone())
}
