//! `kubernetes`, and Clusters.

use std::collections::BTreeMap;

use super::super::{Desk, Spot, auth, is_safe, types::Type};
use crate::{
    bind::accept,
    expr::Template,
    model::{Cluster, KubernetesRead, KubernetesRun, Parameter, ParameterType},
    problem::Code,
    schema::DocKind,
};

/// The most lines of one container.
const LINES: u32 = 1000;

pub(in crate::check) fn clusters(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, cluster) in &catalog.clusters {
        let spot = Spot::new(DocKind::Cluster, name);
        let Cluster { url, ca, auth: proof, eks, .. } = cluster;
        match (proof, eks) {
            (None, None) => {
                let help = "add `auth: { bearer: KEY }`, or `eks: { name: ... }` for a cluster of EKS";
                desk.report(&spot, Code::MissingKey, "nothing says how calls prove themselves", help);
            }
            (Some(_), Some(_)) => {
                let help = "leave it out: a cluster of EKS is entered as the role that asks";
                desk.report(&spot.to("auth"), Code::BadValue, "a Cluster has `auth` or `eks`, not both", help);
            }
            _ => {}
        }
        if url.is_none() && eks.is_none() {
            desk.report(&spot, Code::MissingKey, "nothing says where its API server is", "add `url: https://...`");
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let fits = |name: &str| {
            name.len() <= 100 && name.bytes().all(legal) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if let Some(eks) = eks.as_ref().filter(|eks| !fits(&eks.name)) {
            let message = format!("`{}` is not the name of a cluster of EKS", crate::bind::cut(&eks.name));
            let help = "1 to 100 letters, digits, `-` and `_`; it cannot be filled from an input";
            desk.report(&spot.to("eks").to("name"), Code::BadValue, message, help);
        }
        let text = |url: &String| serde_json::Value::from(url.as_str());
        let wrong = url.as_ref().and_then(|url| {
            let wrong = accept(&Parameter::of(ParameterType::Url), &text(url)).err()?;
            Some((url, wrong))
        });
        if let Some((url, wrong)) = &wrong {
            let message = format!("`{}` is not the URL of an API server: {}", crate::bind::cut(url), wrong.problem);
            desk.report(&spot.to("url"), Code::BadValue, message, &wrong.mend);
        }
        // What proves a call goes there, and whoever reads it may make such calls.
        let is_wrong = wrong.is_some();
        if let Some(url) = url.as_ref().filter(|url| !is_wrong && !is_safe(url)) {
            let message = format!("what proves a call would go to `{}` unencrypted", crate::bind::cut(url));
            desk.report(&spot.to("url"), Code::BadValue, message, "use https; http is for a loopback address only");
        }
        let pem = ca.as_ref().is_none_or(|ca| {
            let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n\r ".contains(&byte);
            ca.contains("-----BEGIN CERTIFICATE-----") || (ca.len() > 100 && ca.bytes().all(base64))
        });
        if !pem {
            let help = "write the certificate in PEM, or the `certificate-authority-data` of a kubeconfig";
            desk.report(&spot.to("ca"), Code::BadValue, "this is no certificate", help);
        }
        auth::check(desk, &spot, proof.as_ref(), &BTreeMap::new());
    }
}

pub(in crate::check) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    run: &KubernetesRun<Template>,
    text: &dyn Fn(&mut Desk<'_>, &Spot<'_>, &Template) -> bool,
) {
    desk.refers(&spot.to("cluster"), DocKind::Cluster, &run.cluster);
    for (key, template) in [("namespace", &run.namespace), ("name", &run.name), ("container", &run.container)] {
        if let Some(template) = template {
            text(desk, &spot.to(key), template);
        }
    }
    let labels = spot.to("labels");
    for (key, template) in &run.labels {
        let at = labels.key(key);
        text(desk, &at, template);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if key.is_empty() || !key.bytes().all(legal) {
            let message = format!("`{}` is not the key of a label", crate::bind::cut(key));
            desk.report(&at, Code::BadValue, message, "write one such as `app.kubernetes.io/name`");
        }
    }
    match (run.read, &run.namespace) {
        (KubernetesRead::Nodes, Some(_)) => {
            desk.report(&spot.to("namespace"), Code::BadValue, "nodes are in no namespace", "leave it out");
        }
        (KubernetesRead::Nodes, None) | (_, Some(_)) => {}
        (_, None) => {
            let help = "add `namespace: checkout`, or an input for it";
            desk.report(spot, Code::MissingKey, "the call does not say which namespace", help);
        }
    }
    if run.lines == 0 || run.lines > LINES {
        let message = format!("a call cannot give {} lines of a container", run.lines);
        desk.report(&spot.to("lines"), Code::OutOfBounds, message, format!("write 1 to {LINES}; leave it out for 100"));
    }
    let logs_only = [("container", run.container.is_some()), ("previous", run.previous)];
    for (key, _) in logs_only.into_iter().filter(|(_, said)| *said && run.read != KubernetesRead::Logs) {
        desk.report(&spot.to(key), Code::BadValue, format!("`{key}` is for `read: logs`"), "leave it out");
    }
}

