//! Whether a key of the secret stands, is what somebody put there and not what stood in an example, and has its form.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use domain::{OutletSpec, Secret};
use local::FileSecrets;
use ports::{ReadSecret, SecretError, SetupCheck};
use url::Url;

/// Where the secrets stand.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A local world's file.
    File(PathBuf),
    /// A secret in Secrets Manager, by ARN or name.
    Stack(String),
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Anything.
    Text,
    /// Anything, from the sender's settings.
    Sender,
    /// `xoxb-...`.
    SlackToken,
    /// `whsec_...` and at least 24 bytes in Base64.
    SigningKey,
    /// Two parts with a colon between: what they are called.
    Login(&'static str),
    /// A URL that is itself the secret.
    Url,
    /// What signs links: long enough that nobody guesses it.
    LinkKey,
}

/// The fewest characters of a key that signs links.
const LINK_KEY_LENGTH: usize = 16;

impl Form {
    /// The form of the key that a target names, if it names one.
    pub fn of_outlet(outlet: &OutletSpec) -> Option<Self> {
        Some(match outlet {
            OutletSpec::Slack(_) => Self::SlackToken,
            OutletSpec::SlackWebhook(_) | OutletSpec::Teams(_) => Self::Url,
            OutletSpec::Jira(_) => Self::Login("e-mail:API token"),
            OutletSpec::ServiceNow(_) => Self::Login("user:password"),
            OutletSpec::Webhook(_) => Self::SigningKey,
            // AWS's own credentials.
            OutletSpec::Email(_) => return None,
            OutletSpec::PagerDuty(_) | OutletSpec::Opsgenie(_) | OutletSpec::Jsm(_) | OutletSpec::GitHub(_) => {
                Self::Text
            }
        })
    }

    /// What to put there.
    fn what(self) -> String {
        let what = match self {
            Self::Text => "the key or token that its provider gave you",
            Self::Sender => "the secret that the sender signs with or sends along",
            Self::SlackToken => "the bot's token (`xoxb-...`, under OAuth & Permissions of the app)",
            Self::SigningKey => "the signing key (`whsec_` and Base64 of 24 to 64 random bytes)",
            Self::Login(parts) => return format!("`{parts}`"),
            Self::Url => "the webhook's URL (`https://...`)",
            Self::LinkKey => "48 random characters",
        };
        what.to_owned()
    }

    /// What is wrong with `text`.
    fn wrong(self, text: &str) -> Option<String> {
        let wrong = |what: &str| Some(what.to_owned());
        match self {
            Self::Text | Self::Sender => None,
            Self::LinkKey => {
                (text.chars().count() < LINK_KEY_LENGTH).then(|| "is so short that links can be forged".to_owned())
            }
            Self::SlackToken if text.starts_with("xoxb-") => None,
            Self::SlackToken if text.starts_with("xoxp-") => wrong("is a user's token and not the bot's"),
            Self::SlackToken if text.starts_with("xapp-") => wrong("is an app-level token and not the bot's"),
            Self::SlackToken => wrong("is no bot token"),
            Self::SigningKey => {
                let key = text.strip_prefix("whsec_").unwrap_or(text).trim_end_matches('=');
                let long = STANDARD_NO_PAD.decode(key).is_ok_and(|key| key.len() >= 24);
                (!long).then(|| "is no signing key: that is `whsec_` and Base64 of 24 to 64 random bytes".to_owned())
            }
            Self::Login(parts) => {
                let whole = text.split_once(':').is_some_and(|(user, word)| !user.is_empty() && !word.is_empty());
                (!whole).then(|| format!("is not `{parts}`"))
            }
            Self::Url => {
                let url = text.parse::<Url>().ok().filter(|url| {
                    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
                    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && local))
                });
                url.is_none().then(|| "is no https URL".to_owned())
            }
        }
    }
}

/// The secrets of a world, and how to say where one goes.
pub(super) struct Secrets {
    inner: Arc<dyn ReadSecret>,
    place: Place,
}

