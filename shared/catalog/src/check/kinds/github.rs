//! `github`.

use std::time::Duration;

use super::super::{
    Desk, Spot,
    sources::secret_key,
    tasks::{self, Inputs},
    types::Type,
};
use crate::{
    expr::{Part, Template},
    model::GithubRun,
    problem::Code,
};

/// How far back it can look.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

pub(in crate::check) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    run: &GithubRun<Template>,
    inputs: &Inputs,
    text: &dyn Fn(&mut Desk<'_>, &Spot<'_>, &Template) -> bool,
) {
    let at = spot.to("repository");
    if text(desk, &at, &run.repository)
        && let Ok([Part::Text(written)]) = run.repository.parts()
        && written.split('/').filter(|piece| !piece.is_empty()).count() != 2
    {
        let message = format!("`{}` is not a repository", crate::bind::cut(written));
        desk.report(&at, Code::BadValue, message, "write it as `owner/name`");
    }
    for (key, template) in [("branch", &run.branch), ("environment", &run.environment)] {
        if let Some(template) = template {
            text(desk, &spot.to(key), template);
        }
    }
    if let Some(key) = &run.secret {
        secret_key(desk, &spot.to("secret"), key);
    }
    if let Some(url) = &run.url {
        let at = spot.to("url");
        if text(desk, &at, url) {
            tasks::url(desk, &at, url, inputs);
        }
    }
    if run.last.0.is_zero() || run.last.0 > MONTH {
        let message = format!("what has changed in the last {} cannot be told", run.last);
        desk.report(&spot.to("last"), Code::OutOfBounds, message, "write up to 720h; leave it out for 24h");
    }
}

/// What it gives.
pub(in crate::check) fn result() -> Type {
    use Type::{Bool, Number, Text};
    let list = |fields: &[(&str, Type)]| Type::List(Box::new(Type::fields(fields.iter().cloned())));
    let texts = || Type::List(Box::new(Text));
    let job = [("name", Text), ("steps", texts()), ("url", Text)];
    let deployment = [
        ("id", Number),
        ("environment", Text),
        ("ref", Text),
        ("sha", Text),
        ("by", Text),
        ("created_at", Text),
        ("state", Text),
        ("state_at", Text),
        ("description", Text),
        ("url", Text),
    ];
    let pull = [
        ("number", Number),
        ("title", Text),
        ("by", Text),
        ("merged_at", Text),
        ("sha", Text),
        ("url", Text),
        ("after_green", Bool),
    ];
    let failure = [
        ("workflow", Text),
        ("id", Number),
        ("sha", Text),
        ("event", Text),
        ("title", Text),
        ("conclusion", Text),
        ("at", Text),
        ("url", Text),
        ("green_at", Text),
        ("green_sha", Text),
        ("jobs", list(&job)),
    ];
    Type::fields([
        ("repository", Text),
        ("branch", Text),
        ("url", Text),
        ("deployments", list(&deployment)),
        ("deployments_total", Number),
        ("pulls", list(&pull)),
        ("pulls_total", Number),
        ("failures", list(&failure)),
        ("failing", Number),
        ("green_at", Text),
        ("notes", texts()),
        ("unread", texts()),
        ("elapsed_ms", Number),
    ])
}
