//! The places that Tasks ask and that stand in the catalog: somebody must be there. What an `http`, `tcp`, `tls` or `dns` Task
//! looks at may be down, which is for the Task to find.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use awscall::{Aws, AwsError, AwsRequest, Place};
use catalog::{
    Catalog,
    expr::{Part, Template},
    model::{Bindings, Cluster, Command, Eks, Parameter, RunSpec, Task, TaskRef},
};
use domain::Name;
use net::{AddressPolicy, NotReached};
use ports::SetupCheck;
use serde_json::Value;
use url::Url;

use super::AWS_WITHIN;

/// How long a connection may take.
const WITHIN: Duration = Duration::from_secs(5);

/// How many Tasks are named.
const NAMED: usize = 3;

/// One place, and which Tasks ask it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    url: Url,
    /// Trusted alone there.
    ca: Option<String>,
    tasks: Vec<Name>,
}

impl Endpoint {
    /// Connects, and says nothing.
    pub async fn check(&self, policy: &AddressPolicy) -> SetupCheck {
        let place = net::where_to(&self.url);
        let of = format!("for {}", names(&self.tasks.iter().collect::<Vec<_>>()));
        // With its own authority the Task checks the certificate: here it is enough that somebody is there.
        let url = if self.ca.is_some() { without_tls(&self.url) } else { self.url.clone() };
        let tls = match net::tls_config(None) {
            Ok(tls) => tls,
            Err(error) => return SetupCheck::cannot_tell(format!("{place} {of}: {error}")),
        };
        match net::reach(policy, &tls, &url, WITHIN).await {
            Ok(()) => SetupCheck::ok(format!("{place} takes connections, {of}")),
            Err(NotReached::NoConnection { why, .. }) => SetupCheck::unreachable(format!("{place} {of}"), why),
            Err(NotReached::NoTls { why, .. }) => {
                SetupCheck::mend(format!("{place} {of}"), format!("{why}: mend its TLS, or the URL in the catalog"))
            }
        }
    }
}

/// The same place, with a port that says so.
fn without_tls(url: &Url) -> Url {
    let port = url.port_or_known_default();
    let mut plain = url.clone();
    // A port that is the scheme's own is not kept, so it is put behind the other scheme.
    let _ = plain.set_scheme("http");
    let _ = plain.set_port(port);
    plain
}

/// A cluster of EKS of which AWS says where it is, and which Tasks ask it.
#[derive(Debug)]
pub(super) struct EksCluster {
    eks: Eks,
    place: Result<Place, String>,
    /// Where the catalog says it all the same.
    url: Option<Url>,
    tasks: Vec<Name>,
}

impl EksCluster {
    /// Asks AWS where it is, and connects there. Source: Amazon EKS API Reference, DescribeCluster.
    pub async fn check(&self, aws: Option<&Aws>, policy: &AddressPolicy) -> SetupCheck {
        let what = format!("EKS cluster `{}` for {}", self.eks.name, names(&self.tasks.iter().collect::<Vec<_>>()));
        let Some(aws) = aws else {
            return SetupCheck::cannot_tell(format!("{what}: there are no AWS credentials here to ask where it is"));
        };
        let place = match &self.place {
            Ok(place) => place,
            Err(error) => return SetupCheck::mend(what, error.clone()),
        };
        let path = format!("/clusters/{}", catalog::encoded(&self.eks.name));
        let request =
            AwsRequest::Rest { service: "eks", signing: "eks", method: "GET", path: &path, query: &[], body: None };
        let body = match aws.call(place, &request, AWS_WITHIN).await {
            Ok(answer) => answer.body,
            Err(AwsError::NotFound { .. }) => {
                let region = aws.region(place);
                let advice = "mend `name`, `region` or `account` under `eks` of the Cluster";
                return SetupCheck::mend(format!("there is no {what} in {region}"), advice);
            }
            Err(AwsError::Denied { action, .. }) => {
                return SetupCheck::cannot_tell(format!("{what}: these credentials may not look ({action})"));
            }
            Err(error) => return SetupCheck::cannot_tell(format!("{what}: {error}")),
        };
        let said = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        match self.url.clone().or_else(|| said("/cluster/endpoint").parse().ok()) {
            Some(url) => {
                let ca = Some(said("/cluster/certificateAuthority/data").to_owned());
                Endpoint { url, ca, tasks: self.tasks.clone() }.check(policy).await
            }
            // One that is being made has none.
            None => SetupCheck::cannot_tell(format!(
                "{what}: EKS says no endpoint of it, its status is `{}`",
                said("/cluster/status")
            )),
        }
    }
}

/// What AWS must say of a Cluster, if anything.
fn asks_aws(cluster: &Cluster) -> Option<&Eks> {
    cluster.eks.as_ref().filter(|_| cluster.url.is_none() || cluster.ca.is_none())
}

/// The clusters of a catalog that AWS is asked for, sorted.
pub(super) fn of_eks(catalog: &Catalog) -> Vec<EksCluster> {
    let of = |cluster: &Cluster| {
        let eks = asks_aws(cluster)?.clone();
        let asks = |task: &&Task| matches!(&task.run, RunSpec::Kubernetes(run) if run.cluster == cluster.name);
        let tasks: Vec<Name> = catalog.tasks.values().filter(asks).map(|task| task.name.clone()).collect();
        let place = tasks::aws_place(&catalog.accounts, eks.place());
        let url = cluster.url.as_ref().and_then(|url| url.trim().parse().ok());
        (!tasks.is_empty()).then_some(EksCluster { eks, place, url, tasks })
    };
    catalog.clusters.values().filter_map(of).collect()
}

