//! Messages of SNS: real ones, and our own, signed with a key that signs nothing else.

use base64::{Engine, engine::general_purpose::STANDARD};
use catalog::model::Source;
use firstlook_sources::{Inbound, Refusal, VerifiedPayload, invoked, sns, verify};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use pki_types::pem::PemObject;
use proptest::prelude::*;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use crate::support::{captures, headers, now, source};

const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";

fn pinned(topics: &[&str]) -> Source {
    source(json!({"name": "alarms", "type": "cloudwatch", "verify": {"topics": topics}}))
}

/// Whether the message is let in, by a certificate that is at hand.
fn let_in(source: &Source, body: &[u8], pem: &str, at: Timestamp) -> Result<(), Refusal> {
    let headers = HeaderMap::new();
    let message = sns(source, Inbound { headers: &headers, query: None, raw: body }, at)?;
    message.proven(pem, at).map(|_: VerifiedPayload<'_>| ())
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn changed(body: &Value, key: &str, value: impl Into<Value>) -> Vec<u8> {
    let mut body = body.clone();
    body[key] = value.into();
    body.to_string().into_bytes()
}

/// A file, the source that takes it, the message, and when it was sent.
type Vector = (String, Source, Value, Timestamp);

/// The published vectors, each with the source that takes it and the time at which it was sent.
fn vectors() -> Option<(String, Vec<Vector>)> {
    let files = captures("aws_sns_cloudwatch");
    let pem = files.iter().find(|(name, _)| name == "signed_vectors_cert.pem.txt")?.1.clone();
    let signed = files.iter().filter(|(name, _)| name.starts_with("signed_") && name.ends_with(".json"));
    let vectors: Vec<_> = signed
        .map(|(name, body)| {
            let message = json_of(body);
            let sent = message["Timestamp"].as_str().unwrap().parse().unwrap();
            (name.clone(), pinned(&[message["TopicArn"].as_str().unwrap()]), message, sent)
        })
        .collect();
    assert_eq!(vectors.len(), 6);
    Some((String::from_utf8(pem).unwrap(), vectors))
}

#[test]
fn i1_the_published_vectors_verify() {
    let Some((pem, vectors)) = vectors() else { return };
    for (name, source, message, sent) in vectors {
        assert_eq!(let_in(&source, message.to_string().as_bytes(), &pem, sent), Ok(()), "{name}");
    }
}

#[test]
fn i1_the_published_vectors_with_one_byte_changed_are_refused() {
    let Some((pem, vectors)) = vectors() else { return };
    let der = pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    for (name, source, message, sent) in vectors {
        let body = message.to_string().into_bytes();
        for key in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Signature"] {
            let Some(value) = message[key].as_str() else { continue };
            for at in 0..value.len() {
                let mut bytes = value.as_bytes().to_vec();
                bytes[at] ^= 1;
                let text = String::from_utf8(bytes).unwrap();
                // Padding has bits that say nothing.
                if STANDARD.decode(&text).is_ok() && STANDARD.decode(&text).ok() == STANDARD.decode(value).ok() {
                    continue;
                }
                let refused = let_in(&source, &changed(&message, key, text), &pem, sent);
                assert!(refused.is_err(), "{name} {key} {at}");
            }
        }
        // A subject where there was none, and none where there was one.
        let other = if message["Subject"].is_string() { Value::Null } else { json!("") };
        assert_eq!(let_in(&source, &changed(&message, "Subject", other), &pem, sent), Err(Refusal::Mismatch), "{name}");
        // The other version is another hash, and there is no third.
        let version = if message["SignatureVersion"] == "1" { "2" } else { "1" };
        let swapped = changed(&message, "SignatureVersion", version);
        assert_eq!(let_in(&source, &swapped, &pem, sent), Err(Refusal::Mismatch), "{name}");
        for version in [json!("0"), json!("3"), json!(""), json!(1), Value::Null] {
            let refused = let_in(&source, &changed(&message, "SignatureVersion", version), &pem, sent);
            assert_eq!(refused, Err(Refusal::Unproven), "{name}");
        }
        // In the certificate: its dates, its key. (What its authority signed of it cannot be followed; `proven` says why.)
        let key = [0x00, 0xba, 0xd1, 0x6a];
        let from = der.windows(4).position(|four| four == key).unwrap() + 1;
        for at in from..from + 256 {
            let mut der = der.to_vec();
            der[at] ^= 1;
            let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
            assert_eq!(let_in(&source, &body, &pem, sent), Err(Refusal::Mismatch), "{name} certificate {at}");
        }
        assert_eq!(let_in(&pinned(&[TOPIC]), &body, &pem, sent), Err(Refusal::OtherTopic), "{name}");
    }
}

struct Signer {
    key: KeyPair,
    sign: ring::signature::RsaKeyPair,
}

fn signer() -> Signer {
    let der = include_bytes!("../sns/key.pk8").as_slice();
    Signer {
        key: KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_RSA_SHA256).unwrap(),
        sign: ring::signature::RsaKeyPair::from_pkcs8(der).unwrap(),
    }
}

impl Signer {
    fn certificate(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        params.self_signed(&self.key).unwrap().pem()
    }

    fn usual(&self) -> String {
        self.certificate("sns.amazonaws.com", |_| {})
    }

    /// Signs a notification with these changes.
    fn notification(&self, changes: &[(&str, Value)]) -> Value {
        let mut message = json!({
            "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": "{}",
            "Timestamp": now().to_string(), "SignatureVersion": "2",
            "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        });
        for (key, value) in changes {
            message[*key] = value.clone();
        }
        let mut signed = String::new();
        for key in ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"] {
            if let Some(value) = message[key].as_str() {
                signed.push_str(&format!("{key}\n{value}\n"));
            }
        }
        let mut signature = vec![0; self.sign.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        self.sign.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
        message["Signature"] = STANDARD.encode(signature).into();
        message
    }
}

fn taken(changes: &[(&str, Value)], pem: &str) -> Result<(), Refusal> {
    let_in(&pinned(&[TOPIC]), signer().notification(changes).to_string().as_bytes(), pem, now())
}

#[test]
fn i1_only_a_certificate_of_sns_within_its_dates_proves_anything() {
    let signer = signer();
    assert_eq!(taken(&[], &signer.usual()), Ok(()));
    for name in ["sns.eu-central-1.amazonaws.com", "sns-us-gov-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"]
    {
        assert_eq!(taken(&[], &signer.certificate(name, |_| {})), Ok(()), "{name}");
    }
    for name in
        ["example.com", "sns.example.com", "ec2.amazonaws.com", "snsx.amazonaws.com", "sns.amazonaws.com.example"]
    {
        assert_eq!(taken(&[], &signer.certificate(name, |_| {})), Err(Refusal::Mismatch), "{name}");
    }
    let odd = [
        signer.certificate("sns.amazonaws.com", |params| params.not_before = rcgen::date_time_ymd(2026, 3, 3)),
        signer.certificate("sns.amazonaws.com", |params| params.not_after = rcgen::date_time_ymd(2026, 3, 1)),
        signer.certificate("sns.amazonaws.com", |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        }),
        String::new(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
    ];
    for pem in odd {
        assert_eq!(taken(&[], &pem), Err(Refusal::Mismatch), "{pem}");
    }
}

#[test]
fn i1_a_certificate_is_looked_for_nowhere_but_at_the_host_of_the_pinned_topic() {
    let (source, signer, headers) = (pinned(&[TOPIC]), signer(), HeaderMap::new());
    let asked = |url: Value| {
        let body = signer.notification(&[("SigningCertURL", url)]).to_string();
        let message = sns(&source, Inbound { headers: &headers, query: None, raw: body.as_bytes() }, now())?;
        Ok::<_, Refusal>(format!("{}{}", message.host(), message.certificate_path()))
    };
    let good = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem";
    assert_eq!(format!("https://{}", asked(json!(good)).unwrap()), good);
    for url in [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.s3-us-west-2.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.example/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://user@sns.eu-central-1.amazonaws.com/a.pem",
        "https://evil.example/https://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a/../b.pem",
        "https://sns.eu-central-1.amazonaws.com/%2e%2e/b.pem",
        "https://sns.eu-central-1.amazonaws.com/?Action=x&y=.pem",
        "https://sns.eu-central-1.amazonaws.com/a.pem?x",
        "https://sns.eu-central-1.amazonaws.com/a.pem#x",
        "https://sns.eu-central-1.amazonaws.com/a.crt",
        "https://sns.eu-central-1.amazonaws.com/.pem",
        "https://SNS.eu-central-1.amazonaws.com/a.pem",
        " https://sns.eu-central-1.amazonaws.com/a.pem",
        "",
    ] {
        assert_eq!(asked(json!(url)), Err(Refusal::Unproven), "{url}");
    }
    assert_eq!(asked(Value::Null), Err(Refusal::Unproven));
}

#[test]
fn i1_the_topic_is_asked_for_before_anything_else() {
    let other = json!("arn:aws:sns:eu-central-1:111122223333:others");
    let rogue =
        [("TopicArn", other), ("SignatureVersion", json!("9")), ("SigningCertURL", json!("https://evil.example"))];
    assert_eq!(taken(&rogue, ""), Err(Refusal::OtherTopic));
}

#[test]
fn i1_a_message_older_than_the_retries_of_sns_is_stale() {
    let pem = signer().usual();
    let sent = |minutes| json!((now() - SignedDuration::from_mins(minutes)).to_string());
    for minutes in [-5, 0, 60, 65] {
        assert_eq!(taken(&[("Timestamp", sent(minutes))], &pem), Ok(()), "{minutes}");
    }
    for minutes in [-6, 66, 60 * 24] {
        assert_eq!(taken(&[("Timestamp", sent(minutes))], &pem), Err(Refusal::Stale), "{minutes}");
    }
}

#[test]
fn i1_raw_delivery_is_not_signed_and_says_so() {
    let raw = headers([("x-amz-sns-rawdelivery", "true")]);
    let body = signer().notification(&[]).to_string();
    let source = pinned(&[TOPIC]);
    let refused = sns(&source, Inbound { headers: &raw, query: None, raw: body.as_bytes() }, now());
    assert_eq!(refused.unwrap_err(), Refusal::RawDelivery);
}

#[test]
fn a_confirmation_holds_the_token_and_nothing_to_visit() {
    let headers = HeaderMap::new();
    let source = pinned(&["arn:aws:sns:eu-central-1:111122223333:others", TOPIC]);
    let asks = |kind: &str| {
        let url = json!("https://evil.example/?Action=ConfirmSubscription");
        let changes = [("Type", json!(kind)), ("Token", json!("2336")), ("SubscribeURL", url)];
        let body = signer().notification(&changes).to_string();
        let message = sns(&source, Inbound { headers: &headers, query: None, raw: body.as_bytes() }, now()).unwrap();
        message.proven(&signer().usual(), now()).unwrap();
        message.confirmation().map(|confirmation| (confirmation.topic.to_string(), confirmation.token.to_owned()))
    };
    assert_eq!(asks("SubscriptionConfirmation"), Some((TOPIC.to_owned(), "2336".to_owned())));
    assert_eq!(asks("UnsubscribeConfirmation"), None);
}

#[test]
fn i1_what_aws_hands_over_is_taken_by_its_own_scheme_only() {
    let iam = source(json!({"name": "alarms", "type": "cloudwatch", "verify": {"scheme": "iam"}}));
    assert!(invoked(&iam, b"{}").is_ok());
    let others = [pinned(&[TOPIC]), crate::support::pagerduty()];
    for other in &others {
        assert!(matches!(invoked(other, b"{}"), Err(Refusal::Unusable { .. })));
    }
    // A source that slipped past `check`.
    let odd = source(json!({"name": "x", "type": "pagerduty", "verify": {"scheme": "iam"}}));
    assert!(matches!(invoked(&odd, b"{}"), Err(Refusal::Unusable { .. })));
    let headers = HeaderMap::new();
    for source in [iam, pinned(&[TOPIC])] {
        let request = Inbound { headers: &headers, query: Some("token="), raw: b"{}" };
        assert!(matches!(verify(&source, request, &[domain::Secret::new("x")], now()), Err(Refusal::Unusable { .. })));
    }
}

proptest! {
    #[test]
    fn i1_arbitrary_messages_prove_nothing(body: Vec<u8>, key in "[A-Z][A-Za-z]{0,15}", value: String) {
        let (source, pem) = (pinned(&[TOPIC]), signer().usual());
        prop_assert!(let_in(&source, &body, &pem, now()).is_err());
        let message = signer().notification(&[]);
        let whole = message.to_string();
        if message.get(&key).is_none_or(|old| *old != json!(value)) && message.get(&key).is_some() {
            prop_assert!(let_in(&source, &changed(&message, &key, value), &pem, now()).is_err());
        }
        prop_assert_eq!(let_in(&source, whole.as_bytes(), &pem, now()), Ok(()));
    }

    #[test]
    fn no_certificate_panics(pem: String, der: Vec<u8>) {
        let wrapped = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
        prop_assert!(taken(&[], &pem).is_err());
        prop_assert!(taken(&[], &wrapped).is_err());
    }
}
