//! A webhook of the team's own, signed by the Standard Webhooks scheme (source: spec/standard-webhooks.md of
//! github.com/standard-webhooks). One POST for each revision, with an id that stays the same when it is repeated.

mod body;
mod incident;
mod known;
mod reading;

use std::time::Duration;

use async_trait::async_trait;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use domain::{Secret, WebhookSpec};
use http::StatusCode;
use jiff::Timestamp;
use ports::{ReadSecret, SetupCheck};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signer};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Http, read_secret},
    setup,
};

pub use body::{
    AlertV1, CAP, CheckedV1, EventV1, FindingV1, GapV1, ReportV1, RunUpdatedV1, RunV1, SeenV1, body, schema,
};
pub use incident::{IncidentV1, PreviousV1, StormV1};
pub use known::{EarlierV1, KnowledgeV1, LastTimeV1, SlxV1, SuppressedV1};
pub use reading::{CauseV1, ClaimV1, CostV1, HypothesisV1, ReadingV1, RuledOutV1};

/// Keys are written with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The least length of a signing key, in bytes, that the scheme allows.
const LEAST_KEY: usize = 24;

/// How long to wait when a receiver asks for it and does not say how long.
const WAIT: Duration = Duration::from_secs(60);

/// A webhook.
pub(crate) struct Webhook {
    pub http: Http,
    pub url: Url,
    pub signers: Vec<Signer>,
}

impl Webhook {
    /// Posts to `url`, signed as `spec` says.
    pub async fn open(http: Http, url: Url, secrets: &dyn ReadSecret, spec: &WebhookSpec) -> Result<Self, OutletError> {
        let live = read_secret(secrets, &spec.secret).await?;
        let signers = live.iter().map(|secret| signer(secret, &spec.secret)).collect::<Result<_, _>>()?;
        Ok(Self { http, url, signers })
    }
}

fn signer(secret: &Secret, key: &str) -> Result<Signer, OutletError> {
    let text = secret.expose();
    let bytes = BASE64.decode(text.strip_prefix("whsec_").unwrap_or(text)).unwrap_or_default();
    if bytes.len() < LEAST_KEY {
        return Err(OutletError::permanent(format!(
            "`{key}` in the secret is not a signing key: it must be `whsec_` and base64 of 24 to 64 random bytes"
        )));
    }
    Signer::from_bytes(bytes).map_err(|_| OutletError::permanent(format!("`{key}` in the secret is not a signing key")))
}

/// Names the revision for the receiver: the same when it is sent again, and another one for each target of the run, since two that
/// lead to one receiver may say different things.
fn message_id(post: &Post<'_>) -> String {
    let (run, target) = (&post.view.run, &post.target.spec);
    let id = format!("msg_{}_{}", run.id, run.revision);
    if target.name == target.outlet.kind() { id } else { format!("{id}_{}", target.name) }
}

/// The headers of the request.
pub(crate) fn headers(post: &Post<'_>, signature: &str) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        (HEADER_WEBHOOK_ID, message_id(post)),
        (HEADER_WEBHOOK_TIMESTAMP, post.now.as_second().to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature.to_owned()),
    ]
}

pub(crate) fn unwritten(error: serde_json::Error) -> OutletError {
    OutletError::permanent(format!("the body cannot be written: {error}"))
}

#[async_trait]
impl Outlet for Webhook {
    async fn find(&self, _: &Post<'_>) -> Result<Option<String>, OutletError> {
        // What a receiver has got it knows again by its id.
        Ok(None)
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let id = message_id(post);
        let body = body(post).map_err(unwritten)?;
        let at = post.now.as_second();
        let signatures: Result<Vec<String>, _> =
            self.signers.iter().map(|signer| signer.sign(&id, at, body.as_bytes())).collect();
        let signatures = signatures.map_err(|_| OutletError::permanent("the body cannot be signed"))?;
        let mut request = self.http.post(&self.url).body(body);
        for (name, value) in headers(post, &signatures.join(" ")) {
            request = request.header(name, value);
        }
        let answer = self.http.send(request, &self.url).await.map_err(crate::http::Lost::repeatable)?;
        let status = answer.status;
        let wait = answer.retry_after(post.now);
        match status {
            status if status.is_success() => Ok(id),
            StatusCode::GONE => Err(OutletError::permanent(
                "the receiver answers 410 Gone: it wants no more; take the target out of the workflow",
            )),
            status if status.is_redirection() => Err(OutletError::permanent(format!(
                "the receiver answers {status}, and redirects are not followed: name its last URL"
            ))),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(OutletError::Limited { reason: "the receiver asks to wait".to_owned(), wait: wait.unwrap_or(WAIT) })
            }
            status => {
                Err(OutletError::Transient { reason: format!("the receiver answers {status}"), retry_after: wait })
            }
        }
    }

    async fn edit(&self, _: &str, post: &Post<'_>) -> Result<(), OutletError> {
        self.post(post).await.map(drop)
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::webhook::check(self, now).await
    }
}
