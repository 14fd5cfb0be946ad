# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of its part of the mesh, judged. Standard library only."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..checks.model import Check, Verdict, answer
from ..checks.sockets import listening
from ..cluster.secret_store import read_current
from ..enrollment import certificate
from ..mesh import admin, places
from . import known, renew
from .issuer import COMPONENT

REQUEST = b"GET / HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n"
PATIENCE = 5.0
AUTHORITY_DAYS = 90.0
CALLS = r"^cluster\..*\.upstream_(rq_completed|rq_5xx|rq_403|cx_total|cx_connect_fail)$"
OUTSIDE_DAYS = 7.0  # less is an alarm


def serving(state: str, stats: Mapping[str, Any]) -> Verdict:
    """Judge that a sidecar serves and has taken every change."""
    refused = admin.rejected(stats)
    if refused:
        return Verdict(
            False, "rejected: " + ", ".join(f"{name} {count} times" for name, count in sorted(refused.items()))
        )
    return Verdict(state == "LIVE", f"it says {state or 'nothing'}, and has rejected no change")


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


def called(stats: Mapping[str, Any], clusters: Sequence[str]) -> Verdict:
    """Judge the calls to an upstream since the sidecar started, out of its statistics: some must have been answered."""

    def count(name: str) -> int:
        return sum(int(stats.get(f"cluster.{cluster}.upstream_{name}", 0)) for cluster in clusters)

    calls, failed = count("rq_completed"), count("rq_5xx") + count("rq_403")
    if not calls:  # of a protocol without requests, or there were none
        calls, failed = count("cx_total"), count("cx_connect_fail")
    return Verdict(not calls or failed < calls, f"{calls} calls, {failed} of them failed or refused")


def closed(received: bytes) -> Verdict:
    """Judge what a port of a strict service answers to plain text."""
    if received:
        return Verdict(False, f"it answers plain text: {received[:60]!r}")
    return Verdict(True, "plain text gets no answer")


def refused(reached: Sequence[str]) -> Verdict:
    """Judge what an account that is not the owner reached."""
    if reached:
        return Verdict(False, f"root, which is not their owner, reaches {', '.join(reached)}")
    return Verdict(True, "its ports refuse other accounts")


def around(sockets: Iterable[Mapping[str, Any]], sidecar: Mapping[str, Any]) -> Verdict:
    """Judge that a strict service listens on loopback, or that the owner rules close its port."""
    open_to = [
        str(found["address"])
        for found in sockets
        if found["protocol"] == "tcp"
        and found["port"] == sidecar["port"]
        and found["process"] != "envoy"
        and not ipaddress.ip_address(found["address"]).is_loopback
    ]
    if open_to and sidecar["port"] == sidecar["mesh_port"]:
        return Verdict(False, f"the service listens on {', '.join(open_to)} too, beside its sidecar")
    return Verdict(
        True,
        f"closed by the owner rules on {', '.join(open_to)}" if open_to else "the service listens on loopback alone",
    )


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
    journal = f"look at journalctl -u {places.unit(name)}"

    def stats() -> Verdict:
        return serving(admin.state(name), admin.stats(name, "update_rejected$"))

    found = [
        answer("mesh_sidecar", "The sidecar serves with its newest configuration", key, journal, stats),
        answer(
            "mesh_leaf",
            "The leaf certificate is renewed in time",
            key,
            "look at journalctl -u keelson-mesh-renew, and at keelson-mesh-issuer on the managers",
            lambda: fresh(renew.kept(name), given["renew_before_minutes"], time.time()),
        ),
    ]
    if sidecar.get("strict", True):
        found.append(
            answer(
                "mesh_closed",
                "The sidecar refuses plain text",
                key,
                "run the install playbook",
                lambda: closed(plain(sidecar["address"], sidecar["mesh_port"])),
            )
        )
    for upstream in sidecar["upstreams"]:

        def calls(clusters: Sequence[str] = upstream["clusters"]) -> Verdict:
            return called(admin.stats(name, CALLS), clusters)

        title, remedy = "Calls to the upstream are answered", "run module mesh_status for the service: it tells why"
        found.append(answer("mesh_calls", title, f"{key} → {upstream['key']}", remedy, calls))
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
    found = [
        answer(
            "mesh_health",
            "The service behind the sidecar is healthy",
            key,
            f"look at the service ({sidecar['job'] or sidecar['unit'] or 'its unit'})",
            lambda: healthy(json.loads(admin.get(name, "/clusters?format=json")), absent(listening(), sidecar)),
        )
    ]
    ports = [("127.0.0.1", upstream["bind"], f"its upstream {upstream['key']}") for upstream in sidecar["upstreams"]]
    if sidecar["strict"]:
        ports.append(("127.0.0.1", sidecar["port"], "the service"))
        found.append(
            answer(
                "mesh_boundary",
                "Nobody reaches the service around its sidecar",
                key,
                "let the service listen on 127.0.0.1, or give it another mesh_port so that the owner rules close its port",
                lambda: around(listening(), sidecar),
            )
        )
    found.append(
        answer(
            "mesh_owner",
            "Only the sidecar reaches the service, only the service its upstreams",
            key,
            "start keelson-mesh-rules.service; run the install playbook",
            lambda: refused([what for address, port, what in ports if reaches(address, port)]),
        )
    )
    return found


def host_checks() -> list[Check]:
    """Return the checks of a host node."""
    given = known.host()
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


def reaches(address: str, port: int) -> bool:
    """Tell whether this process, which is root's, can connect."""
    try:
        with socket.create_connection((address, port), PATIENCE):
            return True
    except OSError:
        return False


def plain(address: str, port: int) -> bytes:
    """What a port answers to a request without TLS."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), PATIENCE) as link:
        link.settimeout(PATIENCE)
        link.sendall(REQUEST)
        received = link.recv(200)
        # An alert of TLS is a refusal.
        return b"" if received[:1] == b"\x15" else received
    return b""
