//! `github`: what has changed in a repository, by GitHub's REST API (docs.github.com/rest, version 2022-11-28): deployments,
//! merged pull requests, and the workflow runs that failed since the last good one.

mod read;
#[cfg(test)]
mod tests;

use catalog::model::GithubRun;
use engine::{Answer, Called};
use futures_util::join;
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    api::Api,
    common::{counted, elapsed_ms, late, limit, one_line},
    http::Http,
    keys::Keys,
    mask,
};

/// Where the API is, but for GitHub Enterprise.
pub(crate) const API: &str = "https://api.github.com";
/// How many of each list are kept.
const KEPT: usize = 50;

pub(crate) async fn call(http: &Http, keys: &Keys, clock: &dyn Clock, run: &GithubRun<String>) -> Called {
    let limit = limit(run.timeout);
    let url = run.url.as_deref().unwrap_or(API);
    let mut request = json!({
        "method": "GET",
        "url": mask::url_text(url),
        "repository": run.repository,
        "last": run.last,
    });
    if let Some(shown) = request.as_object_mut() {
        let texts = [("branch", &run.branch), ("environment", &run.environment)];
        shown.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))));
        if let Some(key) = &run.secret {
            shown.insert("auth".to_owned(), format!("bearer, by the key {key}").into());
        }
    }
    let answer = match timeout(limit, ask(http, keys, clock.now(), url, run)).await {
        Ok(answer) => answer,
        Err(_) => Err(late(url, limit)),
    };
    Called { request, answer }
}

/// The repository at hand.
struct Repository<'a> {
    api: Api<'a>,
    owner: &'a str,
    name: &'a str,
    now: Timestamp,
}

impl Repository<'_> {
    /// The path of this repository's part.
    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        let mut path = vec!["repos", self.owner, self.name];
        path.extend(rest);
        path
    }
}

async fn ask(http: &Http, keys: &Keys, now: Timestamp, url: &str, run: &GithubRun<String>) -> Result<Answer, String> {
    let (owner, name) = pieces(&run.repository)?;
    for text in [&run.branch, &run.environment].into_iter().flatten() {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return Err(format!("`{}` is not the name of a branch or an environment", one_line(text, 100)));
        }
    }
    let base = http.url(url)?;
    let proof = match &run.secret {
        Some(key) => Some(keys.authorization(key, "Bearer ", &http.policy, &base).await?),
        None => None,
    };
    let api = Api::new(&http.client, &http.policy, keys, base)
        .with("accept", "application/vnd.github+json")?
        .with("x-github-api-version", "2022-11-28")?
        .proven(proof);
    let repository = Repository { api, owner, name, now };
    let started = Instant::now();
    let about = read::object(&repository, &[]).await?;
    let branch = run.branch.clone().unwrap_or_else(|| text(&about, "/default_branch").to_owned());
    let back = i64::try_from(run.last.0.as_secs()).unwrap_or(i64::MAX);
    let since = Timestamp::from_second(now.as_second().saturating_sub(back)).unwrap_or(Timestamp::MIN);
    let (deployments, pulls, runs) = join!(
        read::deployments(&repository, run.environment.as_deref().unwrap_or_default()),
        read::pulls(&repository, &branch, since),
        read::failures(&repository, &branch, since),
    );
    let mut notes = Vec::new();
    if let (Err(reason), Err(_), Err(_)) = (&deployments, &pulls, &runs) {
        return Err(reason.clone());
    }
    let mut unread = Vec::new();
    let deployments = part(deployments, "deployments", &mut unread);
    let mut pulls = part(pulls, "pull requests", &mut unread);
    let mut runs = part(runs, "workflow runs", &mut unread);
    unread.append(&mut runs.unread);
    let green_at = runs.green_at.clone();
    let after = |pull: &Value| !green_at.is_empty() && text(pull, "/merged_at") > green_at.as_str();
    for pull in &mut pulls {
        let is_after = after(pull);
        if let Some(pull) = pull.as_object_mut() {
            pull.insert("after_green".to_owned(), is_after.into());
        }
    }
    let totals = (deployments.len(), pulls.len());
    let (mut deployments, mut failures) = (deployments, runs.failures);
    for (what, list) in [("deployments", &mut deployments), ("pull requests", &mut pulls), ("runs", &mut failures)] {
        if list.len() > KEPT {
            notes.push(format!("the first {KEPT} of {} {what} are kept", list.len()));
            list.truncate(KEPT);
        }
    }
    let mut summary = format!(
        "{}: {}, {} merged, {} failing",
        run.repository.trim(),
        counted(totals.0, "deployment", "deployments"),
        counted(totals.1, "pull request", "pull requests"),
        counted(runs.failing, "workflow", "workflows"),
    );
    if let Some(first) = deployments.first() {
        summary = format!(
            "{summary}; {} has {} since {}",
            one_line(text(first, "/environment"), 60),
            one_line(text(first, "/ref"), 60),
            text(first, "/created_at")
        );
    }
    let result = json!({
        "repository": run.repository.trim(),
        "branch": branch,
        "url": text(&about, "/html_url"),
        "deployments": deployments,
        "deployments_total": totals.0,
        "pulls": pulls,
        "pulls_total": totals.1,
        "failures": failures,
        "failing": runs.failing,
        "green_at": green_at,
        "notes": notes,
        "unread": unread,
        "elapsed_ms": elapsed_ms(started),
    });
    Ok(Answer { summary, result })
}

/// `owner/name`, each of the characters that GitHub allows.
fn pieces(repository: &str) -> Result<(&str, &str), String> {
    let legal = |piece: &str| {
        !piece.is_empty()
            && piece.len() <= 100
            && !matches!(piece, "." | "..")
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match repository.trim().split_once('/') {
        Some((owner, name)) if legal(owner) && legal(name) => Ok((owner, name)),
        _ => Err(format!("`{}` is not a repository: that is owner/name", one_line(repository, 100))),
    }
}

/// What was read; or nothing, and why not in `unread`.
fn part<T: Default>(read: Result<T, String>, what: &str, unread: &mut Vec<String>) -> T {
    read.unwrap_or_else(|reason| {
        unread.push(format!("the {what} could not be read: {reason}"));
        T::default()
    })
}

/// The text at a JSON pointer; empty without one.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
