use std::time::Duration;

use catalog::model::{PromqlRange, Span};
use proptest::prelude::*;

use super::{
    read::{POINTS, SERIES, is_kept, read},
    *,
};
use crate::testing::{At, Held, answer, closed_port, loopback, serve, unresolvable};

fn span(text: &str) -> Span {
    text.parse().unwrap()
}

const NOW: &str = "2026-03-01T12:00:00.75Z";

fn instant(url: impl Into<String>, query: &str) -> PromqlRun<String> {
    PromqlRun { url: url.into(), query: query.to_owned(), range: None, auth: None, timeout: span("20s") }
}

fn ranged(run: PromqlRun<String>, last: &str, step: &str) -> PromqlRun<String> {
    PromqlRun { range: Some(PromqlRange { last: span(last), step: span(step) }), ..run }
}

async fn ask_it(run: &PromqlRun<String>) -> Called {
    call(&Http::new(loopback(), None).unwrap(), &Held::none(), &At::new(NOW), run).await
}

/// What a server that answers like this gives for a query.
async fn answered(status: &'static str, body: impl Into<String>, run: impl Fn(String) -> PromqlRun<String>) -> Called {
    let body = body.into();
    let server = serve(move |_| answer(status, &[("content-type", "application/json")], &body)).await;
    ask_it(&run(server.url(""))).await
}

fn depth(url: String) -> PromqlRun<String> {
    instant(url, "orders_queue_depth")
}

fn vector(samples: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#)
}

