//! The local world's wiring for scenarios, in this process or in a child that kills itself at a chosen write.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use awscall::{Aws, AwsOptions, Keys};
use catalog::Catalog;
use domain::Secret;
use engine::Engine;
use local::{Database, FileSecrets, MaxReceives, Routes, SqliteQueues, SqliteTable, Timer, Worker, WorkerSettings};
use models::{Models, ModelsOptions};
use net::AddressPolicy;
use outlets::{Outlets, Settings};
use ports::{
    Clock, HandleHttp, HandleMessage, Index, Item, Key, OsEntropy, Page, PortError, Queue, ReadSecret, ReadTable,
    SendMessage, SystemClock, TableError, Write, WriteTable,
};
use serde::{Deserialize, Serialize};
use store::{Reader, Store};
use tasks::{Tasks, TasksOptions};

/// A killed run goes on after this long.
pub const LEASE: Duration = Duration::from_secs(2);

/// Whose writes a kill counts. Each makes them in an order of its own; of both together it would be by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    Investigate,
    Deliver,
}

/// Kills this process, by SIGKILL, at the `at`-th durable write of that handler: before it, or after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kill {
    pub whose: Whose,
    pub at: u32,
    pub after: bool,
}

impl Kill {
    pub fn never() -> Self {
        Self { whose: Whose::Investigate, at: u32::MAX, after: false }
    }
}

/// A port whose durable writes are counted.
struct Killing<P> {
    port: P,
    kill: Kill,
    /// With the other ports of the same handler.
    seen: Arc<AtomicU32>,
    /// Where the write is named that the process dies at.
    note: PathBuf,
}

impl<P> Killing<P> {
    async fn around<E>(&self, what: &str, write: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let mine = self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.kill.at;
        if mine && !self.kill.after {
            self.die(what).await;
        }
        let done = write.await;
        if done.is_err() {
            // What was refused wrote nothing; tried again it has the same place.
            self.seen.fetch_sub(1, Ordering::SeqCst);
        } else if mine {
            self.die(what).await;
        }
        done
    }

    async fn die(&self, what: &str) {
        std::fs::write(&self.note, what).unwrap();
        let pid = std::process::id().to_string();
        Command::new("kill").args(["-9", &pid]).status().unwrap();
        // The signal is under way; nothing may happen meanwhile.
        std::future::pending::<()>().await;
    }
}

/// What a transaction writes, by its sort keys. Nothing where it only renews a lease: that comes with the time, and no run
/// would have its writes in the same places as another.
fn written(writes: &[Write]) -> Option<String> {
    let renews = |set: &serde_json::Map<String, serde_json::Value>| {
        set.len() == 2 && set.contains_key("lease_until") && set.contains_key("spent_ms")
    };
    let keys = writes.iter().filter_map(|write| match write {
        Write::Put { item, .. } => Some(item.key.sk.as_str()),
        Write::Update { set, .. } if writes.len() == 1 && renews(set) => None,
        Write::Update { key, .. } => Some(key.sk.as_str()),
        Write::Check { .. } => None,
    });
    let keys: Vec<&str> = keys.collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

#[async_trait]
impl ReadTable for Killing<SqliteTable> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.port.get(key).await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        self.port.query(pk, prefix).await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        self.port.index(index, pk, limit, after).await
    }
}

#[async_trait]
impl WriteTable for Killing<SqliteTable> {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        match written(&writes) {
            Some(what) => self.around(&what, self.port.transact(writes)).await,
            None => self.port.transact(writes).await,
        }
    }
}

#[async_trait]
impl SendMessage for Killing<SqliteQueues> {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        self.around(queue.as_str(), self.port.send(queue, body, group, delay)).await
    }
}

/// One folder with a database, secrets and a compiled catalog, and the ports on it.
pub struct Stage {
    folder: PathBuf,
    slack_api: String,
    pagerduty_api: String,
    database: Database,
    catalog: Arc<Catalog>,
    secrets: Arc<dyn ReadSecret>,
    clock: Arc<dyn Clock>,
    pub store: Store,
    pub queues: SqliteQueues,
    /// How many messages of a queue are handled at once.
    pub hands: usize,
}

