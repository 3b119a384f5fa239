//! What each kind of target needs to be told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Slack channel. The bot must be a member of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSpec {
    /// The channel: `#name` or its id (`C...`).
    pub channel: String,
    /// A thread of the channel, by the `ts` of its first message, or where the alert has it or that message's link
    /// (`${{ alert.labels.slack_message }}`); left out, and where the alert has none, the message stands in the channel itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl SlackSpec {
    /// The channel itself.
    #[must_use]
    pub fn channel(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), thread: None }
    }

    /// Whether `text` is a message's `ts`: seconds and six digits behind them.
    #[must_use]
    pub fn is_ts(text: &str) -> bool {
        let digits =
            |part: &str| !part.is_empty() && part.len() <= 12 && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest) && rest.len() == 6)
    }

    /// The same in the thread of the message that `text` names, by its `ts` or by its link, if it is one of this channel; else in
    /// the channel itself. Nothing else of `text` counts (I8).
    #[must_use]
    pub fn in_thread_of(self, text: &str) -> Self {
        let text = text.trim();
        let ts = match text.rsplit_once("/archives/") {
            None => Some(text.to_owned()),
            // `.../archives/C0123ABCD/p1700000000000100`, with `?thread_ts=...` where it stands in a thread itself.
            Some((_, place)) => place.split_once('/').and_then(|(channel, message)| {
                let (message, query) = message.split_once('?').unwrap_or((message, ""));
                let first = query.split('&').find_map(|pair| pair.strip_prefix("thread_ts="));
                let linked = || {
                    let (seconds, micros) =
                        message.strip_prefix('p')?.split_at_checked(message.len().checked_sub(7)?)?;
                    Some(format!("{seconds}.{micros}"))
                };
                (channel == self.channel).then(|| first.map(str::to_owned).or_else(linked))?
            }),
        };
        Self { thread: ts.filter(|ts| Self::is_ts(ts)), ..self }
    }
}

/// The PagerDuty incident that the alert came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerDutySpec {
    /// Write an incident note. `true` is the only value that makes sense; it stands there to be read.
    pub note: bool,
    /// The e-mail address of the PagerDuty user in whose name the note is written. The API asks for it with an account's
    /// key; with a user's own key it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A webhook of the team's own, signed by the Standard Webhooks scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// Where to POST to. Only the catalog can name it.
    pub url: String,
    /// The key within the secret that signs it (`whsec_...`).
    pub secret: String,
}

/// A note on the Opsgenie alert, or the alert of Jira Service Management, that the event came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertNoteSpec {
    /// Write a note. `true` is the only value that makes sense; it stands there to be read.
    pub note: bool,
    /// The key within the secret that holds the API key of an integration; default: `opsgenie-api-key`, `jsm-api-key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Where the API is, where it is not the one for all: `https://api.eu.opsgenie.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// What the key of a ticket looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKind {
    /// `OPS-12`.
    JiraIssue,
    /// `INC0010001`.
    ServiceNowIncident,
    /// `12`.
    GitHubIssue,
}

impl TicketKind {
    /// What it is, for people.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::JiraIssue => "the key of a Jira issue, such as OPS-12",
            Self::ServiceNowIncident => "the number of a ServiceNow incident, such as INC0010001",
            Self::GitHubIssue => "the number of a GitHub issue, such as 12",
        }
    }

    /// Whether `text` is such a key. It can then stand in a URL as one piece, and in a query without quotes.
    #[must_use]
    pub fn is_key(self, text: &str) -> bool {
        let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let digits = |text: &str| (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let begins = text.starts_with(|c: char| c.is_ascii_uppercase());
        match self {
            Self::JiraIssue => text.split_once('-').is_some_and(|(project, number)| {
                begins && project.len() <= 40 && project.bytes().all(upper) && digits(number)
            }),
            Self::ServiceNowIncident => {
                let number = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
                begins && text.len() - number.len() <= 20 && digits(number)
            }
            Self::GitHubIssue => digits(text) && !text.starts_with('0'),
        }
    }
}

/// A comment on a Jira issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JiraSpec {
    /// The site: `https://example.atlassian.net`.
    pub site: String,
    /// The issue: its key (`OPS-12`), or where the alert has it (`${{ alert.labels.jira }}`).
    pub issue: String,
    /// The key within the secret that holds `e-mail:API token`; default: `jira-login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether the customers of a service project see the comment too. Default: its team alone does, as an internal note.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
}

