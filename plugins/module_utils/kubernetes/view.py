# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a Kubernetes cluster as its API tells them, and how work is taken from one. Standard library only.

https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..cluster.members import canonical
from ..cluster.remote import wait_for
from .api import Api, ApiError

NODES = "/api/v1/nodes"
POOL = "keelson.node-restriction.kubernetes.io/pool"  # label with the pool of a host node
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_BLOCKING = ("NoSchedule", "NoExecute")
MARK = "keelson.cluster/drained-for"  # annotation: for what we have drained a node
PAUSE = 1.0  # seconds between two rounds of evictions


@dataclass(frozen=True)
class Node:
    """A node. `trouble` says why it is not ready, '' where it is; `taints` are those that keep work away, `number` its UID."""

    name: str
    address: str
    pool: str
    manager: bool
    trouble: str
    cordoned: bool
    taints: tuple[str, ...]
    version: str
    number: str = ""
    mark: str = ""

    @property
    def obstacle(self) -> str:
        """Why it does not take any work, or ''."""
        taints = f"it has {', '.join(self.taints)}" if self.taints else ""
        return self.trouble or ("it is cordoned" if self.cordoned else taints)


def parse_node(entry: dict[str, Any]) -> Node:
    """Read one Node object."""
    meta, spec, status = entry["metadata"], entry.get("spec") or {}, entry.get("status") or {}
    labels = meta.get("labels") or {}
    addresses = {a["type"]: a["address"] for a in reversed(status.get("addresses") or [])}
    ready: dict[str, Any] = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
    trouble = "" if ready.get("status") == "True" else str(ready.get("message") or "it has not reported yet")
    taints = [taint for taint in spec.get("taints") or [] if taint["effect"] in _BLOCKING]
    return Node(
        name=meta["name"],
        address=canonical(addresses.get("InternalIP", "")),
        pool=labels.get(POOL, ""),
        manager=CONTROL_PLANE in labels,
        trouble=trouble,
        cordoned=bool(spec.get("unschedulable")),
        taints=tuple(taint["key"] for taint in taints),
        version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        number=str(meta.get("uid", "")),
        mark=(meta.get("annotations") or {}).get(MARK, ""),
    )


def list_nodes(api: Api) -> list[Node]:
    """Return all nodes, by name."""
    return sorted((parse_node(entry) for entry in api.items(NODES)), key=lambda node: node.name)


def waiting(pods: Iterable[dict[str, Any]]) -> list[str]:
    """Return why pods do not run: what keeps them off every node, and on which node what their containers wait for."""
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        unscheduled = [c for c in status.get("conditions") or [] if c["type"] == "PodScheduled"]
        found += [c["message"] for c in unscheduled if c["status"] == "False" and c.get("message")]
        for container in status.get("containerStatuses") or []:
            why = (container.get("state") or {}).get("waiting") or {}
            if why.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                found.append(f"{pod['spec'].get('nodeName', '?')}: {why['reason']}: {why.get('message', '')}")
    return found


def cordon(api: Api, name: str, annotations: dict[str, str] | None = None, number: str = "") -> None:
    """Give a node no new work, and mark it with annotations. Where C(number) is not its UID, the API answers 422."""
    meta = {"annotations": annotations or {}, **({"uid": number} if number else {})}
    api.merge(f"{NODES}/{name}", {"metadata": meta, "spec": {"unschedulable": True}})


def uncordon(api: Api, name: str, annotations: tuple[str, ...] = ()) -> None:
    """Let a node take work again, and take annotations off."""
    gone = dict.fromkeys(annotations)
    api.merge(f"{NODES}/{name}", {"metadata": {"annotations": gone}, "spec": {"unschedulable": None}})


def evictable(pod: dict[str, Any], leaving: bool = False) -> bool:
    """Tell whether a drain moves a pod: not what a DaemonSet or the host itself keeps there, nor what has ended.

    Pods without a controller stay too, for nobody would start them elsewhere, unless their node is C(leaving) for good.
    """
    owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences") or []}
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not owners & {"DaemonSet", "Node"} and (leaving or bool(owners))


def work(api: Api, name: str, leaving: bool = False) -> list[dict[str, Any]]:
    """The pods on a node that a drain moves. Raises ApiError."""
    found = api.items(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}")
    return [pod for pod in found if evictable(pod, leaving)]


def drain(api: Api, name: str, timeout: float, deadline: float | None = None) -> str | None:
    """Evict what runs on a cordoned node, as disruption budgets allow; return what is left after C(timeout) seconds.

    With a C(deadline) the node is leaving for good: what is still there after so many seconds is deleted.
    """
    start = time.monotonic()

    def send(space: str, pod: dict[str, Any]) -> str:
        if deadline is None or time.monotonic() - start <= deadline:
            return evict(api, space, pod)
        api.delete(f"/api/v1/namespaces/{space}/pods/{pod['metadata']['name']}")
        return ""

    return wait_for(lambda: left(name, work(api, name, leaving=deadline is not None), send), timeout, interval=PAUSE)


def left(name: str, pods: Iterable[dict[str, Any]], send: Callable[[str, dict[str, Any]], str]) -> str | None:
    """One round of sending pods off a node: which have not left yet, with why each stays, or None.

    C(send) takes a namespace and a pod that does not end yet, and returns why it may not leave for now, or ''.
    """
    found = []
    for pod in pods:
        meta = pod["metadata"]
        why = "it is ending" if "deletionTimestamp" in meta else send(meta["namespace"], pod)
        found.append(f"{meta['namespace']}/{meta['name']}" + (f" ({why})" if why else ""))
    return f"on {name} there still are {', '.join(sorted(found))}" if found else None


def evict(api: Api, space: str, pod: dict[str, Any]) -> str:
    """Ask for the eviction of one pod; return why it is refused for now, or ''.

    429 is a disruption budget's answer, 500 that of several budgets for one pod, which the API server cannot weigh.
    """
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
    try:
        api.post(f"/api/v1/namespaces/{space}/pods/{name}/eviction", eviction)
    except ApiError as error:
        if error.status not in (404, 429, 500):
            raise
        return "" if error.status == 404 else error.message
    return ""
