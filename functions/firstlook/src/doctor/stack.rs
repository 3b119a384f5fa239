//! A deployed stack: what it says of itself, its secret, table, functions, queues and alarms, seen with the person's own rights.

use std::sync::Arc;

use awscall::{Aws, AwsAnswer, AwsError, AwsRequest, JsonVersion, Place};
use console::words;
use deliver::LINK_KEY;
use jiff::tz::TimeZone;
use outlets::Settings;
use ports::{Clock, ReadSecret, SecretError, SetupCheck, SystemClock};
use serde_json::{Value, json};

use super::{AWS_WITHIN, Group};
use crate::{
    cli::World,
    stack::{Stack, advice},
};

/// What else needs the stack.
pub(super) struct Seen {
    pub group: Group,
    pub secrets: Arc<dyn ReadSecret>,
    pub secret_id: String,
    /// Where its deliver calls the providers, if that may be seen.
    pub settings: Option<Settings>,
}

/// Looks at the stack itself.
pub(super) async fn look(stack: &Stack, aws: &Aws, world: &World) -> Seen {
    let mut group = Group::new(format!("Stack {}", stack.name()), "");
    let outputs = stack.outputs().await;
    let secret_id = world.secret_id.clone().or_else(|| outputs.as_ref().ok()?.get("SecretArn").cloned());
    let secret_id = secret_id.unwrap_or_else(|| format!("{}-secrets", stack.name()));
    group.checks.push(match &outputs {
        Ok(outputs) => {
            match ["HooksUrl", "ConsoleUrl", "SecretArn"].iter().find(|name| !outputs.contains_key(**name)) {
                None => SetupCheck::ok(format!(
                    "its outputs: hooks at {}",
                    outputs.get("HooksUrl").map_or("", String::as_str)
                )),
                Some(name) => SetupCheck::mend(
                    format!("it has no output `{name}`"),
                    "is it a stack of infra/template.yaml? Deploy it again (docs/deploy.md)",
                ),
            }
        }
        Err(error) => refused("its outputs", error),
    });
    let secrets = stack.secrets(&secret_id);
    group.checks.push(match secrets.read(LINK_KEY).await {
        Ok(_) => SetupCheck::ok(format!("its secret can be read, and has `{LINK_KEY}`")),
        Err(SecretError::Missing { .. }) => SetupCheck::mend(
            format!("its secret has no `{LINK_KEY}`, so deliveries have no links"),
            format!("put 48 random characters under `{LINK_KEY}` into the secret {secret_id}"),
        ),
        Err(error) => refused("its secret", &error),
    });
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    group.checks.push(match stack.reader().runs_of_day(today, 1, None).await {
        Ok(_) => SetupCheck::ok("its table can be read"),
        Err(error) => refused("its table", &error),
    });
    let function = |name| of_function(stack, aws, name);
    let ((ingest, _), (investigate, _), (deliver, settings), (console, _), runs, deliveries, alarms) = tokio::join!(
        function("ingest"),
        function("investigate"),
        function("deliver"),
        function("console"),
        of_queue(stack, aws, "investigate"),
        of_queue(stack, aws, "deliver"),
        alarms(stack, aws),
    );
    group.checks.extend([ingest, investigate, deliver, console, runs, deliveries]);
    group.checks.extend(alarms);
    Seen { group, secrets, secret_id, settings }
}

/// What an error of another way to AWS comes to.
fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> SetupCheck {
    let why = ports::chain(error);
    let advice = advice(error).map(|advice| format!("; {advice}")).unwrap_or_default();
    SetupCheck::mend(format!("{what} cannot be read"), format!("{why}{advice}"))
}

async fn call(aws: &Aws, request: &AwsRequest<'_>) -> Result<AwsAnswer, AwsError> {
    aws.call(&Place::default(), request, AWS_WITHIN).await
}

/// What an error means where a thing of this stack should be.
fn failed(what: &str, error: &AwsError) -> SetupCheck {
    match error {
        AwsError::NotFound { .. } => SetupCheck::mend(
            format!("there is no {what}"),
            "is the stack's name right, and does AWS_REGION say where it is? Else deploy it again (docs/deploy.md)",
        ),
        AwsError::Denied { action, .. } => {
            SetupCheck::cannot_tell(format!("{what}: these credentials may not look ({action})"))
        }
        other => SetupCheck::cannot_tell(format!("{what}: {other}")),
    }
}

