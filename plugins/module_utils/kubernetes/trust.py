# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a Kubernetes cluster trusts its CAs besides hosts: objects, and programs in pods. Standard library only.

kubelet puts ConfigMap kube-root-ca.crt into running pods, but clients of the API read it when they start. So those of the cluster
itself are started anew before another CA is used, and when the one before is refused; who else is such a client cannot be seen.
https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..cluster.remote import wait_for
from . import authorities, membership, network, nodes
from .api import Api, applied
from .authorities import pems
from .view import list_nodes

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
EXTENSIONS = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
ROOT = "kube-root-ca.crt"
KINDS = ("daemonsets", "deployments", "statefulsets")
MARK = "keelson.cluster/authorities"


def publish(api: Api, ca: str, front_proxy: str) -> list[str]:
    """Have the cluster's objects name the CAs that its managers trust; returns which did not. Raises ApiError, ValueError.

    API servers add their CAs to EXTENSIONS and take none out (pkg/controlplane/controller/clusterauthenticationtrust).
    """
    changed = []
    info = api.find(CLUSTER_INFO)
    before = info["data"]["kubeconfig"] if info else ""
    after = authorities.trusting(before, ca)
    if after != before:
        api.merge(CLUSTER_INFO, {"data": {"kubeconfig": after}})
        changed.append("cluster-info")
    desired = {"client-ca-file": ca, "requestheader-client-ca-file": front_proxy}
    data = (api.find(EXTENSIONS) or {}).get("data") or {}
    if any(pems(data.get(name, "")) - pems(text) for name, text in desired.items()):
        api.merge(EXTENSIONS, {"data": desired})
        changed.append("extension-apiserver-authentication")
    return changed


def unpublished(api: Api, ca: str) -> str | None:
    """Which namespaces give pods other CAs than those of the managers, or None. Raises ApiError."""
    found = api.items(f"/api/v1/configmaps?fieldSelector=metadata.name%3D{ROOT}")
    found = [entry for entry in found if entry["metadata"]["name"] == ROOT]
    late = [e["metadata"]["namespace"] for e in found if pems((e.get("data") or {}).get("ca.crt", "")) != pems(ca)]
    return f"{ROOT} has other CAs in {len(late)} namespaces, such as {late[0]}" if late else None


def clients(api: Api) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """What may ask the API from its pods: its path, whether it belongs to the cluster itself, and the object. Raises ApiError."""
    for kind in KINDS:
        for entry in api.items(f"/apis/apps/v1/{kind}"):
            meta, spec = entry["metadata"], entry["spec"]
            if (spec["template"].get("spec") or {}).get("automountServiceAccountToken") is False:
                continue
            path = f"/apis/apps/v1/namespaces/{meta['namespace']}/{kind}/{meta['name']}"
            yield path, applied(entry) or meta["namespace"] == "kube-system", entry


def others(api: Api) -> list[str]:
    """The names of what may ask the API from its pods and is not started anew. Raises ApiError."""
    return [f"{e['metadata']['namespace']}/{e['metadata']['name']}" for _path, own, e in clients(api) if not own]


def restart_clients(api: Api, ca: str, timeout: float) -> tuple[list[str], str]:
    """Start what belongs to the cluster anew, one after the other, unless it was for these CAs; returns which, and what is wrong.

    Raises ApiError.
    """
    mark, changed = membership.digest([], "\n".join(sorted(pems(ca)))), []
    for path, own, entry in list(clients(api)):
        by_hand = (entry["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
        if not own or by_hand:
            continue
        if ((entry["spec"]["template"].get("metadata") or {}).get("annotations") or {}).get(MARK) != mark:
            api.merge(path, {"spec": {"template": {"metadata": {"annotations": {MARK: mark}}}}})
            changed.append(entry["metadata"]["name"])

        def starting(path: str = path) -> str | None:
            return unready(api.get(path))

        fault = wait_for(starting, timeout, interval=1.0)
        if fault:
            return changed, fault
    return changed, ""


def unready(entry: dict[str, Any]) -> str | None:
    """What is missing until all pods of a workload are of its present template and ready, or None."""
    meta, status = entry["metadata"], entry.get("status") or {}
    if "desiredNumberScheduled" in status:
        desired = total = status["desiredNumberScheduled"]
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberReady", 0)
    else:
        desired, total = entry["spec"].get("replicas", 1), status.get("replicas", 0)
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    if seen and updated >= desired and ready >= desired and total <= desired:
        return None
    return (
        f"of {meta['namespace']}/{meta['name']} {min(updated, ready)} of {desired} pods were started anew and are ready"
    )


def absent(api: Api, took_part: Collection[str]) -> str:
    """Which nodes keep a phase from its end, for they would know nobody afterwards, or be refused; '' for none. Raises ApiError."""
    return "; ".join(f"node {n.name} has taken no part" for n in list_nodes(api) if n.name not in took_part)


def lagging(api: Api, ca: str) -> str | None:
    """Which members show a certificate that the CA in use has not signed, or None. Raises ApiError."""
    found, used = [], authorities.first(ca)
    for node in list_nodes(api):
        found.append(nodes.serves(node.address, ca=used))
        found.append(network.serves(node.address, ca=used) if node.manager else "")
    return "; ".join(fault for fault in found if fault) or None
