use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{AwsError, Keys};

/// All but the unreserved characters of RFC 3986: what AWS's signatures encode.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A query string of pairs, as AWS encodes it.
pub(crate) fn query<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text| utf8_percent_encode(text, STRICT).to_string();
    pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn bad(error: impl std::error::Error + 'static) -> AwsError {
    AwsError::BadRequest { why: net::reason(&error) }
}

fn identity(keys: &Keys) -> Identity {
    let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
    Credentials::new(&keys.access_key_id, keys.secret_access_key.expose(), token, None, "firstlook").into()
}

fn params<'a>(
    identity: &'a Identity,
    region: &'a str,
    service: &'a str,
    now: Timestamp,
    settings: SigningSettings,
) -> Result<SigningParams<'a>, AwsError> {
    let built = v4::SigningParams::builder()
        .identity(identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(now))
        .settings(settings)
        .build();
    Ok(built.map_err(bad)?.into())
}

/// What a request is signed for.
pub(crate) struct Scope<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) now: Timestamp,
}

/// The headers that sign a request, `Authorization` among them.
pub(crate) fn headers(
    scope: &Scope<'_>,
    method: &str,
    url: &Url,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, AwsError> {
    let identity = identity(scope.keys);
    let params = params(&identity, scope.region, scope.service, scope.now, SigningSettings::default())?;
    let request = SignableRequest::new(method, url.as_str(), headers.iter().copied(), SignableBody::Bytes(body));
    let (instructions, _) = sign(request.map_err(bad)?, &params).map_err(bad)?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers.iter().map(|header| (header.name(), header.value().to_owned())).collect())
}

/// A request that somebody else is to make with our signature.
#[derive(Debug, Clone, Copy)]
pub struct Presign<'a> {
    /// The region that it is signed for.
    pub region: &'a str,
    /// The name that is signed.
    pub service: &'a str,
    /// The time of the signature.
    pub now: Timestamp,
    /// How long it holds.
    pub expires: Duration,
    /// Headers that whoever makes it must send.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Signs a GET of `url` in its query. The result grants what the keys do for that one request: treat it as a secret.
///
/// # Errors
/// [`AwsError::BadRequest`].
pub fn presign(keys: &Keys, url: &Url, options: &Presign<'_>) -> Result<Url, AwsError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(options.expires);
    let identity = identity(keys);
    let params = params(&identity, options.region, options.service, options.now, settings)?;
    let request = SignableRequest::new("GET", url.as_str(), options.headers.iter().copied(), SignableBody::Bytes(&[]));
    let (instructions, _) = sign(request.map_err(bad)?, &params).map_err(bad)?.into_parts();
    let (_, added) = instructions.into_parts();
    let added = query(added.iter().map(|(name, value)| (*name, value.as_ref())));
    let mut url = url.clone();
    let whole = match url.query() {
        Some(before) if !before.is_empty() => format!("{before}&{added}"),
        _ => added,
    };
    url.set_query(Some(&whole));
    Ok(url)
}
