# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of its part of the mesh, judged. Standard library only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..checks.model import Check, Verdict, answer
from ..checks.sockets import listening
from ..cluster.secret_store import read_current
from ..enrollment import certificate
from ..mesh import admin, places
from ..mesh import checks as shared
from . import renew
from .issuer import COMPONENT

AUTHORITY_DAYS = 90.0
OUTSIDE_DAYS = 7.0  # less is an alarm


def fresh(found: renew.Kept, before_minutes: float, now: float) -> Verdict:
    """Judge that a leaf is renewed in time: a renewal that is overdue by a third of its time is an alarm."""
    left = (found.end - now) / 60
    if not found.end:
        return Verdict(False, "it has no leaf certificate")
    return Verdict(
        left > before_minutes * 2 / 3, f"valid for {left:.0f} minutes, renewed when {before_minutes:g} are left"
    )


def shown(end: float, now: float) -> Verdict:
    """Judge how long the certificate holds that clients outside see."""
    days = (end - now) / 86400
    return Verdict(days > OUTSIDE_DAYS, f"valid for {days:.0f} days" if end else "there is none")


def healthy(clusters: Mapping[str, Any], elsewhere: str = "") -> Verdict:
    """Judge the sidecar's own health checks of its service, out of its list of clusters; C(elsewhere) is the job that has
    no instance on this host."""
    if elsewhere:
        return Verdict(True, f"the job {elsewhere} has no instance here")
    local = [entry for entry in clusters.get("cluster_statuses", []) if entry["name"] == "local"]
    states = [status.get("health_status", {}) for entry in local for status in entry.get("host_statuses", [])]
    failed = any(state.get("failed_active_health_check") for state in states)
    return Verdict(
        bool(states) and not failed, "the service fails its health check" if failed else "the service is healthy"
    )


def absent(sockets: Iterable[Mapping[str, Any]], sidecar: Mapping[str, Any]) -> str:
    """The job of a service of which nothing listens on this host; '' when something does, or no job runs it."""
    here = any(found["port"] == sidecar["port"] and found["process"] != "envoy" for found in sockets)
    return "" if here else str(sidecar["job"])


def sidecar_checks(given: Mapping[str, Any], sidecar: Mapping[str, Any]) -> list[Check]:
    """Return the checks of one sidecar."""
    name, key = sidecar["id"], sidecar["key"]
    found = [
        *shared.envoy_checks(sidecar),
        answer(
            "mesh_leaf",
            "The leaf certificate is renewed in time",
            key,
            "look at journalctl -u keelson-mesh-renew, and at keelson-mesh-issuer on the managers",
            lambda: fresh(renew.kept(name), given["renew_before_minutes"], time.time()),
        ),
        *(shared.calls_check(sidecar, one, lambda _all, one=one: one["clusters"]) for one in sidecar["upstreams"]),  # type: ignore[misc]
    ]
    if sidecar["kind"] == "service":
        return [*found, *service_checks(sidecar)]
    if sidecar["kind"] == "ingress":
        found.append(
            answer(
                "mesh_outside",
                "The certificate that the gateway shows outside is valid",
                key,
                f"renew {sidecar['outside']['chain']}; the timer keelson-mesh-renew gives it to the gateway",
                lambda: shown(renew.kept(name, "outside").end, time.time()),
            )
        )
    return found


def service_checks(sidecar: Mapping[str, Any]) -> list[Check]:
    """Return the checks of the service behind a sidecar."""
    name, key = sidecar["id"], sidecar["key"]
    healthy_one = answer(
        "mesh_health",
        "The service behind the sidecar is healthy",
        key,
        f"look at the service ({sidecar['job'] or sidecar['unit'] or 'its unit'})",
        lambda: healthy(json.loads(admin.get(name, "/clusters?format=json")), absent(listening(), sidecar)),
    )
    return [healthy_one, *shared.border_checks(sidecar)]


def host_checks() -> list[Check]:
    """Return the checks of a host node."""
    given = places.host()
    return [check for sidecar in given["sidecars"] for check in sidecar_checks(given, sidecar)]


def manager_checks(cluster: str) -> list[Check]:
    """Return the checks of a manager."""

    def authority() -> Verdict:
        generation = read_current(cluster)
        if COMPONENT not in generation.payload:
            return Verdict(False, "this manager has no authority of the mesh")
        days = (certificate.read(generation.payload[COMPONENT]["intermediate"]).end - time.time()) / 86400
        return Verdict(days > AUTHORITY_DAYS, f"generation {generation.number}, valid for {days:.0f} days")

    return [
        answer("mesh_issuer", "The authority of the mesh is on the manager", "", "run the install playbook", authority)
    ]
