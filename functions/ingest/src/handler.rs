use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use catalog::{
    Catalog, Choice, Matcher,
    model::{Scheme, Source, SourceType},
};
use domain::{Disposition, Event, EventId, EventKind, EventRole, InvestigateMessage, Name, Secret};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use ports::{
    AskSns, Clock, Entropy, HandleHttp, HandleInvocation, Outgoing, PortError, Queue, ReadSecret, SecretError,
    SendMessage, chain,
};
use serde::Serialize;
use serde_json::{Value, json};
use sources::{Inbound, Normalized, Refusal, VerifiedPayload};

use crate::{
    problem::{Problem, respond},
    slack::ANSWER_SLACK_WITHIN,
};

/// The largest body that is taken, in bytes. PagerDuty drops what is over 256 KB itself; no known sender needs more.
pub const MAX_BODY: usize = 1024 * 1024;

/// How long an answer may take. PagerDuty waits 5 s for it, way and TLS included, and an answer that is late counts as
/// none; a 503 in time lets it try again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// How many events of one request are made and sent at a time: the eight batches that are under way at once. Each may be
/// some 150 KiB, and twice that while it is written.
const AT_ONCE: usize = 80;

/// How many of its events a sender is told of one by one.
const MOST_TOLD: usize = 100;

/// How long an answer to a sender of groups may take. Alertmanager gives a notification 10 s at least (`notify.MinTimeout`), and
/// Grafana is built on it; in that time the queue takes thousands.
pub const ANSWER_GROUP_WITHIN: Duration = Duration::from_secs(8);

/// `Retry-After`, in seconds, when the queue did not take an event: it is back in moments.
pub(crate) const RETRY_QUEUE: &str = "5";
/// `Retry-After`, in seconds, when the secret could not be read: the store is asked anew at most once in 30 s.
const RETRY_SECRET: &str = "30";

/// The handler, over its ports.
pub struct Ingest {
    pub(crate) catalog: Arc<Catalog>,
    matcher: Matcher,
    pub(crate) queue: Arc<dyn SendMessage>,
    secrets: Arc<dyn ReadSecret>,
    sns: Arc<dyn AskSns>,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Why an invocation is not taken; AWS invokes again, and gives it to the dead letters in the end.
#[derive(Debug, thiserror::Error)]
enum InvocationError {
    #[error("the catalog has no Source of `type: cloudwatch` with `verify: {{ scheme: iam }}` for what AWS hands over")]
    NoSource,
    #[error("the source cannot take it")]
    Refused(#[source] Refusal),
    #[error("the queue did not take the events")]
    Queue(#[source] Box<dyn Error + Send + Sync>),
}

/// What the sender of an accepted event is told.
#[derive(Serialize)]
struct Accepted<'e> {
    event: EventId,
    kind: EventKind,
    #[serde(flatten)]
    disposition: &'e Disposition,
}

impl Ingest {
    /// Serves the sources of `catalog`.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        queue: Arc<dyn SendMessage>,
        secrets: Arc<dyn ReadSecret>,
        sns: Arc<dyn AskSns>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let matcher = Matcher::new(&catalog);
        Self { catalog, matcher, queue, secrets, sns, clock, entropy }
    }

    async fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Problem> {
        let source = self.source(request)?;
        if request.body().len() > MAX_BODY {
            return Err(refuse(source, Problem::too_large(), "the body is too large"));
        }
        if !may_be_read(request.headers()) {
            return Err(refuse(source, Problem::content_type(), "the content type is neither JSON nor a form"));
        }
        let is_slack = source.source_type == SourceType::Slack;
        if is_slack && request.body().starts_with(sources::SSL_CHECK) {
            // Slack looks at the certificate. Nothing follows from it, so nobody need prove anything.
            return Ok(Response::new(Bytes::new()));
        }
        let within = match source.source_type {
            SourceType::Slack => ANSWER_SLACK_WITHIN,
            SourceType::Alertmanager | SourceType::Grafana => ANSWER_GROUP_WITHIN,
            _ => ANSWER_WITHIN,
        };
        match tokio::time::timeout(within, self.accept(source, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(refuse(source, Problem::unavailable(RETRY_QUEUE), "the answer took too long")),
        }
    }

    /// The source that the URL names.
    fn source(&self, request: &Request<Bytes>) -> Result<&Source, Problem> {
        let name = request.uri().path().strip_prefix("/hooks/").and_then(|name| name.parse::<Name>().ok());
        // What only AWS itself may hand over has no URL.
        let source = name.and_then(|name| self.catalog.sources.get(&name));
        let source =
            source.filter(|source| source.scheme() != Some(Scheme::Iam)).ok_or_else(Problem::unknown_source)?;
        // Grafana can be told to PUT.
        if [Method::POST, Method::PUT].contains(request.method()) { Ok(source) } else { Err(Problem::method()) }
    }

    async fn accept(&self, source: &Source, request: &Request<Bytes>) -> Result<Response<Bytes>, Problem> {
        let inbound = Inbound { headers: request.headers(), query: request.uri().query(), raw: request.body() };
        let payload = match source.scheme() {
            Some(Scheme::Sns) => self.verify_sns(source, inbound).await?,
            _ => self.verify(source, inbound).await?,
        };
        if source.source_type == SourceType::Slack {
            return self.slack(source, &payload, request.body()).await;
        }
        let told = self.take(source, &payload).await.map_err(|_| Problem::unavailable(RETRY_QUEUE))?;
        Ok(respond(StatusCode::ACCEPTED, "application/json", &told))
    }

    /// Returns once the queue has all that a verified request tells of; what its sender is told. Some are made and sent at a
    /// time, so that the memory is bounded for whatever a body holds.
    pub(crate) async fn take(
        &self,
        source: &Source,
        payload: &VerifiedPayload<'_>,
    ) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let received_at = self.clock.now();
        let mut events = sources::events(source, payload, received_at).map(|normalized| {
            let id = EventId::mint(received_at, self.entropy.random());
            let disposition = self.disposition(source, &normalized);
            normalized.into_event(id, source, received_at, disposition)
        });
        let mut told = Told::default();
        loop {
            let some: Vec<Event> = events.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return Ok(told.value());
            }
            told.add(&some);
            self.send(source, some).await?;
        }
    }

