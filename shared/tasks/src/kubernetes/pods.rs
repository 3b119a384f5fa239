//! Pods.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Filter, Read, age, count, fields, images, items, keep, list, text};
use crate::{
    api::Api,
    common::{counted, one_line},
};

/// How much of a message is kept, in characters.
const MESSAGE: usize = 500;

/// The pods that the filter takes, those in trouble first, and whether there are more.
pub(super) async fn find(api: &Api<'_>, filter: &Filter) -> Result<(Vec<Value>, bool), String> {
    let path = filter.path(&["api", "v1"], "pods");
    let (mut found, more) = list(api, &path, &[("labelSelector", &filter.labels)], "").await?;
    found.retain(|pod| filter.takes(text(pod, "/metadata/name")));
    found.sort_by_cached_key(|pod| {
        let pod = Pod::of(pod);
        (pod.is_well(), -pod.restarts, pod.name.to_owned())
    });
    Ok((found, more))
}

/// What is told of a pod.
struct Pod<'v> {
    name: &'v str,
    phase: &'v str,
    ready: bool,
    restarts: i64,
    reason: &'v str,
    message: &'v str,
    last: Option<&'v Value>,
    oom_killed: bool,
}

impl<'v> Pod<'v> {
    fn of(pod: &'v Value) -> Self {
        let containers =
            || items(pod, "/status/initContainerStatuses").iter().chain(items(pod, "/status/containerStatuses"));
        let ready = items(pod, "/status/conditions")
            .iter()
            .any(|one| text(one, "/type") == "Ready" && text(one, "/status") == "True");
        // Why a container waits says most, then why it has ended, then what is said of the pod, such as `Evicted`.
        let waiting = containers()
            .filter_map(|one| one.pointer("/state/waiting"))
            .find(|state| !matches!(text(state, "/reason"), "" | "PodInitializing" | "ContainerCreating"));
        let ended = containers()
            .filter_map(|one| one.pointer("/state/terminated"))
            .find(|state| count(state, "/exitCode") != 0 || text(state, "/reason") == "OOMKilled");
        let creating = containers().find_map(|one| one.pointer("/state/waiting"));
        let unscheduled = items(pod, "/status/conditions")
            .iter()
            .find(|one| text(one, "/type") == "PodScheduled" && text(one, "/status") == "False");
        let own = (!text(pod, "/status/reason").is_empty()).then(|| pod.pointer("/status")).flatten();
        let why = waiting.or(ended).or(own).or(unscheduled).or(creating);
        let last = containers()
            .filter_map(|one| one.pointer("/lastState/terminated"))
            .max_by_key(|state| text(state, "/finishedAt"))
            .or(ended);
        let oom = |state: &Value| text(state, "/reason") == "OOMKilled";
        Self {
            name: text(pod, "/metadata/name"),
            phase: text(pod, "/status/phase"),
            ready,
            restarts: containers().map(|one| count(one, "/restartCount")).sum(),
            reason: why.map(|why| text(why, "/reason")).unwrap_or_default(),
            message: why.map(|why| text(why, "/message")).unwrap_or_default(),
            last,
            oom_killed: last.is_some_and(oom) || ended.is_some_and(oom),
        }
    }

    /// A pod that has done its work is well without being ready.
    fn is_well(&self) -> bool {
        self.ready || self.phase == "Succeeded"
    }
}

pub(super) async fn pods(api: &Api<'_>, filter: &Filter, now: Timestamp) -> Result<Read, String> {
    let (found, more) = find(api, filter).await?;
    let mut notes = Vec::new();
    let (mut ready, mut not_ready, mut restarts) = (0, 0, 0);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut shown = Vec::with_capacity(found.len());
    for value in &found {
        let pod = Pod::of(value);
        restarts += pod.restarts;
        ready += i64::from(pod.ready);
        not_ready += i64::from(!pod.is_well());
        if !pod.is_well() && !pod.reason.is_empty() {
            *reasons.entry(one_line(pod.reason, 60)).or_default() += 1;
        }
        let last = |pointer: &str| pod.last.map(|state| text(state, pointer)).unwrap_or_default();
        shown.push(json!({
            "name": pod.name,
            "phase": pod.phase,
            "ready": pod.ready,
            "restarts": pod.restarts,
            "reason": one_line(pod.reason, 60),
            "message": one_line(pod.message, MESSAGE),
            "last_reason": last("/reason"),
            "last_exit_code": pod.last.and_then(|state| state.get("exitCode")).cloned().unwrap_or_default(),
            "last_finished_at": last("/finishedAt"),
            "oom_killed": pod.oom_killed,
            "node": text(value, "/spec/nodeName"),
            "images": images(value, "/spec"),
            "age_s": age(value, now),
        }));
    }
    let total = shown.len();
    let mut summary = counted(total, "pod", "pods");
    if total > 0 {
        let why: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        summary = format!("{summary}, {not_ready} not ready{why}, {restarts} restarts");
    }
    keep(&mut shown, "pods", more, &mut notes);
    let fields = fields([
        ("pods", json!(shown)),
        ("total", json!(total)),
        ("ready", json!(ready)),
        ("not_ready", json!(not_ready)),
        ("restarts", json!(restarts)),
        ("reasons", json!(reasons)),
    ]);
    Ok(Read { summary, fields, notes })
}
