//! The ports, in memory.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use catalog::{Catalog, load_texts};
use domain::{Event, InvestigateMessage, Name, Secret};
use http::{Method, Request, Response, StatusCode};
use ingest::Ingest;
use jiff::Timestamp;
use ports::{AskSns, Clock, Entropy, HandleHttp, Outgoing, PortError, Queue, ReadSecret, SecretError, SendMessage};
use serde_json::Value;

pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub const OLD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const CATALOG: &str = r#"
kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
---
kind: Source
name: probes
type: webhook
verify: { secret: probes, scheme: standard-webhooks }
map:
  external_id: body.id
  title: body.title
  event: "{'down': 'triggered', 'up': 'resolved', 'again': 'reopened', 'test': 'ping'}[body.state]"
  severity: body.severity
  service: body.service
---
kind: Source
name: plain
type: webhook
verify: { secret: plain, scheme: bearer }
map: { external_id: body.id, title: body.title }
---
kind: Source
name: alarms
type: cloudwatch
verify: { topics: ["arn:aws:sns:eu-central-1:111122223333:others", "arn:aws:sns:eu-central-1:111122223333:alarms"] }
---
kind: Source
name: aws
type: cloudwatch
verify: { scheme: iam }
---
kind: Source
name: slack
type: slack
verify: { secret: slack-signing }
commands:
  - { command: triage, channels: [C0OPS00001], users: [U0ANN00001], assistant: cathy }
  - { command: look, channels: [C0OPS00001] }
---
kind: Assistant
name: cathy
model: none
---
kind: Command
name: triage
description: Is the shop up
parameters:
  namespace: { type: string, pattern: "[a-z-]{1,20}", description: Whose }
  since: { type: duration, default: 15m }
tasks:
  - { id: health, task: health }
---
kind: Workflow
name: alarms
trigger: { sources: [alarms, aws] }
investigate: { command: look }
---
kind: Workflow
name: checkout-pages
trigger:
  sources: [pagerduty]
  when: alert.service.id == "PCHKOUT" && alert.urgency == "high"
investigate: { command: look }
---
kind: Workflow
name: probes-down
trigger: { sources: [probes] }
investigate: { command: look }
---
kind: Command
name: look
description: Look at it
tasks:
  - { id: health, task: health }
---
kind: Task
name: health
title: Check that checkout answers
access: read-only
run: { http: { method: GET, url: "https://checkout.example.com/healthz", timeout: 5s } }
"#;

pub fn catalog() -> Arc<Catalog> {
    static LOADED: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
        let loaded = load_texts([(Path::new("catalog.yaml"), CATALOG)]);
        Arc::new(loaded.catalog.unwrap_or_else(|| panic!("{:?}", loaded.problems)))
    });
    Arc::clone(&LOADED)
}

pub fn now() -> Timestamp {
    "2026-03-02T09:40:00Z".parse().unwrap()
}

/// One of the project's own samples.
pub fn sample(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(path)).unwrap()
}

/// What the queue shall do.
#[derive(Default)]
pub enum Takes {
    #[default]
    All,
    /// Only so many, then none.
    First(usize),
    Nothing {
        transient: bool,
    },
    /// It never answers.
    Hangs,
}

#[derive(Default)]
pub struct FakeQueue {
    /// The most messages that one call was to send.
    pub at_once: AtomicUsize,
    pub takes: Mutex<Takes>,
    pub sent: Mutex<Vec<(Queue, String, String, Duration)>>,
}

#[async_trait]
impl SendMessage for FakeQueue {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        let hangs = matches!(*self.takes.lock().unwrap(), Takes::Hangs);
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut sent = self.sent.lock().unwrap();
        match *self.takes.lock().unwrap() {
            Takes::Nothing { transient: true } => return Err(PortError::transient("send", "throttled")),
            Takes::Nothing { transient: false } => return Err(PortError::permanent("send", "denied")),
            Takes::First(count) if sent.len() >= count => return Err(PortError::transient("send", "throttled")),
            _ => {}
        }
        sent.push((queue, body.to_owned(), group.to_owned(), delay));
        Ok(())
    }

    async fn send_all(&self, queue: Queue, messages: &[Outgoing]) -> Result<(), PortError> {
        self.at_once.fetch_max(messages.len(), Ordering::SeqCst);
        for Outgoing { body, group } in messages {
            self.send(queue, body, group, Duration::ZERO).await?;
        }
        Ok(())
    }
}

/// The secrets as the cache has them and as they are.
#[derive(Default)]
pub struct FakeSecrets {
    pub cached: Mutex<BTreeMap<String, Vec<Secret>>>,
    pub newest: Mutex<BTreeMap<String, Vec<Secret>>>,
    pub broken: Mutex<bool>,
    pub reads: AtomicUsize,
    pub rereads: AtomicUsize,
}

fn live(values: &[&str]) -> BTreeMap<String, Vec<Secret>> {
    let keys = ["pagerduty-signing", "probes", "plain", "slack-signing"];
    keys.iter().map(|key| ((*key).to_owned(), values.iter().map(|value| Secret::new(*value)).collect())).collect()
}

impl FakeSecrets {
    pub fn set(&self, cached: &[&str], newest: &[&str]) {
        *self.cached.lock().unwrap() = live(cached);
        *self.newest.lock().unwrap() = live(newest);
    }

