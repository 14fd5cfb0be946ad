# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manager's API tells about a Nomad cluster, judged. Standard library only."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from ..checks import voters
from ..checks.model import Check, Verdict, answer
from ..cluster.application import IMAGES, images
from ..cluster.drain import way_back
from ..cluster.raft import Health, host_of, read_health
from . import application
from .api import Api, ApiError
from .nodes import Desired, Node, find_node, list_nodes, unready

DRIVERS = ("docker", "exec")
_LOGS = "look at journalctl -u nomad on it; run the install playbook"


def leader(address: str) -> Verdict:
    """Judge /v1/status/leader."""
    return Verdict(bool(address), f"the leader is {address}" if address else "there is no leader")


def peers(configuration: dict[str, Any], managers: dict[str, str]) -> Verdict:
    """Judge that the raft peers are the inventory's `managers` (address by name), all of them voters."""
    servers = {host_of(server["Address"]): server["Voter"] for server in configuration["Servers"]}
    return voters.peers([address for address, votes in servers.items() if votes], servers, managers)


def health(found: Health) -> Verdict:
    """Judge autopilot's answer: all healthy, and as many failures survived as the number of managers allows."""
    sick = [server.name for server in found.servers if not server.healthy]
    desired = (len(found.servers) - 1) // 2
    text = f"{len(found.servers)} servers, failure tolerance {found.failure_tolerance} of {desired}"
    if sick:
        text += f"; unhealthy: {', '.join(sick)}"
    return Verdict(found.healthy and not sick and found.failure_tolerance >= desired, text)


def versions(found: dict[str, str]) -> Verdict:
    """Judge that all agents (version by name) run one version."""
    distinct = sorted(set(found.values()))
    if len(distinct) == 1:
        return Verdict(True, f"{len(found)} agents run {distinct[0]}")
    groups = [f"{v}: {', '.join(sorted(n for n, w in found.items() if w == v))}" for v in distinct]
    return Verdict(False, "; ".join(groups) or "no agent told its version")


def node(nodes: list[Node], want: Desired) -> Verdict:
    """Judge that the node is ready, in its pool, eligible, and its drivers are healthy."""
    found, wrong = find_node(nodes, want.name, want.address), unready(nodes, want, list(DRIVERS))
    if wrong or found is None:
        return Verdict(False, wrong or "not registered")
    if not found.eligible:
        return Verdict(
            False, f"node {found.name} takes no work: it is {'draining' if found.draining else 'ineligible'}"
        )
    return Verdict(True, f"ready in pool {found.pool}, healthy drivers: {', '.join(found.drivers)}")


def manager_checks(api: Api, managers: dict[str, str]) -> list[Check]:
    """Return the checks of the cluster as one manager sees it."""
    return [
        answer(
            "leader",
            "The manager knows a leader",
            "",
            "look at the logs of nomad.service on the managers (journalctl -u nomad)",
            lambda: leader(api.get("/v1/status/leader")),
        ),
        answer(
            "peers",
            "The raft peers are the managers",
            "",
            "run the install playbook; remove a peer that is gone with nomad operator raft remove-peer",
            lambda: peers(api.get("/v1/operator/raft/configuration?stale=true"), managers),
        ),
    ]


def cluster_checks(api: Api, nodes: list[dict[str, str]]) -> list[Check]:
    """Return the checks of the whole cluster; `nodes` are the inventory's as {name, address, pool}."""

    def all_versions() -> Verdict:
        servers = {server.name: server.version for server in read_health(api).servers}
        ready = [node for node in api.get("/v1/nodes") if node["Status"] == "ready"]
        return versions({**servers, **{node["Name"]: node["Version"] for node in ready}})

    def all_images() -> Verdict:
        names = {entry["name"] for entry in nodes}
        others = {node.name: node.pool for node in list_nodes(api) if node.status == "ready" and node.name not in names}
        return images(application.recorded(api), others, functools.partial(application.lacking, api))

    found = [
        answer(
            "autopilot",
            "Autopilot finds the managers healthy",
            "",
            "look at nomad operator autopilot health and at the managers' clocks, disks and logs",
            lambda: health(read_health(api)),
        ),
        answer("versions", "All agents run one version", "", "run the upgrade or install playbook", all_versions),
        answer("images", IMAGES, "", "add it to host_node_nomad_images of the server image", all_images),
    ]
    for entry in nodes:
        want = Desired(**entry)
        asked = answer(
            "node", "The host node is ready in its pool", want.name, _LOGS, functools.partial(_ask_node, api, want)
        )
        found.append(asked if asked["passed"] else {**asked, "remedy": _remedy(api, want)})
    return found


def _ask_node(api: Api, want: Desired) -> Verdict:
    return node(list_nodes(api), want)


def _remedy(api: Api, want: Desired) -> str:
    """What helps a host node that is not as it should be."""
    with contextlib.suppress(ApiError, OSError):
        nodes = list_nodes(api)
        found = find_node(nodes, want.name, want.address)
        if found and not found.eligible and not unready(nodes, want, list(DRIVERS)):
            command = "drain -disable" if found.draining else "eligibility -enable"
            return way_back(want.name, found.mark, f"nomad node {command} {found.node_id}")
    return _LOGS
