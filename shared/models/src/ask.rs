//! One request to a provider with an API key, and its answer.

use std::{error::Error, time::Duration};

use catalog::model::Model;
use domain::Secret;
use engine::model::{Answered, ModelError, Turn};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use net::{AddressPolicy, ClientError, ResolveError, request_reason, where_to};
use ports::{Clock, ReadSecret, SecretError};
use serde_json::Value;
use std::sync::Arc;
use url::Url;

use crate::{
    ModelsOptions,
    fault::{Broken, Place, Refusal, is_refusal, permanent, transient},
};

/// How much of an answer is read, in bytes. The longest that a model writes is about a tenth of it.
pub const ANSWER_CAP: usize = 4 * 1024 * 1024;

/// No turn waits longer, whatever it asks for: no function lives longer.
const LONGEST: Duration = Duration::from_secs(900);

/// The HTTP client with its policy, and the keys.
pub(crate) struct Http {
    client: reqwest::Client,
    policy: AddressPolicy,
    secrets: Arc<dyn ReadSecret>,
    clock: Arc<dyn Clock>,
}

/// A request, but for its key.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a Model,
    pub(crate) url: Url,
    pub(crate) body: &'a Value,
    pub(crate) headers: &'a [(&'static str, &'static str)],
    /// The header of an API key.
    pub(crate) key: fn(&str) -> (HeaderName, String),
    /// What an error's body says.
    pub(crate) refusal: fn(u16, &Value) -> Refusal,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: net::Body,
}

impl Http {
    pub(crate) fn new(policy: AddressPolicy, options: ModelsOptions) -> Result<Self, ClientError> {
        let ModelsOptions { secrets, clock, extra_ca, .. } = options;
        let options = net::Options { policy: policy.clone(), extra_ca, timeout: LONGEST, ..net::Options::default() };
        Ok(Self { client: net::client(&options)?, policy, secrets, clock })
    }

    /// Sends `request`, and reads its answer with `read`, which is also told how many bytes were sent.
    pub(crate) async fn ask(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(Value, usize) -> Result<Answered, Broken>,
    ) -> Result<Answered, ModelError> {
        let model = request.model;
        let place = Place::of(model);
        self.policy.check_url(&request.url).map_err(|refused| permanent(&place, &refused.to_string(), None))?;
        let bytes = serde_json::to_vec(request.body)
            .map_err(|error| permanent(&place, &format!("the request cannot be written: {error}"), None))?;
        let sent = bytes.len();
        let mut key = match &model.secret {
            Some(name) => self.secrets.read(name).await.map_err(|error| unread(&place, error))?.into_iter().next(),
            None => None,
        };
        let mut answer = self.send(request, &place, bytes.clone(), key.as_ref()).await?;
        // The key was rotated, and the cache has the old one. A 401 costs nothing.
        if let (StatusCode::UNAUTHORIZED, Some(name), Some(refused)) = (answer.status, &model.secret, &key) {
            let live = self.secrets.reread(name).await.map_err(|error| unread(&place, error))?;
            if let Some(newest) = live.into_iter().next().filter(|newest| !newest.matches(refused.expose())) {
                answer = self.send(request, &place, bytes, Some(&newest)).await?;
                key = Some(newest);
            }
        }
        let json: Option<Value> = serde_json::from_slice(&answer.body.bytes).ok();
        if !answer.status.is_success() {
            let status = answer.status.as_u16();
            let refusal = (request.refusal)(status, &json.unwrap_or_default());
            let wait = net::retry_after(&answer.headers, self.clock.now());
            return Err(refusal.into_error(&place, status, wait, key.as_ref()));
        }
        if answer.body.more {
            let reason = format!("it answered more than {} MB, which is not read", ANSWER_CAP / (1024 * 1024));
            return Err(permanent(&place, &reason, None).paid());
        }
        let json = json.ok_or_else(|| transient(&place, "its answer is not JSON", None, None).paid())?;
        read(json, sent).map_err(|broken| broken.into_error(&place, key.as_ref()))
    }

