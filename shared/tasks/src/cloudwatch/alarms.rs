//! `cloudwatch-alarms`: alarms as they stand, and how they changed.

use std::time::Duration;

use catalog::model::{AwsPlace, CloudwatchAlarmsRun};
use engine::{Answer, Called};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ask, seconds};
use crate::{
    aws::{Cloud, There},
    common::{counted, elapsed_ms, limit, one_line},
};

/// The most alarms that are told, and of how many of them the changes are read.
const ALARMS: usize = 100;
const WITH_CHANGES: usize = 10;
/// The most changes that are told.
const CHANGES: usize = 100;
/// How much of a reason or a rule is kept, in characters.
const TEXT: usize = 500;

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &CloudwatchAlarmsRun<String>) -> Called {
    let request = json!({
        "operation": "DescribeAlarms, DescribeAlarmHistory", "name": run.name, "prefix": run.prefix, "last": run.last,
        "account": run.account, "region": run.region,
    });
    let answer = match cloud.at(AwsPlace { account: run.account.as_ref(), region: run.region.as_deref() }) {
        Ok(there) => {
            let within = limit(run.timeout);
            match tokio::time::timeout(within, look(&there, clock.now(), run, within)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("CloudWatch did not answer within {within:?}")),
            }
        }
        Err(reason) => Err(reason),
    };
    Called { request, answer }
}

async fn look(
    there: &There<'_>,
    now: Timestamp,
    run: &CloudwatchAlarmsRun<String>,
    within: Duration,
) -> Result<Answer, String> {
    let started = Instant::now();
    let mut body = json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": ALARMS});
    let (key, value) = match (&run.name, &run.prefix) {
        (Some(name), _) if !name.is_empty() => ("AlarmNames", json!([name])),
        (_, Some(prefix)) if !prefix.is_empty() => ("AlarmNamePrefix", json!(prefix)),
        _ => return Err("neither `name` nor `prefix` says which alarms".to_owned()),
    };
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), value);
    }
    let answer = ask(there, "DescribeAlarms", &body, within).await.map_err(|error| there.reason(&error))?;
    let of = |kind: &str| answer.get(kind).and_then(Value::as_array).cloned().unwrap_or_default();
    let alarms: Vec<Value> = of("MetricAlarms").iter().chain(&of("CompositeAlarms")).map(alarm).collect();
    let mut notes = Vec::new();
    if answer.get("NextToken").is_some_and(Value::is_string) {
        notes.push(format!("there are more than {ALARMS} alarms: the rest is left off"));
    }
    let (since, until) = (now.as_second().saturating_sub(back(run)), now.as_second());
    let named: Vec<&str> = alarms.iter().filter_map(|alarm| alarm.get("name")?.as_str()).collect();
    if named.len() > WITH_CHANGES {
        notes.push(format!("the changes are those of the first {WITH_CHANGES} alarms"));
    }
    let asked = named.iter().take(WITH_CHANGES).map(|name| async move {
        let body = json!({
            "AlarmName": name, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "HistoryItemType": "StateUpdate",
            "StartDate": since, "EndDate": until, "MaxRecords": CHANGES, "ScanBy": "TimestampDescending",
        });
        ask(there, "DescribeAlarmHistory", &body, within).await
    });
    let histories = try_join_all(asked).await.map_err(|error| there.reason(&error))?;
    if histories.iter().any(|history| history.get("NextToken").is_some_and(Value::is_string)) {
        notes.push(format!("an alarm changed more than {CHANGES} times: its older changes are left off"));
    }
    let items = histories.iter().filter_map(|history| history.get("AlarmHistoryItems")?.as_array()).flatten();
    let mut changes: Vec<(i64, Value)> = items.filter_map(change).filter(|(at, _)| *at >= since).collect();
    changes.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    changes.truncate(CHANGES);
    let changes: Vec<Value> = changes.into_iter().map(|(_, change)| change).collect();
    let alarming = alarms.iter().filter(|alarm| alarm.get("state").is_some_and(|state| state == "ALARM")).count();
    let summary = format!(
        "{}, {alarming} in ALARM, {} in {}",
        counted(alarms.len(), "alarm", "alarms"),
        counted(changes.len(), "change", "changes"),
        run.last
    );
    let result = json!({
        "alarms_total": alarms.len(), "alarming": alarming, "alarms": alarms, "changes": changes, "notes": notes,
        "elapsed_ms": elapsed_ms(started),
    });
    Ok(Answer { summary, result })
}

fn back(run: &CloudwatchAlarmsRun<String>) -> i64 {
    i64::try_from(run.last.0.as_secs()).unwrap_or(i64::MAX)
}

fn text(of: &Value, name: &str) -> String {
    one_line(of.get(name).and_then(Value::as_str).unwrap_or_default(), TEXT)
}

/// A time of an answer as text, or nothing.
fn time(value: Option<&Value>) -> String {
    let at = value.and_then(seconds).and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn alarm(given: &Value) -> Value {
    let number = |name: &str| given.get(name).map(ToString::to_string).unwrap_or_default();
    let what = match text(given, "AlarmRule") {
        rule if !rule.is_empty() => rule,
        _ if given.get("MetricName").is_some() => format!(
            "{} {} {} {} for {} of {} s",
            text(given, "Namespace"),
            text(given, "MetricName"),
            text(given, "ComparisonOperator"),
            number("Threshold"),
            number("EvaluationPeriods"),
            number("Period"),
        ),
        _ => "an expression over several metrics".to_owned(),
    };
    json!({
        "name": text(given, "AlarmName"), "state": text(given, "StateValue"), "reason": text(given, "StateReason"),
        "since": time(given.get("StateUpdatedTimestamp")), "what": what,
        "actions": given.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true),
    })
}

/// One change. What it went from and to stands as JSON in a text, and by a summary where it cannot be read.
fn change(item: &Value) -> Option<(i64, Value)> {
    let at = seconds(item.get("Timestamp")?)?;
    let data = item.get("HistoryData").and_then(Value::as_str);
    let data: Value = data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let state = |which: &str| data.get(which).map(|state| text(state, "stateValue")).unwrap_or_default();
    let change = json!({
        "name": text(item, "AlarmName"), "at": time(item.get("Timestamp")), "from": state("oldState"),
        "to": state("newState"), "summary": text(item, "HistorySummary"),
    });
    Some((at, change))
}
