use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::{
    signed::testing::{Asked, NOW, World, denied, ok, refused},
    testing::{At, answer as http, aws},
};

fn run(run: Value) -> CloudwatchLogsRun<String> {
    serde_json::from_value(run).unwrap()
}

fn insights() -> CloudwatchLogsRun<String> {
    run(json!({"log_groups": ["/aws/lambda/orders"], "query": "stats count(*) as n by code", "limit": 2}))
}

fn patterns() -> CloudwatchLogsRun<String> {
    run(json!({"log_groups": ["/aws/lambda/orders"], "patterns": {}}))
}

async fn ask(world: &World, run: &CloudwatchLogsRun<String>) -> Called {
    call(&world.cloud, &world.clock, run).await
}

/// Results with this status and these rows, as the API writes them.
fn results(status: &str, rows: &[&[(&str, &str)]]) -> Vec<u8> {
    let row = |row: &&[(&str, &str)]| -> Value {
        let fields: Vec<Value> = row.iter().map(|(field, value)| json!({"field": field, "value": value})).collect();
        fields.into()
    };
    ok(json!({
        "status": status,
        "results": rows.iter().map(row).collect::<Vec<_>>(),
        "statistics": {"recordsMatched": 12.0, "recordsScanned": 3410.0, "bytesScanned": 1_204_224.0},
    }))
}

#[tokio::test(start_paused = true)]
async fn a_query_is_followed_until_it_is_complete() {
    let looks = AtomicUsize::new(0);
    let world = World::new(move |asked| match asked.what.as_str() {
        "StartQuery" => ok(json!({"queryId": "q-1"})),
        _ if looks.fetch_add(1, Ordering::SeqCst) < 3 => results("Running", &[]),
        _ => results(
            "Complete",
            &[&[("code", "502"), ("@message", "17"), ("n", "12"), ("@ptr", "xx")], &[("code", "05"), ("n", "1.50")]],
        ),
    })
    .await;
    let called = ask(&world, &insights()).await;
    let mut answer = called.answer.unwrap();
    assert!(answer.result["elapsed_ms"].take().is_u64());
    assert_eq!(
        answer.result,
        json!({
            "rows": [{"code": 502, "@message": "17", "n": 12}, {"code": "05", "n": 1.5}],
            "value": 502, "status": "Complete", "matched": 12, "scanned": 3410, "scanned_bytes": 1_204_224,
            "truncated": false, "notes": [], "elapsed_ms": null,
        })
    );
    assert_eq!(answer.summary, "2 rows, 3410 records scanned");
    assert_eq!(
        called.request,
        json!({
            "action": "logs:StartQuery", "logGroupNames": ["/aws/lambda/orders"],
            "queryString": "stats count(*) as n by code", "startTime": 1_772_365_500, "endTime": 1_772_366_400, "limit": 3,
        })
    );
    let asked = world.asked();
    assert_eq!(asked[0].body["limit"], json!(3));
    assert_eq!(asked[1].body, json!({"queryId": "q-1"}));
    assert_eq!(world.operations().len(), 5, "no StopQuery behind a complete one");
}

