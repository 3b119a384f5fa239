//! Which hosts a catalog names.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{
    Catalog,
    expr::{Part, Template},
    model::{Bindings, Parameter, ParameterType, RunSpec, TaskRef},
};
use serde_json::Value;
use url::Url;

use crate::{github, pagerduty};

/// The hosts that stand literally in the documents: in the URLs and hosts of tasks' calls, in what Workflows, Schedules,
/// Commands and Slxs bind, and in the defaults and `enum`s of parameters. A host that an expression has a part in is not
/// among them. Sorted, without doubles; for [`net::AddressPolicy::new`].
#[must_use]
pub fn named_hosts(catalog: &Catalog) -> Vec<String> {
    let mut hosts = BTreeSet::new();
    for task in catalog.tasks.values() {
        match &task.run {
            RunSpec::Http(run) => hosts.extend(host_of_url(&run.url)),
            RunSpec::Promql(run) => hosts.extend(host_of_url(&run.url)),
            RunSpec::Loki(run) => hosts.extend(host_of_url(&run.url)),
            // The name of a dns task is asked about, not connected to.
            RunSpec::Dns(_) => {}
            RunSpec::Pagerduty(run) => hosts.extend(host_of_api(run.url.as_ref(), pagerduty::API)),
            RunSpec::Github(run) => hosts.extend(host_of_api(run.url.as_ref(), github::API)),
            // It names its Cluster, whose URL is below.
            RunSpec::Kubernetes(_) => {}
            RunSpec::Tcp(run) => hosts.extend(literal(&run.host)),
            RunSpec::Tls(run) => hosts.extend(literal(&run.host)),
            // AWS's hosts are made of service and region.
            RunSpec::AwsApi(_)
            | RunSpec::CloudwatchMetrics(_)
            | RunSpec::CloudwatchAlarms(_)
            | RunSpec::Sqs(_)
            | RunSpec::CloudwatchLogs(_)
            | RunSpec::Ecs(_)
            | RunSpec::Cloudtrail(_)
            | RunSpec::LambdaHealth(_)
            | RunSpec::Lambda(_) => {}
        }
        in_parameters(&task.inputs, &mut hosts);
    }
    let clusters = catalog.clusters.values().filter_map(|cluster| cluster.url.as_deref()?.trim().parse::<Url>().ok());
    hosts.extend(clusters.filter_map(|url| url.host_str().map(str::to_owned)));
    for command in catalog.commands.values() {
        in_parameters(&command.parameters, &mut hosts);
        in_tasks(catalog, &command.tasks, &mut hosts);
    }
    for slx in catalog.slxs.values() {
        in_tasks(catalog, &slx.tasks, &mut hosts);
    }
    let workflows = catalog.workflows.values().map(|workflow| &workflow.investigate);
    let bound = workflows
        .map(|investigate| (&investigate.command, &investigate.with))
        .chain(catalog.schedules.values().map(|schedule| (&schedule.command, &schedule.with)));
    for (command, with) in bound {
        if let Some(command) = catalog.commands.get(command) {
            in_bindings(&command.parameters, with, &mut hosts);
        }
    }
    hosts.into_iter().collect()
}

/// The host of an API's URL, or of its own address where a Task says no other.
fn host_of_api(url: Option<&Template>, own: &str) -> Option<String> {
    url.map_or_else(|| host_of_url(&Template::new(own)), host_of_url)
}

fn in_tasks(catalog: &Catalog, tasks: &[TaskRef], hosts: &mut BTreeSet<String>) {
    for reference in tasks {
        if let Some(task) = reference.task.as_ref().and_then(|name| catalog.tasks.get(name)) {
            in_bindings(&task.inputs, &reference.with, hosts);
        }
    }
}

fn in_parameters(parameters: &BTreeMap<String, Parameter>, hosts: &mut BTreeSet<String>) {
    for parameter in parameters.values() {
        let values = parameter.default.iter().chain(parameter.one_of.iter().flatten());
        hosts.extend(values.filter_map(|value| host(parameter.parameter_type, value)));
    }
}

fn in_bindings(parameters: &BTreeMap<String, Parameter>, with: &Bindings, hosts: &mut BTreeSet<String>) {
    for (name, value) in with {
        if let Some(parameter) = parameters.get(name) {
            hosts.extend(host(parameter.parameter_type, value));
        }
    }
}

fn host(parameter_type: ParameterType, value: &Value) -> Option<String> {
    let template = Template::new(value.as_str()?);
    match parameter_type {
        ParameterType::Url => host_of_url(&template),
        ParameterType::Host => literal(&template),
        _ => None,
    }
}

