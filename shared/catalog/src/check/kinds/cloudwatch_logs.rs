//! `cloudwatch-logs`.

use std::time::Duration;

use super::{Text, bounds, some, window, written};
use crate::{
    check::{
        Desk, Spot, tasks,
        types::{Type, list},
    },
    expr::{Part, Template},
    insights::{self, Place},
    model::CloudwatchLogsRun,
    problem::Code,
};

/// The longest window: what a query scans costs money.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

pub(in crate::check) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    run: &CloudwatchLogsRun<Template>,
    inputs: &tasks::Inputs,
    text: Text<'_>,
) {
    let most = if run.patterns.is_some() { 3 } else { 20 };
    some(desk, &spot.to("log_groups"), run.log_groups.len(), most, "log groups");
    for (place, group) in run.log_groups.iter().enumerate() {
        let at = spot.to("log_groups").item(place);
        if text(desk, &at, group) {
            written(
                desk,
                &at,
                group,
                crate::is_log_group,
                "write a log group's name or ARN, such as `/aws/lambda/orders`",
            );
        }
    }
    window(desk, &spot.to("last"), run.last, WINDOW);
    bounds(desk, &spot.to("limit"), run.limit, 1000);
    if run.query.is_some() == run.patterns.is_some() {
        let message = "a call has either a `query` or `patterns`";
        desk.report(spot, Code::BadValue, message, "write `query: ...`, or `patterns: {}` for the error patterns");
    }
    if let Some(query) = &run.query {
        let at = spot.to("query");
        if text(desk, &at, query) {
            self::query(desk, &at, query, inputs);
        }
    }
    if let Some(patterns) = &run.patterns {
        let spot = spot.to("patterns");
        if let Some(baseline) = patterns.baseline {
            window(desk, &spot.to("baseline"), baseline, WINDOW);
        }
        bounds(desk, &spot.to("top"), patterns.top, 50);
        let long = patterns.filter.as_ref().is_some_and(|filter| filter.len() > 1024);
        if long {
            desk.report(&spot.to("filter"), Code::OutOfBounds, "a filter pattern has at most 1024 bytes", "shorten it");
        }
    }
}

/// A query: free text is text in quotes, or stands in an expression.
fn query(desk: &mut Desk<'_>, spot: &Spot<'_>, template: &Template, inputs: &tasks::Inputs) {
    let Ok(parts) = template.parts() else { return };
    if template.source().len() > 10_000 {
        desk.report(spot, Code::OutOfBounds, "a query has at most 10 000 bytes", "shorten it");
    }
    for (part, place) in insights::checked(parts) {
        let Some(Part::Value(expression)) = parts.get(part) else { continue };
        let input = tasks::input(expression, inputs);
        let limited = if parts.len() == 1 {
            input.is_some_and(|input| input.one_of.is_some())
        } else {
            input.is_some_and(tasks::limited)
        };
        if limited {
            continue;
        }
        let (problem, help) = match place {
            Place::Text | Place::Pattern => continue,
            Place::Open => (
                "stands outside of quotes and could be a part of the query",
                "put it in quotes, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`",
            ),
            Place::Field => ("would choose a field", "write the field, or give the input an `enum`"),
            Place::Glob => (
                "stands in a string of `parse`, where `*` would match anything",
                "write `parse` with an expression between slashes, where the value is matched literally",
            ),
            Place::Within => (
                "would change the meaning of what is around it",
                "close the quotes, and put the value outside of escapes, `[ ]`, `{ }`, `\\Q` and the heads of groups",
            ),
            Place::Unclear => (
                "stands behind a `/` that may be a division or begin an expression",
                "put the filters with values before it",
            ),
        };
        desk.report(spot, Code::UnsafeInterpolation, format!("`{}` {problem}", expression.source()), help);
    }
}

pub(in crate::check) fn result<T>(run: &CloudwatchLogsRun<T>) -> Type {
    let shared = [("truncated", Type::Bool), ("notes", list(Type::Text)), ("elapsed_ms", Type::Number)];
    if run.query.is_some() {
        let own = [
            ("rows", list(Type::Free(Box::new(Type::Any)))),
            ("value", Type::Any),
            ("status", Type::Text),
            ("matched", Type::Number),
            ("scanned", Type::Number),
            ("scanned_bytes", Type::Number),
        ];
        return Type::fields(own.into_iter().chain(shared));
    }
    let pattern = Type::fields([
        ("template", Type::Text),
        ("count", Type::Number),
        ("before", Type::Number),
        ("new", Type::Bool),
        ("ratio", Type::Any),
        ("first_at", Type::Text),
        ("sample", Type::Text),
    ]);
    let own = [
        ("patterns", list(pattern)),
        ("patterns_total", Type::Number),
        ("new_total", Type::Number),
        ("lines", Type::Number),
        ("lines_before", Type::Number),
    ];
    Type::fields(own.into_iter().chain(shared))
}
