//! `lambda-health` and `lambda`.

use std::time::Duration;

use super::{Text, window, written};
use crate::{
    bind::cut,
    check::{
        Desk, Spot,
        types::{Type, list},
    },
    expr::Template,
    model::{LambdaHealthRun, LambdaRun},
    problem::Code,
};

/// The longest window of `lambda-health`.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

const NAME: &str = "write the function's name, such as `orders`, or its ARN";

pub(in crate::check) fn health(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &LambdaHealthRun<Template>, text: Text<'_>) {
    let at = spot.to("function");
    if text(desk, &at, &run.function) {
        written(desk, &at, &run.function, is_function, NAME);
    }
    if let Some(qualifier) = &run.qualifier {
        let at = spot.to("qualifier");
        if text(desk, &at, qualifier) {
            written(desk, &at, qualifier, is_qualifier, "write an alias such as `live`, or a version's number");
        }
    }
    window(desk, &spot.to("last"), run.last, WINDOW);
}

pub(in crate::check) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, run: &LambdaRun<Template>, text: Text<'_>) {
    if !is_function(&run.function) {
        let message = format!("`{}` is not the name of a function", cut(&run.function));
        let help = "write its name or ARN here: it cannot be filled from an input";
        desk.report(&spot.to("function"), Code::BadValue, message, help);
    }
    if run.read_only != run.function {
        let message = format!("`read_only` is `{}` and not the function `{}`", cut(&run.read_only), cut(&run.function));
        let help = "make sure that the function changes nothing, and repeat its name: Firstlook cannot know";
        desk.report(&spot.to("read_only"), Code::BadValue, message, help);
    }
    if let Some(qualifier) = run.qualifier.as_ref().filter(|one| !is_qualifier(one)) {
        let message = format!("`{}` is neither a version nor an alias", cut(qualifier));
        desk.report(
            &spot.to("qualifier"),
            Code::BadValue,
            message,
            "write an alias such as `live`, or a version's number",
        );
    }
    let inputs = spot.to("inputs");
    for (name, value) in &run.inputs {
        text(desk, &inputs.key(name), value);
    }
}

/// A name has letters, digits, `-` and `_`; an ARN also `:`. A version of its own would be a second place for it.
fn is_function(text: &str) -> bool {
    let also = if text.starts_with("arn:") { "-_:" } else { "-_" };
    let colons = text.matches(':').count();
    (1..=140).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        && (colons == 0 || (colons == 6 && text.contains(":function:")))
}

fn is_qualifier(text: &str) -> bool {
    let name = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    (1..=128).contains(&text.len()) && (name || text == "$LATEST")
}

pub(in crate::check) fn health_result<T>(_: &LambdaHealthRun<T>) -> Type {
    let texts = ["version", "state", "state_reason", "last_update", "last_update_reason", "runtime", "modified_at"]
        .map(|name| (name, Type::Text));
    let both = || Type::fields([("now", Type::Any), ("before", Type::Any)]);
    let measured = [
        "invocations",
        "errors",
        "throttles",
        "dead_letter_errors",
        "duration_avg_ms",
        "duration_max_ms",
        "concurrency_max",
    ]
    .map(|name| (name, both()));
    let mapping = Type::fields([
        ("source", Type::Text),
        ("state", Type::Text),
        ("failing", Type::Bool),
        ("last_result", Type::Text),
    ]);
    let other = [
        ("timeout_s", Type::Number),
        ("memory_mb", Type::Number),
        ("reserved_concurrency", Type::Any),
        ("blocked", Type::Bool),
        ("error_rate", Type::Any),
        ("error_rate_before", Type::Any),
        ("mappings", list(mapping)),
        ("mappings_failing", Type::Number),
        ("notes", list(Type::Text)),
        ("unread", list(Type::Text)),
        ("elapsed_ms", Type::Number),
    ];
    Type::fields(texts.into_iter().chain(measured).chain(other))
}

pub(in crate::check) fn result<T>(_: &LambdaRun<T>) -> Type {
    let texts = ["title", "expected", "actual", "details", "resource"].map(|name| (name, Type::Text));
    let other = [("severity", Type::Number), ("next_steps", list(Type::Text))];
    Type::fields([
        ("summary", Type::Text),
        ("data", Type::Any),
        ("findings", list(Type::fields(texts.into_iter().chain(other)))),
        ("findings_total", Type::Number),
        ("worst", Type::Any),
        ("version", Type::Text),
        ("notes", list(Type::Text)),
        ("elapsed_ms", Type::Number),
    ])
}