#[tokio::test]
async fn an_instant_vector_is_read() {
    let body = vector(r#"{"metric":{"__name__":"orders_queue_depth","queue":"eu"},"value":[1772366400.5,"1284"]}"#);
    let mut answer = answered("200 OK", body, depth).await.answer.unwrap();
    assert_eq!(answer.summary, "orders_queue_depth = 1284 (1 series)");
    assert!(answer.result["elapsed_ms"].take().is_u64());
    assert_eq!(
        answer.result,
        json!({
            "series": [{"labels": {"__name__": "orders_queue_depth", "queue": "eu"}, "value": 1284, "special": ""}],
            "series_total": 1,
            "value": 1284,
            "special": "",
            "warnings": [],
            "notes": [],
            "elapsed_ms": null,
        })
    );
}

#[tokio::test]
async fn the_query_is_posted_as_a_form_with_the_clocks_time() {
    let server = serve(|_| answer("200 OK", &[], vector(""))).await;
    let called = ask_it(&instant(server.url("/prom/"), "up{job=\"a b\"} == 0")).await;
    assert_eq!(
        called.request,
        json!({"method": "POST", "url": server.url("/prom/"), "query": "up{job=\"a b\"} == 0", "time": "1772366400",
            "timeout": "20"})
    );
    let sent = &server.requests()[0];
    assert!(sent.starts_with("POST /prom/api/v1/query HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("content-type: application/x-www-form-urlencoded"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nquery=up%7Bjob%3D%22a+b%22%7D+%3D%3D+0&time=1772366400&timeout=20"), "{sent}");

    let called = ask_it(&ranged(instant(server.url(""), "up"), "30m", "500ms")).await;
    assert_eq!(called.request["start"], json!("1772364600"));
    let sent = &server.requests()[1];
    assert!(sent.starts_with("POST /api/v1/query_range HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("query=up&start=1772364600&end=1772366400&step=0.5&timeout=20"), "{sent}");
}

#[tokio::test]
async fn no_series_is_an_answer_without_a_value() {
    let answer = answered("200 OK", vector(""), depth).await.answer.unwrap();
    assert_eq!(answer.summary, "orders_queue_depth has no series");
    assert_eq!((&answer.result["value"], &answer.result["series"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn what_json_has_no_number_for_is_null_and_said() {
    for (text, special) in [("NaN", "NaN"), ("+Inf", "+Inf"), ("-Inf", "-Inf"), ("Inf", "+Inf")] {
        let body = vector(&format!(r#"{{"metric":{{}},"value":[1,"{text}"]}}"#));
        let answer = answered("200 OK", body, depth).await.answer.unwrap();
        assert_eq!((&answer.result["value"], &answer.result["special"]), (&Value::Null, &json!(special)));
        assert_eq!(answer.result["series"][0]["special"], json!(special));
        assert_eq!(answer.summary, format!("orders_queue_depth = {special} (1 series)"));
    }
}

#[tokio::test]
async fn scalars_and_strings_are_one_series_without_labels() {
    let body = r#"{"status":"success","data":{"resultType":"scalar","result":[1772366400,"0.25"]}}"#;
    let answer = answered("200 OK", body, depth).await.answer.unwrap();
    assert_eq!(answer.result["value"], json!(0.25));
    assert_eq!(answer.result["series"], json!([{"labels": {}, "value": 0.25, "special": ""}]));
    let body = r#"{"status":"success","data":{"resultType":"string","result":[1772366400,"blue"]}}"#;
    let answer = answered("200 OK", body, |url| instant(url, "\"blue\"")).await.answer.unwrap();
    assert_eq!(answer.result["value"], json!("blue"));
    assert_eq!(answer.summary, "\"blue\" = blue (1 series)");
}

#[tokio::test]
async fn a_range_has_first_min_max_and_points() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"queue":"eu"},"values":[[1772366340,"10"],[1772366370.5,"NaN"],[1772366400,"4.5"]]},
        {"metric":{"queue":"us"},"values":[[1772366400,"+Inf"]]}]}}"#;
    let answer = answered("200 OK", body, |url| ranged(depth(url), "1m", "30s")).await.answer.unwrap();
    assert_eq!(
        answer.result["series"],
        json!([
            {"labels": {"queue": "eu"}, "value": 4.5, "special": "", "first": 10, "min": 4.5, "max": 10,
                "points": [[1772366340, 10], [1772366370.5, null], [1772366400, 4.5]]},
            {"labels": {"queue": "us"}, "value": null, "special": "+Inf", "first": null, "min": null, "max": null,
                "points": [[1772366400, null]]},
        ])
    );
    assert_eq!(answer.result["value"], json!(4.5));
    assert_eq!(answer.summary, "orders_queue_depth = 4.5, from 4.5 to 10 (2 series, 3 points)");
}

#[tokio::test]
async fn many_series_are_capped_and_the_cut_is_said() {
    let samples: Vec<_> =
        (0..SERIES + 7).map(|at| format!(r#"{{"metric":{{"n":"{at}"}},"value":[1,"{at}"]}}"#)).collect();
    let answer = answered("200 OK", vector(&samples.join(",")), depth).await.answer.unwrap();
    assert_eq!(answer.result["series"].as_array().unwrap().len(), SERIES);
    assert_eq!(answer.result["series_total"], json!(57));
    assert_eq!(answer.result["notes"], json!(["the first 50 of 57 series are kept"]));
    assert!(answer.summary.ends_with("(57 series)"), "{}", answer.summary);
}

#[tokio::test]
async fn many_points_are_thinned_evenly_and_the_cut_is_said() {
    let total = 1441;
    let points: Vec<_> = (0..total).map(|at| format!(r#"[{at},"{}"]"#, if at == 721 { -7 } else { at })).collect();
    let body = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{}]}}]}}}}"#,
        points.join(",")
    );
    let answer = answered("200 OK", body, |url| ranged(depth(url), "12h", "30s")).await.answer.unwrap();
    let series = &answer.result["series"][0];
    let kept = series["points"].as_array().unwrap();
    assert_eq!(kept.len(), POINTS);
    assert_eq!((&kept[0][0], &kept[POINTS - 1][0]), (&json!(0), &json!(1440)));
    assert_eq!((&series["min"], &series["max"], &series["first"]), (&json!(-7), &json!(1440), &json!(0)));
    let note = answer.result["notes"][0].as_str().unwrap();
    assert!(note.contains("1441") && note.contains("200"), "{note}");
}

