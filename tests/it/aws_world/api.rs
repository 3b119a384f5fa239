//! Signed calls of the AWS APIs for which no SDK crate is linked: S3, CloudFormation, CloudTrail, Lambda, EventBridge and
//! CloudWatch Logs.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use jiff::Timestamp;
use serde_json::{Value, json};

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
    pub fn new(url: String, client: reqwest::Client) -> Self {
        Self { url, client }
    }

    /// Puts an object, or makes a bucket where the path has one part.
    pub async fn put(&self, path: &str, body: Vec<u8>) {
        let (status, text) = self.call("s3", "PUT", path, &[("content-type", "application/zip")], body).await;
        assert!(status < 300, "S3: PUT {path}: {status}\n{text}");
    }

    /// Calls CloudFormation; its XML answer, or what it refused with.
    pub async fn cloudformation(&self, action: &str, parameters: &[(String, String)]) -> Result<String, String> {
        // In a scope of its own: it cannot go from thread to thread with what is awaited below.
        let body = {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", action).append_pair("Version", "2010-05-15");
            form.extend_pairs(parameters).finish().into_bytes()
        };
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        match self.call("cloudformation", "POST", "/", &headers, body).await {
            (200, text) => Ok(text),
            (status, text) => Err(format!("CloudFormation: {action}: {status}\n{text}")),
        }
    }

    /// What stands in a log group, oldest first.
    pub async fn log(&self, group: &str) -> Vec<String> {
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Logs_20140328.FilterLogEvents")];
        let body = json!({ "logGroupName": group, "limit": 10_000 }).to_string().into_bytes();
        let (_, text) = self.call("logs", "POST", "/", &headers, body).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["message"].as_str()).map(|line| line.trim_end().to_owned()).collect()
    }

    /// Calls EventBridge.
    pub async fn event_bridge(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSEvents.{action}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let (status, text) = self.call("events", "POST", "/", &headers, body.to_string().into_bytes()).await;
        assert_eq!(status, 200, "EventBridge: {action}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Whether CloudTrail keeps what is called from now on. A switch of the emulator's: AWS's own keeps it always.
    pub async fn trail(&self, keeps: bool) {
        let body = json!({ "cloudtrail._recording_enabled": keeps.to_string() }).to_string();
        let request = self.client.post(format!("{}/_ministack/config", self.url)).body(body);
        let answer = request.header("content-type", "application/json").send().await.expect("an answer");
        assert!(answer.status().is_success(), "CloudTrail: {answer:?}");
    }

    /// What the root user has called since `start`, of the newest 50 calls: service and operation, and whether it only reads.
    pub async fn called_since(&self, start: Timestamp) -> Vec<(String, bool)> {
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "CloudTrail_20131101.LookupEvents")];
        let body = json!({ "StartTime": start.as_second(), "MaxResults": 50 }).to_string().into_bytes();
        let (status, text) = self.call("cloudtrail", "POST", "/", &headers, body).await;
        assert_eq!(status, 200, "CloudTrail: {text}");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let by_root = answer["Events"].as_array().into_iter().flatten().filter(|event| event["Username"] == ROOT);
        let call = |event: &Value| {
            let whole: Value =
                serde_json::from_str(event["CloudTrailEvent"].as_str().expect("an event")).expect("JSON");
            // The emulator names what is asked by a form after its service, and guesses the name of a GET.
            let form = whole["requestParameters"]["Action"].as_str();
            let operation = form.or_else(|| event["EventName"].as_str()).unwrap_or_default();
            let words = ["Describe", "Get", "List", "Query"];
            let reads = event["ReadOnly"] == "true" || words.iter().any(|word| operation.starts_with(word));
            (format!("{} {operation}", event["EventSource"].as_str().unwrap_or_default()), reads)
        };
        by_root.map(call).collect()
    }

    /// Lets SES send in the name of `domain` and of those below it.
    pub async fn verify_domain(&self, domain: &str) {
        let body = json!({ "EmailIdentity": domain }).to_string().into_bytes();
        let headers = [("content-type", "application/json")];
        let (status, text) = self.call("ses", "POST", "/v2/email/identities", &headers, body).await;
        assert_eq!(status, 200, "SES: {text}");
    }

    /// The mails that SES was told to send and that hold `text`. The emulator keeps them for who asks.
    pub async fn mails_with(&self, text: &str) -> Vec<Value> {
        let request = self.client.get(format!("{}/_ministack/ses/messages", self.url)).send();
        let sent: Value = request.await.expect("an answer").json().await.expect("JSON");
        let mails = sent["messages"].as_object().into_iter().flat_map(|accounts| accounts.values());
        let mails = mails.flat_map(|of_account| of_account.as_array().cloned().unwrap_or_default());
        mails.filter(|mail| mail.to_string().contains(text)).collect()
    }

    /// The ARN of a topic of this name, which is made where there is none.
    pub async fn topic(&self, name: &str) -> String {
        let body = format!("Action=CreateTopic&Version=2010-03-31&Name={name}").into_bytes();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, text) = self.call("sns", "POST", "/", &headers, body).await;
        assert_eq!(status, 200, "SNS: {text}");
        texts(&text, "TopicArn").first().map(|arn| (*arn).to_owned()).expect("an ARN")
    }

    /// Invokes a function with an event that nobody waits for; 202 says that Lambda has it.
    pub async fn invoke(&self, function: &str, alias: &str, event: Vec<u8>) -> u16 {
        let path = format!("/2015-03-31/functions/{function}/invocations?Qualifier={alias}");
        let headers = [("content-type", "application/json"), ("x-amz-invocation-type", "Event")];
        self.call("lambda", "POST", &path, &headers, event).await.0
    }

    async fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (u16, String) {
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
        let request = SignableRequest::new(method, &url, headers.iter().copied(), signable);
        let signed = sign(request.expect("a request"), &params.into()).expect("a signature");
        let (instructions, _) = signed.into_parts();
        let mut request = http::Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).expect("a request");
        instructions.apply_to_request_http1x(&mut request);
        let (head, ()) = request.into_parts();
        let sent = self.client.request(head.method, &url).headers(head.headers).body(body).send().await;
        let answer = sent.unwrap_or_else(|error| panic!("{service}: {error:?}"));
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }
}

/// The texts between `<tag>` and `</tag>`, in order.
pub fn texts<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(text, _)| text)).collect()
}
