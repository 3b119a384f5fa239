//! What investigate is given by its environment.

use std::{sync::Arc, time::Duration};

use catalog::Catalog;
use dynamo::DynamoTable;
use engine::Engine;
use firstlook_aws::{AwsEnv, SecretsManager, SqsQueues};
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
    /// The task kinds.
    #[error("the task kinds cannot be built")]
    Tasks(#[from] tasks::TasksError),
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
    let tasks = Tasks::new(TasksOptions {
        clusters: catalog.clusters.clone(),
        ..TasksOptions::new(policy, secrets, Arc::clone(&clock))
    })?;
    let store = Store::new(Arc::new(DynamoTable::new(&clients, table)), Arc::clone(&clock), Arc::new(OsEntropy));
    let engine = Engine {
        catalog: Arc::new(catalog),
        store,
        tasks: Arc::new(tasks),
        models: Arc::new(engine::model::NoModels),
        clock: Arc::clone(&clock),
    };
    let (sender, retimer) = (Arc::clone(&queues) as Arc<_>, queues as Arc<_>);
    Ok(Investigate { engine, sender, retimer, clock, lease: Duration::from_secs(lease.max(1)), max_receives })
}
