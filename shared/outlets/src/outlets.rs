use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use awscall::Aws;
use domain::{AlertNoteSpec, ChatReply, HookSpec, OutletSpec, Secret, SlackSpec};
use jiff::Timestamp;
use ports::{ReadSecret, SetupCheck};
use url::Url;

use crate::{
    AnswerChat, OpenOutlet, Outlet, OutletError,
    email::Email,
    github::{self, GitHub},
    hook::{self, Hook},
    http::{Http, read_secret},
    jira::Jira,
    keyed::Keyed,
    opsgenie::{self, Opsgenie},
    pagerduty::PagerDuty,
    place::{base, under},
    servicenow::ServiceNow,
    setup,
    slack::{Slack, answer},
    webhook::Webhook,
};

/// Where the providers are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://slack.com/api`, or what stands in for it.
    pub slack_api: Url,
    /// `https://api.pagerduty.com` (`https://api.eu.pagerduty.com`), or what stands in for it.
    pub pagerduty_api: Url,
    /// Stands in for every place that the catalog or the secret names, with a path for each outlet; a webhook's receiver stands in the
    /// query as `to`. For the local world.
    pub inbox: Option<Url>,
}

impl Settings {
    /// Whether `url` is one at which Slack takes answers: on its own host for them, or beside what stands in for its API.
    fn takes_answers(&self, url: &Url) -> bool {
        match self.slack_api.host_str() {
            Some(host @ ("slack.com" | "slack-gov.com")) => {
                url.scheme() == "https" && url.host_str() == Some(&format!("hooks.{host}")) && url.port().is_none()
            }
            _ => url.origin() == self.slack_api.origin(),
        }
    }
}

/// All the outlets there are.
pub struct Outlets {
    settings: Settings,
    secrets: Arc<dyn ReadSecret>,
    apis: Http,
    /// The way to SES.
    aws: Option<Aws>,
    /// A client for each host that the catalog names, since each may reach only its own where that is an inner address.
    clients: Mutex<BTreeMap<String, Http>>,
}

impl Outlets {
    /// The outlets, with their secrets in `secrets`.
    ///
    /// # Errors
    /// [`net::ClientError`].
    pub fn new(settings: Settings, secrets: Arc<dyn ReadSecret>) -> Result<Self, net::ClientError> {
        let apis = Http::new([&settings.slack_api, &settings.pagerduty_api])?;
        Ok(Self { settings, secrets, apis, aws: None, clients: Mutex::default() })
    }

    /// With a way to AWS, or to what stands in for it. Without one, mails say that there is none.
    #[must_use]
    pub fn with_aws(mut self, aws: Aws) -> Self {
        self.aws = Some(aws);
        self
    }

    /// How the setup stands of what people ask for in Slack, in `channels` (ids). Nothing is posted.
    pub async fn check_chat(&self, channels: &[&str], now: Timestamp) -> Vec<SetupCheck> {
        let (http, base, secrets) = (self.apis.clone(), self.settings.slack_api.clone(), Arc::clone(&self.secrets));
        match Slack::open(http, base, secrets, SlackSpec::channel("")).await {
            Ok(mut slack) => setup::slack::check_chat(&mut slack, channels, now).await,
            Err(error) => vec![setup::Unread::from(error).about("the bot's token")],
        }
    }

    fn client(&self, url: &Url) -> Result<Http, OutletError> {
        let mut known = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let host = url.host_str().unwrap_or_default().to_owned();
        if let Some(http) = known.get(&host) {
            return Ok(http.clone());
        }
        let http = Http::new([url]).map_err(|error| OutletError::permanent(error.to_string()))?;
        known.insert(host, http.clone());
        Ok(http)
    }

    /// Where the API is that the catalog names as `text`, and the client with its key.
    async fn site(&self, spec: &OutletSpec, field: &str, text: &str) -> Result<(Keyed, Url), OutletError> {
        let url = match &self.settings.inbox {
            Some(inbox) => under(inbox, [spec.kind()])?,
            None => base(text, field)?,
        };
        Ok((self.keyed(self.client(&url)?, spec).await?, url))
    }

    async fn keyed(&self, http: Http, spec: &OutletSpec) -> Result<Keyed, OutletError> {
        let name = spec.secret().unwrap_or_default();
        if self.settings.inbox.is_some() {
            // It takes any key, so none has to be there.
            return Ok(Keyed::with(http, Arc::clone(&self.secrets), name, Secret::new("only:the-inbox")));
        }
        Keyed::open(http, Arc::clone(&self.secrets), name).await
    }

