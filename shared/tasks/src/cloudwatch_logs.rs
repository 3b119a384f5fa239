//! `cloudwatch-logs`: a query of Logs Insights, or the error patterns of log groups.
//!
//! The API: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference. A query is started, asked for its results until
//! it is complete, and stopped when the time is over, since what it scans costs money; nothing but this call's own query is
//! ever stopped.

mod errors;
mod query;
#[cfg(test)]
mod tests;

use std::time::Duration;

use catalog::model::CloudwatchLogsRun;
use engine::{Answer, Called};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::Cloud,
    common::{limit, one_line},
    signed::{self, Notes, Signed, shown},
};

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &CloudwatchLogsRun<String>) -> Called {
    let window = Window::before(clock.now(), run.last.0);
    let patterns = run.query.is_none().then(|| run.patterns.clone().unwrap_or_else(errors::usual));
    let long = patterns.as_ref().and_then(|patterns| patterns.baseline).unwrap_or(run.last);
    let baseline = Window::before(window.from, long.0);
    let (action, parameters) = match (&run.query, &patterns) {
        (_, Some(patterns)) => ("logs:FilterLogEvents", errors::shown(run, patterns, &window, &baseline)),
        (query, None) => ("logs:StartQuery", query::parameters(run, query.as_deref().unwrap_or_default(), &window)),
    };
    let request = signed::request(action, run.account.as_ref(), parameters);
    let answer = async {
        check(run)?;
        let there = cloud.at(run.place())?;
        let signed = Signed::new(&there, limit(run.timeout));
        match (&run.query, &patterns) {
            (_, Some(patterns)) => errors::call(signed, run, patterns, &window, &baseline).await,
            (query, None) => query::call(signed, run, query.as_deref().unwrap_or_default(), &window).await,
        }
    };
    Called { request, answer: answer.await }
}

/// What values made of the names of log groups.
fn check(run: &CloudwatchLogsRun<String>) -> Result<(), String> {
    match run.log_groups.iter().find(|group| !catalog::is_log_group(group)) {
        Some(group) => Err(format!("`{}` is not the name or the ARN of a log group", one_line(group, 100))),
        None if run.log_groups.is_empty() => Err("there is no log group to look at".to_owned()),
        None => Ok(()),
    }
}

/// From when until when.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    /// So long until then. Whole seconds, as queries have them.
    fn before(until: Timestamp, long: Duration) -> Self {
        let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
        Self { from: until.checked_sub(long).unwrap_or(Timestamp::UNIX_EPOCH), until }
    }

    fn seconds(&self) -> f64 {
        (self.until.duration_since(self.from)).as_secs_f64()
    }

    fn shown(&self) -> Value {
        json!({"from": shown(Some(self.from)), "until": shown(Some(self.until))})
    }
}

fn answer(summary: String, result: Value, notes: Notes, started: Instant) -> Answer {
    Answer { summary, result: signed::ended(result, notes, started) }
}
