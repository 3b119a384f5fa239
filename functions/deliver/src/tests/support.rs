use std::{
    collections::{BTreeMap, VecDeque},
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use catalog::Catalog;
use domain::{
    Alert, AlertSeverity, Checked, DeliverMessage, EventId, LeaseToken, OutletSpec, PagerDutySpec, Report, Run, RunId,
    Secret, Service, Severity, SlackSpec, StepId, Target, TargetSpec, Trigger, WebhookSpec,
};
use firstlook_aws::AwsEnv;
use inbox::Inbox;
use jiff::{SignedDuration, Timestamp};
use local::{Database, SqliteTable};
use outlets::{Outlets, Settings};
use ports::{
    Clock, Entropy, HandleMessage, Index, Item, Key, Page, PortError, Queue, ReadSecret, ReadTable, Receipt, Received,
    RetimeMessage, SecretError, SendMessage, TableError, Write, WriteTable,
};
use serde_json::{Value, json};
use store::{Claim, Store};

use crate::{Deliver, context::way_to_ses};

pub const LEASE: Duration = Duration::from_secs(30);

/// A message is received as often.
pub const MAX_RECEIVES: u32 = 10;

pub const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub struct Hand(Mutex<Timestamp>);

impl Hand {
    pub fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += SignedDuration::try_from(by).unwrap();
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The real table, some of whose writes fail.
pub struct Failing {
    table: SqliteTable,
    /// Counts down; the write that meets 0 fails.
    pub before_failing: AtomicU32,
    /// Whether all after it fail too, as to a process that is killed there.
    pub stays_broken: AtomicBool,
}

impl Failing {
    /// From now on all writes work.
    pub fn mend(&self) {
        self.stays_broken.store(false, Ordering::SeqCst);
        self.before_failing.store(u32::MAX, Ordering::SeqCst);
    }
}

#[async_trait]
impl ReadTable for Failing {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.table.get(key).await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        self.table.query(pk, prefix).await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        self.table.index(index, pk, limit, after).await
    }
}

#[async_trait]
impl WriteTable for Failing {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        if self.before_failing.fetch_sub(1, Ordering::SeqCst) == 0 {
            if self.stays_broken.load(Ordering::SeqCst) {
                self.before_failing.store(0, Ordering::SeqCst);
            }
            return Err(PortError::transient("write to the table", "throttled").into());
        }
        self.table.transact(writes).await
    }
}

/// One sent message.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub queue: Queue,
    pub body: String,
    pub group: String,
    pub delay: Duration,
}

#[derive(Default)]
pub struct Outbox(Mutex<VecDeque<Sent>>);

#[async_trait]
impl RetimeMessage for Outbox {
    async fn retime(&self, _: Queue, _: &Receipt, visibility: Duration) -> Result<(), PortError> {
        assert!(visibility <= LEASE + Duration::from_secs(1), "the message comes back when the lease has ended");
        Ok(())
    }
}

#[async_trait]
impl SendMessage for Outbox {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        let sent = Sent { queue, body: body.to_owned(), group: group.to_owned(), delay };
        self.0.lock().unwrap().push_back(sent);
        Ok(())
    }
}

impl Outbox {
    /// What was sent since the last look.
    pub fn take(&self) -> Vec<Sent> {
        self.0.lock().unwrap().drain(..).collect()
    }
}

#[derive(Default)]
pub struct Keys {
    pub live: Mutex<BTreeMap<&'static str, String>>,
    pub broken: Mutex<bool>,
}

#[async_trait]
impl ReadSecret for Keys {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        if *self.broken.lock().unwrap() {
            return Err(PortError::permanent("read the secret", "access denied").into());
        }
        let live = self.live.lock().unwrap();
        let text = live.get(key).ok_or_else(|| SecretError::Missing { key: key.to_owned() })?;
        Ok(vec![Secret::new(text.as_str())])
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.read(key).await
    }
}

pub type Handled = Result<(), Box<dyn Error + Send + Sync>>;

pub struct World {
    pub inbox: Inbox,
    pub deliver: Deliver,
    pub store: Store,
    pub table: Arc<Failing>,
    pub outbox: Arc<Outbox>,
    pub keys: Arc<Keys>,
    pub clock: Arc<Hand>,
    _folder: tempfile::TempDir,
}

