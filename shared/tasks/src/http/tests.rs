use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::testing::{Held, Server, answer, closed_port, loopback, serve, unresolvable};

fn get(url: impl Into<String>) -> HttpRun<String> {
    HttpRun {
        method: HttpMethod::Get,
        url: url.into(),
        headers: BTreeMap::new(),
        auth: None,
        timeout: "20s".parse().unwrap(),
    }
}

fn with(run: HttpRun<String>, headers: &[(&str, &str)]) -> HttpRun<String> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    HttpRun { headers, ..run }
}

async fn ask_under(policy: AddressPolicy, run: &HttpRun<String>) -> Called {
    call(&Http::new(policy, None).unwrap(), &Held::none(), run).await
}

async fn result(run: &HttpRun<String>) -> Value {
    ask_under(loopback(), run).await.answer.unwrap().result
}

async fn failure(run: &HttpRun<String>) -> String {
    ask_under(loopback(), run).await.answer.unwrap_err()
}

#[tokio::test]
async fn an_answer_has_every_field_that_rules_are_written_for() {
    let server = serve(|_| {
        answer(
            "200 OK",
            &[("Content-Type", "application/json"), ("X-Two", "a"), ("x-two", "b"), ("Set-Cookie", "id=hunter2")],
            r#"{"status": "ok", "queue": {"depth": 3.0}}"#,
        )
    })
    .await;
    let called = ask_under(loopback(), &get(server.url("/healthz"))).await;
    assert_eq!(called.request, json!({"method": "GET", "url": server.url("/healthz"), "headers": []}));
    let answer = called.answer.unwrap();
    let mut result = answer.result;
    let elapsed = result["elapsed_ms"].take().as_u64().unwrap();
    assert_eq!(answer.summary, format!("200 in {elapsed} ms"));
    assert_eq!(
        result,
        json!({
            "status": 200,
            "elapsed_ms": null,
            "headers": {"content-length": "41", "content-type": "application/json", "x-two": "a, b", "set-cookie": "***"},
            "body": r#"{"status": "ok", "queue": {"depth": 3.0}}"#,
            "truncated": false,
            "json": {"status": "ok", "queue": {"depth": 3}},
            "final_url": server.url("/healthz"),
            "redirects": 0,
            "redirect_withheld": "",
        })
    );
}

#[tokio::test]
async fn an_error_status_is_an_answer() {
    let server = serve(|_| answer("503 Service Unavailable", &[("content-type", "text/plain")], "no upstream")).await;
    let result = result(&get(server.url("/"))).await;
    assert_eq!((&result["status"], &result["body"]), (&json!(503), &json!("no upstream")));
    assert_eq!(result["json"], Value::Null);
}

