//! A whole, valid catalog, as the functions hold it.

use std::collections::BTreeMap;

use domain::Name;
use serde::{Deserialize, Serialize};

use crate::{
    equality::Conditions,
    model::{
        Account, Assistant, Auth, AuthForm, Budget, Cluster, Command, Knowledge, Model, Redaction, Rule, RunSpec,
        Schedule, Slx, Source, Task, Workflow,
    },
};

/// The documents of a catalog by kind and name. What is in here was checked: every reference leads somewhere and every
/// expression compiles.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Catalog {
    /// SHA-256 of the documents, hex, first 16 digits. It stands on each RunSession.
    pub digest: String,
    pub sources: BTreeMap<Name, Source>,
    pub workflows: BTreeMap<Name, Workflow>,
    pub commands: BTreeMap<Name, Command>,
    pub tasks: BTreeMap<Name, Task>,
    pub slxs: BTreeMap<Name, Slx>,
    pub assistants: BTreeMap<Name, Assistant>,
    pub rules: BTreeMap<Name, Rule>,
    pub knowledge: BTreeMap<Name, Knowledge>,
    pub schedules: BTreeMap<Name, Schedule>,
    #[serde(default)]
    pub models: BTreeMap<Name, Model>,
    #[serde(default)]
    pub clusters: BTreeMap<Name, Cluster>,
    #[serde(default)]
    pub budgets: BTreeMap<Name, Budget>,
    #[serde(default)]
    pub accounts: BTreeMap<Name, Account>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redactions: BTreeMap<Name, Redaction>,
    /// What each workflow's `when` asks for by equality. It follows from `workflows` and stands here so that a cold start
    /// parses no expression; [`Matcher`](crate::Matcher) finds out for itself what is not in it.
    #[serde(default)]
    pub conditions: BTreeMap<Name, Conditions>,
}

impl Catalog {
    /// The keys of the secret that the Tasks need, each with the Tasks that need it.
    #[must_use]
    pub fn task_secrets(&self) -> BTreeMap<&str, Vec<&Name>> {
        let mut keys: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
        for (name, task) in &self.tasks {
            let cluster = match &task.run {
                RunSpec::Kubernetes(run) => self.clusters.get(&run.cluster).and_then(|cluster| cluster.auth.as_ref()),
                _ => None,
            };
            let of_cluster = cluster.and_then(Auth::form).map(AuthForm::key);
            for key in task.run.secrets().into_iter().chain(of_cluster) {
                keys.entry(key).or_default().push(name);
            }
        }
        keys
    }

    /// The keys within the secret by which Models are asked, with the Models of each.
    #[must_use]
    pub fn model_secrets(&self) -> BTreeMap<&str, Vec<&Name>> {
        let mut keys: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
        for (name, model) in &self.models {
            if let Some(key) = &model.secret {
                keys.entry(key).or_default().push(name);
            }
        }
        keys
    }
}
