use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use catalog::model::RunSpec;
use engine::CallTask;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Tasks, TasksOptions,
    testing::{At, Held, Server, answer, loopback, serve},
};

const TOKEN: &str = "t0ken/with+odd\"letters";

fn tasks(secrets: Arc<dyn ReadSecret>) -> Tasks {
    Tasks::new(TasksOptions::new(loopback(), secrets, Arc::new(At::new("2026-03-01T12:00:00Z")))).unwrap()
}

fn held() -> Arc<dyn ReadSecret> {
    Held::secrets([
        ("token", &[TOKEN]),
        ("login", &["ops:pass:word"]),
        ("broken", &["two\nlines"]),
        ("rotated", &["old-value", "new-value"]),
    ])
}

async fn call(secrets: Arc<dyn ReadSecret>, run: Value) -> Called {
    let spec: RunSpec<String> = serde_json::from_value(run).unwrap();
    tasks(secrets).call(&spec).await
}

/// A server that answers with all that it was sent, in its headers, its body and its body's JSON.
async fn echo() -> Server {
    serve(|request| {
        let sent = request.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or("none");
        let body = json!({"sent": sent, "again": request, TOKEN: [TOKEN]}).to_string();
        answer("200 OK", &[("content-type", "application/json"), ("x-sent", sent)], body)
    })
    .await
}

#[tokio::test]
async fn a_call_proves_itself_in_each_way() {
    let server = echo().await;
    let basic = format!("authorization: Basic {}\r\n", STANDARD.encode("ops:pass:word"));
    for (auth, sent) in [
        (json!({"bearer": "token"}), format!("authorization: Bearer {TOKEN}\r\n")),
        (json!({"basic": "login"}), basic),
        (json!({"header": "X-Api-Key", "secret": "token"}), format!("x-api-key: {TOKEN}\r\n")),
    ] {
        for run in [
            json!({"http": {"url": server.url("/"), "auth": auth}}),
            json!({"promql": {"url": server.url(""), "query": "up", "auth": auth}}),
        ] {
            call(held(), run).await;
            let request = server.requests().pop().unwrap();
            assert!(request.contains(&sent), "{request}");
        }
    }
}

#[tokio::test]
async fn i9_what_was_sent_as_a_secret_is_in_nothing_that_is_kept() {
    let server = echo().await;
    for auth in [
        json!({"bearer": "token"}),
        json!({"basic": "login"}),
        json!({"header": "X-Odd", "secret": "token"}),
        json!({"header": "X-Odd", "secret": "login"}),
    ] {
        let called = call(held(), json!({"http": {"url": server.url("/"), "auth": auth}})).await;
        let kept = format!("{called:?} {}", called.answer.as_ref().unwrap().result);
        let parsed = called.answer.as_ref().unwrap().result["json"].to_string();
        if auth.get("basic").is_some() || auth["secret"] == "login" {
            for form in ["pass:word", &STANDARD.encode("ops:pass:word")] {
                assert!(!kept.contains(form) && !parsed.contains(form), "{kept}");
            }
        } else {
            assert!(!kept.contains(TOKEN) && !kept.contains("t0ken") && !parsed.contains("t0ken"), "{kept}");
        }
        assert!(kept.contains("***"));
    }
    // A refusal in the server's own words, which are an error's text.
    let rude = serve(|_| {
        let words = json!({"status": "error", "errorType": "auth", "error": format!("I do not like {TOKEN}")});
        answer("400 Bad Request", &[], words.to_string())
    })
    .await;
    let run = json!({"promql": {"url": rude.url(""), "query": "up", "auth": {"bearer": "token"}}});
    let reason = call(held(), run).await.answer.unwrap_err();
    assert!(reason.contains("I do not like ***"), "{reason}");
}

#[tokio::test]
async fn i9_the_recorded_request_says_which_key_and_not_its_value() {
    let server = echo().await;
    let run = json!({"http": {"url": server.url("/"), "auth": {"bearer": "token"}}});
    let called = call(held(), run).await;
    assert_eq!(called.request["auth"], json!("bearer, by the key token"));
    let called = call(held(), json!({"http": {"url": server.url("/")}})).await;
    assert_eq!(called.request.get("auth"), None);
}

