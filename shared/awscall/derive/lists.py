#!/usr/bin/env python3
"""Writes ../src/lists.txt: the elements that are lists in the answers of AWS's Query and EC2 protocols.

    python3 -m venv venv && venv/bin/pip install botocore==1.44.5 && venv/bin/python lists.py

The facts are in the service models that AWS publishes with botocore (Apache-2.0). A name that is a list in one place and
something else in another is left out: the reader then goes by the names of its members.
"""

import collections
import pathlib

import botocore.session

SERVICES = ["autoscaling", "cloudformation", "cloudwatch", "ec2", "elasticache", "elb", "elbv2", "iam", "rds", "redshift", "sns", "sts"]

session = botocore.session.get_session()
lists, others = set(), set()


def walk(shape, seen):
    if shape.type_name == "structure":
        if shape.name in seen:
            return
        seen.add(shape.name)
        for name, member in shape.members.items():
            element = member.serialization.get("name", name)
            is_list = member.type_name == "list" and not member.serialization.get("flattened")
            (lists if is_list else others).add(element)
            walk(member, seen)
    elif shape.type_name == "list":
        walk(shape.member, seen)
    elif shape.type_name == "map":
        walk(shape.value, seen)


for service in SERVICES:
    model = session.get_service_model(service)
    seen = set()
    for operation in model.operation_names:
        output = model.operation_model(operation).output_shape
        if output:
            walk(output, seen)

target = pathlib.Path(__file__).parent / "../src/lists.txt"
target.write_text("\n".join(sorted(lists - others)) + "\n")
