# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample application as a Kubernetes Deployment. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checks.http import Instance
from ..checks.sample_app import COUNT, Application, Placed, SampleError, await_, choose
from . import objects
from .api import Api
from .objects import DEPLOYMENTS, NAME, NAMESPACE, SPACE
from .view import NODES, Node, cordon, drain, list_nodes, uncordon, waiting

MARK = (
    "keelson.cluster/verify"  # annotation of a node that a drill has cordoned, so that a later run knows whose it was
)
_SLICES = (
    f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices?labelSelector=kubernetes.io/service-name%3D{NAME}"
)


def choose_pool(nodes: list[Node], request: str = "") -> Placed[Node]:
    """Return where the sample runs, by the names of nodes. Raises SampleError when no node takes work there."""
    able = [node for node in nodes if not node.manager]
    usable = {node.name: node for node in able if not node.obstacle}
    pools = {name: node.pool for name, node in usable.items()}
    why = "".join(f"; {node.name}: {node.obstacle}" for node in able if node.obstacle and request in ("", node.pool))
    return choose(usable, pools, request, f"is ready, without taints and not cordoned{why}")


class Sample(Application[Node]):
    """The sample application on a cluster. All waits end after `timeout` seconds."""

    remedy = f"look at kubectl -n {NAMESPACE} get pods,events and at the host nodes' logs (journalctl -u kubelet -u containerd)"

    def prepare(self) -> None:
        """Make the namespace with what is in it besides the deployment."""
        self.api.apply(f"/api/v1/namespaces/{NAMESPACE}", objects.namespace())
        self.api.apply(f"{SPACE}/resourcequotas/{NAME}", objects.quota())
        self.api.apply(f"{SPACE}/services/{NAME}", objects.service())
        budgets = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
        self.api.apply(f"{budgets}/{NAME}", objects.budget(COUNT - 1))

    def submit(self, count: int, release: str) -> None:
        """Apply the deployment and wait until it is rolled out."""
        if self.api.find(f"{DEPLOYMENTS}/{NAME}") is None:
            self.prepare()
        self.api.apply(f"{DEPLOYMENTS}/{NAME}", objects.deployment(self.pool, self.image, count, release))
        self._settle(count)

    def scale(self, count: int) -> None:
        """Change the number of instances and wait until they are there."""
        self.api.merge(f"{DEPLOYMENTS}/{NAME}", {"spec": {"replicas": count}})
        self._settle(count)

    def _settle(self, count: int) -> None:
        await_(lambda: self.rollout_wrong(count) or self.count_wrong(count), self.timeout)

    def rollout_wrong(self, count: int) -> str | None:
        """Say what is missing until `count` instances of the newest template run, and no others; or None."""
        found = self.api.get(f"{DEPLOYMENTS}/{NAME}")
        status = found.get("status") or {}
        if status.get("observedGeneration", 0) < found["metadata"].get("generation", 1):
            return "the deployment was not looked at yet"
        for condition in status.get("conditions") or []:
            if condition["type"] == "Progressing" and condition["status"] == "False":
                raise SampleError(f"the deployment failed: {condition['message']}; {self.trouble()}")
        numbers = {key: status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        if set(numbers.values()) == {count}:
            return None
        text = ", ".join(f"{key} {number}" for key, number in numbers.items())
        return f"{count} instances desired, but {text}; {self.trouble()}"

    def running(self) -> set[str]:
        """Return the names of the pods that run."""
        return {pod["metadata"]["name"] for pod in self.pods() if pod["status"].get("phase") == "Running"}

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods of the application but those that end."""
        found = self.api.items(f"{SPACE}/pods?labelSelector=app.kubernetes.io/name%3D{NAME}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def trouble(self) -> str:
        """Return why an instance does not run, as far as somebody says so."""
        messages = waiting(self.pods())
        events = self.api.items(f"{SPACE}/events?fieldSelector=type%3DWarning")
        messages += [event.get("message", "") for event in sorted(events, key=_when)[-1:]]
        return messages[0][:300] if messages else "nothing is reported"

    def instances(self) -> list[Instance]:
        """Return what service discovery knows as ready, in the order of the hosts: {id, host, address, port}."""
        found = []
        for entry in self.api.items(_SLICES):
            for endpoint in entry.get("endpoints") or []:
                if endpoint["conditions"].get("ready") and entry.get("ports"):
                    where = {"address": endpoint["addresses"][0], "port": entry["ports"][0]["port"]}
                    name, host = endpoint["targetRef"]["name"], endpoint.get("nodeName", "")
                    found.append({"id": name, "host": host, **where})
        return sorted(found, key=lambda i: (i["host"], i["id"]))

    def drain(self, host: Node, count: int) -> None:
        """Drain a node, wait until `count` instances run elsewhere, and let it take work again."""
        cordon(self.api, host.name, {MARK: "drill"})
        try:
            left = drain(self.api, host.name, self.timeout)
            if left:
                raise SampleError(left)
            await_(lambda: self.moved_wrong(host.name, count), self.timeout)
        finally:
            uncordon(self.api, host.name, (MARK,))


def place(api: Api, given: Mapping[str, Any]) -> Sample:
    """Return the application that a sample module is given. Raises SampleError when no host node can have it."""
    return Sample(api, choose_pool(list_nodes(api), given["pool"]), given["image"], given["timeout"])


def _when(event: dict[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def remove(api: Api, timeout: float) -> list[str]:
    """Remove the namespace and the drains that this or an earlier, interrupted run left; return what was removed.

    Waits until the namespace is gone.
    """
    removed = []
    for entry in api.items(NODES):
        if MARK in (entry["metadata"].get("annotations") or {}):
            uncordon(api, entry["metadata"]["name"], (MARK,))
            removed.append(f"drain of {entry['metadata']['name']}")
    path = f"/api/v1/namespaces/{NAMESPACE}"
    if api.find(path) is None:
        return removed
    api.delete(path)

    def probe() -> str | None:
        found = api.find(path)
        if found is None:
            return None
        _forget_lost(api)
        conditions = (found.get("status") or {}).get("conditions") or []
        reasons = "; ".join(c.get("message", "") for c in conditions if c.get("status") == "True")
        return f"namespace {NAMESPACE} is still there: {reasons[:300] or 'it ends'}"

    await_(probe, timeout)
    return [*removed, f"namespace {NAMESPACE}"]


def _forget_lost(api: Api) -> None:
    """Take pods off hosts that do not answer: nobody there tells that they have ended."""
    lost = {node.name for node in list_nodes(api) if node.trouble}
    for pod in api.items(f"{SPACE}/pods"):
        if pod["spec"].get("nodeName") in lost:
            api.request("DELETE", f"{SPACE}/pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
