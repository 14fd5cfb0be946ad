# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses of hosts: one spelling for each, which can be a host's at all, and which are private."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Span = tuple[int, int, int]


def span(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Span:
    """Version, first and last number of a network: comparing numbers is far quicker than asking the network."""
    return network.version, int(network.network_address), int(network.broadcast_address)


def within(address: Address, spans: Iterable[Span]) -> bool:
    """Whether the address lies in one of the networks."""
    number, version = int(address), address.version
    return any(low <= number <= high and version == of for of, low, high in spans)


_NEVER = [
    (span(ipaddress.ip_network(text)), what)
    for what, texts in {
        "a loopback address": ("127.0.0.0/8", "::1/128"),
        "the unspecified address": ("0.0.0.0/8", "::/128"),
        "a link-local address": ("169.254.0.0/16", "fe80::/10"),
        "a multicast address": ("224.0.0.0/4", "ff00::/8"),
        "the broadcast address": ("255.255.255.255/32",),
        "the mask of a network": ("255.0.0.0/8",),
        "an IPv4 address in a form out of use": ("::/96",),
        "an address that a translator stands for": (
            *("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "192.0.0.0/29"),  # RFC 6052, 8215, 7915, 7335
        ),
        "an address of a tunnel out of use": ("2002::/16", "2001::/32"),  # RFC 7526, 4380
        "an address that swallows all": ("100::/64",),  # RFC 6666
    }.items()
    for text in texts
]
_PRIVATE = [
    span(ipaddress.ip_network(text))
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")
]
# What Docker, podman, libvirt, LXC and Nomad call every machine on their own bridge.
_BRIDGES = {
    int(ipaddress.ip_address(text)) for text in ("172.17.0.1", "10.88.0.1", "192.168.122.1", "10.0.3.1", "172.26.64.1")
}
_NUMBER = r"(?:0x[0-9a-f]+|[0-9]+)"
_LEGACY = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{1,3}}|0x[0-9a-f]+|[0-9]{{8,}}", re.IGNORECASE)


def read(text: str) -> Address:
    """The address that TEXT is, also with brackets, blanks or the length of its network's prefix; ValueError where it is none."""
    text = text.strip()
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "/" in text:
        interface = ipaddress.ip_interface(text)
        if interface.network.num_addresses > 2 and interface.ip in ends(interface.network):
            raise ValueError(text)
        address: Address = interface.ip
    else:
        address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.scope_id:
        raise ValueError(text)
    return address.ipv4_mapped or address


def ends(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[Address, ...]:
    """The addresses of a network that none of its hosts has."""
    first, last = network.network_address, network.broadcast_address
    return (first, last) if network.version == 4 else (first,)


def never(address: Address) -> str:
    """Why no host can have the address; empty when one can."""
    number, version = int(address), address.version
    return next((what for (of, low, high), what in _NEVER if low <= number <= high and version == of), "")


def private(address: Address) -> bool:
    """Whether the address lies in a private network."""
    return within(address, _PRIVATE)


def bridge(address: Address) -> bool:
    """Whether machines have the address on a bridge of their own, each the same."""
    return address.version == 4 and int(address) in _BRIDGES


def numeric(name: str) -> bool:
    """Whether resolvers take NAME for an IPv4 address, in today's notation or in an old one such as 127.1 or 0x7f000001."""
    return _LEGACY.fullmatch(name.rstrip(".")) is not None
