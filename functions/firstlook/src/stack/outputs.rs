//! What a stack says of itself: `DescribeStacks` of CloudFormation, one signed call. The SDK has a crate for it, which is
//! the largest of those that would be linked here, for one action.
//!
//! Facts: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>.

use std::{collections::BTreeMap, error::Error, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use firstlook_aws::AwsEnv;
use ports::{Clock, SystemClock};
use url::Url;

use crate::send;

const TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Why there are no outputs.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// CloudFormation did not give them.
    #[error("AWS answered {status} {code}: {message}")]
    Refused {
        /// HTTP's.
        status: u16,
        /// AWS's, such as `ValidationError`: there is no such stack.
        code: String,
        /// What AWS says of it.
        message: String,
    },
    /// The stack is not one of Firstlook's.
    #[error("it has no output `{output}`")]
    NotThere {
        /// Its name.
        output: &'static str,
    },
    /// CloudFormation cannot be asked.
    #[error("CloudFormation cannot be asked")]
    Call(#[source] Box<dyn Error + Send + Sync>),
}

/// The outputs of `stack`. Needs `cloudformation:DescribeStacks`.
///
/// # Errors
/// [`OutputsError::Refused`] and [`OutputsError::Call`].
pub async fn of_stack(env: &AwsEnv, stack: &str) -> Result<BTreeMap<String, String>, OutputsError> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "DescribeStacks")
        .append_pair("Version", "2010-05-15")
        .append_pair("StackName", stack)
        .finish();
    let url = endpoint(env).map_err(|error| OutputsError::Call(error.into()))?;
    let headers = signed(env, &url, &form).map_err(OutputsError::Call)?;
    let asked = send::post(&url, headers, form.into_bytes(), env.ca_bundle.clone()).await;
    let (status, text) = asked.map_err(|error| OutputsError::Call(error.into()))?;
    if status == 200 {
        return Ok(outputs(&text));
    }
    let said = |tag| first(&text, tag).unwrap_or_else(|| "nothing".to_owned());
    Err(OutputsError::Refused { status, code: said("Code"), message: said("Message") })
}

/// The output `name`.
///
/// # Errors
/// [`OutputsError::NotThere`].
pub fn one(outputs: &BTreeMap<String, String>, name: &'static str) -> Result<String, OutputsError> {
    outputs.get(name).cloned().ok_or(OutputsError::NotThere { output: name })
}

fn endpoint(env: &AwsEnv) -> Result<Url, url::ParseError> {
    let suffix = if env.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let own = format!("https://cloudformation.{}.{suffix}", env.region);
    Url::parse(env.endpoint_url.as_deref().unwrap_or(&own))
}

type Headers = Vec<(String, String)>;

fn signed(env: &AwsEnv, url: &Url, form: &str) -> Result<Headers, Box<dyn Error + Send + Sync>> {
    let token = env.session_token.as_ref().map(|token| token.expose().to_owned());
    let identity =
        Credentials::new(&env.access_key_id, env.secret_access_key.expose(), token, None, "environment").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&env.region)
        .name("cloudformation")
        .time(SystemTime::from(SystemClock.now()))
        .settings(SigningSettings::default())
        .build()?;
    let body = SignableBody::Bytes(form.as_bytes());
    let request = SignableRequest::new("POST", url.as_str(), [("content-type", TYPE)].into_iter(), body)?;
    let (instructions, _) = sign(request, &params.into())?.into_parts();
    let (headers, _) = instructions.into_parts();
    let signed = headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned()));
    Ok(std::iter::once(("content-type".to_owned(), TYPE.to_owned())).chain(signed).collect())
}

/// The pairs of `<OutputKey>` and `<OutputValue>`. Inside a `<member>` they stand in any order, and beside others.
fn outputs(xml: &str) -> BTreeMap<String, String> {
    let Some(list) = element(xml, "Outputs") else { return BTreeMap::new() };
    list.split("</member>")
        .filter_map(|member| Some((first(member, "OutputKey")?, first(member, "OutputValue")?)))
        .collect()
}

/// The text of the first `<tag>`.
fn first(xml: &str, tag: &str) -> Option<String> {
    let text = element(xml, tag)?;
    // `&amp;` is last, since it makes what the others are made of.
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(text.trim().to_owned(), |text, (entity, letter)| text.replace(entity, letter)))
}

fn element<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_in_any_order_and_unescaped() {
        let answer = r#"<?xml version="1.0"?>
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
  <Parameters><member><ParameterKey>ConsoleUrl</ParameterKey><ParameterValue></ParameterValue></member></Parameters>
  <Outputs>
    <member><Description>x</Description><OutputKey>HooksUrl</OutputKey><OutputValue>https://a.example/hooks</OutputValue></member>
    <member><OutputValue>https://b.example/?a=1&amp;b=&amp;lt;</OutputValue><OutputKey>ConsoleUrl</OutputKey></member>
  </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;
        let outputs = outputs(answer);
        assert_eq!(outputs.len(), 2, "{outputs:?}");
        assert_eq!(one(&outputs, "HooksUrl").unwrap(), "https://a.example/hooks");
        assert_eq!(one(&outputs, "ConsoleUrl").unwrap(), "https://b.example/?a=1&b=&lt;");
        assert!(matches!(one(&outputs, "SecretArn"), Err(OutputsError::NotThere { output: "SecretArn" })));
        assert!(super::outputs("<Stacks/>").is_empty() && super::outputs("no XML").is_empty());
    }

    #[test]
    fn the_region_says_where_to_ask_unless_something_else_does() {
        let at = |region: &'static str, endpoint: Option<&'static str>| {
            let env = AwsEnv::read(|name| match name {
                "AWS_ENDPOINT_URL" => endpoint.map(str::to_owned),
                "AWS_REGION" => Some(region.to_owned()),
                "AWS_CA_BUNDLE" | "AWS_SESSION_TOKEN" => None,
                _ => Some("x".to_owned()),
            });
            super::endpoint(&env.unwrap()).unwrap().to_string()
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
        let Ok(headers) = signed(&env, &endpoint(&env).unwrap(), "Action=DescribeStacks") else { panic!("unsigned") };
        let of = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
        assert!(of("authorization").unwrap().contains("aws_region/cloudformation/aws4_request"), "{headers:?}");
        assert_eq!(of("x-amz-security-token"), Some("aws_session_token"));
        assert!(!format!("{headers:?}").contains("hunter2"));
    }
}
