use domain::{ChatPlace, Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SourceCase, TopicArn};
use crate::expr::Expression;

/// The types of sender there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// PagerDuty webhooks v3.
    Pagerduty,
    /// Opsgenie's outgoing webhook.
    Opsgenie,
    /// Jira Service Management operations: the same bodies as Opsgenie's.
    Jsm,
    /// Prometheus Alertmanager, and what speaks its form (Sloth, Pyrra, Mimir, VictoriaMetrics).
    Alertmanager,
    /// Grafana Alerting, and the legacy alerting before it.
    Grafana,
    /// Datadog, by the template in docs/sources/datadog.md.
    Datadog,
    /// Sentry's integration platform.
    Sentry,
    /// New Relic workflows.
    Newrelic,
    /// Azure Monitor action groups.
    AzureMonitor,
    /// Google Cloud Monitoring.
    GcpMonitoring,
    /// incident.io.
    IncidentIo,
    /// Splunk On-Call (VictorOps).
    SplunkOncall,
    /// Dynatrace problem notifications, by the payload in docs/sources/dynatrace.md.
    Dynatrace,
    /// Zabbix, by the media type docs/sources/zabbix-media-type.yaml.
    Zabbix,
    /// Better Stack incidents.
    BetterStack,
    /// Statuspage: an incident of somebody you depend on.
    Statuspage,
    /// GitHub: failed deployments, workflows and checks.
    Github,
    /// CloudWatch alarms: by SNS over HTTPS, by EventBridge, or straight from the alarm.
    Cloudwatch,
    /// Nobl9, by the alert method docs/sources/nobl9-alert-method.yaml.
    Nobl9,
    /// Slack: slash commands, mentions and buttons. It opens no incident; `commands` says who may run what from where.
    Slack,
    /// Anything else that POSTs JSON or a form; `map` says what its fields mean.
    Webhook,
}

impl SourceType {
    /// The word for it in config and table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pagerduty => "pagerduty",
            Self::Opsgenie => "opsgenie",
            Self::Jsm => "jsm",
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
            Self::Datadog => "datadog",
            Self::Sentry => "sentry",
            Self::Newrelic => "newrelic",
            Self::AzureMonitor => "azure-monitor",
            Self::GcpMonitoring => "gcp-monitoring",
            Self::IncidentIo => "incident-io",
            Self::SplunkOncall => "splunk-oncall",
            Self::Dynatrace => "dynatrace",
            Self::Zabbix => "zabbix",
            Self::BetterStack => "better-stack",
            Self::Statuspage => "statuspage",
            Self::Github => "github",
            Self::Cloudwatch => "cloudwatch",
            Self::Nobl9 => "nobl9",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// The ways in which such a sender can prove itself. The first is taken where the source says nothing; a `webhook`
    /// must say.
    #[must_use]
    pub fn schemes(self) -> &'static [Scheme] {
        use Scheme::{Basic, Bearer, HmacSha256, Iam, Pagerduty, Slack, Sns, StandardWebhooks, UrlToken};
        match self {
            Self::Pagerduty => &[Pagerduty],
            Self::IncidentIo => &[StandardWebhooks],
            Self::Sentry | Self::Github => &[HmacSha256],
            Self::Grafana => &[HmacSha256, Bearer, Basic],
            Self::Cloudwatch => &[Sns, Iam],
            Self::Slack => &[Slack],
            // It can put a secret into the URL and nowhere else.
            Self::AzureMonitor | Self::GcpMonitoring | Self::Statuspage => &[UrlToken, Basic],
            Self::Opsgenie
            | Self::Jsm
            | Self::Alertmanager
            | Self::Datadog
            | Self::Newrelic
            | Self::SplunkOncall
            | Self::Dynatrace
            | Self::Zabbix
            | Self::BetterStack
            | Self::Nobl9 => &[Bearer, Basic, UrlToken],
            Self::Webhook => &[StandardWebhooks, HmacSha256, Bearer, Basic, UrlToken],
        }
    }

    /// The header in which such a sender puts a plain HMAC, where that is its own.
    #[must_use]
    pub fn hmac_header(self) -> Option<&'static str> {
        match self {
            Self::Sentry => Some("sentry-hook-signature"),
            Self::Github => Some("x-hub-signature-256"),
            Self::Grafana => Some("x-grafana-alerting-signature"),
            _ => None,
        }
    }
}

/// How a sender proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// PagerDuty's own: `x-pagerduty-signature: v1=<hex>`.
    Pagerduty,
    /// The Standard Webhooks scheme: `webhook-id`, `webhook-timestamp`, `webhook-signature`; key `whsec_...`.
    StandardWebhooks,
    /// Slack's own: `x-slack-signature: v0=<hex>` over `x-slack-request-timestamp` and the body.
    Slack,
    /// Hex HMAC-SHA256 of the raw body in a header, with or without `sha256=` before it.
    HmacSha256,
    /// `Authorization: Bearer <secret>`, or the secret itself in the header that `header` names.
    Bearer,
    /// `Authorization: Basic ...`; the secret is `user:password`.
    Basic,
    /// The secret in the URL: `/hooks/<source>?token=<secret>`. For senders that can do nothing better.
    UrlToken,
    /// Amazon SNS's own: each message is signed by a certificate that SNS serves. `topics` says whose messages are taken.
    Sns,
    /// AWS's own word: who may invoke the function at all. Such a source has no URL; it takes what EventBridge and
    /// CloudWatch alarms hand to the function.
    Iam,
}

