//! What of AWS the task kind `aws-api` may ask, and how.
//!
//! `aws/api.txt` says it for each operation; `derive/aws_api.py` writes it from what AWS publishes, and says its form. What may be
//! asked is decided three times over (I7): AWS's own access level is List or Read, the operation's name begins with a word
//! that only asks, and it is not one whose answer is a secret or the team's own data.

use std::{collections::BTreeMap, sync::LazyLock};

/// How an operation is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.0.
    Json10,
    /// JSON 1.1.
    Json11,
    /// REST-JSON.
    Rest,
    /// Query, and EC2's form of it.
    Query,
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name, as the AWS command line has it.
    pub name: &'static str,
    /// How it is called.
    pub protocol: Protocol,
    /// The first part of its hosts' names.
    pub endpoint: &'static str,
    /// The name that is signed.
    pub signing: &'static str,
    /// Its prefix in policies.
    pub prefix: &'static str,
    /// JSON: the prefix of `X-Amz-Target`. Query: the version.
    pub version: &'static str,
    /// Query: parameters that are called otherwise than by their name.
    pub names: BTreeMap<&'static str, &'static str>,
    operations: BTreeMap<&'static str, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    level: char,
    rest: &'static str,
}

/// An operation that may be asked.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its service.
    pub service: &'static Service,
    /// Its name.
    pub name: &'static str,
    /// The permission that it needs, such as `rds:DescribeDBInstances`.
    pub action: String,
    /// The parameter that asks for the next page, and the field of the answer that it comes from.
    pub pages: Option<(&'static str, &'static str)>,
    /// REST: method, path with `{Label}`s, and the parameters that stand in the query.
    pub http: Option<(&'static str, &'static str, Vec<&'static str>)>,
}

