//! The deployment itself, before any scenario: routes, a second deploy, an end.

use std::path::Path;

use serde_json::json;

use super::*;

/// A catalog that listens to these sources.
fn catalog(sources: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let documents: Vec<String> = sources
        .iter()
        .map(|name| {
            format!("---\nkind: Source\nname: {name}\ntype: pagerduty\nverify: {{ secret: pagerduty-signing }}\n")
        })
        .collect();
    std::fs::write(folder.path().join("catalog.yaml"), documents.concat()).unwrap();
    catalog::load_dir(folder.path()).catalog.expect("a catalog").to_compiled()
}

/// What a request is answered with.
async fn status(deployment: &Deployment, method: &str, path: &str) -> u16 {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = deployment.client().request(method, deployment.url(path)).header("content-type", "application/json");
    request.body("{}").send().await.unwrap().status().as_u16()
}

/// How many processes run a binary under `folder`.
fn processes_in(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let binaries = processes.filter_map(|process| std::fs::read_link(process.path().join("exe")).ok());
    binaries.filter(|binary| binary.starts_with(folder)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_of_nothing_but_the_catalog_reaches_the_live_alias() {
    let options = Options::new(catalog(&["first"]), json!({ "pagerduty-signing": "of-the-tests" }));
    let mut deployment = Deployment::new(options).await;
    for (method, path, expected) in [
        ("POST", "/hooks/first", 401),
        ("POST", "/hooks/second", 404),
        ("GET", "/hooks/first", 405),
        ("POST", "/hooks/first/more", 404),
        ("GET", "/nothing", 404),
        ("POST", "/runs", 404),
        ("GET", "/runs", 403),
        ("GET", "/runs/run_01ARZ3NDEKTSV4RRFFQ69G5FAV", 403),
    ] {
        assert_eq!(status(&deployment, method, path).await, expected, "{method} {path}");
    }
    deployment.change_catalog(catalog(&["first", "second"])).await;
    for path in ["/hooks/first", "/hooks/second"] {
        assert_eq!(status(&deployment, "POST", path).await, 401, "{path}");
    }

    // The alarms and the dashboard, which only name what stands already.
    deployment.watch("").await;

    // Nothing of a world outlives it.
    let folder = deployment.folder().to_owned();
    assert!(processes_in(&folder) > 0);
    drop(deployment);
    assert_eq!(processes_in(&folder), 0);
    assert!(!folder.exists());
}
