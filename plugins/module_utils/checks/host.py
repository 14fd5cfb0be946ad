# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a host from inside tells: its services, its listening sockets. Standard library only."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from pathlib import Path
from typing import Any

from ..cluster.remote import bracketed
from ..host.files import exposed
from .model import Verdict

# Not ours, and on every server: remote login, and the clients of DHCP and NTP. {port, last, protocol, address, process}
SYSTEM: tuple[dict[str, Any], ...] = (
    {"port": 68, "protocol": "udp", "address": "any", "process": ""},
    {"port": 546, "protocol": "udp", "address": "any", "process": ""},
    {"port": 123, "protocol": "udp", "address": "any", "process": ""},
    {"port": 0, "protocol": "tcp", "address": "any", "process": "sshd"},
)

#: Where a server made from an image has what the image says of itself.
IMAGE = "/usr/lib/keelson/image.json"


def image(path: str = IMAGE) -> str:
    """The name of the server image that this host was made from, nothing where it was made from none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(Path(path).read_text(encoding="utf-8"))["name"])
    return ""


def service(state: str, restarts: int) -> Verdict:
    """Judge a unit by systemd's ActiveState."""
    return Verdict(state == "active", f"{state or 'unknown to systemd'}, {restarts} restarts")


def private(files: list[tuple[str, str]]) -> Verdict:
    """Judge that nobody but root and the owner may use the files of any pattern; C(files) are pairs of them."""
    found = sorted({path for pattern, owner in files for path in exposed(pattern, owner)})
    closed = ", ".join(pattern for pattern, _owner in files)
    return Verdict(not found, f"others may use {', '.join(found)}" if found else f"closed: {closed}")


def fits(socket: dict[str, Any], expected: dict[str, Any], address: str) -> bool:
    """Tell whether a socket is the expected one on a host with cluster address `address`.

    `expected` is {port, last, protocol, address, process}: port 0 is any port, `last` ends a range, process '' is any.
    """
    first, last = expected["port"], expected.get("last") or expected["port"]
    if socket["protocol"] != expected["protocol"] or (first and not first <= socket["port"] <= last):
        return False
    if expected["process"] not in ("", socket["process"]):
        return False
    where = expected["address"]
    if where == "cluster":
        return bool(socket["address"] == address)
    return where == "any" or ipaddress.ip_address(socket["address"]).is_loopback


def describe(socket: dict[str, Any]) -> str:
    """Return a socket as text: port, address and who holds it."""
    where = f"{bracketed(socket['address'])}:{socket['port']}/{socket['protocol']}"
    return f"{where} {socket['process'] or 'unknown process'} (pid {socket['pid']})"


def unexpected(sockets: list[dict[str, Any]], expected: list[dict[str, Any]], address: str) -> Verdict:
    """Judge that no socket but the expected ones can be reached from outside.

    Sockets on loopback pass, unless they are the engine's own ports: those must be on the cluster's address alone.
    """
    allowed = [*expected, *SYSTEM]
    own = {(e["port"], e["protocol"]) for e in expected if e["address"] == "cluster"}
    strange = []
    for socket in sockets:
        local = ipaddress.ip_address(socket["address"]).is_loopback
        if local and (socket["port"], socket["protocol"]) not in own:
            continue
        if not any(fits(socket, entry, address) for entry in allowed):
            strange.append(describe(socket))
    if strange:
        return Verdict(False, "unexpected: " + ", ".join(strange))
    return Verdict(True, "listening: " + (", ".join(map(describe, sockets)) or "nothing"))


def _owned(entry: dict[str, Any]) -> bool:
    return bool(entry["port"] and entry["process"] and entry.get("purpose"))


def missing(sockets: list[dict[str, Any]], expected: list[dict[str, Any]], address: str) -> Verdict:
    """Judge that every port is open that the engine opens: on the cluster's address, or by a program of its own."""
    desired = [e for e in expected if not e.get("optional") and (e["address"] == "cluster" or _owned(e))]
    absent = [e for e in desired if not any(fits(socket, e, address) for socket in sockets)]
    names = [f"{e['address']}:{e['port']}/{e['protocol']} ({e['purpose']})" for e in absent or desired]
    text = ", ".join(names).replace("cluster:", f"{address}:")
    return Verdict(not absent, ("nothing listens on " if absent else "open: ") + text)
