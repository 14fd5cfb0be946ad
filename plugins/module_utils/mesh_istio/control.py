# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio in a cluster: its control planes and the services of the mesh, brought to what is declared, or taken out. Standard library only.

Ours is what has our label. The namespaces of tenants are theirs: they get the label of their revision and, where there is none yet, are
made; one that we made goes with the mesh when nothing is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..cluster.remote import wait_for
from ..cluster.tenancy import Outcome
from ..kubernetes.api import Api, ApiError
from ..kubernetes.tenancy import bring, drop
from . import places

_ADMISSION, _RBAC = "admissionregistration.k8s.io/v1", "rbac.authorization.k8s.io/v1"
# In the order in which they are made; what is gone is removed the other way round.
KINDS = {
    "Namespace": ("v1", "namespaces"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "ClusterRole": (_RBAC, "clusterroles"),
    "ClusterRoleBinding": (_RBAC, "clusterrolebindings"),
    "Role": (_RBAC, "roles"),
    "RoleBinding": (_RBAC, "rolebindings"),
    "ConfigMap": ("v1", "configmaps"),
    "Service": ("v1", "services"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "PeerAuthentication": ("security.istio.io/v1", "peerauthentications"),
    "AuthorizationPolicy": ("security.istio.io/v1", "authorizationpolicies"),
    "Telemetry": ("telemetry.istio.io/v1", "telemetries"),
    "ServiceEntry": ("networking.istio.io/v1", "serviceentries"),
    "WorkloadEntry": ("networking.istio.io/v1", "workloadentries"),
    "Sidecar": ("networking.istio.io/v1", "sidecars"),
    "DestinationRule": ("networking.istio.io/v1", "destinationrules"),
    "VirtualService": ("networking.istio.io/v1", "virtualservices"),
    "Deployment": ("apps/v1", "deployments"),
    "MutatingWebhookConfiguration": (_ADMISSION, "mutatingwebhookconfigurations"),
}
ISTIO = tuple(kind for kind, (version, _plural) in KINDS.items() if ".istio.io/" in version)
TYPES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_OURS = f"?labelSelector={quote(places.MARK, safe='')}"
SERVED = 30.0  # seconds in which the API serves a new type
_MADE = "made"  # value of the label of a namespace that is of the mesh alone
# What Istio itself writes, and nobody removes with it.
LEFT = ("istio-ca-root-cert", "istio-ca-crl")


class InUse(Exception):
    """Others use what would go; nothing was changed."""


class Stuck(Exception):
    """Something does not go, or does not come up."""


def path(entry: Mapping[str, Any], kind: str = "") -> str:
    """Where the API keeps an object."""
    version, plural = KINDS[kind or entry["kind"]]
    meta = entry["metadata"]
    inside = f"namespaces/{meta['namespace']}/" if "namespace" in meta else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}/{inside}{plural}/{meta['name']}"


def marked(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An object with our label."""
    meta = entry["metadata"]
    return {**entry, "metadata": {**meta, "labels": {**meta.get("labels", {}), places.MARK: ""}}}


def filled(entry: dict[str, Any], templates: Mapping[str, str]) -> dict[str, Any]:
    """The configuration of sidecars in pods with Istio's own template, of its revision."""
    template = templates.get(entry["metadata"].get("labels", {}).get(places.REVISION, ""), "")
    config = (entry.get("data") or {}).get("config")
    if entry["kind"] != "ConfigMap" or not config:
        return entry
    given = json.loads(config)
    given["templates"] = {
        name: template if text == places.TEMPLATE else text for name, text in given["templates"].items()
    }
    return {**entry, "data": {**entry["data"], "config": json.dumps(given)}}


def template(place: str, predict: bool) -> str:
    """Istio's template; with C(predict) it may not be there yet. Raises OSError."""
    try:
        with open(place, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        if not predict:
            raise
        return ""


def ensure(
    api: Api,
    desired: Sequence[dict[str, Any]],
    tenants: Mapping[str, str],
    templates: Mapping[str, str],
    predict: bool,
) -> Outcome:
    """Apply the objects, label the namespaces of C(tenants) with their revisions, and remove what of ours is not among them.

    With C(predict) nothing is changed. Raises ApiError.
    """
    outcome = Outcome()
    known = {entry["metadata"]["name"]: entry for entry in _items(api, "Namespace")}
    for name, revision in tenants.items():
        _label(api, name, known.get(name), revision, predict, outcome)
    for name, entry in known.items():
        if places.MARK in (entry["metadata"].get("labels") or {}) and name not in tenants and name != places.SPACE:
            _unlabel(api, entry, predict, outcome)
    if not predict:
        _await_types(api, desired)
    spaces = set(known) if predict else {*known, *tenants, places.SPACE}
    types = {entry["metadata"]["name"] for entry in api.items(TYPES)}
    for entry in (filled(marked(one), templates) for one in desired):
        version, plural = KINDS[entry["kind"]]
        space = entry["metadata"].get("namespace")
        there = entry["kind"] not in ISTIO or f"{plural}.{version.partition('/')[0]}" in types
        askable = (space is None or space in spaces) and (there or not predict)
        bring(api, path(entry), entry, predict, outcome, askable)
    kept = {path(entry) for entry in desired}
    for where, found in owned(api):
        if where not in kept:
            drop(api, where, found, predict, outcome)
    return outcome


def _await_types(api: Api, desired: Sequence[Mapping[str, Any]]) -> None:
    """Await that the API serves types that were applied a moment ago. Raises Stuck."""
    kinds = {KINDS[entry["kind"]] for entry in desired if entry["kind"] in ISTIO}

    def missing() -> str | None:
        away = [
            plural
            for version, plural in sorted(kinds)
            if plural not in {one["name"] for one in (api.find(f"/apis/{version}") or {}).get("resources", [])}
        ]
        return f"the API serves no {', '.join(away)}" if away else None

    if fault := wait_for(missing, SERVED, interval=1.0):
        raise Stuck(f"after {SERVED:.0f} s {fault}; look at kubectl get crds")


def owned(api: Api) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is ours but for namespaces, last first."""
    for kind in reversed(KINDS):
        for found in _items(api, kind, _OURS) if kind != "Namespace" else ():
            yield path(found, kind), found


def _items(api: Api, kind: str, query: str = "") -> list[dict[str, Any]]:
    """The objects of a kind, none where there is no such type."""
    version, plural = KINDS[kind]
    try:
        return api.items(f"/{'apis' if '/' in version else 'api'}/{version}/{plural}{query}")
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def _label(
    api: Api, name: str, found: Mapping[str, Any] | None, revision: str, predict: bool, outcome: Outcome
) -> None:
    """Give the namespace of a tenant its revision, and make it where there is none. Others' labels stay."""
    where, desired = f"/api/v1/namespaces/{name}", {places.REVISION: revision}
    labels = dict((found or {}).get("metadata", {}).get("labels") or {})
    if found is None:
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {**desired, places.MARK: _MADE}},
        }
        outcome.note("create", where, {}, body)
        if not predict:
            api.post("/api/v1/namespaces", body)
    elif labels.get(places.REVISION) != revision or places.MARK not in labels:
        desired[places.MARK] = labels.get(places.MARK, "")
        outcome.note("change", where, {"labels": labels}, {"labels": {**labels, **desired}})
        if not predict:
            api.merge(where, {"metadata": {"labels": desired}})


def _unlabel(api: Api, found: Mapping[str, Any], predict: bool, outcome: Outcome) -> None:
    """Take a namespace out of the mesh; one that we made goes when nothing is in it."""
    name, labels = found["metadata"]["name"], found["metadata"]["labels"]
    where = f"/api/v1/namespaces/{name}"
    if labels[places.MARK] == _MADE and not in_use(api, name):
        outcome.note("delete", where, {"labels": labels}, {})
        if not predict:
            api.delete(where)
        return
    gone = {places.REVISION: None, places.MARK: None}
    outcome.note("change", where, {"labels": labels}, {"labels": {k: v for k, v in labels.items() if k not in gone}})
    if not predict:
        api.merge(where, {"metadata": {"labels": gone}})


def in_use(api: Api, name: str) -> bool:
    """Tell whether something of others is in a namespace."""
    return any(
        places.MARK not in (one["metadata"].get("labels") or {}) and not _automatic(one)
        for kind in (
            "/api/v1/{}pods",
            "/apis/apps/v1/{}deployments",
            "/apis/apps/v1/{}statefulsets",
            "/apis/apps/v1/{}daemonsets",
            "/api/v1/{}services",
            "/api/v1/{}secrets",
            "/api/v1/{}configmaps",
            "/api/v1/{}persistentvolumeclaims",
        )
        for one in api.items(kind.format(f"namespaces/{name}/"))
    )


def _automatic(entry: Mapping[str, Any]) -> bool:
    """What comes by itself with a namespace of the mesh."""
    return entry["metadata"]["name"] in (*LEFT, "kube-root-ca.crt")


def available(api: Api, revisions: Sequence[str], seconds: float) -> None:
    """Await an instance of each revision. Raises Stuck."""

    def missing() -> str | None:
        names = [f"istiod-{revision}" for revision in revisions]
        away = [name for name in names if not _instances(api, name)]
        return (
            f"no instance of {', '.join(away)} is ready; look at kubectl -n {places.SPACE} get pods" if away else None
        )

    if fault := wait_for(missing, seconds, interval=1.0):
        raise Stuck(f"after {seconds:.0f} s {fault}")


def _instances(api: Api, name: str) -> int:
    found = api.find(f"/apis/apps/v1/namespaces/{places.SPACE}/deployments/{name}")
    return int(((found or {}).get("status") or {}).get("availableReplicas") or 0)


def remove(api: Api, seconds: float, predict: bool) -> Outcome:
    """Take Istio out of the cluster, which goes on. Raises InUse, Stuck, ApiError.

    Nobody is asked by webhooks any more, then the rest goes, then the types, which take objects of others with them.
    """
    outcome = Outcome()
    types = [
        entry
        for entry in api.items(f"{TYPES}?labelSelector=app%3Distio-pilot")
        if entry["metadata"]["name"].endswith(".istio.io")
    ]
    foreign = [
        f"{kind} {one['metadata'].get('namespace')}/{one['metadata']['name']}"
        for kind in ISTIO
        for one in _items(api, kind)
        if places.MARK not in (one["metadata"].get("labels") or {})
    ]
    if foreign:
        more = " and more" if foreign[5:] else ""
        raise InUse(
            f"{', '.join(foreign[:5])}{more} would go with Istio and are not of this collection; delete them first. Nothing was changed"
        )
    for where, found in list(owned(api)):
        drop(api, where, found, predict, outcome)
    for entry in _items(api, "Namespace", _OURS):
        if entry["metadata"]["name"] != places.SPACE:
            _leftovers(api, entry["metadata"]["name"], predict)
            _unlabel(api, entry, predict, outcome)
    gone = [f"{TYPES}/{entry['metadata']['name']}" for entry in types]
    if api.find(f"/api/v1/namespaces/{places.SPACE}"):
        gone.append(f"/api/v1/namespaces/{places.SPACE}")
    for where in gone:
        drop(api, where, {"metadata": {"name": where.rpartition("/")[2]}}, predict, outcome)
    # It writes into every namespace, not those of its tenants alone; its instances have ended by now or end with its namespace.
    if not predict:
        if wait_for(lambda: "some are left" if any(map(api.find, gone)) else None, seconds, interval=1.0):
            left = [where for where in gone if api.find(where)]
            raise Stuck(f"{', '.join(left)} does not go within {seconds:.0f} s; run again")
        for entry in _items(api, "Namespace"):
            _leftovers(api, entry["metadata"]["name"], predict)
    return outcome


def _leftovers(api: Api, space: str, predict: bool) -> None:
    """Remove what Istio itself has written into a namespace."""
    for name in LEFT if not predict else ():
        api.delete(f"/api/v1/namespaces/{space}/configmaps/{name}")
