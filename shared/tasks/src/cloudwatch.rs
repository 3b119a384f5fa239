//! What the kinds over CloudWatch share. It is asked in JSON 1.0, in which times are seconds.

pub(crate) mod alarms;
pub(crate) mod metrics;
#[cfg(test)]
mod tests;

use std::time::Duration;

use awscall::{AwsError, AwsRequest, JsonVersion};
use serde_json::{Value, json};

use crate::aws::There;

/// The most points of one window.
const POINTS: u64 = 60;

/// Calls an operation of CloudWatch.
pub(crate) async fn ask(there: &There<'_>, operation: &str, body: &Value, within: Duration) -> Result<Value, AwsError> {
    let target = format!("GraniteServiceVersion20100801.{operation}");
    let (service, version) = ("monitoring", JsonVersion::V1_0);
    let request = AwsRequest::Json { service, signing: "monitoring", target: &target, version, body };
    there.ask(&request, within).await.map(|answer| answer.body)
}

/// One metric.
pub(crate) struct Metric<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) dimensions: Vec<(&'a str, &'a str)>,
    pub(crate) statistic: &'a str,
    /// Seconds, a multiple of 60.
    pub(crate) period: u64,
}

/// The points of a metric in a window, oldest first, and what CloudWatch remarks.
#[derive(Debug, Default)]
pub(crate) struct Points {
    pub(crate) points: Vec<(i64, f64)>,
    pub(crate) notes: Vec<String>,
    /// What of the data could not be read.
    pub(crate) unread: Vec<String>,
}

/// What a series of an answer of `GetMetricData` could not read. More of one that is `PartialData` comes with the next page.
pub(crate) fn unread(series: &Value, is_last: bool) -> Option<String> {
    let code = series.get("StatusCode").and_then(Value::as_str)?;
    if code == "Complete" || code == "PartialData" && !is_last {
        return None;
    }
    Some(format!("CloudWatch could not read all of the data ({})", crate::common::one_line(code, 40)))
}

/// Reads the points of a metric from `start` to `end`, in seconds.
pub(crate) async fn points(
    there: &There<'_>,
    metric: &Metric<'_>,
    (start, end): (i64, i64),
    within: Duration,
) -> Result<Points, AwsError> {
    let dimensions: Vec<Value> =
        metric.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let mut body = json!({
        "StartTime": start,
        "EndTime": end,
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": [{
            "Id": "m",
            "MetricStat": {
                "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
                "Period": metric.period,
                "Stat": metric.statistic,
            },
        }],
    });
    let mut found = Points::default();
    // A window has at most 60 points and so one page; more than a few would be a server that goes in circles.
    for _ in 0..4 {
        let answer = ask(there, "GetMetricData", &body, within).await?;
        let next = answer.get("NextToken").filter(|token| token.is_string());
        for result in answer.get("MetricDataResults").and_then(Value::as_array).into_iter().flatten() {
            let list = |name: &str| result.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            let pairs = list("Timestamps").into_iter().zip(list("Values"));
            found.points.extend(pairs.filter_map(|(time, value)| Some((seconds(&time)?, value.as_f64()?))));
            found.unread.extend(unread(result, next.is_none()));
            found.notes.extend(list("Messages").iter().filter_map(said));
        }
        found.notes.extend(answer.get("Messages").and_then(Value::as_array).into_iter().flatten().filter_map(said));
        match next {
            Some(token) => {
                if let Some(body) = body.as_object_mut() {
                    body.insert("NextToken".to_owned(), token.clone());
                }
            }
            None => break,
        }
    }
    found.points.sort_by_key(|(time, _)| *time);
    Ok(found)
}

fn said(message: &Value) -> Option<String> {
    Some(crate::common::one_line(message.get("Value")?.as_str()?, 200))
}

/// A time in an answer, in seconds: a number, or RFC 3339 as some emulators have it.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of any year that there is fit")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
        _ => None,
    }
}