    fn get(&self, key: &str, from: &Mutex<BTreeMap<String, Vec<Secret>>>) -> Result<Vec<Secret>, SecretError> {
        if *self.broken.lock().unwrap() {
            return Err(PortError::transient("read the secret", "unreachable").into());
        }
        let values = from.lock().unwrap().get(key).cloned().unwrap_or_default();
        if values.is_empty() { Err(SecretError::Missing { key: key.to_owned() }) } else { Ok(values) }
    }
}

#[async_trait]
impl ReadSecret for FakeSecrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.get(key, &self.cached)
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.rereads.fetch_add(1, Ordering::SeqCst);
        self.get(key, &self.newest)
    }
}

/// SNS, with the certificates that it has.
#[derive(Default)]
pub struct FakeSns {
    pub certificates: Mutex<BTreeMap<String, String>>,
    pub asked: Mutex<Vec<String>>,
    pub confirmed: Mutex<Vec<(String, String, String)>>,
    /// Whether it can be asked, and says of what it has not that there is none.
    pub knows: AtomicBool,
    /// Whether confirmations fail, and whether only for now.
    pub refuses: Mutex<Option<bool>>,
}

#[async_trait]
impl AskSns for FakeSns {
    async fn certificate(&self, host: &str, path: &str) -> Result<Option<String>, PortError> {
        let url = format!("{host}{path}");
        self.asked.lock().unwrap().push(url.clone());
        let found = self.certificates.lock().unwrap().get(&url).cloned();
        match found {
            None if !self.knows.load(Ordering::SeqCst) => {
                Err(PortError::transient("fetch the certificate", "unreachable"))
            }
            found => Ok(found),
        }
    }

    async fn confirm(&self, host: &str, topic: &str, token: &str) -> Result<(), PortError> {
        match *self.refuses.lock().unwrap() {
            Some(true) => return Err(PortError::transient("confirm", "busy")),
            Some(false) => return Err(PortError::permanent("confirm", "the token is too old")),
            None => {}
        }
        self.confirmed.lock().unwrap().push((host.to_owned(), topic.to_owned(), token.to_owned()));
        Ok(())
    }
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn random(&self) -> u128 {
        self.0.fetch_add(1, Ordering::SeqCst).into()
    }
}

pub struct World {
    pub catalog: Arc<Catalog>,
    pub queue: Arc<FakeQueue>,
    pub secrets: Arc<FakeSecrets>,
    pub sns: Arc<FakeSns>,
    pub ingest: Ingest,
}

pub fn world() -> World {
    let (catalog, queue, secrets) = (catalog(), Arc::new(FakeQueue::default()), Arc::new(FakeSecrets::default()));
    let sns = Arc::new(FakeSns::default());
    secrets.set(&[SECRET], &[SECRET]);
    let ingest = ingest(&catalog, &queue, &secrets, &sns);
    World { catalog, queue, secrets, sns, ingest }
}

fn ingest(catalog: &Arc<Catalog>, queue: &Arc<FakeQueue>, secrets: &Arc<FakeSecrets>, sns: &Arc<FakeSns>) -> Ingest {
    Ingest::new(
        Arc::clone(catalog),
        Arc::clone(queue) as Arc<_>,
        Arc::clone(secrets) as Arc<_>,
        Arc::clone(sns) as Arc<_>,
        Arc::new(FixedClock),
        Arc::new(Counter::default()),
    )
}

/// A response, read.
#[derive(Debug)]
pub struct Said {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Value,
}

impl Said {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl World {
    pub fn set_catalog(&mut self, catalog: Arc<Catalog>) {
        self.ingest = ingest(&catalog, &self.queue, &self.secrets, &self.sns);
        self.catalog = catalog;
    }

    pub async fn ask(&self, request: Request<Bytes>) -> Said {
        let response: Response<Bytes> = self.ingest.handle(request).await;
        let (parts, body) = response.into_parts();
        Said { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// A request as the source's sender signs it with `secret`.
    pub fn signed(&self, source: &str, secret: &str, body: &[u8]) -> Request<Bytes> {
        let source = &self.catalog.sources[&source.parse::<Name>().unwrap()];
        let proof = sources::sign(source, body, &Secret::new(secret), "msg_1", now()).unwrap();
        let query = proof.query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = Request::builder().method(Method::POST).uri(format!("/hooks/{}{query}", source.name));
        for (name, value) in proof.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::copy_from_slice(body)).unwrap()
    }

    pub async fn post(&self, source: &str, body: impl AsRef<[u8]>) -> Said {
        self.ask(self.signed(source, SECRET, body.as_ref())).await
    }

    pub fn sent(&self) -> usize {
        self.queue.sent.lock().unwrap().len()
    }

    /// The events on the queue.
    pub fn events(&self) -> Vec<Event> {
        let read = |(queue, body, _, delay): &(Queue, String, String, Duration)| {
            assert_eq!((*queue, *delay), (Queue::Investigate, Duration::ZERO));
            match serde_json::from_str(body).unwrap() {
                InvestigateMessage::EventV1 { event } => *event,
                other => panic!("{other:?}"),
            }
        };
        self.queue.sent.lock().unwrap().iter().map(read).collect()
    }

    /// The one event on the queue.
    pub fn event(&self) -> Event {
        let [event] = <[Event; 1]>::try_from(self.events()).unwrap();
        event
    }
}
