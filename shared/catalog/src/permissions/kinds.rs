//! What the kinds need that ask AWS for one kind of thing.

use super::Permission;
use crate::{
    expr::{Part, Template},
    model::{AwsPlace, CloudwatchLogsRun, Cluster, Eks, LambdaHealthRun, LambdaRun},
};

/// Actions that take no resource, or so many that naming them gains nothing.
pub(super) fn any(actions: &[&str]) -> Vec<Permission> {
    actions.iter().map(|action| Permission::any(*action)).collect()
}

/// An ARN where this call goes, as CloudFormation's `Fn::Sub` reads it.
fn arn(service: &str, place: AwsPlace<'_>, rest: &str) -> String {
    let region = match (place.region, place.account) {
        (Some(region), _) => region,
        // Its Account may have a region of its own.
        (None, Some(_)) => "*",
        (None, None) => "${AWS::Region}",
    };
    format!("arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{rest}")
}

/// A name as far as it is written, with `*` in place of what an input fills.
fn name(template: &Template) -> String {
    let parts = template.parts().unwrap_or_default();
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Value(_) => "*",
        })
        .collect()
}

/// Where the cluster is, unless the catalog says it. Its token needs nothing: anybody may ask STS who they are.
pub(super) fn eks(cluster: &Cluster, eks: &Eks) -> Vec<Permission> {
    if cluster.url.is_some() && cluster.ca.is_some() {
        return Vec::new();
    }
    let resource = arn("eks", eks.place(), &format!("cluster/{}", eks.name));
    vec![Permission { resource, action: "eks:DescribeCluster".to_owned() }]
}

pub(super) fn cloudwatch_logs(run: &CloudwatchLogsRun<Template>) -> Vec<Permission> {
    let (action, beside): (_, &[&str]) = match run.query {
        Some(_) => ("logs:StartQuery", &["logs:GetQueryResults", "logs:StopQuery"]),
        None => ("logs:FilterLogEvents", &[]),
    };
    let groups = run.log_groups.iter().map(name).map(|group| {
        let resource = match group.starts_with("arn:") {
            true => format!("{group}:*"),
            false => arn("logs", run.place(), &format!("log-group:{group}:*")),
        };
        Permission { resource, action: action.to_owned() }
    });
    groups.chain(any(beside)).collect()
}

/// The ARN of a function, or of one of its versions and aliases.
fn function(name: &str, place: AwsPlace<'_>, qualifier: &str) -> String {
    let whole =
        if name.starts_with("arn:") { name.to_owned() } else { arn("lambda", place, &format!("function:{name}")) };
    if qualifier.is_empty() { whole } else { format!("{whole}:{qualifier}") }
}

pub(super) fn lambda_health(run: &LambdaHealthRun<Template>) -> Vec<Permission> {
    let named = name(&run.function);
    let on = |action: &str, qualifier: &str| Permission {
        resource: function(&named, run.place(), qualifier),
        action: action.to_owned(),
    };
    let qualifier = run.qualifier.as_ref().map(name).unwrap_or_default();
    let mut wanted = vec![on("lambda:GetFunctionConfiguration", &qualifier), on("lambda:GetFunctionConcurrency", "")];
    wanted.extend(any(&["lambda:ListEventSourceMappings", "cloudwatch:GetMetricData"]));
    wanted
}

pub(super) fn lambda(run: &LambdaRun<Template>) -> Vec<Permission> {
    let resource = function(&run.function, run.place(), run.qualifier.as_deref().unwrap_or_default());
    vec![Permission { resource, action: "lambda:InvokeFunction".to_owned() }]
}
