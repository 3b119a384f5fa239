//! `test`: runs the cases of a catalog's documents.

mod events;

use std::{fmt::Write, path::Path};

use catalog::{Asks, Case, Catalog, load_dir_with};
use console::words;
use engine::cases::{self, Tried};
use library::FILES;
use serde_json::Value;

use crate::{
    catalogs,
    cli::Test,
    failure::Failure,
    out::{self, Style},
};

/// The most lines of what a failed case saw.
const SEEN_LINES: usize = 60;

/// `firstlook test`.
pub fn test(args: &Test) -> Result<(), Failure> {
    let (catalog, mut cases) = catalogs::told(&args.catalog, load_dir_with(&args.catalog, FILES, None))?;
    // The library's were passed before it was shipped.
    cases.retain(|case| !case.shipped);
    let all = cases.len();
    if let Some(filter) = &args.filter {
        cases.retain(|case| title(case).to_lowercase().contains(&filter.to_lowercase()));
        if cases.is_empty() {
            let many = words::count(all, "case", "cases");
            return Err(Failure::because(format!("none of the catalog's {many} has `{filter}` in its name")));
        }
    }
    let style = Style::of_stdout();
    let mut failed = 0;
    for case in &cases {
        let tried = tried(&catalog, case);
        failed += usize::from(!tried.passes());
        out::print(&shown(case, &tried, style))?;
    }
    let passed = cases.len() - failed;
    if all == 0 {
        out::say(&format!("no document in {} has `tests`", args.catalog.display()));
    } else {
        out::say(&format!("{passed} passed, {failed} failed"));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Told) }
}

/// Runs `case`, which is one of `catalog`'s documents.
fn tried(catalog: &Catalog, case: &Case) -> Tried {
    let gone = || Tried::not("there is no such document");
    let folder = case.file.parent().unwrap_or(Path::new(""));
    match &case.asks {
        Asks::Task(asks) => catalog.tasks.get(&case.document).map_or_else(gone, |task| cases::task(task, asks)),
        Asks::Command(asks) => {
            let command = catalog.commands.get(&case.document);
            command.map_or_else(gone, |command| cases::command(catalog, command, asks))
        }
        Asks::Source(asks) => events::source(catalog, &case.document, asks, folder),
        Asks::Workflow(asks) => events::workflow(catalog, asks, folder),
    }
}

/// What a filter is looked for in.
fn title(case: &Case) -> String {
    format!("{} {}: {}", case.asks.kind(), case.document, case.asks.name())
}

/// A line, and below it what a failed case saw instead.
fn shown(case: &Case, tried: &Tried, style: Style) -> String {
    let title = words::plain(&title(case));
    if tried.passes() {
        return format!("{}      {title}", style.good("ok"));
    }
    let place = format!("{}:{}", case.file.display(), case.line);
    let mut text = format!("{}  {title} {}", style.bad("FAILED"), style.dim(&format!("({place})")));
    for wrong in &tried.wrong {
        let _ = write!(text, "\n        {}", words::plain(wrong));
    }
    let mut lines = Vec::new();
    // What the case itself says need not be said again.
    for (name, value) in tried.seen.iter().filter(|(name, _)| !matches!(name.as_str(), "inputs" | "result" | "params"))
    {
        let value = if name == "steps" { brief(value) } else { value.clone() };
        outline(name, &value, 0, &mut lines);
    }
    let more = lines.len().saturating_sub(SEEN_LINES);
    if !lines.is_empty() {
        let _ = write!(text, "\n        {}", style.dim("it saw"));
    }
    for line in lines.iter().take(SEEN_LINES) {
        let _ = write!(text, "\n          {}", words::plain(line));
    }
    if more > 0 {
        let _ = write!(text, "\n          and {more} more lines");
    }
    text
}

/// Of each step its outcome and what it found.
fn brief(steps: &Value) -> Value {
    let of = |step: &Value| {
        let titles = step.get("issues").and_then(Value::as_array).into_iter().flatten();
        let titles: Vec<&Value> = titles.filter_map(|issue| issue.get("title")).collect();
        serde_json::json!({"outcome": step.get("outcome"), "found": titles})
    };
    steps.as_object().into_iter().flatten().map(|(id, step)| (id.clone(), of(step))).collect()
}

/// `value` as lines, what is empty left out. The time at which a case's findings were seen is nobody's.
fn outline(name: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            lines.push(format!("{indent}{name}:"));
            for (key, value) in map.iter().filter(|(key, value)| !is_empty(value) && key.as_str() != "observed_at") {
                outline(key, value, depth + 1, lines);
            }
        }
        Value::Array(items) if items.is_empty() => lines.push(format!("{indent}{name}: none")),
        Value::Array(items) => {
            lines.push(format!("{indent}{name}:"));
            for (place, item) in items.iter().enumerate() {
                outline(&format!("[{place}]"), item, depth + 1, lines);
            }
        }
        Value::String(text) => lines.push(format!("{indent}{name}: {text}")),
        other => lines.push(format!("{indent}{name}: {other}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
