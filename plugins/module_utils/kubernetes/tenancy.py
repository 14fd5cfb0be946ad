# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of teams, as data: what lies in each, what of it must change, what is no longer asked for.

Applied by the server itself (server-side apply), so a field that is dropped here is dropped there, and what others have
set stays. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..cluster import tenancy as shared
from ..cluster.tenancy import DEPLOY, Outcome
from .api import Api
from .view import POOL

OURS = {"keelson.cluster/tenancy": "cluster-namespaces"}
RESERVED = ("kube-", "knative-", "faas-", "keelson-")  # what begins so is Kubernetes', of functions, or ours
_SELECT = "?labelSelector=keelson.cluster%2Ftenancy%3Dcluster-namespaces"
_POD_SECURITY = "pod-security.kubernetes.io"
_CORE, _RBAC, _NETWORKING = "v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"
# Kinds of which a namespace has some of ours: (plural, apiVersion, kind).
_KINDS = (
    ("resourcequotas", _CORE, "ResourceQuota"),
    ("limitranges", _CORE, "LimitRange"),
    ("networkpolicies", _NETWORKING, "NetworkPolicy"),
    ("serviceaccounts", _CORE, "ServiceAccount"),
    ("rolebindings", _RBAC, "RoleBinding"),
)
_LIMITS = {"default_request": "defaultRequest"}
# What makes a namespace one that is in use, by API group.
_IN_USE = {
    _CORE: ("pods", "services", "persistentvolumeclaims"),
    "apps/v1": ("deployments", "statefulsets", "daemonsets"),
    "batch/v1": ("jobs", "cronjobs"),
}


# A pod of a namespace that has a pool must select it, so that it lands nowhere else; kubelets check the selection
# too, so naming a node does not help. One of a namespace that has none tolerates no pool's taint, and names no node.
_POLICY = "keelson-pools"
_ADMISSION = "admissionregistration.k8s.io/v1"
SPACE_POOL = "keelson.cluster/pool"  # label of a namespace, and key of a pool's taint
_LABELS = f"namespaceObject.metadata.labels['{SPACE_POOL}']"
_POOLED = f"'{SPACE_POOL}' in namespaceObject.metadata.labels"
_VALIDATIONS = (
    (
        f"!({_POOLED}) || has(object.spec.nodeSelector) && '{POOL}' in object.spec.nodeSelector "
        f"&& object.spec.nodeSelector['{POOL}'] == {_LABELS}",
        f"a pod of this namespace must have the node selector {POOL} of the namespace's pool",
    ),
    (
        f"{_POOLED} || !has(object.spec.tolerations) || !object.spec.tolerations.exists(t, !has(t.key) || t.key == '{SPACE_POOL}')",
        "a pod of a namespace without a pool must not tolerate the taint of one",
    ),
    (
        f"{_POOLED} || request.operation != 'CREATE' || !has(object.spec.nodeName) || object.spec.nodeName == ''",
        "a pod of a namespace without a pool must not name its node, which no taint keeps it off",
    ),
    (
        "!has(object.spec.priorityClassName) || !object.spec.priorityClassName.startsWith('system-')",
        "a pod of this namespace must not have a priority class of the system, by which it would displace pods of others",
    ),
)


def validate(namespaces: Sequence[Mapping[str, Any]]) -> None:
    """Raise TenancyError that names the first entry that is wrong."""
    shared.validate(namespaces, RESERVED, "Kubernetes")


def base(api_version: str, space: str) -> str:
    """Return where the API keeps objects of a namespace."""
    prefix = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    return f"{prefix}/namespaces/{space}"


