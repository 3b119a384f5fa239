//! The kinds together: through [`Tasks`], and with the catalog that is written for them.

use std::path::Path;

use catalog::{
    Catalog,
    expr::{Expression, Scope},
    load_texts,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::testing::{At, Held, answer, closed_port, loopback, serve};

fn tasks(name_server: SocketAddr, clusters: BTreeMap<Name, Cluster>) -> Tasks {
    let clock = Arc::new(At::new("2026-03-01T12:00:00Z"));
    let secrets = Held::secrets([("key", &["a value"])]);
    let options =
        TasksOptions { name_servers: vec![name_server], clusters, ..TasksOptions::new(loopback(), secrets, clock) };
    Tasks::new(options).unwrap()
}

pub(crate) fn spec(spec: Value) -> RunSpec<String> {
    serde_json::from_value(spec).unwrap()
}

/// The examples of the documentation, as one catalog with a Command that uses each.
pub(crate) fn documented() -> Catalog {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    let mut pages = vec![std::fs::read_to_string(docs.join("tasks.md")).unwrap()];
    let kinds = std::fs::read_dir(docs.join("tasks")).unwrap();
    pages.extend(kinds.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()));
    let examples = pages.iter().flat_map(|page| page.split("```yaml\n").skip(1));
    let mut texts: Vec<&str> = examples.map(|rest| rest.split("```").next().unwrap()).collect();
    texts.push(
        r#"
kind: Command
name: look
description: Looks at everything
tasks:
  - { id: a, task: http-health, with: { url: "https://checkout.internal/healthz" } }
  - { id: b, task: queue-depth, with: { queue: orders } }
  - { id: c, task: dns-records, with: { host: checkout.internal } }
  - { id: d, task: port-open, with: { host: checkout.internal, port: 443 } }
  - { id: e, task: certificate, with: { host: checkout.internal } }
  - { id: f, task: error-lines, with: { app: checkout } }
  - { id: h, task: pagerduty-incident, with: { incident: Q1ABC } }
  - { id: i, task: recent-changes, with: { repository: acme/checkout } }
  - { id: g, task: crashing-pods, with: { namespace: checkout, app: checkout } }
"#,
    );
    let whole = texts.join("\n---\n");
    let loaded = load_texts([(Path::new("tasks.yaml"), whole.as_str())]);
    let errors: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.catalog.unwrap_or_else(|| panic!("{}", errors.join("\n")))
}

#[test]
fn the_documented_tasks_are_a_catalog_without_errors() {
    let catalog = documented();
    let mut kinds: Vec<_> = catalog.tasks.values().map(|task| task.run.kind()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "aws-api",
            "cloudtrail",
            "cloudwatch-alarms",
            "cloudwatch-logs",
            "cloudwatch-logs",
            "cloudwatch-metrics",
            "dns",
            "ecs",
            "github",
            "http",
            "kubernetes",
            "lambda",
            "lambda-health",
            "loki",
            "pagerduty",
            "promql",
            "sqs",
            "tcp",
            "tls"
        ]
    );
    assert_eq!(
        named_hosts(&catalog),
        [
            "api.github.com",
            "api.pagerduty.com",
            "checkout.internal",
            "kubernetes.internal",
            "loki.internal",
            "prometheus.internal"
        ]
    );
}

/// A name server that knows no name.
async fn empty_zone() -> SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let reply = &mut buffer[..length];
            // RFC 1035, 4.1.1: an answer (0x80) of code 3; the question stands as it came.
            reply[2] |= 0x80;
            reply[3] = (reply[3] & 0xf0) | 3;
            socket.send_to(reply, from).await.unwrap();
        }
    });
    address
}

async fn untrusted() -> SocketAddr {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
        }
    });
    address
}

