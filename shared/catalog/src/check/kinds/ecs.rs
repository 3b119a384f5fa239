//! `ecs`.

use super::{Text, bounds, written};
use crate::{
    check::{
        Desk, Spot,
        types::{Type, list},
    },
    expr::Template,
    model::EcsRun,
    problem::Code,
};

pub(in crate::check) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &EcsRun<Template>, text: Text<'_>) {
    let help = "write a name such as `shop`, or an ARN";
    let names = run.services.iter().enumerate().map(|(place, name)| (spot.to("services").item(place), name));
    for (at, name) in std::iter::once((spot.to("cluster"), &run.cluster)).chain(names) {
        if text(desk, &at, name) {
            written(desk, &at, name, is_name, help);
        }
    }
    if run.services.len() > 10 {
        let message = format!("there are {} services", run.services.len());
        desk.report(
            &spot.to("services"),
            Code::OutOfBounds,
            message,
            "write at most 10, or none for all of the cluster",
        );
    }
    bounds(desk, &spot.to("stopped"), run.stopped, 50);
}

/// Names of clusters and services have letters, digits, `-` and `_`; ARNs also `:` and `/`.
fn is_name(text: &str) -> bool {
    let also = if text.starts_with("arn:") { "-_:/" } else { "-_" };
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

pub(in crate::check) fn result<T>(_: &EcsRun<T>) -> Type {
    let counts = ["desired", "running", "pending"].map(|name| (name, Type::Number));
    let rollout = ["rollout", "rollout_reason", "task_definition", "status"].map(|name| (name, Type::Text));
    let deployment = [("failed", Type::Number), ("created_at", Type::Text), ("age_s", Type::Any)];
    let deployment = Type::fields(counts.clone().into_iter().chain(rollout.clone()).chain(deployment));
    let service = [
        ("name", Type::Text),
        ("deployments", list(deployment)),
        ("events", list(Type::fields([("at", Type::Text), ("message", Type::Text)]))),
    ];
    let container = Type::fields([("name", Type::Text), ("exit_code", Type::Any), ("reason", Type::Text)]);
    let task = ["task", "service", "task_definition", "stopped_at", "code", "reason"].map(|name| (name, Type::Text));
    let judged = [("crashed", Type::Bool), ("oom", Type::Bool), ("containers", list(container))];
    Type::fields([
        ("services", list(Type::fields(counts.into_iter().chain(rollout).chain(service)))),
        ("missing", list(Type::Text)),
        ("stopped", list(Type::fields(task.into_iter().chain(judged)))),
        ("stopped_total", Type::Number),
        ("crashed_total", Type::Number),
        ("oom_total", Type::Number),
        ("short", Type::Number),
        ("truncated", Type::Bool),
        ("notes", list(Type::Text)),
        ("elapsed_ms", Type::Number),
    ])
}
