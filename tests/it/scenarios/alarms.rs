//! CloudWatch alarms that come without HTTP: `infra/cloudwatch.yaml` beside the stack, and what AWS hands to ingest.

use std::time::Duration;

use domain::{IncidentState, RunStatus, RunView};
use inbox::Service;
use jiff::Timestamp;
use ports::{Queue, SendMessage};
use serde_json::{Value, json};

use super::{aws::Aws, command_line::Terminal, incident};
use crate::{
    aws_world::deploy::STACK,
    support::world::{World, posts, until},
};

fn arn(name: &str) -> String {
    format!("arn:aws:cloudwatch:eu-central-1:000000000000:alarm:{name}")
}

fn state(name: &str, value: &str, at: Timestamp) -> Value {
    json!({
        "alarmName": name,
        "state": {"value": value, "reason": "Threshold Crossed", "timestamp": at.to_string()},
        "previousState": {"value": if value == "OK" { "ALARM" } else { "OK" }},
        "configuration": {"description": "Orders do not arrive", "metrics": []}
    })
}

/// What EventBridge hands over.
fn by_event_bridge(name: &str, value: &str, at: Timestamp) -> Value {
    json!({
        "version": "0", "id": format!("{name}-{value}"), "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch", "account": "000000000000", "time": at.to_string(), "region": "eu-central-1",
        "resources": [arn(name)], "detail": state(name, value, at)
    })
}

/// What an alarm's own action hands over.
fn by_itself(name: &str, value: &str, at: Timestamp) -> Value {
    json!({
        "source": "aws.cloudwatch", "alarmArn": arn(name), "accountId": "000000000000", "time": at.to_string(),
        "region": "eu-central-1", "alarmData": state(name, value, at)
    })
}

/// The run about an alarm: nobody is told its id, since nobody waits for the answer.
async fn run_of(world: &Aws, name: &str, enough: impl Fn(&RunView) -> bool + Send + Sync) -> RunView {
    let reader = world.reader();
    until(&format!("the run about {name}"), async || {
        let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let runs = reader.runs_of_day(day, 100, None).await.unwrap().runs;
        let of = |run: &&domain::Run| run.alert.as_ref().is_some_and(|alert| alert.external_id == arn(name));
        let found: Vec<_> = runs.iter().filter(of).collect();
        assert!(found.len() <= 1, "I3: one run about {name}");
        let view = reader.view(found.first()?.id).await.unwrap()?;
        enough(&view).then_some(view)
    })
    .await
}

/// By the alarm itself and through EventBridge, twice and in both ways: one run, which the alarm's end reaches.
pub async fn an_alarm_that_aws_hands_over_becomes_a_run(world: &Aws) {
    world.deployment.take_alarms("").await;
    let (name, fired) = (incident("alarm"), Timestamp::now());
    let direct = by_itself(&name, "ALARM", fired).to_string().into_bytes();
    assert_eq!(world.deployment.invoke_ingest(direct.clone()).await, 202);
    let view = run_of(world, &name, |view| view.run.status.is_terminal()).await;
    assert_eq!(view.run.status, RunStatus::Concluded);
    assert_eq!(view.run.workflow.as_ref().unwrap().as_str(), "alarms");

    let again = by_event_bridge(&name, "ALARM", fired).to_string().into_bytes();
    for repeated in [direct, again] {
        assert_eq!(world.deployment.invoke_ingest(repeated).await, 202);
    }
    run_of(world, &name, |view| view.run.counts.duplicates == 2).await;

    let over = by_event_bridge(&name, "OK", Timestamp::now()).to_string().into_bytes();
    assert_eq!(world.deployment.invoke_ingest(over).await, 202);
    let view = run_of(world, &name, |view| matches!(view.run.incident, IncidentState::Resolved { .. })).await;
    assert_eq!(posts(world, Service::Slack, view.run.id).len(), 1);
    through_a_rule(world).await;
    i5_dead_letters_come_back(world).await;
}

/// What EventBridge could not hand over, and what ingest failed three times.
async fn i5_dead_letters_come_back(world: &Aws) {
    let terminal = Terminal::open(world).await;
    let letters = world.deployment.alarm_letters().await;
    let (unreached, failed) = (incident("unreached"), incident("failed"));
    let event = by_event_bridge(&unreached, "ALARM", Timestamp::now());
    let record = json!({
        "version": "1.0", "timestamp": Timestamp::now().to_string(),
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": by_itself(&failed, "ALARM", Timestamp::now()),
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"}, "responsePayload": null
    });
    for letter in [event, record] {
        letters.send(Queue::AlarmsDlq, &letter.to_string(), "lost", Duration::ZERO).await.unwrap();
    }
    let said = terminal.well(&["redrive", "alarms", "--stack", STACK]).await;
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("alarms: 2\n", ""));
    for name in [unreached, failed] {
        let view = run_of(world, &name, |view| view.run.status.is_terminal()).await;
        assert_eq!(view.run.status, RunStatus::Concluded, "{name}");
    }
    let depth = letters.depth(Queue::AlarmsDlq).await.unwrap();
    assert_eq!(depth.visible + depth.in_flight, 0);
}

/// Nobody but AWS may put an event of `aws.cloudwatch` onto a bus, in the emulator too. So a rule for a source of ours hands
/// on what that of `infra/cloudwatch.yaml` would.
async fn through_a_rule(world: &Aws) {
    let (api, name) = (world.deployment.api(), incident("bus"));
    let event = by_event_bridge(&name, "ALARM", Timestamp::now());
    let pattern = json!({"source": ["firstlook.tests"]}).to_string();
    api.event_bridge("PutRule", &json!({"Name": "as-alarms", "EventPattern": pattern})).await;
    let target = json!({"Id": "ingest", "Arn": world.deployment.output("IngestArn"), "Input": event.to_string()});
    api.event_bridge("PutTargets", &json!({"Rule": "as-alarms", "Targets": [target]})).await;
    let entry = json!({"Source": "firstlook.tests", "DetailType": "test", "Detail": "{}"});
    let put = api.event_bridge("PutEvents", &json!({"Entries": [entry]})).await;
    assert_eq!(put["FailedEntryCount"], 0, "{put}");
    let view = run_of(world, &name, |view| view.run.status.is_terminal()).await;
    assert_eq!(view.run.status, RunStatus::Concluded);
}
