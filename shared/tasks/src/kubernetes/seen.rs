//! Workloads, events and nodes.

use std::collections::HashMap;

use futures_util::{FutureExt, future::join_all};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Filter, Read, age, conditions, count, fields, images, items, keep, list, text};
use crate::{
    api::Api,
    common::{counted, one_line},
};

/// The kinds of workloads, and the resource of each.
const WORKLOADS: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];
/// How much of an event's message is kept, in characters.
const MESSAGE: usize = 500;

pub(super) async fn workloads(api: &Api<'_>, filter: &Filter, now: Timestamp) -> Result<Read, String> {
    let by_name = filter.name.as_ref().map(|name| format!("metadata.name={name}")).unwrap_or_default();
    let mut lists = Vec::with_capacity(WORKLOADS.len());
    for (_, resource) in WORKLOADS {
        lists.push(workloads_of(api, filter, resource, &by_name).boxed());
    }
    let lists = join_all(lists).await;
    let (mut notes, mut unread, mut shown, mut read) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut more = false;
    for ((kind, _), list) in WORKLOADS.into_iter().zip(lists) {
        match list {
            Ok((found, beyond)) => {
                read += 1;
                more |= beyond;
                shown.extend(found.iter().map(|workload| shown_workload(kind, workload, now)));
            }
            Err(reason) => unread.push(reason),
        }
    }
    if read == 0 {
        return Err(unread.into_iter().next().unwrap_or_default());
    }
    let is_healthy = |workload: &Value| workload.get("healthy") == Some(&Value::Bool(true));
    shown.sort_by_key(is_healthy);
    let (total, unhealthy) = (shown.len(), shown.iter().filter(|one| !is_healthy(one)).count());
    let mut summary = counted(total, "workload", "workloads");
    if total > 0 {
        summary = format!("{summary}, {unhealthy} unhealthy");
    }
    if let Some(first) = shown.first().filter(|one| !is_healthy(one)) {
        let (ready, desired) = (count(first, "/ready"), count(first, "/desired"));
        summary =
            format!("{summary}: {} {} has {ready} of {desired} ready", text(first, "/kind"), text(first, "/name"));
    }
    keep(&mut shown, "workloads", more, &mut notes);
    let fields = fields([
        ("workloads", json!(shown)),
        ("total", json!(total)),
        ("unhealthy", json!(unhealthy)),
        ("unread", json!(unread)),
    ]);
    Ok(Read { summary, fields, notes })
}

async fn workloads_of(
    api: &Api<'_>,
    filter: &Filter,
    resource: &str,
    by_name: &str,
) -> Result<(Vec<Value>, bool), String> {
    let path = filter.path(&["apis", "apps", "v1"], resource);
    list(api, &path, &[("labelSelector", &filter.labels), ("fieldSelector", by_name)], "apps").await
}

fn shown_workload(kind: &str, workload: &Value, now: Timestamp) -> Value {
    let at = |pointer: &str| count(workload, pointer);
    let (desired, ready, updated, available) = if kind == "DaemonSet" {
        (
            at("/status/desiredNumberScheduled"),
            at("/status/numberReady"),
            at("/status/updatedNumberScheduled"),
            at("/status/numberAvailable"),
        )
    } else {
        // The API fills in 1 where nothing is said.
        let desired = workload.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        (desired, at("/status/readyReplicas"), at("/status/updatedReplicas"), at("/status/availableReplicas"))
    };
    let lags = at("/status/observedGeneration") < at("/metadata/generation");
    let bad = |one: &Value| match text(one, "/type") {
        "Available" | "Progressing" => text(one, "/status") == "False",
        "ReplicaFailure" => text(one, "/status") == "True",
        _ => false,
    };
    let healthy = ready >= desired
        && (updated >= desired || workload.pointer("/spec/updateStrategy/type").is_some_and(|kind| kind == "OnDelete"))
        && !lags
        && !items(workload, "/status/conditions").iter().any(bad);
    json!({
        "kind": kind,
        "name": text(workload, "/metadata/name"),
        "desired": desired,
        "ready": ready,
        "updated": updated,
        "available": available,
        "lags": lags,
        "healthy": healthy,
        "conditions": conditions(workload),
        "images": images(workload, "/spec/template/spec"),
        "age_s": age(workload, now),
    })
}

/// An event as it is told apart: type, reason, kind, name, message.
type Same = (String, String, String, String, String);

