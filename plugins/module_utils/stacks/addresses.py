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
        "an IPv4 address in a form out of use": ("::/96",),
    }.items()
    for text in texts
]
_PRIVATE = [
    span(ipaddress.ip_network(text))
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
# IPv6 networks whose addresses stand for the IPv4 address at this bit.
_EMBEDDED = [
    (span(ipaddress.ip_network(text)), shift)
    for text, shift in (("64:ff9b::/96", 0), ("64:ff9b:1::/48", 0), ("::ffff:0:0:0/96", 0), ("2002::/16", 80))
]
_NUMBER = r"(?:0x[0-9a-f]+|[0-9]+)"
_LEGACY = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{1,3}}|0x[0-9a-f]+|[0-9]{{8,}}", re.IGNORECASE)


def read(text: str) -> Address:
    """The address that TEXT is, also with brackets or the length of its network's prefix; ValueError where it is none."""
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "/" in text:
        interface = ipaddress.ip_interface(text)
        if interface.network.num_addresses > 2 and interface.ip == interface.network.network_address:
            raise ValueError(text)
        address: Address = interface.ip
    else:
        address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.scope_id:
        raise ValueError(text)
    return address.ipv4_mapped or address


def never(address: Address) -> str:
    """Why no host can have the address; empty when one can."""
    number, version = int(address), address.version
    for (of, low, high), what in _NEVER:
        if low <= number <= high and version == of:
            return what
    if version == 6:
        for (_of, low, high), shift in _EMBEDDED:
            if low <= number <= high:
                return never(ipaddress.IPv4Address(number >> shift & 0xFFFFFFFF))
    return ""


def private(address: Address) -> bool:
    """Whether the address lies in a private network."""
    return within(address, _PRIVATE)


def numeric(name: str) -> bool:
    """Whether resolvers take NAME for an IPv4 address, in today's notation or in an old one such as 127.1 or 0x7f000001."""
    return _LEGACY.fullmatch(name.rstrip(".")) is not None
