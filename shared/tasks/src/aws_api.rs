//! `aws-api`: one read-only operation of AWS, by its name and parameters.

#[cfg(test)]
mod tests;

use std::time::Duration;

use awscall::{AwsAnswer, AwsRequest, JsonVersion};
use catalog::{
    aws::{Operation, Protocol, labels, operation},
    model::{AwsApiRun, Nested, Parameters},
};
use engine::{Answer, Called};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    aws::{Cloud, There, named},
    common::{counted, elapsed_ms, limit},
};

pub(crate) async fn call(cloud: &Cloud, run: &AwsApiRun<String>) -> Called {
    let parameters = Value::Object(object(&run.parameters));
    let mut request = json!({"service": run.service, "operation": run.operation, "parameters": parameters});
    let there = cloud.at(catalog::model::AwsPlace { account: run.account.as_ref(), region: run.region.as_deref() });
    let answer = match there {
        Ok(there) => {
            shown(&mut request, "region", there.region());
            ask(&there, run).await
        }
        Err(reason) => Err(reason),
    };
    if let Some(account) = &run.account {
        shown(&mut request, "account", account.as_str());
    }
    Called { request, answer }
}

fn shown(request: &mut Value, name: &str, value: &str) {
    if let Some(request) = request.as_object_mut() {
        request.insert(name.to_owned(), value.into());
    }
}

async fn ask(there: &There<'_>, run: &AwsApiRun<String>) -> Result<Answer, String> {
    // `check` has said so already; a catalog that was compiled by hand is refused here too (I7).
    let found = operation(&run.service, &run.operation)
        .map_err(|_| format!("`{}` `{}` is not a read-only operation", run.service, run.operation))?;
    let started = Instant::now();
    let limit = limit(run.timeout);
    let most = run.pages.unwrap_or(1).clamp(1, 10);
    let mut parameters = object(&run.parameters);
    let (mut body, mut status, mut pages, mut token) = (Value::Null, 0, 0, None);
    while pages < most {
        let answer = page(there, &found, &parameters, limit.saturating_sub(started.elapsed())).await?;
        pages += 1;
        status = answer.status;
        let next = found.pages.and_then(|(_, output)| answer.body.get(output)).filter(|token| is_token(token)).cloned();
        join(&mut body, answer.body, found.pages.map(|(_, output)| output));
        token = next;
        match (found.pages, &token) {
            (Some((input, _)), Some(token)) => parameters.insert(input.to_owned(), token.clone()),
            _ => break,
        };
    }
    let truncated = token.is_some();
    let (counted, elapsed) =
        (counted(usize::try_from(pages).unwrap_or(usize::MAX), "page", "pages"), elapsed_ms(started));
    let more = if truncated { ", and there is more" } else { "" };
    let summary = format!("{} {} answered {status}, {counted}{more}, in {elapsed} ms", run.service, run.operation);
    let result = json!({
        "body": body, "status": status, "pages": pages, "truncated": truncated, "elapsed_ms": elapsed,
    });
    Ok(Answer { summary, result })
}

fn is_token(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_str() != Some("")
}

