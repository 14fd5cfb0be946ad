# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application as a Nomad job. Standard library only.

API: https://developer.hashicorp.com/nomad/api-docs/jobs, durations in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..cluster.application import MARK, DeployError, Failed, FromBundle
from . import trouble
from .api import Api, ApiError
from .tenancy import deployer

_ARTIFACT = "keelson_artifact"  # in a job's Meta: the artifact of the bundle that its image belongs to
_SECOND = 1_000_000_000
_DEREGISTER_AHEAD = 6  # seconds an instance goes on answering after it left service discovery


def job(app: Mapping[str, Any]) -> dict[str, Any]:
    """Return the job; instances are spread over the pool's nodes and replaced one at a time, new ones first.

    Without a deadline for progress, the first instance that is not healthy in time ends a deployment.
    """
    pace = {"MaxParallel": 1, "HealthCheck": "checks", "MinHealthyTime": _SECOND, "HealthyDeadline": 120 * _SECOND}
    probe = {"Type": "http", "Path": app["health"]} if app["health"] else {"Type": "tcp"}
    check = {"Name": "health", "Interval": 2 * _SECOND, "Timeout": 2 * _SECOND, **probe}
    command = app["command"]
    task = {
        "Name": "app",
        "Driver": "docker",
        "User": app["user"],
        "Config": {
            "image": app["image"],
            "ports": ["http"],
            "readonly_rootfs": True,
            "cap_drop": ["all"],
            "security_opt": ["no-new-privileges"],
            **({"command": command[0], "args": command[1:]} if command else {}),
        },
        "Env": dict(app["variables"]),
        "Resources": {"CPU": app["cpu"], "MemoryMB": app["memory"]},
        "KillTimeout": 15 * _SECOND,
    }
    group = {
        "Name": "app",
        "Count": app["instances"],
        "Networks": [{"Mode": "bridge", "DynamicPorts": [{"Label": "http", "To": app["port"]}]}],
        "Services": [{"Name": app["name"], "PortLabel": "http", "Provider": "nomad", "Checks": [check]}],
        "ShutdownDelay": _DEREGISTER_AHEAD * _SECOND,
        "RestartPolicy": {"Attempts": 2, "Interval": 60 * _SECOND, "Delay": 2 * _SECOND, "Mode": "fail"},
        "Migrate": pace,
        "Tasks": [task],
    }
    return {
        "ID": app["name"],
        "Name": app["name"],
        "Namespace": app["namespace"],
        "Type": "service",
        "Datacenters": ["*"],
        "NodePool": app["pool"] or "all",
        "Meta": {MARK: "true", **({_ARTIFACT: app["artifact"]} if app["artifact"] else {})},
        "Spreads": [{"Attribute": "${node.unique.id}", "Weight": 100}],
        "Update": {**pace, "Canary": 1, "AutoPromote": True, "AutoRevert": True, "ProgressDeadline": 0},
        "TaskGroups": [group],
    }


def recorded(api: Api) -> Iterator[FromBundle]:
    """Yield the applications whose image comes from the bundle. Raises ApiError."""
    for entry in api.get("/v1/jobs?namespace=*&meta=true") or []:
        meta = entry.get("Meta") or {}
        if MARK in meta and meta.get(_ARTIFACT) and not entry.get("Stop"):
            space = f"namespace={quote(entry['Namespace'], safe='')}"
            job = api.get(f"/v1/job/{quote(entry['ID'], safe='')}?{space}")
            image = job["TaskGroups"][0]["Tasks"][0]["Config"]["image"]
            pool = "" if entry["NodePool"] == "all" else entry["NodePool"]
            yield FromBundle(f"{entry['Namespace']}/{entry['ID']}", pool, image, meta[_ARTIFACT])


def lacking(api: Api, app: FromBundle) -> set[str]:
    """The nodes whose driver could not start an application that does not run there. Raises ApiError."""
    space, _slash, name = app.name.partition("/")
    found = api.get(f"/v1/job/{quote(name, safe='')}/allocations?namespace={quote(space, safe='')}") or []
    running = {entry["NodeName"] for entry in found if entry["ClientStatus"] == "running"}
    failed = {entry["NodeName"] for entry in found if trouble.events([entry], ("Driver Failure",))}
    return failed - running


