# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of its sidecars, judged the same whatever provider configures them. Standard library only."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..checks.model import Check, Verdict, answer
from ..checks.sockets import listening
from . import admin, places

REQUEST = b"GET / HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n"
PATIENCE = 5.0
CALLS = r"^cluster\..*\.upstream_(rq_completed|rq_5xx|rq_403|cx_total|cx_connect_fail)$"


def serving(state: str, stats: Mapping[str, Any]) -> Verdict:
    """Judge that a sidecar serves and has taken every change."""
    refused = admin.rejected(stats)
    if refused:
        return Verdict(
            False, "rejected: " + ", ".join(f"{name} {count} times" for name, count in sorted(refused.items()))
        )
    return Verdict(state == "LIVE", f"it says {state or 'nothing'}, and has rejected no change")


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


def envoy_checks(sidecar: Mapping[str, Any]) -> list[Check]:
    """Return the checks of the Envoy of a sidecar."""
    name, key = str(sidecar["id"]), str(sidecar["key"])

    def stats() -> Verdict:
        return serving(admin.state(name), admin.stats(name, "update_rejected$"))

    journal = f"look at journalctl -u {places.unit(name)}"
    found = [answer("mesh_sidecar", "The sidecar serves with its newest configuration", key, journal, stats)]
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
    return found


def calls_check(
    sidecar: Mapping[str, Any], upstream: Mapping[str, Any], clusters: Callable[[Iterable[str]], Sequence[str]]
) -> Check:
    """Return the check of the calls to an upstream; C(clusters) are those of the upstream among all that have statistics."""

    def verdict() -> Verdict:
        found = admin.stats(str(sidecar["id"]), CALLS)
        return called(found, clusters({name.removeprefix("cluster.").rpartition(".upstream_")[0] for name in found}))

    title, remedy = "Calls to the upstream are answered", "run module mesh_status for the service: it tells why"
    return answer("mesh_calls", title, f"{sidecar['key']} → {upstream['key']}", remedy, verdict)


def border_checks(sidecar: Mapping[str, Any]) -> list[Check]:
    """Return the checks that nobody reaches a service, or its upstreams, in another way."""
    key, found = str(sidecar["key"]), []
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
