//! What `infra/template.yaml` promises: numbers that hang together, an environment that fits the functions, roles with
//! the verbs of their ports and no more.

use std::{collections::BTreeSet, fmt, fs};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json};
use serde_saphyr::Tagged;

use super::build::{self, FUNCTIONS};

/// A node of a template, with CloudFormation's tags in their long form: `!Ref X` is `{"Ref": "X"}`.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Untagged(value), tag) = Tagged::deserialize(deserializer)?;
        Ok(Self(match tag.as_deref().and_then(|tag| tag.strip_prefix('!')) {
            None => value,
            Some("Ref") => json!({ "Ref": value }),
            Some("GetAtt") => {
                let path = value.as_str().expect("`!GetAtt` with a text").split_once('.').expect("a dot in it");
                json!({ "Fn::GetAtt": [path.0, path.1] })
            }
            Some(function) => json!({ format!("Fn::{function}"): value }),
        }))
    }
}

struct Untagged(Value);

impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
                Ok(truth.into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(number.into())
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(number.into())
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(text.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(Node(value)) = nodes.next_element()? {
                    values.push(value);
                }
                Ok(values.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut nodes: A) -> Result<Value, A::Error> {
                let mut values = Map::new();
                while let Some((key, Node(value))) = nodes.next_entry()? {
                    values.insert(key, value);
                }
                Ok(values.into())
            }
        }
        deserializer.deserialize_any(Any).map(Self)
    }
}

fn text(name: &str) -> String {
    fs::read_to_string(build::workspace().join("infra").join(name)).unwrap()
}

pub(super) fn template(name: &str) -> Value {
    serde_saphyr::from_str::<Node>(&text(name)).unwrap().0
}

/// A property of a resource, as it is when nobody sets a parameter.
fn property(template: &Value, resource: &str, name: &str) -> Value {
    let value = &template["Resources"][resource]["Properties"][name];
    assert!(!value.is_null(), "{resource} has no {name}");
    settled(template, value)
}

fn settled(template: &Value, value: &Value) -> Value {
    match value.get("Ref").and_then(Value::as_str).map(|name| &template["Parameters"][name]["Default"]) {
        Some(default) if !default.is_null() => default.clone(),
        _ => value.clone(),
    }
}

fn number(template: &Value, resource: &str, name: &str) -> u64 {
    let value = property(template, resource, name);
    value.as_u64().unwrap_or_else(|| panic!("{resource}: {name} is no number but {value}"))
}

/// `investigate` as the resources are named: `Investigate`.
fn capital(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    first.to_uppercase() + rest
}

pub(super) fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let all = template["Resources"].as_object().unwrap();
    all.iter().filter(|(_, resource)| resource["Type"] == kind).collect()
}

#[test]
fn a_message_stays_invisible_until_its_function_has_surely_ended() {
    let template = template("template.yaml");
    for function in ["Investigate", "Deliver"] {
        let timeout = number(&template, &format!("{function}Function"), "Timeout");
        let visibility = number(&template, &format!("{function}Queue"), "VisibilityTimeout");
        assert!(visibility >= 6 * timeout, "{function}: AWS advises six times the timeout");
        let lease = template["Parameters"]["LeaseSeconds"]["Default"].as_u64().unwrap();
        assert!(lease < visibility, "{function}: a killed run goes on by its lease and before the visibility ends");
        assert!(2 * lease <= timeout, "{function}: a lease is renewed while its holder is at work");
    }
}

#[test]
fn i5_a_message_is_tried_often_enough_and_kept_long_enough() {
    let template = template("template.yaml");
    for queue in ["Investigate", "Deliver"] {
        let (name, dead) = (format!("{queue}Queue"), format!("{queue}Dlq"));
        let redrive = property(&template, &name, "RedrivePolicy");
        assert_eq!(redrive["deadLetterTargetArn"], json!({ "Fn::GetAtt": [dead, "Arn"] }));
        assert!(settled(&template, &redrive["maxReceiveCount"]).as_u64().unwrap() >= 5);
        let kept = number(&template, &name, "MessageRetentionPeriod");
        assert!(number(&template, &dead, "MessageRetentionPeriod") > kept, "a dead letter keeps its first age");
        // The largest body that ingest takes must fit.
        for queue in [&name, &dead] {
            assert_eq!(number(&template, queue, "MaximumMessageSize"), 1024 * 1024);
            assert_eq!(property(&template, queue, "SqsManagedSseEnabled"), true);
        }
        let sources = property(&template, &dead, "RedriveAllowPolicy")["sourceQueueArns"][0]["Fn::Sub"].clone();
        assert!(sources.as_str().unwrap().ends_with(&format!(":${{AWS::StackName}}-{}", queue.to_lowercase())));
    }
}

