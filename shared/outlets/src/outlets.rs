use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::OutletSpec;
use ports::ReadSecret;
use url::Url;

use crate::{
    OpenOutlet, Outlet, OutletError,
    http::Http,
    pagerduty::PagerDuty,
    slack::Slack,
    webhook::{self, Webhook},
};

/// Where the providers are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://slack.com/api`, or what stands in for it.
    pub slack_api: Url,
    /// `https://api.pagerduty.com` (`https://api.eu.pagerduty.com`), or what stands in for it.
    pub pagerduty_api: Url,
    /// Takes every webhook in place of its receiver, which then stands in the query as `to`. For the local world.
    pub webhook_sink: Option<Url>,
}

/// All the outlets there are.
pub struct Outlets {
    settings: Settings,
    secrets: Arc<dyn ReadSecret>,
    apis: Http,
    /// A client for each host of a webhook, since each may reach only its own where that is an inner address.
    receivers: Mutex<BTreeMap<String, Http>>,
}

impl Outlets {
    /// The outlets, with their secrets in `secrets`.
    ///
    /// # Errors
    /// [`net::ClientError`].
    pub fn new(settings: Settings, secrets: Arc<dyn ReadSecret>) -> Result<Self, net::ClientError> {
        let apis = Http::new([&settings.slack_api, &settings.pagerduty_api])?;
        Ok(Self { settings, secrets, apis, receivers: Mutex::default() })
    }

    fn receiver(&self, url: &Url) -> Result<Http, OutletError> {
        let mut known = self.receivers.lock().unwrap_or_else(PoisonError::into_inner);
        let host = url.host_str().unwrap_or_default().to_owned();
        if let Some(http) = known.get(&host) {
            return Ok(http.clone());
        }
        let http = Http::new([url]).map_err(|error| OutletError::permanent(error.to_string()))?;
        known.insert(host, http.clone());
        Ok(http)
    }
}

#[async_trait]
impl OpenOutlet for Outlets {
    async fn open(&self, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError> {
        let secrets = Arc::clone(&self.secrets);
        Ok(match spec {
            OutletSpec::Slack(spec) => {
                let base = self.settings.slack_api.clone();
                Box::new(Slack::open(self.apis.clone(), base, secrets, spec.clone()).await?)
            }
            OutletSpec::PagerDuty(spec) => {
                let base = self.settings.pagerduty_api.clone();
                Box::new(PagerDuty::open(self.apis.clone(), base, secrets, spec.clone()).await?)
            }
            OutletSpec::Webhook(spec) => {
                let sink = self.settings.webhook_sink.as_ref();
                let url = webhook::destination(&spec.url)?;
                let http = self.receiver(sink.unwrap_or(&url))?;
                Box::new(Webhook::open(http, sink, secrets.as_ref(), spec).await?)
            }
        })
    }
}