/// Why an operation may not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAsked {
    /// There is no such service here. The nearest name, if one is near.
    Service(Option<&'static str>),
    /// There is no such operation, or AWS publishes no access level of it. The nearest name, if one is near.
    Operation(Option<&'static str>),
    /// AWS's access level of it is not List or Read.
    Level(&'static str),
    /// It reads, and is not asked all the same.
    Reason(&'static str),
}

/// The words that an operation's name may begin with: those that ask, and start, take or send nothing.
const ASKS: &[&str] =
    &["Describe", "List", "Get", "BatchGet", "BatchDescribe", "Lookup", "Search", "Filter", "Discover"];

const SECRET: &str = "its answer is a secret";
const DATA: &str = "its answer is the team's own data, not the state of a service";
const SETTINGS: &str = "its answer has environment variables or user data, where secrets often stand";

/// Operations that AWS counts as List or Read and that are not asked.
const REFUSED: &[(&str, &str, &str)] = &[
    ("athena", "GetQueryResults", DATA),
    ("autoscaling", "DescribeLaunchConfigurations", SETTINGS),
    ("batch", "DescribeJobDefinitions", SETTINGS),
    ("batch", "DescribeJobs", SETTINGS),
    ("cloudtrail", "GetQueryResults", DATA),
    ("codebuild", "BatchGetBuildBatches", SETTINGS),
    ("codebuild", "BatchGetBuilds", SETTINGS),
    ("codebuild", "BatchGetProjects", SETTINGS),
    ("codepipeline", "GetJobDetails", SECRET),
    ("codepipeline", "GetThirdPartyJobDetails", SECRET),
    ("dynamodb", "BatchGetItem", DATA),
    ("dynamodb", "GetItem", DATA),
    ("ec2", "DescribeInstanceAttribute", SETTINGS),
    ("ec2", "DescribeLaunchTemplateVersions", SETTINGS),
    ("ec2", "DescribeSpotFleetRequests", SETTINGS),
    ("ec2", "DescribeSpotInstanceRequests", SETTINGS),
    ("ec2", "DescribeVpnConnections", SECRET),
    ("ec2", "GetLaunchTemplateData", SETTINGS),
    ("ec2", "GetPasswordData", SECRET),
    ("ec2", "GetVpnConnectionDeviceSampleConfiguration", SECRET),
    ("ecr", "GetAuthorizationToken", SECRET),
    ("ecr", "GetDownloadUrlForLayer", DATA),
    ("ecs", "DescribeTaskDefinition", SETTINGS),
    ("glue", "GetConnection", SECRET),
    ("glue", "GetConnections", SECRET),
    ("glue", "GetJob", SETTINGS),
    ("glue", "GetJobRun", SETTINGS),
    ("glue", "GetJobRuns", SETTINGS),
    ("glue", "GetJobs", SETTINGS),
    ("glue", "GetStatement", DATA),
    ("inspector2", "GetSbomExport", DATA),
    ("kinesis", "GetRecords", DATA),
    ("kms", "GetParametersForImport", SECRET),
    ("lambda", "GetDurableExecutionHistory", DATA),
    ("lambda", "GetDurableExecutionState", DATA),
    ("lambda", "GetFunction", SETTINGS),
    ("lambda", "GetFunctionConfiguration", SETTINGS),
    ("lambda", "GetLayerVersion", DATA),
    ("lambda", "ListFunctions", SETTINGS),
    ("lambda", "ListVersionsByFunction", SETTINGS),
    ("redshift", "GetIdentityCenterAuthToken", SECRET),
    ("secretsmanager", "BatchGetSecretValue", SECRET),
    ("secretsmanager", "GetRandomPassword", SECRET),
    ("secretsmanager", "GetSecretValue", SECRET),
    ("ssm", "GetAccessToken", SECRET),
    ("ssm", "GetCommandInvocation", DATA),
    ("ssm", "GetParameter", SECRET),
    ("ssm", "GetParameterHistory", SECRET),
    ("ssm", "GetParameters", SECRET),
    ("ssm", "GetParametersByPath", SECRET),
    ("ssm", "ListCommandInvocations", DATA),
    ("ssm", "ListCommands", DATA),
    ("wafv2", "GetDecryptedAPIKey", SECRET),
    ("wafv2", "ListAPIKeys", SECRET),
];

static SERVICES: LazyLock<BTreeMap<&str, Service>> = LazyLock::new(|| read(include_str!("aws/api.txt")));

fn read(text: &'static str) -> BTreeMap<&'static str, Service> {
    let mut services: BTreeMap<&str, Service> = BTreeMap::new();
    let mut here = "";
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        match word() {
            "=" => {
                let (name, spoken) = (word(), word());
                let protocol = match spoken {
                    "json1.0" => Protocol::Json10,
                    "json1.1" => Protocol::Json11,
                    "rest" => Protocol::Rest,
                    _ => Protocol::Query,
                };
                let (endpoint, signing, prefix, version) = (word(), word(), word(), word());
                let (names, operations) = (BTreeMap::new(), BTreeMap::new());
                services
                    .insert(name, Service { name, protocol, endpoint, signing, prefix, version, names, operations });
                here = name;
            }
            "@" => {
                let (name, called) = (word(), word());
                if let Some(service) = services.get_mut(here) {
                    service.names.insert(name, called);
                }
            }
            level => {
                let name = word();
                let rest = line.get(level.len() + name.len() + 2..).unwrap_or_default();
                if let (Some(service), Some(level)) = (services.get_mut(here), level.chars().next()) {
                    service.operations.insert(name, Known { level, rest });
                }
            }
        }
    }
    services
}

/// The names of the services that there are.
pub fn services() -> impl Iterator<Item = &'static Service> {
    SERVICES.values()
}

impl Service {
    /// The names of the operations that may be asked.
    pub fn asked(&'static self) -> impl Iterator<Item = &'static str> {
        self.operations.keys().copied().filter(|name| operation(self.name, name).is_ok())
    }
}

/// Finds an operation that may be asked.
///
/// # Errors
/// [`NotAsked`].
pub fn operation(service: &str, name: &str) -> Result<Operation, NotAsked> {
    let Some(service) = SERVICES.get(service) else {
        return Err(NotAsked::Service(crate::problem::nearest(service, SERVICES.keys().copied())));
    };
    let Some((name, known)) = service.operations.get_key_value(name) else {
        return Err(NotAsked::Operation(crate::problem::nearest(name, service.operations.keys().copied())));
    };
    match known.level {
        'L' | 'R' => {}
        'P' => return Err(NotAsked::Level("Permissions management")),
        'T' => return Err(NotAsked::Level("Tagging")),
        _ => return Err(NotAsked::Level("Write")),
    }
    if let Some((.., why)) = REFUSED.iter().find(|(of, refused, _)| *of == service.name && refused == name) {
        return Err(NotAsked::Reason(why));
    }
    if !ASKS.iter().any(|word| name.starts_with(word)) {
        return Err(NotAsked::Reason("it does more than ask, though AWS counts it as reading"));
    }
    let mut found = Operation { service, name, action: format!("{}:{name}", service.prefix), pages: None, http: None };
    let mut words = known.rest.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        if let Some(action) = word.strip_prefix('!') {
            found.action = action.to_owned();
        } else if let Some(pages) = word.strip_prefix('>') {
            found.pages = pages.split_once(':');
        } else if let Some(path) = words.next() {
            let query = words.next().and_then(|word| word.strip_prefix('?')).unwrap_or_default();
            found.http = Some((word, path, query.split(',').filter(|name| !name.is_empty()).collect()));
        }
    }
    Ok(found)
}

/// The labels of a path: of `/clusters/{name}` it is `name`. A `+` says that the value may have slashes.
pub fn labels(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(|label| label.trim_end_matches('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_with_what_its_call_needs() {
        let logs = operation("logs", "DescribeLogGroups").unwrap();
        assert_eq!((logs.service.protocol, logs.service.version), (Protocol::Json11, "Logs_20140328"));
        assert_eq!((logs.action.as_str(), logs.pages), ("logs:DescribeLogGroups", Some(("nextToken", "nextToken"))));
        let nodes = operation("eks", "ListNodegroups").unwrap();
        assert_eq!(nodes.http, Some(("GET", "/clusters/{name}/node-groups", vec!["maxResults", "nextToken"])));
        let rds = operation("rds", "DescribeDBInstances").unwrap();
        assert_eq!((rds.service.protocol, rds.service.names["Filters"]), (Protocol::Query, "Filters.Filter"));
        assert_eq!(operation("stepfunctions", "DescribeExecution").unwrap().action, "states:DescribeExecution");
        assert_eq!(operation("budgets", "DescribeBudgets").unwrap().action, "budgets:ViewBudget");
        assert_eq!(operation("elbv2", "DescribeTargetHealth").unwrap().service.endpoint, "elasticloadbalancing");
    }

    #[test]
    fn i7_what_changes_starts_or_takes_something_is_not_asked() {
        for (service, name, why) in [
            ("ecs", "UpdateService", NotAsked::Level("Write")),
            ("log", "DescribeLogGroups", NotAsked::Service(Some("logs"))),
            ("kms", "PutKeyPolicy", NotAsked::Level("Permissions management")),
            ("sqs", "TagQueue", NotAsked::Level("Tagging")),
            ("sqs", "ReceiveMessage", NotAsked::Reason("it does more than ask, though AWS counts it as reading")),
            ("logs", "StartQuery", NotAsked::Reason("it does more than ask, though AWS counts it as reading")),
            ("logs", "DescribeLogGroup", NotAsked::Operation(Some("DescribeLogGroups"))),
        ] {
            assert_eq!(operation(service, name).unwrap_err(), why, "{service} {name}");
        }
        for service in services() {
            for name in service.asked() {
                assert!(ASKS.iter().any(|word| name.starts_with(word)), "{} {name}", service.name);
            }
        }
    }

    #[test]
    fn i9_what_yields_a_secret_is_not_asked() {
        for (service, name, why) in REFUSED {
            assert_eq!(operation(service, name).unwrap_err(), NotAsked::Reason(why), "{service} {name}");
        }
        // Every other one whose name sounds so was looked at: its answer has no secret in it.
        let sounds = ["Password", "AuthToken", "AccessToken", "SecretValue", "Decrypt", "PrivateKey", "UserData"];
        let found: Vec<String> = services()
            .flat_map(|service| service.asked().map(move |name| format!("{}:{name}", service.name)))
            .filter(|name| sounds.iter().any(|sound| name.contains(sound)))
            .collect();
        assert_eq!(found, Vec::<String>::new());
    }
}
