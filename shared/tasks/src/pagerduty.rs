//! `pagerduty`: what PagerDuty knows of an incident, by its REST API v2 (developer.pagerduty.com/api-reference): the bodies of
//! its alerts, which the webhook lacks, the incidents of the same service before it, and the changes that are related to it.

#[cfg(test)]
mod tests;

use catalog::model::PagerdutyRun;
use engine::{Answer, Called};
use futures_util::join;
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    api::{ANSWER_CAP, Api, Reply},
    common::{counted, elapsed_ms, late, limit, one_line, whole_numbers},
    http::Http,
    keys::Keys,
    mask,
};

/// Where the API is, outside of the EU.
pub(crate) const API: &str = "https://api.pagerduty.com";
/// How many things a page has, and how many pages are read.
const PAGE: usize = 100;
const PAGES: usize = 3;
/// How many of each list are kept.
const ALERTS: usize = 20;
const KEPT: usize = 50;
/// How much of a text, and of one alert's details as JSON, is kept.
const TEXT: usize = 500;
const DETAILS: usize = 16 * 1024;

/// Whose answers these are.
const WHOSE: &str = "the PagerDuty API";

pub(crate) async fn call(http: &Http, keys: &Keys, clock: &dyn Clock, run: &PagerdutyRun<String>) -> Called {
    let limit = limit(run.timeout);
    let url = run.url.as_deref().unwrap_or(API);
    let request = json!({
        "method": "GET",
        "url": mask::url_text(url),
        "incident": run.incident,
        "last": run.last,
        "auth": format!("token, by the key {}", run.secret),
    });
    let answer = match timeout(limit, ask(http, keys, clock.now(), url, run)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(url, limit)),
    };
    Called { request, answer }
}

async fn ask(
    http: &Http,
    keys: &Keys,
    now: Timestamp,
    url: &str,
    run: &PagerdutyRun<String>,
) -> Result<Answer, String> {
    let id = run.incident.trim();
    if id.is_empty() || id.len() > 40 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("`{}` is not the id of an incident", one_line(id, 100)));
    }
    let base = http.url(url)?;
    let proof = keys.authorization(&run.secret, "Token token=", &http.policy, &base).await?;
    let api = Api::new(&http.client, &http.policy, keys, base)
        .with("accept", "application/vnd.pagerduty+json;version=2")?
        .proven(Some(proof));
    let started = Instant::now();
    let page = PAGE.to_string();
    // All at once but for what needs the service, which the incident says.
    let own = ["incidents", id];
    let (of_alerts, of_changes) = (["incidents", id, "alerts"], ["incidents", id, "related_change_events"]);
    let one_page = [("limit", page.as_str())];
    let (incident, alerts, changes) = join!(
        read(&api, &own, &[], "incident"),
        pages(&api, &of_alerts, &[], "alerts"),
        read(&api, &of_changes, &one_page, "change_events"),
    );
    let incident = incident?;
    let service = text(&incident, "/service/id").to_owned();
    let back = i64::try_from(run.last.0.as_secs()).unwrap_or(i64::MAX);
    let since = Timestamp::from_second(now.as_second().saturating_sub(back)).unwrap_or(Timestamp::MIN).to_string();
    let until = now.to_string();
    let query = [
        ("service_ids[]", service.as_str()),
        ("since", since.as_str()),
        ("until", until.as_str()),
        ("sort_by", "created_at:desc"),
    ];
    let recent = if service.is_empty() {
        Err("the incident has no service".to_owned())
    } else {
        pages(&api, &["incidents"], &query, "incidents").await
    };
    let mut notes = Vec::new();
    let mut unread = Vec::new();
    let (alerts, more_alerts) = part(alerts, "alerts", &mut unread);
    let (mut recent, more_recent) = part(recent, "earlier incidents", &mut unread);
    let changes = changes.map(|changes| (changes.as_array().cloned().unwrap_or_default(), false));
    let (changes, _) = part(changes, "related changes", &mut unread);
    recent.retain(|other| text(other, "/id") != id);
    let title = text(&incident, "/title").to_owned();
    let same = |other: &Value| text(other, "/title") == title;
    let repeats = recent.iter().filter(|other| same(other)).count();
    for (what, list, kept, more) in [
        ("alerts", &alerts, ALERTS, more_alerts),
        ("earlier incidents", &recent, KEPT, more_recent),
        ("changes", &changes, KEPT, false),
    ] {
        if more {
            notes.push(format!("there are more {what} than the {} that were read", list.len()));
        } else if list.len() > kept {
            notes.push(format!("the first {kept} of {} {what} are kept", list.len()));
        }
    }
    let summary = format!(
        "{}: {}; {} before it, {repeats} with the same title; {}",
        one_line(&title, 120),
        counted(alerts.len(), "alert", "alerts"),
        counted(recent.len(), "incident", "incidents"),
        counted(changes.len(), "related change", "related changes"),
    );
    let mut shown = short(&incident);
    put(&mut shown, "priority", one_line(text(&incident, "/priority/summary"), 60).into());
    put(&mut shown, "service", one_line(text(&incident, "/service/summary"), TEXT).into());
    put(&mut shown, "service_id", service.into());
    let result = json!({
        "incident": shown,
        "alerts": alerts.iter().take(ALERTS).map(alert).collect::<Vec<_>>(),
        "alerts_total": alerts.len(),
        "recent": recent.iter().take(KEPT).map(|other| {
            let mut shown = short(other);
            put(&mut shown, "same_title", same(other).into());
            shown
        }).collect::<Vec<_>>(),
        "recent_total": recent.len(),
        "repeats": repeats,
        "changes": changes.iter().take(KEPT).map(change).collect::<Vec<_>>(),
        "changes_total": changes.len(),
        "notes": notes,
        "unread": unread,
        "elapsed_ms": elapsed_ms(started),
    });
    Ok(Answer { summary, result })
}