impl Scheme {
    /// The word for it in config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pagerduty => "pagerduty",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Slack => "slack",
            Self::HmacSha256 => "hmac-sha256",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::UrlToken => "url-token",
            Self::Sns => "sns",
            Self::Iam => "iam",
        }
    }

    /// Whether it proves the sender by a secret that both sides know.
    #[must_use]
    pub fn needs_secret(self) -> bool {
        !matches!(self, Self::Sns | Self::Iam)
    }
}

/// How a request of this source is verified. There is no source that is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The key within the secret that holds the sender's signing secret or token. It must stand, but for `sns` and `iam`,
    /// which have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// How, where the sender leaves a choice; for `type: webhook` it must stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The header that carries the signature or token, where the scheme leaves it open. A `webhook` with `hmac-sha256`
    /// needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The ARNs of the SNS topics whose messages are taken; no other is listened to, confirmed or even looked at. `sns`
    /// needs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicArn>,
}

/// What the fields of a `webhook` body mean. Each is CEL over `body` (the parsed JSON, or the fields of a form) and `headers` (lower-case names;
/// only of verified requests).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertMap {
    /// The sender's id of the incident: the same for all its events. A string.
    pub external_id: Expression,
    /// One line that says what fired. A string.
    pub title: Expression,
    /// `triggered`, `acknowledged`, `resolved`, ... A string; default: `triggered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Expression>,
    /// What the sender says beyond the title. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Expression>,
    /// `critical`, `high`, `medium`, `low` or `info`. A string; default: `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Expression>,
    /// The service that is hurt. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Expression>,
    /// Labels. A map of strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Expression>,
    /// A page to look at. A string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Expression>,
    /// When it began: RFC 3339, or a number of seconds or milliseconds since 1970; default: when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Expression>,
}

/// A Command that may be run from a chat, and by whom from where. Ids, not names: names change, and anybody can take one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatCommand {
    /// The Command.
    pub command: Name,
    /// The ids of the channels (`C...`, `G...`, `D...`) from which it may be run.
    pub channels: Vec<String>,
    /// The ids of those who may (`U...`, `W...`); left out, everybody in these channels who is of the app's own workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// The Assistant that reads the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Name>,
}

impl ChatCommand {
    /// Whether it may be run from `channel`, by whomever.
    #[must_use]
    pub fn is_in(&self, channel: &str) -> bool {
        self.channels.iter().any(|one| one == channel)
    }

    /// Whether who asks in `place` may run it, from wherever. Whoever is of another workspace must be named.
    #[must_use]
    pub fn is_for(&self, place: &ChatPlace) -> bool {
        (self.users.is_empty() && !place.outside) || self.users.contains(&place.user)
    }
}

/// One configured sender. It posts to `/hooks/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, which is also the last part of its URL.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What sends.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    /// How it is verified.
    pub verify: Verify,
    /// CEL over `body` that names the delivery, where the sender has no id of its own for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Expression>,
    /// What the fields mean; must stand for `type: webhook` and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<AlertMap>,
    /// What may be run from Slack, by whom from where; only for `type: slack`. What does not stand here may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<ChatCommand>,
    /// Cases it must pass.
    // They stay out of the compiled catalog, since no function runs them.
    #[serde(default, skip_serializing)]
    pub tests: Vec<SourceCase>,
}

impl Source {
    /// What who asks in `place` may run from there.
    pub fn allows(&self, place: &ChatPlace) -> impl Iterator<Item = &ChatCommand> {
        self.commands.iter().filter(move |entry| entry.is_in(&place.channel) && entry.is_for(place))
    }

    /// The entry by which who asks in `place` may run `command` from there.
    ///
    /// # Errors
    /// What is to be mended, for who asked. It repeats what was asked for, so it is to be escaped.
    pub fn permits(&self, command: &str, place: &ChatPlace) -> Result<&ChatCommand, String> {
        let ChatPlace { channel, user, .. } = place;
        let is = |entry: &&ChatCommand| entry.command.as_str() == command;
        if let Some(entry) = self.allows(place).find(is) {
            return Ok(entry);
        }
        let mut entries = self.commands.iter().filter(is).peekable();
        let why = if entries.peek().is_none() {
            return Err(format!("There is no `{command}` that may be run from Slack."));
        } else if entries.any(|entry| entry.is_in(channel)) {
            let outside = if place.outside { "you are of another workspace than the app, so " } else { "" };
            format!("You may not run `{command}` here: {outside}add `{user}` to its `users`")
        } else {
            format!("`{command}` may not be run from this channel: add `{channel}` to its `channels`")
        };
        Err(format!("{why} under `commands` of the Source `{}` in the catalog.", self.name))
    }

    /// How its sender proves itself; nothing where a `webhook` does not say.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        let default =
            || self.source_type.schemes().first().copied().filter(|_| self.source_type != SourceType::Webhook);
        self.verify.scheme.or_else(default)
    }
}