pub(super) async fn events(api: &Api<'_>, filter: &Filter) -> Result<Read, String> {
    let path = filter.path(&["api", "v1"], "events");
    let (found, more) = list(api, &path, &[], "").await?;
    let mut notes = Vec::new();
    let mut told: HashMap<Same, (i64, String, String)> = HashMap::new();
    for event in found.iter().filter(|event| filter.takes(text(event, "/involvedObject/name"))) {
        let at = |pointer: &str| text(event, pointer).to_owned();
        let message = one_line(text(event, "/message"), MESSAGE);
        let key = (at("/type"), at("/reason"), at("/involvedObject/kind"), at("/involvedObject/name"), message);
        // Newer events have a series or a time of their own, older ones a count and two times.
        let times = count(event, "/series/count").max(count(event, "/count")).max(1);
        let last = first_of(
            event,
            &["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"],
        );
        let first = first_of(event, &["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]);
        let one = told.entry(key).or_insert_with(|| (0, first.clone(), last.clone()));
        one.0 += times;
        if first < one.1 {
            one.1 = first;
        }
        if last > one.2 {
            one.2 = last;
        }
    }
    let mut told: Vec<_> = told.into_iter().collect();
    // Warnings first, then the newest.
    told.sort_by(|((a_type, ..), a), ((b_type, ..), b)| {
        (a_type == "Normal").cmp(&(b_type == "Normal")).then_with(|| b.2.cmp(&a.2)).then_with(|| a.1.cmp(&b.1))
    });
    let total = told.len();
    let warnings = told.iter().filter(|((kind, ..), _)| kind != "Normal").count();
    let mut summary = format!("{}, {warnings} of them warnings", counted(total, "event", "events"));
    let mut shown: Vec<Value> = told
        .into_iter()
        .map(|((kind, reason, of, name, message), (count, first, last))| {
            json!({"type": kind, "reason": reason, "kind": of, "name": name, "message": message, "count": count,
                "first": first, "last": last})
        })
        .collect();
    if let Some(first) = shown.first().filter(|_| warnings > 0) {
        summary = format!("{summary}: {} of {}", text(first, "/reason"), text(first, "/name"));
    }
    keep(&mut shown, "events", more, &mut notes);
    let fields = fields([("events", json!(shown)), ("total", json!(total)), ("warnings", json!(warnings))]);
    Ok(Read { summary, fields, notes })
}

fn first_of(value: &Value, pointers: &[&str]) -> String {
    pointers.iter().map(|pointer| text(value, pointer)).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

pub(super) async fn nodes(api: &Api<'_>, filter: &Filter, now: Timestamp) -> Result<Read, String> {
    let (mut found, more) = list(api, &["api", "v1", "nodes"], &[("labelSelector", &filter.labels)], "").await?;
    found.retain(|node| filter.name.as_deref().is_none_or(|name| text(node, "/metadata/name") == name));
    let mut notes = Vec::new();
    let mut shown: Vec<Value> = found
        .iter()
        .map(|node| {
            let on = |kind: &str| {
                items(node, "/status/conditions")
                    .iter()
                    .any(|one| text(one, "/type") == kind && text(one, "/status") == "True")
            };
            let pressure = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];
            let pressure: Vec<&str> = pressure.into_iter().filter(|kind| on(kind)).collect();
            json!({
                "name": text(node, "/metadata/name"),
                "ready": on("Ready"),
                "pressure": pressure,
                "conditions": conditions(node),
                "unschedulable": node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)),
                "version": text(node, "/status/nodeInfo/kubeletVersion"),
                "age_s": age(node, now),
            })
        })
        .collect();
    let is_ready = |node: &Value| node.get("ready") == Some(&Value::Bool(true));
    let is_pressed = |node: &Value| !items(node, "/pressure").is_empty();
    shown.sort_by_key(|node| (is_ready(node), !is_pressed(node)));
    let total = shown.len();
    let not_ready = shown.iter().filter(|node| !is_ready(node)).count();
    let under_pressure = shown.iter().filter(|node| is_pressed(node)).count();
    let summary =
        format!("{}, {not_ready} not ready, {under_pressure} under pressure", counted(total, "node", "nodes"));
    keep(&mut shown, "nodes", more, &mut notes);
    let fields = fields([
        ("nodes", json!(shown)),
        ("total", json!(total)),
        ("not_ready", json!(not_ready)),
        ("under_pressure", json!(under_pressure)),
    ]);
    Ok(Read { summary, fields, notes })
}
