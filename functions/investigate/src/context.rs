//! What investigate is given by its environment.

use std::{sync::Arc, time::Duration};

use awscall::{Aws, AwsOptions, Keys};
use catalog::Catalog;
use dynamo::DynamoTable;
use engine::Engine;
use firstlook_aws::{AwsEnv, SecretsManager, SqsQueues};
use models::{Models, ModelsOptions};
use net::AddressPolicy;
use ports::{Clock, OsEntropy, Queue, SystemClock};
use runtime::env::{EnvError, Reader, Vars};
use store::Store;
use tasks::{Tasks, TasksOptions};

use crate::Investigate;

/// Every variable that is read here, beside AWS's own ([`AwsEnv::NAMES`]).
pub const ENV: &[&str] = &[
    "FIRSTLOOK_CATALOG",
    "FIRSTLOOK_SECRET",
    "FIRSTLOOK_TABLE",
    "FIRSTLOOK_INVESTIGATE_QUEUE",
    "FIRSTLOOK_DELIVER_QUEUE",
    "FIRSTLOOK_LEASE_SECONDS",
    "FIRSTLOOK_MAX_RECEIVES",
];

/// Why the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The environment.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The catalog's file.
    #[error(transparent)]
    Catalog(#[from] catalog::ReadError),
    /// The AWS clients.
    #[error("the AWS clients cannot be built")]
    Aws(#[from] firstlook_aws::ConnectError),
    /// The way to AWS for tasks.
    #[error("the way to AWS for tasks cannot be built")]
    Client(#[from] net::ClientError),
    /// `AWS_ENDPOINT_URL`.
    #[error("AWS_ENDPOINT_URL is not a URL")]
    Endpoint(#[source] url::ParseError),
    /// The task kinds.
    #[error("the task kinds cannot be built")]
    Tasks(#[from] tasks::TasksError),
    /// The models.
    #[error("the models cannot be built")]
    Models(#[from] models::ModelsError),
}

/// The way to AWS for tasks: the function's own credentials, and roles from there.
///
/// # Errors
/// [`ContextError::Client`], [`ContextError::Endpoint`].
pub fn way_to_aws(env: &AwsEnv, clock: &Arc<dyn Clock>) -> Result<Aws, ContextError> {
    let keys = Keys {
        access_key_id: env.access_key_id.clone(),
        secret_access_key: env.secret_access_key.clone(),
        session_token: env.session_token.clone(),
        expires: None,
    };
    let mut options = AwsOptions::new(&env.region, Arc::new(keys), Arc::clone(clock), Arc::new(OsEntropy));
    options.endpoint = env.endpoint_url.as_deref().map(str::parse).transpose().map_err(ContextError::Endpoint)?;
    options.extra_ca.clone_from(&env.ca_bundle);
    Ok(Aws::new(options)?)
}

/// Builds the handler on AWS from `vars`.
///
/// # Errors
/// [`ContextError`], with everything that is wrong with the environment at once.
pub fn from_vars(vars: &dyn Vars) -> Result<Investigate, ContextError> {
    let mut env = Reader::new(vars);
    let path = env.or("FIRSTLOOK_CATALOG", "/var/task/catalog.json");
    let secret = env.required("FIRSTLOOK_SECRET");
    let table = env.required("FIRSTLOOK_TABLE");
    let investigate = env.required("FIRSTLOOK_INVESTIGATE_QUEUE");
    let deliver = env.required("FIRSTLOOK_DELIVER_QUEUE");
    let lease = env.parsed_or("FIRSTLOOK_LEASE_SECONDS", 30_u64);
    let max_receives = env.parsed_or("FIRSTLOOK_MAX_RECEIVES", 10_u32);
    let aws = AwsEnv::read(|name| vars.get(name)).map_err(|error| env.refuse("AWS", error)).ok();
    let (Some(secret), Some(table), Some(investigate), Some(deliver), Some(lease), Some(max_receives), Some(aws)) =
        (secret, table, investigate, deliver, lease, max_receives, aws)
    else {
        return Err(env.problems().into());
    };
    let catalog = Catalog::read_compiled(path)?;
    let clients = firstlook_aws::connect(&aws)?;
    let queues =
        Arc::new(SqsQueues::new(clients.sqs(), [(Queue::Investigate, investigate), (Queue::Deliver, deliver)]));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(SecretsManager::new(clients.secrets_manager(), secret, Arc::clone(&clock)));
    let policy = AddressPolicy::new(tasks::named_hosts(&catalog));
    let way = way_to_aws(&aws, &clock)?;
    let of_models = ModelsOptions {
        secrets: Arc::clone(&secrets) as Arc<_>,
        clock: Arc::clone(&clock),
        aws: Some(way.clone()),
        extra_ca: aws.ca_bundle.clone(),
    };
    let models = Models::new(&catalog, of_models)?;
    let tasks = Tasks::new(TasksOptions {
        clusters: catalog.clusters.clone(),
        accounts: catalog.accounts.clone(),
        aws: Some(way),
        extra_ca: aws.ca_bundle.clone(),
        ..TasksOptions::new(policy, secrets, Arc::clone(&clock))
    })?;
    let store = Store::new(Arc::new(DynamoTable::new(&clients, table)), Arc::clone(&clock), Arc::new(OsEntropy));
    let engine = Engine {
        catalog: Arc::new(catalog),
        store,
        tasks: Arc::new(tasks),
        models: Arc::new(models),
        clock: Arc::clone(&clock),
    };
    let (sender, retimer) = (Arc::clone(&queues) as Arc<_>, queues as Arc<_>);
    Ok(Investigate { engine, sender, retimer, clock, lease: Duration::from_secs(lease.max(1)), max_receives })
}
