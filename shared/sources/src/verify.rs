use catalog::model::{Scheme, Source, SourceType};
use domain::Secret;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

pub use crate::signature::TOLERANCE;
use crate::{
    signature::{self, Found, GRAFANA_SIGNATURE, GRAFANA_TIMESTAMP, Key},
    token,
};

/// A request whose sender is proven. Only [`verify`], [`SnsMessage::proven`](crate::SnsMessage::proven) and
/// [`invoked`](crate::invoked) make one.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedPayload<'a> {
    raw: &'a [u8],
    headers: &'a HeaderMap,
    id: Option<&'a str>,
    at: Option<Timestamp>,
}

impl<'a> VerifiedPayload<'a> {
    /// One whose message names no id in what is signed outside the body.
    pub(crate) fn new(raw: &'a [u8], headers: &'a HeaderMap) -> Self {
        Self { raw, headers, id: None, at: None }
    }

    /// The body, as it was sent.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The headers. No scheme signs them, so they say no more than the body does.
    pub(crate) fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The id of the message, where the scheme signs one.
    pub(crate) fn signed_id(&self) -> Option<&'a str> {
        self.id
    }

    /// When it was signed, where the scheme signs that.
    pub(crate) fn signed_at(&self) -> Option<Timestamp> {
        self.at
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not even try to prove who it is from.
    #[error("the request carries nothing that proves its sender")]
    Unproven,
    /// No live secret fits. It may be that the secret was changed: read it anew and try once more.
    #[error("no live secret fits")]
    Mismatch,
    /// It was signed too long ago, or in the future: a replay, or a wrong clock. [`TOLERANCE`] is allowed; to SNS, the
    /// hour for which it tries again too.
    #[error("it was signed too long ago, or in the future")]
    Stale,
    /// An SNS message that is not of one of the source's topics.
    #[error("the message is of a topic that `verify.topics` does not name")]
    OtherTopic,
    /// SNS delivers the bare message, which is not signed.
    #[error("SNS delivers raw messages, which are not signed")]
    RawDelivery,
    /// Nothing can be verified until the operator mends the secret or the source.
    #[error("the source cannot verify anything: {reason}")]
    Unusable {
        /// What is wrong, without any of it.
        reason: String,
    },
}

/// A request as it came, nothing of it proven.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What stands behind the `?` of its URL.
    pub query: Option<&'a str>,
    /// Its body.
    pub raw: &'a [u8],
}

/// Proves that `request` came from `source`: any of its live `secrets` (the current and the previous one, while a secret
/// is being changed) and any of the signatures that the request carries will do. Nothing of the body is parsed.
///
/// # Errors
/// [`Refusal`].
pub fn verify<'a>(
    source: &Source,
    request: Inbound<'a>,
    secrets: &[Secret],
    now: Timestamp,
) -> Result<VerifiedPayload<'a>, Refusal> {
    let Inbound { headers, query, raw } = request;
    let text = || keys(secrets, Key::text);
    let found = match method(source)? {
        Method::Pagerduty => signature::pagerduty(headers, raw, &text()?),
        Method::HmacSha256(header) => signature::hmac_sha256(headers, &header, raw, &text()?),
        Method::Grafana(header) => signature::grafana(headers, &header, raw, &text()?, now),
        Method::Slack => signature::slack(headers, raw, &text()?, now),
        Method::StandardWebhooks => signature::standard_webhooks(headers, raw, &keys(secrets, Key::decoded)?, now),
        // A token is compared as it is, but an empty one is as useless as an empty key.
        Method::Bearer(header) => text().map(|_| token::bearer(headers, header.as_ref(), secrets))?,
        Method::Basic => text().map(|_| token::basic(headers, secrets))?,
        Method::UrlToken => text().map(|_| token::in_url(query, secrets))?,
    };
    match found {
        Found::Match { id, at } => Ok(VerifiedPayload { raw, headers, id, at }),
        Found::Nothing => Err(Refusal::Unproven),
        Found::Mismatch => Err(Refusal::Mismatch),
        Found::Stale => Err(Refusal::Stale),
    }
}

