use std::sync::Arc;

use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};

use crate::{Endpoint, Fault, Inbox, Service};

/// 2027-01-15 08:00:00 UTC.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

async fn start() -> Inbox {
    Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fixed)).await.unwrap()
}

/// What stands in the header of a signed request.
fn signature(scope: &str) -> String {
    let hash = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/{scope}/aws4_request, SignedHeaders=host;x-amz-date, Signature={hash}"
    )
}

/// The status, the code and the message.
async fn send(inbox: &Inbox, authorization: &str, date: &str, body: &Value) -> (u16, String, Value) {
    // Everything here is plain HTTP; the builder still wants to know whose TLS it would use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/v2/email/outbound-emails", inbox.ses())).json(body);
    let answer = request.header("authorization", authorization).header("x-amz-date", date).send().await.unwrap();
    let code = answer.headers().get("x-amzn-errortype").map_or("", |code| code.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), code, answer.json().await.unwrap())
}

async fn mail(inbox: &Inbox, body: &Value) -> (u16, String, Value) {
    send(inbox, &signature("20270115/eu-central-1/ses"), "20270115T080000Z", body).await
}

fn body() -> Value {
    json!({
        "FromEmailAddress": "Firstlook <firstlook@example.com>",
        "Destination": { "ToAddresses": ["oncall@example.org"] },
        "Content": { "Simple": {
            "Subject": { "Data": "All is well" },
            "Body": { "Text": { "Data": "All is well" } },
            "Headers": [{ "Name": "References", "Value": "<x@example.com>" }],
        } },
    })
}

#[tokio::test]
async fn a_mail_is_taken_as_ses_takes_it() {
    let inbox = start().await;
    let (status, _, answer) = mail(&inbox, &body()).await;
    assert_eq!(status, 200, "{answer}");
    let posts = inbox.posts();
    assert_eq!((posts.len(), posts[0].service, posts[0].place.as_str()), (1, Service::Email, "oncall@example.org"));
    assert_eq!(answer["MessageId"], posts[0].id.as_str());
}

#[tokio::test]
async fn what_is_not_signed_for_ses_is_refused() {
    let inbox = start().await;
    let now = "20270115T080000Z";
    for (authorization, date, code) in [
        ("", now, "MissingAuthenticationTokenException"),
        ("Bearer x", now, "IncompleteSignatureException"),
        (&signature("20270115/eu-central-1/sqs"), now, "InvalidSignatureException"),
        (&signature("20270115/eu-central-1/ses"), "20270115T075000Z", "InvalidSignatureException"),
        (&signature("20270114/eu-central-1/ses"), now, "InvalidSignatureException"),
        (&signature("20270115/eu-central-1/ses").replace("x-amz-date", "x"), now, "IncompleteSignatureException"),
    ] {
        let (status, said, _) = send(&inbox, authorization, date, &body()).await;
        assert_eq!((status, said.as_str()), (403, code), "{authorization} {date}");
    }
    assert!(inbox.posts().is_empty());
}

#[tokio::test]
async fn what_ses_refuses_is_refused_with_its_codes() {
    let inbox = start().await;
    let with = |pointer: &str, value: Value| {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let header = |name: &str, value: &str| json!([{ "Name": name, "Value": value }]);
    for wrong in [
        with("/FromEmailAddress", json!("firstlook")),
        with("/Destination/ToAddresses", json!([])),
        with("/Destination/ToAddresses", json!(["a b@example.org"])),
        with("/Destination/ToAddresses", json!(vec!["a@example.org"; 51])),
        with("/Content/Simple/Subject/Data", json!("a\r\nBcc: b@example.org")),
        with("/Content/Simple/Body", json!({})),
        with("/Content/Simple/Body/Text/Data", json!("x".repeat(32 * 1024 * 1024))),
        with("/Content/Simple/Headers", header("Message-ID", "<x@example.com>")),
        with("/Content/Simple/Headers", header("X-A", "b\r\nc")),
        with("/Content/Simple/Headers", header("X-A", &"b".repeat(871))),
    ] {
        let (status, code, answer) = mail(&inbox, &wrong).await;
        assert_eq!((status, code.as_str()), (400, "BadRequestException"), "{answer}");
    }
    for gone in ["example.com", "firstlook@example.com", "oncall@example.org"] {
        let inbox = start().await;
        inbox.remove_incident(gone);
        let (status, code, answer) = mail(&inbox, &body()).await;
        assert_eq!((status, code.as_str()), (400, "MessageRejected"), "{gone}");
        assert!(answer["message"].as_str().unwrap().contains("in region EU-CENTRAL-1: "), "{answer}");
    }
    inbox.fault(Endpoint::Post(Service::Email), Fault::SlackError("SendingPausedException: Sending is paused"));
    let (status, code, answer) = mail(&inbox, &body()).await;
    assert_eq!(
        (status, code.as_str(), &answer["message"]),
        (400, "SendingPausedException", &json!("Sending is paused"))
    );
    inbox.fault(Endpoint::Post(Service::Email), Fault::Status { status: 429, retry_after: None });
    let (status, code, _) = mail(&inbox, &body()).await;
    assert_eq!((status, code.as_str()), (429, "TooManyRequestsException"));
    assert!(inbox.posts().is_empty());
}
