//! `loki`: one query of the Loki HTTP API (grafana.com/docs/loki/latest/reference/loki-http-api), `/loki/api/v1/query` or
//! `/loki/api/v1/query_range`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use catalog::model::{LokiDirection, LokiRun};
use engine::{Answer, Called};
use jiff::Timestamp;
use ports::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    api::{ANSWER_CAP, Api},
    common::{counted, elapsed_ms, late, limit, one_line},
    http::Http,
    keys::{self, Keys},
    mask,
    promql::read::{self, Found},
};

/// How much of a line is kept, in characters.
const LINE_CAP: usize = 2000;
/// How many streams are named.
const STREAMS: usize = 50;
/// How many lines one query may give.
const LINES: u32 = 1000;
/// How much of the query and of the server's own words is kept, in characters.
const QUERY_CAP: usize = 80;
const WORDS: usize = 300;

/// Whose answers these are.
const WHOSE: &str = "the Loki HTTP API";

pub(crate) async fn call(http: &Http, keys: &Keys, clock: &dyn Clock, run: &LokiRun<String>) -> Called {
    let limit = limit(run.timeout);
    let query = parameters(run, clock.now());
    let mut request = json!({"method": "GET", "url": mask::url_text(&run.url)});
    if let Some(shown) = request.as_object_mut() {
        shown.extend(query.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))));
        if let Some(tenant) = &run.tenant {
            shown.insert("tenant".to_owned(), Value::from(tenant.as_str()));
        }
        if run.auth.is_some() {
            shown.insert("auth".to_owned(), keys::shown(run.auth.as_ref()));
        }
    }
    let answer = match timeout(limit, ask(http, keys, run, &query)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(&run.url, limit)),
    };
    Called { request, answer }
}

/// What stands in the query. Times are whole seconds, so that two runs of a second ask for the same.
fn parameters(run: &LokiRun<String>, now: Timestamp) -> Vec<(&'static str, String)> {
    let now = now.as_second();
    let mut query = vec![("query", run.query.clone())];
    match &run.range {
        None => query.push(("time", now.to_string())),
        Some(range) => {
            let back = i64::try_from(range.last.0.as_secs()).unwrap_or(i64::MAX);
            query.push(("start", now.saturating_sub(back).to_string()));
            query.push(("end", now.to_string()));
            query.push(("step", range.step.0.as_secs_f64().to_string()));
        }
    }
    query.push(("limit", run.limit.clamp(1, LINES).to_string()));
    let direction = match run.direction {
        LokiDirection::Backward => "backward",
        LokiDirection::Forward => "forward",
    };
    query.push(("direction", direction.to_owned()));
    query
}

