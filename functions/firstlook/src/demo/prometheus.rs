//! As much of the Prometheus HTTP API as the demo's queries need: a metric by its name, now or over a range. Sources:
//! prometheus.io/docs/prometheus/latest/querying/api.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

/// A value at a time (epoch seconds).
pub type Sample = (f64, f64);

/// How far back a value still counts as the newest (Prometheus' own default).
const LOOKBACK: f64 = 300.0;

/// The most points of a range (Prometheus' own limit).
const POINTS: f64 = 11_000.0;

/// Answers `/api/v1/query` and `/api/v1/query_range` out of `series`, which gives the samples of a metric, oldest first.
pub fn answer(request: &Request<Bytes>, series: impl Fn(&str) -> Option<Vec<Sample>>) -> Response<Bytes> {
    let given: &[u8] = match *request.method() {
        Method::POST => request.body(),
        _ => request.uri().query().unwrap_or_default().as_bytes(),
    };
    let form: BTreeMap<String, String> = form_urlencoded::parse(given).into_owned().collect();
    let result = match request.uri().path() {
        "/api/v1/query" => instant(&form, series),
        "/api/v1/query_range" => range(&form, series),
        _ => Err("unknown path".to_owned()),
    };
    match result {
        Ok(data) => respond(StatusCode::OK, &json!({"status": "success", "data": data})),
        Err(error) => {
            respond(StatusCode::BAD_REQUEST, &json!({"status": "error", "errorType": "bad_data", "error": error}))
        }
    }
}

/// A response with a JSON body.
pub fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn metric(form: &BTreeMap<String, String>) -> Result<&str, String> {
    let query = form.get("query").map(|query| query.trim()).unwrap_or_default();
    let name = query.strip_suffix("{}").unwrap_or(query);
    let legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    if name.is_empty() || !name.chars().all(legal) {
        return Err(format!("this small server knows metrics by name only, not `{query}`"));
    }
    Ok(name)
}

fn number(form: &BTreeMap<String, String>, name: &str) -> Result<f64, String> {
    let text = form.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("`{name}` is not a number"))
}

fn instant(form: &BTreeMap<String, String>, series: impl Fn(&str) -> Option<Vec<Sample>>) -> Result<Value, String> {
    let name = metric(form)?;
    let at = match form.contains_key("time") {
        // Asked for a whole second, what was sampled within it counts too.
        true => number(form, "time")? + 1.0,
        false => f64::INFINITY,
    };
    let found = series(name).and_then(|samples| newest(&samples, at));
    let result: Vec<Value> =
        found.into_iter().map(|(time, value)| json!({"metric": labels(name), "value": [time, text(value)]})).collect();
    Ok(json!({"resultType": "vector", "result": result}))
}

fn range(form: &BTreeMap<String, String>, series: impl Fn(&str) -> Option<Vec<Sample>>) -> Result<Value, String> {
    let name = metric(form)?;
    let (start, end, step) = (number(form, "start")?, number(form, "end")?, number(form, "step")?);
    if step <= 0.0 || end < start || (end - start) / step > POINTS {
        return Err("the range has no points, or too many".to_owned());
    }
    let samples = series(name).unwrap_or_default();
    let mut values = Vec::new();
    let mut at = start;
    while at <= end {
        if let Some((_, value)) = newest(&samples, at) {
            values.push(json!([at, text(value)]));
        }
        at += step;
    }
    let result = if values.is_empty() { vec![] } else { vec![json!({"metric": labels(name), "values": values})] };
    Ok(json!({"resultType": "matrix", "result": result}))
}

/// The newest sample at `at`, unless it is too old.
fn newest(samples: &[Sample], at: f64) -> Option<Sample> {
    let before = samples.partition_point(|(time, _)| *time <= at);
    let (time, value) = *samples.get(before.checked_sub(1)?)?;
    (at.is_infinite() || at - time <= LOOKBACK).then_some((time, value))
}

fn labels(name: &str) -> Value {
    json!({"__name__": name, "service": "checkout"})
}

/// Prometheus writes values as text.
fn text(value: f64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, form: &str) -> (u16, Value) {
        let request =
            Request::builder().method("POST").uri(path).body(Bytes::copy_from_slice(form.as_bytes())).unwrap();
        let series = |name: &str| (name == "depth").then(|| vec![(10.0, 1.0), (11.5, 2.0), (12.5, 4.0)]);
        let response = answer(&request, series);
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    #[test]
    fn an_instant_gives_the_newest_value_and_an_unknown_metric_none() {
        let (status, body) = ask("/api/v1/query", "query=depth&time=12");
        assert_eq!(status, 200);
        assert_eq!(body["data"]["result"][0]["value"], json!([12.5, "4"]));
        assert_eq!(ask("/api/v1/query", "query=depth&time=500").1["data"]["result"], json!([]));
        assert_eq!(ask("/api/v1/query", "query=other").1["data"]["result"], json!([]));
    }

    #[test]
    fn a_range_gives_the_value_that_stood_at_each_step() {
        let (_, body) = ask("/api/v1/query_range", "query=depth&start=9&end=13&step=1");
        assert_eq!(body["data"]["result"][0]["values"], json!([[10.0, "1"], [11.0, "1"], [12.0, "2"], [13.0, "4"]]));
    }

    #[test]
    fn what_it_does_not_know_it_says() {
        for (path, form) in [
            ("/api/v1/query", "query=rate(depth[5m])"),
            ("/api/v1/query", ""),
            ("/api/v1/query_range", "query=depth&start=1&end=2&step=0"),
            ("/api/v1/query_range", "query=depth&start=1&end=1e12&step=1"),
            ("/api/v1/query_range", "query=depth&start=NaN&end=2&step=1"),
        ] {
            assert_eq!(ask(path, form).0, 400, "{form}");
        }
    }
}
