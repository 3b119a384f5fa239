//! `promql`: one query of the Prometheus HTTP API, which Thanos, Mimir, VictoriaMetrics and others answer too.
//!
//! The API (prometheus.io/docs/prometheus/latest/querying/api): a form is posted to `/api/v1/query` or
//! `/api/v1/query_range`, since a query can be longer than a URL. It reads in spite of the method.

pub(crate) mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use catalog::model::PromqlRun;
use engine::{Answer, Called};
use jiff::Timestamp;
use net::{request_reason, where_to};
use ports::Clock;
use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::{
    api::moved,
    common::{elapsed_ms, late, limit, one_line},
    http::Http,
    keys::{self, Keys, Proof},
    mask,
};

/// How much of an answer is read, in bytes.
const ANSWER_CAP: usize = 8 * 1024 * 1024;
/// How much of the query stands in a summary, in characters.
const QUERY_CAP: usize = 80;

pub(crate) async fn call(http: &Http, keys: &Keys, clock: &dyn Clock, run: &PromqlRun<String>) -> Called {
    let limit = limit(run.timeout);
    let form = form(run, clock.now(), limit);
    let mut request = json!({"method": "POST", "url": mask::url_text(&run.url)});
    if let Some(shown) = request.as_object_mut() {
        shown.extend(form.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))));
        if run.auth.is_some() {
            shown.insert("auth".to_owned(), keys::shown(run.auth.as_ref()));
        }
    }
    let answer = match timeout(limit, ask(http, keys, run, &form)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(&run.url, limit)),
    };
    Called { request, answer }
}

/// What is posted. Times are whole seconds, so that two runs of a second ask for the same points.
fn form(run: &PromqlRun<String>, now: Timestamp, limit: Duration) -> Vec<(&'static str, String)> {
    let now = now.as_second();
    let mut form = vec![("query", run.query.clone())];
    match &run.range {
        None => form.push(("time", now.to_string())),
        Some(range) => {
            let back = i64::try_from(range.last.0.as_secs()).unwrap_or(i64::MAX);
            form.push(("start", now.saturating_sub(back).to_string()));
            form.push(("end", now.to_string()));
            form.push(("step", range.step.0.as_secs_f64().to_string()));
        }
    }
    // So that the server, too, stops working on it.
    form.push(("timeout", limit.as_secs_f64().to_string()));
    form
}

async fn ask(http: &Http, keys: &Keys, run: &PromqlRun<String>, form: &[(&str, String)]) -> Result<Answer, String> {
    let mut url = http.url(&run.url)?;
    if run.query.trim().is_empty() {
        return Err("the query is empty".to_owned());
    }
    if run.range.as_ref().is_some_and(|range| range.step.0.is_zero()) {
        return Err("the range's step is 0: write how far apart its points are".to_owned());
    }
    let end = if run.range.is_some() { "query_range" } else { "query" };
    let path = format!("{}/api/v1/{end}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    let mut proof = keys.proof(run.auth.as_ref(), &http.policy, &url).await?;
    let started = Instant::now();
    let mut response = post(http, &url, form, proof.as_ref()).await?;
    if let (401, Some(refused)) = (response.status().as_u16(), proof.as_ref()) {
        proof = keys.newer(refused).await;
        if proof.is_some() {
            response = post(http, &url, form, proof.as_ref()).await?;
        }
    }
    let status = response.status().as_u16();
    let moved = response.status().is_redirection().then(|| moved(&url, &response));
    let body = net::read_capped(response, ANSWER_CAP).await.map_err(|error| request_reason(&error, &url))?;
    let elapsed_ms = elapsed_ms(started);
    if let Some(moved) = moved {
        return Err(moved);
    }
    if body.more {
        return Err(format!(
            "the answer is greater than {} MiB: narrow the query, or widen the step",
            ANSWER_CAP / (1024 * 1024)
        ));
    }
    let found = read::read(status, &body.bytes, run.range.is_some()).map_err(|error| {
        let denied = matches!(error, read::NoResult::Denied(_));
        error.at(&where_to(&url)) + &if denied { keys::wanted(run.auth.as_ref()) } else { String::new() }
    })?;
    let summary = summary(&run.query, &found);
    let mut result = found.into_result();
    if let Some(result) = result.as_object_mut() {
        result.insert("elapsed_ms".to_owned(), Value::from(elapsed_ms));
    }
    Ok(Answer { summary, result })
}

async fn post(http: &Http, url: &Url, form: &[(&str, String)], proof: Option<&Proof>) -> Result<Response, String> {
    let mut headers = HeaderMap::new();
    if let Some(proof) = proof {
        proof.put(&mut headers);
    }
    let request = http.client.post(url.clone()).headers(headers).form(form);
    request.send().await.map_err(|error| request_reason(&error, url))
}

/// `orders_queue_depth = 1284 (1 series)`.
fn summary(query: &str, found: &read::Found) -> String {
    let query = one_line(&query.split_whitespace().collect::<Vec<_>>().join(" "), QUERY_CAP);
    format!("{query} {}", found.in_words())
}
