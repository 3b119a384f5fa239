//! Amazon SNS without credentials: the certificates that it signs with, and the confirmation of subscriptions.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::byte_stream::ByteStream;
use ports::{AskSns, MAX_CERTIFICATE, PortError};
use tokio::time::Instant;

use crate::{AwsEnv, ConnectError, connect::tls};

/// How long one call may take: SNS waits 15 s for the answer to a message, ingest's own callers less.
const CALL: Duration = Duration::from_secs(2);
/// How many certificates are kept. SNS has one or two at a time in each region.
const KEPT: usize = 16;
/// How long it is remembered that a certificate does not exist: whoever forges messages may send many.
const MISSING_FOR: Duration = Duration::from_secs(60);
/// How many such are remembered; of more the oldest is forgotten, since who forges messages must not keep a real one out.
const MISSING: usize = 16;
/// The most that is read of the answer to a confirmation, in bytes.
const MAX_ANSWER: usize = 32 * 1024;

/// [`AskSns`] over the HTTP client of the AWS SDK, which is linked anyway and follows no redirect. Nothing is built before
/// the first call: most functions never make one, and parsing the roots would cost each of them its part of a start.
#[derive(Debug, Default)]
pub struct SnsHttps {
    endpoint_url: Option<String>,
    ca_bundle: Option<PathBuf>,
    connector: OnceLock<Connector>,
    kept: Mutex<BTreeMap<String, String>>,
    /// What SNS said does not exist, and when.
    missing: Mutex<BTreeMap<String, Instant>>,
}

/// What SNS says to a call, or why it will never say more.
type Said = Result<Vec<u8>, Refused>;

/// Why a call came to nothing.
#[derive(Debug)]
struct Refused {
    said: String,
    /// Whether there is no such thing at all.
    missing: bool,
}

impl SnsHttps {
    /// Calls SNS's own hosts; with `AWS_ENDPOINT_URL`, what stands there instead, as every other client does.
    #[must_use]
    pub fn new(env: &AwsEnv) -> Self {
        Self { endpoint_url: env.endpoint_url.clone(), ca_bundle: env.ca_bundle.clone(), ..Self::default() }
    }

    fn connector(&self) -> Result<&Connector, ConnectError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector);
        }
        let settings = HttpConnectorSettings::builder().connect_timeout(CALL).read_timeout(CALL).build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls(self.ca_bundle.as_deref())?)
            .build();
        Ok(self.connector.get_or_init(|| connector))
    }

    /// Gets `path` of `host`, whose first `cap` bytes must be all.
    async fn get(&self, doing: &str, host: &str, path: &str, cap: usize) -> Result<Said, PortError> {
        let base = self.endpoint_url.clone().unwrap_or_else(|| format!("https://{host}"));
        let url = format!("{}{path}", base.trim_end_matches('/'));
        let call = async {
            let connector = self.connector().map_err(|error| PortError::permanent(doing, error))?;
            let request = HttpRequest::get(url).map_err(|error| PortError::permanent(doing, error))?;
            let answer = connector.call(request).await;
            let response = answer.map_err(|error| PortError::transient(doing, error))?;
            let status = response.status().as_u16();
            if status != 200 {
                let said = format!("SNS answered {status}");
                // For what is not there S3, where the certificates stand, says 403 to who may not list.
                let missing = matches!(status, 403 | 404);
                let later = status == 429 || status >= 500;
                return if later { Err(PortError::transient(doing, said)) } else { Ok(Err(Refused { said, missing })) };
            }
            let mut stream = ByteStream::new(response.into_body());
            let mut body = Vec::new();
            while let Some(chunk) = stream.next().await {
                body.extend_from_slice(&chunk.map_err(|error| PortError::transient(doing, error))?);
                if body.len() > cap {
                    let said = format!("SNS answered with more than {cap} bytes");
                    return Ok(Err(Refused { said, missing: false }));
                }
            }
            Ok(Ok(body))
        };
        let timed = tokio::time::timeout(CALL, call).await;
        timed.unwrap_or_else(|_| Err(PortError::transient(doing, format!("SNS did not answer within {CALL:?}"))))
    }
}

