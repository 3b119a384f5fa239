//! The secrets of one call: read when it proves itself, and taken out of whatever comes of it (I9).

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use catalog::model::{Auth, AuthForm};
use domain::Secret;
use engine::{Answer, Called};
use net::AddressPolicy;
use ports::{ReadSecret, SecretError};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

const MASK: &str = "***";

/// Below this, in bytes, a value is too short to be looked for: it would be found in ordinary words.
const SHORTEST: usize = 4;

/// How much of a value, in bytes, must stand at the end of a text to be its beginning, cut off with the rest.
const CUT: usize = 8;

/// What proves a call: a header, and what it was made of.
#[derive(Clone)]
pub(crate) struct Proof {
    name: HeaderName,
    value: HeaderValue,
    written: Written,
    key: String,
    secret: Secret,
}

impl Proof {
    /// Puts it among the headers that are sent.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }
}

/// How a secret stands in its header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// Behind these words.
    Behind(&'static str),
    /// In Base64, as `user:password`.
    Basic,
}

/// Reads secrets for one call and remembers what was read.
pub(crate) struct Keys {
    secrets: Arc<dyn ReadSecret>,
    seen: Mutex<Vec<String>>,
}

impl Keys {
    pub(crate) fn new(secrets: Arc<dyn ReadSecret>) -> Self {
        Self { secrets, seen: Mutex::default() }
    }

    /// What proves a call to `url`, if it proves itself at all. A secret leaves for a host that the catalog names and for
    /// no other (I8), whatever an input says.
    pub(crate) async fn proof(
        &self,
        auth: Option<&Auth>,
        policy: &AddressPolicy,
        url: &Url,
    ) -> Result<Option<Proof>, String> {
        let Some(auth) = auth else { return Ok(None) };
        let form = auth.form().ok_or("`auth` must say one way in which the call proves itself")?;
        let (name, written) = match form {
            AuthForm::Bearer(_) => (AUTHORIZATION, Written::Behind("Bearer ")),
            AuthForm::Basic(_) => (AUTHORIZATION, Written::Basic),
            AuthForm::Header(name, _) => {
                (name.parse().map_err(|_| format!("`{name}` is not a header's name"))?, Written::Behind(""))
            }
        };
        self.made(form.key(), name, written, policy, url).await.map(Some)
    }

    /// What proves a call to `url` by the secret behind `prefix` in `Authorization`.
    pub(crate) async fn authorization(
        &self,
        key: &str,
        prefix: &'static str,
        policy: &AddressPolicy,
        url: &Url,
    ) -> Result<Proof, String> {
        self.made(key, AUTHORIZATION, Written::Behind(prefix), policy, url).await
    }

    /// What proves a call by a token that was made for it, and that no other host takes.
    pub(crate) fn bearer(&self, token: Secret) -> Result<Proof, String> {
        self.remember(std::slice::from_ref(&token));
        proof("", AUTHORIZATION, Written::Behind("Bearer "), token)
    }

    async fn made(
        &self,
        key: &str,
        name: HeaderName,
        written: Written,
        policy: &AddressPolicy,
        url: &Url,
    ) -> Result<Proof, String> {
        let host = url.host_str().unwrap_or_default();
        if !policy.names(host) {
            return Err(format!(
                "the secret `{key}` is not sent to `{host}`: the catalog does not name that host literally"
            ));
        }
        let live = self.secrets.read(key).await.map_err(|error| unread(&error))?;
        self.remember(&live);
        let secret = live.into_iter().next().ok_or_else(|| missing(key))?;
        proof(key, name, written, secret)
    }

    /// The newest value of what was refused, if it is another: the other side no longer takes what the cache had.
    pub(crate) async fn newer(&self, refused: &Proof) -> Option<Proof> {
        // A token that was made for the call stands in no secret.
        if refused.key.is_empty() {
            return None;
        }
        let live = self.secrets.reread(&refused.key).await.ok()?;
        self.remember(&live);
        let newest = live.into_iter().next().filter(|newest| !newest.matches(refused.secret.expose()))?;
        proof(&refused.key, refused.name.clone(), refused.written, newest).ok()
    }

