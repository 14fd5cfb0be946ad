# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudFormation: what `aws cloudformation describe-stacks`, `list-stack-resources` and `describe-stack-resources` print,
the result of amazon.aws.cloudformation_info, and the same read live (sources/cloudformation.py).

A resource's address is its logical name. Status names: AWS CloudFormation User Guide, "Stack status codes".
"""

from __future__ import annotations

import re
from typing import Any

from ...texts import some
from .. import documents
from ..documents import expect, optional
from ..errors import StackError
from ..model import Output, Resource, Skipped, Stack

KIND = "a CloudFormation description"
_LISTS = ("StackResourceSummaries", "StackResources")
_MOST = 100  # API reference, DescribeStackResources
_USABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
_STATUS = re.compile(r"|([A-Z]+_)*(COMPLETE|FAILED|IN_PROGRESS|SKIPPED)")
_NONE = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_IN_PROGRESS")


def recognise(document: dict[str, Any]) -> bool:
    """Described stacks, one of them alone, listed resources, or a result of the information module."""
    return (
        "Stacks" in document
        or _bare(document)
        or any(key in document for key in _LISTS)
        or isinstance(document.get("cloudformation"), dict)
    )


def _bare(document: dict[str, Any]) -> bool:
    """Whether it is one stack alone, whatever else of it was left out."""
    return "StackStatus" in document or "StackName" in document and isinstance(document.get("Outputs"), list)


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read one stack; its status decides whether it may be used."""
    if isinstance(document.get("cloudformation"), dict):
        document = _from_module(document["cloudformation"], place)
    if _bare(document):
        document = {"Stacks": [document]}
    stack = Stack(name, "cloudformation", place)
    if "Stacks" in document:
        described = expect(document["Stacks"], list, place, "Stacks")
        if len(described) != 1:
            raise StackError(place, f"describes {len(described)} stacks", "Describe exactly one, with --stack-name")
        _describe(stack, expect(described[0], dict, place, "Stacks[0]"))
    for key in _LISTS:
        listed = optional(document, key, list, place, key)
        if key == "StackResources" and len(listed) >= _MOST and _LISTS[0] not in document:
            raise StackError(
                place,
                f"lists {len(listed)} resources, and `describe-stack-resources` never lists more",
                "Give what `aws cloudformation list-stack-resources` prints",
            )
        if key == _LISTS[0] or _LISTS[0] not in document:  # both tell of the same resources
            for resource in listed:
                _add(stack, expect(resource, dict, place, f"an entry of {key}"), document.get("Details") or {})
    nested = [item.address for item in stack.resources if item.type == "AWS::CloudFormation::Stack"]
    if nested:
        stack.warnings.append(
            f"{place}: lists nothing of the stacks within it, {some(nested, 6)}: give each that holds servers as a stack of its own"
        )
    return stack


def _describe(stack: Stack, described: dict[str, Any]) -> None:
    place, status = stack.place, described.get("StackStatus")
    stack.lineage = described.get("StackId")
    stack.workspace = described.get("StackName")
    if status in _NONE:
        raise StackError(
            place,
            f"the stack {described.get('StackName')} is in {status}: there is nothing to use",
            "Create the stack, or name another one",
        )
    if status is None:
        raise StackError(
            place, "does not say the status of the stack", "Give all that `aws cloudformation describe-stacks` prints"
        )
    if status not in _USABLE:
        if not isinstance(status, str) or not status.endswith("_IN_PROGRESS"):
            raise StackError(
                place,
                f"the stack {described.get('StackName')} is broken: {status}",
                "Repair it with CloudFormation first",
            )
        stack.warnings.append(f"{place}: the stack {described.get('StackName')} is changing: {status}")
    for output in optional(described, "Outputs", list, place, "Outputs"):
        expect(output, dict, place, "an entry of Outputs")
        key = expect(output.get("OutputKey"), str, place, "an OutputKey")
        if key in stack.outputs:
            raise StackError(place, f"lists the output {key} twice", "Fetch it again, or correct what writes it")
        value = optional(output, "OutputValue", str, place, f"the OutputValue of {key}")
        fault = () if "OutputValue" in output else ("has no value", "Describe the stack again")
        stack.outputs[key] = Output(documents.parsed(value), fault=fault)


def _add(stack: Stack, resource: dict[str, Any], details: dict[str, Any]) -> None:
    logical = expect(resource.get("LogicalResourceId"), str, stack.place, "a LogicalResourceId")
    kind = expect(resource.get("ResourceType"), str, stack.place, f"the type of {logical}")
    status = str(resource.get("ResourceStatus") or "")
    if status.startswith("DELETE_") or status in ("CREATE_FAILED", "CREATE_IN_PROGRESS", "IMPORT_FAILED"):
        stack.skipped.append(Skipped(stack.name, logical, f"its status is {status}"))
        return
    drift = optional(resource, "DriftInformation", dict, stack.place, f"DriftInformation of {logical}")
    if drift.get("StackResourceDriftStatus") == "DELETED":
        stack.skipped.append(Skipped(stack.name, logical, "it was deleted outside of CloudFormation"))
        return
    fault = (
        ()
        if _STATUS.fullmatch(status)
        else (f"has the status {status!r}, which is not known here", "Update keelson.cluster")
    )
    physical = resource.get("PhysicalResourceId")
    attributes = {
        "id": physical,
        "name": physical if kind == "AWS::AutoScaling::AutoScalingGroup" else None,
        **details.get(str(physical), {}),
    }
    stack.resources.append(Resource(logical, logical, kind, None, attributes, fault=fault))


def _from_module(stacks: dict[str, Any], place: str) -> dict[str, Any]:
    """The result of amazon.aws.cloudformation_info in the words of the AWS interface."""
    if len(stacks) != 1:
        raise StackError(place, f"describes {len(stacks)} stacks", "Ask the module for exactly one stack_name")
    name, facts = next(iter(stacks.items()))
    expect(facts, dict, place, name)
    described = expect(facts.get("stack_description") or {}, dict, place, "stack_description")
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in (facts.get("stack_outputs") or {}).items()]
    resources = [
        {"".join(word.title() for word in key.split("_")): value for key, value in item.items()}
        for item in facts.get("stack_resource_list") or []
    ]
    return {
        "Stacks": [
            {
                "StackName": name,
                "StackId": described.get("stack_id"),
                "StackStatus": described.get("stack_status"),
                "Outputs": outputs,
            }
        ],
        "StackResourceSummaries": resources,
    }
