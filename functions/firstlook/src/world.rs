//! The one place that wires the local world: the handlers of the Lambda functions over the ports on SQLite.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use catalog::{
    Catalog,
    model::{Scheme, Source},
};
use console::Console;
use deliver::{Deliver, LINK_KEY, context::way_to_ses};
use domain::{OutletSpec, Secret};
use engine::Engine;
use firstlook_aws::AwsEnv;
use inbox::Inbox;
use ingest::Ingest;
use investigate::Investigate;
use local::{
    Database, FileSecrets, Folder, LocalError, MaxReceives, SqliteQueues, SqliteTable, Timer, TimerError, Worker,
    WorkerSettings,
};
use models::{Models, ModelsOptions};
use net::AddressPolicy;
use outlets::{Outlets, Settings};
use ports::{Clock, Entropy, OsEntropy, Queue, ReadSecret, SecretError, SystemClock};
use store::{
    Store,
    link::{self, Scope},
};
use tasks::{Tasks, TasksOptions};

/// How long a run or a target is held without a sign of life.
const LEASE: Duration = Duration::from_secs(30);

/// How long a stopping world waits for what it has in hand.
const GRACE: Duration = Duration::from_secs(10);

/// Why there is no local world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The folder, the database or the secrets.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The Schedules.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// The task kinds.
    #[error("the task kinds cannot be built")]
    Tasks(#[from] tasks::TasksError),
    /// The models.
    #[error("the models cannot be built")]
    Models(#[from] models::ModelsError),
    /// The way to AWS for tasks.
    #[error("the way to AWS for tasks cannot be built")]
    Aws(#[from] investigate::context::ContextError),
    /// The way to SES.
    #[error("the way to AWS for mails cannot be built")]
    Ses(#[from] deliver::context::ContextError),
    /// The outlets.
    #[error("the outlets cannot be built")]
    Outlets(#[from] outlets::ClientError),
    /// Somewhere to deliver to.
    #[error("`{0}` is not a URL")]
    Url(String),
    /// The key of the links.
    #[error("the key of the console's links cannot be read")]
    Link(#[from] SecretError),
}

/// Where deliveries go.
#[derive(Clone)]
pub enum Outside {
    /// To the inbox, whatever the catalog says.
    Inbox(Arc<Inbox>),
    /// To the real Slack, PagerDuty, SES and webhooks.
    Real,
}

/// A local world: one folder.
#[derive(Clone)]
pub struct World {
    /// Where it is.
    pub folder: Folder,
    /// The table.
    pub store: Store,
    /// The queues.
    pub queues: SqliteQueues,
    /// The secrets.
    pub secrets: Arc<FileSecrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    table: SqliteTable,
    entropy: Arc<dyn Entropy>,
}

impl World {
    /// The world in `folder`, made where there is none. Blocks.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn open(folder: Folder) -> Result<Self, WorldError> {
        let database = Database::open(&folder.database())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let table = SqliteTable::new(database.clone());
        let store = Store::new(Arc::new(table.clone()), Arc::clone(&clock), Arc::clone(&entropy));
        let queues = SqliteQueues::new(database, Arc::clone(&clock), MaxReceives::default());
        let secrets = Arc::new(FileSecrets::new(folder.secrets()));
        secrets.add_missing(&BTreeMap::from([(LINK_KEY, made_up(None))]))?;
        Ok(Self { folder, store, queues, secrets, clock, table, entropy })
    }

    /// The same for who only looks: there must be one already.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, WorldError> {
        if !path.join("firstlook.db").exists() {
            return Ok(None);
        }
        Self::open(Folder::open(path)?).map(Some)
    }

    /// Makes up a secret for every Source and webhook of the catalog that has none yet, and says for which keys.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn make_up_secrets(&self, catalog: &Catalog) -> Result<Vec<String>, WorldError> {
        let keys = catalog.sources.values().filter_map(|source| Some((source.verify.secret.as_deref()?, source)));
        Ok(self.secrets.add_missing(&keys.map(|(key, source)| (key, made_up(Some(source)))).collect())?)
    }

    /// Removes what has expired.
    pub async fn sweep(&self) {
        if let Err(error) = self.table.sweep(self.clock.now()).await {
            tracing::warn!(error = ports::chain(&error), "what has expired could not be removed");
        }
    }

    /// The ingest handler.
    #[must_use]
    pub fn ingest(&self, catalog: &Arc<Catalog>) -> Ingest {
        Ingest::new(
            Arc::clone(catalog),
            Arc::new(self.queues.clone()),
            Arc::clone(&self.secrets) as Arc<dyn ReadSecret>,
            Arc::new(firstlook_aws::SnsHttps::default()),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        )
    }

    /// The investigate handler.
    ///
    /// # Errors
    /// [`WorldError::Tasks`].
    pub fn investigate(&self, catalog: &Arc<Catalog>) -> Result<Investigate, WorldError> {
        let policy = AddressPolicy::new(tasks::named_hosts(catalog));
        let options = TasksOptions::new(policy, Arc::clone(&self.secrets) as Arc<_>, Arc::clone(&self.clock));
        // Who has credentials in the environment can try the AWS kinds and ask Bedrock; without them each of them says so.
        let aws = match AwsEnv::from_process() {
            Ok(env) => Some(investigate::context::way_to_aws(&env, &self.clock)?),
            Err(_) => None,
        };
        let tasks = Tasks::new(TasksOptions {
            clusters: catalog.clusters.clone(),
            accounts: catalog.accounts.clone(),
            aws: aws.clone(),
            ..options
        })?;
        let of_models = ModelsOptions {
            secrets: Arc::clone(&self.secrets) as Arc<_>,
            clock: Arc::clone(&self.clock),
            aws,
            extra_ca: None,
        };
        let models = Models::new(catalog, of_models)?;
        let queues = Arc::new(self.queues.clone());
        Ok(Investigate {
            engine: Engine {
                catalog: Arc::clone(catalog),
                store: self.store.clone(),
                tasks: Arc::new(tasks),
                models: Arc::new(models),
                clock: Arc::clone(&self.clock),
            },
            sender: Arc::clone(&queues) as Arc<_>,
            retimer: queues,
            clock: Arc::clone(&self.clock),
            lease: LEASE,
            max_receives: self.queues.max_receives(Queue::Investigate),
        })
    }

    /// The deliver handler. Its links lead to `console_url`.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn deliver(
        &self,
        catalog: &Arc<Catalog>,
        outside: &Outside,
        console_url: String,
    ) -> Result<Deliver, WorldError> {
        let url = |text: String| text.parse().map_err(|_| WorldError::Url(text));
        let (settings, secrets): (Settings, Arc<dyn ReadSecret>) = match outside {
            Outside::Inbox(inbox) => (
                Settings {
                    slack_api: url(inbox.slack_api())?,
                    pagerduty_api: url(inbox.pagerduty_api())?,
                    inbox: Some(url(inbox.url())?),
                },
                Arc::new(InboxSecrets(Arc::clone(&self.secrets))),
            ),
            Outside::Real => (providers()?, Arc::clone(&self.secrets) as Arc<_>),
        };
        let mut outlets = Outlets::new(settings, Arc::clone(&secrets))?;
        let aws = match outside {
            Outside::Inbox(inbox) => Some(AwsEnv {
                region: "us-east-1".to_owned(),
                access_key_id: "only-the-inbox".to_owned(),
                secret_access_key: Secret::new("only-the-inbox"),
                session_token: None,
                endpoint_url: Some(inbox.ses()),
                ca_bundle: None,
            }),
            // Without credentials each mail says that there are none.
            Outside::Real => AwsEnv::from_process().ok(),
        };
        if let Some(env) = aws {
            outlets = outlets.with_aws(way_to_ses(&env, &self.clock)?);
        }
        let outlets = Arc::new(outlets);
        Ok(Deliver {
            store: self.store.clone(),
            catalog: Arc::new(Arc::clone(catalog).into()),
            outlets: Arc::clone(&outlets) as Arc<_>,
            chat: outlets,
            sender: Arc::new(self.queues.clone()),
            retimer: Arc::new(self.queues.clone()),
            secrets,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            lease: LEASE,
            max_receives: self.queues.max_receives(Queue::Deliver),
            lands: deliver::LANDS,
            console_url: Some(console_url),
            link_days: link::DAYS,
        })
    }

    /// The console.
    #[must_use]
    pub fn console(&self) -> Console {
        Console {
            reader: self.store.reader(),
            secrets: Arc::clone(&self.secrets) as Arc<dyn ReadSecret>,
            clock: Arc::clone(&self.clock),
            link_days: link::DAYS,
        }
    }

    /// What says when the catalog's Schedules are due.
    ///
    /// # Errors
    /// [`WorldError::Timer`].
    pub fn timer(&self, catalog: &Catalog) -> Result<Timer, WorldError> {
        Ok(Timer::new(catalog, Arc::new(self.queues.clone()), Arc::clone(&self.clock))?)
    }

    /// Begins to work the investigate queue.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn work_investigate(&self, catalog: &Arc<Catalog>) -> Result<Worker, WorldError> {
        let handler = Arc::new(self.investigate(catalog)?);
        let (queue, settings) = (Queue::Investigate, WorkerSettings::default());
        Ok(Worker::start(self.queues.clone(), queue, handler, Arc::clone(&self.clock), settings))
    }

    /// Begins to work the deliver queue.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn work_deliver(
        &self,
        catalog: &Arc<Catalog>,
        outside: &Outside,
        console_url: String,
    ) -> Result<Worker, WorldError> {
        let handler = Arc::new(self.deliver(catalog, outside, console_url)?);
        let settings = WorkerSettings {
            concurrency: deliver::AT_ONCE,
            deadline: Duration::from_secs(60),
            visibility: Duration::from_secs(90),
            ..WorkerSettings::default()
        };
        Ok(Worker::start(self.queues.clone(), Queue::Deliver, handler, Arc::clone(&self.clock), settings))
    }

    /// A link to the console at `base` that opens for `days`.
    ///
    /// # Errors
    /// [`WorldError::Link`].
    pub async fn link(&self, base: &str, scope: Scope, days: u32) -> Result<String, WorldError> {
        sign_link(self.secrets.as_ref(), self.clock.as_ref(), base, scope, days).await
    }

    /// The file that says where the world's server is, while there is one.
    #[must_use]
    pub fn url_file(&self) -> PathBuf {
        self.folder.path().join("url")
    }
}