/// What a request of this source must carry, for people.
#[must_use]
pub fn wanted(source: &Source) -> String {
    if source.scheme() == Some(Scheme::Sns) {
        return "a message of one of the topics in `verify.topics`, signed by SNS (version 1 or 2) within the last hour"
            .to_owned();
    }
    match method(source) {
        Ok(Method::Pagerduty) => "`x-pagerduty-signature: v1=<hex HMAC-SHA256 of the raw body>`".to_owned(),
        Ok(Method::StandardWebhooks) => {
            "`webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64 HMAC-SHA256 of id.timestamp.body>`, \
             signed within five minutes of now"
                .to_owned()
        }
        Ok(Method::Slack) => "`x-slack-signature: v0=<hex HMAC-SHA256 of v0:timestamp:body>` and the timestamp in \
                              `x-slack-request-timestamp`, signed within five minutes of now"
            .to_owned(),
        Ok(Method::HmacSha256(header)) => format!("`{header}: sha256=<hex HMAC-SHA256 of the raw body>`"),
        Ok(Method::Grafana(header)) => format!(
            "`{header}: <hex HMAC-SHA256 of the raw body>`, or of `<unix seconds>:<raw body>` with those seconds, within \
             five minutes of now, in `{GRAFANA_TIMESTAMP}`"
        ),
        Ok(Method::Bearer(Some(header))) => format!("`{header}: <token>`"),
        Ok(Method::Bearer(None)) => "`authorization: Bearer <token>`".to_owned(),
        Ok(Method::Basic) => "`authorization: Basic <base64 of user:password>`".to_owned(),
        Ok(Method::UrlToken) => "`?token=<token>` at the end of the URL".to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}

/// A source's scheme with all that it needs.
pub(crate) enum Method {
    Pagerduty,
    StandardWebhooks,
    Slack,
    HmacSha256(HeaderName),
    Grafana(HeaderName),
    Bearer(Option<HeaderName>),
    Basic,
    UrlToken,
}

/// `check` has said all this before; a source that slipped past it lets nobody in.
pub(crate) fn method(source: &Source) -> Result<Method, Refusal> {
    let unusable = |reason: &str| Refusal::Unusable { reason: reason.to_owned() };
    let header = source.verify.header.as_deref().or(source.source_type.hmac_header());
    let header = header.map(str::parse::<HeaderName>).transpose();
    let header = header.map_err(|_| unusable("`verify.header` is not the name of a header"))?;
    let scheme = source.scheme().ok_or_else(|| unusable("`verify.scheme` is missing"))?;
    if !source.source_type.schemes().contains(&scheme) {
        return Err(unusable("`verify.scheme` is not one of its type"));
    }
    match scheme {
        Scheme::Pagerduty => Ok(Method::Pagerduty),
        Scheme::StandardWebhooks => Ok(Method::StandardWebhooks),
        Scheme::Slack => Ok(Method::Slack),
        Scheme::HmacSha256 if source.source_type == SourceType::Grafana => {
            Ok(Method::Grafana(header.unwrap_or(GRAFANA_SIGNATURE)))
        }
        Scheme::HmacSha256 => header.map(Method::HmacSha256).ok_or_else(|| unusable("`verify.header` is missing")),
        // The type's own header is that of its signature.
        Scheme::Bearer => Ok(Method::Bearer(header.filter(|_| source.verify.header.is_some()))),
        Scheme::Basic => Ok(Method::Basic),
        Scheme::UrlToken => Ok(Method::UrlToken),
        Scheme::Sns => Err(unusable("an SNS message is proven by a certificate and by no secret")),
        Scheme::Iam => Err(unusable("no request can prove itself to a source of scheme `iam`")),
    }
}

/// The keys of those secrets that are keys. One broken value does not shut out the others.
fn keys(secrets: &[Secret], key: impl Fn(&Secret) -> Result<Key, &'static str>) -> Result<Vec<Key>, Refusal> {
    let mut usable = Vec::with_capacity(secrets.len());
    let mut reason = "there is none";
    for secret in secrets {
        match key(secret) {
            Ok(key) => usable.push(key),
            Err(why) => reason = why,
        }
    }
    if usable.is_empty() {
        Err(Refusal::Unusable { reason: format!("its secret is no key: {reason}") })
    } else {
        Ok(usable)
    }
}