#[test]
fn a_failed_message_comes_back_alone() {
    let template = template("template.yaml");
    for (function, batch) in [("Investigate", 1), ("Deliver", 10)] {
        let mapping = &property(&template, &format!("{function}Function"), "Events")["Queue"]["Properties"];
        assert_eq!(mapping["Queue"], json!({ "Fn::GetAtt": [format!("{function}Queue"), "Arn"] }));
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        assert_eq!(mapping["BatchSize"], batch);
        let concurrency = mapping["ScalingConfig"]["MaximumConcurrency"].as_u64().unwrap();
        assert!((2..=1000).contains(&concurrency), "AWS takes 2 to 1000");
    }
}

#[test]
fn i5_as_many_deliveries_may_hang_as_in_the_local_world() {
    let template = template("template.yaml");
    let mapping = &property(&template, "DeliverFunction", "Events")["Queue"]["Properties"];
    assert_eq!(mapping["ScalingConfig"]["MaximumConcurrency"], deliver::AT_ONCE);
}

#[test]
fn i5_lambda_takes_no_long_wait_for_a_loop() {
    let template = template("template.yaml");
    for function in FUNCTIONS {
        let waits = matches!(function, "investigate" | "deliver");
        let properties = &template["Resources"][format!("{}Function", capital(function))]["Properties"];
        assert_eq!(properties["RecursiveLoop"] == "Allow", waits, "{function}: it sends to the queue that it reads");
    }
}

#[test]
fn the_functions_behind_the_api_end_before_it_gives_up() {
    let template = template("template.yaml");
    // An HTTP API cuts an integration off after 30 s.
    assert!(number(&template, "ConsoleFunction", "Timeout") < 30);
    let ingest = number(&template, "IngestFunction", "Timeout");
    assert!(ingest < 30 && ingest > ingest::ANSWER_WITHIN.as_secs());
}

#[test]
fn the_environment_is_the_one_that_the_functions_read() {
    // Read, and left at its default.
    let defaults = BTreeSet::from(["FIRSTLOOK_WARMUP"]);
    let template = template("template.yaml");
    let read = [ingest::context::ENV, investigate::context::ENV, deliver::context::ENV, console::context::ENV];
    for (function, read) in FUNCTIONS.into_iter().zip(read) {
        let given = property(&template, &format!("{}Function", capital(function)), "Environment");
        let given: BTreeSet<&str> = given["Variables"].as_object().unwrap().keys().map(String::as_str).collect();
        let read: BTreeSet<&str> = read.iter().copied().filter(|name| !defaults.contains(name)).collect();
        assert_eq!(given, read, "{function}");
    }
    let default = |name: &str| template["Parameters"][name]["Default"].as_str().unwrap().to_owned();
    assert_eq!(default("SlackApi"), deliver::context::SLACK_API);
    assert_eq!(default("PagerDutyApi"), deliver::context::PAGERDUTY_API);
}

/// The actions of a role, each with its resource, in the order of the template.
fn allowed(template: &Value, role: &str) -> Vec<(String, String)> {
    let statements = property(template, role, "Policies")[0]["PolicyDocument"]["Statement"].clone();
    let mut allowed = Vec::new();
    for statement in statements.as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let listed = |name: &str| match &statement[name] {
            Value::Array(values) => values.clone(),
            one => vec![one.clone()],
        };
        for action in listed("Action") {
            for resource in listed("Resource") {
                allowed.push((action.as_str().unwrap().to_owned(), short(&resource)));
            }
        }
    }
    allowed.sort();
    allowed
}

/// A resource's reference in a word: `Table`, `Table/index/gsi1`, `Secret`.
fn short(resource: &Value) -> String {
    if let Some(logical) = resource["Fn::GetAtt"][0].as_str() {
        assert_eq!(resource["Fn::GetAtt"][1], "Arn");
        return logical.to_owned();
    }
    if let Some(text) = resource["Fn::Sub"].as_str() {
        return text.replace("${Table.Arn}", "Table");
    }
    assert_eq!(
        *resource,
        json!({ "Fn::If": ["MakesSecret", { "Fn::GetAtt": ["Secret", "Id"] }, { "Ref": "SecretArn" }] })
    );
    "Secret".to_owned()
}