impl Stage {
    pub fn open(folder: &Path, slack_api: &str, pagerduty_api: &str) -> Self {
        let database = Database::open(&folder.join("firstlook.db")).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let catalog = Catalog::from_compiled(&std::fs::read(folder.join("catalog.json")).unwrap()).unwrap();
        let queues =
            SqliteQueues::new(database.clone(), Arc::clone(&clock), MaxReceives { investigate: 3, deliver: 3 });
        let table = Arc::new(SqliteTable::new(database.clone()));
        Self {
            folder: folder.to_owned(),
            slack_api: slack_api.to_owned(),
            pagerduty_api: pagerduty_api.to_owned(),
            catalog: Arc::new(catalog),
            secrets: Arc::new(FileSecrets::new(folder.join("secrets.json"))),
            store: Store::new(table, Arc::clone(&clock), Arc::new(OsEntropy)),
            database,
            queues,
            clock,
            hands: WorkerSettings::default().concurrency,
        }
    }

    pub fn database_path(&self) -> PathBuf {
        self.folder.join("firstlook.db")
    }

    pub fn catalog_path(&self) -> PathBuf {
        self.folder.join("catalog.json")
    }

    /// ingest and console.
    pub fn doors(&self) -> Arc<dyn HandleHttp> {
        let ingest = ingest::Ingest::new(
            Arc::clone(&self.catalog),
            Arc::new(self.queues.clone()),
            Arc::clone(&self.secrets),
            Arc::new(firstlook_aws::SnsHttps::default()),
            Arc::clone(&self.clock),
            Arc::new(OsEntropy),
        );
        let console = console::Console {
            reader: Reader::new(Arc::new(SqliteTable::new(self.database.clone()))),
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
            link_days: store::link::DAYS,
        };
        Arc::new(Routes::new().route("/hooks/", Arc::new(ingest)).route("/runs", Arc::new(console)))
    }

    /// What says when the catalog's Schedules are due, by `clock`.
    pub fn timer(&self, clock: Arc<dyn Clock>) -> Timer {
        Timer::new(&self.catalog, Arc::new(self.queues.clone()), clock).unwrap()
    }

    fn deliver(&self, store: Store, sender: Arc<dyn SendMessage>) -> Arc<dyn HandleMessage> {
        let url = |text: &str| text.parse().unwrap();
        let settings =
            Settings { slack_api: url(&self.slack_api), pagerduty_api: url(&self.pagerduty_api), inbox: None };
        let outlets = Arc::new(Outlets::new(settings, Arc::clone(&self.secrets)).unwrap());
        Arc::new(deliver::Deliver {
            store,
            catalog: Arc::new(Arc::clone(&self.catalog).into()),
            outlets: Arc::clone(&outlets) as Arc<_>,
            chat: outlets,
            sender,
            retimer: Arc::new(self.queues.clone()),
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
            entropy: Arc::new(OsEntropy),
            lease: LEASE,
            max_receives: self.queues.max_receives(Queue::Deliver),
            // Nothing lands late here.
            lands: LEASE,
            console_url: Some("http://console.test".to_owned()),
            link_days: store::link::DAYS,
        })
    }

