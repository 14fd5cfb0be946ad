# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take members out of a Kubernetes cluster without losing work or etcd's quorum. Standard library only."""

from __future__ import annotations

import time
from typing import Any

from ..removal import Refused
from . import etcd, host, view
from .api import Api
from .nodes import ready
from .view import NODES


def evictable(pod: dict[str, Any]) -> bool:
    """Tell whether a pod is work that moves: not one of a daemon set, not one that kubelet itself keeps, not an ended one."""
    metadata = pod["metadata"]
    kept = any(owner["kind"] in ("DaemonSet", "Node") for owner in metadata.get("ownerReferences") or [])
    return not kept and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


def work(api: Api, name: str) -> list[dict[str, Any]]:
    """The pods on a node that are work. Raises ApiError."""
    return [pod for pod in api.items(f"/api/v1/pods?fieldSelector=spec.nodeName={name}") if evictable(pod)]


def drain(api: Api, name: str, deadline: float, timeout: float) -> list[str]:
    """Move all work off a node; after C(deadline) seconds what is left is deleted. Returns the pods that are still there.

    Disruption budgets are kept until then: the API refuses an eviction (429) that would break one.
    """
    api.merge(f"{NODES}/{name}", {"spec": {"unschedulable": True}})
    start = time.monotonic()
    while True:
        left = work(api, name)
        passed = time.monotonic() - start
        if not left or passed > deadline + timeout:
            return [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in left]
        for pod in left:
            if not pod["metadata"].get("deletionTimestamp") or passed > deadline:
                evict(api, pod, passed > deadline)
        time.sleep(1)


def evict(api: Api, pod: dict[str, Any], force: bool) -> None:
    """Ask one pod to go, or with C(force) make it go. Raises ApiError."""
    metadata = pod["metadata"]
    if force:
        api.delete(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}")
    else:
        view.evict(api, metadata["namespace"], metadata["name"])


def node(api: Api, name: str, _address: str, deadline: float, timeout: float, check: bool) -> bool:
    """Drain a host node that lives, forget one that is dead; returns whether something was to be done.

    A live kubelet would register again, so its node stays known and drained until the host is gone. Raises Refused.
    """
    found = api.find(f"{NODES}/{name}")
    if found is None:
        return False
    alive, drained = ready(found), bool(found.get("spec", {}).get("unschedulable"))
    if alive and drained and not work(api, name):
        return False
    if check:
        return True
    if not alive:
        api.delete(f"{NODES}/{name}")
        return True
    left = drain(api, name, deadline, timeout)
    if left:
        raise Refused(
            f"The host node {name} is not drained yet, {', '.join(left[:5])} still run on it. Run again later."
        )
    return True


def manager(api: Api, name: str, address: str, _deadline: float, _timeout: float, check: bool) -> bool:
    """Remove a dead manager, its etcd member first; returns whether there was one. Raises Refused when it lives."""
    members = etcd.half_made(etcd.members(), address)
    found = api.find(f"{NODES}/{name}")
    if not members and found is None:
        return False
    if not host.serves(address):
        raise Refused(
            f"The manager {name} ({address}) lives, so it was not removed. Uninstall it first (playbook uninstall with "
            f"--limit {name}), or put it back into the stack."
        )
    if not check:
        for member in members:
            etcd.remove(member)
        api.delete(f"{NODES}/{name}")
    return True
