# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions as Kubernetes has them, brought to what is declared. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ...cluster.remote import bracketed
from ...cluster.tenancy import Outcome
from ...kubernetes.api import Api
from ...kubernetes.tenancy import bring, drop
from ...kubernetes.view import CONTROL_PLANE, NODES

MARK = "keelson.cluster/functions"  # label of what is ours, with the tenant's name
FUNCTION = "keelson.cluster/function"
GATEWAY, SERVING = "kourier-system", "knative-serving"
TUNNELS = ("projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/IPv6VXLANTunnelAddr")
# In the order in which they are made; what is gone is removed the other way round.
KINDS = {
    "Namespace": "/api/v1/namespaces",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/{}networkpolicies",
    "Role": "/apis/rbac.authorization.k8s.io/v1/{}roles",
    "ResourceQuota": "/api/v1/{}resourcequotas",
    "LimitRange": "/api/v1/{}limitranges",
    "ConfigMap": "/api/v1/{}configmaps",
    "Service": "/apis/serving.knative.dev/v1/{}services",
}
_POLICY = "networking.k8s.io/v1"


class NotReady(Exception):
    """Knative, or a secret that a function names, is not there."""


def path(entry: Mapping[str, Any]) -> str:
    """Where the API keeps an object."""
    meta = entry["metadata"]
    inside = f"namespaces/{meta['namespace']}/" if "namespace" in meta else ""
    return f"{KINDS[entry['kind']].format(inside)}/{meta['name']}"


def policy(space: str, name: str, **spec: Any) -> dict[str, Any]:
    """A network policy of the runtime itself."""
    meta = {"name": name, "namespace": space, "labels": {MARK: ""}}
    return {"apiVersion": _POLICY, "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def guards(nodes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Who reaches the runtime: Kourier is for the gateways on the managers, the activator for Kourier.

    Either would hand any pod's call to any function: they ask for no token. A manager's own packets to pods of other hosts come
    from its end of the tunnel.
    """
    managers: set[str] = set()
    for node in nodes:
        meta = node["metadata"]
        if CONTROL_PLANE in (meta.get("labels") or {}):
            managers |= {one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"}
            managers |= {meta["annotations"][key] for key in TUNNELS if key in (meta.get("annotations") or {})}
    blocks = [{"ipBlock": {"cidr": f"{one}/{128 if ':' in one else 32}"}} for one in sorted(managers)]
    spaces = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": one}}} for one in (SERVING, GATEWAY)
    ]
    calls, activator = {"protocol": "TCP", "port": 8081}, {"matchLabels": {"app": "activator"}}
    return [
        policy(
            GATEWAY,
            "kourier",
            podSelector={},
            policyTypes=["Ingress"],
            ingress=[{"from": spaces[:1]}, {"from": blocks, "ports": [calls]}],
        ),
        policy(SERVING, "activator", podSelector=activator, policyTypes=["Ingress"], ingress=[{"from": spaces}]),
    ]


def ready(api: Api, seconds: int) -> bool:
    """Await Knative's webhook, which is asked before a function is kept; with 0 only look. Raises NotReady."""

    def there() -> bool:
        found = api.find(f"/apis/apps/v1/namespaces/{SERVING}/deployments/webhook")
        return bool(found and (found.get("status") or {}).get("availableReplicas"))

    deadline = time.monotonic() + seconds
    while not there():
        if time.monotonic() >= deadline:
            if seconds:
                raise NotReady(
                    f"no instance of Knative's webhook came up in {seconds} s; look at kubectl -n {SERVING} get pods"
                )
            return False
        time.sleep(2)
    return True


def address(api: Api) -> str:
    """The URL of Kourier inside the cluster, '' before there is one."""
    found = api.find(f"/api/v1/namespaces/{GATEWAY}/services/kourier-internal")
    host = found["spec"]["clusterIP"] if found else ""
    return host and f"http://{bracketed(host)}"


def secrets_present(api: Api, desired: Sequence[Mapping[str, Any]], places: Mapping[str, str] | None = None) -> None:
    """Look for the secrets that functions name. Raises NotReady, naming all with their C(places)."""
    missing, spaces = [], {entry["metadata"]["name"] for entry in api.items(KINDS["Namespace"])}
    for entry in (entry for entry in desired if entry["kind"] == "Service"):
        space, name = entry["metadata"]["namespace"], entry["metadata"]["name"]
        env = entry["spec"]["template"]["spec"]["containers"][0]["env"]
        needed = {one["name"]: one["valueFrom"]["secretKeyRef"]["key"] for one in env if "valueFrom" in one}
        there = ((api.find(f"/api/v1/namespaces/{space}/secrets/{name}") or {}).get("data") or {}) if needed else {}
        where = (places or {}).get(f"{space}/{name}", "")
        # Of a new tenant there is no namespace yet: it is taken over as it is.
        begin = "" if space in spaces else f"kubectl create namespace {space}; "
        command = f"{begin}kubectl -n {space} create secret generic {name}"
        missing += [
            f"{where and f'{where}: '}{space}/{name} has no secret {item} for {variable}: {command} --from-literal={item}=..."
            for variable, item in sorted(needed.items())
            if item not in there
        ]
    if missing:
        raise NotReady("; ".join(missing))


def ensure(api: Api, desired: Sequence[dict[str, Any]], predict: bool) -> Outcome:
    """Apply the objects, and remove what of ours is not among them. With `predict` nothing is changed."""
    outcome = Outcome()
    spaces = {entry["metadata"]["name"] for entry in api.items(KINDS["Namespace"])}
    for entry in desired:
        space = entry["metadata"].get("namespace")
        bring(api, path(entry), entry, predict, outcome, not predict or space is None or space in spaces)
    kept = {path(entry) for entry in desired}
    for kind, place in reversed(KINDS.items()):
        for found in api.items(f"{place.format('')}?labelSelector={quote(MARK, safe='')}"):
            where = path({**found, "kind": kind})
            if where not in kept and "deletionTimestamp" not in found["metadata"]:
                drop(api, where, found, predict, outcome)
    return outcome


def apply(
    api: Api, desired: Sequence[dict[str, Any]], predict: bool, places: Mapping[str, str] | None = None
) -> Outcome:
    """Bring the functions and what guards the runtime to what is declared. Raises NotReady, ApiError."""
    secrets_present(api, desired, places)
    return ensure(api, [*guards(api.items(NODES)), *desired], predict)