#[async_trait]
impl AskSns for SnsHttps {
    async fn certificate(&self, host: &str, path: &str) -> Result<Option<String>, PortError> {
        const DOING: &str = "fetch the certificate of SNS";
        let key = format!("{host}{path}");
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pem) = kept().get(&key) {
            return Ok(Some(pem.clone()));
        }
        let missing = || self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut missing = missing();
            missing.retain(|_, since| since.elapsed() < MISSING_FOR);
            if missing.contains_key(&key) {
                return Ok(None);
            }
        }
        let body = match self.get(DOING, host, path, MAX_CERTIFICATE).await? {
            Ok(body) => body,
            Err(refused) if refused.missing => {
                let mut missing = missing();
                let oldest = missing.iter().min_by_key(|(_, since)| **since).map(|(key, _)| key.clone());
                if let Some(oldest) = oldest.filter(|_| missing.len() >= MISSING) {
                    missing.remove(&oldest);
                }
                missing.insert(key, Instant::now());
                return Ok(None);
            }
            // It says nothing of whether there is one: SNS delivers the message again.
            Err(refused) => return Err(PortError::transient(DOING, refused.said)),
        };
        let pem = String::from_utf8(body).map_err(|error| PortError::transient(DOING, error))?;
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(key, pem.clone());
        Ok(Some(pem))
    }

    async fn confirm(&self, host: &str, topic: &str, token: &str) -> Result<(), PortError> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "ConfirmSubscription")
            .append_pair("TopicArn", topic)
            .append_pair("Token", token)
            .append_pair("Version", "2010-03-31")
            .finish();
        const DOING: &str = "confirm the subscription";
        let said = self.get(DOING, host, &format!("/?{query}"), MAX_ANSWER).await?;
        said.map(drop).map_err(|refused| PortError::permanent(DOING, refused.said))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{
        Router,
        extract::RawQuery,
        http::StatusCode,
        response::{IntoResponse, Redirect},
        routing::get,
    };

    use super::*;

    /// What the server was asked, and how often.
    #[derive(Default)]
    struct Asked {
        certificates: AtomicUsize,
        missing: AtomicUsize,
        queries: Mutex<Vec<String>>,
    }

    async fn serve() -> (SnsHttps, Arc<Asked>) {
        let asked = Arc::new(Asked::default());
        let (fetched, queried, lacked) = (Arc::clone(&asked), Arc::clone(&asked), Arc::clone(&asked));
        let missing = move || async move {
            lacked.missing.fetch_add(1, Ordering::SeqCst);
            StatusCode::NOT_FOUND
        };
        let good = move || async move {
            fetched.certificates.fetch_add(1, Ordering::SeqCst);
            "PEM"
        };
        let confirm = move |RawQuery(query): RawQuery| async move {
            queried.queries.lock().unwrap().push(query.unwrap_or_default());
            "<ConfirmSubscriptionResponse/>"
        };
        let routes = Router::new()
            .route("/good.pem", get(good))
            .route("/large.pem", get(|| async { "x".repeat(MAX_CERTIFICATE + 1) }))
            .route("/binary.pem", get(|| async { vec![0xff, 0xfe] }))
            .route("/moved.pem", get(|| async { Redirect::temporary("/good.pem") }))
            .route("/unlisted.pem", get(|| async { StatusCode::FORBIDDEN }))
            .route("/odd.pem", get(|| async { StatusCode::BAD_REQUEST }))
            .route("/busy.pem", get(|| async { StatusCode::SERVICE_UNAVAILABLE.into_response() }))
            .route("/", get(confirm))
            .fallback(missing);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (SnsHttps { endpoint_url: Some(url), ..SnsHttps::default() }, asked)
    }

    #[tokio::test]
    async fn a_certificate_is_fetched_once() {
        let (sns, asked) = serve().await;
        for _ in 0..3 {
            assert_eq!(sns.certificate("sns.x", "/good.pem").await.unwrap().as_deref(), Some("PEM"));
        }
        assert_eq!(asked.certificates.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn only_what_is_said_not_to_be_there_is_missing() {
        let (sns, asked) = serve().await;
        for path in ["/missing.pem", "/unlisted.pem"] {
            assert_eq!(sns.certificate("sns.x", path).await.unwrap(), None, "{path}");
        }
        for path in ["/large.pem", "/binary.pem", "/moved.pem", "/odd.pem", "/busy.pem"] {
            assert!(sns.certificate("sns.x", path).await.unwrap_err().is_transient(), "{path}");
        }
        assert_eq!(asked.certificates.load(Ordering::SeqCst), 0, "no redirect was followed");
    }

    #[tokio::test]
    async fn i1_who_makes_up_certificates_keeps_no_real_one_away() {
        let (sns, asked) = serve().await;
        for _ in 0..3 {
            assert_eq!(sns.certificate("sns.x", "/gone.pem").await.unwrap(), None);
        }
        assert_eq!(asked.missing.load(Ordering::SeqCst), 1, "remembered");
        for n in 0..2 * MISSING {
            assert_eq!(sns.certificate("sns.x", &format!("/{n}/gone.pem")).await.unwrap(), None);
        }
        assert_eq!(asked.missing.load(Ordering::SeqCst), 1 + 2 * MISSING);
        assert_eq!(sns.missing.lock().unwrap().len(), MISSING, "no more are remembered");
        assert!(sns.certificate("sns.x", "/good.pem").await.unwrap().is_some());
        let newest = format!("/{}/gone.pem", 2 * MISSING - 1);
        assert_eq!(sns.certificate("sns.x", &newest).await.unwrap(), None);
        assert_eq!(asked.missing.load(Ordering::SeqCst), 1 + 2 * MISSING, "the newest are remembered");
        tokio::time::pause();
        tokio::time::advance(MISSING_FOR).await;
        tokio::time::resume();
        assert_eq!(sns.certificate("sns.x", &newest).await.unwrap(), None);
        assert_eq!(asked.missing.load(Ordering::SeqCst), 2 + 2 * MISSING, "asked for again");
    }

    #[tokio::test]
    async fn a_subscription_is_confirmed_with_its_token_and_nothing_else_of_the_message() {
        let (sns, asked) = serve().await;
        sns.confirm("sns.x", "arn:aws:sns:eu-central-1:111122223333:alarms", "a&Action=b").await.unwrap();
        assert_eq!(
            *asked.queries.lock().unwrap(),
            ["Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1%3A111122223333%3Aalarms\
              &Token=a%26Action%3Db&Version=2010-03-31"]
        );
    }

    #[tokio::test]
    async fn sns_that_cannot_be_reached_may_be_later() {
        // Bound and let go: nobody listens there.
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let sns = SnsHttps { endpoint_url: Some(format!("http://{closed}")), ..SnsHttps::default() };
        assert!(sns.certificate("sns.x", "/good.pem").await.unwrap_err().is_transient());
        assert!(sns.confirm("sns.x", "t", "t").await.unwrap_err().is_transient());
    }
}
