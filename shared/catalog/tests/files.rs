//! Catalogs as folders and as the one compiled file.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::{fs, path::Path};

use firstlook_catalog::{Catalog, CompiledError, Loaded, load_dir, load_dir_with, load_texts};
use tempfile::TempDir;

const SOURCE: &str = "kind: Source\nname: pagerduty\ntype: pagerduty\nverify: { secret: pagerduty-signing }\n";
const REST: &str = "kind: Task
name: http-health
access: read-only
title: Check that it answers
run: { http: { url: \"https://checkout.internal/healthz\" } }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: health, task: http-health }]
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: alert.urgency == \"high\" }
investigate: { command: triage }
";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn said(folder: &TempDir) -> String {
    let problems = load_dir(folder.path()).problems;
    let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    text.replace(&folder.path().display().to_string(), "<folder>")
}

fn good(files: &[(&str, &str)]) -> Catalog {
    let Loaded { catalog, problems, .. } = load_texts(files.iter().map(|(name, text)| (Path::new(*name), *text)));
    assert_eq!(problems, vec![]);
    catalog.unwrap()
}

#[test]
fn folders_are_read_whole_and_what_is_not_a_document_is_passed_over() {
    let knowledge = "---\r\nname: checkout\r\ntitle: How checkout works\r\ntags: { service: checkout }\r\n---\r\n\r\nIt takes orders.\r\n---\r\nAnd more.\r\n";
    let folder = folder(&[
        ("b/sources.yml", SOURCE.as_bytes()),
        ("a.yaml", REST.as_bytes()),
        ("knowledge/checkout.md", knowledge.as_bytes()),
        ("README.md", b"# Not a document"),
        (".hidden/x.yaml", b"kind: ["),
        ("notes.txt", b"kind: ["),
        ("empty.yaml", b"# nothing yet\n"),
    ]);
    let loaded = load_dir(folder.path());
    assert_eq!(loaded.problems, vec![]);
    let catalog = loaded.catalog.unwrap();
    assert_eq!(catalog.sources.len() + catalog.workflows.len() + catalog.commands.len() + catalog.tasks.len(), 4);
    let knowledge = catalog.knowledge.values().next().unwrap();
    assert_eq!(
        (knowledge.title.as_str(), knowledge.text.as_str()),
        ("How checkout works", "It takes orders.\r\n---\r\nAnd more.")
    );
}

#[test]
fn fl001_and_fl015_files_that_are_not_there_or_cannot_be_read() {
    let tested = format!(
        "{SOURCE}tests:\n  - {{ name: a, event: events/none.json, expect: \"true\" }}\n  - {{ name: b, event: ../e.json, expect: 'a ==' }}\n"
    );
    let folder = folder(&[
        ("a.yaml", REST.as_bytes()),
        ("bad.yaml", b"# caf\xc3\xa9\nkind: \xff\xfe"),
        ("sources/s.yaml", tested.as_bytes()),
        ("e.json", b"{}"),
    ]);
    insta::assert_snapshot!(said(&folder), @r##"
    <folder>/bad.yaml:2:7: error[FL001] the file is not UTF-8 from here on
      = help: save it as UTF-8
    <folder>/sources/s.yaml:6:23: error[FL015] there is no event file `<folder>/sources/events/none.json`
      = help: name it relative to this file's folder
    <folder>/sources/s.yaml:7:42: error[FL030] `a ==` is not an expression: at character 6, mismatched input '<EOF>' expecting expression
      = help: expressions are CEL: docs/catalog.md, Expressions
    "##);
    let loaded = load_dir(&folder.path().join("none"));
    assert!(loaded.catalog.is_none());
    assert_eq!(loaded.problems.first().map(|problem| problem.code.as_str()), Some("FL001"));
}

#[test]
fn fl006_an_empty_folder_is_no_catalog() {
    insta::assert_snapshot!(said(&folder(&[])), @r##"
    <folder>: error[FL006] there are no documents here
      = help: documents stand in `*.yaml`, `*.yml` and `*.md`; a catalog begins with a Source, a Workflow, a Command and a Task
    "##);
}

#[cfg(unix)]
#[test]
fn fl001_says_how_to_mend_what_cannot_be_opened() {
    let folder = folder(&[("a.yaml", format!("{SOURCE}---\n{REST}").as_bytes())]);
    for (name, target) in [("gone.yaml", "none.yaml"), ("one.yaml", "two.yaml"), ("two.yaml", "one.yaml"), ("up", ".")]
    {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    let said = said(&folder);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}");
    for (line, name) in lines.iter().step_by(2).zip(["gone", "one", "two"]) {
        assert!(line.starts_with(&format!("<folder>/{name}.yaml: error[FL001] the file cannot be read: ")), "{said}");
    }
    for help in lines.iter().skip(1).step_by(2) {
        assert_eq!(*help, "  = help: it is a link: mend where it leads, or take it out");
    }
    let of = |name: &str| load_dir(&folder.path().join(name)).problems.remove(0).help.unwrap();
    assert_eq!(of("none"), "look for a slip in the name");
    assert_eq!(of("a.yaml"), "name the folder that holds the documents");
}

#[test]
fn fl002_what_is_no_yaml_hides_nothing_else_and_says_the_likely_mend() {
    let folder = folder(&[
        ("a.yaml", SOURCE.as_bytes()),
        ("b.yaml", REST.replace("Is checkout up", "\"Is checkout up").as_bytes()),
        ("c.yaml", b"kind: Rule\nwhen: [\n\t- x\n---\nkind: Task\nrun:\n\t- x\n---\nkind: Task\nrun: { http: { url: ${{ inputs.url }} } }\n"),
        ("d.yaml", b"kind: Rule\nname: x\nwhen: \"\x07\"\n---\nkind: Rule\nname: y\n  when: x\n---\nkind: Rule\nnam: z\n"),
    ]);
    insta::assert_snapshot!(said(&folder), @r##"
    <folder>/b.yaml:9:14: error[FL002] this is not YAML: while scanning a quoted scalar, found unexpected document indicator
      = help: a quote that was opened here or further up is not closed, or one within the text wants a backslash
    <folder>/b.yaml:15:25: error[FL020] there is no Command `triage`
      = help: it may stand in <folder>/b.yaml, which is not read whole: mend that first
    <folder>/c.yaml:3:2: error[FL002] this is not YAML: tabs disallowed within this context (block indentation)
      = help: indent with spaces: YAML takes no tabs there
    <folder>/c.yaml:7:2: error[FL002] this is not YAML: tabs disallowed within this context (block indentation)
      = help: indent with spaces: YAML takes no tabs there
    <folder>/c.yaml:10:22: error[FL002] this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
      = help: put quotes around the value: within `{ }` and `[ ]` a bare `${{ ... }}` is read as maps
    <folder>/d.yaml:3:8: error[FL002] this is not YAML: unexpected character: `\u{7}'
      = help: take the character out: a control character is often a slip of the clipboard
    <folder>/d.yaml:7:7: error[FL002] this is not YAML: mapping values are not allowed in this context
      = help: look at the indentation, at open brackets and quotes, and at `: ` within text: such text wants quotes
    <folder>/d.yaml:9:1: error[FL012] the Rule has no `name`
      = help: `name`: Its name.
    <folder>/d.yaml:9:1: error[FL012] the Rule has no `reason`
      = help: `reason`: Why, for whoever reads the report.
    <folder>/d.yaml:9:1: error[FL012] the Rule has no `then`
      = help: `then`: What it does.
    <folder>/d.yaml:9:1: error[FL012] the Rule has no `when`
      = help: `when`: CEL over `issue` and `alert`.
    <folder>/d.yaml:10:1: error[FL011] the Rule has no key `nam`
      = help: did you mean `name`?
    "##);
}

#[test]
fn problems_of_front_matter_have_the_lines_of_the_file() {
    let folder = folder(&[
        ("a.yaml", format!("{SOURCE}---\n{REST}").as_bytes()),
        ("one.md", b"---\nname: one\ntitel: One\n---\ntext\n"),
        ("two.md", b"---\nkind: Task\nname: two\n---\ntext\n"),
        ("three.md", b"---\nname: three\n"),
        ("empty.md", b"---\n---\ntext\n"),
        ("list.md", b"---\n- name: list\n---\ntext\n"),
        ("four.md", b"---\nname: four\ntitle: Four\ntext: x\n---\ntext\n"),
    ]);
    insta::assert_snapshot!(said(&folder), @r##"
    <folder>/empty.md:1:1: error[FL005] the front matter is not one map of keys
      = help: write `name:` and `title:` between the two lines of `---`
    <folder>/four.md:4:1: error[FL011] the Knowledge has no key `text`
      = help: it can have: `tags`
    <folder>/list.md:1:1: error[FL005] the front matter is not one map of keys
      = help: write `name:` and `title:` between the two lines of `---`
    <folder>/one.md:2:1: error[FL012] the Knowledge has no `title`
      = help: `title`: Its title.
    <folder>/one.md:3:1: error[FL011] the Knowledge has no key `titel`
      = help: did you mean `title`?
    <folder>/three.md:1:1: error[FL005] the file has no front matter
      = help: begin it with a line `---`, then `name:` and `title:`, then a line `---`
    <folder>/two.md:2:7: error[FL010] a Markdown file is Knowledge and nothing else
      = help: write other documents as YAML
    "##);
}

#[test]
fn the_same_documents_give_the_same_bytes_wherever_they_stand() {
    let together = good(&[("all.yaml", &format!("{SOURCE}---\n{REST}"))]);
    let apart = good(&[("z.yaml", SOURCE), ("a.yaml", REST)]);
    assert_eq!(together.to_compiled(), apart.to_compiled());
    assert_eq!(Catalog::from_compiled(&apart.to_compiled()).unwrap(), together);
    let other = good(&[("z.yaml", SOURCE), ("a.yaml", &REST.replace("healthz", "health"))]);
    assert_ne!(other.digest, together.digest);
    assert!(together.digest.len() == 16 && together.digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_compiled_file_of_another_form_or_a_part_of_one_is_refused() {
    let compiled = good(&[("z.yaml", SOURCE), ("a.yaml", REST)]).to_compiled();
    let text = String::from_utf8(compiled.clone()).unwrap();
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(Catalog::from_compiled(newer.as_bytes()), Err(CompiledError::OtherForm { version: 2, .. })));
    let unknown = text.replacen("\"sources\"", "\"extra\":{},\"sources\"", 1);
    for broken in [compiled.get(..compiled.len() / 2).unwrap(), b"", b"{}", b"[]", unknown.as_bytes()] {
        assert!(matches!(Catalog::from_compiled(broken), Err(CompiledError::Unreadable(_))));
    }
}

const LIBRARY: &[(&str, &str)] = &[
    (
        "library/port.yaml",
        "kind: Command
name: port-triage
description: Is the port open
tasks: [{ id: port, task: port-open }]
---
kind: Task
name: port-open
access: read-only
title: Check that the port is open
run: { tcp: { host: db.internal, port: 5432 } }
tests: [{ name: open, result: { connected: true }, expect: issues.size() == 0 }]
",
    ),
    (
        "library/other.yaml",
        "kind: Task\nname: nobodys\naccess: read-only\ntitle: Check nothing much\nrun: { dns: { name: a.internal } }\n",
    ),
];

fn with_library(files: &[(&str, &[u8])], command: Option<&str>) -> (String, Option<Catalog>, Vec<String>) {
    let folder = folder(files);
    let command = command.map(|name| name.parse().unwrap());
    let loaded = load_dir_with(folder.path(), LIBRARY, command.as_ref());
    let problems = loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let cases = loaded.cases.iter().map(|case| format!("{}:{} {}", case.file.display(), case.line, case.shipped));
    (problems.replace(&folder.path().display().to_string(), "<folder>"), loaded.catalog, cases.collect())
}

fn names<T>(map: &std::collections::BTreeMap<domain::Name, T>) -> Vec<&str> {
    map.keys().map(domain::Name::as_str).collect()
}

#[test]
fn of_a_library_the_catalog_has_what_its_documents_name_and_no_more() {
    let names_it = REST.replace("command: triage", "command: port-triage");
    let (problems, catalog, cases) = with_library(&[("a.yaml", format!("{SOURCE}---\n{names_it}").as_bytes())], None);
    assert_eq!(problems, "");
    let catalog = catalog.unwrap();
    assert_eq!(names(&catalog.commands), ["port-triage", "triage"]);
    assert_eq!(names(&catalog.tasks), ["http-health", "port-open"]);
    assert_eq!(cases, ["library/port.yaml:11 true"]);

    // Whoever names nothing has the catalog that it had without a library.
    let plain: &[(&str, &[u8])] = &[("a.yaml", SOURCE.as_bytes()), ("b.yaml", REST.as_bytes())];
    let (problems, catalog, _) = with_library(plain, None);
    assert_eq!((problems.as_str(), catalog), ("", load_dir(folder(plain).path()).catalog));

    // A Command that a person wants to run is named by that.
    let (_, catalog, _) = with_library(plain, Some("port-triage"));
    assert_eq!(names(&catalog.unwrap().commands), ["port-triage", "triage"]);
}

#[test]
fn a_document_of_the_folder_stands_in_the_place_of_the_librarys() {
    let own = "kind: Task\nname: port-open\naccess: read-only\ntitle: Check our own port\nrun: { tcp: { host: own.internal, port: 1 } }\n";
    let names_it = REST.replace("command: triage", "command: port-triage");
    let text = format!("{SOURCE}---\n{names_it}---\n{own}");
    let (problems, catalog, cases) = with_library(&[("a.yaml", text.as_bytes())], None);
    assert_eq!((problems.as_str(), cases), ("", vec![]));
    assert_eq!(catalog.unwrap().tasks.get("port-open").unwrap().title.source(), "Check our own port");

    // Also while it is broken: the library's in its place would only hide that.
    let broken = text.replace("Check our own port", "x\nrnu: 1");
    let (problems, catalog, _) = with_library(&[("a.yaml", broken.as_bytes())], None);
    assert!(catalog.is_none() && problems.contains("rnu") && problems.lines().count() == 2, "{problems}");
}

#[test]
fn fl020_a_slip_in_a_name_of_the_library_is_found() {
    let slip = REST.replace("command: triage", "command: prot-triage");
    let (problems, ..) = with_library(&[("a.yaml", format!("{SOURCE}---\n{slip}").as_bytes())], None);
    insta::assert_snapshot!(problems, @r##"
    <folder>/a.yaml:20:25: error[FL020] there is no Command `prot-triage`
      = help: did you mean `port-triage`?
    "##);
}

#[test]
fn cases_stay_out_of_the_compiled_file_and_of_the_digest() {
    let plain = good(&[("a.yaml", &format!("{SOURCE}---\n{REST}"))]);
    let case = "tests: [{ name: it answers, result: { status: 200 }, expect: issues.size() == 0 }]\n---\nkind: Command";
    let text = format!("{SOURCE}---\n{}", REST.replace("---\nkind: Command", case));
    let loaded = load_texts([(Path::new("a.yaml"), text.as_str())]);
    assert_eq!(loaded.problems, vec![]);
    assert_eq!(loaded.cases.iter().map(|case| (case.line, case.asks.name())).collect::<Vec<_>>(), [(11, "it answers")]);
    let tested = loaded.catalog.unwrap();
    assert_eq!((tested.to_compiled(), &tested.digest), (plain.to_compiled(), &plain.digest));
}