#[tokio::test]
async fn warnings_of_the_server_are_kept() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[]},
        "warnings":["store eu-1 did not answer\n"],"infos":["metric might not be a counter"]}"#;
    let answer = answered("200 OK", body, depth).await.answer.unwrap();
    assert_eq!(answer.result["warnings"], json!(["store eu-1 did not answer", "metric might not be a counter"]));
}

#[tokio::test]
async fn native_histograms_are_told_and_not_guessed() {
    let histogram = r#"{"count":"4","sum":"9.5","buckets":[[0,"1","2","4"]]}"#;
    let body = vector(&format!(r#"{{"metric":{{}},"histogram":[1,{histogram}]}}"#));
    let answer = answered("200 OK", body, depth).await.answer.unwrap();
    assert_eq!((&answer.result["value"], &answer.result["special"]), (&Value::Null, &json!("histogram")));
    assert!(answer.result["notes"][0].as_str().unwrap().contains("histogram_quantile()"));
    let body = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"histograms":[[1,{histogram}]]}}]}}}}"#
    );
    let answer = answered("200 OK", body, |url| ranged(depth(url), "1m", "30s")).await.answer.unwrap();
    assert_eq!(answer.result["series"][0]["points"], json!([]));
    assert_eq!(answer.result["special"], json!("histogram"));
}

#[tokio::test]
async fn what_the_server_refuses_is_a_failure_in_its_own_words() {
    for (status, kind, words) in [
        ("400 Bad Request", "bad_data", "invalid parameter \"query\": 1:5: parse error: unexpected end of input"),
        ("422 Unprocessable Entity", "execution", "found duplicate series for the match group"),
        ("503 Service Unavailable", "timeout", "query timed out in expression evaluation"),
        ("200 OK", "internal", "expanding series: closed"),
    ] {
        let body = json!({"status": "error", "errorType": kind, "error": words}).to_string();
        let reason = answered(status, body, depth).await.answer.unwrap_err();
        let number = status.split(' ').next().unwrap();
        assert!(reason.ends_with(&format!(" answered {number} ({kind}): {words}")), "{reason}");
    }
}

