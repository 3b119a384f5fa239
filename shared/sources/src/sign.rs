use base64::Engine;
use catalog::model::{Source, SourceType};
use domain::Secret;
use jiff::Timestamp;

use crate::{
    signature::{
        BASE64, GRAFANA_TIMESTAMP, Key, PAGERDUTY_SIGNATURE, SLACK_SIGNATURE, SLACK_TIMESTAMP, STANDARD_HEADERS,
        grafana_entry, plain, slack_entry, standard_webhooks_entry,
    },
    token::URL_TOKEN,
    verify::{Method, Refusal, method},
};

/// Why a body could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The source has no usable scheme.
    #[error("the source cannot be signed for")]
    Source(#[source] Refusal),
    /// The secret is no key.
    #[error("the secret is no key: {0}")]
    Secret(&'static str),
    /// The id has a dot or is empty, which Standard Webhooks does not allow.
    #[error("`{0}` cannot be the id of a message: it must not be empty and must have no dot")]
    Id(String),
}

/// What proves a request: what the real sender would put beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Headers, the content type among them.
    pub headers: Vec<(String, String)>,
    /// What stands behind the `?` of the URL, where the sender puts it there.
    pub query: Option<String>,
}

/// What the real sender would send beside `body` to `source`: content type, what proves the sender, and the delivery's
/// `id` where the sender gives one.
///
/// # Errors
/// [`SignError`].
pub fn sign(source: &Source, body: &[u8], secret: &Secret, id: &str, now: Timestamp) -> Result<Proof, SignError> {
    // Slack posts forms beside its events.
    let form = source.source_type == SourceType::Slack && !body.trim_ascii_start().starts_with(b"{");
    let content_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let mut query = None;
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    let key = || Key::text(secret).map_err(SignError::Secret);
    match method(source).map_err(SignError::Source)? {
        Method::Pagerduty => {
            add(PAGERDUTY_SIGNATURE.as_str(), format!("v1={}", hex::encode(key()?.sign(&[body]))));
            add("x-webhook-id", id.to_owned());
        }
        Method::HmacSha256(header) => {
            add(header.as_str(), format!("sha256={}", hex::encode(key()?.sign(&[body]))));
        }
        Method::Grafana(header) => {
            let seconds = now.as_second().to_string();
            add(header.as_str(), grafana_entry(&key()?, &seconds, body));
            add(GRAFANA_TIMESTAMP.as_str(), seconds);
        }
        Method::Slack => {
            let seconds = now.as_second().to_string();
            add(SLACK_SIGNATURE.as_str(), slack_entry(&key()?, &seconds, body));
            add(SLACK_TIMESTAMP.as_str(), seconds);
        }
        Method::StandardWebhooks => {
            let key = Key::decoded(secret).map_err(SignError::Secret)?;
            if id.is_empty() || id.contains('.') {
                return Err(SignError::Id(id.to_owned()));
            }
            let seconds = now.as_second().to_string();
            let entry = standard_webhooks_entry(&key, id, &seconds, body);
            add(STANDARD_HEADERS.id.as_str(), id.to_owned());
            add(STANDARD_HEADERS.timestamp.as_str(), seconds);
            add(STANDARD_HEADERS.signature.as_str(), entry);
        }
        // What is no key is no token either.
        Method::Bearer(Some(header)) => key().map(|_| add(header.as_str(), plain(secret).to_owned()))?,
        Method::Bearer(None) => key().map(|_| add("authorization", format!("Bearer {}", plain(secret))))?,
        Method::Basic => key().map(|_| add("authorization", format!("Basic {}", BASE64.encode(plain(secret)))))?,
        Method::UrlToken => {
            key()?;
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair(URL_TOKEN, plain(secret)).finish();
            query = Some(pair);
        }
    }
    Ok(Proof { headers, query })
}