#[test]
fn i2_each_role_has_the_verbs_of_its_ports_and_no_more() {
    let template = template("template.yaml");
    let expected = |lines: &[(&str, &[&str])]| {
        let pairs = lines.iter().flat_map(|(resource, actions)| {
            actions.iter().map(|action| ((*action).to_owned(), (*resource).to_owned()))
        });
        let mut pairs: Vec<(String, String)> = pairs.collect();
        pairs.sort();
        pairs
    };
    let log: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
    let secret: &[&str] = &["secretsmanager:GetSecretValue"];
    let read: &[&str] = &["dynamodb:GetItem", "dynamodb:Query"];
    let write = ["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
    let table: &[&str] = &[read, &write].concat();
    let own: &[&str] = &[
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];
    let send: &[&str] = &["sqs:SendMessage"];
    let knock: &[&str] = &["sqs:GetQueueAttributes", "sqs:SendMessage"];

    // Ingest has no rights on the table.
    let ingest = expected(&[("IngestLog", log), ("InvestigateQueue", knock), ("Secret", secret)]);
    assert_eq!(allowed(&template, "IngestRole"), ingest);
    let investigate = expected(&[
        ("InvestigateLog", log),
        ("Table", table),
        // Earlier runs that fired alike.
        ("Table/index/gsi2", &["dynamodb:Query"]),
        ("InvestigateQueue", own),
        ("DeliverQueue", send),
        ("Secret", secret),
    ]);
    assert_eq!(allowed(&template, "InvestigateRole"), investigate);
    let deliver = expected(&[
        ("DeliverLog", log),
        ("Table", table),
        // The newest runs, for who asks in a chat.
        ("Table/index/gsi1", &["dynamodb:Query"]),
        ("DeliverQueue", own),
        ("DeliverDlq", send),
        ("Secret", secret),
    ]);
    assert_eq!(allowed(&template, "DeliverRole"), deliver);
    let console = expected(&[
        ("ConsoleLog", log),
        ("Table", read),
        ("Table/index/gsi1", read),
        ("Table/index/gsi2", read),
        ("Secret", secret),
    ]);
    assert_eq!(allowed(&template, "ConsoleRole"), console);
    // No managed policies beside them, and no roles but these.
    assert_eq!(resources(&template, "AWS::IAM::Role").len(), FUNCTIONS.len());
    for (name, role) in resources(&template, "AWS::IAM::Role") {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
        assert_eq!(role["Properties"]["Policies"].as_array().unwrap().len(), 1, "{name}");
    }
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        assert!(function["Properties"]["Policies"].is_null(), "{name}: SAM's policies allow more");
    }
    assert!(!text("template.yaml").contains("Resource: \"*\""));
}

#[test]
fn each_function_has_a_log_that_ends_and_an_alarm() {
    let template = template("template.yaml");
    let watch = self::template("observability.yaml");
    let watched: BTreeSet<(String, String)> = resources(&watch, "AWS::CloudWatch::Alarm")
        .into_iter()
        .filter_map(|(_, alarm)| {
            let of = alarm["Properties"]["Dimensions"][0]["Value"]["Fn::Sub"].as_str()?.to_owned();
            Some((of.replace("${Firstlook}-", ""), alarm["Properties"]["MetricName"].as_str()?.to_owned()))
        })
        .collect();
    let has = |of: &str, metric: &str| watched.contains(&(of.to_owned(), metric.to_owned()));
    for function in FUNCTIONS {
        let name = capital(function);
        let resource = format!("{name}Function");
        assert_eq!(
            property(&template, &resource, "FunctionName"),
            json!({ "Fn::Sub": format!("${{AWS::StackName}}-{function}") })
        );
        assert_eq!(
            property(&template, &resource, "LoggingConfig"),
            json!({ "LogGroup": { "Ref": format!("{name}Log") } })
        );
        assert_eq!(property(&template, &resource, "Role"), json!({ "Fn::GetAtt": [format!("{name}Role"), "Arn"] }));
        assert!(number(&template, &format!("{name}Log"), "RetentionInDays") > 0);
        assert!(has(function, "Errors") && has(function, "Throttles"), "{function} has no alarm");
    }
    for (name, queue) in resources(&template, "AWS::SQS::Queue") {
        let queue = queue["Properties"]["QueueName"]["Fn::Sub"].as_str().unwrap().replace("${AWS::StackName}-", "");
        let metric =
            if name.ends_with("Dlq") { "ApproximateNumberOfMessagesVisible" } else { "ApproximateAgeOfOldestMessage" };
        assert!(has(&queue, metric), "{queue} has no alarm");
    }
}

