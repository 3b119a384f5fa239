//! Kubernetes clusters.

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, AwsPlace};

/// A Kubernetes cluster that Tasks look into. They name it literally, so nothing else chooses where its secret goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub name: Name,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its API server, `https`. Of a cluster of EKS, default: what AWS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The certificate authority that its API server's certificate is signed by, in PEM, or that in Base64 as a kubeconfig
    /// has it. It alone is trusted then. Default: the public ones; of a cluster of EKS what AWS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// How calls prove themselves: `{ bearer: KEY }` with the token of a service account that may only read. A Cluster has
    /// this or `eks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The cluster of EKS that it is. It is entered as the role of investigate, or as that of the Account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eks: Option<Eks>,
}

/// A cluster of Amazon EKS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eks {
    /// What EKS calls it.
    pub name: String,
    /// The region. Default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The Account that it stands in. Default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
}

impl Eks {
    /// Where AWS is asked for it.
    #[must_use]
    pub fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
