//! What the tasks in use need to be allowed (I7): investigate's role gets this and nothing else for them. And what deliver needs to
//! send the catalog's mails.

mod kinds;
mod mail;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use domain::Name;
use serde_json::{Value, json};

use crate::{
    Catalog,
    aws::operation,
    expr::Template,
    model::{Model, RunSpec, Task},
};

/// The most characters of one managed policy's document; IAM takes 6144 without blanks.
const POLICY: usize = 5_500;

/// What a statement of its own needs around an action and a resource, in characters.
const STATEMENT: usize = 64;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The resource: `*`, or an ARN as CloudFormation's `Fn::Sub` reads it.
    pub resource: String,
    /// The action, such as `logs:StartQuery`.
    pub action: String,
}

impl Permission {
    /// An action on all resources: what most List and Describe actions take.
    #[must_use]
    pub fn any(action: impl Into<String>) -> Self {
        Self { resource: "*".to_owned(), action: action.into() }
    }
}

/// What is needed, in the account of the functions and in others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Of the role of investigate.
    pub own: BTreeSet<Permission>,
    /// Of the roles of Accounts.
    pub accounts: BTreeMap<Name, BTreeSet<Permission>>,
    /// Of the role of deliver: as whom it sends mail, each with the identities of SES that it may do this on.
    pub mail: BTreeMap<String, BTreeSet<String>>,
}

/// What the call of a task needs in the account that it asks. Nothing for the kinds that ask no AWS.
#[must_use]
pub fn of_run(run: &RunSpec<Template>) -> Vec<Permission> {
    match run {
        RunSpec::AwsApi(run) => {
            operation(&run.service, &run.operation).map(|found| Permission::any(found.action)).into_iter().collect()
        }
        RunSpec::CloudwatchMetrics(_) => vec![Permission::any("cloudwatch:GetMetricData")],
        RunSpec::CloudwatchAlarms(_) => {
            ["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"].map(Permission::any).into()
        }
        RunSpec::Sqs(_) => {
            // Its dead letters may stand in any account, and say what they are called only when they are asked.
            let queues = |action: &str| {
                let resource = "arn:${AWS::Partition}:sqs:*:*:*".to_owned();
                Permission { resource, action: action.to_owned() }
            };
            vec![
                queues("sqs:GetQueueAttributes"),
                queues("sqs:GetQueueUrl"),
                Permission::any("cloudwatch:GetMetricData"),
            ]
        }
        RunSpec::CloudwatchLogs(run) => kinds::cloudwatch_logs(run),
        RunSpec::Ecs(_) => {
            kinds::any(&["ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListServices", "ecs:ListTasks"])
        }
        RunSpec::Cloudtrail(_) => kinds::any(&["cloudtrail:LookupEvents"]),
        RunSpec::LambdaHealth(run) => kinds::lambda_health(run),
        RunSpec::Lambda(run) => kinds::lambda(run),
        RunSpec::Http(_)
        | RunSpec::Promql(_)
        | RunSpec::Dns(_)
        | RunSpec::Tcp(_)
        | RunSpec::Tls(_)
        | RunSpec::Loki(_)
        | RunSpec::Kubernetes(_)
        | RunSpec::Pagerduty(_)
        | RunSpec::Github(_) => Vec::new(),
    }
}

const HEAD: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Description: What investigate may ask of AWS and deliver may send for a Firstlook catalog. Written by `firstlook render`; not to be edited (docs/deploy.md)

Parameters:
  InvestigateRole:
    { Type: String, Description: The output InvestigateRole of the stack of the functions. }
  DeliverRole:
    { Type: String, Default: "", Description: "The output DeliverRole of that stack; needed where something is sent by e-mail." }
"#;

