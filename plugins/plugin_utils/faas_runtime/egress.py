# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where functions may connect to: the entries of their `egress` lists and their services, and what is closed to all."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

# No function reaches these, whatever its list says: the host itself, metadata services, and what is no single host.
CLOSED = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/3",
    "::/127",
    "fe80::/10",
    "ff00::/8",
    # Metadata services outside the link-local networks: AWS, Google, Alibaba, Azure, Oracle; the last is AWS's through NAT64.
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "64:ff9b::a9fe:0/112",
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAME = re.compile(r"([*][.])?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def parse(entry: str) -> dict[str, Any]:
    """An entry NETWORK or NAME, with :PORT where it is for one port only. Raises ValueError."""
    match = re.fullmatch(r"\[([0-9a-f:/]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([0-9a-f:/]+)", entry)
    if not match:
        raise ValueError(entry)
    where, port = match.group(1) or match.group(3) or match.group(5), int(match.group(2) or match.group(4) or 0)
    if port > 65535 or (port == 0 and (match.group(2) or match.group(4))):
        raise ValueError(entry)
    if _NAME.fullmatch(where) and where.rpartition(".")[2] != "localhost":
        return {"name": where, "port": port}
    found = ipaddress.ip_network(where)
    if mapped(found):
        raise ValueError(entry)
    return {"network": str(found), "port": port}


def mapped(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether it is a network of IPv4 in the form of IPv6, behind which a closed address would hide."""
    return isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED)


def closed_to(entry: str, closed: Iterable[str]) -> str:
    """The network in which all of an entry is closed, '' when some of it is open."""
    given = parse(entry).get("network")
    desired = ipaddress.ip_network(given) if given else None
    for one in closed:
        known = ipaddress.ip_network(one)
        if desired and desired.version == known.version and desired.subnet_of(known):  # type: ignore[arg-type]
            return one
    return ""


def network(value: Any) -> str:
    """What is wrong with a network or an address."""
    text = value if isinstance(value, str) else ""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "must be a network"
    if mapped(found):
        return "is an address of IPv4; write it as one"
    return "" if str(found) in (text, f"{text}/{found.max_prefixlen}") else f"is no network; use {found}"


def destination(value: Any) -> str:
    """What is wrong with an entry of an egress list."""
    text = "must be a network or a name, such as 10.0.0.0/24, [fd00:1::/64]:443, api.example.com or *.example.com:443"
    try:
        fault = closed_to(value, CLOSED)
    except (TypeError, ValueError):
        fault = network(value)
        return fault if fault.startswith("is ") else text
    return f"is closed to functions ({fault})" if fault else ""


def service(value: Any) -> str:
    """What is wrong with the address of a service: one host and its port."""
    fault = destination(value)
    if fault.startswith("is closed"):
        return fault
    found = {} if fault else parse(value)
    one = found.get("name", "*")[0] != "*" or ipaddress.ip_network(found.get("network", "0.0.0.0/0")).num_addresses == 1
    return "" if found.get("port") and one else "must be HOST:PORT, such as db.example.com:5432"
