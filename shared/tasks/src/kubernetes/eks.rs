//! Clusters of EKS: AWS says where they are (`DescribeCluster`,
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>), and they are entered as the role that
//! asks, by a token that only clusters of this name take.

use std::time::Duration;

use awscall::AwsRequest;
use catalog::model::{Cluster, Eks};
use url::Url;

use super::{Clusters, text};
use crate::{
    aws::{Cloud, There},
    common::one_line,
    keys::{Keys, Proof},
};

/// What AWS says of a cluster.
#[derive(Clone)]
pub(super) struct Described {
    url: String,
    ca: String,
}

impl Clusters {
    /// The cluster with its URL and its authority. What AWS says of them holds as long as the cluster does.
    pub(super) async fn found(&self, cloud: &Cloud, cluster: &Cluster, within: Duration) -> Result<Cluster, String> {
        let Some(eks) = cluster.eks.as_ref().filter(|_| cluster.url.is_none() || cluster.ca.is_none()) else {
            return Ok(cluster.clone());
        };
        let known = self.described().get(&cluster.name).cloned();
        let described = match known {
            Some(known) => known,
            None => {
                let described = describe(&cloud.at(eks.place())?, eks, within).await?;
                self.described().insert(cluster.name.clone(), described.clone());
                described
            }
        };
        let mut cluster = cluster.clone();
        cluster.url.get_or_insert(described.url);
        cluster.ca.get_or_insert(described.ca);
        Ok(cluster)
    }
}

async fn describe(there: &There<'_>, eks: &Eks, within: Duration) -> Result<Described, String> {
    let path = format!("/clusters/{}", catalog::encoded(&eks.name));
    let request =
        AwsRequest::Rest { service: "eks", signing: "eks", method: "GET", path: &path, query: &[], body: None };
    let answer = there.call(&request, within).await?;
    let said = |pointer: &str| text(&answer.body, pointer).to_owned();
    let (url, ca) = (said("/cluster/endpoint"), said("/cluster/certificateAuthority/data"));
    if url.is_empty() || ca.is_empty() {
        // One that is being made has neither.
        let status = one_line(text(&answer.body, "/cluster/status"), 100);
        return Err(format!("EKS says no endpoint of the cluster `{}`; its status is `{status}`", eks.name));
    }
    Ok(Described { url, ca })
}

/// What proves a call to the cluster at `base`: that the caller's role asks. It goes nowhere unencrypted but on this machine.
pub(super) async fn proof(
    cloud: &Cloud,
    keys: &Keys,
    eks: &Eks,
    base: &Url,
    within: Duration,
) -> Result<Proof, String> {
    if !catalog::is_safe(base.as_str()) {
        return Err(format!("the token of the cluster `{}` goes to no URL without https", eks.name));
    }
    keys.bearer(cloud.at(eks.place())?.eks_token(&eks.name, within).await?)
}