/// A link to the console at `base` that opens for `days`, by the current key in `secrets`.
///
/// # Errors
/// [`WorldError::Link`].
pub async fn sign_link(
    secrets: &dyn ReadSecret,
    clock: &dyn Clock,
    base: &str,
    scope: Scope,
    days: u32,
) -> Result<String, WorldError> {
    let keys = secrets.read(LINK_KEY).await?;
    let key = keys.first().ok_or_else(|| SecretError::Missing { key: LINK_KEY.to_owned() })?;
    Ok(link::sign(base, scope, link::ends(clock.now(), days), key))
}

/// Stops the workers, all at once.
pub async fn stop(workers: Vec<Worker>) {
    let mut stopping = tokio::task::JoinSet::new();
    for worker in workers {
        stopping.spawn(worker.stop(GRACE));
    }
    while stopping.join_next().await.is_some() {}
}

/// A secret that nobody has used before, in the form that the source's scheme wants.
pub fn made_up(source: Option<&Source>) -> Secret {
    let random: [u8; 32] = rand::random();
    let text = STANDARD.encode(random);
    match source.and_then(|source| source.verify.scheme) {
        Some(Scheme::StandardWebhooks) => Secret::new(format!("whsec_{text}")),
        _ => Secret::new(text),
    }
}

