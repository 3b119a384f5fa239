use serde_json::json;

use super::*;

const CATALOG: &str = r#"
kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
"#;

#[tokio::test]
async fn deploys() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog.yaml"), CATALOG).unwrap();
    let loaded = catalog::load_dir(folder.path());
    for problem in &loaded.problems {
        println!("{problem}");
    }
    let compiled = loaded.catalog.unwrap().to_compiled();
    let deployment = Deployment::new(Options::new(compiled, json!({"pagerduty-signing": "s"}))).await;
    let client = loopback_client();
    let answer = client.post(deployment.url("/hooks/nobody")).body("{}").send().await.unwrap();
    println!("{} {}", answer.status(), answer.text().await.unwrap());
    let answer = client.post(deployment.url("/hooks/pagerduty")).body("{}").send().await.unwrap();
    println!("{} {}", answer.status(), answer.text().await.unwrap());
    println!("{}", deployment.log());
}
