//! Which room may know which: read from `cargo metadata`, so that a wrong edge fails here and not in a review.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// What each crate of ours may depend on. Tests may depend on anything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("firstlook-domain", &[]),
    ("firstlook-ports", &["firstlook-domain"]),
    ("firstlook-catalog", &["firstlook-domain"]),
    ("firstlook-sources", &["firstlook-domain", "firstlook-catalog"]),
    ("firstlook-store", &["firstlook-domain", "firstlook-ports"]),
    ("firstlook-engine", &["firstlook-domain", "firstlook-ports", "firstlook-catalog", "firstlook-store"]),
    ("firstlook-library", &[]),
    ("firstlook-net", &[]),
    ("firstlook-awscall", &["firstlook-domain", "firstlook-ports", "firstlook-net"]),
    (
        "firstlook-tasks",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-catalog",
            "firstlook-engine",
            "firstlook-net",
            "firstlook-awscall",
        ],
    ),
    (
        "firstlook-models",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-catalog",
            "firstlook-engine",
            "firstlook-net",
            "firstlook-awscall",
        ],
    ),
    ("firstlook-outlets", &["firstlook-domain", "firstlook-ports", "firstlook-net", "firstlook-awscall"]),
    ("firstlook-inbox", &["firstlook-ports"]),
    ("firstlook-aws", &["firstlook-domain", "firstlook-ports"]),
    ("firstlook-dynamo", &["firstlook-domain", "firstlook-ports", "firstlook-aws"]),
    // Its timer reads the Schedules.
    ("firstlook-local", &["firstlook-domain", "firstlook-ports", "firstlook-catalog"]),
    ("firstlook-runtime", &["firstlook-domain", "firstlook-ports"]),
    (
        "ingest",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-catalog",
            "firstlook-sources",
            "firstlook-aws",
            "firstlook-runtime",
        ],
    ),
    (
        "investigate",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-catalog",
            "firstlook-store",
            "firstlook-engine",
            "firstlook-tasks",
            "firstlook-models",
            "firstlook-net",
            "firstlook-awscall",
            "firstlook-aws",
            "firstlook-dynamo",
            "firstlook-runtime",
        ],
    ),
    (
        "deliver",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-catalog",
            "firstlook-store",
            "firstlook-outlets",
            "firstlook-awscall",
            "firstlook-aws",
            "firstlook-dynamo",
            "firstlook-runtime",
        ],
    ),
    (
        "firstlook-console",
        &[
            "firstlook-domain",
            "firstlook-ports",
            "firstlook-store",
            "firstlook-aws",
            "firstlook-dynamo",
            "firstlook-runtime",
        ],
    ),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .expect("cargo metadata runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn every_crate_depends_only_on_the_rooms_below_it() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        // The command line wires every room together, and tests look into every room.
        if matches!(name, "firstlook" | "firstlook-tests" | "firstlook-fuzzed") {
            continue;
        }
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("{name} stands in no list: say in tests/it/layers.rs what it may know"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("a name");
            if dependency["kind"].is_null() && ours.contains(on) && !allowed.contains(&on) {
                wrong.push(format!("{name} -> {on}"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that should not be:\n{}", wrong.join("\n"));
}

#[test]
fn i2_ingest_links_no_table_and_no_http_client() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "ingest", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let linked: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(linked.contains("aws-sdk-sqs"), "the tree is not ingest's: {tree}");
    for heavy in [
        "aws-sdk-dynamodb",
        "reqwest",
        "rusqlite",
        "axum",
        "aws-lc-rs",
        "firstlook-engine",
        "firstlook-store",
        "hickory-resolver",
        "bm25",
    ] {
        assert!(!linked.contains(heavy), "ingest links {heavy}");
    }
}
