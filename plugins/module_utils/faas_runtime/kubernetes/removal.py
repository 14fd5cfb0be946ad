# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime taken out of a Kubernetes cluster, which goes on. Standard library only.

Ours is what has Knative's or a tenant's label and was applied under the name of this collection. What others made of Knative's types
would go with the types: it stops the removal before anything is changed. The order is one in which nothing waits for what is gone:
nobody is asked by webhooks any more, functions go while the controllers that release them still run, then the types, then the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ...cluster.remote import wait_for
from ...kubernetes.api import Api, ApiError, applied
from .deploy import KINDS, MARK, SERVING

_NAMED = f"app.kubernetes.io%2Fname%3D{SERVING}"
_WEBHOOKS = tuple(
    f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations" for kind in ("mutating", "validating")
)
_TYPES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SPACES = KINDS["Namespace"]
_RIGHTS = tuple(f"/apis/rbac.authorization.k8s.io/v1/{kind}" for kind in ("clusterrolebindings", "clusterroles"))
# What people ask Knative for; the rest it makes itself, owned by one of these.
_ASKED = tuple(
    f"/apis/serving.knative.dev/{kind}"
    for kind in ("v1/services", "v1/routes", "v1/configurations", "v1beta1/domainmappings")
)
_DEPLOYMENTS, _PODS = "/apis/apps/v1/deployments", "/api/v1/pods"
_WORKLOADS = (
    _DEPLOYMENTS,
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
    "/api/v1/persistentvolumeclaims",
    _PODS,
)


class InUse(Exception):
    """Others use what would go; nothing was changed."""


class Stuck(Exception):
    """Something does not go; the message says what, and what it waits for."""


def _items(api: Api, path: str) -> list[dict[str, Any]]:
    """The objects of a list, none where there is no such type."""
    try:
        return api.items(path)
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def _own(api: Api, kind: str, selector: str) -> list[str]:
    """The paths of those objects of a kind that are ours."""
    found = _items(api, f"{kind}?labelSelector={selector}")
    return [f"{kind}/{one['metadata']['name']}" for one in found if applied(one)]


def _inside(kind: str, meta: Mapping[str, Any]) -> str:
    """Where an object of a kind is kept."""
    room, _slash, plural = kind.rpartition("/")
    return (
        f"{room}/namespaces/{meta['namespace']}/{plural}/{meta['name']}"
        if "namespace" in meta
        else f"{kind}/{meta['name']}"
    )


def foreign(api: Api, spaces: list[str]) -> list[str]:
    """What is not ours and would go: objects of Knative's types, and whatever runs or is stored in our namespaces."""
    found = [
        (kind, one) for kind in _ASKED for one in _items(api, kind) if MARK not in (one["metadata"].get("labels") or {})
    ]
    names = {space.rpartition("/")[2] for space in spaces}
    for kind in _WORKLOADS if names else ():
        found += [
            (kind, one) for one in _items(api, kind) if one["metadata"]["namespace"] in names and not applied(one)
        ]
    return [
        f"{kind.rpartition('/')[2]} {one['metadata']['namespace']}/{one['metadata']['name']}"
        for kind, one in found
        if not one["metadata"].get("ownerReferences")
    ]


def resources(api: Api, types: list[str]) -> list[str]:
    """The lists of all objects of our types."""
    found = []
    for path in types:
        spec = (api.find(path) or {}).get("spec") or {}
        version = next((one["name"] for one in spec.get("versions") or [] if one.get("storage")), "")
        found += [f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"] if version else []
    return found


def remaining(api: Api, kinds: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """The objects of lists, each with its path."""
    return [(_inside(kind, one["metadata"]), one) for kind in kinds for one in _items(api, kind)]


def remove(api: Api, seconds: float, predict: bool) -> list[str]:
    """Remove the runtime with all functions; returns what was, or with `predict` would be, deleted. Raises InUse, Stuck, ApiError."""
    tenants = _own(api, _SPACES, quote(MARK, safe=""))
    own = [path for path in _own(api, _SPACES, _NAMED) if path not in tenants]
    if others := foreign(api, [*tenants, *own]):
        raise InUse(
            f"{', '.join(others[:5])}{' and more' if others[5:] else ''} would go with Knative, and no function of this "
            "collection is it: delete or move them first. Nothing was changed"
        )
    types = _own(api, _TYPES, _NAMED)
    hooks = [path for kind in _WEBHOOKS for path in _own(api, kind, _NAMED)]
    rights = [path for kind in _RIGHTS for path in _own(api, kind, _NAMED)]
    kinds = resources(api, types)
    asked = [kind for kind in _ASKED if kind in kinds]
    functions = [path for path, one in remaining(api, asked) if not one["metadata"].get("ownerReferences")]
    planned = [*hooks, *functions, *tenants, *types, *own, *rights]
    if not predict:
        for path in [*hooks, *functions]:
            api.delete(path)
        if wait_for(lambda: "some are left" if remaining(api, kinds) else None, seconds, interval=1.0):
            _release(api, kinds)
        _stop(api, tenants, seconds)
        _gone(api, tenants, seconds)
        _gone(api, types, seconds)
        _stop(api, own, seconds)
        _gone(api, own, seconds)
        _gone(api, rights, seconds)
    return [f"delete {path}" for path in planned]


def _release(api: Api, kinds: list[str]) -> None:
    """Delete what is left of functions without those that should release it: their controllers do not run."""
    for path, one in remaining(api, kinds):
        api.delete(path)
        if one["metadata"].get("finalizers"):
            try:
                api.merge(path, {"metadata": {"finalizers": None}})
            except ApiError as error:
                if error.status != 404:
                    raise


def _stop(api: Api, spaces: list[str], seconds: float) -> None:
    """End what runs in our namespaces, to which no call comes any more.

    A namespace that is deleted with its pods looks for them again after half of the time that the slowest one may take to end: of the
    activator five minutes.
    """
    names = {space.rpartition("/")[2] for space in spaces}

    def inside(kind: str) -> list[str]:
        return [path for path, one in remaining(api, [kind]) if one["metadata"]["namespace"] in names]

    def left() -> str | None:
        for path in (found := inside(_PODS)):
            api.delete(path, 1)
        return "some are left" if found else None

    for path in inside(_DEPLOYMENTS):
        api.delete(path)
    wait_for(left, seconds, interval=1.0)


def _gone(api: Api, paths: list[str], seconds: float) -> None:
    """Delete objects and await their end. Raises Stuck."""
    for path in paths:
        api.delete(path)
    if wait_for(lambda: "some are left" if any(map(api.find, paths)) else None, seconds, interval=1.0):
        raise Stuck(
            "; ".join(f"{path} does not go: {why}" for path in paths for why in _why(api.find(path)))
            + "; then run again"
        )


def _why(found: Mapping[str, Any] | None) -> Iterator[str]:
    """What an object that is being deleted waits for."""
    if found:
        told = [
            one["message"] for one in (found.get("status") or {}).get("conditions") or [] if one.get("status") == "True"
        ]
        waits = [*((found.get("spec") or {}).get("finalizers") or []), *(found["metadata"].get("finalizers") or [])]
        yield " ".join(told) or f"it waits for {', '.join(waits) or 'the API'}"