/// A whole world with nothing in it.
pub async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::new(Database::open(&folder.path().join("t.db")).unwrap());
    let (before_failing, stays_broken) = (AtomicU32::new(u32::MAX), AtomicBool::new(false));
    let table = Arc::new(Failing { table, before_failing, stays_broken });
    let clock = Arc::new(Hand(Mutex::new("2026-11-22T10:00:00Z".parse().unwrap())));
    let entropy: Arc<dyn Entropy> = Arc::new(Counting::default());
    let store = Store::new(Arc::clone(&table) as Arc<_>, Arc::clone(&clock) as Arc<_>, Arc::clone(&entropy));
    let inbox = Inbox::start("127.0.0.1:0".parse().unwrap(), Arc::clone(&clock) as Arc<_>).await.unwrap();
    let live = [
        ("slack-bot-token", "xoxb-1"),
        ("pagerduty-api-key", "pd-key"),
        ("hook-key", SIGNING),
        ("opsgenie-api-key", "og-key"),
        ("jsm-api-key", "jsm-key"),
        ("jira-login", "bot@example.com:token"),
        ("servicenow-login", "firstlook:pass:word"),
        ("github-token", "gh-token"),
        (crate::LINK_KEY, "link-key"),
    ];
    let hooks = ["slack-webhook", "teams"].map(|path| format!("{}/{path}/team", inbox.url()));
    let [slack_hook, teams_hook] = hooks;
    let live = live.into_iter().map(|(key, text)| (key, text.to_owned()));
    let live = live.chain([("slack-hook", slack_hook), ("teams-hook", teams_hook)]).collect();
    let keys = Arc::new(Keys { live: Mutex::new(live), ..Keys::default() });
    let settings = Settings {
        slack_api: inbox.slack_api().parse().unwrap(),
        pagerduty_api: inbox.pagerduty_api().parse().unwrap(),
        inbox: None,
    };
    let outbox = Arc::new(Outbox::default());
    let outlets = Outlets::new(settings, Arc::clone(&keys) as Arc<_>).unwrap();
    let env = AwsEnv {
        region: "eu-central-1".to_owned(),
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("key"),
        session_token: None,
        endpoint_url: Some(inbox.ses()),
        ca_bundle: None,
    };
    let ses = way_to_ses(&env, &(Arc::clone(&clock) as Arc<dyn Clock>)).unwrap();
    let outlets = Arc::new(outlets.with_aws(ses));
    let deliver = Deliver {
        store: store.clone(),
        catalog: Arc::new(Arc::new(Catalog::default()).into()),
        outlets: Arc::clone(&outlets) as Arc<_>,
        chat: outlets,
        sender: Arc::clone(&outbox) as Arc<_>,
        retimer: Arc::clone(&outbox) as Arc<_>,
        secrets: Arc::clone(&keys) as Arc<_>,
        clock: Arc::clone(&clock) as Arc<_>,
        entropy,
        lease: LEASE,
        max_receives: MAX_RECEIVES,
        lands: crate::LANDS,
        console_url: Some("https://console.example.com".to_owned()),
        link_days: 30,
    };
    World { inbox, deliver, store, table, outbox, keys, clock, _folder: folder }
}

pub fn slack() -> OutletSpec {
    OutletSpec::Slack(SlackSpec::channel("#ops"))
}

pub fn pagerduty() -> OutletSpec {
    OutletSpec::PagerDuty(PagerDutySpec { note: true, from: None })
}

impl World {
    pub fn webhook(&self) -> OutletSpec {
        OutletSpec::Webhook(WebhookSpec { url: self.inbox.webhook("team"), secret: "hook-key".to_owned() })
    }

    /// From now on the catalog has the run's workflow with these targets.
    pub fn catalog_says(&mut self, deliver: Value) {
        let name = "checkout-pages";
        let workflow = json!({
            "name": name,
            "trigger": { "sources": ["pagerduty"] },
            "investigate": { "command": "checkout-triage" },
            "deliver": deliver,
        });
        let workflow = serde_json::from_value(workflow).unwrap();
        let catalog = Catalog { workflows: [(name.parse().unwrap(), workflow)].into(), ..Catalog::default() };
        self.deliver.catalog = Arc::new(Arc::new(catalog).into());
    }

    /// Opens a run with these targets.
    pub async fn open(&self, outlets: &[OutletSpec]) -> RunId {
        let targets = outlets.iter().map(|outlet| TargetSpec::new(outlet.kind(), outlet.clone()));
        self.open_with(targets.collect()).await
    }

    /// The same, with what the catalog says beside the outlets.
    pub async fn open_with(&self, targets: Vec<TargetSpec>) -> RunId {
        self.open_for(targets, &[]).await
    }

