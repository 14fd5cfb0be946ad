# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the raft peers of the servers of Nomad or Consul say, and the steps that change them, each gated on their health.

Both have the same autopilot and the same answers. Standard library only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .agent_api import AgentApi
from .members import canonical
from .remote import ApiError, answers, wait_for


@dataclass(frozen=True)
class Server:
    """One raft peer as autopilot sees it. C(address) is the host part of its RPC address."""

    name: str
    address: str
    raft_id: str
    version: str
    leader: bool
    voter: bool
    healthy: bool


@dataclass(frozen=True)
class Health:
    """The answer of autopilot; C(failure_tolerance) counts the voters that may be lost."""

    healthy: bool
    failure_tolerance: int
    servers: tuple[Server, ...]

    @property
    def leader(self) -> Server | None:
        """The peer that leads, if any."""
        return next((server for server in self.servers if server.leader), None)


def host_of(address: str) -> str:
    """The host part of C(host:port), in its canonical spelling."""
    return canonical(address.rpartition(":")[0])


def parse_health(answer: dict[str, Any]) -> Health:
    """Read C(/v1/operator/autopilot/health), which says the same with status 200 (healthy) and 429 (unhealthy).

    Source: API documentation of Nomad and of Consul, operator/autopilot, "Read Health".
    """
    servers = tuple(
        Server(
            name=str(entry.get("Name", "")),
            address=host_of(str(entry.get("Address", ""))),
            raft_id=str(entry.get("ID", "")),
            version=str(entry.get("Version", "")),
            leader=bool(entry.get("Leader")),
            voter=bool(entry.get("Voter")),
            healthy=bool(entry.get("Healthy")),
        )
        for entry in answer.get("Servers") or []
    )
    return Health(bool(answer.get("Healthy")), int(answer.get("FailureTolerance") or 0), servers)


def read_health(api: AgentApi) -> Health:
    """Ask autopilot. Raises ApiError for any status but 200 and 429."""
    status, text = api.exchange("GET", "/v1/operator/autopilot/health")
    if status not in (200, 429):
        raise ApiError(status, text.strip())
    try:
        return parse_health(json.loads(text))
    except ValueError as error:
        raise ApiError(status, f"autopilot answered no JSON: {text[:120]!r}") from error


def missing_from(health: Health, expected: list[str]) -> list[str]:
    """The addresses in C(expected) that are not healthy voters."""
    good = {server.address for server in health.servers if server.healthy and server.voter}
    return sorted(set(map(canonical, expected)) - good)


def refuse_restart(health: Health, address: str) -> str | None:
    """Why the manager at C(address) must not be restarted now, or None.

    A lone manager may always restart. Otherwise the others must keep the quorum without it: either all are healthy
    and one may be lost, or the one to restart is itself the only sick one.
    """
    address = canonical(address)
    voters = [server for server in health.servers if server.voter]
    if len(voters) <= 1:
        return None
    sick = sorted(server.name for server in health.servers if not server.healthy and server.address != address)
    if sick:
        return f"{', '.join(sick)} not healthy"
    well = [server for server in voters if server.healthy and server.address != address]
    if len(well) < len(voters) // 2 + 1:
        return f"only {len(well)} of {len(voters)} voters would remain"
    return None


def refuse_silent(health: Health, address: str, port: int) -> str | None:
    """Why the manager at C(address) must not be restarted now, or None: one that autopilot still takes for well is gone from C(port).

    Gossip between managers notices a loss only after half a minute (memberlist's settings for wide networks).
    """
    others = [server for server in health.servers if server.healthy and server.address != canonical(address)]
    silent = sorted(server.name for server in others if not answers(server.address, port))
    return f"{', '.join(silent)} not answering" if silent else None


def wait_dispensable(api: AgentApi, address: str, timeout: float) -> str | None:
    """Wait until the manager at C(address) may be restarted; returns why it still must not be, or None."""

    def probe() -> str | None:
        health = read_health(api)
        return refuse_restart(health, address) or refuse_silent(health, address, api.RPC)

    return wait_for(probe, timeout)


def wait_healthy(api: AgentApi, expected: list[str], timeout: float) -> str | None:
    """Wait until every address in C(expected) is a healthy voter; returns what is still wrong, or None."""

    def probe() -> str | None:
        health = read_health(api)
        missing = missing_from(health, expected)
        if missing:
            return f"no healthy voter at {', '.join(missing)}"
        if not health.healthy or health.leader is None:
            return "autopilot calls the managers unhealthy"
        return None

    return wait_for(probe, timeout)


def wait_leader(api: AgentApi, timeout: float) -> str | None:
    """Wait until a leader is elected, by the endpoint that needs no token; returns what is still wrong, or None."""

    def probe() -> str | None:
        return None if api.get("/v1/status/leader") else "no leader is elected"

    return wait_for(probe, timeout)


def step_down(api: AgentApi, address: str, timeout: float) -> bool:
    """If the manager at C(address) leads, move the leadership to a healthy voter; returns whether it was moved.

    Raises ApiError when no other manager takes over in C(timeout) seconds.
    """
    health, address = read_health(api), canonical(address)
    heirs = [server for server in health.servers if server.healthy and server.voter and server.address != address]
    if health.leader is None or health.leader.address != address or not heirs:
        return False
    api.post(f"{api.TRANSFER}?id={heirs[0].raft_id}")

    def probe() -> str | None:
        leader = host_of(api.get("/v1/status/leader") or "")
        return None if leader and leader != address else "the leadership has not moved"

    reason = wait_for(probe, timeout)
    if reason:
        raise ApiError(0, reason)
    return True