class Target:
    """An application on a cluster."""

    def __init__(self, api: Api, app: Mapping[str, Any]) -> None:
        """Raises DeployError where its namespace or pool does not exist."""
        self.app = app
        self.version: int | None = None
        found = {
            key: api.get(path) or [] for key, path in (("namespace", "/v1/namespaces"), ("pool", "/v1/node/pools"))
        }
        for key, entries in found.items():
            names = sorted(entry["Name"] for entry in entries)
            if app[key] and app[key] not in names:
                raise DeployError(
                    f"the cluster has no {key} {app[key]}; it has {', '.join(names)}. Nothing was changed"
                )
        self.api = deployer(api, next(entry for entry in found["namespace"] if entry["Name"] == app["namespace"]))
        self.path = f"/v1/job/{quote(app['name'], safe='')}"
        self.space = f"namespace={app['namespace']}"

    def _job(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.api.get(f"{self.path}?{self.space}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return found

    def owner(self) -> str | None:
        """Return None where nothing has that name, '' where it is ours, or else whose it is."""
        found = self._job()
        if found is None:
            return None
        return "" if MARK in (found.get("Meta") or {}) else "somebody who did not deploy it by this collection"

    def differs(self) -> bool:
        """Whether the cluster would change anything (a plan)."""
        found = self._job() or {}
        planned = self.api.post(f"{self.path}/plan?{self.space}", {"Job": job(self.app), "Diff": True})
        return bool(found.get("Stop")) or planned["Diff"]["Type"] != "None"

    def submit(self) -> None:
        """Register the job, and remember which version that made."""
        self.api.post(f"/v1/jobs?{self.space}", {"Job": job(self.app)})
        self.version = (self._job() or {}).get("Version")

    def _deployment(self, version: int | None) -> dict[str, Any]:
        found = self.api.get(f"{self.path}/deployments?{self.space}") or []
        return next((entry for entry in found if entry["JobVersion"] == version), {})

    def wrong(self) -> str | None:
        """Say what is missing until the version that was submitted, else the newest, runs, or None."""
        version = (self._job() or {}).get("Version") if self.version is None else self.version
        last = self._deployment(version)
        if not last and self.version is None:  # Nomad forgets old ones
            return self._too_few()
        if last.get("Status") == "failed":
            raise Failed(f"{last['StatusDescription']}; {self._trouble()}")
        if not last:
            return f"there is no deployment of version {version} yet; {self._trouble()}"
        return None if last["Status"] == "successful" else f"{last['StatusDescription']}; {self._trouble()}"

    def _too_few(self) -> str | None:
        summary = self.api.get(f"{self.path}/summary?{self.space}")["Summary"].get("app") or {}
        running, desired = summary.get("Running", 0), self.app["instances"]
        return None if running >= desired else f"{running} of {desired} instances run; {self._trouble()}"

    def take_back(self) -> bool:
        """Go back to the last version that was well, where Nomad does not do so itself."""
        versions = self.api.get(f"{self.path}/versions?{self.space}")["Versions"]
        stable = [
            version["Version"] for version in versions if version.get("Stable") and version["Version"] != self.version
        ]
        if stable and self._deployment(self.version).get("Status") != "failed":
            self.api.post(f"{self.path}/revert?{self.space}", {"JobID": self.app["name"], "JobVersion": stable[0]})
        return bool(stable)

    def restored(self) -> str | None:
        """Say what is missing until the version before runs again, or None."""
        version = (self._job() or {}).get("Version")
        if version == self.version:
            return "Nomad has not gone back yet"
        last = self._deployment(version)
        return None if last.get("Status") == "successful" else str(last.get("StatusDescription", "it has begun"))

    def remove(self) -> None:
        """Stop the job. Purged at once, the managers would forget the instances before the nodes have ended them."""
        self.api.delete(f"{self.path}?{self.space}")

    def left(self) -> str | None:
        """Say what of it still runs; where nothing does, forget the job and return None."""
        found = self.api.get(f"{self.path}/allocations?{self.space}") or []
        live = sorted({entry["NodeName"] for entry in found if entry["ClientStatus"] in ("running", "pending")})
        if live:
            return f"instances still run on {', '.join(live)}"
        self.api.delete(f"{self.path}?purge=true&{self.space}")
        return None

    def _trouble(self) -> str:
        """Return the last thing that went wrong with an instance, or why none could be placed."""
        allocations, evaluations = (
            self.api.get(f"{self.path}/{what}?{self.space}") or [] for what in ("allocations", "evaluations")
        )
        messages = trouble.events(allocations, (*trouble.FAULTS, "Terminated"))
        for causes in trouble.unplaced(evaluations):
            messages.append((0, f"could not be placed: {', '.join(causes) or 'no host node in the pool takes work'}"))
        return max(messages)[1] if messages else "no instance failed"