/// A list; or an empty one, and why in `unread`.
fn part(list: Result<(Vec<Value>, bool), String>, what: &str, unread: &mut Vec<String>) -> (Vec<Value>, bool) {
    list.unwrap_or_else(|reason| {
        unread.push(format!("the {what} could not be read: {reason}"));
        (vec![], false)
    })
}

/// What stands under `key` of an answer.
async fn read(api: &Api<'_>, path: &[&str], query: &[(&str, &str)], key: &str) -> Result<Value, String> {
    let reply = api.get(path, query, ANSWER_CAP).await?;
    let mut body: Value = good(&reply)?.json(WHOSE)?;
    match body.get_mut(key).map(Value::take) {
        Some(found) => Ok(found),
        None => Err(format!("{} answered {}, and not as {WHOSE} does", reply.place, reply.status)),
    }
}

/// The list under `key`, page by page, and whether there is more.
async fn pages(api: &Api<'_>, path: &[&str], query: &[(&str, &str)], key: &str) -> Result<(Vec<Value>, bool), String> {
    let page = PAGE.to_string();
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let offset = found.len().to_string();
        let mut query = query.to_vec();
        query.extend([("limit", page.as_str()), ("offset", offset.as_str())]);
        let reply = api.get(path, &query, ANSWER_CAP).await?;
        let mut body: Value = good(&reply)?.json(WHOSE)?;
        let Some(Value::Array(more)) = body.get_mut(key).map(Value::take) else {
            return Err(format!("{} answered {}, and not as {WHOSE} does", reply.place, reply.status));
        };
        let ended = more.is_empty() || body.get("more") != Some(&Value::Bool(true));
        found.extend(more);
        if ended {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

fn good(reply: &Reply) -> Result<&Reply, String> {
    if reply.is_good() {
        return Ok(reply);
    }
    let said: Option<Value> = serde_json::from_slice(&reply.bytes).ok();
    let words = said.as_ref().map(|said| text(said, "/error/message")).filter(|words| !words.is_empty());
    let words = one_line(words.unwrap_or(&reply.text()), 300);
    let place = &reply.place;
    Err(match reply.status {
        401 => format!("{place} answered 401: the secret is not an API key that it takes ({words})"),
        402 => format!("{place} answered 402: the account's plan does not have it ({words})"),
        403 => format!("{place} answered 403: the API key may not read this; give it a key that may ({words})"),
        404 => format!("{place} answered 404: there is no such incident in this account ({words})"),
        429 => match one_line(reply.header("ratelimit-reset"), 20) {
            reset if reset.is_empty() => format!("{place} answered 429: the rate limit is used up"),
            reset => format!("{place} answered 429: the rate limit is used up for {reset} s"),
        },
        status => format!("{place} answered {status}: {words}"),
    })
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn put(map: &mut Value, key: &str, value: Value) {
    if let Some(map) = map.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn short(incident: &Value) -> Value {
    json!({
        "id": text(incident, "/id"),
        "number": incident.get("incident_number").and_then(Value::as_i64).unwrap_or_default(),
        "title": one_line(text(incident, "/title"), TEXT),
        "status": text(incident, "/status"),
        "urgency": text(incident, "/urgency"),
        "created_at": text(incident, "/created_at"),
        "url": text(incident, "/html_url"),
    })
}

fn alert(alert: &Value) -> Value {
    let cef = ["/body/cef_details/source_origin", "/body/cef_details/source_component", "/integration/summary"];
    let source = cef.iter().map(|pointer| text(alert, pointer)).find(|text| !text.is_empty()).unwrap_or_default();
    let details = ["/body/details", "/body/cef_details/details"];
    let details = details.iter().find_map(|pointer| alert.pointer(pointer)).cloned().unwrap_or_default();
    let whole = whole_numbers(details);
    let written = whole.to_string();
    json!({
        "id": text(alert, "/id"),
        "summary": one_line(text(alert, "/summary"), TEXT),
        "severity": text(alert, "/severity"),
        "status": text(alert, "/status"),
        "created_at": text(alert, "/created_at"),
        "key": one_line(text(alert, "/alert_key"), TEXT),
        "source": one_line(source, TEXT),
        "details": if written.len() > DETAILS { Value::from(one_line(&written, DETAILS)) } else { whole },
    })
}

fn change(change: &Value) -> Value {
    json!({
        "summary": one_line(text(change, "/summary"), TEXT),
        "source": one_line(text(change, "/source"), TEXT),
        "at": text(change, "/timestamp"),
        "url": change.pointer("/links/0/href").and_then(Value::as_str).unwrap_or_default(),
        "reason": one_line(text(change, "/correlation_reason/reason"), TEXT),
    })
}
