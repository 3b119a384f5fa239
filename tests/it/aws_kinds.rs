//! The AWS task kinds against the emulator: its own wire formats, and not those that our unit tests wrote down.

use std::{io::Write, sync::Arc, time::Duration};

use async_trait::async_trait;
use awscall::{Aws, AwsOptions, AwsRequest, JsonVersion, Keys, Place};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use catalog::model::RunSpec;
use domain::Secret;
use engine::CallTask;
use net::AddressPolicy;
use ports::{Clock, Entropy, ReadSecret, SecretError, SystemClock};
use serde_json::{Value, json};
use tasks::{Tasks, TasksOptions};

use crate::aws_world::emulator::{Emulator, EmulatorOptions};

struct Same;

impl Entropy for Same {
    fn random(&self) -> u128 {
        7
    }
}

/// No kind here has a key.
struct NoSecrets;

#[async_trait]
impl ReadSecret for NoSecrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        Err(SecretError::Missing { key: key.to_owned() })
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.read(key).await
    }
}

struct Cloud {
    emulator: Emulator,
    aws: Aws,
    tasks: Tasks,
}

impl Cloud {
    async fn start() -> Self {
        let emulator = Emulator::start(&EmulatorOptions::default()).await;
        let keys = Keys {
            access_key_id: "test".to_owned(),
            secret_access_key: Secret::new("test"),
            session_token: None,
            expires: None,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut options = AwsOptions::new("eu-central-1", Arc::new(keys), Arc::clone(&clock), Arc::new(Same));
        options.endpoint = Some(emulator.url().parse().unwrap());
        let aws = Aws::new(options).unwrap();
        let mut options = TasksOptions::new(AddressPolicy::new([]), Arc::new(NoSecrets), clock);
        options.aws = Some(aws.clone());
        Self { emulator, aws, tasks: Tasks::new(options).unwrap() }
    }

    async fn json(&self, service: &str, target: &str, body: Value) -> Value {
        let version = JsonVersion::V1_1;
        let request = AwsRequest::Json { service, signing: service, target, version, body: &body };
        let answer = self.aws.call(&Place::default(), &request, Duration::from_secs(30)).await;
        answer.unwrap_or_else(|error| panic!("{target}: {error}")).body
    }

    /// The result of a task, or its reason.
    async fn task(&self, run: Value) -> Result<Value, String> {
        let spec: RunSpec<String> = serde_json::from_value(run).unwrap();
        self.tasks.call(&spec).await.answer.map(|answer| answer.result)
    }

    async fn logs(&self, operation: &str, body: Value) -> Value {
        self.json("logs", &format!("Logs_20140328.{operation}"), body).await
    }

    async fn ecs(&self, operation: &str, body: Value) -> Value {
        self.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body).await
    }
}

#[tokio::test]
async fn queries_and_error_patterns_are_read_of_the_emulators_logs() {
    let cloud = Cloud::start().await;
    cloud.logs("CreateLogGroup", json!({"logGroupName": "/ecs/shop"})).await;
    cloud.logs("CreateLogStream", json!({"logGroupName": "/ecs/shop", "logStreamName": "a"})).await;
    let now = SystemClock.now().as_millisecond();
    let line = |minutes: i64, text: &str| json!({"timestamp": now - minutes * 60_000, "message": text});
    let lines = [
        line(25, "ERROR slow answer of 9 ms"),
        line(5, "ERROR slow answer of 31 ms"),
        line(4, "INFO fine"),
        line(3, "ERROR refused by payments"),
    ];
    cloud.logs("PutLogEvents", json!({"logGroupName": "/ecs/shop", "logStreamName": "a", "logEvents": lines})).await;
    let query = "fields @message | filter @message like /ERROR/ | sort @timestamp desc | limit 10";
    let found = cloud
        .task(json!({"cloudwatch-logs": {"log_groups": ["/ecs/shop"], "query": query, "last": "10m"}}))
        .await
        .unwrap();
    assert_eq!(
        found["rows"],
        json!([{"@message": "ERROR refused by payments"}, {"@message": "ERROR slow answer of 31 ms"}])
    );
    assert_eq!((&found["status"], &found["scanned"]), (&json!("Complete"), &json!(3)));
    let found = cloud
        .task(json!({"cloudwatch-logs": {"log_groups": ["/ecs/shop"], "last": "15m", "patterns": {"filter": "ERROR"}}}))
        .await
        .unwrap();
    let templates: Vec<(&Value, &Value)> =
        found["patterns"].as_array().unwrap().iter().map(|one| (&one["template"], &one["new"])).collect();
    assert_eq!(
        templates,
        [(&json!("ERROR refused by payments"), &json!(true)), (&json!("ERROR slow answer of <n> ms"), &json!(false)),]
    );
    let gone = cloud.task(json!({"cloudwatch-logs": {"log_groups": ["/no/such"], "patterns": {}}})).await;
    assert!(gone.unwrap_err().contains("ResourceNotFoundException"));
}