/// A work note on a ServiceNow incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceNowSpec {
    /// The instance: `https://example.service-now.com`.
    pub instance: String,
    /// The incident: its number (`INC0010001`), or where the alert has it.
    pub incident: String,
    /// The key within the secret that holds `user:password`; default: `servicenow-login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A comment on a GitHub issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitHubSpec {
    /// The repository: `owner/name`.
    pub repository: String,
    /// The issue: its number, in quotes, or where the alert has it.
    pub issue: String,
    /// The key within the secret that holds a token that may write issues; default: `github-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Where the API is, for GitHub Enterprise Server: `https://github.example.com/api/v3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// A channel that can only be posted to, by a URL that is itself the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// The key within the secret that holds the URL.
    pub secret: String,
}

/// An e-mail by Amazon SES, in the account of the functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSpec {
    /// Whom it goes to, at most 50: plain addresses (`oncall@example.com`), as only the catalog can name them.
    #[schemars(length(min = 1, max = 50))]
    pub to: Vec<String>,
    /// Whom it comes from: a plain address that SES may send as, since it or its domain is a verified identity.
    pub from: String,
    /// The region of SES where it is verified; default: the region of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl EmailSpec {
    /// The most addresses that SES takes in one message.
    pub const MOST: usize = 50;

    /// Whether `text` is one address and nothing else: no name, no list, no quotes, no comment, no braces, ASCII as SES wants it. It can
    /// then stand in a header as it is.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        let local = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_~.".contains(&b);
        let dots = |text: &str| !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        text.split_once('@').is_some_and(|(user, host)| {
            (1..=64).contains(&user.len())
                && user.bytes().all(local)
                && dots(user)
                && host.len() <= 253
                && host.contains('.')
                && host.split('.').all(label)
        })
    }

    /// What SES may know the sender as: its address, its domain, and the domains above that, which hold for it too.
    #[must_use]
    pub fn identities(&self) -> Vec<&str> {
        let mut identities = vec![self.from.as_str()];
        let mut rest = self.from.split_once('@').map(|(_, domain)| domain);
        while let Some(domain) = rest.filter(|domain| domain.contains('.')) {
            identities.push(domain);
            rest = domain.split_once('.').map(|(_, above)| above);
        }
        identities
    }
}

/// The kind of a target and what it needs: one key, the outlet's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutletSpec {
    /// A Slack channel.
    Slack(SlackSpec),
    /// A Slack channel by its incoming webhook, for teams without a bot.
    SlackWebhook(HookSpec),
    /// A note on the PagerDuty incident.
    #[serde(rename = "pagerduty")]
    PagerDuty(PagerDutySpec),
    /// A note on the Opsgenie alert.
    Opsgenie(AlertNoteSpec),
    /// A note on the alert of Jira Service Management.
    Jsm(AlertNoteSpec),
    /// A comment on a Jira issue.
    Jira(JiraSpec),
    /// A work note on a ServiceNow incident.
    #[serde(rename = "servicenow")]
    ServiceNow(ServiceNowSpec),
    /// A comment on a GitHub issue.
    #[serde(rename = "github")]
    GitHub(GitHubSpec),
    /// A Microsoft Teams channel by a workflow's webhook.
    Teams(HookSpec),
    /// An e-mail.
    #[serde(rename = "e-mail")]
    Email(EmailSpec),
    /// A webhook.
    Webhook(WebhookSpec),
}

