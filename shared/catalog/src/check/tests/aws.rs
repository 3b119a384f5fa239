//! Accounts and the AWS kinds.

use super::said_of;

fn said(text: &str) -> Vec<String> {
    let problems = said_of("checkout.yaml", text).problems;
    problems
        .iter()
        .filter(|one| one.code != crate::Code::Unused)
        .map(|one| format!("{} {}: {}", one.code, one.message, one.help.as_deref().unwrap_or_default()))
        .collect()
}

fn task(run: &str) -> String {
    format!(
        "kind: Task\nname: look\naccess: read-only\ninputs: {{ x: {{ type: string, pattern: '[a-z]+' }} }}\ntitle: Look at it\nrun: {{ {run} }}\n"
    )
}

#[test]
fn an_account_is_a_role_and_a_place() {
    let good = "kind: Account\nname: shop\nrole: arn:aws-cn:iam::444455556666:role/path/read\nexternal_id: acme-7\nregion: cn-north-1\n";
    assert_eq!(said(good), Vec::<String>::new());
    let bad =
        "kind: Account\nname: shop\nrole: arn:aws:iam::4444:role/read\nexternal_id: 'a b'\nregion: '${{ inputs.x }}'\n";
    assert_eq!(
        said(bad),
        [
            "FL013 `arn:aws:iam::4444:role/read` is not the ARN of a role: write it as \
             arn:aws:iam::111122223333:role/firstlook-read",
            "FL013 `a b` is not an external id: 2 to 1224 letters, digits and `+=,.@:/-`, as the role's trust policy has it",
            "FL013 `${{ inputs.x }}` is not an AWS region: write it as eu-central-1; it cannot be filled from an input",
        ]
    );
}

#[test]
fn i8_the_account_and_the_region_of_a_task_are_written_and_lead_somewhere() {
    let text = task("aws-api: { service: ecs, operation: ListClusters, account: shop, region: '${{ inputs.x }}' }");
    assert_eq!(
        said(&text),
        [
            "FL020 there is no Account `shop`: the catalog has no Account yet: write one",
            "FL013 `${{ inputs.x }}` is not an AWS region: write it as eu-central-1; it cannot be filled from an input",
        ]
    );
}

#[test]
fn i7_an_operation_that_is_not_read_only_is_refused_with_its_access_level() {
    for (run, wanted) in [
        (
            "service: ecs, operation: UpdateService",
            "FL084 `ecs` `UpdateService` is not read-only: AWS's access level of it is Write: a Task reads: ask an operation of \
             the level List or Read",
        ),
        (
            "service: secretsmanager, operation: GetSecretValue",
            "FL084 `secretsmanager` `GetSecretValue` is not asked: its answer is a secret: ask an operation that describes the \
             thing: docs/tasks/aws-api.md",
        ),
        (
            "service: ecs, operation: DescribeServics",
            "FL013 AWS publishes no access level of `ecs` `DescribeServics`, so it is not asked: did you mean `DescribeServices`?",
        ),
        ("service: esc, operation: ListClusters", "FL013 there is no service `esc` here: did you mean `ecs`?"),
        (
            "service: eks, operation: DescribeCluster",
            "FL012 `DescribeCluster` is not told its `name`: add `parameters: { name: ... }`",
        ),
        (
            "service: sqs, operation: GetQueueAttributes, pages: 2",
            "FL013 `GetQueueAttributes` answers in one page: leave `pages` out",
        ),
        ("service: ecs, operation: ListClusters, pages: 11", "FL016 11 pages cannot be read: write 1 to 10"),
        ("service: ecs, operation: ListClusters, parameters: { a: [{ b: '${{ alert.title }}' }] }", "FL082 "),
    ] {
        let said = said(&task(&format!("aws-api: {{ {run} }}")));
        assert!(said.len() == 1 && said[0].starts_with(wanted), "{run}: {said:?}");
    }
}

#[test]
fn windows_statistics_and_names_of_cloudwatch_are_those_that_it_has() {
    let metric = "namespace: AWS/SQS, metric: NumberOfMessagesSent";
    for (run, wanted) in [
        (
            format!(
                "cloudwatch-metrics: {{ {metric}, statistic: p99.9, last: 24h, period: 5m, at: '${{{{ inputs.x }}}}' }}"
            ),
            "",
        ),
        (format!("cloudwatch-metrics: {{ {metric}, statistic: Median }}"), "FL013 `Median` is not a statistic: "),
        (format!("cloudwatch-metrics: {{ {metric}, last: 25h }}"), "FL016 a window of 25h is not compared: "),
        (format!("cloudwatch-metrics: {{ {metric}, period: 90s }}"), "FL016 a point of 1m 30s does not fit: "),
        (
            "cloudwatch-alarms: { name: a, prefix: b }".to_owned(),
            "FL013 one of `name` and `prefix` says which alarms: ",
        ),
        ("cloudwatch-alarms: { last: 1h }".to_owned(), "FL013 one of `name` and `prefix` says which alarms: "),
        ("cloudwatch-alarms: { name: a, last: 721h }".to_owned(), "FL016 changes of the last 721h are not to be had: "),
        ("sqs: { queue: '${{ alert.title }}' }".to_owned(), "FL082 "),
    ] {
        let said = said(&task(&run));
        match said.as_slice() {
            [] => assert_eq!(wanted, "", "{run}"),
            [only] => assert!(!wanted.is_empty() && only.starts_with(wanted), "{run}: {only}"),
            many => panic!("{run}: {many:?}"),
        }
    }
}

#[test]
fn the_page_lists_the_services_that_there_are() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tasks/aws-api.md")).unwrap();
    let (_, text) = page.split_once("The services: ").unwrap();
    let listed: Vec<&str> = text.split("\n\n").next().unwrap().split('`').skip(1).step_by(2).collect();
    let known: Vec<&str> = crate::aws::services().map(|service| service.name).collect();
    assert_eq!(listed, known);
}
