//! A deployed stack: what it says of itself, its secret, table, functions, queues and alarms, seen with the person's own rights.

use std::path::PathBuf;

use awscall::{Aws, AwsAnswer, AwsError, AwsRequest, JsonVersion, Place};
use catalog::{Catalog, model::Scheme};
use console::words;
use deliver::LINK_KEY;
use jiff::tz::TimeZone;
use outlets::Settings;
use ports::{Clock, ReadSecret, SecretError, SetupCheck, SystemClock};
use serde_json::{Value, json};

use super::{
    AWS_WITHIN, Group, alarms,
    doors::Doors,
    schedules,
    secrets::{self, Form, Secrets},
};
use crate::{
    cli::Doctor as Args,
    stack::{Stack, advice},
};

/// What else needs the stack.
pub(super) struct Seen {
    pub group: Group,
    pub secrets: Secrets,
    /// Where its deliver calls the providers, if that may be seen.
    pub settings: Option<Settings>,
    /// Where it is reached, if it says so.
    pub doors: Option<Doors>,
}

/// Looks at the stack itself, which is to run `catalog`.
pub(super) async fn look(stack: &Stack, aws: &Aws, args: &Args, catalog: &Catalog) -> Seen {
    let world = &args.world;
    let mut group = Group::new(format!("Stack {}", stack.name()), "");
    let outputs = stack.outputs().await;
    let secret_id = world.secret_id.clone().or_else(|| outputs.as_ref().ok()?.get("SecretArn").cloned());
    let secret_id = secret_id.unwrap_or_else(|| format!("{}-secrets", stack.name()));
    group.checks.push(match &outputs {
        Ok(outputs) => {
            match ["HooksUrl", "ConsoleUrl", "SecretArn"].iter().find(|name| !outputs.contains_key(**name)) {
                None => SetupCheck::ok("it says where its hooks, its console and its secret are"),
                Some(name) => SetupCheck::mend(
                    format!("it has no output `{name}`"),
                    "is it a stack of infra/template.yaml? Deploy it again (docs/deploy.md)",
                ),
            }
        }
        Err(error) => refused("its outputs", error),
    });
    let secrets = Secrets::new(stack.secrets(&secret_id), secrets::Place::Stack(secret_id));
    match secrets.read(LINK_KEY).await {
        Err(error @ SecretError::Port(_)) => group.checks.push(refused("its secret", &error)),
        // Without it deliveries have no links.
        _ => {
            secrets.check_for(LINK_KEY, " for the links of deliveries", Form::LinkKey, &mut group.checks).await;
        }
    }
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    group.checks.push(match stack.reader().runs_of_day(today, 1, None).await {
        Ok(_) => SetupCheck::ok("its table can be read"),
        Err(error) => refused("its table", &error),
    });
    let function = |name| of_function(stack, aws, name);
    let ((ingest, _), (investigate, _), (deliver, settings), (console, _), runs, deliveries, (handed_over, letters)) = tokio::join!(
        function("ingest"),
        function("investigate"),
        function("deliver"),
        function("console"),
        of_queue(stack, aws, "investigate"),
        of_queue(stack, aws, "deliver"),
        of_alarms(stack, aws, catalog),
    );
    group.checks.extend([ingest, investigate, deliver, console, runs, deliveries]);
    group.checks.extend(letters);
    group.checks.extend(alarms::look(stack.name(), aws, handed_over).await);
    for schedule in catalog.schedules.values() {
        group.checks.push(schedules::look(aws, stack.name(), schedule).await);
    }
    let doors = outputs.ok().and_then(|outputs| {
        let at = |output: &str| args.url.clone().or_else(|| outputs.get(output).cloned());
        // The same roots as for the rest of the stack.
        let extra_ca = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from);
        Some(Doors { stack: stack.name().to_owned(), hooks: at("HooksUrl")?, console: at("ConsoleUrl")?, extra_ca })
    });
    if let Some(doors) = &doors {
        group.checks.push(doors.check_console().await);
    }
    Seen { group, secrets, settings, doors }
}

/// What an error of another way to AWS comes to.
fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> SetupCheck {
    let why = ports::chain(error);
    let advice = advice(error).map(|advice| format!("; {advice}")).unwrap_or_default();
    SetupCheck::mend(format!("{what} cannot be read"), format!("{why}{advice}"))
}

pub(super) async fn call(aws: &Aws, request: &AwsRequest<'_>) -> Result<AwsAnswer, AwsError> {
    aws.call(&Place::default(), request, AWS_WITHIN).await
}

/// What an error means where a thing of this stack should be.
pub(super) fn failed(what: &str, error: &AwsError) -> SetupCheck {
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

/// What so many dead letters in the queue `letters` mean: `function` has failed them, and `redrive` brings them back.
fn of_letters(
    stack: &Stack,
    letters: &str,
    dead: u64,
    function: &str,
    redrive: &str,
    well: impl FnOnce() -> String,
) -> SetupCheck {
    if dead == 0 {
        return SetupCheck::ok(well());
    }
    let count = words::count(usize::try_from(dead).unwrap_or(usize::MAX), "dead letter", "dead letters");
    let stack = stack.name();
    SetupCheck::mend(
        format!("queue {letters} has {count}"),
        format!(
            "the log of {stack}-{function} says why; when that is mended: firstlook redrive {redrive} --stack {stack}"
        ),
    )
}

async fn of_queue(stack: &Stack, aws: &Aws, queue: &str) -> SetupCheck {
    let name = format!("{}-{queue}", stack.name());
    let waits = match waiting(aws, &name).await {
        Ok(waits) => waits,
        Err(error) => return failed(&format!("queue {name}"), &error),
    };
    let letters = format!("{name}-dlq");
    match waiting(aws, &letters).await {
        Ok(dead) => of_letters(stack, &letters, dead, queue, queue, || {
            format!("queue {name}: {waits} waiting, no dead letters")
        }),
        Err(error) => failed(&format!("queue {letters}"), &error),
    }
}

/// The stack that hands alarms over: whether it is there, and what of it is to be said. It is wanted where a Source takes what AWS
/// itself hands over.
async fn of_alarms(stack: &Stack, aws: &Aws, catalog: &Catalog) -> (bool, Option<SetupCheck>) {
    let letters = format!("{}-alarms-dlq", stack.name());
    let source = catalog.sources.values().find(|source| source.scheme() == Some(Scheme::Iam));
    match (waiting(aws, &letters).await, source) {
        (Ok(dead), _) => (
            true,
            Some(of_letters(stack, &letters, dead, "ingest", "alarms", || format!("queue {letters}: no dead letters"))),
        ),
        (Err(AwsError::NotFound { .. }), None) => (false, None),
        (Err(AwsError::NotFound { .. }), Some(source)) => (
            false,
            Some(SetupCheck::mend(
                format!("nothing hands alarms to Source {}: there is no queue {letters}", source.name),
                "deploy infra/cloudwatch.yaml (docs/sources/cloudwatch.md)",
            )),
        ),
        (Err(error), _) => (false, Some(failed(&format!("queue {letters}"), &error))),
    }
}