    /// Proves a message of SNS with the certificate that SNS serves, and confirms the subscription if it asks for that. SNS
    /// drops what it is told is wrong, and tries again for an hour on 5xx.
    async fn verify_sns<'r>(&self, source: &'r Source, inbound: Inbound<'r>) -> Result<VerifiedPayload<'r>, Problem> {
        let refused = |refusal: Refusal| {
            let problem = match refusal {
                Refusal::RawDelivery => Problem::raw_delivery(),
                _ => Problem::unsigned(&sources::wanted(source)),
            };
            refuse(source, problem, &refusal.to_string())
        };
        let unanswered = |error: PortError, said: &str| {
            let permanent = !error.is_transient();
            tracing::error!(source = source.name.as_str(), permanent, error = chain(&error), "{said}");
            Problem::unavailable(RETRY_QUEUE)
        };
        let message = sources::sns(source, inbound, self.clock.now()).map_err(refused)?;
        let host = message.host();
        let pem = self.sns.certificate(&host, message.certificate_path()).await;
        let pem = pem.map_err(|error| unanswered(error, "the certificate of SNS cannot be fetched"))?;
        // Who signs names a certificate that there is.
        let pem = pem.ok_or_else(|| refused(Refusal::Mismatch))?;
        let payload = message.proven(&pem, self.clock.now()).map_err(refused)?;
        if let Some(confirmation) = message.confirmation() {
            let (topic, token) = (confirmation.topic.as_str(), confirmation.token);
            match self.sns.confirm(&host, topic, token).await {
                Ok(()) => tracing::info!(source = source.name.as_str(), topic, "the subscription is confirmed"),
                // The token is too old or was used: to be asked for it again would not make it newer.
                Err(error) if !error.is_transient() => {
                    unanswered(error, "the subscription cannot be confirmed: subscribe anew");
                }
                Err(error) => return Err(unanswered(error, "the subscription could not be confirmed")),
            }
        }
        Ok(payload)
    }