#[test]
fn the_table_is_the_one_that_the_port_asks_for_and_is_hard_to_lose() {
    let template = template("template.yaml");
    let table = &template["Resources"]["Table"];
    assert_eq!((&table["DeletionPolicy"], &table["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
    assert_eq!(property(&template, "Table", "DeletionProtectionEnabled"), "true");
    assert_eq!(property(&template, "Table", "PointInTimeRecoverySpecification")["PointInTimeRecoveryEnabled"], true);
    assert_eq!(property(&template, "Table", "SSESpecification")["SSEEnabled"], true);
    assert_eq!(
        property(&template, "Table", "TimeToLiveSpecification"),
        json!({ "AttributeName": "expires_at", "Enabled": true })
    );
    let keys = |pk: &str, sk: &str| json!([{ "AttributeName": pk, "KeyType": "HASH" }, { "AttributeName": sk, "KeyType": "RANGE" }]);
    assert_eq!(property(&template, "Table", "KeySchema"), keys("pk", "sk"));
    let index = |name: &str| {
        json!({
            "IndexName": name,
            "KeySchema": keys(&format!("{name}pk"), &format!("{name}sk")),
            "Projection": { "ProjectionType": "ALL" },
        })
    };
    assert_eq!(property(&template, "Table", "GlobalSecondaryIndexes"), json!([index("gsi1"), index("gsi2")]));
}

#[test]
fn every_queue_takes_tls_only() {
    let template = template("template.yaml");
    let statement = property(&template, "QueuesTakeTlsOnly", "PolicyDocument")["Statement"][0].clone();
    assert_eq!(
        (&statement["Effect"], &statement["Condition"]),
        (&json!("Deny"), &json!({ "Bool": { "aws:SecureTransport": "false" } }))
    );
    let covered: BTreeSet<String> = statement["Resource"].as_array().unwrap().iter().map(short).collect();
    let queues: BTreeSet<String> =
        resources(&template, "AWS::SQS::Queue").into_iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(covered, queues);
    assert_eq!(property(&template, "QueuesTakeTlsOnly", "Queues").as_array().unwrap().len(), queues.len());
}

/// What `firstlook render` writes for the example catalog.
#[test]
fn i2_what_fires_schedules_may_send_to_one_queue_and_its_dead_letters() {
    let loaded = catalog::load_dir(&build::workspace().join("infra/workspace"));
    let catalog = loaded.catalog.expect("the example catalog");
    let template = serde_saphyr::from_str::<Node>(&catalog.to_schedules()).unwrap().0;
    let arn = |end: &str| {
        format!("arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{Firstlook}}-investigate{end}")
    };
    let send = |end: &str| ("sqs:SendMessage".to_owned(), arn(end));
    assert_eq!(allowed(&template, "Role"), [send(""), send("-dlq")]);
    let trust = property(&template, "Role", "AssumeRolePolicyDocument")["Statement"].clone();
    let [only] = trust.as_array().unwrap().as_slice() else { panic!("{trust}") };
    assert_eq!(only["Principal"], json!({ "Service": "scheduler.amazonaws.com" }));
    assert_eq!(only["Condition"]["StringEquals"]["aws:SourceArn"], json!({ "Fn::GetAtt": ["Group", "Arn"] }));
    // The queues are named so.
    for (queue, name) in [("InvestigateQueue", "investigate"), ("InvestigateDlq", "investigate-dlq")] {
        let named = property(&self::template("template.yaml"), queue, "QueueName");
        assert_eq!(named, json!({ "Fn::Sub": format!("${{AWS::StackName}}-{name}") }));
    }
    let schedules = resources(&template, "AWS::Scheduler::Schedule");
    assert!(!schedules.is_empty() && schedules.len() == catalog.schedules.len());
    for (logical, schedule) in schedules {
        let given = &schedule["Properties"];
        assert_eq!(given["FlexibleTimeWindow"], json!({ "Mode": "OFF" }), "{logical}");
        let target = &given["Target"];
        assert_eq!(target["Arn"], json!({ "Fn::Sub": arn("") }));
        assert_eq!(target["DeadLetterConfig"]["Arn"], json!({ "Fn::Sub": arn("-dlq") }));
        assert_eq!(target["RoleArn"], json!({ "Fn::GetAtt": ["Role", "Arn"] }));
    }
}

/// What the pinned emulator cannot do, and what CloudFormation does not read.
#[test]
fn the_template_stays_what_the_emulator_deploys() {
    let text = text("template.yaml");
    for trap in
        ["AWS::Serverless::HttpApi", "!Ref Secret\n", "!Ref Secret,", "!Ref Secret]", "AWS::CloudWatch::", ": &", ": *"]
    {
        assert!(!text.contains(trap), "`{trap}`");
    }
    // A value, and no parameter: the emulator takes those for text here.
    for line in text.lines().filter(|line| line.contains("MaximumConcurrency")) {
        assert!(!line.contains("!Ref"), "{line}");
    }
}

/// Who may invoke ingest is what proves an alarm, so nobody but AWS for this account may.
#[test]
fn i1_only_this_accounts_rule_and_alarms_may_hand_alarms_over() {
    let alarms = template("cloudwatch.yaml");
    let permissions = resources(&alarms, "AWS::Lambda::Permission");
    let mut found = Vec::new();
    for (name, permission) in permissions {
        let given = &permission["Properties"];
        assert_eq!(given["FunctionName"], json!({ "Ref": "IngestArn" }), "{name}");
        let by = if given["SourceArn"].is_null() { &given["SourceAccount"] } else { &given["SourceArn"] };
        found.push((given["Principal"].as_str().unwrap(), by.clone()));
    }
    let rule = json!({ "Fn::GetAtt": ["Rule", "Arn"] });
    let account = json!({ "Ref": "AWS::AccountId" });
    assert_eq!(found, [("lambda.alarms.cloudwatch.amazonaws.com", account), ("events.amazonaws.com", rule)]);
    let pattern = property(&alarms, "Rule", "EventPattern");
    assert_eq!(
        (&pattern["source"], &pattern["detail-type"]),
        (&json!(["aws.cloudwatch"]), &json!(["CloudWatch Alarm State Change"]))
    );
    let outputs = template("template.yaml")["Outputs"].clone();
    for given in ["IngestArn", "IngestRole"] {
        assert!(alarms["Parameters"][given].is_object() && outputs[given].is_object(), "{given}");
    }
}

#[test]
fn i5_an_alarm_that_is_not_taken_ends_among_dead_letters_with_an_alarm() {
    let alarms = template("cloudwatch.yaml");
    let queue = json!({ "Fn::GetAtt": ["Dlq", "Arn"] });
    // Neither what EventBridge cannot hand over nor what ingest fails is lost.
    assert_eq!(property(&alarms, "Rule", "Targets")[0]["DeadLetterConfig"]["Arn"], queue);
    assert_eq!(property(&alarms, "Retries", "DestinationConfig")["OnFailure"]["Destination"], queue);
    assert_eq!(property(&alarms, "Retries", "Qualifier"), "live");
    let access = property(&alarms, "DlqAccess", "PolicyDocument")["Statement"][0].clone();
    assert_eq!((&access["Action"], &access["Resource"]), (&json!("sqs:SendMessage"), &queue));
    assert_eq!(property(&alarms, "DlqAccess", "Roles"), json!([{ "Ref": "IngestRole" }]));
    assert_eq!(
        property(&alarms, "DeadLetters", "Dimensions")[0]["Value"],
        json!({ "Fn::GetAtt": ["Dlq", "QueueName"] })
    );
    assert_eq!(property(&alarms, "Dlq", "SqsManagedSseEnabled"), true);
    let statements = property(&alarms, "DlqPolicy", "PolicyDocument")["Statement"].clone();
    assert_eq!(statements[0]["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
    assert_eq!(statements[1]["Principal"], json!({ "Service": "events.amazonaws.com" }));
}
