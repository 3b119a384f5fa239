use catalog::model::{Auth, PromqlRange};

use super::*;
use crate::testing::{At, Held, Server, answer, loopback, serve, stalled};

const NOW: &str = "2026-03-01T12:00:00.75Z";

fn run(url: String) -> LokiRun<String> {
    let range = PromqlRange { last: "15m".parse().unwrap(), step: "30s".parse().unwrap() };
    LokiRun {
        url,
        query: r#"{app="checkout"} |= "error""#.to_owned(),
        range: Some(range),
        limit: 100,
        direction: LokiDirection::Backward,
        tenant: None,
        auth: None,
        timeout: "20s".parse().unwrap(),
    }
}

async fn ask_it(run: &LokiRun<String>) -> Called {
    let keys = Held::keys([("loki", &["t0ken-of-loki"])]);
    keys.hide(call(&Http::new(loopback(), None).unwrap(), &keys, &At::new(NOW), run).await)
}

async fn answering(status: &'static str, body: impl Into<Vec<u8>>) -> Server {
    let body = body.into();
    serve(move |_| answer(status, &[("content-type", "application/json")], &body)).await
}

fn streams(result: &str) -> String {
    format!(
        r#"{{"status":"success","data":{{"resultType":"streams","result":[{result}],"stats":{{"summary":{{}}}}}}}}"#
    )
}

const TWO: &str = r#"
  {"stream":{"app":"checkout","pod":"a"},"values":[["1772366390000000000","second"],["1772366380000000000","first"]]},
  {"stream":{"app":"checkout","pod":"b"},"values":[["1772366395500000000","third",{"trace_id":"x"}]]}"#;

#[tokio::test]
async fn the_lines_of_all_streams_are_given_newest_first() {
    let server = answering("200 OK", streams(TWO)).await;
    let mut answer = ask_it(&run(server.url("/"))).await.answer.unwrap();
    assert_eq!(answer.summary, r#"{app="checkout"} |= "error" gives 3 lines in 2 streams, first: third"#);
    assert!(answer.result["elapsed_ms"].take().is_u64());
    let (a, b) = (json!({"app": "checkout", "pod": "a"}), json!({"app": "checkout", "pod": "b"}));
    assert_eq!(
        answer.result,
        json!({
            "lines": [
                {"at": "2026-03-01T11:59:55.5Z", "line": "third", "labels": b},
                {"at": "2026-03-01T11:59:50Z", "line": "second", "labels": a},
                {"at": "2026-03-01T11:59:40Z", "line": "first", "labels": a},
            ],
            "lines_total": 3,
            "limited": false,
            "streams": [{"labels": a, "count": 2}, {"labels": b, "count": 1}],
            "streams_total": 2,
            "series": [], "series_total": 0, "value": null, "special": "", "warnings": [], "notes": [],
            "elapsed_ms": null,
        })
    );
}

#[tokio::test]
async fn forward_gives_the_oldest_first_and_the_limit_is_told() {
    let server = answering("200 OK", streams(TWO)).await;
    let forward = LokiRun { direction: LokiDirection::Forward, limit: 2, ..run(server.url("")) };
    let answer = ask_it(&forward).await.answer.unwrap();
    let lines: Vec<_> = answer.result["lines"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(lines, [json!("first"), json!("second")]);
    assert_eq!(answer.result["limited"], json!(true));
    assert!(answer.summary.contains("3 lines or more"), "{}", answer.summary);
}

#[tokio::test]
async fn the_window_the_tenant_and_the_secret_are_sent_and_i9_the_secret_is_not_recorded() {
    let server = answering("200 OK", streams("")).await;
    let asked = LokiRun {
        tenant: Some("team-a".to_owned()),
        auth: Some(Auth::bearer("loki")),
        query: r#"{app="a b"}"#.to_owned(),
        ..run(server.url("/logs/"))
    };
    let called = ask_it(&asked).await;
    assert_eq!(
        called.request,
        json!({"method": "GET", "url": server.url("/logs/"), "query": r#"{app="a b"}"#, "start": "1772365500",
            "end": "1772366400", "step": "30", "limit": "100", "direction": "backward", "tenant": "team-a",
            "auth": "bearer, by the key loki"})
    );
    let sent = &server.requests()[0];
    assert!(
        sent.starts_with("GET /logs/loki/api/v1/query_range?query=%7Bapp%3D%22a+b%22%7D&start=1772365500&"),
        "{sent}"
    );
    assert!(sent.contains("x-scope-orgid: team-a\r\n") && sent.contains("authorization: Bearer t0ken-of-loki\r\n"));
    assert_eq!(called.answer.unwrap().summary, r#"{app="a b"} gives no lines"#);
}

#[tokio::test]
async fn a_query_of_metrics_gives_series_as_promql_does() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"app":"a"},"value":[1772366400.1,"12"]}]}}"#;
    let server = answering("200 OK", body).await;
    let instant = LokiRun { query: "sum(rate({app=\"a\"}[5m]))".to_owned(), range: None, ..run(server.url("")) };
    let answer = ask_it(&instant).await.answer.unwrap();
    assert!(server.requests()[0].starts_with("GET /loki/api/v1/query?query=sum"), "{}", server.requests()[0]);
    assert_eq!((&answer.result["value"], &answer.result["series_total"]), (&json!(12), &json!(1)));
    assert_eq!((&answer.result["lines"], &answer.result["lines_total"]), (&json!([]), &json!(0)));
    assert_eq!(answer.summary, r#"sum(rate({app="a"}[5m])) = 12 (1 series)"#);
}

