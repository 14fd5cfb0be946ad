# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as a Kubernetes API returns them, good unless a test asks otherwise."""

from __future__ import annotations

from typing import Any


def node(
    name: str,
    address: str = "10.0.0.9",
    pool: str = "web",
    ready: str | None = "True",
    cordoned: bool = False,
    taint: str = "",
    manager: bool = False,
    version: str = "v1.36.3",
) -> dict[str, Any]:
    """A Node."""
    labels = (
        {"node-role.kubernetes.io/control-plane": ""}
        if manager
        else {"keelson.node-restriction.kubernetes.io/pool": pool}
    )
    taints = [{"key": taint, "effect": "NoSchedule"}] if taint else []
    if manager:
        taints.append({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"})
    ready_condition = {"type": "Ready", "status": ready, "message": "container runtime is down"}
    return {
        "metadata": {"name": name, "labels": labels, "uid": f"uid-{name}"},
        "spec": {"taints": taints, **({"unschedulable": True} if cordoned else {})},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [{"type": "MemoryPressure", "status": "False"}, *([ready_condition] if ready else [])],
            "nodeInfo": {"kubeletVersion": version},
        },
    }


def pod(
    name: str, host: str = "web-1", owner: str = "ReplicaSet", ready: bool = True, image: str = "", **meta: Any
) -> dict[str, Any]:
    """A Pod that runs; `owner` is the kind of its owner, if it has any."""
    owners = [{"kind": owner, "name": "owner"}] if owner else []
    annotations = {"kubernetes.io/config.mirror": "x"} if owner == "Node" else {}
    return {
        "metadata": {"name": name, "ownerReferences": owners, "annotations": annotations, **meta},
        "spec": {"nodeName": host, "containers": [{"name": "app", "image": image}]},
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.1",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }
