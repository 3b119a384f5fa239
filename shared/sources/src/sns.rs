//! Amazon SNS over HTTPS: what it signs, and with which certificate.
//! (Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".)
//!
//! The signature is over fields of the body, so this is the one scheme that reads a body before its sender is proven. It
//! reads flat texts, asks first whether the topic is one of the source's, and names nothing to fetch that the pinned
//! topic does not name: of `SigningCertURL` only the file's name is taken.

use std::sync::LazyLock;

use base64::Engine;
use catalog::model::{Scheme, Source, TopicArn};
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
    pem::PemObject,
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use serde_json::{Map, Value};
use webpki::{
    EndEntityCert, KeyUsage,
    ring::{
        ECDSA_P256_SHA256, ECDSA_P384_SHA384, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
        RSA_PKCS1_2048_8192_SHA512,
    },
};

use crate::{
    signature::{BASE64, TOLERANCE},
    verify::{Inbound, Refusal, VerifiedPayload},
};

/// How long SNS tries to deliver a message: the most that a delivery policy allows (Developer Guide, "Amazon SNS message
/// delivery retries").
const RETRIES: SignedDuration = SignedDuration::from_hours(1);

const RAW_DELIVERY: HeaderName = HeaderName::from_static("x-amz-sns-rawdelivery");

/// Nothing of a header is signed, so a proven message has none.
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// A message to one of a source's topics, by its own word: nothing of it is proven yet.
#[derive(Debug)]
pub struct SnsMessage<'a> {
    raw: &'a [u8],
    topic: &'a TopicArn,
    certificate_path: String,
    signed: String,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    signature: Vec<u8>,
    token: Option<String>,
}

/// A subscription that a proven message asks to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation<'m> {
    /// The topic.
    pub topic: &'m TopicArn,
    /// What SNS wants to see again.
    pub token: &'m str,
}

/// Reads the message of a request to `source`, and refuses what no certificate could make right. Fetches nothing.
///
/// # Errors
/// [`Refusal`].
pub fn sns<'a>(source: &'a Source, request: Inbound<'a>, now: Timestamp) -> Result<SnsMessage<'a>, Refusal> {
    if source.scheme() != Some(Scheme::Sns) || !source.source_type.schemes().contains(&Scheme::Sns) {
        return Err(Refusal::Unusable { reason: "it is not verified by `sns`".to_owned() });
    }
    if request.headers.contains_key(RAW_DELIVERY) {
        return Err(Refusal::RawDelivery);
    }
    let Ok(Value::Object(message)) = serde_json::from_slice(request.raw) else { return Err(Refusal::Unproven) };
    let topic = text(&message, "TopicArn").ok_or(Refusal::Unproven)?;
    let pinned = source.verify.topics.iter().find(|pinned| pinned.as_str() == topic);
    let topic = pinned.ok_or(Refusal::OtherTopic)?;
    let algorithm: &dyn SignatureVerificationAlgorithm = match text(&message, "SignatureVersion") {
        Some("1") => &Sha1,
        Some("2") => RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(Refusal::Unproven),
    };
    let sent_at: Timestamp = text(&message, "Timestamp").and_then(|time| time.parse().ok()).ok_or(Refusal::Unproven)?;
    let age = now.duration_since(sent_at);
    if age > RETRIES + TOLERANCE || age < -TOLERANCE {
        return Err(Refusal::Stale);
    }
    // Lambda spells it so.
    let url = text(&message, "SigningCertURL").or_else(|| text(&message, "SigningCertUrl"));
    let certificate_path = url.and_then(|url| file_of(url, topic)).ok_or(Refusal::Unproven)?;
    let signature = text(&message, "Signature").and_then(|signature| BASE64.decode(signature).ok());
    Ok(SnsMessage {
        raw: request.raw,
        topic,
        certificate_path,
        signed: string_to_sign(&message).ok_or(Refusal::Unproven)?,
        algorithm,
        signature: signature.ok_or(Refusal::Unproven)?,
        token: text(&message, "Token")
            .filter(|_| text(&message, "Type") == Some("SubscriptionConfirmation"))
            .map(str::to_owned),
    })
}

impl<'a> SnsMessage<'a> {
    /// The host of SNS where the pinned topic is.
    #[must_use]
    pub fn host(&self) -> String {
        self.topic.host()
    }

    /// The certificate's path on [`Self::host`].
    #[must_use]
    pub fn certificate_path(&self) -> &str {
        &self.certificate_path
    }

    /// Proves the message with what was fetched from [`Self::host`].
    ///
    /// The certificate must be SNS's by its name, made for servers, within its dates, and its key must have signed the
    /// message. SNS serves it without the authorities between it and a root, so its own chain cannot be followed. What
    /// stands in for that is the connection on which it came: TLS, to exactly the host that the pinned topic names,
    /// under the few roots of Amazon Trust Services, which are also those that this certificate hangs on. Where SNS sends
    /// authorities with it, nothing is gained by following them: whoever can answer on that connection is SNS.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`].
    pub fn proven(&self, pem: &str, now: Timestamp) -> Result<VerifiedPayload<'a>, Refusal> {
        self.fits(pem, now).ok_or(Refusal::Mismatch)?;
        Ok(VerifiedPayload::new(self.raw, &NO_HEADERS))
    }

    /// The subscription that the message asks to confirm. Only of a proven message.
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation<'_>> {
        let token = self.token.as_deref().filter(|token| !token.is_empty())?;
        Some(Confirmation { topic: self.topic, token })
    }

    fn fits(&self, pem: &str, now: Timestamp) -> Option<()> {
        let certificate = CertificateDer::pem_slice_iter(pem.as_bytes()).next()?.ok()?;
        let certificate = EndEntityCert::try_from(&certificate).ok()?;
        certificate.valid_dns_names().find(|name| is_name_of_sns(name))?;
        let since = std::time::Duration::from_secs(u64::try_from(now.as_second()).ok()?);
        let (time, usage) = (UnixTime::since_unix_epoch(since), KeyUsage::server_auth());
        // Dates, usage and form are judged before any issuer is looked for, and there is none to be found.
        match certificate.verify_for_usage(CHAIN, &[], &[], time, usage, None, None) {
            Err(webpki::Error::UnknownIssuer) => {}
            _ => return None,
        }
        certificate.verify_signature(self.algorithm, self.signed.as_bytes(), &self.signature).ok()
    }
}

/// What a certificate may be signed by.
static CHAIN: &[&dyn SignatureVerificationAlgorithm] = &[
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
];

/// `sns.amazonaws.com`, or one with the region in it, as some partitions have it.
fn is_name_of_sns(name: &str) -> bool {
    let name = name.strip_suffix(".cn").unwrap_or(name);
    let first = name.strip_suffix(".amazonaws.com").and_then(|rest| rest.split('.').next());
    first.is_some_and(|first| first == "sns" || first.starts_with("sns-"))
}

/// The path of a certificate's URL: one file `*.pem`, over HTTPS, on the host of `topic`. A wider pattern of hosts would
/// let in those of buckets that anybody can own.
fn file_of(url: &str, topic: &TopicArn) -> Option<String> {
    let path = url.strip_prefix("https://")?.strip_prefix(topic.host().as_str())?;
    let stem = path.strip_prefix('/')?.strip_suffix(".pem")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    ((1..=128).contains(&stem.len()) && stem.bytes().all(plain)).then(|| path.to_owned())
}

fn text<'v>(message: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    message.get(key)?.as_str()
}

/// Name and value of what is signed, a line each, in the order of the names. A subject that is absent or null is left out.
fn string_to_sign(message: &Map<String, Value>) -> Option<String> {
    let keys: &[&str] = match text(message, "Type")? {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return None,
    };
    let mut signed = String::new();
    for key in keys {
        if *key == "Subject" && message.get(*key).is_none_or(Value::is_null) {
            continue;
        }
        for line in [*key, text(message, key)?] {
            signed.push_str(line);
            signed.push('\n');
        }
    }
    Some(signed)
}

/// SHA-1 with RSA: what signature version 1 is, which topics have as long as nobody gives them version 2. It is broken for
/// whoever can choose both of two messages; here SNS writes every signed text, ids and times among it.
#[derive(Debug)]
struct Sha1;

impl SignatureVerificationAlgorithm for Sha1 {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, public_key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // sha1WithRSAEncryption, RFC 8017.
        AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00])
    }
}

/// What AWS itself invoked the function with, for a source whose proof is that only AWS may do so (`scheme: iam`). No
/// request that came over HTTP may be given here.
///
/// # Errors
/// [`Refusal::Unusable`] when the source has another scheme.
pub fn invoked<'a>(source: &Source, event: &'a [u8]) -> Result<VerifiedPayload<'a>, Refusal> {
    if source.scheme() == Some(Scheme::Iam) && source.source_type.schemes().contains(&Scheme::Iam) {
        Ok(VerifiedPayload::new(event, &NO_HEADERS))
    } else {
        Err(Refusal::Unusable { reason: "it is not verified by `iam`".to_owned() })
    }
}
