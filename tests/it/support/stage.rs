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
use store::{Reader, Store};
use tasks::{Tasks, TasksOptions};

/// A killed run goes on after this long.
pub const LEASE: Duration = Duration::from_secs(2);

/// Kills this process, by SIGKILL, at its `at`-th durable write: before it, or after it.
#[derive(Debug, Clone)]
pub struct Kill {
    at: u32,
    after: bool,
    seen: Arc<AtomicU32>,
}

impl Kill {
    pub fn never() -> Self {
        Self::at(u32::MAX, false)
    }

    pub fn at(at: u32, after: bool) -> Self {
        Self { at, after, seen: Arc::default() }
    }

    async fn around<T>(&self, write: impl Future<Output = T>) -> T {
        let mine = self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if mine && !self.after {
            die().await;
        }
        let done = write.await;
        if mine && self.after {
            die().await;
        }
        done
    }
}

async fn die() {
    let pid = std::process::id().to_string();
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    // The signal is under way; nothing may happen meanwhile.
    std::future::pending::<()>().await;
}

/// A port whose durable writes are counted.
struct Killing<P>(P, Kill);

#[async_trait]
impl ReadTable for Killing<SqliteTable> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.0.get(key).await
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        self.0.query(pk, prefix).await
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        self.0.index(index, pk, limit, after).await
    }
}

#[async_trait]
impl WriteTable for Killing<SqliteTable> {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.1.around(self.0.transact(writes)).await
    }
}

#[async_trait]
impl SendMessage for Killing<SqliteQueues> {
    async fn send(&self, queue: Queue, body: &str, group: &str, delay: Duration) -> Result<(), PortError> {
        self.1.around(self.0.send(queue, body, group, delay)).await
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
        }
    }

    pub fn database_path(&self) -> PathBuf {
        self.folder.join("firstlook.db")
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
            outlets: Arc::clone(&outlets) as Arc<_>,
            chat: outlets,
            sender,
            retimer: Arc::new(self.queues.clone()),
            secrets: Arc::clone(&self.secrets),
            clock: Arc::clone(&self.clock),
            entropy: Arc::new(OsEntropy),
            lease: LEASE,
            console_url: Some("http://console.test".to_owned()),
            link_days: 30,
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

    /// Starts investigate and deliver on the queues.
    pub fn work(&self, kill: Kill) -> Workers {
        let table = Arc::new(Killing(SqliteTable::new(self.database.clone()), kill.clone()));
        let sender: Arc<dyn SendMessage> = Arc::new(Killing(self.queues.clone(), kill));
        let store = Store::new(table, Arc::clone(&self.clock), Arc::new(OsEntropy));
        let policy = AddressPolicy::new(tasks::named_hosts(&self.catalog));
        let options = TasksOptions::new(policy, Arc::clone(&self.secrets), Arc::clone(&self.clock));
        let clusters = self.catalog.clusters.clone();
        let tasks = Tasks::new(TasksOptions { clusters, ..options }).unwrap();
        let engine = Engine {
            catalog: Arc::clone(&self.catalog),
            store: store.clone(),
            tasks: Arc::new(tasks),
            models: Arc::new(self.models()),
            clock: Arc::clone(&self.clock),
        };
        let investigate = investigate::Investigate {
            engine,
            sender: Arc::clone(&sender),
            retimer: Arc::new(self.queues.clone()),
            clock: Arc::clone(&self.clock),
            lease: LEASE,
            max_receives: self.queues.max_receives(Queue::Investigate),
        };
        let deliver = self.deliver(store, sender);
        let start = |queue, handler: Arc<dyn HandleMessage>| {
            // The visibility is far beyond any test's patience: only the lease brings a message back.
            let settings = WorkerSettings {
                deadline: Duration::from_secs(30),
                // Longer than any lease here, so that what comes back sooner was retimed. Not longer than a test waits: who is killed
                // between the receipt and the retiming leaves the message to this.
                visibility: Duration::from_secs(45),
                poll: Duration::from_millis(100),
                ..WorkerSettings::default()
            };
            Worker::start(self.queues.clone(), queue, handler, Arc::clone(&self.clock), settings)
        };
        Workers(vec![start(Queue::Investigate, Arc::new(investigate)), start(Queue::Deliver, deliver)])
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

/// A child process with workers. It ends with this, and also when this process is killed.
pub struct ChildProcess(Child);

impl ChildProcess {
    /// Starts one on `stage`'s folder that kills itself at write `at`.
    pub fn start(stage: &Stage, at: u32, after: bool) -> Self {
        let orders = serde_json::json!({
            "folder": stage.folder, "slack": stage.slack_api, "pagerduty": stage.pagerduty_api, "at": at, "after": after,
        });
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "scenarios::local::child", "--ignored", "--nocapture"])
            .env(ORDERS, orders.to_string())
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
    let orders: serde_json::Value = serde_json::from_str(&orders).unwrap();
    let text = |key: &str| orders[key].as_str().unwrap().to_owned();
    let stage = Stage::open(Path::new(&text("folder")), &text("slack"), &text("pagerduty"));
    let kill = Kill::at(u32::try_from(orders["at"].as_u64().unwrap()).unwrap(), orders["after"].as_bool().unwrap());
    let _workers = stage.work(kill);
    // Its input ends when its parent does.
    let _ = tokio::task::spawn_blocking(|| std::io::Read::read(&mut std::io::stdin(), &mut [0])).await;
}
