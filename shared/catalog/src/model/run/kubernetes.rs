//! `kubernetes`.

use std::collections::BTreeMap;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Slot, five_seconds, nothing};
use crate::model::Span;

/// What is read of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum KubernetesRead {
    Workloads,
    Pods,
    Events,
    Logs,
    Nodes,
}

/// What stands in a Kubernetes cluster. `result` has `total`, `notes` (texts) and `elapsed_ms`, and by what is read:
/// `workloads` and `unhealthy`; `pods`, `ready`, `not_ready`, `restarts` and `reasons`; `events` and `warnings`; `logs`
/// and `lines_total`; `nodes`, `not_ready` and `under_pressure`. docs/tasks/kubernetes.md has the fields of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRun<T> {
    /// The Cluster, by its name.
    pub cluster: Name,
    /// What to read: `workloads`, `pods`, `events`, `logs` or `nodes`.
    pub read: KubernetesRead,
    /// The namespace; all but `nodes` need one.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<T>,
    /// Only what has this name; of pods and events also what begins with it and a dash, such as a Deployment's pods.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub name: Option<T>,
    /// Only what has all of these labels.
    #[serde(default = "no_labels::<T>", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, T>,
    /// For `logs`: only this container. Default: each of the pod.
    #[serde(default = "nothing::<T>", skip_serializing_if = "Option::is_none")]
    pub container: Option<T>,
    /// For `logs`: those of the container before the last restart.
    #[serde(default)]
    pub previous: bool,
    /// For `logs`: how many lines of each container, from its end, up to 1000. Default: 100.
    #[serde(default = "hundred")]
    pub lines: u32,
    /// How long to wait; default 5 s, at most 30 s.
    #[serde(default = "five_seconds")]
    pub timeout: Span,
}

fn hundred() -> u32 {
    100
}

// Named, since a bare `default` would ask of every `T` that it has one.
fn no_labels<T>() -> BTreeMap<String, T> {
    BTreeMap::new()
}

impl<T> KubernetesRun<T> {
    pub(super) fn try_map<U, E>(
        &self,
        change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
    ) -> Result<KubernetesRun<U>, E> {
        let mut text = |text: &Option<T>| text.as_ref().map(|text| change(Slot::Text, text)).transpose();
        let (namespace, name, container) = (text(&self.namespace)?, text(&self.name)?, text(&self.container)?);
        Ok(KubernetesRun {
            cluster: self.cluster.clone(),
            read: self.read,
            namespace,
            name,
            labels: self
                .labels
                .iter()
                .map(|(key, value)| Ok((key.clone(), change(Slot::Text, value)?)))
                .collect::<Result<_, E>>()?,
            container,
            previous: self.previous,
            lines: self.lines,
            timeout: self.timeout,
        })
    }
}
