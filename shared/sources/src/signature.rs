//! The signing schemes, from both sides.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use domain::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How far a signed time may be from ours, either way (Standard Webhooks specification).
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

pub(crate) const PAGERDUTY_SIGNATURE: HeaderName = HeaderName::from_static("x-pagerduty-signature");

/// The three headers of Standard Webhooks. Svix, where the scheme comes from, also sends them under its own name.
pub(crate) struct StandardHeaders {
    pub(crate) id: HeaderName,
    pub(crate) timestamp: HeaderName,
    pub(crate) signature: HeaderName,
}

pub(crate) const STANDARD_HEADERS: StandardHeaders = StandardHeaders {
    id: HeaderName::from_static("webhook-id"),
    timestamp: HeaderName::from_static("webhook-timestamp"),
    signature: HeaderName::from_static("webhook-signature"),
};

const SVIX_HEADERS: StandardHeaders = StandardHeaders {
    id: HeaderName::from_static("svix-id"),
    timestamp: HeaderName::from_static("svix-timestamp"),
    signature: HeaderName::from_static("svix-signature"),
};

/// Secrets are pasted with and without padding; both name the same key.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a scheme found in a request.
pub(crate) enum Found<'a> {
    /// Nothing to verify.
    Nothing,
    /// No live secret fits.
    Mismatch,
    /// The signature fits, but was made too long ago, or in the future.
    Stale,
    /// A live secret fits.
    Match {
        /// The id of the message, where the scheme signs one.
        id: Option<&'a str>,
        /// When it was signed, where the scheme signs that.
        at: Option<Timestamp>,
    },
}

/// A key that can sign, or why there is none in this secret.
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// The secret's text is the key, as PagerDuty and plain HMAC have it. A line end after it is not a part of it: that
    /// comes of storing a secret with an editor.
    pub(crate) fn text(secret: &Secret) -> Result<Self, &'static str> {
        Self::of(plain(secret).as_bytes().to_vec())
    }

    /// `whsec_` (which may be absent) and base64: the key is what that decodes to.
    pub(crate) fn decoded(secret: &Secret) -> Result<Self, &'static str> {
        let text = plain(secret).trim();
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        Self::of(BASE64.decode(encoded).map_err(|_| "it is not `whsec_` and base64")?)
    }

    /// An empty key would let everybody sign.
    fn of(bytes: Vec<u8>) -> Result<Self, &'static str> {
        if bytes.is_empty() { Err("it is empty") } else { Ok(Self(bytes)) }
    }

    /// HMAC-SHA256 over the parts, one after the other.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length; there is no other error.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The secret without line ends after it.
pub(crate) fn plain(secret: &Secret) -> &str {
    secret.expose().trim_end_matches(['\r', '\n'])
}

/// All values of a header that are visible ASCII, split at the commas with which proxies join several into one.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// The 32 bytes that a hex signature stands for.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Whether any of the signatures is that of any of the keys. Each is compared in constant time.
fn any_fits(shown: &[[u8; 32]], keys: &[Key], parts: &[&[u8]]) -> bool {
    keys.iter().any(|key| {
        let ours = key.sign(parts);
        shown.iter().any(|theirs| bool::from(ours.ct_eq(theirs)))
    })
}

fn fits_body<'a>(shown: &[[u8; 32]], keys: &[Key], raw: &[u8]) -> Found<'a> {
    if any_fits(shown, keys, &[raw]) { Found::Match { id: None, at: None } } else { Found::Mismatch }
}

/// PagerDuty v3: `x-pagerduty-signature: v1=<hex>,v1=<hex>`, HMAC-SHA256 of the raw body. Entries of other versions are
/// passed over. Several stand there while a secret is being changed. No time is signed.
/// (PagerDuty developer documentation, Webhooks, Verifying Signatures.)
pub(crate) fn pagerduty<'a>(headers: &HeaderMap, raw: &[u8], keys: &[Key]) -> Found<'a> {
    if !headers.contains_key(PAGERDUTY_SIGNATURE) {
        return Found::Nothing;
    }
    let entries = listed(headers, &PAGERDUTY_SIGNATURE);
    let shown: Vec<_> = entries.filter_map(|entry| entry.strip_prefix("v1=")).filter_map(from_hex).collect();
    fits_body(&shown, keys, raw)
}

/// Hex HMAC-SHA256 of the raw body in a header, with or without `sha256=` (GitHub's form).
pub(crate) fn hmac_sha256<'a>(headers: &HeaderMap, header: &HeaderName, raw: &[u8], keys: &[Key]) -> Found<'a> {
    if !headers.contains_key(header) {
        return Found::Nothing;
    }
    let entries = listed(headers, header).map(|entry| entry.strip_prefix("sha256=").unwrap_or(entry));
    let shown: Vec<_> = entries.filter_map(from_hex).collect();
    fits_body(&shown, keys, raw)
}

/// Where Grafana puts its signature, by its documentation, and where by its code, when nobody names a header.
pub(crate) const GRAFANA_SIGNATURE: HeaderName = HeaderName::from_static("x-grafana-alerting-signature");
const GRAFANA_SIGNATURE_IN_CODE: HeaderName = HeaderName::from_static("x-grafana-alert-signature");
/// Where Grafana puts the time, when it is told to: the name of its documentation.
pub(crate) const GRAFANA_TIMESTAMP: HeaderName = HeaderName::from_static("x-grafana-alerting-timestamp");

