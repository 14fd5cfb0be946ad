# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From functions to objects of Kubernetes and of Knative Serving. Pure.

https://github.com/knative/specs/blob/main/specs/serving/knative-api-specification-1.0.md
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes.deploy import FUNCTION, MARK

from ..egress import CLOSED, parse
from ..functions import Declared, Function, Tenant
from ..gateway import namespace
from .serving import placed

CODE = "/code"
# What a tenant's people may see of it where a site binds them to this role: no secrets, no code, nothing of others.
LOOK = [
    {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["serving.knative.dev"],
        "resources": ["services", "revisions", "routes", "configurations"],
        "verbs": ["get", "list", "watch"],
    },
]
PROXY_CPU, PROXY_MEMORY = 25, 50  # thousandths of a core and MiB for Knative's proxy beside an instance
ACCOUNT = 65532
# Of a pod of a function: what its queue-proxy answers calls, probes and the autoscaler on.
PORTS = (8012, 8013, 8022, 9090, 9091)
SYSTEM = ("knative-serving", "kourier-system")
_UNLIMITED = Function("", "")


def refused(function: Function) -> Iterable[tuple[str, str]]:
    """What of a function does not run here: the field, and why."""
    if function.isolation == "per_request":
        yield (
            "isolation",
            "per_request is not held here: Knative hands an instance one call after another, and what one leaves "
            "the next one finds; declare per_function",
        )
    if function.artifact.startswith("https://") or function.artifact.endswith((".tar.gz", ".tgz")):
        yield "artifact", "an archive or an address is not unpacked here; put it into an image, or give a file"
    for key in ("pids", "files"):
        if getattr(function, key) != getattr(_UNLIMITED, key):
            yield key, "is not held here for one function; leave it out"
    for key in ("egress", "services"):
        entries = function.egress if key == "egress" else function.services.values()
        if names := [entry for entry in entries if "name" in parse(entry)]:
            yield key, f"a name is not held here by network policies; give the network of {', '.join(names)}"
    if function.artifact and not re.fullmatch(r"[A-Za-z0-9._-]+", PurePath(function.artifact).name):
        yield "artifact", "the name of the file has signs that a ConfigMap refuses; use letters, digits and . _ -"


def objects(declared: Declared, code: Mapping[str, bytes], image: str, closed: Iterable[str]) -> list[dict[str, Any]]:
    """All of them, namespaces first. `image` is for functions that have none; nobody reaches the networks `closed`."""
    shut = [*CLOSED, *closed]
    found = [entry for tenant in declared.tenants.values() for entry in space(tenant)]
    for tenant in declared.tenants.values():
        found += quota(tenant, [one for one in declared.functions if one.tenant == tenant.name])
    for function in declared.functions:
        if function.artifact:
            found.append(program(function, code[function.artifact]))
        if function.destinations:
            found.append(way_out(function, shut))
        found.append(service(function, declared.tenants[function.tenant], image))
    return found


