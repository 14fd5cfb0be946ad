# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that a pool resource made (an autoscaling group, a scale set): no state lists them, `members:` does."""

from __future__ import annotations

import re
from typing import Any

from . import documents, host_types, paths
from .errors import StackError, known
from .model import Resource, Stack
from .source import TIMEOUT, Source
from .sources import aws, command, ec2, program

WAYS = ("file", "command", "ec2")


def add(stack: Stack, entry: Any, base: str, place: str) -> None:
    """Add to STACK the members that ENTRY names: a path, or one of file, command and ec2 (live, by boto3)."""
    entry = {"file": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in WAYS:
        raise StackError(place, f"is {entry!r}", f"Give the path of a file, or one of: {', '.join(WAYS)}")
    way, value = next(iter(entry.items()))
    source = Source(stack.name, way, value, base, f"{place}.{way}")
    pools = pool_names(stack)
    if way == "ec2":
        groups = sorted(
            {
                name
                for name, kind in pools.items()
                if re.search("auto_?scaling_?group$", host_types.canonical(kind), re.IGNORECASE)
            }
        )
        if not groups:
            raise StackError(
                source.place, f"{stack.place} holds no autoscaling group", "Remove `members:`, or correct the stack"
            )
        found = ec2.instances(source.fields("region", aws.FIELDS), source.place, groups=groups)
        _by_tag(stack, found, groups)
        return
    if way == "command":
        where, data = source.place, program.run(command.words(source), base, TIMEOUT, source.place)
    else:
        where = source.path(value)
        data = documents.read_file(where)
    document = documents.load_json(data, where)
    if "Reservations" in document:
        _by_tag(stack, ec2.described(document), list(pools))
        return
    for pool, hosts in document.items():
        if pool not in pools:
            raise StackError(
                f"{where}: {pool}",
                f"is no pool of {stack.place}",
                f"Correct the name, or give the text of `aws ec2 describe-instances`; {known(pool, pools, 'pools')}",
            )
        documents.expect(hosts, list, where, f"the list of {pool}")
        stack.members[pool] = [
            documents.expect(host, dict, where, f"{pool}[{number}]") for number, host in enumerate(hosts)
        ]


def _by_tag(stack: Stack, found: list[dict[str, Any]], groups: list[str]) -> None:
    """Sort EC2 instances into the groups that their tag names, and complete the machines that the stack knows by id alone."""
    for group in groups:
        stack.members[group] = [instance for instance in found if instance["tags"].get(ec2.GROUP_TAG) == group]
    by_id = {instance["id"]: instance for instance in found}
    stack.resources = [
        _complete(item, by_id)
        if item.type == "AWS::EC2::Instance" and "instance_state" not in item.attributes
        else item
        for item in stack.resources
    ]


def _complete(item: Resource, by_id: dict[str, dict[str, Any]]) -> Resource:
    """An instance that is known by its id alone, with what `members:` say of it."""
    own = item.attributes.get("id")
    if own in by_id:
        return item._replace(attributes={**by_id[own], **item.attributes})
    fault = (f"is the instance {own}, which `members:` do not list", "List the instances anew, without a filter")
    return item._replace(fault=item.fault or fault)


def pool_names(stack: Stack) -> dict[str, str]:
    """What members may call the pools of a stack (an address, or the name in the cloud), with the type of each."""
    names: dict[str, str] = {}
    for resource in stack.resources:
        kind = host_types.pool(resource.type)
        if kind:
            found = (paths.resolve(resource.attributes, paths.parse(path)) for path in kind.name)
            names.update({name: resource.type for name in (resource.address, *found) if isinstance(name, str)})
    return names