#[tokio::test]
async fn services_of_the_emulators_cluster_and_who_made_them_are_read() {
    let cloud = Cloud::start().await;
    let config = format!("{}/_ministack/config", cloud.emulator.url());
    let policy = AddressPolicy::new(["127.0.0.1".to_owned()]);
    let client = net::client(&net::Options { policy, ..net::Options::default() }).unwrap();
    let recorded = client.post(config).json(&json!({"cloudtrail._recording_enabled": "true"}));
    assert!(recorded.send().await.unwrap().status().is_success());
    cloud.ecs("CreateCluster", json!({"clusterName": "shop"})).await;
    let container = json!({"name": "app", "image": "shop:1", "memory": 64, "essential": true});
    cloud.ecs("RegisterTaskDefinition", json!({"family": "checkout", "containerDefinitions": [container]})).await;
    // None wanted: the emulator has nothing to run them in.
    cloud
        .ecs(
            "CreateService",
            json!({"cluster": "shop", "serviceName": "checkout", "taskDefinition": "checkout", "desiredCount": 0}),
        )
        .await;
    for services in [json!(["checkout", "gone"]), json!([])] {
        let named = services != json!([]);
        let found = cloud.task(json!({"ecs": {"cluster": "shop", "services": services}})).await.unwrap();
        let service = &found["services"][0];
        assert_eq!((&service["name"], &service["task_definition"]), (&json!("checkout"), &json!("checkout:1")));
        assert_eq!((&service["desired"], &service["status"]), (&json!(0), &json!("ACTIVE")));
        assert_eq!(service["deployments"][0]["status"], json!("PRIMARY"));
        assert_eq!(found["missing"], if named { json!(["gone"]) } else { json!([]) });
    }
    let changes = cloud.task(json!({"cloudtrail": {"source": "ecs.amazonaws.com", "last": "1h"}})).await.unwrap();
    let what: Vec<&str> =
        changes["changes"].as_array().unwrap().iter().map(|change| change["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["CreateService", "RegisterTaskDefinition", "CreateCluster"]);
    assert!(!changes["changes"][0]["who"].as_str().unwrap().is_empty());
}

/// A function in Python as docs/tasks/lambda.md describes it, in a zip.
fn function() -> String {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("index.py", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(
        br#"
def handler(event, context):
    shop = event["inputs"]["shop"]
    if shop == "gone":
        raise KeyError(shop)
    return {
        "summary": f"1 order of {shop} is stuck",
        "findings": [{"severity": 2, "title": "Order 12 is stuck", "next_steps": ["Look it up."]}],
        "data": {"got": sorted(event)},
    }
"#,
    )
    .unwrap();
    STANDARD.encode(zip.finish().unwrap().into_inner())
}

#[tokio::test]
async fn a_function_of_the_emulator_is_looked_at_and_called() {
    let cloud = Cloud::start().await;
    let body = json!({
        "FunctionName": "check-orders", "Runtime": "python3.11", "Handler": "index.handler", "Timeout": 10, "MemorySize": 128,
        "Role": "arn:aws:iam::000000000000:role/x", "Code": {"ZipFile": function()},
        "Environment": {"Variables": {"DB_PASSWORD": "hunter2"}},
    });
    let create = AwsRequest::Rest {
        service: "lambda",
        signing: "lambda",
        method: "POST",
        path: "/2015-03-31/functions",
        query: &[],
        body: Some(&body),
    };
    cloud.aws.call(&Place::default(), &create, Duration::from_secs(30)).await.unwrap();
    let call = |shop: &str| json!({"lambda": {"function": "check-orders", "read_only": "check-orders", "inputs": {"shop": shop}, "timeout": "30s"}});
    let found = cloud.task(call("eu")).await.unwrap();
    assert_eq!((&found["summary"], &found["worst"]), (&json!("1 order of eu is stuck"), &json!(2)));
    assert_eq!(found["data"], json!({"got": ["deadline_ms", "firstlook", "inputs"]}));
    let failed = cloud.task(call("gone")).await.unwrap_err();
    // AWS says `KeyError` where the emulator says that a handler failed.
    assert!(failed.starts_with("`check-orders` failed with ") && failed.ends_with(": 'gone'"), "{failed}");

    // A function that is new is pending for a while.
    let mut health = Value::Null;
    for _ in 0..100 {
        health = cloud.task(json!({"lambda-health": {"function": "check-orders", "last": "5m"}})).await.unwrap();
        if health["state"] != "Pending" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((&health["state"], &health["timeout_s"]), (&json!("Active"), &json!(10)));
    assert_eq!((&health["reserved_concurrency"], &health["blocked"]), (&json!(null), &json!(false)));
    assert!(!health.to_string().contains("hunter2"), "{health}");
    let gone = cloud.task(json!({"lambda-health": {"function": "gone"}})).await.unwrap_err();
    assert!(gone.contains("ResourceNotFoundException"), "{gone}");
}
