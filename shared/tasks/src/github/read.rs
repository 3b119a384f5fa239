//! The parts that are read of a repository.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{FutureExt, future::join_all};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Repository, text};
use crate::{
    api::{ANSWER_CAP, Reply},
    common::one_line,
};

/// How many pages of a list are read, of 100 each.
const PAGES: usize = 3;
/// Of how many environments the newest deployment's state is asked, and of how many workflows the failed jobs.
const STATES: usize = 10;
const JOBS: usize = 5;
/// How much of a text is kept, in characters.
const TEXT: usize = 300;

/// Whose answers these are.
const WHOSE: &str = "GitHub's REST API";

/// The runs that failed since their workflow's last success.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) failures: Vec<Value>,
    pub(super) failing: usize,
    /// The oldest last success of a workflow that fails now; when none fails, the newest success.
    pub(super) green_at: String,
    pub(super) unread: Vec<String>,
}

/// The object at a path of the repository.
pub(super) async fn object(repository: &Repository<'_>, path: &[&str]) -> Result<Value, String> {
    get(repository, path, &[]).await
}

async fn get(repository: &Repository<'_>, path: &[&str], query: &[(&str, &str)]) -> Result<Value, String> {
    let reply = repository.api.get(&repository.path(path), query, ANSWER_CAP).await?;
    good(&reply, repository.now)?.json(WHOSE)
}

fn good(reply: &Reply, now: Timestamp) -> Result<&Reply, String> {
    if reply.is_good() {
        return Ok(reply);
    }
    let said: Option<Value> = serde_json::from_slice(&reply.bytes).ok();
    let words = said.as_ref().map(|said| text(said, "/message")).filter(|words| !words.is_empty());
    let words = one_line(words.unwrap_or(&reply.text()), TEXT);
    let (place, status) = (&reply.place, reply.status);
    // docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: 403 and 429 both stand for a limit.
    let waits = reply.header("retry-after").parse::<u64>().ok();
    let used_up = reply.header("x-ratelimit-remaining") == "0";
    if matches!(status, 403 | 429) && (status == 429 || used_up || waits.is_some()) {
        let reset = reply.header("x-ratelimit-reset").parse::<i64>().ok();
        let left = reset.filter(|_| used_up).map(|reset| reset.saturating_sub(now.as_second()).max(0).unsigned_abs());
        let again = waits.or(left).map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
        return Err(format!("{place} answered {status}: the rate limit is used up{again} ({words})"));
    }
    let wanted = match one_line(reply.header("x-accepted-github-permissions"), 100) {
        wanted if wanted.is_empty() => String::new(),
        wanted => format!("; it takes {wanted}"),
    };
    Err(match status {
        401 => format!("{place} answered 401: the secret is not a token that it takes ({words})"),
        403 => format!("{place} answered 403: the token may not read this{wanted} ({words})"),
        404 => format!("{place} answered 404: there is no such thing, or the token may not see it{wanted} ({words})"),
        _ => format!("{place} answered {status}: {words}"),
    })
}

/// A list, page by page, until `enough` says so of a page; `key` is where it stands in an answer, if not at its root.
async fn pages(
    repository: &Repository<'_>,
    path: &[&str],
    query: &[(&str, &str)],
    key: &str,
    enough: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for page in 1..=PAGES {
        let page = page.to_string();
        let mut query: Vec<(&str, &str)> = query.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        query.extend([("per_page", "100"), ("page", page.as_str())]);
        let mut body = get(repository, path, &query).await?;
        let list = if key.is_empty() { Some(body) } else { body.get_mut(key).map(Value::take) };
        let Some(Value::Array(list)) = list else { return Err(format!("the answer is not as that of {WHOSE}")) };
        let ended = list.len() < 100 || enough(&list);
        found.extend(list);
        if ended {
            break;
        }
    }
    Ok(found)
}

/// The newest deployments, the newest of each environment first with its state.
pub(super) async fn deployments(repository: &Repository<'_>, environment: &str) -> Result<Vec<Value>, String> {
    // One page: what was deployed before the newest hundred is no news.
    let found = pages(repository, &["deployments"], &[("environment", environment)], "", |_| true).await?;
    let mut seen = BTreeSet::new();
    let (newest, rest): (Vec<Value>, Vec<Value>) =
        found.into_iter().partition(|one| seen.insert(text(one, "/environment").to_owned()));
    let mut states = Vec::with_capacity(STATES);
    for one in newest.iter().take(STATES) {
        states.push(state(repository, number(one, "/id")).boxed());
    }
    let mut states = join_all(states).await.into_iter();
    let all = newest.iter().chain(&rest);
    let shown = all.map(|one| {
        let state = states.next().and_then(Result::ok).unwrap_or_default();
        let log = text(&state, "/log_url");
        let url = if log.is_empty() { text(&state, "/environment_url") } else { log };
        json!({
            "id": number(one, "/id"),
            "environment": one_line(text(one, "/environment"), TEXT),
            "ref": one_line(text(one, "/ref"), TEXT),
            "sha": text(one, "/sha"),
            "by": text(one, "/creator/login"),
            "created_at": text(one, "/created_at"),
            "state": text(&state, "/state"),
            "state_at": text(&state, "/created_at"),
            "description": one_line(text(one, "/description"), TEXT),
            "url": url,
        })
    });
    Ok(shown.collect())
}

/// The newest state of a deployment; null when it has none.
async fn state(repository: &Repository<'_>, id: u64) -> Result<Value, String> {
    let id = id.to_string();
    let states = get(repository, &["deployments", &id, "statuses"], &[("per_page", "1")]).await?;
    Ok(states.get(0).cloned().unwrap_or_default())
}

