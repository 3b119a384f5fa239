//! A deployed stack, by the names that `infra/template.yaml` gives its parts.

use std::sync::Arc;

use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, AwsEnvError, Clients, SecretsManager, SqsQueues};
use ports::{Clock, PortError, Queue, SystemClock};
use store::Reader;

/// Why a stack cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// There are no credentials.
    #[error(
        "no AWS credentials in the environment; this puts your profile's there: \
         eval \"$(aws configure export-credentials --format env)\" (and set AWS_REGION)"
    )]
    Environment(#[source] AwsEnvError),
    /// The AWS clients.
    #[error("the AWS clients cannot be built")]
    Connect(#[from] firstlook_aws::ConnectError),
    /// A queue is not there, or may not be seen.
    #[error("the stack `{stack}` cannot be used")]
    Queue {
        /// Its name.
        stack: String,
        /// What the service said.
        #[source]
        source: PortError,
    },
}

/// A deployed stack.
pub struct Stack {
    name: String,
    clients: Clients,
}

impl Stack {
    /// The stack `name`, with the credentials and the region of the environment. Calls nothing.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn connect(name: &str) -> Result<Self, StackError> {
        let env = AwsEnv::from_process().map_err(StackError::Environment)?;
        Ok(Self { name: name.to_owned(), clients: firstlook_aws::connect(&env)? })
    }

    /// Its RunSessions.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::new(DynamoTable::new(&self.clients, format!("{}-runs", self.name))))
    }

    /// Those of its queues.
    ///
    /// # Errors
    /// [`StackError::Queue`].
    pub async fn queues(&self, wanted: &[Queue]) -> Result<SqsQueues, StackError> {
        SqsQueues::of_stack(self.clients.sqs(), &self.name, wanted)
            .await
            .map_err(|source| StackError::Queue { stack: self.name.clone(), source })
    }

    /// Its secret, by `id` or by its name.
    #[must_use]
    pub fn secrets(&self, id: Option<&str>) -> SecretsManager {
        let id = id.map_or_else(|| format!("{}-secrets", self.name), str::to_owned);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        SecretsManager::new(self.clients.secrets_manager(), id, clock)
    }
}
