# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes as the API lists them: their labels and taints, their serving certificates, whether they take work.

Standard library only.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import removed, requests
from .api import CA_FILE, Api, ApiError
from .view import NODES, list_nodes

# Begins a label for each taint that we have set: a node may change neither, but any annotation of its own.
OWN_TAINT = "keelson.node-restriction.kubernetes.io/taint-"
KUBELET = 10250
SYSTEM = "kube-system"


@dataclass(frozen=True)
class Desired:
    """A node as the inventory knows it. Each of C(taints) has C(key), C(effect) and perhaps C(value)."""

    name: str
    address: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)


def desired(entry: Mapping[str, Any]) -> Desired:
    """Read a node from data; its labels become texts as the API takes them, a boolean as YAML writes it."""
    labels = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in entry["labels"].items()
    }
    return Desired(entry["name"], entry["address"], labels, list(entry["taints"]))


def taints(node: dict[str, Any], desired: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The taints a node is to have: the desired ones instead of those we set earlier, and everybody else's."""
    ours = {*(node["metadata"].get("labels") or {}), *marks(desired)}
    others = [entry for entry in node.get("spec", {}).get("taints") or [] if not marks([entry]).keys() & ours]
    return [*others, *desired]


def marks(ours: Sequence[dict[str, str]]) -> dict[str, str]:
    """The labels by which taints are known as those that we have set."""
    return {OWN_TAINT + hashlib.sha256(entry["key"].encode()).hexdigest()[:16]: "true" for entry in ours}


def settle(api: Api, want: Desired, check: bool) -> list[str]:
    """Give a node its labels and taints; returns what had to change. Raises ApiError."""
    node = api.get(f"{NODES}/{want.name}")
    changes, after = [], taints(node, want.taints)
    if after != (node.get("spec", {}).get("taints") or []):
        changes.append(f"taints of {want.name}")
        if not check:
            api.merge(f"{NODES}/{want.name}", {"spec": {"taints": after}})
    # Server-side apply: a label that the inventory no longer has goes, others' labels stay.
    labels = {**want.labels, **marks(want.taints)}
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": want.name, "labels": labels}}
    applied = api.apply(f"{NODES}/{want.name}", body, dry_run=check)
    if (applied["metadata"].get("labels") or {}) != (node["metadata"].get("labels") or {}):
        changes.append(f"labels of {want.name}")
    return changes


def announce(api: Api, want: Desired) -> None:
    """Make the node of a host that has not registered yet, so that it has its labels and taints from the start. Raises ApiError."""
    meta = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": want.name}}
    unready = {"type": "Ready", "status": "False", "reason": "NotRegistered", "message": "it has not registered yet"}
    body = {**meta, "spec": {"taints": want.taints}, "status": {"conditions": [unready]}}
    try:
        api.post(NODES, body)
    except ApiError as error:
        if error.status != 409:
            raise
    settle(api, want, False)


def serves(address: str, timeout: float = 2.0, ca: str = "") -> str:
    """Return what is wrong with the certificate kubelet shows at C(address), or ''; it must be by C(ca), PEM, where that is given."""
    try:
        settings = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context(cafile=CA_FILE)
        with socket.create_connection((address, KUBELET), timeout) as link:
            settings.wrap_socket(link, server_hostname=address).close()
        return ""
    except OSError as error:
        return f"kubelet at {address} shows no certificate of this cluster yet ({error})"


def unready(api: Api, desired: Sequence[Desired]) -> list[str]:
    """Say which nodes are missing, not ready, or without a certificate of their own."""
    known = {node.name: node for node in list_nodes(api)}
    faults = []
    for want in desired:
        if want.name not in known:
            faults.append(f"node {want.name} has not registered")
        elif known[want.name].trouble:
            faults.append(f"node {want.name} is not ready ({known[want.name].trouble})")
        else:
            faults.append(serves(want.address))
    return [fault for fault in faults if fault]


def system_faults(api: Api, names: Sequence[str], desired: Sequence[Desired]) -> list[str]:
    """Say which of the cluster's own workloads C(names) in kube-system do not run: Deployments, and DaemonSets on the nodes."""
    here, faults = {want.name for want in desired}, []
    apps = f"/apis/apps/v1/namespaces/{SYSTEM}"
    for entry in api.items(f"{apps}/deployments"):
        name, status = entry["metadata"]["name"], entry.get("status") or {}
        available = any(c["type"] == "Available" and c["status"] == "True" for c in status.get("conditions") or [])
        if name in names and not (available and status.get("updatedReplicas", 0) > 0):
            faults.append(f"of {SYSTEM}/{name} {status.get('availableReplicas', 0)} pods are available")
    pods = api.items(f"/api/v1/namespaces/{SYSTEM}/pods") if here else []
    for entry in api.items(f"{apps}/daemonsets"):
        name, labels = entry["metadata"]["name"], entry["spec"]["selector"]["matchLabels"].items()
        own = [pod for pod in pods if labels <= (pod["metadata"].get("labels") or {}).items()]
        ready = {pod["spec"].get("nodeName") for pod in own if _pod_is_ready(pod)}
        missing = sorted(here - ready)
        if name in names and missing:
            faults.append(f"the pod of {SYSTEM}/{name} is not ready on {', '.join(missing)}")
    return faults


def _pod_is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def foresee(api: Api, desired: Sequence[Desired], addresses: Mapping[str, str]) -> list[str]:
    """What ensure would change on the nodes that are there. Raises ApiError."""
    kept = ["addresses of the inventory"] if requests.keep_members(api, addresses, True) else []
    kept += [f"admission of {name}" for name in removed.readmit(api, [want.name for want in desired], True)]
    approved, _refused = requests.approve(api, {**requests.let_in(api), **addresses}, True)
    known = {node["metadata"]["name"] for node in api.items(NODES)}
    settled = [change for want in desired if want.name in known for change in settle(api, want, True)]
    return [*kept, *(f"serving certificate of {name}" for name in approved), *settled]


def ensure(
    api: Api, desired: Sequence[Desired], addresses: Mapping[str, str], timeout: float, system: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Approve certificates of the inventory's nodes (C(addresses) by name) and set labels until all nodes are ready.

    So must be the cluster's own workloads C(system).
    Returns what changed and what is still wrong.
    """
    changes: list[str] = []
    settled: set[str] = set()
    end = time.monotonic() + timeout
    while True:
        try:
            if requests.keep_members(api, addresses, False):
                changes.append("addresses of the inventory")
            changes += [f"admission of {name}" for name in removed.readmit(api, [want.name for want in desired])]
            approved, refused = requests.approve(api, requests.read_members(api), False)
            changes += [f"serving certificate of {name}" for name in approved]
            known = {node["metadata"]["name"] for node in api.items(NODES)}
            for want in desired:
                if want.name in known and want.name not in settled:
                    changes += settle(api, want, False)
                    settled.add(want.name)
            faults = unready(api, desired)
            if not faults and system:
                faults = system_faults(api, system, desired)
            elif faults:
                faults += [f"request {name} was not approved: {text}" for name, text in refused.items()]
        except ApiError as error:
            faults = [str(error)]
        if not faults or time.monotonic() > end:
            return changes, faults
        time.sleep(0.5)
