//! The task kinds: what a Task's `run` can ask of the world. Every kind reads and none can change anything (I7).
//!
//! A kind is one module with a `call` that turns its spec into a [`Called`]; `docs/tasks.md` says what each gives.

mod api;
mod aws;
mod aws_api;
mod cloudtrail;
mod cloudwatch;
mod cloudwatch_logs;
mod common;
mod connect;
mod dns;
mod ecs;
#[doc(hidden)]
pub mod fuzzing;
mod github;
mod http;
mod keys;
mod kubernetes;
mod lambda;
mod lambda_health;
mod loki;
mod mask;
mod named;
mod pagerduty;
mod patterns;
mod promql;
mod signed;
mod sqs;
mod tcp;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
mod troubled;

use std::{collections::BTreeMap, net::SocketAddr, panic::AssertUnwindSafe, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use awscall::Aws;
use catalog::model::{Account, Cluster, RunSpec};
use domain::Name;
use engine::{CallTask, Called};
use futures_util::FutureExt;
use net::AddressPolicy;
use ports::{Clock, ReadSecret};
use serde_json::Value;

pub use aws::aws_place;
pub use common::LONGEST;
use common::one_line;
pub use named::named_hosts;

/// How long a reason may be, in characters: some of it may be a server's own words.
const REASON_CAP: usize = 500;

/// What the task kinds are given.
#[derive(Clone)]
pub struct TasksOptions {
    /// Which addresses may be connected to; its named hosts are [`named_hosts`].
    pub policy: AddressPolicy,
    /// The catalog's secret, by whose keys calls prove themselves.
    pub secrets: Arc<dyn ReadSecret>,
    /// The catalog's Clusters, which Tasks name.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The time, for queries over a window and for the days that a certificate has left.
    pub clock: Arc<dyn Clock>,
    /// A PEM file of certificate authorities to trust besides the public ones.
    pub extra_ca: Option<PathBuf>,
    /// The name servers that a dns task asks; none: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// The way to AWS; none: the AWS kinds fail and say so.
    pub aws: Option<Aws>,
    /// The catalog's Accounts.
    pub accounts: BTreeMap<Name, Account>,
}

impl TasksOptions {
    /// With the public authorities and the system's name servers.
    #[must_use]
    pub fn new(policy: AddressPolicy, secrets: Arc<dyn ReadSecret>, clock: Arc<dyn Clock>) -> Self {
        Self {
            policy,
            secrets,
            clusters: BTreeMap::new(),
            clock,
            extra_ca: None,
            name_servers: Vec::new(),
            aws: None,
            accounts: BTreeMap::new(),
        }
    }
}

/// Why there are no task kinds.
#[derive(Debug, thiserror::Error)]
pub enum TasksError {
    /// The HTTP client, or the authorities to trust.
    #[error(transparent)]
    Client(#[from] net::ClientError),
    /// The check of certificates.
    #[error("certificates cannot be checked")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// Makes the calls of Tasks.
pub struct Tasks {
    http: http::Http,
    secrets: Arc<dyn ReadSecret>,
    clusters: kubernetes::Clusters,
    policy: AddressPolicy,
    clock: Arc<dyn Clock>,
    dns: dns::NameServers,
    tls: tls::Trust,
    cloud: aws::Cloud,
}

impl Tasks {
    /// Reads the authorities and the system's name servers once.
    ///
    /// # Errors
    /// [`TasksError`].
    pub fn new(options: TasksOptions) -> Result<Self, TasksError> {
        let TasksOptions { policy, secrets, clusters, clock, extra_ca, name_servers, aws, accounts } = options;
        Ok(Self {
            http: http::Http::new(policy.clone(), extra_ca.clone())?,
            dns: dns::NameServers::new(&name_servers),
            tls: tls::Trust::new(extra_ca.as_ref())?,
            secrets,
            clusters: kubernetes::Clusters::new(clusters),
            cloud: aws::Cloud::new(aws, accounts),
            policy,
            clock,
        })
    }
}

#[async_trait]
impl CallTask for Tasks {
    async fn call(&self, spec: &RunSpec<String>) -> Called {
        let keys = keys::Keys::new(Arc::clone(&self.secrets));
        // On the heap: some kinds hold several requests at once.
        let called = unbroken(Box::pin(async {
            match spec {
                RunSpec::Http(run) => http::call(&self.http, &keys, run).await,
                RunSpec::Promql(run) => promql::call(&self.http, &keys, self.clock.as_ref(), run).await,
                RunSpec::Loki(run) => loki::call(&self.http, &keys, self.clock.as_ref(), run).await,
                RunSpec::Kubernetes(run) => {
                    kubernetes::call(&self.http, &keys, self.clock.as_ref(), &self.clusters, &self.cloud, run).await
                }
                RunSpec::Pagerduty(run) => pagerduty::call(&self.http, &keys, self.clock.as_ref(), run).await,
                RunSpec::Github(run) => github::call(&self.http, &keys, self.clock.as_ref(), run).await,
                RunSpec::Dns(run) => dns::call(&self.dns, run).await,
                RunSpec::Tcp(run) => tcp::call(&self.policy, run).await,
                RunSpec::Tls(run) => tls::call(&self.policy, &self.tls, self.clock.as_ref(), run).await,
                RunSpec::AwsApi(run) => aws_api::call(&self.cloud, run).await,
                RunSpec::CloudwatchMetrics(run) => {
                    cloudwatch::metrics::call(&self.cloud, self.clock.as_ref(), run).await
                }
                RunSpec::CloudwatchAlarms(run) => cloudwatch::alarms::call(&self.cloud, self.clock.as_ref(), run).await,
                RunSpec::Sqs(run) => sqs::call(&self.cloud, self.clock.as_ref(), run).await,
                RunSpec::CloudwatchLogs(run) => {
                    Box::pin(cloudwatch_logs::call(&self.cloud, self.clock.as_ref(), run)).await
                }
                RunSpec::Ecs(run) => Box::pin(ecs::call(&self.cloud, self.clock.as_ref(), run)).await,
                RunSpec::Cloudtrail(run) => Box::pin(cloudtrail::call(&self.cloud, self.clock.as_ref(), run)).await,
                RunSpec::LambdaHealth(run) => {
                    Box::pin(lambda_health::call(&self.cloud, self.clock.as_ref(), run)).await
                }
                RunSpec::Lambda(run) => Box::pin(lambda::call(&self.cloud, run)).await,
            }
        }))
        .await;
        let called = keys.hide(called);
        let answer = called.answer.map_err(|reason| match spec.place() {
            // What they say may have a second line, of advice ([`engine::advised`]); of the other kinds any line break is a
            // server's own.
            Some(_) => reason.lines().map(|line| one_line(line, REASON_CAP)).collect::<Vec<_>>().join("\n"),
            None => one_line(&reason, REASON_CAP),
        });
        Called { answer, ..called }
    }
}

/// What answers a task is anybody's, and the parsers of names, certificates and records are others'. Should one of them
/// panic, this call has failed and not the investigation.
async fn unbroken(call: impl Future<Output = Called>) -> Called {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| Called {
        request: Value::Null,
        answer: Err("the answer could not be read: this is a defect of Firstlook, please report it".to_owned()),
    })
}
