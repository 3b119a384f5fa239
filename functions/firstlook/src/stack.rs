//! A deployed stack, by the names that `infra/template.yaml` gives its parts, and by its outputs.

mod advice;
mod outputs;

use std::sync::Arc;

use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, AwsEnvError, Clients, SecretsManager, SqsQueues};
use ports::{Clock, PortError, Queue, ReadSecret, SystemClock};
use store::Reader;

pub use advice::advice;
pub use outputs::OutputsError;

use crate::cli::World;

/// Why a stack cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// There are no credentials, or no region.
    #[error("the environment does not say how to reach AWS")]
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
    /// It does not say where it is.
    #[error("the outputs of the stack `{stack}` cannot be read")]
    Outputs {
        /// Its name.
        stack: String,
        /// Why.
        #[source]
        source: OutputsError,
    },
}

/// An address of a stack, by the output that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Where webhooks go.
    Hooks,
    /// Where the pages are.
    Console,
}

impl Address {
    fn output(self) -> &'static str {
        match self {
            Self::Hooks => "HooksUrl",
            Self::Console => "ConsoleUrl",
        }
    }
}

/// A deployed stack.
pub struct Stack {
    name: String,
    env: AwsEnv,
    clients: Clients,
}

impl Stack {
    /// The stack `name`, with the credentials and the region of the environment. Calls nothing.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn connect(name: &str) -> Result<Self, StackError> {
        let env = AwsEnv::from_process().map_err(StackError::Environment)?;
        Ok(Self { name: name.to_owned(), clients: firstlook_aws::connect(&env)?, env })
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

    /// One of its addresses, and its secret: what the command line says of them, else what the stack's outputs say. Who
    /// gives `url` needs no right on CloudFormation; then the secret has the name that the template gives it.
    ///
    /// # Errors
    /// [`StackError::Outputs`].
    pub async fn address(
        &self,
        which: Address,
        url: Option<&str>,
        world: &World,
    ) -> Result<(String, Arc<dyn ReadSecret>), StackError> {
        let given = world.secret_id.clone();
        let (url, id) = match url {
            Some(url) => (url.to_owned(), given.unwrap_or_else(|| format!("{}-secrets", self.name))),
            None => {
                let failed = |source| StackError::Outputs { stack: self.name.clone(), source };
                let outputs = outputs::of_stack(&self.env, &self.name).await.map_err(failed)?;
                let url = outputs::one(&outputs, which.output()).map_err(failed)?;
                let id = given.map_or_else(|| outputs::one(&outputs, "SecretArn").map_err(failed), Ok)?;
                (url, id)
            }
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok((url, Arc::new(SecretsManager::new(self.clients.secrets_manager(), id, clock))))
    }
}
