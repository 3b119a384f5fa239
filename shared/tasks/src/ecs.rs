//! `ecs`: the services of a cluster, and the tasks of it that stopped.
//!
//! The API: docs.aws.amazon.com/AmazonECS/latest/APIReference, JSON 1.1. ECS shows a stopped task for about an hour.

#[cfg(test)]
mod tests;

use awscall::AwsError;
use catalog::model::EcsRun;
use engine::{Answer, Called};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::Cloud,
    common::{counted, limit},
    signed::{self, Notes, Signed, list, short, shown, text, time, whole},
};

/// How many services of a cluster are looked at, when none is named.
const SERVICES: usize = 50;
/// How many services one DescribeServices takes.
const BATCH: usize = 10;
/// How many stopped tasks one DescribeTasks takes.
const TASKS: usize = 100;
/// How many events of a service are kept.
const EVENTS: usize = 10;
/// How much of a reason or an event is kept, in characters.
const TEXT: usize = 400;

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &EcsRun<String>) -> Called {
    let request = signed::request(
        "ecs:DescribeServices",
        run.account.as_ref(),
        json!({"cluster": run.cluster, "services": run.services}),
    );
    let answer = async {
        if run.cluster.is_empty() || run.services.iter().any(String::is_empty) {
            return Err("the name of the cluster or of a service is empty".to_owned());
        }
        let there = cloud.at(run.place())?;
        let signed = Signed::new(&there, limit(run.timeout));
        look(signed, run, clock.now()).await.map_err(|error| signed.reason(&error))
    };
    Called { request, answer: answer.await }
}

async fn ask(signed: Signed<'_>, operation: &str, body: Value) -> Result<Value, AwsError> {
    signed.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &body).await
}

async fn look(signed: Signed<'_>, run: &EcsRun<String>, now: Timestamp) -> Result<Answer, AwsError> {
    let started = Instant::now();
    let mut notes = Notes::default();
    let mut truncated = false;
    let names = if run.services.is_empty() {
        let (names, more) = names(signed, run).await?;
        if more {
            notes.say(format!("the first {SERVICES} services of the cluster are looked at: name those that matter"));
        }
        truncated |= more;
        names
    } else {
        run.services.clone()
    };
    let (described, stopped) = tokio::join!(services(signed, run, &names), stopped(signed, run));
    let (described, missing) = described?;
    let (tasks, more) = stopped?;
    truncated |= more;
    if more {
        notes.say(format!("{TASKS} stopped tasks of each service are looked at: there are more"));
    }
    let services: Vec<Value> = described.iter().map(|service| service_of(service, now)).collect();
    let short = services.iter().filter(|service| whole(service, "running") < whole(service, "desired")).count();
    let crashed = tasks.iter().filter(|task| is(task, "crashed")).count();
    let oom = tasks.iter().filter(|task| is(task, "oom")).count();
    let kept = usize::try_from(run.stopped).unwrap_or(usize::MAX);
    if tasks.len() > kept {
        notes.say(format!("the newest {kept} of {} stopped tasks are kept", tasks.len()));
    }
    let summary = format!(
        "{}, {short} short of tasks; {} stopped, {crashed} crashed",
        counted(services.len(), "service", "services"),
        tasks.len(),
    );
    let result = json!({
        "services": services,
        "missing": missing,
        "stopped": tasks.iter().take(kept).collect::<Vec<_>>(),
        "stopped_total": tasks.len(),
        "crashed_total": crashed,
        "oom_total": oom,
        "short": short,
        "truncated": truncated,
    });
    Ok(Answer { summary, result: signed::ended(result, notes, started) })
}

fn is(value: &Value, key: &str) -> bool {
    value.get(key) == Some(&Value::Bool(true))
}

/// The ARNs of the cluster's services, and whether there are more.
async fn names(signed: Signed<'_>, run: &EcsRun<String>) -> Result<(Vec<String>, bool), AwsError> {
    let mut names: Vec<String> = Vec::new();
    let mut token = Value::Null;
    loop {
        let page =
            ask(signed, "ListServices", json!({"cluster": run.cluster, "maxResults": 100, "nextToken": token})).await?;
        names.extend(list(&page, "serviceArns").iter().filter_map(Value::as_str).map(str::to_owned));
        let next = text(&page, "nextToken");
        if next.is_empty() || names.len() > SERVICES {
            break;
        }
        token = Value::from(next);
    }
    names.sort();
    let more = names.len() > SERVICES;
    names.truncate(SERVICES);
    Ok((names, more))
}

/// The services as ECS describes them, and the names of those that there are not.
async fn services(
    signed: Signed<'_>,
    run: &EcsRun<String>,
    names: &[String],
) -> Result<(Vec<Value>, Vec<String>), AwsError> {
    let batches = names
        .chunks(BATCH)
        .map(|batch| ask(signed, "DescribeServices", json!({"cluster": run.cluster, "services": batch})));
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for answer in try_join_all(batches).await? {
        found.extend_from_slice(list(&answer, "services"));
        missing.extend(list(&answer, "failures").iter().map(|failure| last(text(failure, "arn")).to_owned()));
    }
    Ok((found, missing))
}

