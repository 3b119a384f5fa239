//! Kubernetes clusters.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Auth;

/// A Kubernetes cluster that Tasks look into. They name it literally, so nothing else chooses where its secret goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub name: Name,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its API server, `https`.
    pub url: String,
    /// The certificate authority that its API server's certificate is signed by, in PEM, or that in Base64 as a kubeconfig
    /// has it. It alone is trusted then. Default: the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// How calls prove themselves: `{ bearer: KEY }` with the token of a service account that may only read.
    pub auth: Auth,
}