impl Catalog {
    /// The Tasks that a Command, an Slx or an Assistant names.
    fn tasks_in_use(&self) -> impl Iterator<Item = &Task> {
        let of_commands = self.commands.values().flat_map(|command| &command.tasks);
        let of_slxs = self.slxs.values().flat_map(|slx| &slx.tasks);
        let named = of_commands.chain(of_slxs).filter_map(|entry| entry.task.as_ref());
        let names: BTreeSet<&Name> = named.chain(self.assistants.values().flat_map(|one| &one.tasks)).collect();
        names.into_iter().filter_map(|name| self.tasks.get(name))
    }

    /// What the catalog needs to be allowed.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for task in self.tasks_in_use() {
            let eks = match &task.run {
                RunSpec::Kubernetes(run) => self.clusters.get(&run.cluster),
                _ => None,
            };
            let eks = eks.and_then(|cluster| Some((cluster, cluster.eks.as_ref()?)));
            let (wanted, place) = match eks {
                Some((cluster, eks)) => (kinds::eks(cluster, eks), Some(eks.place())),
                None => (of_run(&task.run), task.run.place()),
            };
            match place.and_then(|place| place.account) {
                None => needs.own.extend(wanted),
                Some(name) => {
                    if let Some(account) = self.accounts.get(name) {
                        let resource = account.role.clone();
                        needs.own.insert(Permission { resource, action: "sts:AssumeRole".to_owned() });
                    }
                    needs.accounts.entry(name.clone()).or_default().extend(wanted);
                }
            }
        }
        // The Models of Bedrock that an Assistant names.
        let models = self.assistants.values().filter_map(|one| self.models.get(one.model.name()?));
        for resource in models.flat_map(Model::invokes) {
            needs.own.insert(Permission { resource, action: "bedrock:InvokeModel".to_owned() });
        }
        needs.mail = mail::needs(self);
        needs
    }

    /// What the catalog needs as a CloudFormation template: managed policies of investigate's role, and for each Account,
    /// under `Metadata`, the policy that its role needs; and those of deliver's role, where it sends mail. The same documents always give the same text. A catalog that asks
    /// nothing of AWS gives a policy that allows nothing, so that deploying it takes away what was there.
    #[must_use]
    pub fn to_permissions(&self) -> String {
        let Needs { own, accounts, mail } = self.needs();
        let mut template = HEAD.to_owned();
        // Writing to a String cannot fail.
        let _ = write_accounts(&mut template, &accounts);
        let _ = write_policies(&mut template, &own);
        let _ = mail::write(&mut template, &mail);
        template
    }
}

fn write_accounts(to: &mut String, accounts: &BTreeMap<Name, BTreeSet<Permission>>) -> std::fmt::Result {
    // A role that is entered and asked for nothing, as for the token of a known cluster: IAM takes no policy without a statement.
    let mut accounts = accounts.iter().filter(|(_, wanted)| !wanted.is_empty()).peekable();
    if accounts.peek().is_none() {
        return Ok(());
    }
    writeln!(to, "\n# What the roles of the Accounts need; deployed there, by whoever answers for them.\nMetadata:")?;
    for (name, wanted) in accounts {
        // A policy as IAM takes it: its ARNs are of the account that it stands in.
        let statements: Vec<Value> = statements(wanted, &|resource| {
            let written = resource.replace("${AWS::Partition}", "*").replace("${AWS::AccountId}", "*");
            written.replace("${AWS::Region}", "*").into()
        });
        writeln!(to, "  Account-{name}: {}", json!({"Version": "2012-10-17", "Statement": statements}))?;
    }
    Ok(())
}

fn write_policies(to: &mut String, own: &BTreeSet<Permission>) -> std::fmt::Result {
    let mut parts: Vec<BTreeSet<Permission>> = Vec::new();
    let mut room = 0;
    for permission in own {
        let length = permission.action.len() + permission.resource.len() + STATEMENT;
        if length > room || parts.is_empty() {
            parts.push(BTreeSet::new());
            room = POLICY;
        }
        room = room.saturating_sub(length);
        if let Some(part) = parts.last_mut() {
            part.insert(permission.clone());
        }
    }
    writeln!(to, "\nResources:")?;
    if parts.is_empty() {
        // CloudFormation wants a resource, and IAM a statement. Everybody may ask this anyway.
        parts.push(BTreeSet::from([Permission::any("sts:GetCallerIdentity")]));
    }
    for (number, part) in parts.iter().enumerate() {
        let what = ("What the Tasks of the catalog read", "InvestigateRole");
        write_policy(to, &format!("Tasks{}", number + 1), what, &statements(part, &fixed))?;
    }
    Ok(())
}