    async fn send(
        &self,
        request: &Request<'_>,
        place: &Place<'_>,
        body: Vec<u8>,
        key: Option<&Secret>,
    ) -> Result<Answer, ModelError> {
        let mut sending = self.client.post(request.url.clone());
        for (name, value) in request.headers {
            sending = sending.header(*name, *value);
        }
        if let Some(key) = key {
            let (name, value) = (request.key)(key.expose().trim());
            let Ok(mut value) = HeaderValue::from_str(&value) else {
                let reason = format!("the API key under `{}` has a character that no header can have", place.key);
                return Err(permanent(place, &reason, None));
            };
            value.set_sensitive(true);
            sending = sending.header(name, value);
        }
        let sending = sending.header("content-type", "application/json").body(body);
        // What got no answer may have arrived, and have been answered.
        let lost = |error: reqwest::Error, is_sent: bool| {
            let reason = request_reason(&error, &request.url);
            let lost =
                if is_refused(&error) { permanent(place, &reason, key) } else { transient(place, &reason, None, key) };
            if is_sent { lost.paid() } else { lost }
        };
        let sent = sending.send().await;
        let response = sent.map_err(|error| {
            let is_sent = !error.is_connect() && !error.is_builder();
            lost(error, is_sent)
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            let reason = format!(
                "{} redirects, and that is not followed: name the API's own address in `url`",
                where_to(&request.url)
            );
            return Err(permanent(place, &reason, None));
        }
        let body =
            net::read_capped(response, ANSWER_CAP).await.map_err(|error| lost(error, !is_refusal(status.as_u16())))?;
        Ok(Answer { status, headers, body })
    }
}

/// What a look at an API came to.
pub(crate) enum Looked {
    /// It answered with a success.
    Said(Value),
    /// It answered with this status, which is why it could not be asked either.
    Refused(u16, ModelError),
    /// Nobody is there: why.
    Unreachable(String),
}

impl Http {
    /// Gets `url` with the model's key.
    pub(crate) async fn look(
        &self,
        model: &Model,
        url: &Url,
        headers: &[(&'static str, &'static str)],
        key: fn(&str) -> (HeaderName, String),
        refusal: fn(u16, &Value) -> Refusal,
        within: Duration,
    ) -> Looked {
        let place = Place::of(model);
        let permanent = |reason: &str| Looked::Refused(0, permanent(&place, reason, None));
        if let Err(refused) = self.policy.check_url(url) {
            return permanent(&refused.to_string());
        }
        let mut sending = self.client.get(url.clone()).timeout(within);
        for (name, value) in headers {
            sending = sending.header(*name, *value);
        }
        let secret = match &model.secret {
            Some(name) => match self.secrets.read(name).await {
                Ok(live) => live.into_iter().next(),
                Err(error) => return Looked::Refused(0, unread(&place, error)),
            },
            None => None,
        };
        if let Some(secret) = &secret {
            let (name, value) = key(secret.expose().trim());
            let Ok(mut value) = HeaderValue::from_str(&value) else {
                return permanent("the API key has a character that no header can have");
            };
            value.set_sensitive(true);
            sending = sending.header(name, value);
        }
        let answer = match sending.send().await {
            Ok(response) => (response.status().as_u16(), net::read_capped(response, ANSWER_CAP).await),
            Err(error) if error.is_connect() => return Looked::Unreachable(request_reason(&error, url)),
            Err(error) => return Looked::Refused(0, transient(&place, &request_reason(&error, url), None, None)),
        };
        let (status, Ok(body)) = answer else {
            return Looked::Refused(answer.0, transient(&place, "it broke off its answer", None, None));
        };
        let json: Value = serde_json::from_slice(&body.bytes).unwrap_or_default();
        if (200..300).contains(&status) {
            return Looked::Said(json);
        }
        Looked::Refused(status, refusal(status, &json).into_error(&place, status, None, secret.as_ref()))
    }
}

/// Whether the policy forbids the address, which no other try will change.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(here) = next {
        if matches!(here.downcast_ref(), Some(ResolveError::Refused(_))) {
            return true;
        }
        next = here.source();
    }
    false
}

fn unread(place: &Place<'_>, error: SecretError) -> ModelError {
    match error {
        missing @ SecretError::Missing { .. } => permanent(place, &missing.to_string(), None),
        SecretError::Port(error) => transient(place, &error.to_string(), None, None),
    }
}

/// `rest` below the API's base.
pub(crate) fn path(base: &str, rest: &str) -> Result<Url, ModelError> {
    format!("{}/{rest}", base.trim_end_matches('/'))
        .parse()
        .map_err(|_| ModelError::Permanent { reason: "the Model's `url` is not a URL".to_owned(), may_cost: false })
}

/// The most tokens that an answer may have.
pub(crate) fn most(model: &Model, turn: &Turn<'_>) -> u32 {
    model.max_output_tokens.map_or(turn.max_tokens, |most| most.min(turn.max_tokens)).max(1)
}
