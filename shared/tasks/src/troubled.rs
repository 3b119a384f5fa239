//! Every kind that asks over HTTP, through the same faults: what people are told of each stands in the snapshots, a line for
//! each kind and fault. What only one kind can meet is tested beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use engine::CallTask;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    Tasks, TasksOptions,
    signed::testing::{Asked, NOW},
    testing::{At, Held, answer, aws_way, loopback, read_request},
    tests::{documented, spec},
};

/// What must be in nothing that is kept (I9).
const SECRET: &str = "the-token-of-the-suite";

/// More than any kind reads of one answer.
const ENORMOUS: usize = 9 * 1024 * 1024;

/// The most that is made of it, in bytes of JSON.
const RESULT: usize = 300 * 1024;

/// What an API does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Throttled,
    Denied,
    /// Without a word on what is missing.
    DeniedUnnamed,
    Expired,
    Failed,
    WrongType,
    OtherJson,
    HalfJson,
    BrokenOff,
    Closed,
    Elsewhere,
    Enormous,
    /// Every page says that there is another.
    Endless,
    Dripping,
    Silent,
}

use Fault::{
    BrokenOff, Closed, Denied, DeniedUnnamed, Dripping, Elsewhere, Endless, Enormous, Expired, Failed, HalfJson,
    OtherJson, Silent, Throttled, WrongType,
};

const FAULTS: [Fault; 15] = [
    Throttled,
    Denied,
    DeniedUnnamed,
    Expired,
    Failed,
    WrongType,
    OtherJson,
    HalfJson,
    BrokenOff,
    Closed,
    Elsewhere,
    Enormous,
    Endless,
    Dripping,
    Silent,
];

