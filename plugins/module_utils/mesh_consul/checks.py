# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of its part of the mesh, and the servers of theirs, judged. Standard library only."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ..checks.model import Check, Verdict, answer
from ..checks.sockets import listening
from ..cluster import raft
from ..mesh import admin, places
from ..mesh import checks as shared
from . import known
from .api import Api, agent

GUARDED = ("/v1/agent/self", "/v1/acl/tokens")
NOBODY = "keelson-nobody"  # no service is called so
LEAST = 0.05  # of a leaf's lifetime; agents renew it before a tenth is left


def denied(statuses: Mapping[str, int]) -> Verdict:
    """Judge what an API answers to a client without a token."""
    told = [f"{path}: {status}" for path, status in statuses.items() if status != 403]
    return Verdict(not told, f"it answers {', '.join(told)}" if told else f"refused: {', '.join(statuses)}")


def closed(mode: int, ports: Sequence[int]) -> Verdict:
    """Judge who may ask the agent, which gives the key of a leaf to whoever does: its socket's mode, and ports that it has besides."""
    if ports:
        return Verdict(False, f"it listens on port {', '.join(map(str, ports))}")
    return Verdict(not mode & 0o077, f"its socket has the mode {mode & 0o777:o}")


def _http(found: Mapping[str, Any]) -> bool:
    return bool(found["process"] == "consul" and found["port"] not in (known.SERF, known.RPC, known.GRPC, known.HTTPS))


def valid(certificates: Mapping[str, Any], minutes: float, now: datetime) -> Verdict:
    """Judge out of a sidecar's list of certificates how long its leaf holds."""
    chains = [chain for one in certificates.get("certificates", []) for chain in one.get("cert_chain", [])]
    ends = [datetime.fromisoformat(chain["expiration_time"].replace("Z", "+00:00")) for chain in chains]
    if not ends:
        return Verdict(False, "it has no leaf certificate")
    left = (min(ends) - now).total_seconds() / 60
    return Verdict(left > minutes * LEAST, f"valid for {left:.0f} of {minutes:g} minutes")


def refuses(status: int, found: Any) -> Verdict:
    """Judge what Consul says of a caller that no rule names."""
    if status != 200 or not isinstance(found, dict):
        return Verdict(False, f"it does not say: {status} {found}")
    return Verdict(
        not found["Allowed"], "a caller without a rule is let in" if found["Allowed"] else "nobody else may call"
    )


def clusters_of(services: Sequence[str], names: Iterable[str]) -> list[str]:
    """Those of the clusters of Envoy that lead to services: [CHAIN~][SUBSET.]SERVICE.default.…"""
    pattern = re.compile(rf"([0-9a-f]+~)?([^.~]+\.)?({'|'.join(map(re.escape, services))})\.default\.")
    return [name for name in names if pattern.match(name)]


def healthy(health: raft.Health) -> Verdict:
    """Judge the servers."""
    sick = [server.name for server in health.servers if not (server.healthy and server.voter)]
    if sick or not health.leader:
        return Verdict(False, f"not well: {', '.join(sick)}" if sick else "no server leads")
    return Verdict(True, f"{len(health.servers)} voters, {health.leader.name} leads")


def sidecar_checks(given: Mapping[str, Any], sidecar: Mapping[str, Any], token: str) -> list[Check]:
    """Return the checks of one sidecar; C(token) is its own."""
    name, key = str(sidecar["id"]), str(sidecar["key"])
    asked = "/v1/connect/intentions/check?" + urllib.parse.urlencode({"source": NOBODY, "destination": name})

    def leaf() -> Verdict:
        return valid(json.loads(admin.get(name, "/certs")), given["leaf_minutes"], datetime.now(timezone.utc))

    return [
        *shared.envoy_checks(sidecar),
        answer(
            "mesh_leaf", "The leaf certificate is renewed in time", key, f"look at journalctl -u {known.UNIT}", leaf
        ),
        answer(
            "mesh_default",
            "Whoever is not named may not call the service",
            key,
            "remove intentions that somebody else has made; run the install playbook",
            lambda: refuses(*agent(asked, token)),
        ),
        *(
            shared.calls_check(sidecar, one, lambda names, one=one: clusters_of(one["services"], names))  # type: ignore[misc]
            for one in sidecar["upstreams"]
        ),
        *shared.border_checks(sidecar),
    ]


def host_checks() -> list[Check]:
    """Return the checks of a host node. Raises OSError, ValueError, KeyError."""
    given = places.host(known.HOST)
    with open(known.SERVICES, encoding="utf-8") as file:
        tokens = {service["id"]: service["token"] for service in json.load(file)["services"]}
    remedy = f"look at {known.FOLDER}/agent.json; run the install playbook"
    own = [
        answer(
            "mesh_agent",
            "The agent tells nothing to a client without a token",
            "",
            remedy,
            lambda: denied({path: agent(path)[0] for path in GUARDED}),
        ),
        answer(
            "mesh_agent",
            "No other account asks the agent",
            "",
            remedy,
            lambda: closed(os.stat(known.SOCKET).st_mode, [found["port"] for found in listening() if _http(found)]),
        ),
    ]
    return [*own, *(check for one in given["sidecars"] for check in sidecar_checks(given, one, tokens[one["id"]]))]


def manager_checks(cluster: str) -> list[Check]:
    """Return the checks of a manager. Raises ApiError."""
    api = Api.from_env(cluster)
    nobody = replace(api, token="")
    remedy = f"look at journalctl -u {known.UNIT} on the managers"
    return [
        answer("mesh_servers", "Consul's servers are well", "", remedy, lambda: healthy(raft.read_health(api))),
        answer(
            "mesh_api",
            "Consul's API tells nothing to a client without a token",
            "",
            "run the install playbook",
            lambda: denied({path: nobody.exchange("GET", path)[0] for path in GUARDED}),
        ),
    ]