    /// The models; Bedrock is where the others are.
    fn models(&self) -> Models {
        let keys = Keys {
            access_key_id: "AKIDOFTHESCENARIOS".to_owned(),
            secret_access_key: Secret::new("secret-of-the-scenarios"),
            session_token: None,
            expires: None,
        };
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::new(OsEntropy));
        let mut options = AwsOptions::new("eu-central-1", Arc::new(keys), Arc::clone(&clock), entropy);
        options.endpoint = self.catalog.models["messages"].url.as_deref().map(|url| url.parse().unwrap());
        let aws = Some(Aws::new(options).unwrap());
        let options = ModelsOptions { secrets: Arc::clone(&self.secrets), clock, aws, extra_ca: None };
        Models::new(&self.catalog, options).unwrap()
    }

    /// The write at which a process on this folder has killed itself.
    pub fn killed_at(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.join(KILLED)).ok()
    }

    /// The store and the sender of a handler, whose writes are counted where `kill` is about them.
    fn ports(&self, whose: Whose, kill: &Kill) -> (Store, Arc<dyn SendMessage>) {
        let kill = if kill.whose == whose { kill.clone() } else { Kill::never() };
        let (seen, note) = (Arc::<AtomicU32>::default(), self.folder.join(KILLED));
        let table = SqliteTable::new(self.database.clone());
        let table = Killing { port: table, kill: kill.clone(), seen: Arc::clone(&seen), note: note.clone() };
        let sender = Killing { port: self.queues.clone(), kill, seen, note };
        (Store::new(Arc::new(table), Arc::clone(&self.clock), Arc::new(OsEntropy)), Arc::new(sender))
    }

    /// Starts investigate and deliver on the queues.
    pub fn work(&self, kill: &Kill) -> Workers {
        let (store, sender) = self.ports(Whose::Investigate, kill);
        let policy = AddressPolicy::new(tasks::named_hosts(&self.catalog));
        let options = TasksOptions::new(policy, Arc::clone(&self.secrets), Arc::clone(&self.clock));
        let clusters = self.catalog.clusters.clone();
        let tasks = Tasks::new(TasksOptions { clusters, ..options }).unwrap();
        let engine = Engine {
            catalog: Arc::clone(&self.catalog),
            store,
            tasks: Arc::new(tasks),
            models: Arc::new(self.models()),
            clock: Arc::clone(&self.clock),
        };
        let investigate = investigate::Investigate {
            engine,
            sender,
            retimer: Arc::new(self.queues.clone()),
            clock: Arc::clone(&self.clock),
            lease: LEASE,
            max_receives: self.queues.max_receives(Queue::Investigate),
        };
        let (store, sender) = self.ports(Whose::Deliver, kill);
        let deliver = self.deliver(store, sender);
        let start = |queue, handler: Arc<dyn HandleMessage>, concurrency| {
            // The visibility is far beyond any test's patience: only the lease brings a message back.
            let settings = WorkerSettings {
                concurrency,
                deadline: Duration::from_secs(30),
                // Longer than any lease here, so that what comes back sooner was retimed. Not longer than a test waits: who is killed
                // between the receipt and the retiming leaves the message to this.
                visibility: Duration::from_secs(45),
                poll: Duration::from_millis(100),
            };
            Worker::start(self.queues.clone(), queue, handler, Arc::clone(&self.clock), settings)
        };
        Workers(vec![
            start(Queue::Investigate, Arc::new(investigate), self.hands),
            start(Queue::Deliver, deliver, deliver::AT_ONCE),
        ])
    }
}

/// Running workers.
pub struct Workers(Vec<Worker>);

impl Workers {
    pub async fn stop(self) {
        for worker in self.0 {
            worker.stop(Duration::from_secs(5)).await;
        }
    }
}

const ORDERS: &str = "FIRSTLOOK_TEST_CHILD";

/// The file of a killed process, beside its database.
const KILLED: &str = "killed";

/// What a child is told.
#[derive(Serialize, Deserialize)]
struct Orders {
    folder: PathBuf,
    slack_api: String,
    pagerduty_api: String,
    kill: Kill,
}

/// A child process with workers. It ends with this, and also when this process is killed.
pub struct ChildProcess(Child);

impl ChildProcess {
    /// Starts one on `stage`'s folder that kills itself when `kill` says so.
    pub fn start(stage: &Stage, kill: Kill) -> Self {
        let orders = Orders {
            folder: stage.folder.clone(),
            slack_api: stage.slack_api.clone(),
            pagerduty_api: stage.pagerduty_api.clone(),
            kill,
        };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "scenarios::local::child", "--ignored", "--nocapture"])
            .env(ORDERS, serde_json::to_string(&orders).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // It may have killed itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a child does: works until it is killed. Run by itself it has no orders and does nothing.
pub async fn child() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let stage = Stage::open(&orders.folder, &orders.slack_api, &orders.pagerduty_api);
    let _workers = stage.work(&orders.kill);
    // Its input ends when its parent does.
    let _ = tokio::task::spawn_blocking(|| std::io::Read::read(&mut std::io::stdin(), &mut [0])).await;
}
