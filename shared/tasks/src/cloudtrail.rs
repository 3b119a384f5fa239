//! `cloudtrail`: who changed what, newest first.
//!
//! LookupEvents (docs.aws.amazon.com/awscloudtrail/latest/APIReference) takes one attribute and two calls a second in a
//! region. So the narrowest attribute is asked for, the others are looked at here, and pages wait for each other. Of a
//! request's parameters only a few names are shown, never all: they can have secrets in them (I9).

mod change;
#[cfg(test)]
mod tests;

use std::time::Duration;

use awscall::AwsError;
use catalog::model::CloudtrailRun;
use engine::{Answer, Called};
use jiff::Timestamp;
use ports::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    aws::Cloud,
    common::{back_from, counted, limit},
    signed::{self, Notes, Signed, list, shown, text, time},
};

/// How far apart two calls are, so that there are no more than two in a second.
const APART: Duration = Duration::from_millis(500);
/// How many pages of 50 events are read at most.
const PAGES: u32 = 40;

pub(crate) async fn call(cloud: &Cloud, clock: &dyn Clock, run: &CloudtrailRun<String>) -> Called {
    let until = match back_from(run.at.as_deref(), clock.now()) {
        Ok(until) => until,
        Err(reason) => {
            let request = signed::request("cloudtrail:LookupEvents", run.account.as_ref(), json!({ "at": run.at }));
            return Called { request, answer: Err(reason) };
        }
    };
    let from = until.checked_sub(run.last.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let (attribute, value) = attribute(run);
    let body = json!({
        "LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}],
        "StartTime": from.as_second(),
        // It takes whole seconds; what happened within this one counts.
        "EndTime": until.as_second().saturating_add(1),
        "MaxResults": 50,
    });
    let request = signed::request("cloudtrail:LookupEvents", run.account.as_ref(), body.clone());
    let answer = async {
        if value.is_empty() {
            return Err("the name of the resource is empty".to_owned());
        }
        let there = cloud.at(run.place())?;
        let signed = Signed::new(&there, limit(run.timeout));
        look(signed, run, body, from).await.map_err(|error| signed.reason(&error))
    };
    Called { request, answer: answer.await }
}

/// The narrowest of what is asked for.
fn attribute(run: &CloudtrailRun<String>) -> (&'static str, &str) {
    if let Some(resource) = &run.resource {
        ("ResourceName", resource)
    } else if let Some(kind) = &run.resource_type {
        ("ResourceType", kind)
    } else if let Some(source) = &run.source {
        ("EventSource", source)
    } else {
        ("ReadOnly", "false")
    }
}

/// Whether this is a change that was asked about.
fn is_wanted(run: &CloudtrailRun<String>, event: &Value) -> bool {
    let kind = |kind: &String| list(event, "Resources").iter().any(|one| text(one, "ResourceType") == kind);
    text(event, "ReadOnly") != "true"
        && run.resource_type.as_ref().is_none_or(kind)
        && run.source.as_ref().is_none_or(|source| text(event, "EventSource") == source)
        && !run.except.iter().any(|name| text(event, "EventName") == name)
}

async fn look(
    signed: Signed<'_>,
    run: &CloudtrailRun<String>,
    mut body: Value,
    from: Timestamp,
) -> Result<Answer, AwsError> {
    let started = Instant::now();
    let most = usize::try_from(run.limit).unwrap_or(usize::MAX);
    let mut changes: Vec<Value> = Vec::new();
    let mut notes = Notes::default();
    // How far back it was read: all of it, unless it was cut.
    let (mut reached, mut truncated) = (from, false);
    for page in 1.. {
        let answer = match signed
            .json("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", &body)
            .await
        {
            Ok(answer) => answer,
            // What came before the time was over counts.
            Err(AwsError::TimedOut { .. } | AwsError::Throttled { .. }) if page > 1 => {
                truncated = true;
                break;
            }
            Err(error) => return Err(error),
        };
        let events = list(&answer, "Events");
        if let Some(oldest) = events.iter().filter_map(|event| time(event.get("EventTime"))).min() {
            reached = oldest;
        }
        changes.extend(events.iter().filter(|event| is_wanted(run, event)).map(change::of));
        let next = text(&answer, "NextToken");
        if next.is_empty() {
            reached = from;
            break;
        }
        if changes.len() >= most || page >= PAGES || signed.left() <= APART {
            truncated = true;
            break;
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("NextToken".to_owned(), Value::from(next));
        }
        tokio::time::sleep(APART).await;
    }
    if changes.len() > most {
        truncated = true;
        changes.truncate(most);
    }
    if truncated {
        notes.say(format!("older changes were not read: it was looked back to {}", shown(Some(reached))));
    }
    let failed = changes.iter().filter(|change| !text(change, "error").is_empty()).count();
    let newest = changes.first().map_or_else(String::new, |change| {
        format!(", newest {} by {} at {}", text(change, "what"), text(change, "who"), text(change, "at"))
    });
    let summary = format!("{}{newest}", counted(changes.len(), "change", "changes"));
    let result = json!({
        "changes_total": changes.len(),
        "failed_total": failed,
        "reached": shown(Some(reached)),
        "truncated": truncated,
        "changes": changes,
    });
    Ok(Answer { summary, result: signed::ended(result, notes, started) })
}