#[tokio::test]
async fn an_arn_makes_a_list_of_identifiers_and_more_rows_than_wanted_are_cut() {
    let world = World::new(|asked| match asked.what.as_str() {
        "StartQuery" => ok(json!({"queryId": "q-1"})),
        _ => results("Complete", &[&[("n", "1")], &[("n", "2")], &[("n", "3")]]),
    })
    .await;
    let arn = "arn:aws:logs:eu-central-1:444455556666:log-group:/ecs/shop";
    let result = ask(&world, &run(json!({"log_groups": [arn, "a"], "query": "fields n", "limit": 2})))
        .await
        .answer
        .unwrap()
        .result;
    assert_eq!(world.asked()[0].body["logGroupIdentifiers"], json!([arn, "a"]));
    assert_eq!((result["rows"].as_array().unwrap().len(), &result["truncated"]), (2, &json!(true)));
    assert_eq!(result["notes"], json!(["the first 2 rows are kept: there are more"]));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_does_not_end_is_stopped_and_its_rows_are_a_part() {
    for (rows, stop) in [(true, true), (true, false), (false, true)] {
        let world = World::new(move |asked| match asked.what.as_str() {
            "StartQuery" => ok(json!({"queryId": "q-1"})),
            "StopQuery" if stop => ok(json!({"success": true})),
            "StopQuery" => denied("logs:StopQuery"),
            _ if rows => results("Running", &[&[("n", "7")]]),
            _ => results("Running", &[]),
        })
        .await;
        let answer = ask(&world, &insights()).await.answer;
        assert_eq!(world.operations().last().unwrap(), "StopQuery");
        if !rows {
            assert!(answer.unwrap_err().contains("still running when the time was over: narrow it"));
            continue;
        }
        let result = answer.unwrap().result;
        assert_eq!(
            (&result["status"], &result["truncated"], &result["value"]),
            (&json!("Running"), &json!(true), &json!(7))
        );
        let notes = result["notes"].as_array().unwrap();
        assert_eq!(notes.len(), if stop { 1 } else { 2 }, "{notes:?}");
        assert!(stop || notes[1].as_str().unwrap().contains("logs:StopQuery"), "{notes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_a_failure_that_says_what_is_missing() {
    for (reply, words) in [
        (denied("logs:StartQuery"), "may not logs:StartQuery"),
        (refused("ResourceNotFoundException", "Log group '/aws/lambda/orders' does not exist"), "does not exist"),
        (
            refused("MalformedQueryException", "unexpected symbol found ( at line 1"),
            "MalformedQueryException: unexpected symbol",
        ),
        (refused("ExpiredTokenException", "The security token included in the request is expired"), "have expired"),
        (refused("ThrottlingException", "Rate exceeded"), "AWS throttled the call"),
        (http("200 OK", &[("content-type", "text/html")], "<html>a portal</html>"), "not JSON"),
        (http("500 Internal Server Error", &[], ""), "answered 500"),
    ] {
        for run in [insights(), patterns()] {
            let reply = reply.clone();
            let world = World::new(move |_| reply.clone()).await;
            let reason = ask(&world, &run).await.answer.unwrap_err();
            assert!(reason.contains(words), "{words}: {reason}");
        }
    }
}

#[tokio::test]
async fn a_query_that_failed_is_a_failure_and_a_denied_look_stops_it() {
    let world = World::new(|asked| match asked.what.as_str() {
        "StartQuery" => ok(json!({"queryId": "q-1"})),
        _ => results("Failed", &[]),
    })
    .await;
    assert_eq!(ask(&world, &insights()).await.answer.unwrap_err(), "the query ended as Failed");
    let world = World::new(|asked| match asked.what.as_str() {
        "StartQuery" => ok(json!({"queryId": "q-1"})),
        "GetQueryResults" => denied("logs:GetQueryResults"),
        _ => ok(json!({"success": true})),
    })
    .await;
    assert!(ask(&world, &insights()).await.answer.unwrap_err().contains("may not logs:GetQueryResults"));
    assert_eq!(world.operations(), ["StartQuery", "GetQueryResults", "StopQuery"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_before_it_is() {
    let world = World::new(|_| ok(json!({}))).await;
    for (asked, words) in [
        (json!({"log_groups": ["a b"], "query": "x"}), "`a b` is not the name or the ARN"),
        (json!({"log_groups": [], "query": "x"}), "no log group"),
        (json!({"log_groups": ["a"], "query": " "}), "the query is empty"),
        (json!({"log_groups": ["a b"], "patterns": {}}), "`a b` is not"),
    ] {
        let reason = ask(&world, &run(asked)).await.answer.unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
    assert!(world.asked().is_empty());
}

fn events(asked: &Asked, lines: &[(i64, &str)], next: Option<&str>) -> Vec<u8> {
    let start = asked.body["startTime"].as_i64().unwrap();
    let events: Vec<Value> = lines
        .iter()
        .map(|(at, line)| json!({"timestamp": start + at, "message": line, "logStreamName": "s", "eventId": "e"}))
        .collect();
    ok(json!({"events": events, "searchedLogStreams": [], "nextToken": next}))
}

const WINDOW_BEGIN: i64 = 1_772_365_500_000;

#[tokio::test]
async fn patterns_are_counted_against_the_baseline_with_the_new_ones_first() {
    let world = World::new(|asked| {
        if asked.body["startTime"] != json!(WINDOW_BEGIN) {
            return events(
                asked,
                &[(1, "ERROR slow answer of 7 ms"), (2, "ERROR cache miss"), (3, "ERROR gone")],
                None,
            );
        }
        match asked.body["nextToken"].as_str() {
            None => {
                events(asked, &[(1000, "ERROR slow answer of 31 ms"), (2000, "ERROR slow answer of 32 ms")], Some("p2"))
            }
            // A page without lines is not the end.
            Some("p2") => events(asked, &[], Some("p3")),
            _ => events(
                asked,
                &[
                    (3000, "ERROR refused by payments"),
                    (4000, "ERROR slow answer of 33 ms"),
                    (5000, "ERROR cache miss"),
                ],
                None,
            ),
        }
    })
    .await;
    let called = ask(&world, &patterns()).await;
    let mut answer = called.answer.unwrap();
    answer.result["elapsed_ms"].take();
    assert_eq!(
        answer.result,
        json!({
            "patterns": [
                {"template": "ERROR refused by payments", "count": 1, "before": 0, "new": true, "ratio": null,
                    "first_at": "2026-03-01T11:45:03Z", "sample": "ERROR refused by payments"},
                {"template": "ERROR slow answer of <n> ms", "count": 3, "before": 1, "new": false, "ratio": 3,
                    "first_at": "2026-03-01T11:45:01Z", "sample": "ERROR slow answer of 33 ms"},
                {"template": "ERROR cache miss", "count": 1, "before": 1, "new": false, "ratio": 1,
                    "first_at": "2026-03-01T11:45:05Z", "sample": "ERROR cache miss"},
            ],
            "patterns_total": 3, "new_total": 1, "lines": 5, "lines_before": 3, "truncated": false, "notes": [],
            "elapsed_ms": null,
        })
    );
    assert_eq!(answer.summary, "3 patterns in 5 lines: 1 new, 1 grown");
    assert_eq!(called.request["window"], json!({"from": "2026-03-01T11:45:00Z", "until": "2026-03-01T12:00:00Z"}));
    assert_eq!(called.request["baseline"], json!({"from": "2026-03-01T11:30:00Z", "until": "2026-03-01T11:45:00Z"}));
    let first = world.asked().into_iter().find(|asked| asked.body["startTime"] == json!(WINDOW_BEGIN)).unwrap();
    assert_eq!(first.body["endTime"], json!(WINDOW_BEGIN + 900_000 - 1));
    assert!(first.body["filterPattern"].as_str().unwrap().contains("?Exception"));
}

#[tokio::test]
async fn a_longer_baseline_is_compared_per_time() {
    let world = World::new(|asked| {
        let lines: &[(i64, &str)] = if asked.body["startTime"] == json!(WINDOW_BEGIN) {
            &[(1, "ERROR a b"), (2, "ERROR a b")]
        } else {
            &[(1, "ERROR a b"); 8]
        };
        events(asked, lines, None)
    })
    .await;
    let asked = run(json!({"log_groups": ["a"], "patterns": {"baseline": "2h", "filter": "ERROR"}}));
    let result = ask(&world, &asked).await.answer.unwrap().result;
    assert_eq!(result["patterns"][0]["ratio"], json!(2));
}

#[tokio::test]
async fn a_flood_of_lines_is_read_to_a_bound_and_the_cut_is_said() {
    let world = World::new(|asked| {
        if asked.body["startTime"] != json!(WINDOW_BEGIN) {
            return events(asked, &[(1, "ERROR job 1 failed")], None);
        }
        let lines: Vec<(i64, String)> = (0..2000).map(|at| (at * 100, format!("ERROR job {at} failed"))).collect();
        let lines: Vec<(i64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
        events(asked, &lines, Some("more"))
    })
    .await;
    let result = ask(&world, &patterns()).await.answer.unwrap().result;
    assert_eq!(
        (&result["lines"], &result["truncated"], &result["patterns_total"]),
        (&json!(5000), &json!(true), &json!(1))
    );
    let note = result["notes"][0].as_str().unwrap();
    assert!(note.starts_with("the window was read to its 22 %: 5000 lines"), "{note}");
    assert!(result["patterns"][0]["ratio"].as_f64().unwrap() > 5000.0, "per time, not per count: {result}");
}

#[tokio::test]
async fn without_a_baseline_nothing_is_called_new() {
    let world = World::new(|asked| {
        if asked.body["startTime"] == json!(WINDOW_BEGIN) {
            events(asked, &[(1, "ERROR a b")], None)
        } else {
            denied("logs:FilterLogEvents")
        }
    })
    .await;
    let result = ask(&world, &patterns()).await.answer.unwrap().result;
    assert_eq!(
        (&result["new_total"], &result["patterns"][0]["new"], &result["truncated"]),
        (&json!(0), &json!(false), &json!(true))
    );
    assert!(result["notes"][0].as_str().unwrap().contains("may not logs:FilterLogEvents"));
}

#[tokio::test]
async fn an_enormous_page_and_a_slow_one_cost_no_more_than_their_bounds() {
    let world = World::new(|_| ok(json!({"events": [{"timestamp": 1, "message": "x".repeat(5 * 1024 * 1024)}]}))).await;
    assert!(ask(&world, &patterns()).await.answer.unwrap_err().contains("the answer is longer than"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let _ = stream.read(&mut [0; 64 * 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n").await;
                // A byte now and then, for ever.
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    for mut hurried in [patterns(), insights()] {
        hurried.timeout = "200ms".parse().unwrap();
        let reason = call(&aws(address), &At::new(NOW), &hurried).await.answer.unwrap_err();
        assert!(reason.contains("did not answer within"), "{reason}");
    }
}

#[tokio::test]
async fn i9_no_key_is_in_what_is_recorded() {
    let world = World::new(|_| refused("InvalidSignatureException", "The request signature does not match")).await;
    let called = ask(&world, &insights()).await;
    assert!(world.server.requests()[0].contains("Credential=AKIDEXAMPLE/"));
    assert!(
        !format!("{called:?}").contains("AKIDEXAMPLE") && !format!("{called:?}").contains("Signature="),
        "{called:?}"
    );
}