/// The pull requests that were merged into the branch since then, newest first.
pub(super) async fn pulls(repository: &Repository<'_>, branch: &str, since: Timestamp) -> Result<Vec<Value>, String> {
    let query = [("state", "closed"), ("base", branch), ("sort", "updated"), ("direction", "desc")];
    // What was merged later was updated later, too.
    let beyond = |page: &[Value]| page.last().is_some_and(|last| !is_since(text(last, "/updated_at"), since));
    let found = pages(repository, &["pulls"], &query, "", beyond).await?;
    let merged = found.iter().filter(|pull| is_since(text(pull, "/merged_at"), since));
    let mut shown: Vec<Value> = merged
        .map(|pull| {
            json!({
                "number": number(pull, "/number"),
                "title": one_line(text(pull, "/title"), TEXT),
                "by": text(pull, "/user/login"),
                "merged_at": text(pull, "/merged_at"),
                "sha": text(pull, "/merge_commit_sha"),
                "url": text(pull, "/html_url"),
                "after_green": false,
            })
        })
        .collect();
    shown.sort_by(|a, b| text(b, "/merged_at").cmp(text(a, "/merged_at")));
    Ok(shown)
}

/// The runs of the branch's workflows that failed since the last success of each.
pub(super) async fn failures(repository: &Repository<'_>, branch: &str, since: Timestamp) -> Result<Runs, String> {
    let query = [("branch", branch), ("status", "completed"), ("exclude_pull_requests", "true")];
    let beyond = |page: &[Value]| page.last().is_some_and(|last| !is_since(text(last, "/created_at"), since));
    let found = pages(repository, &["actions", "runs"], &query, "workflow_runs", beyond).await?;
    let mut green: BTreeMap<u64, (&str, &str)> = BTreeMap::new();
    let mut failed: Vec<&Value> = Vec::new();
    let mut newest = "";
    // Newest first: what comes behind a success of its workflow is past.
    for run in &found {
        let workflow = number(run, "/workflow_id");
        if green.contains_key(&workflow) {
            continue;
        }
        match text(run, "/conclusion") {
            "success" => {
                green.insert(workflow, (text(run, "/created_at"), text(run, "/head_sha")));
                newest = newest.max(text(run, "/created_at"));
            }
            "failure" | "timed_out" | "startup_failure" if is_since(text(run, "/created_at"), since) => {
                failed.push(run)
            }
            _ => {}
        }
    }
    let failing: BTreeSet<u64> = failed.iter().map(|run| number(run, "/workflow_id")).collect();
    let oldest = failing.iter().filter_map(|workflow| green.get(workflow)).map(|(at, _)| *at).min();
    let green_at = if failing.is_empty() { newest } else { oldest.unwrap_or_default() };
    let mut told = BTreeSet::new();
    let first: Vec<&Value> =
        failed.iter().copied().filter(|run| told.insert(number(run, "/workflow_id"))).take(JOBS).collect();
    let mut jobs = Vec::with_capacity(JOBS);
    for run in &first {
        jobs.push(jobs_of(repository, number(run, "/id")).boxed());
    }
    let mut unread = Vec::new();
    let jobs: BTreeMap<u64, Vec<Value>> = first
        .iter()
        .zip(join_all(jobs).await)
        .map(|(run, jobs)| {
            let jobs = jobs.unwrap_or_else(|reason| {
                unread.push(format!("the jobs of a run could not be read: {reason}"));
                vec![]
            });
            (number(run, "/id"), jobs)
        })
        .collect();
    let failures = failed.iter().map(|run| {
        let (at, sha) = green.get(&number(run, "/workflow_id")).copied().unwrap_or_default();
        json!({
            "workflow": one_line(text(run, "/name"), TEXT),
            "id": number(run, "/id"),
            "sha": text(run, "/head_sha"),
            "event": text(run, "/event"),
            "title": one_line(text(run, "/display_title"), TEXT),
            "conclusion": text(run, "/conclusion"),
            "at": text(run, "/created_at"),
            "url": text(run, "/html_url"),
            "green_at": at,
            "green_sha": sha,
            "jobs": jobs.get(&number(run, "/id")).cloned().unwrap_or_default(),
        })
    });
    Ok(Runs { failures: failures.collect(), failing: failing.len(), green_at: green_at.to_owned(), unread })
}

/// The jobs of a run that failed, with the names of the steps that did.
async fn jobs_of(repository: &Repository<'_>, run: u64) -> Result<Vec<Value>, String> {
    let run = run.to_string();
    let query = [("filter", "latest"), ("per_page", "100")];
    let jobs = get(repository, &["actions", "runs", &run, "jobs"], &query).await?;
    let is_failed = |one: &&Value| matches!(text(one, "/conclusion"), "failure" | "timed_out");
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let jobs = list(&jobs, "jobs");
    let shown = jobs.iter().filter(is_failed).take(20).map(|job| {
        let steps = list(job, "steps");
        let steps: Vec<String> =
            steps.iter().filter(is_failed).take(20).map(|step| one_line(text(step, "/name"), TEXT)).collect();
        json!({"name": one_line(text(job, "/name"), TEXT), "steps": steps, "url": text(job, "/html_url")})
    });
    Ok(shown.collect())
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

fn is_since(text: &str, since: Timestamp) -> bool {
    text.parse::<Timestamp>().is_ok_and(|at| at >= since)
}
