//! One small bad catalog for each code.

use std::{collections::BTreeSet, path::Path};

use crate::{Loaded, load_texts};

/// A small good catalog. A bad document takes the place of the one of its kind and name.
const BASE: [&str; 5] = [
    "kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
",
    "kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: \"Check that ${{ inputs.url }} answers\"
run: { http: { url: \"${{ inputs.url }}\" } }
issues:
  - when: result.status >= 500
    severity: 2
    title: \"${{ inputs.url }} answers ${{ result.status }}\"
    expected: \"200\"
    actual: \"${{ result.status }}\"
    next_steps: [\"Look at the newest deploy.\"]
",
    "kind: Command
name: triage
description: Is checkout up
parameters:
  namespace: { type: string, pattern: \"[a-z0-9-]{1,63}\", default: checkout }
tasks:
  - { id: health, task: http-health, with: { url: \"https://checkout.internal/healthz\" } }
",
    "kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: cathy }
",
    "kind: Assistant
name: cathy
model: none
",
];

fn identities(text: &str) -> BTreeSet<(String, String)> {
    let line =
        |document: &str, key: &str| document.lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()));
    text.split("---\n").filter_map(|document| Some((line(document, "kind:")?, line(document, "name:")?))).collect()
}

/// What is said of `file` beside the documents of the base that it does not replace.
pub(super) fn said_of(file: &str, text: &str) -> Loaded {
    let bad = identities(text);
    let base: Vec<&str> = BASE.into_iter().filter(|document| identities(document).is_disjoint(&bad)).collect();
    let base = base.join("---\n");
    let mut loaded = load_texts([(Path::new("base.yaml"), base.as_str()), (Path::new(file), text)]);
    loaded.problems.retain(|problem| problem.file == Path::new(file));
    loaded
}

fn said(text: &str) -> String {
    let problems = said_of("checkout.yaml", text).problems;
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_base_is_good() {
    let base = BASE.join("---\n");
    let loaded = load_texts([(Path::new("base.yaml"), base.as_str())]);
    assert_eq!(loaded.problems, vec![]);
    assert!(loaded.catalog.is_some());
}

/// Tests that a bad document gets these problems, as they are printed.
macro_rules! bad {
    ($($name:ident: $text:expr, $wanted:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let said = super::said($text);
                assert_eq!(said, $wanted, "\n<<<{}>>>\n", said);
            }
        )*
    };
}

mod aws;
mod aws_kinds;
mod chat;
mod delivery;
mod documents;
mod expressions;
mod kinds;
mod meaning;
mod models;
mod pages;
mod reading;
mod safety;