/// `a`, `b` and so many more.
pub(super) fn names(tasks: &[&Name]) -> String {
    let named: Vec<String> = tasks.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match tasks.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The places of a catalog, sorted.
pub(super) fn of(catalog: &Catalog) -> Vec<Endpoint> {
    let mut places: BTreeMap<(String, Option<String>), (Url, BTreeSet<Name>)> = BTreeMap::new();
    for (name, task) in &catalog.tasks {
        let (urls, ca) = match &task.run {
            RunSpec::Promql(run) => (values(catalog, name, task, &run.url), None),
            RunSpec::Loki(run) => (values(catalog, name, task, &run.url), None),
            RunSpec::Pagerduty(run) => {
                let own = Template::new("https://api.pagerduty.com");
                (values(catalog, name, task, run.url.as_ref().unwrap_or(&own)), None)
            }
            RunSpec::Github(run) => {
                let own = Template::new("https://api.github.com");
                (values(catalog, name, task, run.url.as_ref().unwrap_or(&own)), None)
            }
            RunSpec::Kubernetes(run) => match catalog.clusters.get(&run.cluster) {
                Some(cluster) if asks_aws(cluster).is_none() => {
                    (cluster.url.iter().cloned().collect(), cluster.ca.clone())
                }
                Some(_) | None => continue,
            },
            _ => continue,
        };
        for url in urls.iter().filter_map(|url| url.trim().parse::<Url>().ok()).filter(Url::has_host) {
            let key = (format!("{} {}", net::where_to(&url), url.scheme()), ca.clone());
            places.entry(key).or_insert_with(|| (url, BTreeSet::new())).1.insert(name.clone());
        }
    }
    let endpoint = |((_, ca), (url, tasks)): ((String, Option<String>), (Url, BTreeSet<Name>))| Endpoint {
        url,
        ca,
        tasks: tasks.into_iter().collect(),
    };
    places.into_iter().map(endpoint).collect()
}

/// What stands in the catalog for a text of a Task: the text itself up to its first expression, if that is beyond the host; or
/// what is bound to the one input that it is.
fn values(catalog: &Catalog, name: &Name, task: &Task, template: &Template) -> Vec<String> {
    if let Some(literal) = literal(template) {
        return vec![literal];
    }
    let Some(input) = only(template, "inputs.") else { return vec![] };
    let mut found = of_parameter(&task.inputs, input);
    let is_it = |reference: &&TaskRef| reference.task.as_ref() == Some(name);
    for slx in catalog.slxs.values() {
        for reference in slx.tasks.iter().filter(is_it) {
            found.extend(bound(&reference.with, input).and_then(|bound| literal(&bound)));
        }
    }
    for command in catalog.commands.values() {
        for reference in command.tasks.iter().filter(is_it) {
            let Some(bound) = bound(&reference.with, input) else { continue };
            match (literal(&bound), only(&bound, "params.")) {
                (Some(literal), _) => found.push(literal),
                (None, Some(parameter)) => found.extend(of_command(catalog, command, parameter)),
                (None, None) => {}
            }
        }
    }
    found
}

/// What a Command's parameter is where the catalog says so.
fn of_command(catalog: &Catalog, command: &Command, parameter: &str) -> Vec<String> {
    let mut found = of_parameter(&command.parameters, parameter);
    let workflows =
        catalog.workflows.values().map(|workflow| (&workflow.investigate.command, &workflow.investigate.with));
    let schedules = catalog.schedules.values().map(|schedule| (&schedule.command, &schedule.with));
    for (_, with) in workflows.chain(schedules).filter(|(name, _)| **name == command.name) {
        found.extend(bound(with, parameter).and_then(|bound| literal(&bound)));
    }
    found
}

fn of_parameter(parameters: &BTreeMap<String, Parameter>, name: &str) -> Vec<String> {
    let parameter = parameters.get(name).into_iter();
    let values = parameter.flat_map(|parameter| parameter.default.iter().chain(parameter.one_of.iter().flatten()));
    values.filter_map(Value::as_str).filter_map(|text| literal(&Template::new(text))).collect()
}

fn bound(with: &Bindings, name: &str) -> Option<Template> {
    with.get(name).and_then(Value::as_str).map(Template::new)
}

fn literal(template: &Template) -> Option<String> {
    let parts = template.parts().ok()?;
    let Some(Part::Text(text)) = parts.first() else { return None };
    let (_, rest) = text.split_once("://")?;
    (parts.len() == 1 || rest.contains('/')).then(|| text.clone())
}

/// The name behind `prefix`, where the whole text is that one value.
fn only<'t>(template: &'t Template, prefix: &str) -> Option<&'t str> {
    match template.parts() {
        Ok([Part::Value(expression)]) => expression.source().trim().strip_prefix(prefix),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_with_its_own_authority_is_asked_at_its_own_port() {
        for (url, port) in [("https://a.eks.amazonaws.com", 443), ("https://k8s:6443/x", 6443), ("https://k8s:80", 80)]
        {
            let plain = without_tls(&url.parse().unwrap());
            assert_eq!((plain.scheme(), plain.port_or_known_default()), ("http", Some(port)), "{url}");
        }
    }
}
