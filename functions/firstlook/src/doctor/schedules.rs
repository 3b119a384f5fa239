//! Whether the catalog's Schedules are deployed: those of EventBridge Scheduler that send to the stack's queue, whatever their
//! group is called.

use awscall::{Aws, AwsAnswer, AwsError, AwsRequest};
use catalog::model::Schedule;
use ports::SetupCheck;
use serde_json::Value;

use super::stack::{call, failed};

/// How many pages of Schedules whose names begin alike are read.
const PAGES: usize = 5;

const DEPLOY: &str = "deploy target/lambda/schedules.yaml again (docs/deploy.md, Deploy)";

/// Whether `schedule` is there for `stack`, and runs or rests as the catalog says.
pub(super) async fn look(aws: &Aws, stack: &str, schedule: &Schedule) -> SetupCheck {
    let what = format!("Schedule {}", schedule.name);
    let state = match state(aws, stack, schedule.name.as_str()).await {
        Ok(state) => state,
        Err(error) => return failed(&what, &error),
    };
    match (state.as_deref(), schedule.paused) {
        (None, _) => SetupCheck::mend(format!("{what} is not deployed, so it never runs"), DEPLOY),
        (Some("DISABLED"), false) => {
            SetupCheck::mend(format!("{what} is switched off in EventBridge Scheduler"), DEPLOY)
        }
        (Some(state), true) if state != "DISABLED" => {
            SetupCheck::mend(format!("{what} runs, though the catalog says that it is paused"), DEPLOY)
        }
        (Some(_), paused) => SetupCheck::ok(format!("{what} is deployed{}", if paused { ", and paused" } else { "" })),
    }
}

/// The state of the one of this name that sends to the stack's queue. Source: EventBridge Scheduler API Reference, ListSchedules.
async fn state(aws: &Aws, stack: &str, name: &str) -> Result<Option<String>, AwsError> {
    let queue = format!(":{stack}-investigate");
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("NamePrefix", name), ("MaxResults", "100")];
        query.extend(token.as_deref().map(|token| ("NextToken", token)));
        let AwsAnswer { body, .. } = call(aws, &request(&query)).await?;
        let text = |at: &Value, pointer: &str| at.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let listed = body.get("Schedules").and_then(Value::as_array).into_iter().flatten();
        let ours = |one: &&Value| {
            text(one, "/Name").as_deref() == Some(name)
                && text(one, "/Target/Arn").is_some_and(|target| target.ends_with(&queue))
        };
        if let Some(found) = listed.clone().find(ours) {
            return Ok(Some(text(found, "/State").unwrap_or_default()));
        }
        token = text(&body, "/NextToken");
        if token.is_none() {
            break;
        }
    }
    Ok(None)
}

fn request<'a>(query: &'a [(&'a str, &'a str)]) -> AwsRequest<'a> {
    AwsRequest::Rest {
        service: "scheduler",
        signing: "scheduler",
        method: "GET",
        path: "/schedules",
        query,
        body: None,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, extract::Query};
    use ports::Standing;
    use serde_json::json;
    use std::collections::BTreeMap;

    use super::*;
    use crate::doctor::tests::aws_at;

    async fn scheduler() -> Aws {
        let one = |name: &str, state: &str, queue: &str| json!({ "Name": name, "State": state, "Target": { "Arn": format!("arn:aws:sqs:eu-central-1:1:{queue}") } });
        let all = [
            one("nightly", "ENABLED", "other-investigate"),
            one("nightly-report", "ENABLED", "prod-investigate"),
            one("nightly", "ENABLED", "prod-investigate"),
            one("off", "DISABLED", "prod-investigate"),
            one("elsewhere", "ENABLED", "staging-prod-investigates"),
        ];
        // One on each page.
        let answer = move |Query(asked): Query<BTreeMap<String, String>>| {
            let found: Vec<Value> = all
                .iter()
                .filter(|one| one["Name"].as_str().unwrap().starts_with(&asked["NamePrefix"]))
                .cloned()
                .collect();
            let at: usize = asked.get("NextToken").map_or(0, |token| token.parse().unwrap());
            let next = (at + 1 < found.len()).then(|| (at + 1).to_string());
            async move { Json(json!({ "Schedules": found.get(at..=at).unwrap_or_default(), "NextToken": next })) }
        };
        aws_at(Router::new().fallback(answer)).await
    }

    fn schedule(name: &str, paused: bool) -> Schedule {
        let said = json!({
            "name": name, "schedule": "rate(1 day)", "command": "triage", "paused": paused,
        });
        serde_json::from_value(said).unwrap()
    }

    #[tokio::test]
    async fn a_schedule_is_the_one_that_sends_to_this_stack() {
        let aws = scheduler().await;
        let said = async |name: &str, paused: bool| {
            let check = look(&aws, "prod", &schedule(name, paused)).await;
            (check.standing == Standing::Ok, check.what)
        };
        assert_eq!(said("nightly", false).await, (true, "Schedule nightly is deployed".to_owned()));
        assert_eq!(said("off", true).await, (true, "Schedule off is deployed, and paused".to_owned()));
        for (name, paused, what) in [
            ("elsewhere", false, "is not deployed"),
            ("gone", false, "is not deployed"),
            ("off", false, "is switched off"),
            ("nightly", true, "though the catalog says"),
        ] {
            let (well, said) = said(name, paused).await;
            assert!(!well && said.contains(what), "{name}: {said}");
        }
    }
}