/// The next page's lists go behind those of the pages before; whatever else it has replaces theirs.
fn join(body: &mut Value, page: Value, token: Option<&str>) {
    let (Value::Object(all), Value::Object(page)) = (&mut *body, &page) else {
        *body = page;
        return;
    };
    for (name, value) in page {
        match (all.get_mut(name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
            _ => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
    if let Some(token) = token.filter(|token| !page.contains_key(*token)) {
        all.remove(token);
    }
}

async fn page(
    there: &There<'_>,
    operation: &Operation,
    parameters: &Map<String, Value>,
    within: Duration,
) -> Result<AwsAnswer, String> {
    let (service, signing) = (operation.service.endpoint, operation.service.signing);
    match operation.service.protocol {
        Protocol::Json10 | Protocol::Json11 => {
            let target = format!("{}.{}", operation.service.version, operation.name);
            let version = match operation.service.protocol {
                Protocol::Json10 => JsonVersion::V1_0,
                _ => JsonVersion::V1_1,
            };
            let body = Value::Object(parameters.clone());
            there.call(&AwsRequest::Json { service, signing, target: &target, version, body: &body }, within).await
        }
        Protocol::Query => {
            let mut params = Vec::new();
            for (name, value) in parameters {
                flatten(operation, "", name, value, &mut params);
            }
            let (action, version) = (operation.name, operation.service.version);
            there.call(&AwsRequest::Query { service, signing, action, version, params: &params }, within).await
        }
        Protocol::Rest => {
            let Some((method, path, queried)) = &operation.http else {
                return Err(format!("`{}` has no path", operation.name));
            };
            let mut rest = parameters.clone();
            let path = filled(path, &mut rest)?;
            let mut query = Vec::new();
            for name in queried {
                match rest.remove(*name) {
                    Some(Value::Array(items)) => query.extend(items.iter().map(|item| (*name, text(item)))),
                    Some(value) => query.push((*name, text(&value))),
                    None => {}
                }
            }
            let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let body = Value::Object(rest);
            let body = (*method != "GET").then_some(&body);
            let request = AwsRequest::Rest { service, signing, method, path: &path, query: &query, body };
            let action = format!("{signing}:{}", operation.name);
            there.ask(&request, within).await.map_err(|error| there.reason(&named(error, &action)))
        }
    }
}

/// The path with its labels filled, each value one piece of it; with `+` at its end, as many as it has slashes.
fn filled(path: &str, parameters: &mut Map<String, Value>) -> Result<String, String> {
    let mut text_of = path.split('?').next().unwrap_or_default().to_owned();
    for label in labels(path) {
        let value = parameters.remove(label).map(|value| text(&value)).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("the parameter `{label}` is empty"))?;
        let whole = catalog::encoded(&value);
        text_of = text_of.replace(&format!("{{{label}}}"), &whole);
        let pieces: Vec<_> = value.split('/').map(catalog::encoded).collect();
        text_of = text_of.replace(&format!("{{{label}+}}"), &pieces.join("/"));
    }
    Ok(text_of)
}

/// A parameter in a Query request: `Filters.member.1.Name=x`, by the names that the service has for it.
fn flatten(operation: &Operation, before: &str, name: &str, value: &Value, to: &mut Vec<(String, String)>) {
    let known = operation.service.names.get(name).copied();
    let dotted = |called: &str| if before.is_empty() { called.to_owned() } else { format!("{before}.{called}") };
    match value {
        Value::Array(items) => {
            // EC2 lists have a name of their own and no member.
            let usual = || if operation.service.name == "ec2" { name.to_owned() } else { format!("{name}.member") };
            let called = dotted(&known.map_or_else(usual, str::to_owned));
            for (place, item) in items.iter().enumerate() {
                let numbered = format!("{called}.{}", place + 1);
                match item {
                    Value::Object(members) => {
                        for (name, value) in members {
                            flatten(operation, &numbered, name, value, to);
                        }
                    }
                    other => to.push((numbered, text(other))),
                }
            }
        }
        Value::Object(members) => {
            let called = dotted(known.unwrap_or(name));
            for (name, value) in members {
                flatten(operation, &called, name, value, to);
            }
        }
        other => to.push((dotted(known.unwrap_or(name)), text(other))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn object(parameters: &Parameters<String>) -> Map<String, Value> {
    parameters.iter().map(|(name, value)| (name.clone(), json_of(value))).collect()
}

fn json_of(value: &Nested<String>) -> Value {
    match value {
        Nested::Bool(flag) => Value::Bool(*flag),
        Nested::Number(number) => Value::Number(number.clone()),
        Nested::Text(text) => Value::String(text.clone()),
        Nested::List(list) => list.iter().map(json_of).collect(),
        Nested::Map(map) => Value::Object(object(map)),
    }
}
