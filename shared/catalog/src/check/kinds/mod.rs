//! The checks of task kinds, a module each, and the types of their results.

pub(super) mod cloudtrail;
pub(super) mod cloudwatch_logs;
pub(super) mod ecs;
pub(super) mod github;
pub(super) mod kubernetes;
pub(super) mod lambda;
pub(super) mod loki;
pub(super) mod pagerduty;

use std::time::Duration;

use super::{Desk, Spot};
use crate::{
    expr::{Part, Template},
    model::Span,
    problem::Code,
};

/// Checks a template's expressions; whether they are good.
pub(super) type Text<'t> = &'t dyn Fn(&mut Desk<'_>, &Spot<'_>, &Template) -> bool;

/// A window of time: more than nothing, and no longer than `most`.
fn window(desk: &mut Desk<'_>, spot: &Spot<'_>, window: Span, most: Duration) {
    if window.0.is_zero() || window.0 > most {
        let message = format!("a window cannot be {window} long");
        desk.report(spot, Code::OutOfBounds, message, format!("write more than nothing and at most {}", Span(most)));
    }
}

/// A number within these bounds.
fn bounds(desk: &mut Desk<'_>, spot: &Spot<'_>, number: u32, most: u32) {
    if number == 0 || number > most {
        let help = format!("write a number from 1 to {most}");
        desk.report(spot, Code::OutOfBounds, format!("{number} is out of bounds"), help);
    }
}

/// A list that must have between one and `most` entries.
fn some(desk: &mut Desk<'_>, spot: &Spot<'_>, count: usize, most: usize, what: &str) {
    if count == 0 || count > most {
        let message = format!("there are {count} {what}");
        desk.report(spot, Code::OutOfBounds, message, format!("write 1 to {most}"));
    }
}

/// Text that has to look like this, as far as it is written.
fn written(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, good: impl Fn(&str) -> bool, help: &str) {
    if let Ok([Part::Text(text)]) = template.parts()
        && !good(text)
    {
        let message = format!("`{}` cannot be asked for", crate::bind::cut(text));
        desk.report(spot, Code::BadValue, message, help);
    }
}
