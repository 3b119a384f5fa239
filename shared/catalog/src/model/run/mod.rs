//! The one call that a Task makes. Each task kind has its module here.

mod auth;
mod aws_api;
mod cloudtrail;
mod cloudwatch;
mod cloudwatch_logs;
mod connect;
mod ecs;
mod github;
mod http;
mod kubernetes;
mod lambda;
mod loki;
mod pagerduty;
mod promql;
mod sqs;

use std::time::Duration;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

pub use auth::{Auth, AuthForm};
pub use aws_api::{AwsApiRun, Nested, Parameters};
pub use cloudtrail::CloudtrailRun;
pub use cloudwatch::{CloudwatchAlarmsRun, CloudwatchMetricsRun};
pub use cloudwatch_logs::{CloudwatchLogsRun, LogPatterns};
pub use connect::{DnsRecord, DnsRun, TcpRun, TlsRun};
pub use ecs::EcsRun;
pub use github::GithubRun;
pub use http::{HttpMethod, HttpRun};
pub use kubernetes::{KubernetesRead, KubernetesRun};
pub use lambda::{LambdaAnswer, LambdaEvent, LambdaFinding, LambdaHealthRun, LambdaRun};
pub use loki::{LokiDirection, LokiRun};
pub use pagerduty::PagerdutyRun;
pub use promql::{PromqlRange, PromqlRun};
pub use sqs::SqsRun;

/// The one call that a Task makes: one key, the task kind. `T` is [`Template`] in the catalog and `String` once it is
/// rendered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(description = "The one call that a Task makes: one key, the task kind.")]
#[allow(missing_docs)]
pub enum RunSpec<T> {
    Http(HttpRun<T>),
    Promql(PromqlRun<T>),
    Dns(DnsRun<T>),
    Tcp(TcpRun<T>),
    Tls(TlsRun<T>),
    Loki(LokiRun<T>),
    Kubernetes(KubernetesRun<T>),
    Pagerduty(PagerdutyRun<T>),
    Github(GithubRun<T>),
    AwsApi(AwsApiRun<T>),
    CloudwatchMetrics(CloudwatchMetricsRun<T>),
    CloudwatchAlarms(CloudwatchAlarmsRun<T>),
    Sqs(SqsRun<T>),
    CloudwatchLogs(CloudwatchLogsRun<T>),
    Ecs(EcsRun<T>),
    Cloudtrail(CloudtrailRun<T>),
    LambdaHealth(LambdaHealthRun<T>),
    Lambda(LambdaRun<T>),
}

/// In which account and region an AWS task kind asks. Both are written in the catalog and never filled (I8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AwsPlace<'a> {
    /// The Account; none: that of the functions.
    pub account: Option<&'a Name>,
    /// The region; none: the Account's, else that of the functions.
    pub region: Option<&'a str>,
}

/// Where a text stands in a call, which decides how values are written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A URL: values are percent-encoded, so that none of them adds a segment, a query or a host.
    Url,
    /// A query: a value in quotes is escaped for them, and matched literally where a regular expression stands.
    Query,
    /// A LogQL query: as a query, and text of a line filter too.
    LogQl,
    /// A query of CloudWatch Logs Insights: a value is text in quotes, or literal between slashes.
    LogsInsights,
    /// Anything else: values stand as they are.
    Text,
}

