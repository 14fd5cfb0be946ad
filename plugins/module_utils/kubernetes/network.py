# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a host reaches: its own interface, the API server of a manager, the cluster's endpoint. Standard library only."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from typing import NamedTuple

from ..cluster.remote import bracketed
from ..preflight import netlink
from .api import CA_FILE

#: Errors of a certificate's time, told only once its signature was found good. openssl-verification-options(1)
UNTIMELY = (9, 10)


class Interface(NamedTuple):
    """Name and prefix length of an interface with an address, and C(other), its first one of the other family."""

    name: str = ""
    prefix: int = 0
    other: str = ""


def interface(address: str) -> Interface:
    """Return the interface that has C(address), all empty where none has it."""
    sought = ipaddress.ip_address(address)
    for found in netlink.interfaces():
        own = [ipaddress.ip_interface(entry) for entry in found["addresses"]]
        others = [entry.ip for entry in own if entry.version != sought.version and not entry.ip.is_link_local]
        for entry in own:
            if entry.ip == sought:
                return Interface(str(found["name"]), int(entry.network.prefixlen), str(others[0]) if others else "")
    return Interface()


def serves(address: str, port: int = 6443, timeout: float = 3.0, ca: str = "") -> str:
    """Return what is wrong with the API server at C(address), '' when it is ready and this host's CA is its own, or C(ca), PEM."""
    try:
        settings = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context(cafile=CA_FILE)
        link = socket.create_connection((address, port), timeout)
        with link, settings.wrap_socket(link, server_hostname=address) as secure:
            secure.sendall(f"GET /readyz HTTP/1.1\r\nHost: {bracketed(address)}\r\nConnection: close\r\n\r\n".encode())
            line = secure.recv(1 << 12).split(b"\r\n", 1)[0].decode("ascii", "replace")
    except OSError as error:
        return f"{address}:{port} does not answer ({error})"
    return "" if line.split()[1:2] == ["200"] else f"{address}:{port} is not ready ({line})"


def resolve(name: str) -> list[str]:
    """Return the addresses a name stands for on this host, none where it is unknown."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def whose(name: str, port: int, timeout: float = 3.0) -> str:
    """Tell who serves TLS there: 'ours' (signed by the CA on this host), 'others', or 'nobody' that answers in C(timeout) s."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False
    with contextlib.suppress(FileNotFoundError):
        settings.load_verify_locations(CA_FILE)
    try:
        with socket.create_connection((name, port), timeout) as link:
            settings.wrap_socket(link, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        return "ours" if error.verify_code in UNTIMELY else "others"
    except OSError:
        return "nobody"
    return "ours"
