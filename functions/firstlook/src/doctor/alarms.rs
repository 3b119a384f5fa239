//! The alarms of a stack, by the very names that `infra/observability.yaml` and `infra/cloudwatch.yaml` give them: what else
//! begins with the stack's name is not Firstlook's.

use awscall::{Aws, AwsError, AwsRequest, JsonVersion};
use ports::SetupCheck;
use serde_json::{Value, json};

use super::stack::{call, failed};

/// Those of `infra/observability.yaml`, behind the stack's name and a hyphen.
const WATCH: [&str; 14] = [
    "investigate-dead-letters",
    "deliver-dead-letters",
    "investigate-late",
    "deliver-late",
    "ingest-errors",
    "ingest-throttles",
    "investigate-errors",
    "investigate-throttles",
    "deliver-errors",
    "deliver-throttles",
    "console-errors",
    "console-throttles",
    "api-errors",
    "api-throttled",
];

/// That of `infra/cloudwatch.yaml`.
const HANDED_OVER: &str = "alarms-dead-letters";

/// What the names of those end with without which nobody hears that something is lost.
const DEAD: &str = "-dead-letters";

const DEPLOY: &str = "deploy infra/observability.yaml again (docs/deploy.md)";

/// Looks at the alarms of `stack`, with that of the alarms' stack where that is deployed too (`with_alarms`).
pub(super) async fn look(stack: &str, aws: &Aws, with_alarms: bool) -> Vec<SetupCheck> {
    let wanted: Vec<String> =
        WATCH.iter().chain(with_alarms.then_some(&HANDED_OVER)).map(|name| format!("{stack}-{name}")).collect();
    let known = match describe(aws, &wanted).await {
        Ok(known) => known,
        Err(error) => return vec![failed("alarms", &error)],
    };
    let text = |alarm: &Value, field: &str| alarm.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    // What was not asked for is not judged, whatever an answer holds.
    let known: Vec<(&String, &Value)> = wanted
        .iter()
        .filter_map(|name| Some((name, known.iter().find(|alarm| text(alarm, "AlarmName") == *name)?)))
        .collect();
    if known.is_empty() {
        return vec![SetupCheck::mend(
            "it has no alarms, so nobody hears of dead letters",
            "deploy infra/observability.yaml (docs/deploy.md)",
        )];
    }
    let mut found = Vec::new();
    let missing: Vec<&str> =
        wanted.iter().filter(|name| !known.iter().any(|(known, _)| known == name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let of_alarms = missing.iter().any(|name| name.ends_with(&format!("-{HANDED_OVER}")));
        let advice = if of_alarms { format!("{DEPLOY}, and infra/cloudwatch.yaml") } else { DEPLOY.to_owned() };
        found.push(SetupCheck::mend(format!("alarms that are missing: {}", missing.join(", ")), advice));
    }
    let (mut firing, mut silent) = (0, Vec::new());
    for (name, alarm) in &known {
        if text(alarm, "StateValue") == "ALARM" {
            firing += 1;
            let said = text(alarm, "AlarmDescription");
            let advice = if said.is_empty() { "docs/deploy.md says what each alarm means".to_owned() } else { said };
            found.push(SetupCheck::mend(format!("alarm {name} fires"), advice));
        }
        if !tells(alarm) {
            silent.push(name.as_str());
        }
    }
    let deaf: Vec<&str> = silent.iter().copied().filter(|name| name.ends_with(DEAD)).collect();
    if !deaf.is_empty() {
        found.push(SetupCheck::mend(
            format!("alarms of dead letters that tell nobody: {}", deaf.join(", ")),
            "deploy their template with `Topic`, the ARN of an SNS topic that people hear, and leave their actions on",
        ));
    }
    let quiet = format!("alarms that are quiet: {} of {}", known.len() - firing, known.len());
    // Which of the others people want to hear is theirs to say.
    let others: Vec<&str> = silent.into_iter().filter(|name| !name.ends_with(DEAD)).collect();
    found.push(SetupCheck::ok(match others.len() {
        0 => quiet,
        count => format!("{quiet} ({count} not of dead letters have no action)"),
    }));
    found
}

/// Whether somebody is told when it goes off.
fn tells(alarm: &Value) -> bool {
    let enabled = alarm.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true);
    enabled && alarm.get("AlarmActions").and_then(Value::as_array).is_some_and(|actions| !actions.is_empty())
}

