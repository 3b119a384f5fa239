//! What the deployment needs beside the functions: the Schedules as a CloudFormation template.

use std::fmt::Write as _;

use domain::Name;
use serde_json::{Value, json};

use crate::{Catalog, model::Schedule};

/// How many Schedules one template can hold: CloudFormation takes 500 resources, and the role and the group are two.
pub const MAX_SCHEDULES: usize = 498;

/// The Scheduler's limit of a description, in characters.
const DESCRIPTION: usize = 512;

/// The ARN of the queue that every Schedule sends to; that of its dead letters ends in `-dlq`.
const QUEUE: &str = "!Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Firstlook}-investigate";

const HEAD: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Description: The Schedules of a Firstlook catalog. Written by `firstlook render`; not to be edited (docs/deploy.md)

Parameters:
  Firstlook:
    { Type: String, Default: firstlook, Description: The stack of the functions. Its queues are named after it. }

Resources:
  Group:
    Type: AWS::Scheduler::ScheduleGroup
    Properties: { Name: !Ref AWS::StackName }

  # What is due is sent to the one queue, and what could not be is kept in its dead letters. Only these Schedules act so.
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: scheduler.amazonaws.com }
            Action: sts:AssumeRole
            Condition:
              StringEquals: { "aws:SourceAccount": !Ref AWS::AccountId, "aws:SourceArn": !GetAtt Group.Arn }
      Policies:
        - PolicyName: sends-to-investigate
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: sqs:SendMessage
                Resource:
                  - !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Firstlook}-investigate
                  - !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Firstlook}-investigate-dlq
"#;

impl Catalog {
    /// The catalog's Schedules as a CloudFormation template of their own: one group, one role, one `AWS::Scheduler::Schedule`
    /// each. The same documents always give the same text. A catalog without Schedules gives one without, so that deploying it
    /// takes away what was there.
    ///
    /// The target's input is [`domain::InvestigateMessage::ScheduleV1`], in which the Scheduler puts its own words in the place
    /// of `<aws.scheduler...>`: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>.
    #[must_use]
    pub fn to_schedules(&self) -> String {
        let mut template = HEAD.to_owned();
        for schedule in self.schedules.values() {
            // Writing to a String cannot fail.
            let _ = one(&mut template, schedule);
        }
        template
    }
}

fn one(to: &mut String, schedule: &Schedule) -> std::fmt::Result {
    let input = json!({
        "type": "schedule_v1",
        "schedule": schedule.name,
        "at": "<aws.scheduler.scheduled-time>",
        "id": "<aws.scheduler.execution-id>",
    });
    let described = schedule.description.as_deref().unwrap_or_default().chars().take(DESCRIPTION);
    let described: String = described.map(|c| if c.is_control() { ' ' } else { c }).collect();
    writeln!(to, "\n  {}:", logical_id(&schedule.name))?;
    writeln!(to, "    Type: AWS::Scheduler::Schedule")?;
    writeln!(to, "    Properties:")?;
    writeln!(to, "      Name: {}", text(schedule.name.as_str()))?;
    writeln!(to, "      GroupName: !Ref Group")?;
    writeln!(to, "      Description: {}", text(&described))?;
    writeln!(to, "      ScheduleExpression: {}", text(&schedule.schedule))?;
    writeln!(to, "      ScheduleExpressionTimezone: {}", text(&schedule.timezone))?;
    writeln!(to, "      State: {}", if schedule.paused { "DISABLED" } else { "ENABLED" })?;
    writeln!(to, "      FlexibleTimeWindow: {{ Mode: \"OFF\" }}")?;
    writeln!(to, "      Target:")?;
    writeln!(to, "        Arn: {QUEUE}")?;
    writeln!(to, "        RoleArn: !GetAtt Role.Arn")?;
    writeln!(to, "        Input: {}", text(&input.to_string()))?;
    // An hour late, a look says nothing of the time it was meant for.
    writeln!(to, "        RetryPolicy: {{ MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 185 }}")?;
    writeln!(to, "        DeadLetterConfig:")?;
    writeln!(to, "          Arn: {QUEUE}-dlq")
}

/// A text in YAML's double quotes, which JSON's are.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// Letters and digits only. Names have no capitals, so no two of them become one.
fn logical_id(name: &Name) -> String {
    format!("Schedule{}", name.as_str().replace('-', "X"))
}

#[cfg(test)]
mod tests {
    use crate::load_texts;

    const REST: &str = "
---
kind: Task
name: look
access: read-only
title: Look
run: { http: { url: 'https://shop.example/healthz' } }
---
kind: Command
name: triage
description: Is it up
tasks: [{ id: look, task: look }]
";

    fn rendered(schedules: &str) -> String {
        let text = format!("{schedules}{REST}");
        let loaded = load_texts([(std::path::Path::new("all.yaml"), text.as_str())]);
        loaded.catalog.unwrap_or_else(|| panic!("{:?}", loaded.problems)).to_schedules()
    }

    #[test]
    fn a_schedule_is_one_resource_with_the_message_that_investigate_reads() {
        let template = rendered(
            "kind: Schedule
name: nightly-2
description: \"Says: \\\"all well\\\"\\nor not #1\"
schedule: cron(0 3 ? * MON-FRI *)
timezone: Europe/Berlin
paused: true
command: triage
",
        );
        let (_, resource) = template.split_once("\n  SchedulenightlyX2:").unwrap();
        insta::assert_snapshot!(resource, @r##"

        Type: AWS::Scheduler::Schedule
        Properties:
          Name: "nightly-2"
          GroupName: !Ref Group
          Description: "Says: \"all well\" or not #1"
          ScheduleExpression: "cron(0 3 ? * MON-FRI *)"
          ScheduleExpressionTimezone: "Europe/Berlin"
          State: DISABLED
          FlexibleTimeWindow: { Mode: "OFF" }
          Target:
            Arn: !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Firstlook}-investigate
            RoleArn: !GetAtt Role.Arn
            Input: "{\"at\":\"<aws.scheduler.scheduled-time>\",\"id\":\"<aws.scheduler.execution-id>\",\"schedule\":\"nightly-2\",\"type\":\"schedule_v1\"}"
            RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 185 }
            DeadLetterConfig:
              Arn: !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Firstlook}-investigate-dlq
        "##);
        let input = resource.lines().find_map(|line| line.trim().strip_prefix("Input: ")).unwrap();
        let input: String = serde_json::from_str(input).unwrap();
        let sent = input.replace("<aws.scheduler.scheduled-time>", "2026-11-22T10:00:00Z");
        let domain::InvestigateMessage::ScheduleV1 { schedule, at, .. } = serde_json::from_str(&sent).unwrap() else {
            panic!("{sent}")
        };
        assert_eq!((schedule.as_str(), at.to_string().as_str()), ("nightly-2", "2026-11-22T10:00:00Z"));
    }

    #[test]
    fn names_that_look_alike_stay_two_resources() {
        let both = ["a-1", "a1", "a--1", "ax1"]
            .map(|name| format!("---\nkind: Schedule\nname: {name}\nschedule: rate(1 day)\ncommand: triage\n"));
        let template = rendered(&both.concat());
        let ids: std::collections::BTreeSet<&str> =
            template.lines().filter(|line| line.starts_with("  Schedule")).collect();
        assert_eq!(ids.len(), 4, "{ids:?}");
    }
}
