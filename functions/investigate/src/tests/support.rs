use std::{
    collections::{BTreeMap, VecDeque},
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use catalog::{Catalog, model::RunSpec};
use domain::{
    Alert, AlertSeverity, DeliverMessage, Disposition, Event, EventId, EventKind, InvestigateMessage, LeaseToken,
    RawFragment, RunId, RunView, Service, Slo,
};
use engine::{Answer, CallTask, Called, Engine};
use jiff::{SignedDuration, Timestamp};
use local::{Database, SqliteTable};
use ports::{
    Clock, Entropy, HandleMessage, Index, Item, Key, OsEntropy, Page, PortError, Queue, ReadTable, Receipt, Received,
    RetimeMessage, SendMessage, TableError, Write, WriteTable,
};
use serde_json::{Value, json};
use store::{Claim, Store};

use crate::Investigate;

pub const LEASE: Duration = Duration::from_secs(30);

pub const MAX_RECEIVES: u32 = 3;

pub type Handled = Result<(), Box<dyn Error + Send + Sync>>;

/// Tokio's paused time as the clock, so that waiting costs nothing and is exact.
struct Paused(tokio::time::Instant, Timestamp);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.1 + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// What the handler did to its ports, in order.
#[derive(Default)]
pub struct Log(Mutex<Vec<&'static str>>);

impl Log {
    fn add(&self, done: &'static str) {
        self.0.lock().unwrap().push(done);
    }

    /// What was done since the last look.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The real table; writes of a kind to items whose sort key begins so (`put STEP#`) do not work while there is trouble.
pub struct Troubled {
    table: SqliteTable,
    log: Arc<Log>,
    pub trouble: Mutex<Option<(&'static str, PortError)>>,
}

#[async_trait]
impl ReadTable for Troubled {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.log.add("read");
        self.table.get(key).await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        self.log.add("read");
        self.table.query(pk, prefix).await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        self.table.index(index, pk, limit, after).await
    }
}

#[async_trait]
impl WriteTable for Troubled {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.log.add("write");
        if let Some((kind, error)) = &*self.trouble.lock().unwrap() {
            let hit = writes.iter().any(|write| match write {
                Write::Put { item, .. } => format!("put {}", item.key.sk).starts_with(kind),
                Write::Update { key, .. } => format!("update {}", key.sk).starts_with(kind),
                Write::Check { .. } => false,
            });
            if hit {
                let again = if error.is_transient() { PortError::transient } else { PortError::permanent };
                return Err(again("write to the table", "trouble").into());
            }
        }
        self.table.transact(writes).await
    }
}

/// Answers each URL after so many seconds, with 200.
pub struct Script {
    seconds: BTreeMap<&'static str, u64>,
    called: Mutex<Vec<String>>,
}

#[async_trait]
impl CallTask for Script {
    async fn call(&self, spec: &RunSpec<String>) -> Called {
        let RunSpec::Http(http) = spec else { panic!("only http is scripted") };
        self.called.lock().unwrap().push(http.url.clone());
        tokio::time::sleep(Duration::from_secs(self.seconds[http.url.as_str()])).await;
        let answer = Answer { summary: "200 at once".to_owned(), result: json!({"status": 200}) };
        Called { request: json!({"method": "GET", "url": http.url}), answer: Ok(answer) }
    }
}

/// One sent message.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub queue: Queue,
    pub body: String,
    pub delay: Duration,
}

/// The queues: what is sent to them, and when the message in hand comes back.
pub struct Outbox {
    log: Arc<Log>,
    sent: Mutex<VecDeque<Sent>>,
    /// Sends to this queue are refused, after so many were taken.
    pub refuses: Mutex<Option<(Queue, usize)>>,
    /// Attaches while the next news are sent.
    pub meanwhile: Mutex<Option<(Store, Event)>>,
}

#[async_trait]
impl RetimeMessage for Outbox {
    async fn retime(&self, queue: Queue, _: &Receipt, visibility: Duration) -> Result<(), PortError> {
        let ended = LEASE + Duration::from_secs(1);
        assert_eq!((queue, visibility), (Queue::Investigate, ended), "the message comes back when the lease has ended");
        self.log.add("retime");
        Ok(())
    }
}

#[async_trait]
impl SendMessage for Outbox {
    async fn send(&self, queue: Queue, body: &str, _: &str, delay: Duration) -> Result<(), PortError> {
        self.log.add("send");
        match &mut *self.refuses.lock().unwrap() {
            Some((refused, 0)) if *refused == queue => {
                return Err(PortError::transient(format!("send to the {} queue", queue.as_str()), "throttled"));
            }
            Some((counted, left)) if *counted == queue => *left -= 1,
            _ => {}
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some((store, event)) = meanwhile {
            store.attach(&event).await.unwrap();
        }
        self.sent.lock().unwrap().push_back(Sent { queue, body: body.to_owned(), delay });
        Ok(())
    }
}

impl Outbox {
    /// What was sent since the last look.
    pub fn take(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().drain(..).collect()
    }

    /// The announced revisions since the last look, each with its target; nothing else was sent.
    pub fn news(&self) -> Vec<(String, u64)> {
        let news = self.take().into_iter().map(|sent| {
            assert_eq!((sent.queue, sent.delay), (Queue::Deliver, Duration::ZERO));
            match serde_json::from_str(&sent.body).unwrap() {
                DeliverMessage::TargetV1 { target, revision, .. } => (target, revision),
                other => panic!("{other:?}"),
            }
        });
        news.collect()
    }
}

pub struct World {
    pub investigate: Investigate,
    pub store: Store,
    pub table: Arc<Troubled>,
    pub outbox: Arc<Outbox>,
    pub log: Arc<Log>,
    script: Arc<Script>,
    clock: Arc<dyn Clock>,
    _folder: tempfile::TempDir,
}

/// A world whose Command looks at these one after the other, each taking so many seconds. Its workflows: `pages`, which
/// posts to Slack; `shadowed`, the same in shadow mode; `misfit`, whose alerts lack the parameter that it wants;
/// `limited`, which opens one run an hour. Its
/// Schedules: `nightly`, which posts twice; `paused`; `unfit`, which lacks that parameter too.
pub fn world(looks: &[(&'static str, u64)]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Paused(tokio::time::Instant::now(), "2026-11-22T10:00:00Z".parse().unwrap()));
    let log = Arc::new(Log::default());
    let table = SqliteTable::new(Database::open(&folder.path().join("t.db")).unwrap());
    let table = Arc::new(Troubled { table, log: Arc::clone(&log), trouble: Mutex::default() });
    let store = Store::new(Arc::clone(&table) as Arc<_>, Arc::clone(&clock), Arc::new(OsEntropy));
    let script = Arc::new(Script { seconds: looks.iter().copied().collect(), called: Mutex::default() });
    let outbox = Arc::new(Outbox {
        log: Arc::clone(&log),
        sent: Mutex::default(),
        refuses: Mutex::default(),
        meanwhile: Mutex::default(),
    });
    let investigate = Investigate {
        engine: Engine {
            catalog: Arc::new(catalog(looks)),
            store: store.clone(),
            tasks: Arc::clone(&script) as Arc<_>,
            models: Arc::new(engine::model::NoModels),
            clock: Arc::clone(&clock),
        },
        sender: Arc::clone(&outbox) as Arc<_>,
        retimer: Arc::clone(&outbox) as Arc<_>,
        clock: Arc::clone(&clock),
        lease: LEASE,
        max_receives: MAX_RECEIVES,
    };
    World { investigate, store, table, outbox, log, script, clock, _folder: folder }
}

fn catalog(looks: &[(&'static str, u64)]) -> Catalog {
    let mut before: Option<String> = None;
    let tasks: Vec<Value> = looks
        .iter()
        .map(|(url, _)| {
            let id = url.trim_start_matches("http://").to_owned();
            let needs: Vec<String> = before.replace(id.clone()).into_iter().collect();
            json!({"id": id, "task": "look", "with": {"url": url}, "needs": needs})
        })
        .collect();
    let workflow = |name: &str, mode: &str, command: &str, with: Value| {
        json!({
            "name": name, "trigger": {"sources": ["pagerduty"]}, "mode": mode,
            "investigate": {"command": command, "with": with},
            "deliver": [{"slack": {"channel": "#oncall"}}],
        })
    };
    let schedule = |name: &str, command: &str, paused: bool| {
        json!({
            "name": name, "schedule": "rate(1 day)", "command": command, "paused": paused, "max_runs": 2,
            "deliver": [{"slack": {"channel": "#oncall"}}, {"slack": {"channel": "#team"}}],
        })
    };
    let mut limited = workflow("limited", "live", "triage", json!({}));
    limited["limits"] = json!({"runs_per_hour": 1, "max_open": 3});
    let misfit = json!({"namespace": "${{ alert.labels.namespace }}"});
    serde_json::from_value(json!({
        "digest": "d", "knowledge": {}, "assistants": {}, "slxs": {}, "rules": {},
        "sources": {"slack": {
            "name": "slack", "type": "slack", "verify": {"secret": "slack-signing"},
            "commands": [
                {"command": "triage", "channels": ["C0OPS00001"], "users": ["U0ANN00001", "U0BEN00001"]},
                {"command": "wanting", "channels": ["C0OPS00001"]},
            ],
        }},
        "tasks": {"look": {
            "name": "look", "resource": "${{ inputs.url }}", "access": "read-only", "inputs": {"url": {"type": "url"}}, "title": "Look at ${{ inputs.url }}",
            "run": {"http": {"url": "${{ inputs.url }}"}},
        }},
        "commands": {
            "triage": {"name": "triage", "description": "x", "tasks": tasks},
            "wanting": {
                "name": "wanting", "description": "x", "tasks": tasks,
                "parameters": {"namespace": {"type": "string", "pattern": "^[a-z]+$"}},
            },
            "noted": {
                "name": "noted", "description": "x", "tasks": tasks,
                "parameters": {"note": {"type": "string"}, "token": {"type": "string"}},
            },
        },
        "redactions": {"customers": {"name": "customers", "pattern": "C-[0-9]{6}", "masks": ["C-000000"]}},
        "schedules": {
            "nightly": schedule("nightly", "triage", false),
            "paused": schedule("paused", "triage", true),
            "unfit": schedule("unfit", "wanting", false),
        },
        "workflows": {
            "pages": workflow("pages", "live", "triage", json!({})),
            "shadowed": workflow("shadowed", "shadow", "triage", json!({})),
            "limited": limited,
            "misfit": workflow("misfit", "live", "wanting", misfit),
        },
    }))
    .unwrap()
}

impl World {
    /// An event that is to open a run of `workflow`.
    pub fn opening(&self, workflow: &str) -> Event {
        let disposition = Disposition::Opens { workflow: workflow.parse().unwrap(), incident_key: "Q1".to_owned() };
        let now = self.clock.now();
        let alert = Alert {
            external_id: "Q1".to_owned(),
            title: "Checkout is down".to_owned(),
            description: String::new(),
            severity: AlertSeverity::High,
            urgency: String::new(),
            priority: String::new(),
            service: Service::default(),
            team: String::new(),
            labels: [("namespace".to_owned(), "No Such Thing".to_owned())].into(),
            links: vec![],
            slo: Slo::default(),
            started_at: now,
        };
        Event { alert: Some(alert), ..self.event(EventKind::Triggered, disposition) }
    }

    pub fn event(&self, kind: EventKind, disposition: Disposition) -> Event {
        let now = self.clock.now();
        Event {
            id: EventId::mint(now, OsEntropy.random()),
            source: "pagerduty".parse().unwrap(),
            source_type: "pagerduty".to_owned(),
            kind,
            provider_kind: format!("incident.{}", kind.as_str()),
            delivery_key: format!("d-{}", kind.as_str()),
            external_id: Some("Q1".to_owned()),
            occurred_at: now,
            received_at: now,
            summary: "Checkout is down".to_owned(),
            alert: None,
            disposition,
            raw: RawFragment::keep("{}"),
        }
    }

    /// Handles a message that is received for the `receives`-th time by an invocation that lasts `seconds`.
    pub async fn handle(&self, body: &str, receives: u32, seconds: i64) -> Handled {
        let receipt = Receipt("r".to_owned());
        let message = Received { queue: Queue::Investigate, body: body.to_owned(), receipt, receives };
        self.investigate.handle(&message, self.clock.now() + SignedDuration::from_secs(seconds)).await
    }

    /// Handles what was sent to the investigate queue until nothing is, each when its delay is over; how many there were.
    /// Returns the news beside them too.
    pub async fn drain(&self, seconds: i64) -> (u32, Vec<Sent>) {
        let (mut handled, mut news) = (0, Vec::new());
        loop {
            let (ours, others): (Vec<_>, Vec<_>) =
                self.outbox.take().into_iter().partition(|sent| sent.queue == Queue::Investigate);
            news.extend(others);
            if ours.is_empty() {
                return (handled, news);
            }
            for sent in ours {
                tokio::time::sleep(sent.delay).await;
                self.handle(&sent.body, 1, seconds).await.unwrap();
                handled += 1;
            }
        }
    }

    pub async fn view(&self, run: RunId) -> RunView {
        self.store.reader().view(run).await.unwrap().unwrap()
    }

    pub async fn claim(&self, run: RunId) -> LeaseToken {
        match self.store.claim_run(run, LEASE).await.unwrap() {
            Claim::Claimed { token, .. } => token,
            other => panic!("{other:?}"),
        }
    }

    /// What was looked at since the last look.
    pub fn called(&self) -> Vec<String> {
        std::mem::take(&mut *self.script.called.lock().unwrap())
    }
}

/// The message that an event is accepted with, and the run that it opens if it opens one.
pub fn message(event: &Event) -> (String, RunId) {
    let message = InvestigateMessage::EventV1 { event: Box::new(event.clone()) };
    (serde_json::to_string(&message).unwrap(), RunId::opened_by(event.id))
}

/// The one piece of news for the one target.
pub fn slack(revision: u64) -> (String, u64) {
    ("slack".to_owned(), revision)
}
