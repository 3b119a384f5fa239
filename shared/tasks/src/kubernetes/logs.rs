//! Logs of containers.

use catalog::model::KubernetesRun;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::json;

use super::{Filter, Read, fields, good, items, pods, text, words};
use crate::{
    api::{Api, Reply},
    common::{counted, one_line},
};

/// How many containers' logs are read: those of pods in trouble first.
const CONTAINERS: usize = 8;
/// How many are asked for at once.
const AT_ONCE: usize = 4;
/// How much of one container's log is read, in bytes.
const LOG_CAP: usize = 256 * 1024;
/// How much of a line is kept, in characters.
const LINE_CAP: usize = 2000;
/// How many lines one container may give.
const LINES: u32 = 1000;

pub(super) async fn logs(api: &Api<'_>, filter: &Filter, run: &KubernetesRun<String>) -> Result<Read, String> {
    let (found, _) = pods::find(api, filter).await?;
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for pod in &found {
        let containers = items(pod, "/spec/containers").iter().chain(items(pod, "/spec/initContainers"));
        for container in containers.map(|one| text(one, "/name")) {
            // Init containers are read only when they are named.
            let is_main = items(pod, "/spec/containers").iter().any(|one| text(one, "/name") == container);
            let is_wanted = run.container.as_deref().map_or(is_main, |named| named == container);
            if is_wanted {
                wanted.push((text(pod, "/metadata/name"), container));
            }
        }
    }
    let mut notes = Vec::new();
    if wanted.len() > CONTAINERS {
        notes
            .push(format!("of {} containers, the logs of {CONTAINERS} are read, those in trouble first", wanted.len()));
        wanted.truncate(CONTAINERS);
    }
    let lines = run.lines.clamp(1, LINES).to_string();
    let mut read = Vec::with_capacity(wanted.len());
    for (pod, container) in &wanted {
        read.push(one(api, filter, pod, container, &lines, run.previous).boxed());
    }
    let read: Vec<Result<Log, String>> = stream::iter(read).buffered(AT_ONCE).collect().await;
    let mut logs = Vec::with_capacity(read.len());
    let (mut lines_total, mut refused, mut unread) = (0, None, Vec::new());
    for ((pod, container), log) in wanted.iter().zip(read) {
        let log = log.unwrap_or_else(|reason| {
            refused.get_or_insert(reason.clone());
            unread.push(format!("the log of {pod}/{container} could not be read: {reason}"));
            Log { lines: vec![], error: reason, cut: false }
        });
        if log.cut {
            notes.push(format!("of {pod}/{container}, {} KiB are read", LOG_CAP / 1024));
        }
        lines_total += log.lines.len();
        logs.push(json!({"pod": pod, "container": container, "lines": log.lines, "error": log.error}));
    }
    // When nothing could be read, that is no answer.
    if let (Some(reason), true) = (refused, logs.iter().all(|log| !text(log, "/error").is_empty())) {
        return Err(reason);
    }
    let total = logs.len();
    let first = logs.iter().find_map(|log| log.pointer("/lines")?.as_array()?.last()?.as_str());
    let mut summary =
        format!("{} of {}", counted(lines_total, "line", "lines"), counted(total, "container", "containers"));
    if let Some(last) = first {
        summary = format!("{summary}, last: {}", one_line(last, 80));
    }
    let fields = fields([
        ("logs", json!(logs)),
        ("lines_total", json!(lines_total)),
        ("total", json!(total)),
        ("unread", json!(unread)),
    ]);
    Ok(Read { summary, fields, notes })
}

struct Log {
    lines: Vec<String>,
    error: String,
    cut: bool,
}

async fn one(
    api: &Api<'_>,
    filter: &Filter,
    pod: &str,
    container: &str,
    lines: &str,
    previous: bool,
) -> Result<Log, String> {
    let mut path = filter.path(&["api", "v1"], "pods");
    path.extend([pod, "log"]);
    let mut query = vec![("container", container), ("tailLines", lines), ("timestamps", "true")];
    if previous {
        query.push(("previous", "true"));
    }
    let reply: Reply = api.get(&path, &query, LOG_CAP).await?;
    if matches!(reply.status, 400 | 404) {
        // No container before this one, or it has not begun: an answer, which the reader wants to know.
        return Ok(Log { lines: vec![], error: words(&reply), cut: false });
    }
    let reply = good(&reply, "get", "pods/log", "")?;
    let text = reply.text();
    let shown = |line: &str| line.chars().take(LINE_CAP).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(Log { lines: text.lines().map(shown).collect(), error: String::new(), cut: reply.more })
}
