//! The part of the Prometheus HTTP API that reads (prometheus.io/docs/prometheus/latest/querying/api), over the samples
//! that the service took. A query is the name of a metric: there are no expressions here.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Form, Json, Router,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::shop::{Sample, Shop};

/// How far back from a moment its newest sample may be, as Prometheus has it by default.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// The most points of a range, as Prometheus has it.
const POINTS: i64 = 11_000;

type Parameters = BTreeMap<String, String>;
type Given = Result<Form<Parameters>, FormRejection>;

#[derive(Clone)]
struct Prometheus {
    shop: Arc<Shop>,
    address: SocketAddr,
}

pub(super) fn router<S: Clone + Send + Sync + 'static>(shop: Arc<Shop>, address: SocketAddr) -> Router<S> {
    Router::new()
        .route("/api/v1/query", get(instant).post(instant))
        .route("/api/v1/query_range", get(range).post(range))
        .with_state(Prometheus { shop, address })
}

/// One value at one moment.
async fn instant(State(prometheus): State<Prometheus>, given: Given) -> Response {
    answer(given, |given| {
        let metric = Metric::named(given)?;
        let at = match given.get("time") {
            Some(_) => time(given, "time")?,
            None => prometheus.shop.now().as_millisecond(),
        };
        let value = metric.and_then(|metric| prometheus.value(metric, at).map(|value| (metric, value)));
        let result: Vec<Value> = value
            .map(|(metric, value)| json!({"metric": prometheus.labels(metric), "value": [unix(at), value]}))
            .into_iter()
            .collect();
        Ok(json!({"resultType": "vector", "result": result}))
    })
}

/// A value at each step.
async fn range(State(prometheus): State<Prometheus>, given: Given) -> Response {
    answer(given, |given| {
        let metric = Metric::named(given)?;
        let (start, end) = (time(given, "start")?, time(given, "end")?);
        if end < start {
            return Err(wrong("end", "end timestamp must not be before start time"));
        }
        let step = step(given)?;
        if (end - start) / step > POINTS {
            return Err("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
                        resolution (?step=XX)"
                .to_owned());
        }
        let mut result = Vec::new();
        if let Some(metric) = metric {
            let moments = (0..=(end - start) / step).map(|place| start + place * step);
            let values: Vec<Value> =
                moments.filter_map(|at| prometheus.value(metric, at).map(|value| json!([unix(at), value]))).collect();
            if !values.is_empty() {
                result.push(json!({"metric": prometheus.labels(metric), "values": values}));
            }
        }
        Ok(json!({"resultType": "matrix", "result": result}))
    })
}

fn answer(given: Given, query: impl FnOnce(&Parameters) -> Result<Value, String>) -> Response {
    let data = given.map_err(|rejection| rejection.body_text()).and_then(|Form(given)| query(&given));
    match data {
        Ok(data) => Json(json!({"status": "success", "data": data})).into_response(),
        Err(error) => {
            let body = json!({"status": "error", "errorType": "bad_data", "error": error});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Metric {
    Depth,
    Errors,
    Processed,
}

impl Metric {
    const ALL: [Self; 3] = [Self::Depth, Self::Errors, Self::Processed];

    fn name(self) -> &'static str {
        match self {
            Self::Depth => "checkout_orders_queue_depth",
            Self::Errors => "checkout_worker_errors_total",
            Self::Processed => "checkout_orders_processed_total",
        }
    }

    fn of(self, sample: &Sample) -> u64 {
        match self {
            Self::Depth => sample.depth as u64,
            Self::Errors => sample.errors,
            Self::Processed => sample.processed,
        }
    }

    /// The metric that the query names; none when there is no metric of that name, which is no error of the query.
    fn named(given: &Parameters) -> Result<Option<Self>, String> {
        let query = given.get("query").map_or("", |query| query.trim());
        if query.is_empty() {
            return Err(wrong("query", "unknown position: parse error: no expression found in input"));
        }
        let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
        if !query.starts_with(begins) || !query.chars().all(|c| begins(c) || c.is_ascii_digit()) {
            return Err(wrong("query", "parse error: the demo answers names of metrics and no expressions"));
        }
        Ok(Self::ALL.into_iter().find(|metric| metric.name() == query))
    }
}

impl Prometheus {
    fn labels(&self, metric: Metric) -> Value {
        json!({"__name__": metric.name(), "instance": self.address.to_string(), "job": "checkout"})
    }

    /// The newest sample that there was at this moment, in milliseconds, as text.
    fn value(&self, metric: Metric, at: i64) -> Option<String> {
        let books = self.shop.books();
        let newer = books.samples.partition_point(|sample| sample.at.as_millisecond() <= at);
        let sample = books.samples.get(newer.checked_sub(1)?)?;
        (at - sample.at.as_millisecond() < LOOKBACK_MS).then(|| metric.of(sample).to_string())
    }
}

/// Milliseconds as the seconds that the API writes.
fn unix(millis: i64) -> Value {
    if millis % 1000 == 0 { Value::from(millis / 1000) } else { Value::from(millis as f64 / 1000.0) }
}

fn wrong(parameter: &str, reason: &str) -> String {
    format!("invalid parameter \"{parameter}\": {reason}")
}

/// Seconds, or RFC 3339; in milliseconds.
fn time(given: &Parameters, name: &str) -> Result<i64, String> {
    let text = given.get(name).map_or("", String::as_str);
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e11);
    let millis = seconds.map(|seconds| (seconds * 1000.0).round() as i64);
    millis
        .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond))
        .ok_or_else(|| wrong(name, &format!("cannot parse \"{text}\" to a valid timestamp")))
}

/// Seconds, or one number with its unit; in milliseconds.
fn step(given: &Parameters) -> Result<i64, String> {
    let text = given.get("step").map_or("", String::as_str);
    let units = [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("", 1e3)];
    let millis = units
        .into_iter()
        .find_map(|(unit, millis)| text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * millis))
        .filter(|millis| millis.abs() < 1e14)
        .ok_or_else(|| wrong("step", &format!("cannot parse \"{text}\" to a valid duration")))?;
    match millis.round() as i64 {
        ..=0 => {
            Err(wrong("step", "zero or negative query resolution step widths are not accepted. Try a positive integer"))
        }
        millis => Ok(millis),
    }
}