#[tokio::test]
async fn what_is_not_the_api_is_told_from_it() {
    for (status, body, words) in [
        ("404 Not Found", "404 page not found\n", "is the Task's url the server's base URL?"),
        ("200 OK", "<html>Grafana</html>", "is the Task's url the server's base URL?"),
        ("200 OK", "", "not as the Prometheus HTTP API does"),
        ("502 Bad Gateway", "<html>502</html>", "answered 502, and not as"),
        ("401 Unauthorized", "Unauthorized\n", "answered 401: it does not let this query in"),
        ("403 Forbidden", "", "answered 403: it does not let this query in"),
        ("200 OK", r#"{"status":"success"}"#, "no data"),
        ("200 OK", r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#, "unknown variant `streams`"),
        ("200 OK", r#"{"status":"success","data":{"resultType":"scalar","result":[1,"x"]}}"#, "`x` as a value"),
        (
            "200 OK",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}"#,
            "without a value",
        ),
        ("302 Found", "", "answered 302 and no result"),
    ] {
        let reason = answered(status, body, depth).await.answer.unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let server =
        serve(|_| answer("308 Permanent Redirect", &[("location", "https://prom.example/api/v1/query")], "")).await;
    let reason = ask_it(&depth(server.url(""))).await.answer.unwrap_err();
    assert!(
        reason.ends_with("answered 308 and points to https://prom.example:443: correct the Task's url"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_answer_beyond_the_cap_is_not_read_to_its_end() {
    let server = serve(|_| answer("200 OK", &[], " ".repeat(ANSWER_CAP + 1))).await;
    let reason = ask_it(&depth(server.url(""))).await.answer.unwrap_err();
    assert_eq!(reason, "the answer is greater than 8 MiB: narrow the query, or widen the step");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_before_it_is() {
    let closed = closed_port().await;
    let base = format!("http://{closed}");
    assert_eq!(
        ask_it(&depth(base.clone())).await.answer.unwrap_err(),
        format!("could not connect to {closed}: connection refused")
    );
    let reason = ask_it(&depth(format!("http://{}", unresolvable()))).await.answer.unwrap_err();
    assert!(reason.contains("does not resolve"), "{reason}");
    assert_eq!(ask_it(&instant(&base, " ")).await.answer.unwrap_err(), "the query is empty");
    let standing = ranged(depth(base), "1h", "0s");
    assert!(ask_it(&standing).await.answer.unwrap_err().contains("step is 0"));
    assert!(
        ask_it(&depth("prometheus:9090".to_owned())).await.answer.unwrap_err().contains("`prometheus` is not a scheme")
    );
    let refused = ask_it(&depth("http://169.254.169.254".to_owned())).await;
    assert!(refused.answer.unwrap_err().contains("a cloud metadata address"));
}

#[tokio::test]
async fn a_server_that_never_answers_costs_no_more_than_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hurried = PromqlRun { timeout: span("80ms"), ..depth(format!("http://{address}")) };
    assert_eq!(ask_it(&hurried).await.answer.unwrap_err(), format!("{address} gave no whole answer within 80ms"));
}

#[tokio::test]
async fn i9_the_user_of_the_url_is_not_shown() {
    let server = serve(|_| answer("500 Internal Server Error", &[], "")).await;
    let called = ask_it(&depth(format!("http://tenant:hunter2@{}", server.address))).await;
    assert!(server.requests()[0].contains("authorization: Basic"));
    assert!(!format!("{called:?}").contains("hunter2"), "{called:?}");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["success", "error", "vector", "matrix", "scalar", "string", "NaN", "+Inf", "1e3"])
            .prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("status"),
        Just("data"),
        Just("resultType"),
        Just("result"),
        Just("metric"),
        Just("value"),
        Just("values"),
        Just("error"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(status: u16, body: Vec<u8>, ranged: bool) {
        let _ = read(status, &body, ranged);
    }

    #[test]
    fn any_json_is_read_or_refused(value in json_value(), ranged: bool) {
        let _ = read(200, value.to_string().as_bytes(), ranged).map(|found| (found.in_words(), found.into_result()));
        let data = json!({"status": "success", "data": value});
        let _ = read(200, data.to_string().as_bytes(), ranged).map(|found| (found.in_words(), found.into_result()));
    }

    #[test]
    fn any_values_are_read_and_the_newest_is_the_last(values in prop::collection::vec(any::<f64>(), 1..600)) {
        let points: Vec<Value> =
            values.iter().enumerate().map(|(at, value)| json!([at, value.to_string()])).collect();
        let body = json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}});
        let result = read(200, body.to_string().as_bytes(), true).unwrap().into_result();
        let kept = result["series"][0]["points"].as_array().unwrap();
        prop_assert_eq!(kept.len(), values.len().min(POINTS));
        prop_assert_eq!(&kept[kept.len() - 1][1], &result["value"]);
        let last = values[values.len() - 1];
        prop_assert_eq!(result["value"].as_f64(), last.is_finite().then_some(last));
        prop_assert_eq!(result["value"].is_null(), result["special"] != json!(""));
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_spread(total in 1usize..20_000) {
        let kept: Vec<usize> = (0..total).filter(|at| is_kept(*at, total)).collect();
        prop_assert_eq!(kept.len(), total.min(POINTS));
        prop_assert_eq!((kept[0], kept[kept.len() - 1]), (0, total - 1));
        let gaps: Vec<usize> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if let (Some(least), Some(most)) = (gaps.iter().min(), gaps.iter().max()) {
            prop_assert!(most - least <= 1);
        }
    }

    #[test]
    fn a_window_ends_now(last in 0u64..10_000_000) {
        let window = ranged(instant("http://a.example", "up"), "1m", "30s");
        let range = PromqlRange { last: Span(Duration::from_secs(last)), step: span("30s") };
        let form = form(&PromqlRun { range: Some(range), ..window }, NOW.parse().unwrap(), Duration::from_secs(5));
        let at = |name: &str| form.iter().find(|(key, _)| *key == name).unwrap().1.parse::<i64>().unwrap();
        prop_assert_eq!(at("end") - at("start"), i64::try_from(last).unwrap());
    }
}
