# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample application as a Nomad job, and the steps that try a cluster with it. Standard library only.

API: https://developer.hashicorp.com/nomad/api-docs/jobs, durations in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..checks.http import Instance
from ..checks.sample_app import UNANSWERED, Application, Placed, SampleError, await_, choose
from . import trouble
from .api import Api, ApiError
from .nodes import Node, list_nodes, resume

JOB = "keelson-sample"
MARK = "keelson-verify"  # put on a drain, so that a later run knows whose it was
SECOND = 1_000_000_000
TRIES = 5
DEREGISTER_AHEAD = 1  # seconds an instance goes on answering after it left service discovery


def job(pool: str, image: str, count: int, release: str) -> dict[str, Any]:
    """Return the job: `count` instances spread over the nodes of `pool`, two replaced at a time when it changes."""
    pace = {"MaxParallel": 2, "HealthCheck": "checks", "MinHealthyTime": SECOND // 2, "HealthyDeadline": 100 * SECOND}
    check = {"Name": "healthz", "Type": "http", "Path": "/healthz", "Interval": SECOND, "Timeout": SECOND}
    task = {
        "Name": "app",
        "Driver": "docker",
        "Config": {
            "image": image,
            "force_pull": False,
            "ports": ["http"],
            "readonly_rootfs": True,
            "cap_drop": ["all"],
        },
        "Env": {
            "LISTEN": ":8080",
            "READY_AFTER": "300ms",
            "RELEASE": release,
            "INSTANCE": "${NOMAD_ALLOC_ID}",
            "HOST": "${node.unique.name}",
        },
        "Resources": {"CPU": 20, "MemoryMB": 32},
        "LogConfig": {"MaxFiles": 1, "MaxFileSizeMB": 2},
        "KillSignal": "SIGTERM",
        "KillTimeout": 10 * SECOND,
    }
    group = {
        "Name": "app",
        "Count": count,
        "Networks": [{"Mode": "bridge", "DynamicPorts": [{"Label": "http", "To": 8080}]}],
        "Services": [{"Name": JOB, "PortLabel": "http", "Provider": "nomad", "Checks": [check]}],
        "ShutdownDelay": DEREGISTER_AHEAD * SECOND,
        "EphemeralDisk": {"SizeMB": 10},
        "RestartPolicy": {"Attempts": 2, "Interval": 60 * SECOND, "Delay": SECOND, "Mode": "fail"},
        "ReschedulePolicy": {"Unlimited": True, "Delay": 5 * SECOND, "DelayFunction": "constant"},
        "Migrate": pace,
        "Tasks": [task],
    }
    return {
        "ID": JOB,
        "Name": JOB,
        "Type": "service",
        "Datacenters": ["*"],
        "NodePool": pool,
        "Spreads": [{"Attribute": "${node.unique.id}", "Weight": 100}],
        "Update": {**pace, "ProgressDeadline": 240 * SECOND},
        "TaskGroups": [group],
    }


def choose_pool(nodes: list[Node], request: str = "") -> Placed[Node]:
    """Return where the sample runs, by the ids of nodes. Raises SampleError when no node takes work there."""
    usable = {n.node_id: n for n in nodes if n.status == "ready" and n.eligible and "docker" in n.drivers}
    pools = {number: node.pool for number, node in usable.items()}
    return choose(usable, pools, request, "is ready, eligible and has a healthy docker driver")


class Sample(Application[Node]):
    """The sample application on a cluster. All waits end after `timeout` seconds."""

    remedy = "look at nomad job status keelson-sample and at the host nodes' logs (journalctl -u nomad -u docker)"

    def submit(self, count: int, release: str) -> None:
        """Register the job and wait until its deployment has succeeded."""
        self.api.post("/v1/jobs", {"Job": job(self.placed.pool, self.image, count, release)})
        self._settle(count)

    def scale(self, count: int) -> None:
        """Change the number of instances and wait until they are there."""
        self.api.post(f"/v1/job/{JOB}/scale", {"Count": count, "Target": {"Group": "app"}, "Message": "keelson verify"})
        self._settle(count)

    def _settle(self, count: int) -> None:
        """Wait until the job's newest version is deployed and just `count` instances are registered and run."""
        version = self.api.get(f"/v1/job/{JOB}")["Version"]

        def probe() -> str | None:
            deployment = self.api.get(f"/v1/job/{JOB}/deployment") or {}
            if deployment.get("JobVersion") != version:
                return f"no deployment of version {version} yet"
            if deployment["Status"] == "failed":
                raise SampleError(f"the deployment failed: {deployment['StatusDescription']}; {self.trouble()}")
            if deployment["Status"] != "successful":
                return f"the deployment is {deployment['Status']}: {deployment['StatusDescription']}; {self.trouble()}"
            return self.count_wrong(count)

        await_(probe, self.timeout)

    def running(self) -> set[str]:
        """Return the ids of the allocations that are to run and do."""
        found = self.allocations()
        return {a["ID"] for a in found if (a["DesiredStatus"], a["ClientStatus"]) == ("run", "running")}

    def allocations(self) -> list[dict[str, Any]]:
        """Return the job's allocations, ended ones included."""
        found: list[dict[str, Any]] = self.api.get(f"/v1/job/{JOB}/allocations") or []
        return found

    def trouble(self) -> str:
        """Return the last thing that went wrong with an allocation, or why none could be placed."""
        blocked = trouble.unplaced(self.api.get(f"/v1/job/{JOB}/evaluations") or [])
        messages = trouble.events(self.allocations())
        messages += [(0, f"could not be placed: {causes or 'no node in the pool'}") for causes in blocked]
        return max(messages)[1] if messages else "no allocation failed"

    def instances(self) -> list[Instance]:
        """Return the instances in service discovery as {id, host, address, port}, in the order of their hosts."""
        names = {node_id: node.name for node_id, node in self.placed.nodes.items()}
        found = [
            {
                "id": entry["AllocID"],
                "host": names.get(entry["NodeID"], entry["NodeID"]),
                "address": entry["Address"],
                "port": entry["Port"],
            }
            for entry in self.api.get(f"/v1/service/{JOB}") or []
        ]
        return sorted(found, key=lambda i: (i["host"], i["port"]))

    @property
    def addresses(self) -> dict[str, str]:
        """By host node the address at which its agent is known, which is its cluster_address."""
        return {node.name: node.address for node in self.placed.nodes.values()}

    def drain(self, host: Node, count: int) -> None:
        """Drain a node, wait until `count` instances run elsewhere, and make the node eligible again."""
        spec = {"Deadline": 100 * SECOND, "IgnoreSystemJobs": True}
        self.api.post(f"/v1/node/{host.node_id}/drain", {"DrainSpec": spec, "Meta": {MARK: "drill"}})
        try:
            await_(lambda: self.moved_wrong(host.name, count), self.timeout)
        finally:
            resume(self.api, host.node_id)


def place(api: Api, given: Mapping[str, Any]) -> Sample:
    """Return the application that a sample module is given. Raises SampleError when no host node can have it."""
    return Sample(api, choose_pool(list_nodes(api), given["pool"]), given["image"], given["timeout"])


def ask(
    api: Api, run: Callable[[list[str], dict[str, str]], tuple[int, str, str]], allocation: str, url: str
) -> tuple[bool, str]:
    """Let an instance ask a URL; return whether it got a good answer, and the answer. Raises SampleError when it cannot.

    Nomad may lose what a command prints that ends at once; a question without an answer is asked again.
    """
    command = ["nomad", "alloc", "exec", "-i=false", "-t=false", "-task=app", allocation, "/sample", "get", url]
    for _try in range(TRIES):
        code, out, error = run(command, api.environment())
        if code not in (0, UNANSWERED):
            raise SampleError(f"nomad alloc exec {allocation}: {' '.join(error.split())[-300:]}")
        if out.strip():
            break
    return code == 0, " ".join(out.split())[:200]


def remove(api: Api, timeout: float) -> list[str]:
    """Remove the job and the drains that this or an earlier, interrupted run left; return what was removed.

    Waits until the instances have ended on the nodes that are up.
    """
    removed = []
    for entry in api.get("/v1/nodes") or []:
        last = entry.get("LastDrain") or {}
        if entry["SchedulingEligibility"] != "eligible" and MARK in (last.get("Meta") or {}):
            resume(api, entry["ID"])
            removed.append(f"drain of {entry['Name']}")
    if not exists(api):
        return removed
    # Purged at once, the managers would forget the instances before the nodes have ended them.
    api.delete(f"/v1/job/{JOB}")

    def probe() -> str | None:
        up = {node.node_id for node in list_nodes(api) if node.status == "ready"}
        found = api.get(f"/v1/job/{JOB}/allocations") or []
        live = {a["NodeName"] for a in found if a["NodeID"] in up and a["ClientStatus"] in ("running", "pending")}
        return f"instances still run on {', '.join(sorted(live))}" if live else None

    await_(probe, timeout)
    api.delete(f"/v1/job/{JOB}?purge=true")
    return [*removed, f"job {JOB}"]


def exists(api: Api) -> bool:
    """Tell whether the job is there; raise ApiError when that cannot be told."""
    try:
        api.get(f"/v1/job/{JOB}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True
