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
    fn account<'a>(&'a self, what: &'a str) -> [&'a str; 4] {
        let [kind, secret, place] = account(&self.spec);
        [kind, secret, place, what]
    }

    /// Whether `what` (`find`, `post`, `edit`) may be asked now: providers limit methods apart, and a search that must wait keeps no
    /// post.
    pub(crate) async fn may(&self, what: &str) -> Result<(), OutletError> {
        let kind = self.spec.kind();
        // What the table cannot say limits nobody: then the provider says it again.
        let until = self.store.limited_until(&self.account(what)).await.unwrap_or_else(|error| {
            tracing::warn!(kind, what, error = ports::chain(&error), "whether it is limited cannot be read");
            None
        });
        let left = until.and_then(|until| Duration::try_from(until.duration_since(self.clock.now())).ok());
        match left.filter(|left| !left.is_zero()) {
            Some(wait) => {
                Err(OutletError::Limited { reason: format!("{kind} asks to wait, as another delivery was told"), wait })
            }
            None => Ok(()),
        }
    }

    /// What was `done`; should that be a limit, the others know it from now on.
    async fn noted<T>(&self, what: &str, done: Result<T, OutletError>) -> Result<T, OutletError> {
        if let Err(OutletError::Limited { wait, .. }) = &done {
            let wait = SignedDuration::try_from((*wait).min(MAX_DELAY)).unwrap_or_default();
            let noted = match self.clock.now().checked_add(wait) {
                Ok(until) => self.store.limit(&self.account(what), until).await,
                Err(_) => Ok(()),
            };
            if let Err(error) = noted {
                let kind = self.spec.kind();
                tracing::warn!(kind, what, error = ports::chain(&error), "a limit cannot be noted for the others");
            }
        }
        done
    }
}

#[async_trait]
impl Outlet for Sparing {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        self.may("find").await?;
        self.noted("find", self.outlet.find(post).await).await
    }

    /// Asked for before the target is marked, which is a write and says that a post was begun: see [`Self::may`].
    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        self.noted("post", self.outlet.post(post).await).await
    }

    fn stands_apart(&self) -> bool {
        self.outlet.stands_apart()
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        self.may("edit").await?;
        self.noted("edit", self.outlet.edit(provider_id, post).await).await
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        self.outlet.check(now).await
    }
}
