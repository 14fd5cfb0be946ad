# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as a Kubernetes Deployment with its Service. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..cluster.application import MARK, DeployError, Failed, FromBundle
from .api import Api
from .objects import DEREGISTER_AHEAD
from .view import POOL, list_nodes, waiting

_IMAGES_TOLD = 50  # a node's status names no more (kubelet: nodeStatusMaxImages)
_OURS = {"app.kubernetes.io/managed-by": "keelson.cluster"}
_DATA = f"keelson.cluster/{MARK.partition('_')[2]}"  # annotation of a deployment: the data it was made of


def objects(app: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path below which each object lies, and the object; a budget lets a drain take one instance at a time."""
    own, space = {"app.kubernetes.io/name": app["name"]}, f"namespaces/{app['namespace']}"
    meta = {"name": app["name"], "labels": {**own, **_OURS}}
    selector = {"matchLabels": own}
    yield (
        f"/apis/apps/v1/{space}/deployments",
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "annotations": {_DATA: json.dumps(app, sort_keys=True)}},
            "spec": {
                "replicas": app["instances"],
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 120,
                "selector": selector,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": {**own, **_OURS}}, "spec": _pod(app, selector)},
            },
        },
    )
    ports = [{"name": "http", "port": 80, "targetPort": app["port"]}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": own, "ports": ports}}
    yield f"/api/v1/{space}/services", service
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta}
    yield (
        f"/apis/policy/v1/{space}/poddisruptionbudgets",
        {**budget, "spec": {"maxUnavailable": 1, "selector": selector}},
    )


def _pod(app: Mapping[str, Any], selector: Mapping[str, Any]) -> dict[str, Any]:
    user, _colon, group = app["user"].partition(":")
    ask = (
        {"httpGet": {"path": app["health"], "port": app["port"]}}
        if app["health"]
        else {"tcpSocket": {"port": app["port"]}}
    )
    rights = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "app",
        "image": app["image"],
        "imagePullPolicy": "Never" if app["artifact"] else "IfNotPresent",
        **({"command": app["command"]} if app["command"] else {}),
        "env": [{"name": name, "value": value} for name, value in sorted(app["variables"].items())],
        "ports": [{"name": "http", "containerPort": app["port"]}],
        "readinessProbe": {**ask, "periodSeconds": 2, "timeoutSeconds": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": DEREGISTER_AHEAD}}},
        "resources": {
            "requests": {"cpu": f"{app['cpu']}m", "memory": f"{app['memory']}Mi"},
            "limits": {"memory": f"{app['memory']}Mi"},
        },
        "securityContext": rights,
    }
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    pool = app["pool"]
    # A pool that a placement keeps for its applications has this taint.
    taint = [{"key": "keelson.cluster/pool", "operator": "Equal", "value": pool, "effect": "NoSchedule"}]
    identity = {"runAsNonRoot": True, "runAsUser": int(user), **({"runAsGroup": int(group)} if group else {})}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 15 + DEREGISTER_AHEAD,
        "securityContext": {**identity, "seccompProfile": {"type": "RuntimeDefault"}},
        **({"nodeSelector": {POOL: pool}, "tolerations": taint} if pool else {}),
        "containers": [container],
        "topologySpreadConstraints": [{**spread, "labelSelector": selector, "matchLabelKeys": ["pod-template-hash"]}],
    }


def recorded(api: Api) -> Iterator[FromBundle]:
    """Yield the applications whose image comes from the bundle. Raises ApiError."""
    for entry in api.items("/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/managed-by%3Dkeelson.cluster"):
        meta = entry["metadata"]
        try:
            app = json.loads(meta["annotations"][_DATA])
            found = FromBundle(f"{meta['namespace']}/{meta['name']}", app["pool"], app["image"], app["artifact"])
        except (KeyError, TypeError, ValueError):  # somebody else's with our label
            continue
        if found.artifact:
            yield found


def lacking(nodes: Iterable[Mapping[str, Any]], app: FromBundle) -> set[str]:
    """The nodes that have not an application's image, among those that tell of all that they have."""
    return {
        entry["metadata"]["name"]
        for entry in nodes
        for held in [(entry.get("status") or {}).get("images") or []]
        if len(held) < _IMAGES_TOLD
        and not any(f"/{name}".endswith(f"/{app.image}") for one in held for name in one.get("names") or [])
    }


class Target:
    """An application on a cluster."""

    def __init__(self, api: Api, app: Mapping[str, Any]) -> None:
        """Raises DeployError where its namespace or pool does not exist."""
        self.api, self.app = api, app
        names = sorted(entry["metadata"]["name"] for entry in api.items("/api/v1/namespaces"))
        if app["namespace"] not in names:
            raise DeployError(
                f"the cluster has no namespace {app['namespace']}; it has {', '.join(names)}. Nothing was changed"
            )
        pools = sorted({node.pool for node in list_nodes(api) if node.pool})
        if app["pool"] and app["pool"] not in pools:
            raise DeployError(f"the cluster has no pool {app['pool']}; it has {', '.join(pools)}. Nothing was changed")
        self.objects = [(f"{path}/{app['name']}", entry) for path, entry in objects(app)]
        self.path = self.objects[0][0]
        self.before = str(self._annotations().get(_DATA, ""))

    def _annotations(self) -> dict[str, Any]:
        found = self.api.find(self.path) or {}
        return (found.get("metadata") or {}).get("annotations") or {}

    def owner(self) -> str | None:
        """Return None where nothing has that name, '' where it is ours, or else whose it is."""
        there = [entry for path, _entry in self.objects if (entry := self.api.find(path))]
        for entry in there:
            if not _OURS.items() <= (entry["metadata"].get("labels") or {}).items():
                return (
                    f"somebody who did not deploy it by this collection ({entry['kind']} {entry['metadata']['name']})"
                )
        return "" if there else None

    def differs(self) -> bool:
        """Whether the cluster would change anything: the server itself applies it, without keeping it."""
        return any(
            _plain(self.api.find(path)) != _plain(self.api.apply(path, entry, dry_run=True))
            for path, entry in self.objects
        )

    def submit(self) -> None:
        """Apply the objects."""
        for path, entry in self.objects:
            self.api.apply(path, entry)

    def wrong(self) -> str | None:
        """Say what is missing until the newest template alone runs, or None."""
        found = self.api.get(self.path)
        status, desired = found.get("status") or {}, found["spec"]["replicas"]
        if status.get("observedGeneration", 0) < found["metadata"].get("generation", 1):
            return "the deployment was not looked at yet"
        for condition in status.get("conditions") or []:
            if condition["type"] == "Progressing" and condition["status"] == "False":
                raise Failed(f"{condition['message']}; {self._trouble()}")
        numbers = {key: status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        if set(numbers.values()) == {desired}:
            return None
        return f"{desired} instances are wanted, there are {', '.join(f'{key} {number}' for key, number in numbers.items())}; {self._trouble()}"

    def take_back(self) -> bool:
        """Apply the objects of the release before."""
        if not self.before or self.before == self.objects[0][1]["metadata"]["annotations"][_DATA]:
            return False
        for path, entry in objects(json.loads(self.before)):
            self.api.apply(f"{path}/{self.app['name']}", entry)
        return True

    def restored(self) -> str | None:
        """Say what is missing until the release before runs again, or None."""
        try:
            return self.wrong()
        except Failed as error:
            return str(error)

    def remove(self) -> None:
        """Delete the objects."""
        for path, _entry in self.objects:
            self.api.delete(path)

    def left(self) -> str | None:
        """Say what of it still runs, or None."""
        live = sorted({str(pod["spec"].get("nodeName", "no host")) for pod in self._pods()})
        return f"instances still run on {', '.join(live)}" if live else None

    def _pods(self) -> list[dict[str, Any]]:
        space = f"/api/v1/namespaces/{self.app['namespace']}"
        return self.api.items(f"{space}/pods?labelSelector=app.kubernetes.io/name%3D{self.app['name']}")

    def _trouble(self) -> str:
        """Return why an instance does not run, as far as somebody says so."""
        messages = waiting(self._pods())
        return messages[0][:300] if messages else "nothing is reported"


def _plain(entry: dict[str, Any] | None) -> Any:
    """An object without what the server notes about each write."""
    if entry is None:
        return None
    meta = {k: v for k, v in entry["metadata"].items() if k not in ("managedFields", "generation", "resourceVersion")}
    return {**entry, "metadata": meta, "status": None}