/// Where the real providers are: where the functions would call them, by the same variables.
///
/// # Errors
/// [`WorldError::Url`].
pub fn providers() -> Result<Settings, WorldError> {
    let api = |name: &str, own: &str| {
        let text = std::env::var(name).ok().filter(|text| !text.is_empty()).unwrap_or_else(|| own.to_owned());
        text.parse::<url::Url>().ok().filter(url::Url::has_host).ok_or(WorldError::Url(text))
    };
    Ok(Settings {
        slack_api: api("FIRSTLOOK_SLACK_API", deliver::context::SLACK_API)?,
        pagerduty_api: api("FIRSTLOOK_PAGERDUTY_API", deliver::context::PAGERDUTY_API)?,
        inbox: None,
    })
}

/// All targets of a catalog, each with whose it is.
pub fn outlets(catalog: &Catalog) -> impl Iterator<Item = (String, &OutletSpec)> {
    let of = |what: &str, name: &domain::Name| format!("{what} {name}");
    let workflows = catalog.workflows.values().map(move |one| (of("Workflow", &one.name), &one.deliver));
    let schedules = catalog.schedules.values().map(move |one| (of("Schedule", &one.name), &one.deliver));
    workflows.chain(schedules).flat_map(|(of, deliver)| deliver.iter().map(move |one| (of.clone(), &one.outlet)))
}

/// Whether a catalog posts to anything that wants a secret of its own, by key.
#[must_use]
pub fn outlet_keys(catalog: &Catalog) -> Vec<String> {
    let mut keys: Vec<String> = outlets(catalog).filter_map(|(_, outlet)| outlet.secret().map(str::to_owned)).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The secrets of a world whose deliveries go to the inbox: it takes any token, so those that nobody has set are made up.
struct InboxSecrets(Arc<FileSecrets>);

#[async_trait]
impl ReadSecret for InboxSecrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        match self.0.read(key).await {
            Err(SecretError::Missing { .. }) if key == "slack-bot-token" => {
                Ok(vec![Secret::new("xoxb-only-the-inbox")])
            }
            Err(SecretError::Missing { .. }) => {
                Ok(vec![Secret::new(format!("whsec_{}", STANDARD.encode("only the inbox takes this")))])
            }
            known => known,
        }
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.read(key).await
    }
}