impl OutletSpec {
    /// The outlet's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::SlackWebhook(_) => "slack-webhook",
            Self::PagerDuty(_) => "pagerduty",
            Self::Opsgenie(_) => "opsgenie",
            Self::Jsm(_) => "jsm",
            Self::Jira(_) => "jira",
            Self::ServiceNow(_) => "servicenow",
            Self::GitHub(_) => "github",
            Self::Teams(_) => "teams",
            Self::Email(_) => "e-mail",
            Self::Webhook(_) => "webhook",
        }
    }

    /// The key within the secret that it needs, if it needs one.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        let (given, default) = match self {
            Self::Slack(_) => (None, "slack-bot-token"),
            Self::PagerDuty(_) => (None, "pagerduty-api-key"),
            Self::Opsgenie(spec) => (spec.secret.as_deref(), "opsgenie-api-key"),
            Self::Jsm(spec) => (spec.secret.as_deref(), "jsm-api-key"),
            Self::Jira(spec) => (spec.secret.as_deref(), "jira-login"),
            Self::ServiceNow(spec) => (spec.secret.as_deref(), "servicenow-login"),
            Self::GitHub(spec) => (spec.secret.as_deref(), "github-token"),
            Self::SlackWebhook(spec) | Self::Teams(spec) => (Some(spec.secret.as_str()), ""),
            Self::Webhook(spec) => (Some(spec.secret.as_str()), ""),
            // Who may send is said by the role.
            Self::Email(_) => return None,
        };
        Some(given.unwrap_or(default))
    }

    /// The ticket that it writes on, where it is one: as the catalog has it, or once a run is opened its key.
    #[must_use]
    pub fn ticket(&self) -> Option<(&str, TicketKind)> {
        match self {
            Self::Jira(spec) => Some((&spec.issue, TicketKind::JiraIssue)),
            Self::ServiceNow(spec) => Some((&spec.incident, TicketKind::ServiceNowIncident)),
            Self::GitHub(spec) => Some((&spec.issue, TicketKind::GitHubIssue)),
            _ => None,
        }
    }

    /// The same, writing on the ticket `key`.
    #[must_use]
    pub fn on(mut self, key: String) -> Self {
        match &mut self {
            Self::Jira(spec) => spec.issue = key,
            Self::ServiceNow(spec) => spec.incident = key,
            Self::GitHub(spec) => spec.issue = key,
            _ => {}
        }
        self
    }

    /// The sender whose own alert or incident it writes on.
    #[must_use]
    pub fn sender(&self) -> Option<&'static str> {
        matches!(self, Self::PagerDuty(_) | Self::Opsgenie(_) | Self::Jsm(_)).then_some(self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_a_thread_is_a_message_of_this_channel_or_none() {
        let thread = |text: &str| SlackSpec::channel("C0123ABCD").in_thread_of(text).thread;
        let link = "https://shop.slack.com/archives/C0123ABCD/p1700000000000100";
        for text in ["1700000000.000100", " 1700000000.000100\n", link] {
            assert_eq!(thread(text).as_deref(), Some("1700000000.000100"), "{text}");
        }
        let inside = format!("{link}?thread_ts=1600000000.000200&cid=C0123ABCD");
        assert_eq!(thread(&inside).as_deref(), Some("1600000000.000200"), "the thread that it stands in");
        for none in [
            "",
            "now",
            "1700000000",
            "1700000000.0001",
            "1.7e9.000100",
            "https://shop.slack.com/archives/C0OTHER01/p1700000000000100",
            "https://shop.slack.com/archives/C0123ABCD/p17",
            "https://shop.slack.com/archives/C0123ABCD/pé000100",
            "https://shop.slack.com/archives/C0123ABCD",
        ] {
            assert_eq!(thread(none), None, "{none}");
        }
    }

    #[test]
    fn i8_a_tickets_key_is_one_piece_of_a_path_or_none() {
        let known = [
            (TicketKind::JiraIssue, ["OPS-12", "A_1-7"], ["ops-1", "OPS-", "OPS-1/comment", "-1", "OPS-1 "]),
            (TicketKind::ServiceNowIncident, ["INC0010001", "T1"], ["INC", "0010001", "INC1^x=1", "inc1", "INC 1"]),
            (TicketKind::GitHubIssue, ["1", "4711"], ["0", "-1", "1/comments", "#1", ""]),
        ];
        for (kind, good, bad) in known {
            assert!(good.iter().all(|key| kind.is_key(key)), "{kind:?}");
            assert_eq!(bad.iter().find(|key| kind.is_key(key)), None, "{kind:?}");
        }
    }

    #[test]
    fn i8_an_address_is_one_address_and_no_header() {
        for good in ["a@example.com", "on-call+first.look@ops.example.com", "o'neil@xn--bcher-kva.example"] {
            assert!(EmailSpec::is_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@localhost",
            "a@b@example.com",
            "a@example.com, b@example.com",
            "A <a@example.com>",
            "a@example.com\r\nBcc: b@example.com",
            "\"a b\"@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a@-example.com",
            "a@example..com",
            "a@[127.0.0.1]",
            "ä@example.com",
            "${{ alert.labels.mail }}",
        ] {
            assert!(!EmailSpec::is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_sender_may_be_known_by_itself_or_by_a_domain_above_it() {
        let spec = EmailSpec { to: vec![], from: "first@look.ops.example.com".to_owned(), region: None };
        assert_eq!(
            spec.identities(),
            ["first@look.ops.example.com", "look.ops.example.com", "ops.example.com", "example.com"]
        );
    }
}