    async fn alert_note(
        &self,
        spec: &OutletSpec,
        note: &AlertNoteSpec,
        (who, api): (&'static str, &str),
    ) -> Result<Box<dyn Outlet>, OutletError> {
        let (api, base) = self.site(spec, "api", note.api.as_deref().unwrap_or(api)).await?;
        Ok(Box::new(Opsgenie { who, api, base }))
    }

    async fn hook(&self, spec: &OutletSpec, hook: &HookSpec, kind: hook::Kind) -> Result<Box<dyn Outlet>, OutletError> {
        let name = hook.secret.clone();
        let url = match &self.settings.inbox {
            Some(inbox) => under(inbox, [spec.kind(), name.as_str()])?,
            None => {
                let live = read_secret(self.secrets.as_ref(), &name).await?;
                let secret = live.first().ok_or_else(|| OutletError::permanent(format!("`{name}` is empty")))?;
                hook::url(kind, secret, &name)?
            }
        };
        Ok(Box::new(Hook { kind, http: self.client(&url)?, url, name }))
    }
}

#[async_trait]
impl OpenOutlet for Outlets {
    async fn open(&self, spec: &OutletSpec) -> Result<Box<dyn Outlet>, OutletError> {
        Ok(match spec {
            OutletSpec::Slack(slack) => {
                let base = self.settings.slack_api.clone();
                Box::new(Slack::open(self.apis.clone(), base, Arc::clone(&self.secrets), slack.clone()).await?)
            }
            OutletSpec::SlackWebhook(hook) => self.hook(spec, hook, hook::Kind::Slack).await?,
            OutletSpec::PagerDuty(pagerduty) => {
                let api = self.keyed(self.apis.clone(), spec).await?;
                Box::new(PagerDuty { api, base: self.settings.pagerduty_api.clone(), spec: pagerduty.clone() })
            }
            OutletSpec::Opsgenie(note) => self.alert_note(spec, note, ("Opsgenie", opsgenie::OPSGENIE)).await?,
            OutletSpec::Jsm(note) => self.alert_note(spec, note, ("Jira Service Management", opsgenie::JSM)).await?,
            OutletSpec::Jira(jira) => {
                let (api, base) = self.site(spec, "site", &jira.site).await?;
                Box::new(Jira { api, base, issue: jira.issue.clone(), public: jira.public })
            }
            OutletSpec::ServiceNow(servicenow) => {
                let (api, base) = self.site(spec, "instance", &servicenow.instance).await?;
                Box::new(ServiceNow { api, base, incident: servicenow.incident.clone() })
            }
            OutletSpec::GitHub(github) => {
                let (api, base) = self.site(spec, "api", github.api.as_deref().unwrap_or(github::API)).await?;
                let (repository, issue) = (github.repository.clone(), github.issue.clone());
                Box::new(GitHub { api, base, repository, issue })
            }
            OutletSpec::Email(spec) => {
                let aws = self.aws.clone().ok_or_else(|| {
                    OutletError::permanent(
                        "there are no AWS credentials to send mail with: SES knows the sender by them",
                    )
                })?;
                Box::new(Email { aws, spec: spec.clone() })
            }
            OutletSpec::Teams(hook) => self.hook(spec, hook, hook::Kind::Teams).await?,
            OutletSpec::Webhook(webhook) => {
                let receiver = base(&webhook.url, "url")?;
                let url = match &self.settings.inbox {
                    Some(inbox) => {
                        let mut sink = under(inbox, ["webhook"])?;
                        sink.query_pairs_mut().append_pair("to", receiver.as_str());
                        sink
                    }
                    None => receiver,
                };
                Box::new(Webhook::open(self.client(&url)?, url, self.secrets.as_ref(), webhook).await?)
            }
        })
    }
}

#[async_trait]
impl AnswerChat for Outlets {
    async fn answer(&self, reply: &ChatReply, markup: &str, now: Timestamp) -> Result<(), OutletError> {
        let url = reply.response_url.as_ref().and_then(|url| url.0.parse::<Url>().ok());
        // Slack signed where it stood; but nothing that came in chooses whom we call (I8).
        let url = url.filter(|url| self.settings.takes_answers(url));
        let spec = SlackSpec { channel: reply.place.channel.clone(), thread: reply.place.thread.clone() };
        let base = self.settings.slack_api.clone();
        let slack = Slack::open(self.apis.clone(), base, Arc::clone(&self.secrets), spec);
        answer::answer(&self.apis, slack, url, reply, markup, now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_an_answer_goes_to_slack_and_to_nobody_else() {
        let takes = |api: &str, url: &str| {
            let pagerduty_api = "https://api.pagerduty.com".parse().unwrap();
            let settings = Settings { slack_api: api.parse().unwrap(), pagerduty_api, inbox: None };
            settings.takes_answers(&url.parse().unwrap())
        };
        let api = "https://slack.com/api";
        assert!(takes(api, "https://hooks.slack.com/commands/T1/2/x"));
        assert!(takes("https://slack-gov.com/api", "https://hooks.slack-gov.com/commands/T1/2/x"));
        for other in [
            "http://hooks.slack.com/commands/T1/2/x",
            "https://hooks.slack.com:8443/x",
            "https://hooks.slack.com.example.org/x",
            "https://slack.com/x",
            "https://hooks.slack-gov.com/x",
            "https://x@example.org/hooks.slack.com",
            "http://169.254.169.254/latest",
        ] {
            assert!(!takes(api, other), "{other}");
        }
        assert!(takes("http://127.0.0.1:7/slack/api", "http://127.0.0.1:7/slack/response/1"));
        assert!(!takes("http://127.0.0.1:7/slack/api", "http://127.0.0.1:8/slack/response/1"));
    }
}