async fn ask(
    http: &Http,
    keys: &Keys,
    run: &LokiRun<String>,
    query: &[(&'static str, String)],
) -> Result<Answer, String> {
    let base = http.url(&run.url)?;
    if run.query.trim().is_empty() {
        return Err("the query is empty".to_owned());
    }
    let proof = keys.proof(run.auth.as_ref(), &http.policy, &base).await?;
    let mut api = Api::new(&http.client, &http.policy, keys, base).proven(proof);
    if let Some(tenant) = &run.tenant {
        api = api.with("x-scope-orgid", tenant)?;
    }
    let end = if run.range.is_some() { "query_range" } else { "query" };
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let started = Instant::now();
    let reply = api.get(&["loki", "api", "v1", end], &query, ANSWER_CAP).await?;
    let elapsed_ms = elapsed_ms(started);
    match reply.status {
        status @ (401 | 403) => {
            let words = one_line(&reply.text(), WORDS);
            let wanted = keys::wanted(run.auth.as_ref());
            return Err(format!("{} answered {status}: it does not let this query in: {words}{wanted}", reply.place));
        }
        404 => {
            return Err(format!(
                "{} answered 404: is the Task's url the base URL of Loki, without /loki/api/v1?",
                reply.place
            ));
        }
        429 => {
            let words = one_line(&reply.text(), WORDS);
            let after = match one_line(reply.header("retry-after"), 20) {
                after if after.is_empty() => after,
                after => format!(" (again after {after} s)"),
            };
            return Err(format!("{} answered 429, too many queries for this tenant{after}: {words}", reply.place));
        }
        status if !reply.is_good() => {
            // Loki says what is wrong in plain text.
            return Err(format!("{} answered {status}: {}", reply.place, one_line(&reply.text(), WORDS)));
        }
        _ => {}
    }
    let peek: Peek = reply.json(WHOSE)?;
    let query = one_line(&run.query.split_whitespace().collect::<Vec<_>>().join(" "), QUERY_CAP);
    let (summary, mut result) = if peek.data.result_type == "streams" {
        let logs: Streams = reply.json(WHOSE)?;
        let lines = Lines::of(logs, run);
        let summary = format!("{query} gives {}", lines.in_words());
        (summary, lines.into_result())
    } else {
        let found: Found = read::read(reply.status, &reply.bytes, run.range.is_some())
            .map_err(|_| format!("{} answered 200, and not as {WHOSE} does", reply.place))?;
        let summary = format!("{query} {}", found.in_words());
        let mut result = found.into_result();
        add(&mut result, Lines::default().into_result());
        (summary, result)
    };
    add(&mut result, json!({"elapsed_ms": elapsed_ms}));
    Ok(Answer { summary, result })
}

/// Puts the fields of `more` into `result` that are not in it yet.
fn add(result: &mut Value, more: Value) {
    if let (Some(result), Value::Object(more)) = (result.as_object_mut(), more) {
        for (key, value) in more {
            result.entry(key).or_insert(value);
        }
    }
}

#[derive(Deserialize)]
struct Peek {
    data: PeekData,
}

#[derive(Deserialize)]
struct PeekData {
    #[serde(rename = "resultType")]
    result_type: String,
}

#[derive(Deserialize)]
struct Streams {
    data: StreamsData,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct StreamsData {
    #[serde(default)]
    result: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    stream: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Entry>,
}

/// Nanoseconds and a line; newer servers put structured metadata behind them.
#[derive(Deserialize)]
struct Entry(String, String, #[serde(default)] serde::de::IgnoredAny);

/// The lines that a query found.
#[derive(Default)]
struct Lines {
    lines: Vec<Value>,
    total: usize,
    limited: bool,
    streams: Vec<Value>,
    streams_total: usize,
    warnings: Vec<String>,
    notes: Vec<String>,
    first: String,
}

impl Lines {
    fn of(found: Streams, run: &LokiRun<String>) -> Self {
        let mut streams = found.data.result;
        streams.sort_by(|a, b| b.values.len().cmp(&a.values.len()).then_with(|| a.stream.cmp(&b.stream)));
        let mut notes = Vec::new();
        if streams.len() > STREAMS {
            notes.push(format!("the {STREAMS} streams with most lines of {} are named", streams.len()));
        }
        let named = streams.iter().take(STREAMS);
        let named = named.map(|one| json!({"labels": one.stream, "count": one.values.len()})).collect();
        let streams_total = streams.len();
        let mut lines: Vec<(i128, &BTreeMap<String, String>, &str)> = Vec::new();
        for stream in &streams {
            // A time that is none sorts as the oldest, and is shown as empty.
            lines.extend(
                stream
                    .values
                    .iter()
                    .map(|Entry(at, line, _)| (at.parse::<i128>().unwrap_or(i128::MIN), &stream.stream, line.as_str())),
            );
        }
        lines.sort_by(|a, b| match run.direction {
            LokiDirection::Backward => b.0.cmp(&a.0),
            LokiDirection::Forward => a.0.cmp(&b.0),
        });
        let total = lines.len();
        let most = usize::try_from(run.limit.clamp(1, LINES)).unwrap_or(usize::MAX);
        lines.truncate(most);
        if lines.iter().any(|(_, _, line)| line.chars().nth(LINE_CAP).is_some()) {
            notes.push(format!("lines are cut at {LINE_CAP} characters"));
        }
        let first = lines.first().map(|(_, _, line)| one_line(line, QUERY_CAP)).unwrap_or_default();
        let lines = lines.into_iter().map(|(at, labels, line)| {
            let at = Timestamp::from_nanosecond(at).map(|at| at.to_string()).unwrap_or_default();
            json!({"at": at, "line": cut(line), "labels": labels})
        });
        Self {
            lines: lines.collect(),
            total,
            limited: total >= most,
            streams: named,
            streams_total,
            warnings: found.warnings.iter().take(20).map(|words| one_line(words, WORDS)).collect(),
            notes,
            first,
        }
    }

    fn in_words(&self) -> String {
        if self.total == 0 {
            return "no lines".to_owned();
        }
        let more = if self.limited { " or more" } else { "" };
        format!(
            "{}{more} in {}, first: {}",
            counted(self.total, "line", "lines"),
            counted(self.streams_total, "stream", "streams"),
            self.first
        )
    }

    fn into_result(self) -> Value {
        json!({
            "lines": self.lines,
            "lines_total": self.total,
            "limited": self.limited,
            "streams": self.streams,
            "streams_total": self.streams_total,
            "series": [],
            "series_total": 0,
            "value": null,
            "special": "",
            "warnings": self.warnings,
            "notes": self.notes,
        })
    }
}

fn cut(line: &str) -> String {
    let mut text: String = line.chars().take(LINE_CAP).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}