def namespace(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the namespace itself."""
    level = entry.get("pod_security")
    security = {f"{_POD_SECURITY}/{mode}": level for mode in ("enforce", "warn")} if level else {}
    labels = {**(entry.get("labels") or {}), **security, **OURS}
    return {"apiVersion": _CORE, "kind": "Namespace", "metadata": {"name": entry["name"], "labels": labels}}


def content(entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what lies in a namespace, as (path, object)."""
    plurals = {kind: (plural, version) for plural, version, kind in _KINDS}

    def made(kind: str, name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
        plural, version = plurals[kind]
        meta = {"name": name, "namespace": entry["name"], "labels": dict(OURS)}
        path = f"{base(version, entry['name'])}/{plural}/{name}"
        return path, {"apiVersion": version, "kind": kind, "metadata": meta, **fields}

    if entry.get("quota"):
        yield made("ResourceQuota", "quota", spec={"hard": texts(entry["quota"])})
    if entry.get("limits"):
        limits = {_LIMITS.get(key, key): texts(value) for key, value in entry["limits"].items() if value}
        yield made("LimitRange", "limits", spec={"limits": [{"type": "Container", **limits}]})
    if entry.get("default_deny", True):
        yield made("NetworkPolicy", "default-deny", spec=default_deny())
    if entry.get("deploy"):
        yield made("ServiceAccount", DEPLOY, automountServiceAccountToken=False)
        account = {"kind": "ServiceAccount", "name": DEPLOY, "namespace": entry["name"]}
        role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "edit"}
        yield made("RoleBinding", DEPLOY, subjects=[account], roleRef=role)
    for team in entry.get("teams") or []:
        subject = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": team["name"]}
        role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": team["role"]}
        # A binding's role cannot be changed, so it is part of the name.
        name = re.sub(r"[/%]", "-", f"{team['name']}-{team['role']}")
        yield made("RoleBinding", name, subjects=[subject], roleRef=role)


def policies(namespaces: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what keeps pods in the pools of their namespaces and from displacing others, as (path, object), where a namespace has a pool."""
    if not any(SPACE_POOL in (entry.get("labels") or {}) for entry in namespaces):
        return
    meta = {"name": _POLICY, "labels": dict(OURS)}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [pods], "namespaceSelector": {"matchLabels": dict(OURS)}},
        "validations": [{"expression": expression, "message": message} for expression, message in _VALIDATIONS],
    }
    binding = {"policyName": _POLICY, "validationActions": ["Deny"]}
    for plural, kind, content_of in (
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", spec),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", binding),
    ):
        path = f"/apis/{_ADMISSION}/{plural}/{_POLICY}"
        yield path, {"apiVersion": _ADMISSION, "kind": kind, "metadata": meta, "spec": content_of}


def default_deny() -> dict[str, Any]:
    """Return a policy for all pods of a namespace: nothing in, nothing out but to the cluster's DNS.

    C(ingress) is said although it is empty, so that a way in that others have written into this policy is taken back.
    """
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    ways: dict[str, list[Any]] = {"ingress": [], "egress": [{"to": [dns], "ports": ports}]}
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], **ways}


def texts(quantities: Mapping[str, Any]) -> dict[str, str]:
    """Return quantities as the API keeps them."""
    return {key: str(value) for key, value in quantities.items()}


def settled(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return of an object what somebody has asked for, without what the server keeps for itself."""
    if found is None:
        return {}
    kept = ("name", "namespace", "labels", "annotations")
    meta = {key: value for key, value in found["metadata"].items() if key in kept}
    return {**{key: value for key, value in found.items() if key not in ("status", "metadata")}, "metadata": meta}


def ensure(api: Api, namespaces: Sequence[Mapping[str, Any]], predict: bool) -> Outcome:
    """Apply the namespaces with what lies in them, prune what of ours is in none of them; return what has changed.

    With `predict` nothing is changed. Raises TenancyError before anything is changed, ApiError when the API refuses.
    """
    validate(namespaces)
    dropped = _dropped(api, {entry["name"] for entry in namespaces})
    outcome = Outcome()
    wide = dict(policies(namespaces))
    for path, body in wide.items():
        bring(api, path, body, predict, outcome, True)
    for entry in namespaces:
        path = f"/api/v1/namespaces/{entry['name']}"
        known = bring(api, path, namespace(entry), predict, outcome, True)
        desired = dict(content(entry))
        for inner, body in desired.items():
            bring(api, inner, body, predict, outcome, known or not predict)
        if known:
            _prune(api, entry["name"], set(desired), predict, outcome)
    for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        for found in api.items(f"/apis/{_ADMISSION}/{plural}{_SELECT}"):
            path = f"/apis/{_ADMISSION}/{plural}/{found['metadata']['name']}"
            if path not in wide:
                drop(api, path, found, predict, outcome)
    for name in dropped:
        outcome.note("delete", f"/api/v1/namespaces/{name}", {"metadata": {"name": name}}, {})
        if not predict:
            api.delete(f"/api/v1/namespaces/{name}")
    return outcome


def bring(api: Api, path: str, body: dict[str, Any], predict: bool, outcome: Outcome, askable: bool) -> bool:
    """Apply one object if that changes it; return whether it was there. Of a namespace to come nothing can be asked."""
    found = api.find(path) if askable else None
    before, after = settled(found), settled(api.apply(path, body, dry_run=True) if askable else body)
    if before != after:
        outcome.note("change" if found else "create", path, before, after)
        if not predict:
            api.apply(path, body)
    return found is not None


def _prune(api: Api, space: str, desired: set[str], predict: bool, outcome: Outcome) -> None:
    """Delete what of ours lies in a namespace and is not desired."""
    for plural, version, _kind in _KINDS:
        for found in api.items(f"{base(version, space)}/{plural}{_SELECT}"):
            path = f"{base(version, space)}/{plural}/{found['metadata']['name']}"
            if path not in desired:
                drop(api, path, found, predict, outcome)


def drop(api: Api, path: str, found: Mapping[str, Any], predict: bool, outcome: Outcome) -> None:
    """Delete one object."""
    outcome.note("delete", path, settled(found), {})
    if not predict:
        api.delete(path)


def _dropped(api: Api, desired: set[str]) -> list[str]:
    """Return our namespaces that are no longer listed; raise TenancyError where one of them is in use."""
    dropped = []
    for found in api.items(f"/api/v1/namespaces{_SELECT}"):
        name = found["metadata"]["name"]
        if name in desired or "deletionTimestamp" in found["metadata"]:
            continue
        used = [
            f"{len(items)} {plural}"
            for version, plurals in _IN_USE.items()
            for plural in plurals
            if (items := api.items(f"{base(version, name)}/{plural}"))
        ]
        if used:
            raise shared.in_use(name, used)
        dropped.append(name)
    return dropped
