//! `pagerduty`.

use std::time::Duration;

use super::super::{
    Desk, Spot,
    sources::secret_key,
    tasks::{self, Inputs},
    types::Type,
};
use crate::{expr::Template, model::PagerdutyRun, problem::Code};

/// How far back it can look.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

pub(in crate::check) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    run: &PagerdutyRun<Template>,
    inputs: &Inputs,
    text: &dyn Fn(&mut Desk<'_>, &Spot<'_>, &Template) -> bool,
) {
    text(desk, &spot.to("incident"), &run.incident);
    secret_key(desk, &spot.to("secret"), &run.secret);
    if let Some(url) = &run.url {
        let at = spot.to("url");
        if text(desk, &at, url) {
            tasks::url(desk, &at, url, inputs);
        }
    }
    if run.last.0.is_zero() || run.last.0 > MONTH {
        let message = format!("incidents of the last {} cannot be told", run.last);
        desk.report(&spot.to("last"), Code::OutOfBounds, message, "write up to 720h; leave it out for 168h");
    }
}

/// What it gives.
pub(in crate::check) fn result() -> Type {
    use Type::{Any, Bool, Number, Text};
    let list = |fields: Vec<(&str, Type)>| Type::List(Box::new(Type::fields(fields)));
    let short = || {
        vec![
            ("id", Text),
            ("number", Number),
            ("title", Text),
            ("status", Text),
            ("urgency", Text),
            ("created_at", Text),
            ("url", Text),
        ]
    };
    let mut incident = short();
    incident.extend([("priority", Text), ("service", Text), ("service_id", Text)]);
    let mut recent = short();
    recent.push(("same_title", Bool));
    Type::fields([
        ("incident", Type::fields(incident)),
        (
            "alerts",
            list(vec![
                ("id", Text),
                ("summary", Text),
                ("severity", Text),
                ("status", Text),
                ("created_at", Text),
                ("key", Text),
                ("source", Text),
                ("details", Any),
            ]),
        ),
        ("alerts_total", Number),
        ("recent", list(recent)),
        ("recent_total", Number),
        ("repeats", Number),
        ("changes", list(vec![("summary", Text), ("source", Text), ("at", Text), ("url", Text), ("reason", Text)])),
        ("changes_total", Number),
        ("notes", Type::List(Box::new(Text))),
        ("unread", Type::List(Box::new(Text))),
        ("elapsed_ms", Number),
    ])
}
