//! One event of CloudTrail as people read it (docs.aws.amazon.com, cloudtrail-event-reference-user-identity).

use serde_json::{Map, Value, json};

use crate::{
    common::one_line,
    signed::{list, short, shown, text, time},
};

/// How much of a name is kept, in characters.
const NAME: usize = 200;
/// How many resources of an event are kept.
const RESOURCES: usize = 10;

/// What of a request is shown: names, versions and counts that say what was changed. No parameter that can hold a
/// secret, a document or free text is among them.
const DETAILS: [&str; 30] = [
    "alias",
    "alarmName",
    "autoScalingGroupName",
    "changeSetName",
    "cluster",
    "clusterName",
    "dBClusterIdentifier",
    "dBInstanceClass",
    "dBInstanceIdentifier",
    "desiredCapacity",
    "desiredCount",
    "engineVersion",
    "forceNewDeployment",
    "functionName",
    "functionVersion",
    "groupId",
    "imageId",
    "imageUri",
    "instanceType",
    "launchTemplateId",
    "memorySize",
    "policyArn",
    "policyName",
    "queueUrl",
    "reservedConcurrentExecutions",
    "roleName",
    "service",
    "stackName",
    "taskDefinition",
    "timeout",
];

/// The change that an event of LookupEvents tells of.
pub(super) fn of(event: &Value) -> Value {
    // The whole record is JSON in a text.
    let record: Value = serde_json::from_str(text(event, "CloudTrailEvent")).unwrap_or_default();
    let resources: Vec<String> = list(event, "Resources")
        .iter()
        .filter(|one| text(one, "ResourceType") != "AWS::IAM::AccessKey")
        .map(|one| short(one, "ResourceName", NAME))
        .filter(|name| !name.is_empty())
        .take(RESOURCES)
        .collect();
    let source = text(event, "EventSource");
    json!({
        "at": shown(time(event.get("EventTime"))),
        "who": who(&record, text(event, "Username")),
        "what": short(event, "EventName", NAME),
        "service": one_line(source.strip_suffix(".amazonaws.com").unwrap_or(source), NAME),
        "resource": resources.first().cloned().unwrap_or_default(),
        "resources": resources,
        "details": details(record.get("requestParameters")),
        "source_ip": network(text(&record, "sourceIPAddress")),
        "error": short(&record, "errorCode", NAME),
        "id": short(event, "EventId", NAME),
    })
}

/// `role/session` of who took a role, else the name of the user, the service or the account.
fn who(record: &Value, username: &str) -> String {
    let identity = record.get("userIdentity").unwrap_or(&Value::Null);
    let issuer = identity.pointer("/sessionContext/sessionIssuer").unwrap_or(&Value::Null);
    let name = match text(identity, "type") {
        "AssumedRole" => {
            let arn = text(identity, "arn");
            // arn:aws:sts::111122223333:assumed-role/ROLE/SESSION
            let mut parts = arn.split('/').skip(1);
            let (of_arn, session) = (parts.next().unwrap_or_default(), parts.next());
            let role = Some(text(issuer, "userName")).filter(|name| !name.is_empty()).unwrap_or(of_arn);
            let session = session.or_else(|| text(identity, "principalId").split(':').nth(1)).unwrap_or(username);
            format!("{}/{session}", single_sign_on(role))
        }
        "Root" => "root".to_owned(),
        "AWSService" => text(identity, "invokedBy").to_owned(),
        "AWSAccount" => text(identity, "accountId").to_owned(),
        _ => text(identity, "userName").to_owned(),
    };
    let name = if name.is_empty() { username } else { &name };
    one_line(name, NAME)
}

/// The permission set of a role that IAM Identity Center made: `AWSReservedSSO_Admin_0123456789abcdef` is `Admin`.
fn single_sign_on(role: &str) -> &str {
    let inner = role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_'));
    inner.map_or(role, |(name, _)| name)
}

fn details(parameters: Option<&Value>) -> Value {
    let Some(Value::Object(parameters)) = parameters else { return Value::Object(Map::new()) };
    let shown = DETAILS.into_iter().filter_map(|name| {
        let value = match parameters.get(name)? {
            Value::String(text) => Value::from(one_line(text, NAME)),
            value @ (Value::Number(_) | Value::Bool(_)) => value.clone(),
            _ => return None,
        };
        Some((name.to_owned(), value))
    });
    Value::Object(shown.collect())
}

/// Of an address its network, which tells the office from elsewhere and no one person; a service's name as it is.
fn network(source: &str) -> String {
    match source.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.x")
        }
        Ok(std::net::IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::x")
        }
        Err(_) => one_line(source, NAME),
    }
}
