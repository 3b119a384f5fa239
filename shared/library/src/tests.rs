mod page;

use std::{collections::BTreeMap, fs, path::Path};

use catalog::{Asks, Code, Loaded, load_texts};
use engine::cases;
use serde_json::Value;

use super::{BESIDE, FILES};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library as a catalog of its own.
fn whole() -> Loaded {
    let mut loaded = load_texts(FILES.iter().chain([&BESIDE]).map(|(path, text)| (Path::new(*path), *text)));
    // What nobody names is what a library is.
    loaded.problems.retain(|problem| problem.code != Code::Unused);
    loaded
}

#[test]
fn every_file_of_the_folder_is_in_the_library() {
    let mut found: Vec<String> = fs::read_dir(folder().join("docs"))
        .unwrap()
        .map(|entry| format!("library/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    found.sort();
    let mut held: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
    held.sort_unstable();
    assert_eq!(held, found);
}

#[test]
fn check_has_nothing_to_say_of_any_document() {
    let problems: Vec<String> = whole().problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// And each Task has a case that finds something and one that does not, each Command at least one.
#[test]
fn every_document_passes_its_cases() {
    let loaded = whole();
    let catalog = loaded.catalog.unwrap();
    let mut wrong = Vec::new();
    let mut found: BTreeMap<String, [bool; 2]> = BTreeMap::new();
    for case in &loaded.cases {
        let tried = match &case.asks {
            Asks::Task(asks) => cases::task(&catalog.tasks[&case.document], asks),
            Asks::Command(asks) => cases::command(&catalog, &catalog.commands[&case.document], asks),
            Asks::Source(_) | Asks::Workflow(_) => panic!("the library has only Tasks and Commands"),
        };
        let title = format!("{} {}", case.asks.kind(), case.document);
        if !tried.passes() {
            let (file, line, name) = (case.file.display(), case.line, case.asks.name());
            wrong.push(format!("{file}:{line}: {title}: {name}\n  {}\n  {:#?}", tried.wrong.join("\n  "), tried.seen));
        }
        let none = tried.seen.get("issues").and_then(Value::as_array).is_none_or(Vec::is_empty);
        found.entry(title).or_default()[usize::from(none)] = true;
    }
    for name in catalog.tasks.keys() {
        if found.get(&format!("Task {name}")) != Some(&[true, true]) {
            wrong.push(format!("the Task {name} has not both a case that finds something and one that does not"));
        }
    }
    let commands = catalog.commands.keys().filter(|name| !found.contains_key(&format!("Command {name}")));
    wrong.extend(commands.map(|name| format!("the Command {name} has no case")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a person needs of a finding at three in the morning.
#[test]
fn every_issue_says_what_was_wanted_what_was_found_and_what_to_do() {
    let catalog = whole().catalog.unwrap();
    let mut wrong = Vec::new();
    for (name, task) in &catalog.tasks {
        if task.description.is_none() || task.resource.is_none() {
            wrong.push(format!("{name} lacks a description or a resource"));
        }
        if task.issues.is_empty() {
            wrong.push(format!("{name} finds nothing"));
        }
        for (place, rule) in task.issues.iter().enumerate() {
            let parts = [&rule.expected, &rule.actual, &rule.details, &rule.reproduce];
            if parts.iter().any(|part| part.as_ref().is_none_or(|text| text.source().trim().is_empty())) {
                wrong.push(format!("issue {} of {name} lacks expected, actual, details or reproduce", place + 1));
            }
            let sentence = |text: &str| text.ends_with('.') && text.split_whitespace().count() >= 5;
            if !rule.next_steps.iter().all(|step| sentence(step.source().trim())) {
                wrong.push(format!("a next step of issue {} of {name} is no whole sentence", place + 1));
            }
            if !rule.title.source().contains("${{") {
                wrong.push(format!("the title of issue {} of {name} names no thing", place + 1));
            }
        }
    }
    for (name, command) in &catalog.commands {
        if command.procedure.is_none() {
            wrong.push(format!("{name} has no procedure"));
        }
        let told = command.parameters.values().all(|parameter| parameter.description.is_some());
        if !told {
            wrong.push(format!("a parameter of {name} has no description"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
