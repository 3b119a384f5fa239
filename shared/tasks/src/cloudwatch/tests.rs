use catalog::model::{CloudwatchAlarmsRun, CloudwatchMetricsRun};
use engine::Called;
use serde_json::{Value, json};

use super::{alarms, metrics};
use crate::testing::{At, Server, aws, json_answer, serve};

/// 2026-03-01T12:00:00Z.
const NOW: i64 = 1_772_366_400;

fn clock() -> At {
    At::new("2026-03-01T12:00:00Z")
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A server that makes its answer of the request's body.
async fn cloudwatch(answer: impl Fn(&str, Value) -> (u16, Value) + Send + Sync + 'static) -> Server {
    serve(move |request| {
        let operation =
            request.lines().find_map(|line| line.strip_prefix("x-amz-target: GraniteServiceVersion20100801."));
        let (status, body) = answer(operation.unwrap(), body(request));
        json_answer(status, &body).into_bytes()
    })
    .await
}

async fn measured(spec: Value, server: &Server) -> Called {
    let run: CloudwatchMetricsRun<String> = serde_json::from_value(spec).unwrap();
    metrics::call(&aws(server.address), &clock(), &run).await
}

async fn alarmed(spec: Value, server: &Server) -> Called {
    let run: CloudwatchAlarmsRun<String> = serde_json::from_value(spec).unwrap();
    alarms::call(&aws(server.address), &clock(), &run).await
}

fn errors() -> Value {
    json!({"namespace": "AWS/Lambda", "metric": "Errors", "dimensions": {"FunctionName": "checkout"}, "statistic": "Sum"})
}

fn series(points: &[(i64, f64)]) -> Value {
    let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
    json!({"MetricDataResults": [{"Id": "m", "Label": "l", "Timestamps": times, "Values": values, "StatusCode": "Complete"}]})
}

#[tokio::test]
async fn a_window_stands_beside_the_same_one_before_a_day_and_a_week_ago() {
    let server = cloudwatch(|_, asked| {
        let end = asked["EndTime"].as_i64().unwrap();
        (200, match NOW - end {
            0 => series(&[(NOW - 120, 30.0), (NOW - 60, 10.0)]),
            3600 => series(&[(end - 60, 5.0)]),
            86_400 => series(&[(end - 60, 0.0)]),
            604_800 => json!({"MetricDataResults": [{"Id": "m", "Timestamps": [], "Values": [], "StatusCode": "Complete"}]}),
            other => panic!("{other}"),
        })
    })
    .await;
    let called = measured(errors(), &server).await;
    let answer = called.answer.unwrap();
    let result = &answer.result;
    let now = json!({"average": 20, "max": 30, "min": 10, "last": 10, "sum": 40, "points": 2});
    assert_eq!(result["now"], now);
    assert_eq!(
        result["week_ago"],
        json!({"average": null, "max": null, "min": null, "last": null, "sum": null, "points": 0})
    );
    assert_eq!(
        (&result["ratio_before"], &result["ratio_day"], &result["ratio_week"]),
        (&json!(4), &json!(null), &json!(null))
    );
    assert_eq!((&result["missing"], &result["period"]), (&json!(false), &json!(60)));
    assert_eq!(result["values"], json!([[NOW - 120, 30], [NOW - 60, 10]]));
    assert_eq!(
        answer.summary,
        "AWS/Lambda Errors Sum over 1h is 20.0000 on average (2 points); before 5.0000, a week ago no data"
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let asked = body(&requests[0]);
    let stat = &asked["MetricDataQueries"][0]["MetricStat"];
    assert_eq!((&stat["Stat"], &stat["Period"]), (&json!("Sum"), &json!(60)));
    assert_eq!(stat["Metric"]["Dimensions"], json!([{"Name": "FunctionName", "Value": "checkout"}]));
    for request in &requests {
        let asked = body(request);
        assert_eq!(asked["EndTime"].as_i64().unwrap() - asked["StartTime"].as_i64().unwrap(), 3600);
    }
}

#[tokio::test]
async fn a_window_can_end_when_the_alert_began_and_never_later_than_now() {
    let server = cloudwatch(|_, _| (200, series(&[]))).await;
    for (at, end) in [("2026-03-01T11:00:30Z", NOW - 3600), ("2027-01-01T00:00:00Z", NOW), ("", NOW)] {
        let before = server.requests().len();
        let mut spec = errors();
        spec["at"] = at.into();
        spec["last"] = "6h".into();
        let answer = measured(spec, &server).await.answer.unwrap();
        assert_eq!(answer.result["period"], json!(360), "at most 60 points");
        let ends: Vec<i64> =
            server.requests()[before..].iter().map(|request| body(request)["EndTime"].as_i64().unwrap()).collect();
        assert!(ends.contains(&(end.div_euclid(360) * 360)), "{at}: {ends:?}");
    }
    let mut spec = errors();
    spec["at"] = "yesterday".into();
    assert_eq!(measured(spec, &server).await.answer.unwrap_err(), "`at` is not a time: it is written as RFC 3339");
}

#[tokio::test]
async fn missing_partial_and_failing_data_is_said() {
    let server = cloudwatch(|_, asked| {
        if asked.get("NextToken").is_some() {
            return (200, series(&[(NOW - 60, 2.0)]));
        }
        let mut first = series(&[(NOW - 120, 1.0)]);
        first["MetricDataResults"][0]["StatusCode"] = "PartialData".into();
        first["NextToken"] = "more".into();
        first["Messages"] = json!([{"Code": "ArithmeticError", "Value": "one series\nwas left out"}]);
        (200, first)
    })
    .await;
    let answer = measured(errors(), &server).await.answer.unwrap();
    assert_eq!(answer.result["now"]["points"], 2);
    assert_eq!(answer.result["notes"], json!(["one series was left out"]));
    assert_eq!(answer.result["unread"], json!([]), "the rest came with the next page");

    for code in ["InternalError", "Forbidden", "PartialData"] {
        let server = cloudwatch(move |_, asked| {
            let mut answer = series(&[]);
            if asked["EndTime"] == NOW {
                answer["MetricDataResults"][0]["StatusCode"] = code.into();
            }
            (200, answer)
        })
        .await;
        let result = measured(errors(), &server).await.answer.unwrap().result;
        assert_eq!(result["unread"], json!([format!("CloudWatch could not read all of the data ({code})")]));
        assert_eq!(result["notes"], json!([]), "why there is no data is known");
    }

    let server = cloudwatch(|_, _| (200, series(&[]))).await;
    let answer = measured(errors(), &server).await.answer.unwrap();
    assert_eq!(answer.result["missing"], true);
    assert!(answer.result["notes"][0].as_str().unwrap().starts_with("no data in this window: "));

    let server = cloudwatch(|_, _| {
        (
            400,
            json!({"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no, User: \
            arn:aws:sts::1:assumed-role/read/x is not authorized to perform: cloudwatch:GetMetricData"}),
        )
    })
    .await;
    let reason = measured(errors(), &server).await.answer.unwrap_err();
    assert!(reason.starts_with("the role read may not cloudwatch:GetMetricData: "), "{reason}");

    let server =
        serve(|_| b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<html>hi>".to_vec()).await;
    let reason = measured(errors(), &server).await.answer.unwrap_err();
    assert!(reason.contains("it begins with `<html>hi>`"), "{reason}");
}

#[tokio::test]
async fn alarms_are_told_with_how_they_changed() {
    let server = cloudwatch(|operation, asked| {
        (200, match operation {
            "DescribeAlarms" => {
                assert_eq!(asked["AlarmNamePrefix"], "checkout-");
                json!({
                    "MetricAlarms": [{
                        "AlarmName": "checkout-5xx", "StateValue": "ALARM", "StateReason": "Threshold Crossed",
                        "StateUpdatedTimestamp": NOW - 300, "Namespace": "AWS/ApiGateway", "MetricName": "5xx",
                        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0, "EvaluationPeriods": 2, "Period": 60,
                        "ActionsEnabled": true,
                    }],
                    "CompositeAlarms": [{
                        "AlarmName": "checkout-all", "StateValue": "OK", "AlarmRule": "ALARM(\"checkout-5xx\")",
                        "StateUpdatedTimestamp": 1_772_366_000.5,
                    }],
                    "NextToken": "more",
                })
            }
            _ if asked["AlarmName"] == "checkout-all" => json!({"AlarmHistoryItems": []}),
            _ => json!({"AlarmHistoryItems": [
                {"AlarmName": "checkout-5xx", "Timestamp": NOW - 7200, "HistoryItemType": "StateUpdate",
                 "HistorySummary": "Alarm updated from ALARM to OK", "HistoryData": "not json"},
                {"AlarmName": "checkout-5xx", "Timestamp": NOW - 300, "HistoryItemType": "StateUpdate",
                 "HistorySummary": "Alarm updated from OK to ALARM",
                 "HistoryData": json!({"oldState": {"stateValue": "OK"}, "newState": {"stateValue": "ALARM"}}).to_string()},
            ]}),
        })
    })
    .await;
    let answer = alarmed(json!({"prefix": "checkout-"}), &server).await.answer.unwrap();
    assert_eq!(answer.summary, "2 alarms, 1 in ALARM, 2 changes in 24h");
    let result = answer.result;
    assert_eq!(
        result["alarms"],
        json!([
            {"name": "checkout-5xx", "state": "ALARM", "reason": "Threshold Crossed", "since": "2026-03-01T11:55:00Z",
             "what": "AWS/ApiGateway 5xx GreaterThanThreshold 5.0 for 2 of 60 s", "actions": true},
            {"name": "checkout-all", "state": "OK", "reason": "", "since": "2026-03-01T11:53:20Z",
             "what": "ALARM(\"checkout-5xx\")", "actions": true},
        ])
    );
    assert_eq!(
        result["changes"],
        json!([
            {"name": "checkout-5xx", "at": "2026-03-01T11:55:00Z", "from": "OK", "to": "ALARM",
             "summary": "Alarm updated from OK to ALARM"},
            {"name": "checkout-5xx", "at": "2026-03-01T10:00:00Z", "from": "", "to": "",
             "summary": "Alarm updated from ALARM to OK"},
        ])
    );
    assert_eq!(result["notes"], json!(["there are more than 100 alarms: the rest is left off"]));
}

#[tokio::test]
async fn an_alarm_that_is_not_there_is_an_answer_and_no_name_at_all_is_not() {
    let server = cloudwatch(|_, _| (200, json!({"MetricAlarms": [], "CompositeAlarms": []}))).await;
    let answer = alarmed(json!({"name": "gone"}), &server).await.answer.unwrap();
    assert_eq!(
        (&answer.result["alarms_total"], answer.summary.as_str()),
        (&json!(0), "0 alarms, 0 in ALARM, 0 changes in 24h")
    );
    let reason = alarmed(json!({"prefix": ""}), &server).await.answer.unwrap_err();
    assert_eq!(reason, "neither `name` nor `prefix` says which alarms");
}
