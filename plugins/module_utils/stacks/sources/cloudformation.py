# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudFormation: a file of what the AWS tools print, or one stack read live. The latter needs the Python library boto3."""

from __future__ import annotations

import json
from typing import Any

from .. import documents
from ..errors import StackError
from ..source import Fetched, Source
from . import aws, ec2


def fetch(source: Source, etag: str = "") -> Fetched:
    """A path, a list of paths whose members are put together, or the keys stack, region, endpoint and profile for a live stack."""
    if isinstance(source.value, dict):
        return _live(source)
    paths = [source.path(value) for value in (source.value if isinstance(source.value, list) else [source.value])]
    if len(paths) == 1:
        return Fetched(documents.read_file(paths[0]), paths[0], option="cloudformation")
    merged: dict[str, Any] = {}
    for path in paths:
        document = documents.load_json(documents.read_file(path), path)
        twice = ", ".join(merged.keys() & document.keys())
        if twice:
            raise StackError(
                path, f"holds {twice} again, as a file before it does", "Give each part once, and each whole"
            )
        merged.update(document)
    return Fetched(json.dumps(merged).encode(), " and ".join(paths), option="cloudformation")


def _live(source: Source) -> Fetched:
    fields = source.fields("stack", ("stack", *aws.FIELDS), ("stack",))
    place = f"{source.place}: stack {fields['stack']}"
    with aws.errors(place):
        client = aws.client("cloudformation", fields, place)
        described = client.describe_stacks(StackName=fields["stack"])["Stacks"]
        resources = [
            item
            for page in client.get_paginator("list_stack_resources").paginate(StackName=fields["stack"])
            for item in page["StackResourceSummaries"]
        ]
        machines = [
            item["PhysicalResourceId"]
            for item in resources
            if item["ResourceType"] == "AWS::EC2::Instance" and item.get("PhysicalResourceId")
        ]
        details = (
            {instance["id"]: instance for instance in ec2.instances(fields, place, ids=machines)} if machines else {}
        )
    document = {"Stacks": described, "StackResourceSummaries": resources, "Details": details}
    return Fetched(json.dumps(document, default=str).encode(), place, option="cloudformation")
