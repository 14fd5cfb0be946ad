# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that verify makes on a Kubernetes cluster, as data: all of them in one namespace. Standard library only."""

from __future__ import annotations

from typing import Any

from .view import POOL

NAMESPACE = "keelson-verify"
NAME = "keelson-sample"
PORT = 8080
DEREGISTER_AHEAD = 3  # seconds an instance goes on answering after it has begun to leave service discovery

SPACE = f"/api/v1/namespaces/{NAMESPACE}"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
_APP, _ROLE = {"app.kubernetes.io/name": NAME}, "keelson.cluster/role"


def namespace() -> dict[str, Any]:
    """Return the namespace; what runs in it must keep the strictest of the pod security standards."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def quota() -> dict[str, Any]:
    """Return a quota that has room for one service."""
    spec = {"hard": {"services": "1", "pods": "20"}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": NAME}, "spec": spec}


def service(name: str = NAME) -> dict[str, Any]:
    """Return the service, open inside the cluster and on a port of every node."""
    ports = [{"name": "http", "port": 80, "targetPort": PORT}]
    spec = {"type": "NodePort", "selector": _APP, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def secret(value: str) -> dict[str, Any]:
    """Return a Secret with a value."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": {"value": value}}


def budget(least: int) -> dict[str, Any]:
    """Return the disruption budget: a drain leaves at least this many instances."""
    spec = {"minAvailable": least, "selector": {"matchLabels": _APP}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": NAME}, "spec": spec}


def container(image: str, release: str) -> dict[str, Any]:
    """Return the container, which asks for no rights; its image must lie on the host node already."""
    return {
        "name": "app",
        "image": image,
        "imagePullPolicy": "Never",
        "env": [
            {"name": "LISTEN", "value": f":{PORT}"},
            {"name": "READY_AFTER", "value": "300ms"},
            {"name": "RELEASE", "value": release},
            {"name": "INSTANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": DEREGISTER_AHEAD}}},
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def pod_spec(image: str, release: str) -> dict[str, Any]:
    """Return the pod of an instance; it leaves a host node that does not answer after 5 seconds, not after 300."""
    gone = [
        {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
        for what in ("not-ready", "unreachable")
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10 + DEREGISTER_AHEAD,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": gone,
        "containers": [container(image, release)],
    }


def deployment(pool: str, image: str, count: int, release: str) -> dict[str, Any]:
    """Return the deployment: `count` instances spread over the nodes of `pool`, new ones before old ones go."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _APP},
        "matchLabelKeys": ["pod-template-hash"],
    }
    chosen = {"nodeSelector": {POOL: pool}} if pool else {}
    template = {
        "metadata": {"labels": _APP},
        "spec": {**pod_spec(image, release), **chosen, "topologySpreadConstraints": [spread]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": count,
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": 100,
            "selector": {"matchLabels": _APP},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
            "template": template,
        },
    }


def visitor(role: str, host: str, image: str) -> dict[str, Any]:
    """Return a pod on a host from which an instance is asked; `role` is what network policies know it by."""
    spec = {**pod_spec(image, role), "nodeName": host}
    meta = {"name": f"keelson-{role}", "labels": {_ROLE: role}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def policies() -> list[dict[str, Any]]:
    """Return network policies: nothing is allowed but that a guest asks an instance, and that an unauthorized client tries."""
    guest, unauthorized, app = ({"matchLabels": labels} for labels in ({_ROLE: "guest"}, {_ROLE: "unauthorized"}, _APP))
    port = [{"protocol": "TCP", "port": PORT}]
    specs: dict[str, dict[str, Any]] = {
        "default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "from-guests": {"podSelector": app, "ingress": [{"from": [{"podSelector": guest}], "ports": port}]},
        "guests": {"podSelector": guest, "egress": [{"to": [{"podSelector": app}], "ports": port}]},
        "from-unauthorized": {
            "podSelector": unauthorized,
            "egress": [{"to": [{"podSelector": app}], "ports": port}],
        },
    }
    for spec in specs.values():
        spec.setdefault("policyTypes", ["Egress" if "egress" in spec else "Ingress"])
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return [{**kind, "metadata": {"name": name}, "spec": spec} for name, spec in specs.items()]


def privileged(image: str) -> dict[str, Any]:
    """Return a pod that asks for the processes and the network of its host, and for more than a container's rights."""
    rights = {"capabilities": {"add": ["SYS_ADMIN"]}}
    spec = {
        "hostPID": True,
        "hostNetwork": True,
        "containers": [{"name": "app", "image": image, "securityContext": rights}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "keelson-privileged"}, "spec": spec}
