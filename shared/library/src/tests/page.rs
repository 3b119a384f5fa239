//! `docs/library.md`: written from the documents, so that it lists all of them as they are.

use std::{collections::BTreeMap, fmt::Write, fs};

use catalog::{Catalog, model::Parameter};
use serde_json::Value;

use super::{folder, whole};

const HEAD: &str = "# The library

Ready Tasks and Commands for common failures. A catalog uses one by naming it ([how](catalog.md#the-library)); `firstlook library NAME`
prints its document, with the cases that it passes. Tasks that look into a Kubernetes cluster name the Cluster `main`, which is yours to
write ([kubernetes](tasks/kubernetes.md)); those that ask AWS do so in the stack's own account and region.

";

#[test]
fn the_page_lists_every_document_as_it_is() {
    let path = folder().join("../../docs/library.md");
    let wanted = page(&whole().catalog.unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "docs/library.md is stale: UPDATE_DOCS=1 cargo test -p firstlook-library page");
}

fn page(catalog: &Catalog) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## Commands\n");
    for (name, command) in &catalog.commands {
        let _ = write!(page, "\n### {name}\n\n{}.\n\n", command.description.trim());
        given(&mut page, "parameter", &command.parameters);
        let tasks: Vec<String> = command
            .tasks
            .iter()
            .map(|entry| {
                entry.task.as_ref().map_or_else(|| "`slx: matched`".to_owned(), |task| format!("[`{task}`](#{task})"))
            })
            .collect();
        let _ = writeln!(page, "Checks: {}.", tasks.join(", "));
    }
    page.push_str("\n## Tasks\n");
    for (name, task) in &catalog.tasks {
        let told = task.description.as_deref().unwrap_or_default().trim();
        let _ = write!(page, "\n### {name}\n\n{told}. Kind `{}`.\n\n", task.run.kind());
        given(&mut page, "input", &task.inputs);
        page.push_str("| severity | finds |\n|---|---|\n");
        for rule in &task.issues {
            let _ = writeln!(page, "| {} | {} |", u8::from(rule.severity), cell(rule.title.source()));
        }
    }
    page
}

fn given(page: &mut String, what: &str, parameters: &BTreeMap<String, Parameter>) {
    if parameters.is_empty() {
        return;
    }
    let _ = write!(page, "| {what} | type | default | |\n|---|---|---|---|\n");
    for (name, parameter) in parameters {
        let kind = serde_json::to_value(parameter.parameter_type).unwrap();
        let default = match &parameter.default {
            None => "required".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
        };
        let told = cell(parameter.description.as_deref().unwrap_or_default());
        let _ = writeln!(page, "| `{name}` | {} | {default} | {told} |", kind.as_str().unwrap_or_default());
    }
    page.push('\n');
}

/// Text in a cell of a table: of a value its name, of a longer expression that there is one.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    for (place, part) in text.split("${{").enumerate() {
        match part.split_once("}}") {
            Some((expression, rest)) if place > 0 => {
                let path: Vec<&str> = expression.trim().split('.').collect();
                let plain = path.iter().all(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
                match path.last().filter(|_| plain) {
                    Some(last) => write!(shown, "*{last}*{rest}").unwrap(),
                    None => write!(shown, "...{rest}").unwrap(),
                }
            }
            _ => shown.push_str(part),
        }
    }
    shown.replace('`', "").replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}