#[tokio::test]
async fn head_asks_with_head_and_has_no_body() {
    let server = serve(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec()).await;
    let head = HttpRun { method: HttpMethod::Head, ..get(server.url("/")) };
    let called = ask_under(loopback(), &head).await;
    assert_eq!(called.request["method"], json!("HEAD"));
    assert_eq!(called.answer.unwrap().result["body"], json!(""));
    assert!(server.requests()[0].starts_with("HEAD / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_large_body_is_cut_at_the_cap_and_says_so() {
    let server = serve(|_| answer("200 OK", &[], "x".repeat(BODY_CAP + 1))).await;
    let cut = result(&get(server.url("/"))).await;
    assert_eq!((cut["body"].as_str().unwrap().len(), &cut["truncated"]), (BODY_CAP, &json!(true)));
    let server = serve(|_| answer("200 OK", &[], "x".repeat(BODY_CAP))).await;
    let whole = result(&get(server.url("/"))).await;
    assert_eq!((whole["body"].as_str().unwrap().len(), &whole["truncated"]), (BODY_CAP, &json!(false)));
}

#[tokio::test]
async fn headers_are_sent_and_i9_only_their_names_recorded() {
    let server = serve(|_| answer("200 OK", &[], "")).await;
    let run =
        with(get(server.url("/?token=hunter2&x=1")), &[("Authorization", "Bearer hunter2"), ("accept", "text/plain")]);
    let called = ask_under(loopback(), &run).await;
    assert_eq!(called.request["headers"], json!(["Authorization", "accept"]));
    assert_eq!(called.request["url"], json!(server.url("/?token=***&x=1")));
    assert!(!format!("{called:?}").contains("hunter2"), "{called:?}");
    let sent = &server.requests()[0];
    assert!(sent.starts_with("GET /?token=hunter2&x=1 HTTP/1.1\r\n") && sent.contains("authorization: Bearer hunter2"));
}

#[tokio::test]
async fn i9_the_user_of_a_url_is_sent_and_not_shown() {
    let server = serve(|_| answer("200 OK", &[], "")).await;
    let called = ask_under(loopback(), &get(format!("http://ops:hunter2@{}/", server.address))).await;
    assert!(!format!("{called:?}").contains("hunter2"), "{called:?}");
    assert!(server.requests()[0].contains("authorization: Basic b3BzOmh1bnRlcjI="));
    let closed = closed_port().await;
    assert_eq!(
        failure(&get(format!("http://ops:hunter2@{closed}/hunter2?key=hunter2"))).await,
        format!("could not connect to {closed}: connection refused")
    );
}

#[tokio::test]
async fn i7_i8_headers_that_would_change_the_method_the_path_or_the_connection_are_not_sent() {
    let server = serve(|_| answer("200 OK", &[], "")).await;
    for (name, value, reason) in [
        ("X-HTTP-Method-Override", "DELETE", "another method"),
        ("X-Original-URL", "/admin", "another path"),
        ("x-rewrite-url", "/admin", "another path"),
        ("Transfer-Encoding", "chunked", "about the connection"),
        ("Content-Length", "5", "about the connection"),
        ("a b", "x", "not a header's name"),
        ("", "x", "not a header's name"),
        ("x-a", "hunter2\r\nx-b: c", "a character that none can have"),
    ] {
        let refused = failure(&with(get(server.url("/")), &[(name, value)])).await;
        assert!(refused.contains(reason) && !refused.contains("hunter2"), "{name}: {refused}");
    }
    assert!(server.requests().is_empty());
}

fn redirect_to(location: String) -> impl Fn(&str) -> Vec<u8> + Send + Sync + 'static {
    move |_| answer("302 Found", &[("location", &location)], "")
}

#[tokio::test]
async fn redirects_on_the_same_host_are_followed() {
    let server = serve(|request| match request.split(' ').nth(1) {
        Some("/") => answer("301 Moved Permanently", &[("location", "/login/")], ""),
        Some("/login/") => answer("307 Temporary Redirect", &[("location", "../ok?token=hunter2")], ""),
        _ => answer("200 OK", &[], "ok"),
    })
    .await;
    let called = ask_under(loopback(), &with(get(server.url("/")), &[("x-key", "hunter3")])).await.answer.unwrap();
    assert_eq!(called.result["status"], json!(200));
    assert_eq!(called.result["redirects"], json!(2));
    assert_eq!(called.result["final_url"], json!(server.url("/ok?token=***")));
    assert!(called.summary.ends_with(" ms after 2 redirects"), "{}", called.summary);
    assert!(server.requests().iter().all(|request| request.contains("x-key: hunter3")));
}

#[tokio::test]
async fn a_redirect_too_many_is_the_answer() {
    let server = serve(redirect_to("/again".to_owned())).await;
    let result = result(&get(server.url("/"))).await;
    assert_eq!((&result["status"], &result["redirects"]), (&json!(302), &json!(3)));
    assert_eq!(result["redirect_withheld"], json!("more than 3 redirects"));
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn i8_a_redirect_leads_only_where_the_catalog_points() {
    let elsewhere = serve(|_| answer("200 OK", &[], "elsewhere")).await;
    let server = serve(redirect_to(format!("http://localhost:{}/", elsewhere.address.port()))).await;
    let named = |hosts: &[&str]| AddressPolicy::new(hosts.iter().map(|host| (*host).to_owned()));
    let run = with(get(server.url("/")), &[("x-key", "hunter2")]);

    let refused = ask_under(named(&["127.0.0.1"]), &run).await.answer.unwrap().result;
    assert_eq!(refused["status"], json!(302));
    assert_eq!(refused["redirect_withheld"], json!("the catalog does not name `localhost`"));
    assert!(elsewhere.requests().is_empty());

    let followed = ask_under(named(&["127.0.0.1", "localhost"]), &run).await.answer.unwrap();
    assert_eq!(followed.result["body"], json!("elsewhere"));
    // What was meant for one origin is not for another.
    assert!(!elsewhere.requests()[0].contains("hunter2"));
}

#[tokio::test]
async fn i8_a_redirect_to_a_name_or_scheme_that_nobody_named_is_shown_and_not_followed() {
    for (location, reason) in [
        ("http://169.254.169.254/latest/meta-data/", "a cloud metadata address"),
        ("http://2852039166/", "a cloud metadata address"),
        ("http://127.0.0.2/", "a loopback address"),
        ("https://sso.example/login?token=hunter2", "the catalog does not name `sso.example`"),
        ("file:///etc/passwd", "`file` is not a scheme"),
        ("gopher://127.0.0.1/", "`gopher` is not a scheme"),
        ("http://[", "not a URL"),
    ] {
        let server = serve(redirect_to(location.to_owned())).await;
        let answer = ask_under(loopback(), &get(server.url("/"))).await.answer.unwrap();
        assert_eq!((&answer.result["status"], &answer.result["redirects"]), (&json!(302), &json!(0)));
        let withheld = answer.result["redirect_withheld"].as_str().unwrap();
        assert!(withheld.contains(reason), "{location}: {withheld}");
        assert!(answer.summary.ends_with(&format!(", redirect not followed: {withheld}")), "{}", answer.summary);
        assert!(!answer.result.to_string().contains("hunter2"));
    }
}

#[test]
fn i9_what_is_for_an_origin_goes_to_it_and_to_its_tls_side_only() {
    let same = |first: &str, next: &str| same_origin(&first.parse().unwrap(), &next.parse().unwrap());
    assert!(same("http://a.example/x", "http://a.example:80/y"));
    assert!(same("http://a.example/", "https://a.example/"));
    assert!(!same("https://a.example/", "http://a.example/"));
    assert!(!same("http://a.example/", "http://a.example:8080/"));
    assert!(!same("http://a.example:8080/", "https://a.example/"));
    assert!(!same("https://a.example/", "https://b.example/"));
}

#[tokio::test]
async fn a_status_without_a_location_or_not_modified_is_no_redirect() {
    for status in ["302 Found", "304 Not Modified", "300 Multiple Choices"] {
        let location: &[(&str, &str)] = if status.starts_with("302") { &[] } else { &[("location", "/x")] };
        let bytes = answer(status, location, "");
        let server = serve(move |_| bytes.clone()).await;
        let result = result(&get(server.url("/"))).await;
        assert_eq!((&result["redirects"], &result["redirect_withheld"]), (&json!(0), &json!("")), "{status}");
    }
}

#[tokio::test]
async fn what_keeps_an_answer_away_is_one_clear_line() {
    let closed = closed_port().await;
    assert_eq!(
        failure(&get(format!("http://{closed}/"))).await,
        format!("could not connect to {closed}: connection refused")
    );
    let unknown = failure(&get(format!("http://{}/", unresolvable()))).await;
    assert!(unknown.contains("does not resolve"), "{unknown}");
    let plain: Server = serve(|_| answer("400 Bad Request", &[], "")).await;
    assert_eq!(
        failure(&get(format!("https://{}/", plain.address))).await,
        format!("could not connect to {}: what answers there does not speak TLS", plain.address)
    );
    let short = serve(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()).await;
    let broken = failure(&get(short.url("/"))).await;
    assert!(broken.starts_with(&format!("{} broke off its answer: ", short.address)), "{broken}");
    let mute = serve(|_| Vec::new()).await;
    let silent = failure(&get(mute.url("/"))).await;
    assert!(silent.starts_with(&format!("no answer from {}: ", mute.address)), "{silent}");
    for (url, reason) in [
        ("checkout.internal/healthz", "the url is not a URL: relative URL without a base"),
        ("", "the url is not a URL: relative URL without a base"),
        ("ftp://a.example/", "`ftp` is not a scheme that can be asked: only http and https are"),
        ("http://", "the url is not a URL: empty host"),
    ] {
        assert_eq!(failure(&get(url)).await, reason);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_no_more_than_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hurried = HttpRun { timeout: "80ms".parse().unwrap(), ..get(format!("http://{address}/")) };
    assert_eq!(failure(&hurried).await, format!("{address} gave no whole answer within 80ms"));
}

#[tokio::test]
async fn i8_inside_addresses_are_not_asked() {
    let server = serve(|_| answer("200 OK", &[], "")).await;
    for url in
        [server.url("/"), format!("http://localhost:{}/", server.address.port()), "http://2852039166/".to_owned()]
    {
        let refused = ask_under(AddressPolicy::default(), &get(url)).await.answer.unwrap_err();
        assert!(refused.contains("only reached when the catalog names that very address"), "{refused}");
    }
    assert!(server.requests().is_empty());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_body_and_type_make_an_answer(body: Vec<u8>, content_type in "[ -~]{0,40}", status in 200u16..600) {
        prop_assume!(status != 204 && status != 304);
        runtime().block_on(async {
            let bytes = answer(&format!("{status} x"), &[("content-type", &content_type)], &body);
            let server = serve(move |_| bytes.clone()).await;
            let answer = ask_under(loopback(), &get(server.url("/"))).await.answer.unwrap();
            assert!(answer.summary.starts_with(&format!("{status} in ")), "{}", answer.summary);
            assert!(!answer.summary.contains('\n'));
        });
    }

    #[test]
    fn any_bytes_at_all_make_an_answer_or_a_reason(bytes: Vec<u8>) {
        runtime().block_on(async {
            let server = serve(move |_| bytes.clone()).await;
            if let Err(reason) = ask_under(loopback(), &get(server.url("/"))).await.answer {
                assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
            }
        });
    }
}
