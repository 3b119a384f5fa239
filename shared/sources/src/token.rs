//! Senders that cannot sign, and show a secret instead.

use base64::Engine;
use domain::Secret;
use http::{HeaderMap, HeaderName, header};

use crate::signature::{BASE64, Found, plain};

/// The parameter of the URL that carries a token.
pub(crate) const URL_TOKEN: &str = "token";

/// `Authorization: Bearer <secret>`, or the secret itself in a header of its own.
pub(crate) fn bearer<'a>(headers: &HeaderMap, header: Option<&HeaderName>, secrets: &[Secret]) -> Found<'a> {
    let shown = shown(headers, header.unwrap_or(&header::AUTHORIZATION));
    any_fits(
        shown.map(|values| {
            values.filter_map(|value| match after(value, "bearer") {
                Some(token) => Some(token.to_owned()),
                None => header.is_some().then(|| value.trim().to_owned()),
            })
        }),
        secrets,
    )
}

/// `Authorization: Basic <base64>` of the secret, which is `user:password` (RFC 7617).
pub(crate) fn basic<'a>(headers: &HeaderMap, secrets: &[Secret]) -> Found<'a> {
    let shown = shown(headers, &header::AUTHORIZATION);
    any_fits(
        shown.map(|values| {
            values.filter_map(|value| String::from_utf8(BASE64.decode(after(value, "basic")?).ok()?).ok())
        }),
        secrets,
    )
}

/// `?token=<secret>`.
pub(crate) fn in_url<'a>(query: Option<&str>, secrets: &[Secret]) -> Found<'a> {
    let tokens: Vec<String> = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(name, _)| name == URL_TOKEN)
        .map(|(_, token)| token.into_owned())
        .collect();
    any_fits((!tokens.is_empty()).then_some(tokens.into_iter()), secrets)
}

/// The values of a header, where it stands.
fn shown<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<impl Iterator<Item = &'h str> + use<'h>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    headers.contains_key(name).then_some(values)
}

/// What stands after the word that names how it is shown.
fn after<'v>(value: &'v str, word: &str) -> Option<&'v str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(word).then(|| rest.trim())
}

/// Each is compared in constant time.
fn any_fits<'a>(shown: Option<impl Iterator<Item = String>>, secrets: &[Secret]) -> Found<'a> {
    let Some(mut shown) = shown else { return Found::Nothing };
    let fits = |token: String| secrets.iter().any(|secret| Secret::new(plain(secret)).matches(&token));
    if shown.any(fits) { Found::Match { id: None, at: None } } else { Found::Mismatch }
}