fn list<const N: usize>(fields: [(&str, Type); N]) -> Type {
    Type::List(Box::new(Type::fields(fields)))
}

/// What it gives.
pub(in crate::check) fn result(read: KubernetesRead) -> Type {
    use Type::{Any, Bool, Number, Text};
    let texts = || Type::List(Box::new(Text));
    let conditions = || list([("type", Text), ("status", Text), ("reason", Text), ("message", Text)]);
    let own: Vec<(&str, Type)> = match read {
        KubernetesRead::Workloads => vec![
            (
                "workloads",
                list([
                    ("kind", Text),
                    ("name", Text),
                    ("desired", Number),
                    ("ready", Number),
                    ("updated", Number),
                    ("available", Number),
                    ("lags", Bool),
                    ("healthy", Bool),
                    ("conditions", conditions()),
                    ("images", texts()),
                    ("age_s", Any),
                ]),
            ),
            ("unhealthy", Number),
        ],
        KubernetesRead::Pods => vec![
            (
                "pods",
                list([
                    ("name", Text),
                    ("phase", Text),
                    ("ready", Bool),
                    ("restarts", Number),
                    ("reason", Text),
                    ("message", Text),
                    ("last_reason", Text),
                    ("last_exit_code", Any),
                    ("last_finished_at", Text),
                    ("oom_killed", Bool),
                    ("node", Text),
                    ("images", texts()),
                    ("age_s", Any),
                ]),
            ),
            ("ready", Number),
            ("not_ready", Number),
            ("restarts", Number),
            ("reasons", Type::Free(Box::new(Number))),
        ],
        KubernetesRead::Events => vec![
            (
                "events",
                list([
                    ("type", Text),
                    ("reason", Text),
                    ("kind", Text),
                    ("name", Text),
                    ("message", Text),
                    ("count", Number),
                    ("first", Text),
                    ("last", Text),
                ]),
            ),
            ("warnings", Number),
        ],
        KubernetesRead::Logs => vec![
            ("logs", list([("pod", Text), ("container", Text), ("lines", texts()), ("error", Text)])),
            ("lines_total", Number),
        ],
        KubernetesRead::Nodes => vec![
            (
                "nodes",
                list([
                    ("name", Text),
                    ("ready", Bool),
                    ("pressure", texts()),
                    ("conditions", conditions()),
                    ("unschedulable", Bool),
                    ("version", Text),
                    ("age_s", Any),
                ]),
            ),
            ("not_ready", Number),
            ("under_pressure", Number),
        ],
    };
    let common = [("total", Number), ("notes", texts()), ("unread", texts()), ("elapsed_ms", Number)];
    Type::fields(own.into_iter().chain(common))
}