    /// Proves the sender with the secrets at hand, and once more with the newest ones: it may be that the secret was just
    /// changed. The port reads anew at most once in 30 s, so a flood of forgeries costs no more than that.
    async fn verify<'r>(&self, source: &Source, inbound: Inbound<'r>) -> Result<VerifiedPayload<'r>, Problem> {
        let key = source.verify.secret.as_deref().unwrap_or_default();
        let unreadable = |error: SecretError| {
            let reason = chain(&error);
            // A missing key stays missing until somebody adds it; but the sender shall keep what it has until then.
            let permanent = !matches!(&error, SecretError::Port(port) if port.is_transient());
            tracing::error!(source = source.name.as_str(), permanent, error = reason, "the secret cannot be read");
            Problem::unavailable(RETRY_SECRET)
        };
        let try_with = |secrets: &[Secret]| sources::verify(source, inbound, secrets, self.clock.now());
        let live = self.secrets.read(key).await.map_err(unreadable)?;
        let verdict = match try_with(&live) {
            Err(Refusal::Mismatch | Refusal::Unusable { .. }) => {
                let newest = self.secrets.reread(key).await.map_err(unreadable)?;
                try_with(&newest)
            }
            verdict => verdict,
        };
        verdict.map_err(|refusal| {
            let reason = refusal.to_string();
            let problem = match refusal {
                Refusal::Unproven | Refusal::Mismatch | Refusal::Stale | Refusal::OtherTopic | Refusal::RawDelivery => {
                    Problem::unverified(&sources::wanted(source))
                }
                Refusal::Unusable { .. } => {
                    tracing::error!(
                        source = source.name.as_str(),
                        permanent = true,
                        error = reason,
                        "nothing can be verified"
                    );
                    Problem::unavailable(RETRY_SECRET)
                }
            };
            refuse(source, problem, &reason)
        })
    }

    /// What follows from an event.
    fn disposition(&self, source: &Source, event: &Normalized) -> Disposition {
        let unmatched = |reason: &str| Disposition::Unmatched { reason: reason.to_owned() };
        let attaches = |otherwise: &str| match event.external_id {
            Some(_) => Disposition::Attaches,
            None => unmatched(otherwise),
        };
        match event.kind.role() {
            EventRole::Opens => {
                let reason =
                    match event.alert.as_ref().map(|alert| self.matcher.choose(&source.name, event.kind, alert)) {
                        Some(Choice::Workflow { name, incident_key }) => {
                            return Disposition::Opens { workflow: name, incident_key };
                        }
                        Some(Choice::None { reason }) => reason,
                        None => "the event tells of no incident that can be read".to_owned(),
                    };
                // Nobody wants to begin anew; whoever still looks at the incident wants to know that it is back.
                if event.kind == EventKind::Reopened { attaches(&reason) } else { unmatched(&reason) }
            }
            EventRole::Attaches => attaches("the event does not say which incident it belongs to"),
            EventRole::Control if event.kind == EventKind::Ping => unmatched("it only tests the connection"),
            EventRole::Control => unmatched(&event.summary),
        }
    }

    /// Returns once the queue has all of the events.
    async fn send(&self, source: &Source, events: Vec<Event>) -> Result<(), Box<dyn Error + Send + Sync>> {
        let failed = |error: Box<dyn Error + Send + Sync>, permanent: bool| {
            let said = chain(error.as_ref());
            tracing::error!(source = source.name.as_str(), permanent, error = said, "the events were not taken");
            error
        };
        let accepted: Vec<_> = events.iter().map(|event| (event.id, event.kind, does(&event.disposition))).collect();
        let outgoing = |event: Event| {
            let body = serde_json::to_string(&InvestigateMessage::EventV1 { event: Box::new(event) })?;
            Ok(Outgoing { body, group: source.name.as_str().to_owned() })
        };
        let messages: Result<Vec<_>, serde_json::Error> = events.into_iter().map(outgoing).collect();
        let messages = messages.map_err(|error| failed(error.into(), true))?;
        let sent = self.queue.send_all(Queue::Investigate, &messages).await;
        sent.map_err(|error| {
            let permanent = !error.is_transient();
            failed(error.into(), permanent)
        })?;
        for (id, kind, does) in accepted {
            tracing::info!(source = source.name.as_str(), event = %id, kind = kind.as_str(), does, "accepted");
        }
        Ok(())
    }
}

#[async_trait]
impl HandleHttp for Ingest {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.answer(&request).await.unwrap_or_else(Response::from)
    }
}

#[async_trait]
impl HandleInvocation for Ingest {
    async fn alarm(&self, event: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let takes = |source: &&Source| source.scheme() == Some(Scheme::Iam);
        let source = self.catalog.sources.values().find(takes).ok_or(InvocationError::NoSource)?;
        let payload = sources::invoked(source, event).map_err(InvocationError::Refused)?;
        let taken = self.take(source, &payload).await;
        taken.map(drop).map_err(|error| InvocationError::Queue(error).into())
    }
}

/// Logs a refusal, with nothing of the request in it.
fn refuse(source: &Source, problem: Problem, reason: &str) -> Problem {
    tracing::warn!(source = source.name.as_str(), status = problem.status().as_u16(), reason, "refused");
    problem
}

/// Whether the content type leaves it open that the body is JSON or a form. Senders say `application/json`, `text/plain`
/// (SNS), something with `+json`, a form, or nothing; what says XML would never be read, and its sender must be told.
fn may_be_read(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let media_type = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = [
        "",
        "application/json",
        "text/json",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ];
    known.contains(&media_type.as_str()) || media_type.ends_with("+json")
}

fn does(disposition: &Disposition) -> &'static str {
    match disposition {
        Disposition::Opens { .. } => "opens",
        Disposition::Attaches => "attaches",
        Disposition::Unmatched { .. } => "unmatched",
    }
}

/// What a sender is told of its events: of one as it is, of several a list of the first.
#[derive(Default)]
struct Told {
    events: Vec<Value>,
    more: usize,
}

impl Told {
    fn add(&mut self, events: &[Event]) {
        let room = MOST_TOLD.saturating_sub(self.events.len());
        self.more += events.len().saturating_sub(room);
        self.events.extend(events.iter().take(room).map(|event| {
            let Event { id, kind, disposition, .. } = event;
            json!(Accepted { event: *id, kind: *kind, disposition })
        }));
    }

    fn value(mut self) -> Value {
        match self.events.pop() {
            Some(only) if self.events.is_empty() => only,
            last => {
                self.events.extend(last);
                match self.more {
                    0 => json!({ "events": self.events }),
                    more => json!({ "events": self.events, "more": more }),
                }
            }
        }
    }
}