/// Grafana: hex HMAC-SHA256 in `header`, of the raw body, or of `{unix seconds}:{raw body}` when the contact point names a
/// header for the time. (Grafana documentation, Configure webhook notifications, HMAC signature; grafana/alerting,
/// http/hmac.go.)
pub(crate) fn grafana<'a>(
    headers: &HeaderMap,
    header: &HeaderName,
    raw: &[u8],
    keys: &[Key],
    now: Timestamp,
) -> Found<'a> {
    let in_code = *header == GRAFANA_SIGNATURE && !headers.contains_key(header);
    let header = if in_code { &GRAFANA_SIGNATURE_IN_CODE } else { header };
    if !headers.contains_key(GRAFANA_TIMESTAMP) {
        // Or a message whose time is signed could be sent without it, at any time, its time a part of the body.
        return if begins_with_time(raw) { Found::Mismatch } else { hmac_sha256(headers, header, raw, keys) };
    }
    if !headers.contains_key(header) {
        return Found::Nothing;
    }
    let mut times = listed(headers, &GRAFANA_TIMESTAMP);
    let (Some(time), None) = (times.next(), times.next()) else { return Found::Mismatch };
    let Some(signed_at) = unix_seconds(time) else { return Found::Mismatch };
    let shown: Vec<_> = listed(headers, header).filter_map(from_hex).collect();
    if !any_fits(&shown, keys, &[time.as_bytes(), b":", raw]) {
        return Found::Mismatch;
    }
    fresh(signed_at, now, None)
}

/// The signature of Grafana over a body and the time.
pub(crate) fn grafana_entry(key: &Key, seconds: &str, raw: &[u8]) -> String {
    hex::encode(key.sign(&[seconds.as_bytes(), b":", raw]))
}

/// Whether a body begins as what Grafana signs together with a time: no JSON does.
fn begins_with_time(raw: &[u8]) -> bool {
    let digits = raw.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && raw.get(digits) == Some(&b':')
}

/// The time that a header gives, which is digits and nothing else.
fn unix_seconds(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::from_second(text.parse().ok().filter(|_| digits)?).ok()
}

/// A match, if it was signed within [`TOLERANCE`] of `now`. Told only to those who could sign.
fn fresh(signed_at: Timestamp, now: Timestamp, id: Option<&str>) -> Found<'_> {
    if now.duration_since(signed_at).abs() > TOLERANCE {
        Found::Stale
    } else {
        Found::Match { id, at: Some(signed_at) }
    }
}

/// Where Slack puts its signature, and the time that is in it.
pub(crate) const SLACK_SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
pub(crate) const SLACK_TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");

/// Slack: `x-slack-signature: v0=<hex>`, HMAC-SHA256 of `v0:{unix seconds}:{raw body}`, the signing secret as it is. One
/// signature in a request. (docs.slack.dev, Verifying requests from Slack.)
pub(crate) fn slack<'a>(headers: &HeaderMap, raw: &[u8], keys: &[Key], now: Timestamp) -> Found<'a> {
    let value = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(shown), Some(time)) = (value(&SLACK_SIGNATURE), value(&SLACK_TIMESTAMP)) else { return Found::Nothing };
    let shown = shown.strip_prefix("v0=").and_then(from_hex);
    // Digits only, so that the colon behind them is where the body begins.
    let (Some(shown), Some(signed_at)) = (shown, unix_seconds(time)) else { return Found::Mismatch };
    if !any_fits(&[shown], keys, &[b"v0:", time.as_bytes(), b":", raw]) {
        return Found::Mismatch;
    }
    fresh(signed_at, now, None)
}

/// A signature of Slack as it stands in the header.
pub(crate) fn slack_entry(key: &Key, seconds: &str, raw: &[u8]) -> String {
    format!("v0={}", hex::encode(key.sign(&[b"v0:", seconds.as_bytes(), b":", raw])))
}

/// Standard Webhooks: HMAC-SHA256 of `{id}.{timestamp}.{raw body}`, of which the header lists several as
/// `v1,<base64>`, with spaces between them. Entries of other versions are passed over.
/// (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.)
pub(crate) fn standard_webhooks<'a>(headers: &'a HeaderMap, raw: &[u8], keys: &[Key], now: Timestamp) -> Found<'a> {
    let names = if headers.contains_key(&SVIX_HEADERS.signature) && !headers.contains_key(&STANDARD_HEADERS.signature) {
        SVIX_HEADERS
    } else {
        STANDARD_HEADERS
    };
    let value = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(time), Some(signatures)) = (value(&names.id), value(&names.timestamp), value(&names.signature))
    else {
        return Found::Nothing;
    };
    // Neither may hold the dot that separates them, or one signature would stand for two messages.
    if id.is_empty() || id.contains('.') {
        return Found::Mismatch;
    }
    let Some(signed_at) = unix_seconds(time) else { return Found::Mismatch };
    let entries = signatures.split_ascii_whitespace().filter_map(|entry| entry.strip_prefix("v1,"));
    let decoded = entries.filter_map(|entry| BASE64.decode(entry).ok());
    let shown: Vec<[u8; 32]> = decoded.filter_map(|bytes| bytes.try_into().ok()).collect();
    if !any_fits(&shown, keys, &[id.as_bytes(), b".", time.as_bytes(), b".", raw]) {
        return Found::Mismatch;
    }
    fresh(signed_at, now, Some(id))
}

/// A signature of Standard Webhooks as it stands in the header.
pub(crate) fn standard_webhooks_entry(key: &Key, id: &str, seconds: &str, raw: &[u8]) -> String {
    let signature = key.sign(&[id.as_bytes(), b".", seconds.as_bytes(), b".", raw]);
    format!("v1,{}", BASE64.encode(signature))
}