/// A resource as a template has it.
fn fixed(resource: &str) -> Value {
    if resource.contains("${") { json!({"Fn::Sub": resource}) } else { resource.into() }
}

fn write_policy(to: &mut String, name: &str, (what, role): (&str, &str), statements: &[Value]) -> std::fmt::Result {
    writeln!(to, "  {name}:")?;
    writeln!(to, "    Type: AWS::IAM::ManagedPolicy")?;
    writeln!(to, "    Properties:")?;
    writeln!(to, "      Description: {what}")?;
    writeln!(to, "      Roles: [!Ref {role}]")?;
    writeln!(to, "      PolicyDocument:")?;
    writeln!(to, "        Version: \"2012-10-17\"")?;
    writeln!(to, "        Statement:")?;
    for statement in statements {
        writeln!(to, "          - {statement}")?;
    }
    Ok(())
}

/// One statement for each resource, as JSON, which is YAML too.
fn statements(wanted: &BTreeSet<Permission>, resource: &dyn Fn(&str) -> Value) -> Vec<Value> {
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for permission in wanted {
        by_resource.entry(&permission.resource).or_default().push(&permission.action);
    }
    let one =
        |(on, actions): (&str, Vec<&str>)| json!({"Effect": "Allow", "Action": actions, "Resource": resource(on)});
    by_resource.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::Permission;
    use crate::{Catalog, load_texts};

    fn catalog(tasks: &str, used: &[&str]) -> Catalog {
        let entries: Vec<String> = used.iter().map(|name| format!("{{ id: {name}, task: {name} }}")).collect();
        let text = format!(
            "{tasks}---\nkind: Account\nname: shop\nrole: arn:aws:iam::444455556666:role/read\n---\nkind: Command\nname: triage\n\
             description: d\ntasks: [{}]\n",
            entries.join(", ")
        );
        let loaded = load_texts([(std::path::Path::new("all.yaml"), text.as_str())]);
        loaded.catalog.unwrap_or_else(|| panic!("{:?}", loaded.problems))
    }

    fn task(name: &str, run: &str) -> String {
        format!("---\nkind: Task\nname: {name}\naccess: read-only\ntitle: Look at it\nrun: {{ {run} }}\n")
    }

    #[test]
    fn i7_the_tasks_in_use_need_what_they_call_and_nothing_more() {
        let tasks = [
            task("clusters", "aws-api: { service: ecs, operation: ListClusters }"),
            task("groups", "aws-api: { service: logs, operation: DescribeLogGroups }"),
            task("other", "aws-api: { service: rds, operation: DescribeDBInstances, account: shop }"),
            task("unused", "aws-api: { service: kms, operation: ListKeys }"),
            task("page", "http: { url: 'https://shop.example/healthz' }"),
        ]
        .concat();
        let template = catalog(&tasks, &["clusters", "groups", "other", "page"]).to_permissions();
        let (_, written) = template.split_once("Parameters:").unwrap();
        insta::assert_snapshot!(written, @r#"

          InvestigateRole:
            { Type: String, Description: The output InvestigateRole of the stack of the functions. }
          DeliverRole:
            { Type: String, Default: "", Description: "The output DeliverRole of that stack; needed where something is sent by e-mail." }

        # What the roles of the Accounts need; deployed there, by whoever answers for them.
        Metadata:
          Account-shop: {"Statement":[{"Action":["rds:DescribeDBInstances"],"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}

        Resources:
          Tasks1:
            Type: AWS::IAM::ManagedPolicy
            Properties:
              Description: What the Tasks of the catalog read
              Roles: [!Ref InvestigateRole]
              PolicyDocument:
                Version: "2012-10-17"
                Statement:
                  - {"Action":["ecs:ListClusters","logs:DescribeLogGroups"],"Effect":"Allow","Resource":"*"}
                  - {"Action":["sts:AssumeRole"],"Effect":"Allow","Resource":"arn:aws:iam::444455556666:role/read"}
        "#);
    }

    #[test]
    fn i7_a_cluster_of_eks_is_looked_up_where_the_catalog_does_not_say_where_it_is() {
        let clusters = "---\nkind: Cluster\nname: prod\neks: { name: shop, region: eu-west-1 }\n---\nkind: Cluster\nname: known\n\
                        url: https://k8s.example\nca: '-----BEGIN CERTIFICATE-----'\neks: { name: known }\n---\nkind: Cluster\n\
                        name: other\neks: { name: theirs, account: shop }\n---\nkind: Cluster\nname: unused\n\
                        eks: { name: unused }\n";
        let read = |name: &str| task(name, &format!("kubernetes: {{ cluster: {name}, read: nodes }}"));
        let tasks = [read("prod"), read("known"), read("other"), read("unused")].concat();
        let needs = catalog(&format!("{tasks}{clusters}"), &["prod", "known", "other"]).needs();
        let wanted =
            |resource: &str, action: &str| Permission { resource: resource.to_owned(), action: action.to_owned() };
        let own = [
            wanted("arn:${AWS::Partition}:eks:eu-west-1:${AWS::AccountId}:cluster/shop", "eks:DescribeCluster"),
            wanted("arn:aws:iam::444455556666:role/read", "sts:AssumeRole"),
        ];
        assert_eq!(needs.own, own.into());
        let theirs = wanted("arn:${AWS::Partition}:eks:*:${AWS::AccountId}:cluster/theirs", "eks:DescribeCluster");
        assert_eq!(needs.accounts.into_iter().collect::<Vec<_>>(), [("shop".parse().unwrap(), [theirs].into())]);
    }

    #[test]
    fn an_account_that_is_entered_and_asked_for_nothing_has_no_policy() {
        let cluster = "---\nkind: Cluster\nname: known\nurl: https://k8s.example\nca: '-----BEGIN CERTIFICATE-----'\n\
                       eks: { name: known, account: shop }\n";
        let read = task("nodes", "kubernetes: { cluster: known, read: nodes }");
        let alone = catalog(&format!("{read}{cluster}"), &["nodes"]).to_permissions();
        assert!(alone.contains("\"sts:AssumeRole\"") && !alone.contains("Metadata"), "{alone}");
        let other = task("other", "aws-api: { service: rds, operation: DescribeDBInstances, account: shop }");
        let both = catalog(&format!("{read}{other}{cluster}"), &["nodes", "other"]).to_permissions();
        assert!(both.contains("Account-shop: {\"Statement\":[{\"Action\":[\"rds:"), "{both}");
    }

    #[test]
    fn i7_the_models_of_bedrock_that_an_assistant_names_are_needed() {
        let models = ["amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0"].map(|id| {
            let name = id.split(['.', ':']).nth(1).unwrap();
            format!(
                "---\nkind: Model\nname: {name}\nprovider: bedrock\nid: '{id}'\nregion: eu-central-1\n\
                 price: {{ input: 1, output: 4 }}\n"
            )
        });
        let assistant = "---\nkind: Assistant\nname: cathy\nmodel: nova-pro-v1\n";
        let page = task("page", "http: { url: 'https://shop.example/healthz' }");
        let template = catalog(&format!("{page}{}{assistant}", models.concat()), &["page"]).to_permissions();
        assert!(template.contains("bedrock:InvokeModel") && template.contains("foundation-model/amazon.nova-pro-v1:0"));
        assert!(!template.contains("nova-lite"), "{template}");
    }

    #[test]
    fn i7_a_kind_needs_the_very_things_that_it_asks() {
        let tasks = [
            task("errors", "cloudwatch-logs: { log_groups: [/aws/lambda/orders], patterns: {} }"),
            task("slow", "cloudwatch-logs: { log_groups: [/ecs/shop], query: 'stats count(*)', region: eu-west-1 }"),
            task("other", "cloudwatch-logs: { log_groups: [/ecs/shop], patterns: {}, account: shop }"),
            task("services", "ecs: { cluster: shop }"),
            task("changes", "cloudtrail: { source: ecs.amazonaws.com }"),
            task("function", "lambda-health: { function: orders, qualifier: live }"),
            task("own", "lambda: { function: check, read_only: check, qualifier: live }"),
        ]
        .concat();
        let names = ["errors", "slow", "other", "services", "changes", "function", "own"];
        let needs = catalog(&tasks, &names).needs();
        let own: Vec<String> = needs.own.iter().map(|one| format!("{} {}", one.action, one.resource)).collect();
        insta::assert_snapshot!(own.join("\n"), @r"
        cloudtrail:LookupEvents *
        cloudwatch:GetMetricData *
        ecs:DescribeServices *
        ecs:DescribeTasks *
        ecs:ListServices *
        ecs:ListTasks *
        lambda:ListEventSourceMappings *
        logs:GetQueryResults *
        logs:StopQuery *
        lambda:InvokeFunction arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:check:live
        lambda:GetFunctionConcurrency arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:orders
        lambda:GetFunctionConfiguration arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:orders:live
        logs:FilterLogEvents arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/orders:*
        logs:StartQuery arn:${AWS::Partition}:logs:eu-west-1:${AWS::AccountId}:log-group:/ecs/shop:*
        sts:AssumeRole arn:aws:iam::444455556666:role/read
        ");
        let other = &needs.accounts[&domain::Name::try_from("shop".to_owned()).unwrap()];
        assert_eq!(
            other.iter().next().unwrap().resource,
            "arn:${AWS::Partition}:logs:*:${AWS::AccountId}:log-group:/ecs/shop:*"
        );
    }

    #[test]
    fn a_catalog_that_asks_nothing_of_aws_allows_nothing() {
        let template =
            catalog(&task("page", "http: { url: 'https://shop.example/healthz' }"), &["page"]).to_permissions();
        assert!(template.contains("[\"sts:GetCallerIdentity\"]") && !template.contains("Metadata"), "{template}");
    }

    #[test]
    fn many_permissions_are_spread_over_policies_that_iam_takes() {
        let mut tasks = String::new();
        let mut names = Vec::new();
        for (number, operation) in
            crate::aws::services().flat_map(|one| one.asked().map(move |op| (one.name, op))).enumerate()
        {
            if number % 4 == 0 && number < 1200 {
                let name = format!("t{number}");
                let (service, operation) = operation;
                let parameters: Vec<String> = crate::aws::operation(service, operation)
                    .unwrap()
                    .http
                    .iter()
                    .flat_map(|(_, path, _)| crate::aws::labels(path))
                    .map(|label| format!("{label}: x"))
                    .collect();
                let run = format!(
                    "aws-api: {{ service: {service}, operation: {operation}, parameters: {{ {} }} }}",
                    parameters.join(", ")
                );
                tasks.push_str(&task(&name, &run));
                names.push(name);
            }
        }
        let used: Vec<&str> = names.iter().map(String::as_str).collect();
        let template = catalog(&tasks, &used).to_permissions();
        let policies: Vec<&str> = template.split("AWS::IAM::ManagedPolicy").skip(1).collect();
        assert!((2..=10).contains(&policies.len()), "{}", policies.len());
        for policy in policies {
            assert!(policy.chars().filter(|c| !c.is_whitespace()).count() < 6144);
        }
    }
}
