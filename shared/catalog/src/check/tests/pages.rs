//! `docs/errors.md` has a section for each code, and its examples get the code that they are for.

use std::{fs, path::Path};

use crate::{
    Code,
    headers::{REFUSED, ROUTING},
};

/// What cannot be shown in one document: files and folders.
const WITHOUT_EXAMPLE: [Code; 3] = [Code::UnreadableFile, Code::EmptyCatalog, Code::MissingEventFile];

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// The words in backquotes from `begin` to the next empty line.
fn listed<'p>(page: &'p str, begin: &str) -> Vec<&'p str> {
    let (_, text) = page.split_once(begin).unwrap();
    text.split("\n\n").next().unwrap().split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_pages_list_the_headers_that_the_code_knows() {
    for page in ["tasks.md", "errors.md"].map(page) {
        assert_eq!(listed(&page, "Routing headers are:"), ROUTING);
    }
    let refused: Vec<&str> = REFUSED.into_iter().flat_map(|(_, names)| names).copied().collect();
    assert_eq!(listed(&page("tasks.md"), "Never sent are:"), refused);
}

#[test]
fn every_code_has_a_section_with_an_example_that_gets_it() {
    let page = page("errors.md");
    let mut sections: Vec<(&str, &str)> = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let (code, text) = section.split_once(": ").unwrap();
        sections.push((code, text));
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(sections.iter().map(|(code, _)| *code).collect::<Vec<_>>(), codes);
    for (code, (_, text)) in Code::ALL.iter().zip(sections) {
        for part in ["**What.** ", "**Why.** ", "**Mend.** "] {
            assert!(text.contains(part), "{code} has no {part}");
        }
        let Some((_, example)) = text.split_once("\n```") else {
            assert!(WITHOUT_EXAMPLE.contains(code), "{code} has no example");
            continue;
        };
        let (language, example) = example.split_once('\n').unwrap();
        let example = example.split_once("```").unwrap().0;
        let file = if language == "markdown" { "checkout.md" } else { "checkout.yaml" };
        let problems = super::said_of(file, example).problems;
        let got: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
        assert!(got.contains(code), "{code}: the example gets {got:?}");
        // Another problem beside it would only confuse. What nothing uses yet is the rest of the reader's catalog.
        let other = |one: &&crate::Problem| one.code != *code && one.code != Code::Unused;
        let others: Vec<String> = problems.iter().filter(other).map(ToString::to_string).collect();
        assert!(others.is_empty(), "{code}: {}", others.join("\n"));
    }
}
