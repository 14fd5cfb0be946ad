# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host nodes as Nomad's managers list them, and the steps that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.drain import DrainError
from ..cluster.members import canonical
from ..cluster.remote import wait_for
from .api import Api, ApiError

MARK = "keelson"  # in what a drain says of itself: its purpose


def mark(entry: Mapping[str, Any]) -> str:
    """For what we have drained a node, '' for one that takes work or that somebody else has drained."""
    if entry.get("SchedulingEligibility") == "eligible":
        return ""
    return str(((entry.get("LastDrain") or {}).get("Meta") or {}).get(MARK, ""))


@dataclass(frozen=True)
class Node:
    """One entry of C(/v1/nodes). C(status) is ready, down, initializing or disconnected."""

    node_id: str
    name: str
    address: str
    pool: str
    status: str
    eligible: bool
    draining: bool
    drivers: tuple[str, ...]
    mark: str = ""
    version: str = ""


def parse_nodes(answer: list[dict[str, Any]] | None) -> list[Node]:
    """Read the list of nodes; C(drivers) holds the healthy ones only."""
    return [
        Node(
            node_id=str(entry.get("ID", "")),
            name=str(entry.get("Name", "")),
            address=canonical(entry.get("Address", "")),
            pool=str(entry.get("NodePool", "")),
            status=str(entry.get("Status", "")),
            eligible=entry.get("SchedulingEligibility") == "eligible",
            draining=bool(entry.get("Drain")),
            drivers=tuple(sorted(name for name, driver in (entry.get("Drivers") or {}).items() if driver["Healthy"])),
            mark=mark(entry),
            version=str(entry.get("Version", "")),
        )
        for entry in answer or []
    ]


@dataclass(frozen=True)
class Desired:
    """A host node as the inventory knows it."""

    name: str
    address: str
    pool: str


def find_node(nodes: list[Node], name: str, address: str) -> Node | None:
    """The node of that name at that address; of a replaced server's entries, the ready one."""
    found = [node for node in nodes if node.name == name and node.address == canonical(address)]
    return next((node for node in found if node.status == "ready"), found[0] if found else None)


def unready(nodes: list[Node], want: Desired, drivers: list[str]) -> str | None:
    """What keeps a node from taking work in its pool, or None."""
    node = find_node(nodes, want.name, want.address)
    if node is None:
        return f"node {want.name} ({want.address}) has not registered"
    if node.status != "ready":
        return f"node {want.name} is {node.status}"
    if node.pool != want.pool:
        return f"node {want.name} is in pool {node.pool}, not {want.pool}"
    missing = sorted(set(drivers) - set(node.drivers))
    if missing:
        healthy = ", ".join(node.drivers) or "none"
        return f"node {want.name} has no healthy driver {', '.join(missing)} (healthy: {healthy})"
    return None


def unconnected(api: Api, node: Node | None) -> str | None:
    """Why no manager can ask the agent of a node anything now, or None. Managers notice an agent's end only later."""
    try:
        if node is not None:
            api.get(f"/v1/client/stats?node_id={node.node_id}")
    except ApiError as error:
        return f"the agent of node {node.name if node else ''} is not connected to the managers ({error.message[:120]})"
    return None


def wait_ready(api: Api, desired: list[Desired], drivers: list[str], timeout: float) -> str | None:
    """Wait until all the nodes take work, and managers can ask their agents; returns what is still wrong, or None."""

    def probe() -> str | None:
        nodes = list_nodes(api)
        reasons = [reason for reason in (unready(nodes, want, drivers) for want in desired) if reason]
        if not reasons:
            found = (unconnected(api, find_node(nodes, want.name, want.address)) for want in desired)
            reasons = [reason for reason in found if reason]
        return "; ".join(reasons) or None

    return wait_for(probe, timeout)


def list_nodes(api: Api) -> list[Node]:
    """All nodes the managers know."""
    return parse_nodes(api.get("/v1/nodes"))


def drain(api: Api, node_id: str, deadline: float, timeout: float) -> str | None:
    """Move all work off the node, forced after C(deadline) seconds; returns what is still wrong, or None."""
    api.post(
        f"/v1/node/{node_id}/drain",
        {"DrainSpec": {"Deadline": int(deadline * 1e9), "IgnoreSystemJobs": False}, "MarkEligible": False},
    )

    def probe() -> str | None:
        left = running(api, node_id)
        return f"{left} allocations still run on it" if left else None

    return wait_for(probe, timeout)


def resume(api: Api, node_id: str) -> None:
    """End a drain and let the node take work again."""
    api.post(f"/v1/node/{node_id}/drain", {"DrainSpec": None, "MarkEligible": True})
    api.post(f"/v1/node/{node_id}/eligibility", {"Eligibility": "eligible"})


def running(api: Api, node_id: str) -> int:
    """How many allocations run on the node, or are about to."""
    allocations = api.get(f"/v1/node/{node_id}/allocations") or []
    return sum(entry.get("ClientStatus") in ("pending", "running") for entry in allocations)


def purge(api: Api, node_id: str) -> None:
    """Make the managers forget the node."""
    api.post(f"/v1/node/{node_id}/purge")


class Drains:
    """How Nomad drains nodes; those of a replaced server's entries count by their address."""

    def __init__(self, api: Api) -> None:
        """Remember whom to ask."""
        self.api = api
        self.ids: dict[str, str] = {}

    def status(self, node: str, address: str) -> tuple[bool, str]:
        """Whether it takes work, and else for what we have drained it. Raises DrainError."""
        found = find_node(list_nodes(self.api), node, address)
        if found is None:
            raise DrainError(f"The cluster knows no host node {node} ({address}).")
        self.ids[node] = found.node_id
        return found.eligible, found.mark

    def begin(self, node: str, purpose: str, deadline: float) -> None:
        """Drain it, but for system jobs."""
        spec = {"Deadline": int(deadline * 1e9), "IgnoreSystemJobs": True}
        body = {"DrainSpec": spec, "MarkEligible": False, "Meta": {MARK: purpose}}
        self.api.post(f"/v1/node/{self.ids[node]}/drain", body)

    def left(self, node: str, deadline: float) -> str | None:
        """The jobs that still run on it, or None. Managers stop them at the deadline."""
        if self.api.get(f"/v1/node/{self.ids[node]}").get("DrainStrategy") is None:
            return None
        found = self.api.get(f"/v1/node/{self.ids[node]}/allocations") or []
        jobs = {
            a["JobID"]
            for a in found
            if a["ClientStatus"] == "running" and a["Job"]["Type"] not in ("system", "sysbatch")
        }
        return f"on {node} still run {', '.join(sorted(jobs)) or 'no jobs, but its drain has not ended'}"

    def end(self, node: str) -> None:
        """Let it take work again."""
        resume(self.api, self.ids[node])
