# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters that the cloud runs (EKS, ECS, AKS, GKE): what a stack knows of them, as cluster variables."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from . import host_types, lookup, paths
from .config import Cluster
from .errors import StackError
from .model import Resource, Stack


def variables(cluster: Cluster, stacks: Mapping[str, Stack], endpoint: str) -> dict[str, Any]:
    """cluster_managed_by, cluster_endpoint (ENDPOINT when the file gives one), cluster_ca (PEM), cluster_version and cluster_node_groups."""
    place = f"{cluster.place}.managed"
    text = str(cluster.managed)
    if lookup.stack_of(text, stacks, place)[0].pattern is None:
        raise StackError(place, f"`{text}` names an output where a cluster is wanted", "Write STACK.resources.ADDRESS")
    stack, found = lookup.resources(text, stacks, place)
    if len(found) != 1:
        raise StackError(place, f"`{text}` names {len(found)} resources", "Name exactly one cluster, with its index")
    resource = found[0]
    kind = host_types.managed(resource.type)
    if kind is None:
        raise StackError(
            place,
            f"{resource.address} of {stack.place} is a {resource.type}, no cluster that a cloud runs",
            f"Name one of: {', '.join(host_types.MANAGED)}",
        )
    value = _first(resource, kind.endpoint)
    if not endpoint and not isinstance(value, str):
        raise StackError(
            place,
            f"{resource.address} of {stack.place} has no endpoint yet",
            "Apply the stack until it has one, or give `endpoint:`",
        )
    if not endpoint:
        endpoint = value if "://" in value or kind.kind == "ecs" else f"https://{value}"
    return {
        "cluster_managed_by": kind.kind,
        "cluster_endpoint": endpoint,
        "cluster_ca": _pem(_first(resource, kind.ca)),
        "cluster_version": _first(resource, kind.version) or "",
        "cluster_node_groups": _groups(resource, kind, stack),
    }


def _first(resource: Resource, choices: tuple[str, ...]) -> Any:
    found = (paths.resolve(resource.attributes, paths.parse(path)) for path in choices)
    return next((value for value in found if value not in (None, "", paths.MISSING)), None)


def _pem(value: Any) -> str:
    """A CA certificate, which is public, as PEM; clouds give it as base64 of that."""
    if not isinstance(value, str) or value.startswith("-----BEGIN"):
        return value or ""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _groups(cluster: Resource, kind: host_types.ManagedType, stack: Stack) -> list[dict[str, Any]]:
    """The node groups of the cluster: name, size and address of each; those that the cluster lists itself have its address."""
    own = {cluster.attributes.get(key) for key in ("name", "id", "arn", "self_link", "selfLink")} - {None}
    found = [
        _group(item)
        for item in stack.resources
        if host_types.canonical(item.type) in kind.nodes and _first(item, kind.member) in own | {None}
    ]
    listed = _first(cluster, kind.inside)
    listed = [listed] if isinstance(listed, dict) else listed
    inside = [
        _group(cluster._replace(attributes=item))
        for item in (listed or [])
        if isinstance(item, dict) and item.get("name")
    ]
    names = {group["name"] for group in found}
    return found + [group for group in inside if group["name"] not in names]


def _group(item: Resource) -> dict[str, Any]:
    return {
        "name": _first(item, ("node_group_name", "nodeGroupName", "name")) or item.address,
        "size": _first(item, host_types.NODE_GROUP_SIZE),
        "address": item.address,
    }