#[tokio::test]
async fn long_lines_and_many_streams_are_cut_and_the_cut_is_said() {
    let many: Vec<String> = (0..STREAMS + 5)
        .map(|at| {
            format!(r#"{{"stream":{{"n":"{at:03}"}},"values":[["1772366390000000000","{}"]]}}"#, "é".repeat(3000))
        })
        .collect();
    let server = answering("200 OK", streams(&many.join(","))).await;
    let result = ask_it(&run(server.url(""))).await.answer.unwrap().result;
    assert_eq!(result["streams"].as_array().unwrap().len(), STREAMS);
    assert_eq!(result["streams_total"], json!(STREAMS + 5));
    assert_eq!(result["lines"][0]["line"].as_str().unwrap().chars().count(), LINE_CAP + 1);
    assert_eq!(
        result["notes"],
        json!(["the 50 streams with most lines of 55 are named", "lines are cut at 2000 characters"])
    );
}

#[tokio::test]
async fn what_the_server_refuses_is_said_in_its_words() {
    for (status, body, said) in [
        ("400 Bad Request", "parse error at line 1, col 5: syntax error", "answered 400: parse error at line 1, col 5"),
        ("401 Unauthorized", "no org id", "answered 401: it does not let this query in: no org id"),
        ("403 Forbidden", "denied\nfor you", "answered 403: it does not let this query in: denied for you"),
        ("404 Not Found", "page not found", "answered 404: is the Task's url the base URL of Loki"),
        ("429 Too Many Requests", "too many outstanding requests", "too many queries for this tenant: too many outst"),
        ("504 Gateway Timeout", "context deadline exceeded", "answered 504: context deadline exceeded"),
        ("200 OK", "<html>login</html>", "answered 200, and not as the Loki HTTP API does"),
        (
            "200 OK",
            r#"{"status":"success","data":{"resultType":"streams","result":7}}"#,
            "not as the Loki HTTP API does",
        ),
        ("200 OK", r#"{"status":"success","data":{"resultType":"new","result":[]}}"#, "not as the Loki HTTP API does"),
    ] {
        let server = answering(status, body).await;
        let reason = ask_it(&run(server.url(""))).await.answer.unwrap_err();
        assert!(reason.contains(said) && !reason.contains('\n'), "{reason}");
    }
}

#[tokio::test]
async fn a_redirect_elsewhere_is_not_followed() {
    let server = serve(|_| answer("302 Found", &[("location", "https://login.example/x")], "")).await;
    let with = LokiRun { auth: Some(Auth::bearer("loki")), ..run(server.url("")) };
    let reason = ask_it(&with).await.answer.unwrap_err();
    assert!(
        reason.ends_with("answered 302 and points to https://login.example:443: correct the Task's url"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_enormous_answer_is_not_read_to_its_end_and_a_slow_one_not_waited_for() {
    let server = answering("200 OK", vec![b' '; ANSWER_CAP + 1]).await;
    let reason = ask_it(&run(server.url(""))).await.answer.unwrap_err();
    assert!(reason.contains("is greater than 8 MiB: ask for less"), "{reason}");
    let slow = stalled(br#"{"status":"succ"#).await;
    let reason = ask_it(&LokiRun { timeout: "100ms".parse().unwrap(), ..run(slow.url("")) }).await.answer.unwrap_err();
    assert!(reason.ends_with("gave no whole answer within 100ms"), "{reason}");
}