/// The kinds that ask AWS, and what of it.
const AWS: [(&str, &str); 10] = [
    ("aws-api", r#"{"service": "kms", "operation": "ListKeys"}"#),
    ("cloudwatch-metrics", r#"{"namespace": "AWS/SQS", "metric": "Age", "statistic": "Maximum"}"#),
    ("cloudwatch-alarms", r#"{"prefix": "checkout-"}"#),
    ("cloudwatch-logs", r#"{"log_groups": ["/ecs/checkout"], "query": "fields @message"}"#),
    ("cloudwatch-logs", r#"{"log_groups": ["/ecs/checkout"], "patterns": {}}"#),
    ("cloudtrail", r#"{"resource": "checkout"}"#),
    ("ecs", r#"{"cluster": "shop", "services": ["checkout"]}"#),
    ("sqs", r#"{"queue": "orders"}"#),
    ("lambda-health", r#"{"function": "orders"}"#),
    ("lambda", r#"{"function": "check-orders", "read_only": "check-orders"}"#),
];

/// Those that ask another HTTP API, at URL.
const HTTP: [(&str, &str); 10] = [
    ("http", r#"{"url": "URL/healthz", "auth": {"bearer": "key"}}"#),
    ("promql", r#"{"url": "URL", "query": "up", "auth": {"bearer": "key"}}"#),
    (
        "loki",
        r#"{"url": "URL", "query": "{app=\"a\"}", "range": {"last": "5m", "step": "1m"}, "auth": {"bearer": "key"}}"#,
    ),
    ("kubernetes", r#"{"cluster": "prod", "read": "pods", "namespace": "shop"}"#),
    ("kubernetes", r#"{"cluster": "prod", "read": "workloads", "namespace": "shop"}"#),
    ("kubernetes", r#"{"cluster": "prod", "read": "events", "namespace": "shop"}"#),
    ("kubernetes", r#"{"cluster": "prod", "read": "logs", "namespace": "shop", "name": "a"}"#),
    ("kubernetes", r#"{"cluster": "prod", "read": "nodes"}"#),
    ("pagerduty", r#"{"incident": "Q1ABC", "secret": "key", "url": "URL"}"#),
    ("github", r#"{"repository": "acme/checkout", "secret": "key", "url": "URL"}"#),
];

/// A server that does nothing else.
async fn troubled(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(trouble(stream, fault));
        }
    });
    address
}

async fn trouble(mut stream: TcpStream, fault: Fault) {
    let request = read_request(&mut stream).await;
    let html = [("content-type", "text/html")];
    let said = match fault {
        Throttled => error(&request, 429, "ThrottlingException", "Rate exceeded"),
        Denied => error(&request, 403, "AccessDeniedException", &denial(&request)),
        DeniedUnnamed => error(&request, 403, "AccessDeniedException", "Forbidden"),
        Expired => error(&request, 401, "ExpiredTokenException", "The security token is expired"),
        Failed => answer("500 Internal Server Error", &html, "<html>it is broken</html>"),
        WrongType => answer("200 OK", &html, "<html>a portal</html>"),
        OtherJson => answer("200 OK", &[("content-type", "application/json")], r#"{"unexpected":[1]}"#),
        HalfJson => answer("200 OK", &[("content-type", "application/json")], r#"{"items":[{"metadata":{"na"#),
        BrokenOff => b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"items\":[".to_vec(),
        Closed => Vec::new(),
        Elsewhere => answer("307 Temporary Redirect", &[("location", "http://169.254.169.254/latest/")], ""),
        Endless => {
            let next = format!("<http://{}/next>; rel=\"next\"", stream.local_addr().unwrap());
            answer("200 OK", &[("content-type", "application/json"), ("link", &next)], endless())
        }
        Enormous => answer("200 OK", &[("content-type", "application/json")], vec![b' '; ENORMOUS]),
        Dripping => b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n".to_vec(),
        Silent => return std::future::pending().await,
    };
    // Who has read enough goes away.
    let _ = stream.write_all(&said).await;
    // A byte now and then, for ever.
    while fault == Dripping && stream.write_all(b" ").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _ = stream.shutdown().await;
}

/// A page of any API with nothing on it, and another behind it.
fn endless() -> String {
    let again = "again";
    let page = json!({
        "NextToken": again, "nextToken": again, "NextMarker": again, "Truncated": true,
        "Events": [], "events": [], "MetricDataResults": [], "MetricAlarms": [], "AlarmHistoryItems": [],
        "services": [], "serviceArns": [], "taskArns": [], "EventSourceMappings": [], "Keys": [],
        "metadata": {"continue": again}, "items": [],
        "incident": {"id": "Q1ABC", "title": "down", "service": {"id": "P"}},
        "incidents": [], "alerts": [], "change_events": [], "more": true, "workflow_runs": [],
    });
    page.to_string()
}

/// An error in the form of the protocol that asked, as AWS and most other APIs word it.
fn error(request: &str, status: u16, code: &str, message: &str) -> Vec<u8> {
    let status = format!("{status} No");
    if request.contains("content-type: application/x-www-form-urlencoded") && request.contains("AWS4-HMAC-SHA256") {
        let body =
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
        return answer(&status, &[("content-type", "text/xml")], body);
    }
    let headers = [("content-type", "application/json"), ("retry-after", "30")];
    let headers = if status.starts_with("429") { &headers[..] } else { &headers[..1] };
    answer(&status, headers, json!({"__type": code, "message": message}).to_string())
}

/// AWS's words, as far as the request says what it wants.
fn denial(request: &str) -> String {
    let scope = request.split_once("Credential=").and_then(|(_, rest)| rest.split(',').next());
    let service = match scope.and_then(|scope| scope.split('/').nth(3)) {
        None => return "Forbidden".to_owned(),
        // Its name in policies is not the one that is signed.
        Some("monitoring") => "cloudwatch",
        Some(service) => service,
    };
    let who = "User: arn:aws:sts::111122223333:assumed-role/firstlook/investigate is not authorized to";
    let operation = Asked::of(request).what;
    // REST: the operation is not in the request.
    let operation = match operation.split(['?', '/']).next_back() {
        Some("configuration") => "GetFunctionConfiguration",
        Some("concurrency") => "GetFunctionConcurrency",
        Some("invocations") => "InvokeFunction",
        _ if operation.contains("/event-source-mappings") => "ListEventSourceMappings",
        _ => operation.as_str(),
    };
    format!("{who} perform: {service}:{operation} because no identity-based policy allows it")
}

fn tasks(address: SocketAddr) -> Tasks {
    let clock = Arc::new(At::new(NOW));
    let cluster = json!({"name": "prod", "url": format!("http://{address}/"), "auth": {"bearer": "key"}});
    let options = TasksOptions {
        clusters: [("prod".parse().unwrap(), serde_json::from_value(cluster).unwrap())].into(),
        aws: Some(aws_way(address)),
        ..TasksOptions::new(loopback(), Held::secrets([("key", &[SECRET])]), clock)
    };
    Tasks::new(options).unwrap()
}

/// One line: what came of asking, and under it the advice.
async fn line(kind: &str, run: &str, fault: Fault) -> String {
    let address = troubled(fault).await;
    let mut with: Value = serde_json::from_str(&run.replace("URL", &format!("http://{address}"))).unwrap();
    // Only what takes for ever is not waited for.
    with["timeout"] = if matches!(fault, Dripping | Silent) { "300ms" } else { "20s" }.into();
    let called = tasks(address).call(&spec(json!({kind: with}))).await;
    let what = format!("{kind} {fault:?}");
    assert!(!format!("{called:?}").contains(SECRET), "I9: {what}: {called:?}");
    assert!(called.request.is_object(), "{what}");
    let said = match called.answer {
        Ok(found) => {
            assert!(found.result.to_string().len() <= RESULT, "{what}: {} bytes", found.result.to_string().len());
            let beside = ["notes", "unread"].into_iter().filter_map(|field| {
                let said = found.result.get(field).filter(|said| **said != json!([]))?;
                Some(format!(" {field} {said}"))
            });
            format!("ok: {}{}", found.summary, beside.collect::<String>())
        }
        Err(reason) => {
            assert!(!reason.trim().is_empty() && reason.lines().count() <= 2, "{what}: {reason}");
            if AWS.iter().any(|(aws, _)| *aws == kind) && matches!(fault, Denied | DeniedUnnamed) {
                let (line, advice) = reason.split_once('\n').unwrap_or_else(|| panic!("{what}: no advice: {reason}"));
                let action = line.split_once(" may not ").and_then(|(_, rest)| rest.split_once(": ")).unwrap().0;
                let named = action.split_once(':').is_some_and(|(_, name)| name.chars().all(char::is_alphanumeric));
                assert!(named && advice.contains(&format!("`{action}`")), "{what}: {reason}");
            }
            reason.replace('\n', "\n    ")
        }
    };
    let steady = said.replace(&address.to_string(), "HOST").trim_end().to_owned();
    format!("{kind}: {steady}")
}

/// All kinds of a family through some faults, a paragraph for each fault.
async fn all(family: &[(&str, &str)], faults: &[Fault]) -> String {
    let mut told = String::new();
    for fault in faults {
        let lines = join_all(family.iter().map(|(kind, run)| line(kind, run, *fault))).await;
        told.push_str(&format!("-- {fault:?}\n{}\n\n", lines.join("\n")));
    }
    told
}

/// What waits between its tries or its pages has its time to itself; what counts its time by a silent server has not.
fn waits(fault: Fault) -> bool {
    matches!(fault, Throttled | Failed | Endless)
}

macro_rules! told {
    ($name:literal, $told:expr) => {
        let told = $told;
        insta::with_settings!({filters => vec![
            (r"\b\d+ ms\b", "SOME ms"),
            (r"\b\d+ times\b", "SOME times"),
            (r"in \d+ s\b", "in SOME s"),
            // Of the call's own deadline and the step's, either may be the first.
            (r"\S+ did not answer within \d+ms", "AWS did not answer within SOME ms"),
            (r"within \d+ms", "within SOME ms"),
        ], prepend_module_to_snapshot => false}, { insta::assert_snapshot!($name, told) })
    };
}

#[tokio::test]
async fn every_kind_that_asks_aws_says_what_went_wrong() {
    let faults: Vec<Fault> = FAULTS.into_iter().filter(|fault| !waits(*fault)).collect();
    told!("troubled_aws", all(&AWS, &faults).await);
}

#[tokio::test(start_paused = true)]
async fn every_kind_that_asks_aws_tries_again_while_it_is_throttled_and_says_so() {
    told!("troubled_aws_again", all(&AWS, &[Throttled, Failed, Endless]).await);
}

#[tokio::test]
async fn every_kind_that_asks_an_http_api_says_what_went_wrong() {
    let faults: Vec<Fault> = FAULTS.into_iter().filter(|fault| *fault != DeniedUnnamed).collect();
    told!("troubled_http", all(&HTTP, &faults).await);
}

#[test]
fn every_kind_is_in_a_family() {
    let catalog = documented();
    let kinds: BTreeSet<&str> = catalog.tasks.values().map(|task| task.run.kind()).collect();
    let asking = AWS.iter().chain(&HTTP).map(|(kind, _)| *kind);
    // Those that are no HTTP have tests of their own for all of it.
    let families: BTreeSet<&str> = asking.chain(["dns", "tcp", "tls"]).collect();
    assert_eq!(kinds, families);
    let places: BTreeMap<&str, bool> =
        catalog.tasks.values().map(|task| (task.run.kind(), task.run.place().is_some())).collect();
    assert!(AWS.iter().all(|(kind, _)| places[kind]) && HTTP.iter().all(|(kind, _)| !places[kind]));
}
