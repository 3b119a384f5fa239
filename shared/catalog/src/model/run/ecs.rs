//! `ecs`.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, ten_seconds};
use crate::model::Span;

/// Services of an ECS cluster and the tasks that stopped. `result`: `services`, a list of `name`, `status`, `desired`,
/// `running`, `pending`, `rollout`, `rollout_reason`, `task_definition`, `deployments` (each `status`, `task_definition`,
/// `desired`, `running`, `pending`, `failed`, `rollout`, `rollout_reason`, `created_at`, `age_s`) and `events` (`at`,
/// `message`); `missing` (names); `stopped`, newest first: `task`, `service`, `task_definition`, `stopped_at`, `code`,
/// `reason`, `containers` (`name`, `exit_code` or null, `reason`), `crashed`, `oom`; `stopped_total`, `crashed_total`,
/// `oom_total`, `short` (how many services run less than desired), `truncated`, `notes`, `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcsRun<T> {
    /// The cluster, by name or ARN.
    pub cluster: T,
    /// The services, by name or ARN, at most 10; default: all of the cluster, up to 50.
    #[serde(default = "no_services::<T>", skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<T>,
    /// How many stopped tasks to show, at most 50; default 10.
    #[serde(default = "ten")]
    pub stopped: u32,
    /// The Account to ask; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The region; default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How long to wait; default 10 s, at most 30 s.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

fn no_services<T>() -> Vec<T> {
    Vec::new()
}

fn ten() -> u32 {
    10
}

impl<T> EcsRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<EcsRun<U>, E> {
        Ok(EcsRun {
            cluster: change(Slot::Text, &self.cluster)?,
            services: self.services.iter().map(|service| change(Slot::Text, service)).collect::<Result<_, E>>()?,
            stopped: self.stopped,
            account: self.account.clone(),
            region: self.region.clone(),
            timeout: self.timeout,
        })
    }

    /// Where it asks.
    #[must_use]
    pub fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
