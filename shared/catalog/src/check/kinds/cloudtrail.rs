//! `cloudtrail`.

use std::time::Duration;

use super::{Text, bounds, window};
use crate::{
    check::{
        Desk, Spot,
        types::{Type, list},
    },
    expr::Template,
    model::CloudtrailRun,
    problem::Code,
};

/// As far back as CloudTrail is looked up.
const WINDOW: Duration = Duration::from_secs(90 * 24 * 3600);

pub(in crate::check) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &CloudtrailRun<Template>, text: Text<'_>) {
    for (field, template) in [("resource", &run.resource), ("at", &run.at)] {
        if let Some(template) = template {
            text(desk, &spot.to(field), template);
        }
    }
    if let Some(kind) = run.resource_type.as_ref().filter(|kind| !kind.starts_with("AWS::")) {
        let message = format!("`{}` is not a type of resource", crate::bind::cut(kind));
        desk.report(&spot.to("resource_type"), Code::BadValue, message, "write it as `AWS::ECS::Service`");
    }
    if let Some(source) = run.source.as_ref().filter(|source| !source.ends_with(".amazonaws.com")) {
        let message = format!("`{}` is not the source of an event", crate::bind::cut(source));
        desk.report(&spot.to("source"), Code::BadValue, message, "write it as `ecs.amazonaws.com`");
    }
    window(desk, &spot.to("last"), run.last, WINDOW);
    bounds(desk, &spot.to("limit"), run.limit, 200);
}

pub(in crate::check) fn result<T>(_: &CloudtrailRun<T>) -> Type {
    let texts = ["at", "who", "what", "service", "resource", "source_ip", "error", "id"].map(|name| (name, Type::Text));
    let other = [("resources", list(Type::Text)), ("details", Type::Free(Box::new(Type::Any)))];
    Type::fields([
        ("changes", list(Type::fields(texts.into_iter().chain(other)))),
        ("changes_total", Type::Number),
        ("failed_total", Type::Number),
        ("reached", Type::Text),
        ("truncated", Type::Bool),
        ("notes", list(Type::Text)),
        ("elapsed_ms", Type::Number),
    ])
}