def _made(version: str, kind: str, name: str, tenant: str, function: str = "", **fields: Any) -> dict[str, Any]:
    labels = {MARK: tenant, **({FUNCTION: function} if function else {})}
    meta = {"name": name, "labels": labels, **({"namespace": namespace(tenant)} if kind != "Namespace" else {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


def space(tenant: Tenant) -> Iterable[dict[str, Any]]:
    """The namespace of a tenant, in which nobody reaches a function but the runtime, and no function anybody."""
    found = _made("v1", "Namespace", namespace(tenant.name), tenant.name)
    found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    yield found
    runtime = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in SYSTEM]
    ingress = [{"from": runtime, "ports": [{"protocol": "TCP", "port": port} for port in PORTS]}]
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress}
    yield _made("networking.k8s.io/v1", "NetworkPolicy", "functions", tenant.name, spec=spec)
    yield _made("rbac.authorization.k8s.io/v1", "Role", "functions", tenant.name, rules=LOOK)


def quota(tenant: Tenant, own: Iterable[Function]) -> Iterable[dict[str, Any]]:
    """What holds all pods of a tenant within its quota, also those that are none of its functions.

    More than the quota itself: an instance has Knative's proxy beside it, and while a function is deployed its new instances stand
    beside the old ones. What the proxy does not ask for itself it gets from the namespace's defaults, as a quota wants it asked for.
    """
    if not (tenant.instances or tenant.memory or tenant.cpu):
        return
    own = list(own)
    started = {one.label: max(1, one.instances.min) for one in own}
    pods = (tenant.instances or sum(one.most(1) for one in own)) + sum(started.values())
    hard = {"pods": str(pods)} if tenant.instances else {}
    if tenant.memory:
        beside = sum(started[one.label] * one.memory for one in own)
        hard["requests.memory"] = f"{tenant.memory + beside + pods * PROXY_MEMORY}Mi"
    if tenant.cpu:
        beside = sum(started[one.label] * one.cpu for one in own)
        hard["requests.cpu"] = f"{tenant.cpu + beside + pods * PROXY_CPU}m"
    yield _made("v1", "ResourceQuota", "functions", tenant.name, spec={"hard": hard})
    limits = [{"type": "Container", "defaultRequest": {"cpu": f"{PROXY_CPU}m", "memory": f"{PROXY_MEMORY}Mi"}}]
    yield _made("v1", "LimitRange", "functions", tenant.name, spec={"limits": limits})


def program(function: Function, content: bytes) -> dict[str, Any]:
    """The code of a function: another one for another digest, so that each revision has its own."""
    files = {PurePath(function.artifact).name: base64.b64encode(content).decode()}
    name = f"{function.service}-{function.digest.partition(':')[2][:12]}"
    return _made("v1", "ConfigMap", name, function.tenant, function.service, binaryData=files, immutable=True)


def way_out(function: Function, closed: Iterable[str]) -> dict[str, Any]:
    """What a function reaches besides: networks, without those that are closed."""
    shut = [ipaddress.ip_network(entry) for entry in closed]
    rules = []
    for entry in map(parse, function.destinations):
        network = ipaddress.ip_network(entry["network"])
        inside = [one for one in shut if one.version == network.version and one.subnet_of(network)]  # type: ignore[arg-type]
        merged = sorted(map(str, ipaddress.collapse_addresses(inside)))  # type: ignore[type-var]
        block = {"cidr": str(network), **({"except": merged} if merged else {})}
        ports = {"ports": [{"protocol": "TCP", "port": entry["port"]}]} if entry["port"] else {}
        rules.append({"to": [{"ipBlock": block}], **ports})
    chosen = {"matchLabels": {"serving.knative.dev/service": function.service}}
    spec = {"podSelector": chosen, "policyTypes": ["Egress"], "egress": rules}
    name = f"{function.service}-egress"
    return _made("networking.k8s.io/v1", "NetworkPolicy", name, function.tenant, function.service, spec=spec)


def container(function: Function, image: str) -> dict[str, Any]:
    """The container, which asks for no rights and writes to memory alone."""
    values = {"HOME": "/tmp", **function.env, **function.services}
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(values.items())]
    for name, item in sorted(function.secrets.items()):
        env.append({"name": name, "valueFrom": {"secretKeyRef": {"name": function.service, "key": item}}})
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    if function.artifact:
        mounts.append({"name": "code", "mountPath": CODE, "readOnly": True})  # type: ignore[dict-item]
    return {
        "image": function.image or image,
        "imagePullPolicy": "IfNotPresent",
        **({"command": list(function.command)} if function.command else {}),
        **({"workingDir": CODE} if function.artifact else {}),
        "env": env,
        "ports": [{"containerPort": 8080}],
        "resources": {
            "requests": {"cpu": f"{function.cpu}m", "memory": f"{function.memory}Mi"},
            "limits": {"memory": f"{function.memory}Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": ACCOUNT,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    }


def service(function: Function, tenant: Tenant, image: str) -> dict[str, Any]:
    """The function as a service of Knative that is known inside the cluster alone."""
    volumes: list[dict[str, Any]] = [
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": f"{function.disk}Mi"}}
    ]
    if function.artifact:
        volumes.append({"name": "code", "configMap": {"name": program(function, b"")["metadata"]["name"]}})
    scale = {"min-scale": function.instances.min, "max-scale": function.instances.max}
    template = {
        "metadata": {"annotations": {f"autoscaling.knative.dev/{key}": str(value) for key, value in scale.items()}},
        "spec": {
            "containerConcurrency": function.concurrency,
            "timeoutSeconds": function.timeout,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **placed(tenant.pool),
            "containers": [container(function, image)],
            "volumes": volumes,
        },
    }
    found = _made("serving.knative.dev/v1", "Service", function.service, tenant.name, function.service)
    found["metadata"]["labels"]["networking.knative.dev/visibility"] = "cluster-local"
    return {**found, "spec": {"template": template}}
