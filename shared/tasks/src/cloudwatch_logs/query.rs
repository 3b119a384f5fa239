//! One query of Logs Insights.

use std::time::Duration;

use awscall::AwsError;
use catalog::model::CloudwatchLogsRun;
use engine::Answer;
use serde_json::{Map, Number, Value, json};
use tokio::time::Instant;

use super::{Window, answer};
use crate::{
    common::{counted, number, whole_numbers},
    signed::{Notes, Signed, list, text},
};

/// The first pause between two looks at the results, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// What is kept of the time to stop a query that did not end.
const STOP: Duration = Duration::from_millis(1500);
/// How much of one value is kept, in characters.
const VALUE_CAP: usize = 4096;

/// The parameters of StartQuery.
pub(super) fn parameters(run: &CloudwatchLogsRun<String>, query: &str, window: &Window) -> Value {
    // A list with an ARN in it has another name, and takes names too.
    let named = run.log_groups.iter().any(|group| group.starts_with("arn:"));
    let groups = if named { "logGroupIdentifiers" } else { "logGroupNames" };
    json!({
        groups: run.log_groups,
        "queryString": query,
        "startTime": window.from.as_second(),
        "endTime": window.until.as_second(),
        // One more than is shown, so that a cut is known to be one.
        "limit": run.limit.saturating_add(1),
    })
}

pub(super) async fn call(
    signed: Signed<'_>,
    run: &CloudwatchLogsRun<String>,
    query: &str,
    window: &Window,
) -> Result<Answer, String> {
    let begun = Instant::now();
    if query.trim().is_empty() {
        return Err("the query is empty".to_owned());
    }
    let asking = signed.spare(STOP.min(signed.left() / 4));
    let body = parameters(run, query, window);
    let started =
        asking.json("logs", "Logs_20140328.StartQuery", &body).await.map_err(|error| signed.reason(&error))?;
    let id = json!({"queryId": text(&started, "queryId")});
    let mut found = Found::default();
    let ended = follow(&asking, &id, &mut found).await;
    let mut notes = Notes::default();
    match ended {
        Ok(()) => {}
        Err(AwsError::TimedOut { .. }) if !found.rows.is_empty() => {
            notes.say("the query was still running when the time was over: these are the rows until then");
            stop(&signed, &id, &mut notes).await;
        }
        Err(AwsError::TimedOut { .. }) => {
            stop(&signed, &id, &mut notes).await;
            return Err(
                "the query was still running when the time was over: narrow it, shorten `last`, or raise `timeout`"
                    .to_owned(),
            );
        }
        Err(error) => {
            stop(&signed, &id, &mut notes).await;
            return Err(signed.reason(&error));
        }
    }
    found.answer(usize::try_from(run.limit).unwrap_or(usize::MAX), notes, begun)
}

/// Asks for the results until the query has ended.
async fn follow(asking: &Signed<'_>, id: &Value, found: &mut Found) -> Result<(), AwsError> {
    let (mut pause, longest) = PAUSES;
    loop {
        let results = asking.json("logs", "Logs_20140328.GetQueryResults", id).await?;
        let running = found.read(&results);
        if !running {
            return Ok(());
        }
        if pause >= asking.left() {
            return Err(AwsError::TimedOut { host: "logs".to_owned(), within: asking.left() });
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 2);
    }
}

/// Ends our own query: it would go on scanning, and each byte costs.
async fn stop(signed: &Signed<'_>, id: &Value, notes: &mut Notes) {
    if let Err(error) = signed.json("logs", "Logs_20140328.StopQuery", id).await {
        notes.say(format!("the query goes on by itself and could not be stopped: {}", signed.note(&error)));
    }
}

/// What a query has found so far.
#[derive(Default)]
struct Found {
    rows: Vec<Map<String, Value>>,
    /// The first number of the first row.
    value: Value,
    status: String,
    statistics: [f64; 3],
}

impl Found {
    /// Whether the query still runs.
    fn read(&mut self, results: &Value) -> bool {
        text(results, "status").clone_into(&mut self.status);
        let statistics = results.get("statistics").unwrap_or(&Value::Null);
        self.statistics = ["recordsMatched", "recordsScanned", "bytesScanned"]
            .map(|name| statistics.get(name).and_then(Value::as_f64).unwrap_or_default());
        let fields = |row: &'_ Value| -> Vec<(String, Value)> {
            let fields = row.as_array().map(Vec::as_slice).unwrap_or_default();
            // A pointer to the record is of no use to anybody here.
            let shown = fields.iter().filter(|field| text(field, "field") != "@ptr");
            shown
                .map(|field| (text(field, "field").to_owned(), value(text(field, "field"), text(field, "value"))))
                .collect()
        };
        let rows: Vec<Vec<(String, Value)>> = list(results, "results").iter().map(fields).collect();
        let first = rows.first().and_then(|row| row.iter().find(|(_, value)| value.is_number()));
        self.value = first.map_or(Value::Null, |(_, value)| value.clone());
        self.rows = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        matches!(self.status.as_str(), "Scheduled" | "Running" | "Unknown")
    }

    fn answer(mut self, limit: usize, mut notes: Notes, begun: Instant) -> Result<Answer, String> {
        if matches!(self.status.as_str(), "Failed" | "Cancelled" | "Timeout") && self.rows.is_empty() {
            return Err(format!("the query ended as {}", self.status));
        }
        let whole = self.status == "Complete" && self.rows.len() <= limit;
        if self.rows.len() > limit {
            notes.say(format!("the first {limit} rows are kept: there are more"));
            self.rows.truncate(limit);
        }
        let [matched, scanned, bytes] = self.statistics.map(number);
        let summary = format!(
            "{}, {scanned} records scanned{}",
            counted(self.rows.len(), "row", "rows"),
            if self.status == "Complete" { String::new() } else { format!(", {}", self.status) },
        );
        let result = json!({
            "rows": self.rows,
            "value": self.value,
            "status": self.status,
            "matched": matched,
            "scanned": scanned,
            "scanned_bytes": bytes,
            "truncated": !whole,
        });
        Ok(answer(summary, result, notes, begun))
    }
}

/// A value of a row: a number where the text is exactly that, since Insights writes all as text. Its own fields, `@...`,
/// stay text.
fn value(field: &str, text: &str) -> Value {
    let exact = |text: &str| text.len() <= 17 && !text.contains(['e', 'E']);
    if !field.starts_with('@')
        && exact(text)
        && let Ok(found) = serde_json::from_str::<Number>(text)
        && text.trim() == text
    {
        return whole_numbers(Value::Number(found));
    }
    match text.char_indices().nth(VALUE_CAP) {
        Some((end, _)) => Value::from(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Value::from(text),
    }
}
