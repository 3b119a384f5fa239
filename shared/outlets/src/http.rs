//! One request and its answer. Redirects are answers like others, and never followed.

use std::time::Duration;

use domain::Secret;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use net::{AddressPolicy, NotReached};
use ports::{ReadSecret, SecretError};
use reqwest::RequestBuilder;
use serde_json::Value;
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    text::{cut, line},
};

/// How long one request may take, the connection included.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read. A page of a channel's history is the largest.
const BODY_CAP: usize = 8 * 1024 * 1024;

/// The client, and which addresses it may reach.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    policy: AddressPolicy,
}

/// What came back.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Nothing came back.
pub(crate) enum Lost {
    /// It may not be sent there at all.
    Refused(String),
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, wholly or in part.
    MaybeDone(String),
}

impl Http {
    /// A client that may also reach the hosts of `bases`, whatever address they are, because the configuration names them.
    pub fn new<'a>(bases: impl IntoIterator<Item = &'a Url>) -> Result<Self, net::ClientError> {
        let policy = AddressPolicy::new(bases.into_iter().filter_map(|base| base.host_str().map(str::to_owned)));
        let options = net::Options { policy: policy.clone(), timeout: TIMEOUT, ..net::Options::default() };
        Ok(Self { client: net::client(&options)?, policy })
    }

    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.client.post(url.clone())
    }

    pub fn put(&self, url: &Url) -> RequestBuilder {
        self.client.put(url.clone())
    }

    pub fn patch(&self, url: &Url) -> RequestBuilder {
        self.client.patch(url.clone())
    }

    pub fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone())
    }

    /// Connects to `url`'s host and says nothing.
    pub async fn reach(&self, url: &Url) -> Result<(), NotReached> {
        let no_tls = |error: net::ClientError| NotReached::NoTls { place: net::where_to(url), why: error.to_string() };
        let tls = net::tls_config(None).map_err(no_tls)?;
        net::reach(&self.policy, &tls, url, TIMEOUT).await
    }

    /// Sends `request`, which goes to `url`.
    pub async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Answer, Lost> {
        self.policy.check_url(url).map_err(|refused| Lost::Refused(refused.to_string()))?;
        let lost = |error: reqwest::Error| {
            let reason = net::request_reason(&error, url);
            if error.is_connect() || error.is_builder() { Lost::NotSent(reason) } else { Lost::MaybeDone(reason) }
        };
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = net::read_capped(response, BODY_CAP).await.map_err(lost)?;
        Ok(Answer { status, headers, body: body.bytes })
    }
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// How long `Retry-After` (seconds or a date) asks to wait.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        net::retry_after(&self.headers, now)
    }

    /// The same at a rate limit for which the provider has a header `own`, in seconds. What stands before it may limit too, and
    /// knows only the common one.
    pub fn limit(&self, own: &str, now: Timestamp) -> Option<Duration> {
        let own = self.headers.get(own).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        own.map(Duration::from_secs).max(self.retry_after(now))
    }
}

impl Answer {
    /// What the provider `who` says, for people: the status and its own `words`, those that are texts.
    pub fn said(&self, who: &str, words: &[Option<&Value>]) -> String {
        let words = words.iter().filter_map(|word| word.and_then(Value::as_str)).map(line);
        let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        let mut said = format!("{who} answers {}", self.status);
        if !words.is_empty() {
            said = format!("{said}, {}", words.join(" "));
        }
        cut(&said, 300, |_| 1).0
    }

    /// Whether it refuses an edit of `post` since a person has deleted that at `outlet`, which answers 404 of what may not be seen
    /// or changed, too: all the others can be read, and it is not among them.
    pub async fn is_of_deleted(&self, outlet: &dyn Outlet, post: &Post<'_>) -> bool {
        self.status == StatusCode::NOT_FOUND && matches!(outlet.find(post).await, Ok(None))
    }

    /// What follows from an answer that is not a success, where all providers mean the same by its status; `limit` is how
    /// long to wait at a rate limit. None: it is the provider's own word that decides.
    pub fn common(
        &self,
        who: &str,
        said: &str,
        once: bool,
        (limit, now): (Duration, Timestamp),
    ) -> Option<OutletError> {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => {
                Some(OutletError::Limited { reason: format!("{who} asks to wait"), wait: limit })
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Some(OutletError::passing(said.to_owned(), once, self.retry_after(now)))
            }
            status if status.is_redirection() => Some(OutletError::permanent(format!(
                "{said}, and redirects are not followed: the API is not at this address"
            ))),
            _ => None,
        }
    }
}

impl Lost {
    /// When doing it twice does no harm.
    pub fn repeatable(self) -> OutletError {
        match self {
            Self::Refused(reason) => OutletError::Permanent { reason },
            Self::NotSent(reason) | Self::MaybeDone(reason) => OutletError::transient(reason),
        }
    }

    /// When it must not be done twice.
    pub fn once(self) -> OutletError {
        match self {
            Self::MaybeDone(reason) => OutletError::ambiguous(reason),
            other => other.repeatable(),
        }
    }
}

/// The live values of `key`, without the blanks and line breaks around them that a terminal or an editor has left.
pub(crate) async fn read_secret(secrets: &dyn ReadSecret, key: &str) -> Result<Vec<Secret>, OutletError> {
    secrets.read(key).await.map(trimmed).map_err(unread)
}

fn trimmed(live: Vec<Secret>) -> Vec<Secret> {
    live.into_iter().map(|secret| Secret::new(secret.expose().trim())).collect()
}

/// `text`, which holds the value of `key`, as the value of a header that is never shown.
pub(crate) fn secret_header(key: &str, text: String) -> Result<HeaderValue, OutletError> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| OutletError::permanent(format!("`{key}` in the secret has characters that no key has")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The newest value of `key`, if it is another than `refused`: the provider no longer takes what the cache had.
pub(crate) async fn newer_secret(
    secrets: &dyn ReadSecret,
    key: &str,
    refused: &Secret,
) -> Result<Option<Secret>, OutletError> {
    let live = secrets.reread(key).await.map(trimmed).map_err(unread)?;
    Ok(live.into_iter().next().filter(|newest| !newest.matches(refused.expose())))
}

fn unread(error: SecretError) -> OutletError {
    match error {
        missing @ SecretError::Missing { .. } => OutletError::permanent(missing.to_string()),
        // Also when the port calls it permanent: somebody mends the rights, and the deliveries go on.
        SecretError::Port(error) => OutletError::transient(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn at_a_rate_limit_the_common_header_counts_beside_the_providers_own() {
        for (own, common, wait) in
            [(None, None, None), (Some(7), None, Some(7)), (None, Some(9), Some(9)), (Some(7), Some(9), Some(9))]
        {
            let mut headers = HeaderMap::new();
            own.map(|seconds: u32| headers.insert("ratelimit-reset", HeaderValue::from(seconds)));
            common.map(|seconds: u32| headers.insert("retry-after", HeaderValue::from(seconds)));
            let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: vec![] };
            assert_eq!(answer.limit("ratelimit-reset", Timestamp::UNIX_EPOCH), wait.map(Duration::from_secs));
        }
    }
}
