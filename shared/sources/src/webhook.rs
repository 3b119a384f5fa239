//! Any sender of JSON: the source's `map` says what its fields mean.
//!
//! A body that is a list is as many events as it has elements (some checkers send "down" and "up" in one request);
//! `body` is then the element.

use std::{collections::BTreeMap, iter};

use catalog::{
    expr::{ExprError, Expression, Scope},
    model::{AlertMap, Scheme, Source},
};
use domain::{Alert, AlertSeverity, EventKind, EventRole, Service, Slo};
use http::header;
use jiff::Timestamp;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    Events, body, json,
    normalized::{Normalized, body_key, fragment, named_key},
    said::{MAX_EVENTS, MAX_LABELS, left_off},
    text::{BLOCK_CAP, LINE_CAP, NAME_CAP, block, id, line, link},
    verify::VerifiedPayload,
};

pub(crate) fn events<'p>(source: &'p Source, payload: &VerifiedPayload<'p>, received_at: Timestamp) -> Events<'p> {
    let raw = payload.raw();
    let reader = Reader { source, signed_id: payload.signed_id(), headers: readable(source, payload), received_at };
    if !body::is_form(payload) {
        // Elements stay text here, so that each keeps its own part of the body.
        match serde_json::from_slice::<Vec<&'p RawValue>>(raw) {
            Ok(list) if list.is_empty() => {
                return Box::new(iter::once(reader.unknown(raw, None, "the body is an empty list")));
            }
            Ok(list) => {
                let more = list.len().saturating_sub(MAX_EVENTS);
                let rest = (more > 0).then(|| reader.unknown(raw, Some(MAX_EVENTS), &left_off(more)));
                let taken = list.into_iter().take(MAX_EVENTS).enumerate().map(move |(index, element)| {
                    let part = element.get();
                    let body = serde_json::from_str(part).map_err(|error| format!("the body is not JSON: {error}"));
                    reader.event(body, part.as_bytes(), Some(index))
                });
                return Box::new(taken.chain(rest));
            }
            Err(_) => {}
        }
    }
    Box::new(iter::once(reader.event(body::read(payload), raw, None)))
}

/// The headers that expressions may see: all but those that carry what must stay secret (I9).
fn readable(source: &Source, payload: &VerifiedPayload<'_>) -> Value {
    let headers = payload.headers();
    let token = source.verify.header.as_deref().filter(|_| source.verify.scheme == Some(Scheme::Bearer));
    let secret = |name: &str| {
        let carriers = [header::AUTHORIZATION.as_str(), header::PROXY_AUTHORIZATION.as_str(), header::COOKIE.as_str()];
        carriers.contains(&name) || token.is_some_and(|token| token.eq_ignore_ascii_case(name))
    };
    let mut readable = Map::new();
    for name in headers.keys().filter(|name| !secret(name.as_str())) {
        let values: Vec<_> = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).collect();
        readable.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    Value::Object(readable)
}

/// Reads the events of one request.
struct Reader<'a> {
    source: &'a Source,
    signed_id: Option<&'a str>,
    headers: Value,
    received_at: Timestamp,
}

