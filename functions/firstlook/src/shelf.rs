//! `library`: the shipped Tasks and Commands.

use std::path::Path;

use catalog::load_texts;
use domain::Name;
use library::{BESIDE, FILES};

use crate::{
    cli::Library,
    failure::Failure,
    out::{self, Style},
};

/// `firstlook library`.
pub fn library(args: &Library) -> Result<(), Failure> {
    match &args.name {
        None => Ok(out::print(&list(Style::of_stdout())?)?),
        Some(name) => {
            let found: Vec<&str> = documents().filter(|text| is_called(text, name)).collect();
            if found.is_empty() {
                return Err(Failure::Usage(format!("the library has no `{name}`: `firstlook library` lists it")));
            }
            Ok(out::print(&found.join("---\n"))?)
        }
    }
}

/// The text of each document, as it was written.
fn documents() -> impl Iterator<Item = &'static str> {
    let of = |text: &'static str| {
        text.split("\n---\n").map(|text| {
            // What stands before the first line of a document is about its file.
            text.find("kind:").and_then(|begin| text.get(begin..)).unwrap_or(text)
        })
    };
    FILES.iter().flat_map(move |(_, text)| of(text))
}

fn is_called(document: &str, name: &Name) -> bool {
    document.lines().any(|line| line.strip_prefix("name:").is_some_and(|called| called.trim() == name.as_str()))
}

fn list(style: Style) -> Result<String, Failure> {
    let all = FILES.iter().copied().chain([BESIDE]);
    let catalog = load_texts(all.map(|(path, text)| (Path::new(path), text))).catalog;
    let catalog = catalog.ok_or_else(|| Failure::because("the library of this release cannot be read"))?;
    let commands = catalog.commands.values().map(|command| (&command.name, None, command.description.as_str()));
    let tasks = catalog
        .tasks
        .values()
        .map(|task| (&task.name, Some(task.run.kind()), task.description.as_deref().unwrap_or_default()));
    let widest = catalog.commands.keys().chain(catalog.tasks.keys()).map(|name| name.as_str().len()).max();
    let widest = widest.unwrap_or_default();
    let line = |(name, kind, told): (&Name, Option<&str>, &str)| {
        let kind = kind.map(|kind| style.dim(&format!(" ({kind})"))).unwrap_or_default();
        format!("  {:<widest$}  {told}{kind}", name.as_str())
    };
    let part = |title: &str, lines: Vec<String>| format!("{}\n{}\n", style.bold(title), lines.join("\n"));
    Ok(format!("{}\n{}", part("Commands", commands.map(line).collect()), part("Tasks", tasks.map(line).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_of_the_library_can_be_printed_by_its_name() {
        let list = list(Style::Plain).unwrap_or_default();
        let names: Vec<&str> =
            list.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
        assert!(names.len() >= 2, "{list}");
        for name in &names {
            let name = name.parse().unwrap();
            assert!(documents().any(|text| is_called(text, &name)), "{name} is listed and cannot be printed");
        }
        assert_eq!(documents().count(), names.len(), "{names:?}");
    }

    #[test]
    fn what_is_printed_is_the_document_alone() {
        let name = "http-endpoint".parse().unwrap();
        let text = documents().find(|text| is_called(text, &name)).unwrap();
        assert!(text.starts_with("kind: Task\nname: http-endpoint\n") && !text.contains("---"), "{text}");
    }
}
