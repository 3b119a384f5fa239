//! What one target is told about a rate limit holds for all that are counted with it: they are left alone as long, and the
//! provider is not asked two hundred times to hear the same.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::OutletSpec;
use jiff::{SignedDuration, Timestamp};
use outlets::{Outlet, OutletError, Post};
use ports::{Clock, MAX_DELAY, SetupCheck};
use store::Store;

/// An outlet that asks nothing while its account is limited.
pub(crate) struct Sparing {
    pub(crate) outlet: Box<dyn Outlet>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spec: OutletSpec,
}

/// What its provider counts the requests of `spec` by, as far as the catalog says: the kind, the name of the key, and the place.
/// Slack counts posts by the channel, the trackers by the key, who is only posted to by its URL, SES by the account and region.
fn account(spec: &OutletSpec) -> [&str; 3] {
    let place = match spec {
        OutletSpec::Slack(slack) => slack.channel.trim(),
        OutletSpec::Opsgenie(note) | OutletSpec::Jsm(note) => note.api.as_deref().unwrap_or_default(),
        OutletSpec::Jira(jira) => &jira.site,
        OutletSpec::ServiceNow(servicenow) => &servicenow.instance,
        OutletSpec::GitHub(github) => github.api.as_deref().unwrap_or_default(),
        OutletSpec::Webhook(webhook) => &webhook.url,
        OutletSpec::Email(email) => email.region.as_deref().unwrap_or_default(),
        OutletSpec::PagerDuty(_) | OutletSpec::SlackWebhook(_) | OutletSpec::Teams(_) => "",
    };
    [spec.kind(), spec.secret().unwrap_or_default(), place]
}

impl Sparing {
    /// The outcome of `request`, which is `what` (`find`, `post`, `edit`): providers limit methods apart, and a search that must wait
    /// keeps no post.
    async fn ask<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, OutletError>> + Send,
    ) -> Result<T, OutletError> {
        let [kind, secret, place] = account(&self.spec);
        let account = [kind, secret, place, what];
        // What the table cannot say limits nobody: then the provider says it again.
        let until = self.store.limited_until(&account).await.unwrap_or_else(|error| {
            tracing::warn!(kind, what, error = ports::chain(&error), "whether it is limited cannot be read");
            None
        });
        let left = until.and_then(|until| Duration::try_from(until.duration_since(self.clock.now())).ok());
        if let Some(wait) = left.filter(|left| !left.is_zero()) {
            return Err(OutletError::Limited {
                reason: format!("{kind} asks to wait, as another delivery was told"),
                wait,
            });
        }
        let done = request.await;
        if let Err(OutletError::Limited { wait, .. }) = &done {
            let wait = SignedDuration::try_from((*wait).min(MAX_DELAY)).unwrap_or_default();
            let noted = match self.clock.now().checked_add(wait) {
                Ok(until) => self.store.limit(&account, until).await,
                Err(_) => Ok(()),
            };
            if let Err(error) = noted {
                tracing::warn!(kind, what, error = ports::chain(&error), "a limit cannot be noted for the others");
            }
        }
        done
    }
}

#[async_trait]
impl Outlet for Sparing {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        self.ask("find", self.outlet.find(post)).await
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        self.ask("post", self.outlet.post(post)).await
    }

    fn stands_apart(&self) -> bool {
        self.outlet.stands_apart()
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        self.ask("edit", self.outlet.edit(provider_id, post)).await
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        self.outlet.check(now).await
    }
}