/// The stopped tasks, newest first, and whether there are more.
async fn stopped(signed: Signed<'_>, run: &EcsRun<String>) -> Result<(Vec<Value>, bool), AwsError> {
    let of = |service: Option<&str>| {
        let mut body = json!({"cluster": run.cluster, "desiredStatus": "STOPPED", "maxResults": TASKS});
        if let (Some(body), Some(service)) = (body.as_object_mut(), service) {
            body.insert("serviceName".to_owned(), Value::from(service));
        }
        async move {
            let page = match ask(signed, "ListTasks", body).await {
                Ok(page) => page,
                // A service that there is not is told by `missing`.
                Err(AwsError::NotFound { code, .. }) if code.starts_with("ServiceNotFound") => Value::Null,
                Err(error) => return Err(error),
            };
            let arns = list(&page, "taskArns");
            if arns.is_empty() {
                return Ok((Vec::new(), false));
            }
            let tasks = ask(signed, "DescribeTasks", json!({"cluster": run.cluster, "tasks": arns})).await?;
            let tasks: Vec<Value> = list(&tasks, "tasks").iter().map(task_of).collect();
            Ok((tasks, !text(&page, "nextToken").is_empty()))
        }
    };
    let all = if run.services.is_empty() {
        vec![of(None).await]
    } else {
        join_all(run.services.iter().map(|service| of(Some(last(service))))).await
    };
    let (mut tasks, mut more) = (Vec::new(), false);
    for found in all {
        let (found, cut) = found?;
        tasks.extend(found);
        more |= cut;
    }
    tasks.sort_by(|one: &Value, other: &Value| text(other, "stopped_at").cmp(text(one, "stopped_at")));
    Ok((tasks, more))
}

/// What stands behind the last slash of an ARN, or the name itself.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn service_of(service: &Value, now: Timestamp) -> Value {
    let deployments = list(service, "deployments");
    let primary = deployments.iter().find(|one| text(one, "status") == "PRIMARY").unwrap_or(&Value::Null);
    let events: Vec<Value> = list(service, "events")
        .iter()
        .take(EVENTS)
        .map(|event| json!({"at": shown(time(event.get("createdAt"))), "message": short(event, "message", TEXT)}))
        .collect();
    json!({
        "name": short(service, "serviceName", TEXT),
        "status": text(service, "status"),
        "desired": whole(service, "desiredCount"),
        "running": whole(service, "runningCount"),
        "pending": whole(service, "pendingCount"),
        "rollout": text(primary, "rolloutState"),
        "rollout_reason": short(primary, "rolloutStateReason", TEXT),
        "task_definition": last(text(service, "taskDefinition")),
        "deployments": deployments.iter().take(EVENTS).map(|one| deployment_of(one, now)).collect::<Vec<_>>(),
        "events": events,
    })
}

fn deployment_of(deployment: &Value, now: Timestamp) -> Value {
    let created = time(deployment.get("createdAt"));
    let age = created.map(|created| now.duration_since(created).as_secs().max(0));
    json!({
        "status": text(deployment, "status"),
        "task_definition": last(text(deployment, "taskDefinition")),
        "desired": whole(deployment, "desiredCount"),
        "running": whole(deployment, "runningCount"),
        "pending": whole(deployment, "pendingCount"),
        "failed": whole(deployment, "failedTasks"),
        "rollout": text(deployment, "rolloutState"),
        "rollout_reason": short(deployment, "rolloutStateReason", TEXT),
        "created_at": shown(created),
        "age_s": age,
    })
}

fn task_of(task: &Value) -> Value {
    let containers: Vec<Value> = list(task, "containers")
        .iter()
        .take(EVENTS)
        .map(|container| {
            json!({
                "name": short(container, "name", TEXT),
                "exit_code": container.get("exitCode").filter(|code| code.is_i64()),
                "reason": short(container, "reason", TEXT),
            })
        })
        .collect();
    let (code, reason) = (text(task, "stopCode"), short(task, "stoppedReason", TEXT));
    let oom = |text: &str| text.contains("OutOfMemory") || text.contains("OOM");
    let group = text(task, "group");
    json!({
        "task": last(text(task, "taskArn")),
        "service": group.strip_prefix("service:").unwrap_or(group),
        "task_definition": last(text(task, "taskDefinitionArn")),
        "stopped_at": shown(time(task.get("stoppedAt"))),
        "code": code,
        // It did not end by anybody's will.
        "crashed": matches!(code, "TaskFailedToStart" | "EssentialContainerExited"),
        "oom": oom(&reason) || containers.iter().any(|container| oom(text(container, "reason"))),
        "reason": reason,
        "containers": containers,
    })
}