impl Secrets {
    pub fn new(inner: Arc<dyn ReadSecret>, place: Place) -> Self {
        Self { inner, place }
    }

    /// Looks at the key `key`, and says what was seen in `found`; whether it can be used.
    pub async fn check(&self, key: &str, form: Form, found: &mut Vec<SetupCheck>) -> bool {
        self.check_for(key, "", form, found).await
    }

    /// The same, saying who needs it (` for ...`).
    pub async fn check_for(&self, key: &str, whom: &str, form: Form, found: &mut Vec<SetupCheck>) -> bool {
        let what = format!("secret `{key}`{whom}");
        let live = match self.inner.read(key).await {
            Ok(live) => live,
            Err(SecretError::Missing { .. }) => {
                found.push(SetupCheck::mend(format!("{what}: there is none"), self.put(key, form)));
                return false;
            }
            Err(SecretError::Port(error)) => {
                let why = ports::chain(&error);
                found.push(SetupCheck::mend(format!("{what} cannot be read"), why));
                return false;
            }
        };
        // While one is being changed the one before is live too.
        for secret in &live {
            let text = secret.expose().trim();
            let wrong =
                if is_placeholder(text) { Some("is what stood in an example".to_owned()) } else { form.wrong(text) };
            if let Some(wrong) = wrong {
                found.push(SetupCheck::mend(format!("{what} {wrong}"), self.put(key, form)));
                return false;
            }
        }
        found.push(SetupCheck::ok(what));
        true
    }

    fn put(&self, key: &str, form: Form) -> String {
        let what = form.what();
        match &self.place {
            Place::File(path) => format!(
                "put {what} under `{key}` into {}, or into the environment as {}",
                path.display(),
                FileSecrets::variable(key)
            ),
            Place::Stack(id) => format!("put {what} under `{key}` into the secret {id} (docs/sources.md says how)"),
        }
    }
}

#[async_trait]
impl ReadSecret for Secrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.inner.read(key).await
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.inner.reread(key).await
    }
}

/// Whether somebody copied it out of an example and put nothing in its place.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "changeme",
        "todo",
        "tbd",
        "fixme",
        "placeholder",
        "secret",
        "password",
        "example",
        "dummy",
        "test",
        "none",
        "null",
        "token",
        "key",
    ];
    let lower = text.to_lowercase();
    let bare: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let same = text.chars().all(|c| text.starts_with(c));
    text.is_empty()
        || same
        || WORDS.contains(&bare.as_str())
        || ["your", "replace", "insert", "put"].iter().any(|word| {
            bare.starts_with(word)
                && ["secret", "token", "key", "here", "me", "this"].iter().any(|end| bare.ends_with(end))
        })
        || (text.starts_with('<') && text.ends_with('>'))
        || text.ends_with("...")
        || text.ends_with('…')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_in_an_example_is_known_and_what_is_random_is_not() {
        for text in [
            "",
            "changeme",
            "CHANGE-ME",
            "<your token>",
            "xoxb-...",
            "xxxxxxxx",
            "your-token-here",
            "TODO",
            "whsec_…",
            "replace me",
            "********",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in
            ["xoxb-1-a", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "yourcompany:hunter2", "u+Zk3pQ", "keyboard-cat"]
        {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn each_form_takes_its_own() {
        for (form, good, bad) in [
            (Form::SlackToken, "xoxb-1", "xoxp-1"),
            (Form::SigningKey, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="),
            (Form::Login("user:password"), "bot@example.com:token", "token"),
            (Form::LinkKey, "u+Zk3pQ8GKYqrTwj", "hunter2"),
            (Form::Url, "https://hooks.slack.com/services/T/B/x", "http://hooks.slack.com/services/T/B/x"),
        ] {
            assert_eq!(form.wrong(good), None, "{form:?}");
            assert!(form.wrong(bad).is_some(), "{form:?}");
        }
    }
}