impl<T> RunSpec<T> {
    /// The task kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Promql(_) => "promql",
            Self::Dns(_) => "dns",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Loki(_) => "loki",
            Self::Kubernetes(_) => "kubernetes",
            Self::Pagerduty(_) => "pagerduty",
            Self::Github(_) => "github",
            Self::AwsApi(_) => "aws-api",
            Self::CloudwatchMetrics(_) => "cloudwatch-metrics",
            Self::CloudwatchAlarms(_) => "cloudwatch-alarms",
            Self::Sqs(_) => "sqs",
            Self::CloudwatchLogs(_) => "cloudwatch-logs",
            Self::Ecs(_) => "ecs",
            Self::Cloudtrail(_) => "cloudtrail",
            Self::LambdaHealth(_) => "lambda-health",
            Self::Lambda(_) => "lambda",
        }
    }

    /// The keys of the catalog's secret that the call needs.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        let auth = match self {
            Self::Pagerduty(run) => return vec![&run.secret],
            Self::Github(run) => return run.secret.as_deref().into_iter().collect(),
            Self::Http(run) => run.auth.as_ref(),
            Self::Promql(run) => run.auth.as_ref(),
            Self::Loki(run) => run.auth.as_ref(),
            // A Cluster says itself which key it needs.
            Self::Kubernetes(_) => None,
            Self::Dns(_)
            | Self::Tcp(_)
            | Self::Tls(_)
            | Self::AwsApi(_)
            | Self::CloudwatchMetrics(_)
            | Self::CloudwatchAlarms(_)
            | Self::Sqs(_)
            | Self::CloudwatchLogs(_)
            | Self::Ecs(_)
            | Self::Cloudtrail(_)
            | Self::LambdaHealth(_)
            | Self::Lambda(_) => None,
        };
        auth.and_then(Auth::form).map(AuthForm::key).into_iter().collect()
    }

    /// The same call with every text changed by `change`, which is told where the text stands.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<U, E>(&self, mut change: impl FnMut(Slot, &T) -> Result<U, E>) -> Result<RunSpec<U>, E> {
        let change = &mut change;
        Ok(match self {
            Self::Http(run) => RunSpec::Http(run.try_map(change)?),
            Self::Promql(run) => RunSpec::Promql(run.try_map(change)?),
            Self::Dns(run) => RunSpec::Dns(run.try_map(change)?),
            Self::Tcp(run) => RunSpec::Tcp(run.try_map(change)?),
            Self::Tls(run) => RunSpec::Tls(run.try_map(change)?),
            Self::Loki(run) => RunSpec::Loki(run.try_map(change)?),
            Self::Kubernetes(run) => RunSpec::Kubernetes(run.try_map(change)?),
            Self::Pagerduty(run) => RunSpec::Pagerduty(run.try_map(change)?),
            Self::Github(run) => RunSpec::Github(run.try_map(change)?),
            Self::AwsApi(run) => RunSpec::AwsApi(run.try_map(change)?),
            Self::CloudwatchMetrics(run) => RunSpec::CloudwatchMetrics(run.try_map(change)?),
            Self::CloudwatchAlarms(run) => RunSpec::CloudwatchAlarms(run.try_map(change)?),
            Self::Sqs(run) => RunSpec::Sqs(run.try_map(change)?),
            Self::CloudwatchLogs(run) => RunSpec::CloudwatchLogs(run.try_map(change)?),
            Self::Ecs(run) => RunSpec::Ecs(run.try_map(change)?),
            Self::Cloudtrail(run) => RunSpec::Cloudtrail(run.try_map(change)?),
            Self::LambdaHealth(run) => RunSpec::LambdaHealth(run.try_map(change)?),
            Self::Lambda(run) => RunSpec::Lambda(run.try_map(change)?),
        })
    }

    /// In which account and region an AWS task kind asks; nothing for the other kinds.
    #[must_use]
    pub fn place(&self) -> Option<AwsPlace<'_>> {
        match self {
            Self::AwsApi(run) => Some(run.place()),
            Self::CloudwatchMetrics(run) => Some(run.place()),
            Self::CloudwatchAlarms(run) => Some(run.place()),
            Self::Sqs(run) => Some(run.place()),
            Self::CloudwatchLogs(run) => Some(run.place()),
            Self::Ecs(run) => Some(run.place()),
            Self::Cloudtrail(run) => Some(run.place()),
            Self::LambdaHealth(run) => Some(run.place()),
            Self::Lambda(run) => Some(run.place()),
            _ => None,
        }
    }
}

fn five_seconds() -> Span {
    Span(Duration::from_secs(5))
}

fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}

// Named, since a bare `default` would ask of every `T` that it has one.
fn nothing<T>() -> Option<T> {
    None
}