#[tokio::test]
async fn i8_a_secret_goes_to_no_host_that_the_catalog_does_not_name() {
    // `localhost` is the same server under a name that this catalog does not have.
    let server = echo().await;
    let policy = AddressPolicy::new(["127.0.0.1".to_owned()]);
    let named = Tasks::new(TasksOptions::new(policy, held(), Arc::new(At::new("2026-03-01T12:00:00Z")))).unwrap();
    for kind in ["http", "promql"] {
        let mut run =
            json!({"url": format!("http://elsewhere.example:{}/", server.address.port()), "auth": {"bearer": "token"}});
        if kind == "promql" {
            run["query"] = json!("up");
        }
        let spec: RunSpec<String> = serde_json::from_value(json!({ kind: run })).unwrap();
        let reason = named.call(&spec).await.answer.unwrap_err();
        assert_eq!(
            reason,
            "the secret `token` is not sent to `elsewhere.example`: the catalog does not name that host literally"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn i9_a_redirect_to_another_host_or_port_carries_no_secret() {
    let last = echo().await;
    for host in ["127.0.0.1", "localhost"] {
        let location = format!("http://{host}:{}/", last.address.port());
        let first = serve(move |_| answer("302 Found", &[("location", &location)], "")).await;
        for auth in [json!({"bearer": "token"}), json!({"header": "X-Odd", "secret": "token"})] {
            let called = call(held(), json!({"http": {"url": first.url("/"), "auth": auth}})).await;
            assert_eq!(called.answer.unwrap().result["redirects"], json!(1));
            assert!(first.requests().pop().unwrap().contains(TOKEN));
            let request = last.requests().pop().unwrap();
            assert!(!request.contains(TOKEN), "{request}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_was_rotated_is_read_anew_when_it_is_refused() {
    let server = serve(|request| {
        let status = if request.contains("new-value") { "200 OK" } else { "401 Unauthorized" };
        answer(status, &[], r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#)
    })
    .await;
    let auth = json!({"bearer": "rotated"});
    let called = call(held(), json!({"http": {"url": server.url("/"), "auth": auth}})).await;
    assert_eq!(called.answer.unwrap().result["status"], json!(200));
    let called = call(held(), json!({"promql": {"url": server.url(""), "query": "up", "auth": auth}})).await;
    assert!(called.answer.is_ok());
    assert_eq!(server.requests().len(), 4);
    // One that is wrong stays wrong, and is not sent for ever.
    let called = call(held(), json!({"http": {"url": server.url("/"), "auth": {"bearer": "token"}}})).await;
    assert_eq!(called.answer.unwrap().result["status"], json!(401));
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_says_why_and_i9_not_what_it_is() {
    let server = echo().await;
    for (auth, reason) in [
        (json!({"bearer": "nowhere"}), "the secret has no key `nowhere`: add it (docs/deploy.md)"),
        (json!({"basic": "token"}), "the key `token` of the secret is not of the form user:password"),
        (
            json!({"bearer": "broken"}),
            "the key `broken` of the secret has a character that no header can have: a line's end?",
        ),
        (json!({"bearer": "token", "basic": "login"}), "`auth` must say one way in which the call proves itself"),
    ] {
        let run = json!({"http": {"url": server.url("/"), "auth": auth}});
        assert_eq!(call(held(), run).await.answer.unwrap_err(), reason);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn i9_a_secret_that_a_cap_cuts_through_is_masked_too() {
    let keys = Held::keys([("token", &["abcdefghijklmnopqrstuvwxyz"])]);
    keys.secrets.read("token").await.map(|live| keys.remember(&live)).unwrap();
    let hidden = |given: &str| {
        let answer = Answer { summary: given.to_owned(), result: json!({ given: given }) };
        let answer = keys.hide(Called { request: Value::Null, answer: Ok(answer) }).answer.unwrap();
        assert_eq!(answer.result, json!({ answer.summary.as_str(): answer.summary }));
        answer.summary
    };
    assert_eq!(hidden("x abcdefghijklmnopqrstuvwxyz y"), "x *** y");
    assert_eq!(hidden("x abcdefghijklm"), "x ***");
    assert_eq!(hidden("x abcdefghijklm…"), "x ***…");
    assert_eq!(hidden("x abcdefg"), "x abcdefg", "too little of it to be told from words");
    assert_eq!(hidden("klmnopqrstuvwxyz"), "klmnopqrstuvwxyz", "an end is not cut off by a cap");
}

proptest! {
    #[test]
    fn i9_no_text_keeps_a_secret_in_any_of_its_forms(secret in "[ -~]{4,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let keys = Held::none();
        keys.remember(&[Secret::new(secret.as_str())]);
        let quoted = Value::from(secret.as_str()).to_string();
        for form in [secret.as_str(), quoted.trim_matches('"'), &STANDARD.encode(&secret)] {
            let given = Called { request: json!([form]), answer: Err(format!("{before}{form}{after}")) };
            let hidden = keys.hide(given);
            prop_assert_eq!(&hidden.request, &json!([MASK]));
            prop_assert!(!hidden.answer.unwrap_err().contains(form) || before.contains(form) || MASK.contains(form));
        }
    }
}
