//! Starting.

use ingest::context::{Context, ContextError, ENV};
use runtime::env::MapVars;

use crate::world::catalog;

fn complete(catalog: &str) -> MapVars {
    MapVars::from([
        ("FIRSTLOOK_CATALOG", catalog),
        ("FIRSTLOOK_SECRET", "firstlook"),
        ("FIRSTLOOK_INVESTIGATE_QUEUE", "https://sqs.eu-central-1.amazonaws.com/1/investigate"),
        ("FIRSTLOOK_WARMUP", "off"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ])
}

#[tokio::test]
async fn a_whole_environment_gives_a_handler_and_a_warm_up_that_is_off_calls_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    std::fs::write(&path, catalog().to_compiled()).unwrap();
    let context = Context::from_vars(&complete(path.to_str().unwrap())).unwrap();
    context.warm_up().await;
}

#[test]
fn everything_that_is_wrong_with_the_environment_is_said_at_once() {
    let Err(ContextError::Env(error)) = Context::from_vars(&MapVars::from([("FIRSTLOOK_WARMUP", "hunter2")])) else {
        panic!("it started");
    };
    let said = error.to_string();
    for name in ["FIRSTLOOK_SECRET", "FIRSTLOOK_INVESTIGATE_QUEUE", "FIRSTLOOK_WARMUP", "AWS_REGION"] {
        assert!(said.contains(name), "{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert!(ENV.contains(&"FIRSTLOOK_WARMUP"));
}

#[test]
fn a_catalog_that_cannot_be_read_is_named() {
    let Err(error) = Context::from_vars(&complete("/nowhere/catalog.json")) else { panic!("it started") };
    assert!(error.to_string().contains("/nowhere/catalog.json"), "{error}");
}