/// Every kind, asked of a server that has bad news, and the documented Task whose rule says so.
#[tokio::test]
async fn every_kind_is_called_and_its_documented_rules_hold_over_the_result() {
    let failing = serve(|_| answer("503 Service Unavailable", &[], "no upstream")).await;
    let prometheus = serve(|_| {
        answer(
            "200 OK",
            &[],
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"900"],[2,"1284"]]}]}}"#,
        )
    })
    .await;
    let loki = serve(|_| {
        answer(
            "200 OK",
            &[],
            r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"a"},"values":[["1772366390000000000","panic"]]}]}}"#,
        )
    })
    .await;
    let (closed, certificate) = (closed_port().await, untrusted().await);
    let kubernetes = serve(|_| answer("200 OK", &[], r#"{"items":[{"metadata":{"name":"a"}}]}"#)).await;
    let cluster = json!({"name": "prod", "url": kubernetes.url("/"), "auth": {"bearer": "key"}});
    let clusters = [("prod".parse().unwrap(), serde_json::from_value(cluster).unwrap())].into();
    let pagerduty = serve(|request| {
        let incident = r#"{"id":"Q2","title":"down","service":{"id":"P"}}"#;
        let list = [incident; 3].join(",");
        assert!(request.starts_with("GET "));
        answer(
            "200 OK",
            &[],
            format!(r#"{{"incident":{incident},"incidents":[{list}],"alerts":[],"change_events":[]}}"#),
        )
    })
    .await;
    let github = serve(|request| {
        let list = r#"[{"id":1,"environment":"prod","state":"failure"}]"#;
        let body = if request.contains("/actions/") { r#"{"workflow_runs":[]}"# } else { list };
        answer("200 OK", &[], if request.starts_with("GET /repos/a/b ") { "{}" } else { body })
    })
    .await;
    let tasks = tasks(empty_zone().await, clusters);
    let catalog = documented();
    for (task, run, raised) in [
        ("http-health", json!({"http": {"url": failing.url("/healthz")}}), vec![true, false]),
        (
            "queue-depth",
            json!({"promql": {"url": prometheus.url(""), "query": "queue_depth", "range": {"last": "30m"}}}),
            vec![false, true],
        ),
        (
            "error-lines",
            json!({"loki": {"url": loki.url(""), "query": "{app=\"a\"}", "range": {"last": "15m"}}}),
            vec![true],
        ),
        (
            "crashing-pods",
            json!({"kubernetes": {"cluster": "prod", "read": "pods", "namespace": "checkout"}}),
            vec![false, true],
        ),
        (
            "pagerduty-incident",
            json!({"pagerduty": {"incident": "Q1", "secret": "key", "url": pagerduty.url("")}}),
            vec![true, false],
        ),
        (
            "recent-changes",
            json!({"github": {"repository": "a/b", "secret": "key", "url": github.url("")}}),
            vec![false, true],
        ),
        ("dns-records", json!({"dns": {"name": "checkout.example"}}), vec![true, false]),
        ("port-open", json!({"tcp": {"host": "127.0.0.1", "port": closed.port().to_string()}}), vec![true]),
        (
            "certificate",
            json!({"tls": {"host": "127.0.0.1", "port": certificate.port().to_string()}}),
            vec![true, false],
        ),
    ] {
        let result = tasks.call(&spec(run)).await.answer.unwrap().result;
        let scope = Scope::new().with("result", &result).with("inputs", &json!({}));
        let rules = &catalog.tasks[task].issues;
        let found: Vec<_> = rules.iter().map(|rule| rule.when.holds(&scope)).collect();
        assert_eq!(found, raised.into_iter().map(Ok).collect::<Vec<_>>(), "{task}: {result}");
        assert_eq!(unknown_fields(task, &catalog, &result), Vec::<String>::new());
        assert_eq!(unknown_fields(task, &catalog, &json!({"bogus": 1})).len(), 1);
    }
}

/// The fields of a result that a rule may not name: the catalog's check knows what each kind gives.
fn unknown_fields(task: &str, catalog: &Catalog, result: &Value) -> Vec<String> {
    let mut task = catalog.tasks[task].clone();
    let mut rule = task.issues[0].clone();
    let named: Vec<String> =
        result.as_object().unwrap().keys().map(|field| format!("result.{field} == result.{field}")).collect();
    rule.when = Expression::new(named.join(" && "));
    task.issues = vec![rule];
    let mut document = serde_json::to_value(&task).unwrap();
    document["kind"] = json!("Task");
    let text = document.to_string();
    let loaded = load_texts([(Path::new("task.yaml"), text.as_str())]);
    loaded.problems.iter().map(ToString::to_string).filter(|problem| problem.contains("result")).collect()
}

#[tokio::test]
async fn a_call_that_could_not_be_made_has_its_reason_on_one_line() {
    let inside = json!({"name": "inside", "url": "https://[fe80::1]:6443/", "auth": {"bearer": "key"}});
    let clusters = [("inside".parse().unwrap(), serde_json::from_value(inside).unwrap())].into();
    let tasks = tasks(closed_port().await, clusters);
    for (run, reason) in [
        (json!({"http": {"url": "http://169.254.169.254/"}}), "a cloud metadata address"),
        (json!({"promql": {"url": "http://[fe80::1]/", "query": "up"}}), "a link-local address"),
        (
            json!({"pagerduty": {"incident": "Q1", "secret": "key", "url": "http://[fd00:ec2::254]/"}}),
            "a cloud metadata address",
        ),
        (json!({"github": {"repository": "a/b", "url": "http://[::ffff:a9fe:a9fe]/"}}), "a cloud metadata address"),
        (json!({"github": {"repository": "a/b", "url": "http://2852039166/"}}), "a cloud metadata address"),
        (json!({"kubernetes": {"cluster": "inside", "read": "nodes"}}), "a link-local address"),
        (json!({"loki": {"url": "http://0xa9fea9fe/", "query": "{}"}}), "a cloud metadata address"),
        (json!({"dns": {"name": "10.0.0.1"}}), "is an address"),
        (json!({"tcp": {"host": "0.0.0.0", "port": "80"}}), "an unspecified address"),
        (json!({"tls": {"host": "224.0.0.1", "port": "443"}}), "a multicast address"),
        (json!({"tcp": {"host": "127.0.0.1", "port": "a\nb"}}), "`a b` is not a port"),
    ] {
        let called = tasks.call(&spec(run)).await;
        let refused = called.answer.unwrap_err();
        assert!(refused.contains(reason) && !refused.contains('\n'), "{refused}");
        assert!(called.request.is_object());
    }
}

#[tokio::test]
async fn a_panic_in_a_call_is_that_calls_failure() {
    let called = unbroken(async { panic!("a parser's defect") }).await;
    assert!(called.answer.unwrap_err().contains("defect"));
}
