//! Signed calls of the services of AWS whose SDK crates would be linked here for one action each.

use std::{error::Error, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use firstlook_aws::AwsEnv;
use ports::{Clock, SystemClock};
use url::Url;

use crate::send;

type Failed = Box<dyn Error + Send + Sync>;

/// Posts `body` to `service` (its name in host names and in signatures); the status and the answer's text. `path` may have a
/// query.
///
/// # Errors
/// When there is no answer.
pub async fn post(
    env: &AwsEnv,
    service: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<(u16, String), Failed> {
    let url = endpoint(env, service)?.join(path)?;
    let headers = signed(env, service, &url, headers, &body)?;
    Ok(send::post(&url, headers, body, env.ca_bundle.clone()).await?)
}

fn endpoint(env: &AwsEnv, service: &str) -> Result<Url, url::ParseError> {
    let suffix = if env.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let own = format!("https://{service}.{}.{suffix}", env.region);
    Url::parse(env.endpoint_url.as_deref().unwrap_or(&own))
}

fn signed(
    env: &AwsEnv,
    service: &str,
    url: &Url,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<(String, String)>, Failed> {
    let token = env.session_token.as_ref().map(|token| token.expose().to_owned());
    let identity =
        Credentials::new(&env.access_key_id, env.secret_access_key.expose(), token, None, "environment").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&env.region)
        .name(service)
        .time(SystemTime::from(SystemClock.now()))
        .settings(SigningSettings::default())
        .build()?;
    let request = SignableRequest::new("POST", url.as_str(), headers.iter().copied(), SignableBody::Bytes(body))?;
    let (instructions, _) = sign(request, &params.into())?.into_parts();
    let (made, _) = instructions.into_parts();
    let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(own.chain(made.iter().map(|header| (header.name().to_owned(), header.value().to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_says_where_to_ask_unless_something_else_does() {
        let at = |region: &'static str, endpoint: Option<&'static str>| {
            let env = AwsEnv::read(|name| match name {
                "AWS_ENDPOINT_URL" => endpoint.map(str::to_owned),
                "AWS_REGION" => Some(region.to_owned()),
                "AWS_CA_BUNDLE" | "AWS_SESSION_TOKEN" => None,
                _ => Some("x".to_owned()),
            });
            super::endpoint(&env.unwrap(), "cloudformation").unwrap().to_string()
        };
        assert_eq!(at("eu-central-1", None), "https://cloudformation.eu-central-1.amazonaws.com/");
        assert_eq!(at("cn-north-1", None), "https://cloudformation.cn-north-1.amazonaws.com.cn/");
        assert_eq!(at("eu-central-1", Some("http://127.0.0.1:4566")), "http://127.0.0.1:4566/");
    }

    #[test]
    fn i9_the_call_carries_a_signature_and_no_key() {
        let env = AwsEnv::read(|name| match name {
            "AWS_ENDPOINT_URL" | "AWS_CA_BUNDLE" => None,
            "AWS_SECRET_ACCESS_KEY" => Some("hunter2".to_owned()),
            other => Some(other.to_lowercase()),
        })
        .unwrap();
        let url = endpoint(&env, "cloudformation").unwrap();
        let Ok(headers) =
            signed(&env, "cloudformation", &url, &[("content-type", "text/plain")], b"Action=DescribeStacks")
        else {
            panic!("unsigned")
        };
        let of = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        assert!(of("authorization").unwrap().contains("aws_region/cloudformation/aws4_request"), "{headers:?}");
        assert_eq!(of("x-amz-security-token"), Some("aws_session_token"));
        assert!(!format!("{headers:?}").contains("hunter2"));
    }
}
