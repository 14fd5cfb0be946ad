# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a cluster stands in the way of an upgrade: versions of its API that go, and pods that no drain can move.

Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..texts import some
from .api import Api
from .view import evictable, list_nodes

SHOWN = 5  # objects that a message names
# What API servers count since their start.
# https://kubernetes.io/docs/reference/using-api/deprecation-guide/#identify-use-of-removed-apis
_METRIC = re.compile(r"^apiserver_requested_deprecated_apis\{(.*)\} [1-9]", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Findings:
    """What keeps the cluster from being upgraded, and what its users should know of."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def look(api: Api, managers: Iterable[str], version: str) -> Findings:
    """Look before an upgrade to C(version). Raises ApiError."""
    found = Findings()
    asked = {entry for address in managers for entry in requested(api.at(address, api.port).get("/metrics"))}
    for group, release, resource, served in sorted(asked):
        text = f"{resource} of {group + '/' if group else ''}{served} {_named(stored(api, group, served, resource))}"
        if _minor(release) <= _minor(version):
            found.faults.append(
                f"{text}, and Kubernetes {release} has that version no more: use a newer one of its API"
            )
        else:
            found.warnings.append(f"{text}, a version that goes with Kubernetes {release}")
    for name, why in blocked(api):
        found.faults.append(f"disruption budget {name} never lets a pod go ({why}): no drain of its node can end")
    lonely = uncontrolled(api)
    if lonely:
        found.warnings.append(f"pods without a controller stay on their nodes meanwhile: {some(lonely, SHOWN)}")
    return found


def requested(metrics: str) -> set[tuple[str, str, str, str]]:
    """(group, release in which it goes, resource, version) of deprecated API versions that somebody has asked for."""
    labels = (dict(_LABEL.findall(found)) for found in _METRIC.findall(metrics))
    return {(e["group"], e["removed_release"], e["resource"], e["version"]) for e in labels if e.get("removed_release")}


def stored(api: Api, group: str, version: str, resource: str) -> list[str]:
    """The objects that somebody has written by this version of the API, by namespace and name."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    served = f"{group}/{version}" if group else version
    listed = (api.find(f"{root}/{resource}") or {}).get("items") or []
    meta = [entry["metadata"] for entry in listed]
    return [
        _name(m) for m in meta if any(manager.get("apiVersion") == served for manager in m.get("managedFields") or [])
    ]


def blocked(api: Api) -> Iterator[tuple[str, str]]:
    """Budgets by which no pod may ever leave, however well all are, each with why."""
    for entry in api.items("/apis/policy/v1/poddisruptionbudgets"):
        spec, status = entry.get("spec") or {}, entry.get("status") or {}
        pods, needed = status.get("expectedPods", 0), status.get("desiredHealthy", 0)
        if pods and needed >= pods:
            name = "maxUnavailable" if "maxUnavailable" in spec else "minAvailable"
            yield _name(entry["metadata"]), f"{name} {spec.get(name)} of {pods} pods"


def uncontrolled(api: Api) -> list[str]:
    """Pods on host nodes that nobody would start elsewhere."""
    nodes = {node.name for node in list_nodes(api) if not node.manager}
    pods = (pod for pod in api.items("/api/v1/pods") if pod.get("spec", {}).get("nodeName") in nodes)
    return sorted(_name(pod["metadata"]) for pod in pods if evictable(pod, leaving=True) and not evictable(pod))


def _name(meta: Mapping[str, Any]) -> str:
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])


def _named(names: list[str]) -> str:
    return f"are written by that version ({some(names, SHOWN)})" if names else "are asked for by a client"


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