impl Reader<'_> {
    fn event(&self, body: Result<Value, String>, raw: &[u8], index: Option<usize>) -> Normalized {
        let body = match body {
            Ok(body) => body,
            Err(reason) => return self.unknown(raw, index, &reason),
        };
        let Some(map) = &self.source.map else {
            return self.unknown(raw, index, "the source has no `map`, so its bodies cannot be read");
        };
        // The key sees the body alone: a header that nobody signed would let a captured delivery come again as a new one.
        let signed = Scope::new().with("body", &body);
        let scope = signed.clone().with("headers", &self.headers);
        let read =
            self.delivery_key(raw, index, &signed).and_then(|delivery_key| self.read(map, &scope, delivery_key, raw));
        read.unwrap_or_else(|reason| self.unknown(raw, index, &reason))
    }

    fn unknown(&self, raw: &[u8], index: Option<usize>, reason: &str) -> Normalized {
        let key = self.signed_key(index).unwrap_or_else(|| body_key(raw, self.received_at));
        Normalized::unknown("", key, reason, self.received_at, fragment(raw))
    }

    /// What the scheme signed, which is the same on every attempt.
    fn signed_key(&self, index: Option<usize>) -> Option<String> {
        let id = self.signed_id?;
        Some(named_key(&index.map_or_else(|| id.to_owned(), |index| format!("{id}/{index}"))))
    }

    fn delivery_key(&self, raw: &[u8], index: Option<usize>, scope: &Scope) -> Result<String, String> {
        if let Some(key) = self.signed_key(index) {
            return Ok(key);
        }
        match &self.source.key {
            Some(key) => {
                let name = of("key", key.text(scope))?;
                if name.is_empty() { Err("`key` gives an empty text".to_owned()) } else { Ok(named_key(&name)) }
            }
            None => Ok(body_key(raw, self.received_at)),
        }
    }

    fn read(&self, map: &AlertMap, scope: &Scope, delivery_key: String, raw: &[u8]) -> Result<Normalized, String> {
        let word = optional("event", map.event.as_ref(), scope)?.unwrap_or_else(|| "triggered".to_owned());
        let kind: EventKind = serde_json::from_value(Value::String(word.clone())).map_err(|_| {
            format!("`map.event` gives `{word}`, which is no kind of event: say triggered, acknowledged, resolved, ...")
        })?;
        let base = |external_id, occurred_at, summary, alert| Normalized {
            kind,
            provider_kind: line(&word, NAME_CAP),
            delivery_key,
            external_id,
            occurred_at,
            summary,
            alert,
            raw: fragment(raw),
        };
        let title = || of("map.title", map.title.text(scope)).map(|title| line(&title, LINE_CAP));
        match kind.role() {
            // It is about no incident, so little of the map will fit.
            EventRole::Control => {
                let summary = title().unwrap_or_else(|_| format!("`map.event` gives `{word}`"));
                Ok(base(None, self.received_at, summary, None))
            }
            // What ends an incident often says little else; its id is enough.
            EventRole::Attaches => {
                let external_id = self.external_id(map, scope)?;
                let summary = title().map_or_else(|_| word.clone(), |title| format!("{word}: {title}"));
                let alert = self.alert(map, scope, &external_id).ok();
                Ok(base(Some(external_id), self.received_at, line(&summary, LINE_CAP), alert))
            }
            EventRole::Opens => {
                let external_id = self.external_id(map, scope)?;
                let alert = self.alert(map, scope, &external_id)?;
                Ok(base(Some(external_id), alert.started_at, alert.title.clone(), Some(alert)))
            }
        }
    }

    fn external_id(&self, map: &AlertMap, scope: &Scope) -> Result<String, String> {
        let text = of("map.external_id", map.external_id.text(scope))?;
        id(&text).map_err(|why| format!("`map.external_id` {why}"))
    }

    fn alert(&self, map: &AlertMap, scope: &Scope, external_id: &str) -> Result<Alert, String> {
        let text = |field: &str, expression: &Option<Expression>| optional(field, expression.as_ref(), scope);
        let title = line(&of("map.title", map.title.text(scope))?, LINE_CAP);
        let service = line(&text("service", &map.service)?.unwrap_or_default(), NAME_CAP);
        let severity = match text("severity", &map.severity)? {
            None => AlertSeverity::High,
            Some(word) => serde_json::from_value(Value::String(word.to_ascii_lowercase())).map_err(|_| {
                format!("`map.severity` gives `{word}`, which is none of critical, high, medium, low and info")
            })?,
        };
        let started_at = self.started_at(map, scope)?;
        Ok(Alert {
            external_id: external_id.to_owned(),
            title: if title.is_empty() { format!("alert {external_id}") } else { title },
            description: block(&text("description", &map.description)?.unwrap_or_default(), BLOCK_CAP),
            severity,
            urgency: String::new(),
            priority: String::new(),
            // Such a sender has one word for it, which a workflow may match as either.
            service: Service { id: service.clone(), name: service },
            team: String::new(),
            labels: labels(map, scope)?,
            links: text("link", &map.link)?.and_then(|url| link("Alert", &url)).into_iter().collect(),
            slo: Slo::default(),
            started_at,
        })
    }

    /// A time that is there and says nothing (0, the year 1) is as good as none.
    fn started_at(&self, map: &AlertMap, scope: &Scope) -> Result<Timestamp, String> {
        let Some(expression) = &map.started_at else { return Ok(self.received_at) };
        let value = of("map.started_at", expression.value(scope))?;
        let is_unset = match &value {
            Value::Null | Value::Number(_) => true,
            Value::String(text) => text.trim().parse::<Timestamp>().is_ok(),
            _ => false,
        };
        match json::time(&value, "") {
            Some(time) => Ok(time),
            None if is_unset => Ok(self.received_at),
            None => Err(format!(
                "`map.started_at` gives `{}`, which is neither RFC 3339 nor a number of seconds or milliseconds since 1970",
                value.as_str().unwrap_or("no time")
            )),
        }
    }
}

/// A list or map as a value is shown as JSON, and null as no label.
fn labels(map: &AlertMap, scope: &Scope) -> Result<BTreeMap<String, String>, String> {
    let Some(expression) = &map.labels else { return Ok(BTreeMap::new()) };
    match of("map.labels", expression.value(scope))? {
        Value::Null => Ok(BTreeMap::new()),
        Value::Object(labels) => {
            let label = |(key, value): (String, Value)| {
                let text = match value {
                    Value::Null => return None,
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Some((line(&key, NAME_CAP), line(&text, LINE_CAP)))
            };
            let sorted: BTreeMap<String, Value> = labels.into_iter().collect();
            Ok(sorted.into_iter().filter_map(label).take(MAX_LABELS).collect())
        }
        _ => Err("`map.labels` gives no map".to_owned()),
    }
}

/// The text of an expression that may be absent or null.
fn optional(field: &str, expression: Option<&Expression>, scope: &Scope) -> Result<Option<String>, String> {
    let Some(expression) = expression else { return Ok(None) };
    match of(&format!("map.{field}"), expression.value(scope))? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(format!("`map.{field}` gives no text: write `string(...)` around it")),
    }
}

/// The value, or the failure with the name of the field that it is for.
fn of<T>(field: &str, result: Result<T, ExprError>) -> Result<T, String> {
    result.map_err(|error| format!("`{field}`: {error}"))
}