/// Source: AWS Lambda API Reference, GetFunctionConfiguration.
async fn of_function(stack: &Stack, aws: &Aws, function: &str) -> (SetupCheck, Option<Settings>) {
    let what = format!("function {}-{function}", stack.name());
    let path = format!("/2015-03-31/functions/{}-{function}/configuration", stack.name());
    let request = AwsRequest::Rest {
        service: "lambda",
        signing: "lambda",
        method: "GET",
        path: &path,
        query: &[("Qualifier", "live")],
        body: None,
    };
    let body = match call(aws, &request).await {
        Ok(answer) => answer.body,
        Err(error) => return (failed(&what, &error), None),
    };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let variable = |name: &str| text(&format!("/Environment/Variables/{name}")).parse::<url::Url>().ok();
    let settings = variable("FIRSTLOOK_SLACK_API")
        .zip(variable("FIRSTLOOK_PAGERDUTY_API"))
        .map(|(slack_api, pagerduty_api)| Settings { slack_api, pagerduty_api, inbox: None });
    let check = match (text("/State"), text("/LastUpdateStatus")) {
        ("Failed", _) => SetupCheck::mend(
            format!("{what} cannot run"),
            format!("Lambda says: {}; deploy it again", text("/StateReason")),
        ),
        (_, "Failed") => SetupCheck::mend(
            format!("{what} was not updated"),
            format!("Lambda says: {}; deploy it again", text("/LastUpdateStatusReason")),
        ),
        _ => SetupCheck::ok(format!("{what} is there, behind its alias `live`")),
    };
    (check, settings)
}

/// How many messages wait in the queue of this name. Source: Amazon SQS API Reference.
async fn waiting(aws: &Aws, name: &str) -> Result<u64, AwsError> {
    let request =
        |target, body| AwsRequest::Json { service: "sqs", signing: "sqs", target, version: JsonVersion::V1_0, body };
    let named = json!({ "QueueName": name });
    let answer = call(aws, &request("AmazonSQS.GetQueueUrl", &named)).await?;
    let asked = json!({
        "QueueUrl": answer.body.get("QueueUrl").cloned().unwrap_or_default(),
        "AttributeNames": ["ApproximateNumberOfMessages"],
    });
    let answer = call(aws, &request("AmazonSQS.GetQueueAttributes", &asked)).await?;
    let count = answer.body.pointer("/Attributes/ApproximateNumberOfMessages").and_then(Value::as_str);
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
}

async fn of_queue(stack: &Stack, aws: &Aws, queue: &str) -> SetupCheck {
    let name = format!("{}-{queue}", stack.name());
    let waits = match waiting(aws, &name).await {
        Ok(waits) => waits,
        Err(error) => return failed(&format!("queue {name}"), &error),
    };
    let letters = format!("{name}-dlq");
    match waiting(aws, &letters).await {
        Ok(0) => SetupCheck::ok(format!("queue {name}: {waits} waiting, no dead letters")),
        Ok(dead) => SetupCheck::mend(
            format!(
                "queue {letters} has {}",
                words::count(usize::try_from(dead).unwrap_or(usize::MAX), "dead letter", "dead letters")
            ),
            format!(
                "the log of {name} says why; when that is mended: firstlook redrive {queue} --stack {}",
                stack.name()
            ),
        ),
        Err(error) => failed(&format!("queue {letters}"), &error),
    }
}

/// Source: Amazon CloudWatch API Reference, DescribeAlarms.
async fn alarms(stack: &Stack, aws: &Aws) -> Vec<SetupCheck> {
    let prefix = format!("{}-", stack.name());
    let params = [("AlarmNamePrefix".to_owned(), prefix), ("MaxRecords".to_owned(), "100".to_owned())];
    let request = AwsRequest::Query {
        service: "monitoring",
        signing: "monitoring",
        action: "DescribeAlarms",
        version: "2010-08-01",
        params: &params,
    };
    let body = match call(aws, &request).await {
        Ok(answer) => answer.body,
        Err(error) => return vec![failed("alarms", &error)],
    };
    let alarms: Vec<&Value> = body.get("MetricAlarms").and_then(Value::as_array).into_iter().flatten().collect();
    let text = |alarm: &Value, field: &str| alarm.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    if alarms.is_empty() {
        return vec![SetupCheck::mend(
            "it has no alarms, so nobody hears of dead letters",
            "deploy infra/observability.yaml (docs/deploy.md)",
        )];
    }
    let firing: Vec<&&Value> = alarms.iter().filter(|alarm| text(alarm, "StateValue") == "ALARM").collect();
    let mut found: Vec<SetupCheck> = firing
        .iter()
        .map(|alarm| {
            let said = text(alarm, "AlarmDescription");
            let advice = if said.is_empty() { "docs/deploy.md says what each alarm means".to_owned() } else { said };
            SetupCheck::mend(format!("alarm {} fires", text(alarm, "AlarmName")), advice)
        })
        .collect();
    let told =
        |alarm: &Value| alarm.get("AlarmActions").map(|list| list.as_array().is_some_and(|list| !list.is_empty()));
    let told: Vec<Option<bool>> = alarms.iter().map(|alarm| told(alarm)).collect();
    found.push(if told.contains(&Some(true)) {
        let quiet = alarms.len() - firing.len();
        SetupCheck::ok(format!("alarms that are quiet: {quiet} of {}", alarms.len()))
    } else if told.contains(&Some(false)) {
        SetupCheck::mend(
            format!("its alarms ({}) tell nobody", alarms.len()),
            "deploy infra/observability.yaml with `Topic`, the ARN of an SNS topic that people hear",
        )
    } else {
        SetupCheck::cannot_tell("whether its alarms tell anybody: CloudWatch does not say")
    });
    found
}
