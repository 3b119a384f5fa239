//! `loki`.

use std::collections::BTreeMap;

use super::super::{
    Desk, Spot, auth,
    tasks::{self, Inputs},
    types::{self, Type},
};
use crate::{
    expr::{Part, Template},
    model::LokiRun,
    problem::Code,
    promql::Language,
};

/// The most lines of one query.
const LINES: u32 = 1000;

pub(in crate::check) fn check(
    desk: &mut Desk<'_>,
    spot: &Spot<'_>,
    run: &LokiRun<Template>,
    inputs: &Inputs,
    text: &dyn Fn(&mut Desk<'_>, &Spot<'_>, &Template) -> bool,
) {
    let at = spot.to("url");
    if text(desk, &at, &run.url) {
        tasks::url(desk, &at, &run.url, inputs);
    }
    let at = spot.to("query");
    if text(desk, &at, &run.query) {
        tasks::query(desk, &at, Language::LogQl, &run.query, inputs);
        let logs = matches!(run.query.parts(), Ok([Part::Text(begin), ..]) if begin.trim_start().starts_with('{'));
        if logs && run.range.is_none() {
            let help = "add `range: { last: 15m }`: only a metric query can be asked of an instant";
            desk.report(&at, Code::BadValue, "a query for lines needs a window", help);
        }
    }
    tasks::range(desk, &spot.to("range"), run.range.as_ref());
    if run.limit == 0 || run.limit > LINES {
        let message = format!("a query cannot give {} lines", run.limit);
        desk.report(&spot.to("limit"), Code::OutOfBounds, message, format!("write 1 to {LINES}; leave it out for 100"));
    }
    if let Some(tenant) = &run.tenant
        && (tenant.is_empty() || tenant.contains("${{") || tenant.bytes().any(|byte| !(b'!'..=b'~').contains(&byte)))
    {
        let message = format!("`{}` is not a tenant", crate::bind::cut(tenant));
        desk.report(&spot.to("tenant"), Code::BadValue, message, "write its id here, without spaces or expressions");
    }
    auth::check(desk, spot, run.auth.as_ref(), &BTreeMap::new());
}

/// What it gives.
pub(in crate::check) fn result(ranged: bool) -> Type {
    let labels = || Type::Free(Box::new(Type::Text));
    let line = Type::fields([("at", Type::Text), ("line", Type::Text), ("labels", labels())]);
    let stream = Type::fields([("labels", labels()), ("count", Type::Number)]);
    let Type::Fields(mut fields) = types::series(ranged) else { return Type::Any };
    let own = [
        ("lines", Type::List(Box::new(line))),
        ("lines_total", Type::Number),
        ("limited", Type::Bool),
        ("streams", Type::List(Box::new(stream))),
        ("streams_total", Type::Number),
    ];
    fields.extend(own.map(|(name, of)| (name.to_owned(), of)));
    Type::Fields(fields)
}