    /// The same, with buttons where its Command may be run from these channels.
    pub async fn open_for(&self, targets: Vec<TargetSpec>, asked_from: &[&str]) -> RunId {
        let now = self.clock.now();
        let event = EventId::mint(now, 1);
        let run = Run {
            title: "Checkout answers 503".to_owned(),
            trigger: Trigger::Event { event, source: "pagerduty".parse().unwrap() },
            workflow: Some("checkout-pages".parse().unwrap()),
            alert: Some(Alert {
                external_id: "Q2VJ1C2G2EXAMP".to_owned(),
                title: "Checkout answers 503".to_owned(),
                description: String::new(),
                severity: AlertSeverity::High,
                urgency: String::new(),
                priority: String::new(),
                service: Service::default(),
                team: String::new(),
                labels: BTreeMap::new(),
                links: vec![],
                slo: domain::Slo::default(),
                started_at: now,
            }),
            targets,
            buttons: !asked_from.is_empty(),
            asked_from: asked_from.iter().map(|&channel| channel.to_owned()).collect(),
            ..Run::queued(RunId::opened_by(event), "checkout-triage".parse().unwrap(), "0123456789abcdef", now)
        };
        self.store.open_command(&run).await.unwrap();
        run.id
    }

    async fn claim(&self, run: RunId) -> LeaseToken {
        match self.store.claim_run(run, LEASE).await.unwrap() {
            Claim::Claimed { token, .. } => token,
            other => panic!("{other:?}"),
        }
    }

    /// The evidence stands: revision 2.
    pub async fn evidence(&self, run: RunId) -> Received {
        let token = self.claim(run).await;
        self.store.evidence_stands(run, token, &report("First findings")).await.unwrap();
        self.store.release_run(run, token, false, Duration::ZERO).await.unwrap();
        self.news(run, "slack", 2)
    }

    /// The run has concluded: one revision more.
    pub async fn conclude(&self, run: RunId) -> u64 {
        self.conclude_at(run, None).await
    }

    /// The same, with this worst severity.
    pub async fn conclude_at(&self, run: RunId, worst: Option<Severity>) -> u64 {
        self.conclude_with(run, &Report { worst, ..report("The last word") }).await
    }

    /// The same, with this report.
    pub async fn conclude_with(&self, run: RunId, report: &Report) -> u64 {
        let token = self.claim(run).await;
        self.store.conclude_run(run, token, report).await.unwrap();
        self.revision(run).await
    }

    /// The run is given up for now: one revision more.
    pub async fn give_up(&self, run: RunId) -> u64 {
        let token = self.claim(run).await;
        self.store.give_up_run(run, token, "none of the tries came to an end").await.unwrap();
        self.revision(run).await
    }

    pub async fn revision(&self, run: RunId) -> u64 {
        self.store.reader().run(run).await.unwrap().unwrap().revision
    }

    /// A message of the deliver queue.
    pub fn news(&self, run: RunId, target: &str, revision: u64) -> Received {
        let news = DeliverMessage::TargetV1 { run, target: target.to_owned(), revision, waits_since: None };
        received(serde_json::to_string(&news).unwrap())
    }

    pub async fn handle(&self, message: &Received) -> Handled {
        self.deliver.handle(message, self.clock.now() + SignedDuration::from_mins(5)).await
    }

    /// Handles what was sent to the deliver queue until nothing is sent any more, each when its delay is over; what went
    /// elsewhere.
    pub async fn drain(&self) -> Vec<Sent> {
        let mut elsewhere = Vec::new();
        for _ in 0..100 {
            let mut sent = self.outbox.take();
            sent.sort_by_key(|message| message.delay);
            if sent.is_empty() {
                return elsewhere;
            }
            for message in sent {
                if message.queue == Queue::Deliver {
                    self.clock.forward(message.delay);
                    self.handle(&received(message.body)).await.unwrap();
                } else {
                    elsewhere.push(message);
                }
            }
        }
        panic!("there is no end to it");
    }

    pub async fn target(&self, run: RunId, name: &str) -> Target {
        let view = self.store.reader().view(run).await.unwrap().unwrap();
        view.targets.into_iter().find(|target| target.spec.name == name).unwrap()
    }
}

pub fn received(body: String) -> Received {
    Received { queue: Queue::Deliver, body, receipt: Receipt("r".to_owned()), receives: 1 }
}

fn report(verdict: &str) -> Report {
    Report {
        verdict: verdict.to_owned(),
        worst: None,
        issues: vec![],
        healthy: vec![Checked {
            step: StepId::new("health"),
            title: "Does checkout answer".to_owned(),
            summary: "200 in 9 ms".to_owned(),
        }],
        gaps: vec![],
        next_steps: vec![],
        remarks: vec![],
        read_by: "none".to_owned(),
        ..Report::default()
    }
}