    fn remember(&self, secrets: &[Secret]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            let text = secret.expose();
            // What is sent of `user:password`, and the password alone.
            let password = text.split_once(':').map(|(_, password)| password.to_owned());
            for text in [text.to_owned(), STANDARD.encode(text)].into_iter().chain(password) {
                // As it stands in a query, and in the text of a JSON body.
                seen.push(form_urlencoded::byte_serialize(text.as_bytes()).collect());
                seen.push(Value::from(text.as_str()).to_string().trim_matches('"').to_owned());
                seen.push(text);
            }
        }
        seen.retain(|text| text.len() >= SHORTEST);
        // The longest first, so that none is left in part.
        seen.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        seen.dedup();
    }

    /// What came of the call, without the secrets that were read for it: a server may answer what it was sent.
    pub(crate) fn hide(&self, called: Called) -> Called {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            return called;
        }
        let answer = match called.answer {
            Ok(Answer { summary, result }) => {
                Ok(Answer { summary: text(&seen, summary), result: value(&seen, result) })
            }
            Err(reason) => Err(text(&seen, reason)),
        };
        Called { request: value(&seen, called.request), answer }
    }
}

fn proof(key: &str, name: HeaderName, written: Written, secret: Secret) -> Result<Proof, String> {
    let text = match written {
        Written::Behind(prefix) => format!("{prefix}{}", secret.expose()),
        Written::Basic if !secret.expose().contains(':') => {
            return Err(format!("the key `{key}` of the secret is not of the form user:password"));
        }
        Written::Basic => format!("Basic {}", STANDARD.encode(secret.expose())),
    };
    // What cannot be sent is not shown.
    let mut value: HeaderValue = text
        .parse()
        .map_err(|_| format!("the key `{key}` of the secret has a character that no header can have: a line's end?"))?;
    value.set_sensitive(true);
    Ok(Proof { name, value, written, key: key.to_owned(), secret })
}

fn missing(key: &str) -> String {
    SecretError::Missing { key: key.to_owned() }.to_string()
}

fn unread(error: &SecretError) -> String {
    match error {
        SecretError::Missing { key } => missing(key),
        SecretError::Port(error) => format!("the secret could not be read: {}", ports::chain(error)),
    }
}

fn text(seen: &[String], mut text: String) -> String {
    for secret in seen {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), MASK);
        }
    }
    // A cap may have cut through one.
    let (whole, dots) = match text.strip_suffix('…') {
        Some(whole) => (whole, "…"),
        None => (text.as_str(), ""),
    };
    for secret in seen {
        let most = secret.len().min(whole.len());
        let cut = (CUT..most).rev().find(|length| secret.get(..*length).is_some_and(|begin| whole.ends_with(begin)));
        if let Some(length) = cut {
            return format!("{}{MASK}{dots}", whole.get(..whole.len() - length).unwrap_or_default());
        }
    }
    text
}

fn value(seen: &[String], inner: Value) -> Value {
    match inner {
        Value::String(inner) => Value::String(text(seen, inner)),
        Value::Array(list) => list.into_iter().map(|inner| value(seen, inner)).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(key, inner)| (text(seen, key), value(seen, inner))).collect::<Map<_, _>>(),
        ),
        Value::Number(number) if seen.iter().any(|secret| number.to_string().contains(secret.as_str())) => {
            Value::from(MASK)
        }
        other => other,
    }
}

/// What a recorded call shows of how it proves itself: the way, never the value.
pub(crate) fn shown(auth: Option<&Auth>) -> Value {
    match auth.and_then(Auth::form) {
        None => Value::Null,
        Some(AuthForm::Bearer(key)) => format!("bearer, by the key {key}").into(),
        Some(AuthForm::Basic(key)) => format!("basic, by the key {key}").into(),
        Some(AuthForm::Header(name, key)) => format!("header {name}, by the key {key}").into(),
    }
}

/// What a server that does not let a call in wants, behind what it answered.
pub(crate) fn wanted(auth: Option<&Auth>) -> String {
    match auth.and_then(Auth::form) {
        None => "; the Task names no secret for it (`auth`)".to_owned(),
        Some(form) => format!("; put one that may read into the secret's key `{}`", form.key()),
    }
}

#[cfg(test)]
mod tests;