/// The whole text, when no expression has a part in it.
fn literal(template: &Template) -> Option<String> {
    match template.parts() {
        Ok([Part::Text(text)]) => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// The host of a URL whose text reaches beyond its host before the first expression.
fn host_of_url(template: &Template) -> Option<String> {
    let parts = template.parts().ok()?;
    let Some(Part::Text(text)) = parts.first() else { return None };
    let (_, rest) = text.split_once("://")?;
    if parts.len() > 1 && !rest.contains(['/', '?', '#', '\\']) {
        return None;
    }
    let url: Url = text.trim().parse().ok()?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn catalog() -> Catalog {
        let mut catalog = json!({
            "digest": "0123456789abcdef",
            "sources": {}, "assistants": {}, "rules": {}, "knowledge": {},
            "tasks": {
                "health": {
                    "name": "health", "access": "read-only", "title": "t",
                    "inputs": {
                        "url": {"type": "url", "default": "http://default.internal:8080/x"},
                        "host": {"type": "host", "enum": ["one.internal", "two.internal"]},
                        "note": {"type": "string", "default": "http://text.internal/"},
                    },
                    "run": {"http": {"url": "https://user@literal.internal/${{ inputs.note }}"}},
                },
                "open": {
                    "name": "open", "access": "read-only", "title": "t",
                    "run": {"http": {"url": "https://open.internal${{ inputs.x }}/"}},
                },
                "whole": {
                    "name": "whole", "access": "read-only", "title": "t",
                    "run": {"promql": {"url": "http://127.0.0.1:9090", "query": "up"}},
                },
                "port": {
                    "name": "port", "access": "read-only", "title": "t",
                    "run": {"tcp": {"host": "db.internal", "port": "5432"}},
                },
                "cert": {
                    "name": "cert", "access": "read-only", "title": "t",
                    "run": {"tls": {"host": "${{ inputs.host }}", "port": "443", "server_name": "sni.internal"}},
                },
                "name": {
                    "name": "name", "access": "read-only", "title": "t",
                    "run": {"dns": {"name": "asked.internal"}},
                },
            },
            "commands": {
                "triage": {
                    "name": "triage", "description": "d",
                    "parameters": {"target": {"type": "host", "default": "[::1]"}, "base": {"type": "url"}},
                    "tasks": [
                        {"id": "a", "task": "health", "with": {
                            "url": "https://bound.internal", "host": "${{ params.target }}", "other": "x",
                        }},
                        {"id": "b", "slx": "matched"},
                    ],
                },
            },
            "slxs": {
                "checkout": {
                    "name": "checkout", "tags": {"service": "checkout"},
                    "tasks": [{"id": "a", "task": "health", "with": {"host": "slx.internal"}}],
                },
            },
            "workflows": {
                "pages": {
                    "name": "pages",
                    "trigger": {"sources": ["pagerduty"]},
                    "investigate": {"command": "triage", "with": {"base": "http://workflow.internal/", "target": 7}},
                },
            },
            "schedules": {
                "morning": {
                    "name": "morning", "schedule": "rate(1 hour)", "command": "triage",
                    "with": {"target": "schedule.internal"},
                },
            },
        });
        // What the compiled form may have beside the documents is not of interest here.
        catalog["conditions"] = json!({});
        serde_json::from_value(catalog).unwrap()
    }

    #[test]
    fn i8_the_hosts_are_those_that_stand_literally_in_the_documents() {
        assert_eq!(
            named_hosts(&catalog()),
            [
                "127.0.0.1",
                "[::1]",
                "bound.internal",
                "db.internal",
                "default.internal",
                "literal.internal",
                "one.internal",
                "schedule.internal",
                "slx.internal",
                "two.internal",
                "workflow.internal",
            ]
        );
    }

    #[test]
    fn i8_a_host_that_an_expression_could_go_on_is_not_literal() {
        for (text, host) in [
            ("https://a.internal", Some("a.internal")),
            ("https://a.internal:8443/${{ inputs.x }}", Some("a.internal")),
            ("https://a.internal?x=${{ inputs.x }}", Some("a.internal")),
            ("https://a.internal${{ inputs.x }}", None),
            ("https://a.internal:${{ inputs.port }}/", None),
            ("https://a.internal@${{ inputs.x }}/", None),
            ("${{ inputs.url }}", None),
            ("${{ inputs.scheme }}://a.internal/", None),
            ("a.internal", None),
            ("", None),
        ] {
            assert_eq!(host_of_url(&Template::new(text)).as_deref(), host, "{text}");
        }
    }
}
