//! A deployed stack, by the names that `infra/template.yaml` gives its parts, and by its outputs.

mod advice;
mod outputs;
mod signed;

use std::{collections::BTreeMap, error::Error, sync::Arc};

use awscall::Aws;
use dynamo::DynamoTable;
use firstlook_aws::{AwsEnv, AwsEnvError, AwsError, Clients, SecretsManager, SqsQueues};
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
    /// There is no way to other services of AWS.
    #[error("the way to AWS cannot be built")]
    Way(#[source] investigate::context::ContextError),
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

/// Whether SQS says that there is no such queue.
fn is_missing(error: &PortError) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(aws) = source.downcast_ref::<AwsError>() {
            return aws
                .code()
                .is_some_and(|code| code.ends_with("QueueDoesNotExist") || code.ends_with("NonExistentQueue"));
        }
        next = source.source();
    }
    false
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

    /// Whether it has this queue: that of the alarms stands only where its template is deployed.
    ///
    /// # Errors
    /// [`StackError::Queue`].
    pub async fn has(&self, queue: Queue) -> Result<bool, StackError> {
        match self.queues(&[queue]).await {
            Ok(_) => Ok(true),
            Err(StackError::Queue { source, .. }) if is_missing(&source) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The way to other services of AWS, with the same credentials.
    ///
    /// # Errors
    /// [`StackError::Way`].
    pub fn way_to_aws(&self) -> Result<Aws, StackError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        investigate::context::way_to_aws(&self.env, &clock).map_err(StackError::Way)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// [`StackError::Outputs`].
    pub async fn outputs(&self) -> Result<BTreeMap<String, String>, StackError> {
        let failed = |source| StackError::Outputs { stack: self.name.clone(), source };
        outputs::of_stack(&self.env, &self.name).await.map_err(failed)
    }

    /// The secret of this id.
    #[must_use]
    pub fn secrets(&self, id: &str) -> Arc<dyn ReadSecret> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Arc::new(SecretsManager::new(self.clients.secrets_manager(), id.to_owned(), clock))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Invokes its ingest with an event of AWS's, as AWS does: Lambda keeps it, and nobody waits for what comes of it. Needs
    /// `lambda:InvokeFunction`.
    ///
    /// # Errors
    /// [`PortError`]; Lambda does not have the event.
    pub async fn hand_to_ingest(&self, event: Vec<u8>) -> Result<(), PortError> {
        const DOING: &str = "invoke ingest";
        // AWS Lambda API Reference, Invoke.
        let path = format!("/2015-03-31/functions/{}-ingest/invocations?Qualifier=live", self.name);
        let headers = [("content-type", "application/json"), ("x-amz-invocation-type", "Event")];
        match signed::post(&self.env, "lambda", &path, &headers, event).await {
            Ok((202, _)) => Ok(()),
            Ok((status, said)) => Err(PortError::permanent(DOING, format!("Lambda answered {status}: {said}"))),
            Err(error) => Err(PortError::transient(DOING, error)),
        }
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
                let outputs = self.outputs().await?;
                let url = outputs::one(&outputs, which.output()).map_err(failed)?;
                let id = given.map_or_else(|| outputs::one(&outputs, "SecretArn").map_err(failed), Ok)?;
                (url, id)
            }
        };
        Ok((url, self.secrets(&id)))
    }
}
