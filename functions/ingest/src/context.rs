//! What ingest is given by its environment.

use std::sync::Arc;

use catalog::Catalog;
use firstlook_aws::{AwsEnv, SecretsManager, SnsHttps, SqsQueues};
use ports::{Clock, OsEntropy, Queue, ReadSecret, SystemClock, chain};
use runtime::env::{EnvError, Reader, Vars};

use crate::Ingest;

/// Every variable that is read here, beside AWS's own ([`AwsEnv::NAMES`]).
pub const ENV: &[&str] = &["FIRSTLOOK_CATALOG", "FIRSTLOOK_SECRET", "FIRSTLOOK_INVESTIGATE_QUEUE", "FIRSTLOOK_WARMUP"];

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
}

/// The handler on AWS, and what makes it warm.
pub struct Context {
    /// The handler.
    pub ingest: Ingest,
    warm: Option<Warm>,
}

/// The ports, and a secret that will be wanted.
struct Warm {
    queues: Arc<SqsQueues>,
    secrets: Arc<SecretsManager>,
    key: Option<String>,
}

impl Context {
    /// Builds the handler from `vars`. Calls nothing.
    ///
    /// # Errors
    /// [`ContextError`], with everything that is wrong with the environment at once.
    pub fn from_vars(vars: &dyn Vars) -> Result<Self, ContextError> {
        let mut env = Reader::new(vars);
        let path = env.or("FIRSTLOOK_CATALOG", "/var/task/catalog.json");
        let secret = env.required("FIRSTLOOK_SECRET");
        let investigate = env.required("FIRSTLOOK_INVESTIGATE_QUEUE");
        let warmup = match env.or("FIRSTLOOK_WARMUP", "on").as_str() {
            "on" => true,
            "off" => false,
            _ => {
                env.refuse("FIRSTLOOK_WARMUP", "is neither `on` nor `off`");
                false
            }
        };
        let aws = AwsEnv::read(|name| vars.get(name)).map_err(|error| env.refuse("AWS", error)).ok();
        let problems = env.problems();
        let (Some(secret), Some(investigate), Some(aws), true) =
            (secret, investigate, aws, problems.problems.is_empty())
        else {
            return Err(problems.into());
        };
        let catalog = Catalog::read_compiled(path)?;
        let clients = firstlook_aws::connect(&aws)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let queues = Arc::new(SqsQueues::new(clients.sqs(), [(Queue::Investigate, investigate)]));
        let secrets = Arc::new(SecretsManager::new(clients.secrets_manager(), secret, Arc::clone(&clock)));
        let key = catalog.sources.values().find_map(|source| source.verify.secret.clone());
        let warm = warmup.then(|| Warm { queues: Arc::clone(&queues), secrets: Arc::clone(&secrets), key });
        let sns = Arc::new(SnsHttps::new(&aws));
        let ingest = Ingest::new(Arc::new(catalog), queues, secrets, sns, clock, Arc::new(OsEntropy));
        Ok(Self { ingest, warm })
    }

    /// Makes one cheap signed call on each connection, while the function is initialised with a whole processor, so that
    /// the first event waits for no name, no handshake and no secret. A call that fails is logged and no more: the first
    /// event will try again and say what is wrong. `FIRSTLOOK_WARMUP=off` leaves it out.
    pub async fn warm_up(&self) {
        let Some(Warm { queues, secrets, key }) = &self.warm else { return };
        let queue = async {
            if let Err(error) = queues.warm_up(Queue::Investigate).await {
                tracing::warn!(error = chain(&error), "the connection to the queue could not be made beforehand");
            }
        };
        let secret = async {
            let Some(key) = key else { return };
            if let Err(error) = secrets.read(key).await {
                tracing::warn!(error = chain(&error), "the secret could not be read beforehand");
            }
        };
        tokio::join!(queue, secret);
    }
}
