//! `cloudwatch-metrics`: one metric over a window, beside the windows that it is compared with.

use catalog::model::{AwsPlace, CloudwatchMetricsRun};
use engine::{Answer, Called};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Metric, POINTS, Points, points};
use crate::{
    aws::{Cloud, There},
    common::{back_from, counted, elapsed_ms, limit, number},
};

const DAY: i64 = 24 * 3600;

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &CloudwatchMetricsRun<String>) -> Called {
    let request = json!({
        "operation": "GetMetricData", "namespace": run.namespace, "metric": run.metric, "dimensions": run.dimensions,
        "statistic": run.statistic, "last": run.last, "at": run.at, "account": run.account, "region": run.region,
    });
    let place = AwsPlace { account: run.account.as_ref(), region: run.region.as_deref() };
    let answer = match cloud.at(place) {
        Ok(there) => compare(&there, clock.now(), run).await,
        Err(reason) => Err(reason),
    };
    Called { request, answer }
}

async fn compare(there: &There<'_>, now: Timestamp, run: &CloudwatchMetricsRun<String>) -> Result<Answer, String> {
    let started = Instant::now();
    let last = run.last.0.as_secs().max(60);
    let period = run.period.map_or_else(|| last.div_ceil(POINTS), |period| period.0.as_secs()).div_ceil(60).max(1) * 60;
    let metric = Metric {
        namespace: &run.namespace,
        name: &run.metric,
        dimensions: run.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        statistic: &run.statistic,
        period,
    };
    let at = back_from(run.at.as_deref(), now)?;
    let (length, step) = (i64::try_from(last).unwrap_or(DAY), i64::try_from(period).unwrap_or(60));
    // Whole periods, so that all four windows have their points at the same places.
    let end = at.as_second().div_euclid(step) * step;
    let length = (length.div_euclid(step) * step).max(step);
    let back = [0, length, DAY, 7 * DAY];
    let windows = back.iter().map(|back| points(there, &metric, (end - length - back, end - back), limit(run.timeout)));
    let within = limit(run.timeout);
    let windows = tokio::time::timeout(within, try_join_all(windows))
        .await
        .map_err(|_| format!("CloudWatch did not answer within {within:?}"))?
        .map_err(|error| there.reason(&error))?;
    let mut notes: Vec<String> = windows.iter().flat_map(|window| window.notes.iter().cloned()).collect();
    notes.sort();
    notes.dedup();
    let mut unread: Vec<String> = windows.iter().flat_map(|window| window.unread.iter().cloned()).collect();
    unread.sort();
    unread.dedup();
    let told: Vec<Told> = windows.iter().map(Told::of).collect();
    let [now, before, day, week] = told.as_slice() else { return Err("four windows were asked".to_owned()) };
    if now.count == 0 && windows.first().is_some_and(|window| window.unread.is_empty()) {
        notes.push(
            "no data in this window: the metric reports nothing when nothing happens, or its dimensions are not all that it has"
                .to_owned(),
        );
    }
    let values: Vec<Value> = windows
        .first()
        .into_iter()
        .flat_map(|window| &window.points)
        .map(|(time, value)| json!([time, number(*value)]))
        .collect();
    let result = json!({
        "now": now.shown(), "before": before.shown(), "day_ago": day.shown(), "week_ago": week.shown(),
        "ratio_before": now.over(before), "ratio_day": now.over(day), "ratio_week": now.over(week),
        "values": values, "missing": now.count == 0, "period": period, "notes": notes, "unread": unread,
        "elapsed_ms": elapsed_ms(started),
    });
    Ok(Answer { summary: summary(run, now, before, week), result })
}

/// A window in numbers.
struct Told {
    count: usize,
    sum: f64,
    max: Option<f64>,
    min: Option<f64>,
    last: Option<f64>,
}

impl Told {
    fn of(window: &Points) -> Self {
        let values = || window.points.iter().map(|(_, value)| *value);
        Self {
            count: window.points.len(),
            sum: values().sum(),
            max: values().reduce(f64::max),
            min: values().reduce(f64::min),
            last: values().next_back(),
        }
    }

    fn average(&self) -> Option<f64> {
        let count = u32::try_from(self.count).ok().filter(|count| *count > 0)?;
        Some(self.sum / f64::from(count))
    }

    /// Its average over that of the other; nothing where one has none, or the other's is zero.
    fn over(&self, other: &Self) -> Value {
        let ratio =
            self.average().zip(other.average()).filter(|(_, other)| *other != 0.0).map(|(one, other)| one / other);
        ratio.map_or(Value::Null, number)
    }

    fn shown(&self) -> Value {
        let of = |value: Option<f64>| value.map_or(Value::Null, number);
        json!({
            "average": of(self.average()), "max": of(self.max), "min": of(self.min), "last": of(self.last),
            "sum": if self.count == 0 { Value::Null } else { number(self.sum) }, "points": self.count,
        })
    }
}

fn summary(run: &CloudwatchMetricsRun<String>, now: &Told, before: &Told, week: &Told) -> String {
    let short = |told: &Told| told.average().map_or_else(|| "no data".to_owned(), |value| format!("{value:.4}"));
    format!(
        "{} {} {} over {} is {} on average ({}); before {}, a week ago {}",
        run.namespace,
        run.metric,
        run.statistic,
        run.last,
        short(now),
        counted(now.count, "point", "points"),
        short(before),
        short(week),
    )
}