/// Those of `names` that there are. Source: Amazon CloudWatch API Reference, DescribeAlarms, which takes 100 names.
async fn describe(aws: &Aws, names: &[String]) -> Result<Vec<Value>, AwsError> {
    let body = json!({ "AlarmNames": names, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100 });
    let request = AwsRequest::Json {
        service: "monitoring",
        signing: "monitoring",
        target: "GraniteServiceVersion20100801.DescribeAlarms",
        version: JsonVersion::V1_0,
        body: &body,
    };
    let answer = call(aws, &request).await?;
    Ok(answer.body.get("MetricAlarms").and_then(Value::as_array).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Json, Router};
    use ports::Standing;

    use super::*;
    use crate::doctor::tests::aws_at;

    /// CloudWatch with these alarms, which gives those that it is asked for, and with them one that nobody asked for.
    async fn cloudwatch(alarms: Vec<Value>) -> Aws {
        let answer = move |asked: String| {
            let asked: Value = serde_json::from_str(&asked).unwrap();
            let wanted = asked["AlarmNames"].as_array().cloned();
            let prefix = asked["AlarmNamePrefix"].as_str().map(str::to_owned);
            let is_wanted = move |alarm: &Value| match (&wanted, &prefix) {
                (Some(names), _) => names.contains(&alarm["AlarmName"]),
                (None, Some(prefix)) => alarm["AlarmName"].as_str().unwrap().starts_with(prefix.as_str()),
                (None, None) => true,
            };
            let found: Vec<Value> = alarms.iter().filter(|alarm| is_wanted(alarm)).cloned().collect();
            async move { Json(json!({ "MetricAlarms": found })) }
        };
        aws_at(Router::new().fallback(answer)).await
    }

    fn alarm(name: &str, state: &str, actions: &[&str]) -> Value {
        json!({ "AlarmName": name, "StateValue": state, "ActionsEnabled": true, "AlarmActions": actions })
    }

    fn all(actions: &[&str]) -> Vec<Value> {
        WATCH.iter().map(|name| alarm(&format!("prod-{name}"), "OK", actions)).collect()
    }

    async fn said(alarms: Vec<Value>, with_alarms: bool) -> Vec<(bool, String)> {
        let found = look("prod", &cloudwatch(alarms).await, with_alarms).await;
        found.into_iter().map(|check| (check.standing == Standing::Ok, check.what)).collect()
    }

    #[tokio::test]
    async fn alarms_of_others_that_begin_with_the_stacks_name_are_not_judged() {
        let of_others = || [alarm("prod-api-5xx", "ALARM", &["arn:aws:sns:x"]), alarm("prod-checkout", "OK", &["x"])];
        let none = (false, "it has no alarms, so nobody hears of dead letters".to_owned());
        assert_eq!(said(of_others().into(), false).await, [none]);
        let both: Vec<Value> = of_others().into_iter().chain(all(&["arn:aws:sns:x"])).collect();
        assert_eq!(said(both, false).await, [(true, "alarms that are quiet: 14 of 14".to_owned())]);
    }

    #[tokio::test]
    async fn each_alarm_that_is_missing_is_named() {
        let mut some = all(&["x"]);
        some.retain(|alarm| alarm["AlarmName"] != "prod-deliver-dead-letters");
        assert_eq!(
            said(some, true).await,
            [
                (false, "alarms that are missing: prod-deliver-dead-letters, prod-alarms-dead-letters".to_owned()),
                (true, "alarms that are quiet: 13 of 13".to_owned())
            ]
        );
    }

    #[tokio::test]
    async fn both_alarms_of_dead_letters_must_tell_somebody() {
        let mut one = all(&["x"]);
        one[1]["AlarmActions"] = json!([]);
        one[0]["ActionsEnabled"] = json!(false);
        one[5]["AlarmActions"] = json!([]);
        one[6]["StateValue"] = json!("ALARM");
        assert_eq!(
            said(one, false).await,
            [
                (false, "alarm prod-investigate-errors fires".to_owned()),
                (
                    false,
                    "alarms of dead letters that tell nobody: prod-investigate-dead-letters, prod-deliver-dead-letters"
                        .to_owned()
                ),
                (true, "alarms that are quiet: 13 of 14 (1 not of dead letters have no action)".to_owned())
            ]
        );
    }

    /// Else an alarm that is added would not be looked for, and one that is renamed would be missed for ever.
    #[test]
    fn the_names_are_those_of_the_templates() {
        let names = |template: &str| -> BTreeSet<String> {
            let lines = template.lines().filter_map(|line| line.trim().strip_prefix("AlarmName: !Sub ${Firstlook}-"));
            lines.map(str::to_owned).collect()
        };
        let watch = names(include_str!("../../../../infra/observability.yaml"));
        assert_eq!(watch, WATCH.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(include_str!("../../../../infra/cloudwatch.yaml")), [HANDED_OVER.to_owned()].into());
    }
}
