//! Signed calls of the AWS APIs for which no SDK crate is linked: S3 and CloudFormation.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};

/// The region of the emulated account.
pub const REGION: &str = "eu-central-1";
/// The emulator's root user.
pub const ROOT: &str = "test";

/// Calls AWS as the root user.
pub struct Api {
    url: String,
    client: reqwest::Client,
}

impl Api {
    /// Calls what answers at `url`.
    pub fn new(url: String) -> Self {
        Self { url, client: super::loopback_client() }
    }

    /// Puts an object, or makes a bucket where the path has one part.
    pub async fn put(&self, path: &str, body: Vec<u8>) {
        let (status, text) = self.call("s3", "PUT", path, "application/zip", body).await;
        assert!(status < 300, "S3: PUT {path}: {status}\n{text}");
    }

    /// Calls CloudFormation; its XML answer, or what it refused with.
    pub async fn cloudformation(&self, action: &str, parameters: &[(String, String)]) -> Result<String, String> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2010-05-15");
        form.extend_pairs(parameters);
        let kind = "application/x-www-form-urlencoded";
        match self.call("cloudformation", "POST", "/", kind, form.finish().into_bytes()).await {
            (200, text) => Ok(text),
            (status, text) => Err(format!("CloudFormation: {action}: {status}\n{text}")),
        }
    }

    async fn call(&self, service: &str, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let url = format!("{}{path}", self.url);
        let identity = Credentials::new(ROOT, ROOT, None, None, "tests").into();
        let mut settings = SigningSettings::default();
        let signable = if service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            SignableBody::UnsignedPayload
        } else {
            SignableBody::Bytes(&body)
        };
        let params = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .expect("signing parameters");
        let request = SignableRequest::new(method, &url, [("content-type", kind)].into_iter(), signable);
        let signed = sign(request.expect("a request"), &params.into()).expect("a signature");
        let (instructions, _) = signed.into_parts();
        let mut request = http::Request::builder().method(method).uri(&url).header("content-type", kind).body(());
        let request = request.as_mut().expect("a request");
        instructions.apply_to_request_http1x(request);
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let sent = self.client.request(method, &url).headers(request.headers().clone()).body(body).send().await;
        let answer = sent.unwrap_or_else(|error| panic!("{service}: {error:?}"));
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }
}

/// The texts between `<tag>` and `</tag>`, in order.
pub fn texts<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(text, _)| text)).collect()
}
