# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough netlink to list interfaces and routes, and to try kernel features without any command on the host.

Message layouts: netlink(7), rtnetlink(7), linux/netfilter/nfnetlink.h. Standard library only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import time
from typing import Any

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
RTM_NEWLINK, RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_DELNEIGH, RTM_GETNEIGH = 16, 18, 22, 26, 29, 30
NFT_GETGEN = 10 << 8 | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
_REQUEST, _ACK, _DUMP, _CREATE, _EXCL = 0x1, 0x4, 0x300, 0x400, 0x200
_ERROR, _DONE = 2, 3
_IFNAME, _LINKINFO, _INFO_KIND, _INFO_DATA, _VXLAN_ID = 3, 18, 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFLA_MTU, _IFF_LOOPBACK = 4, 0x8
_RTA_DST, _RTA_OIF, _RTA_MULTIPATH, _MAIN_TABLE, _UNICAST = 1, 4, 9, 254, 1
_NDA_DST, _NDA_LLADDR, _NUD_KNOWN = 1, 2, 0x02 | 0x04 | 0x08 | 0x10  # reachable, stale, delay, probe
_KIND = 0x3FFF  # above it are flags


def attribute(kind: int, value: bytes) -> bytes:
    """Return one netlink attribute, padded to four bytes."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def request(family: int, kind: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
    """Send one request and return the answers as (type, payload); raise OSError with the kernel's error number."""
    answers: list[tuple[int, bytes]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as link:
        link.settimeout(5)
        link.bind((0, 0))
        link.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 1, 0) + body)
        while True:
            data = link.recv(1 << 17)
            while data:
                length, answer, answer_flags = struct.unpack_from("=IHH", data)
                payload, data = data[16:length], data[(length + 3) & ~3 :]
                if answer == _ERROR:
                    number = -struct.unpack_from("=i", payload)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return answers
                if answer == _DONE:
                    return answers
                answers.append((answer, payload))
                if not answer_flags & 0x2 and not flags & _ACK:  # not one of many, and no acknowledgement asked for
                    return answers


def make_link(kind: str, name: str) -> None:
    """Make a network interface of `kind` (bridge, veth, vxlan); raise OSError when the kernel cannot."""
    info = attribute(_INFO_KIND, kind.encode())
    if kind == "vxlan":
        info += attribute(_INFO_DATA, attribute(_VXLAN_ID, struct.pack("=I", 1)))
    header = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)
    body = header + attribute(_IFNAME, name.encode() + b"\0") + attribute(_LINKINFO, info)
    request(NETLINK_ROUTE, RTM_NEWLINK, _ACK | _CREATE | _EXCL, body)


def probe_nf_tables() -> None:
    """Ask nf_tables for its generation; raise OSError when the kernel has none."""
    request(NETLINK_NETFILTER, NFT_GETGEN, 0, struct.pack("=BBH", 0, 0, 0))


def _attributes(rest: bytes) -> dict[int, bytes]:
    """The attributes of a message, by their kinds."""
    values = {}
    while len(rest) >= 4:
        length, kind = struct.unpack_from("=HH", rest)
        values[kind & _KIND] = rest[4:length]
        rest = rest[max(4, (length + 3) & ~3) :]
    return values


def interfaces() -> list[dict[str, Any]]:
    """Return every interface but loopback as {name, mtu, addresses: [ADDRESS/PREFIX]}, without link-local addresses."""
    found: dict[int, dict[str, Any]] = {}
    for _kind, payload in request(NETLINK_ROUTE, RTM_GETLINK, _DUMP, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)):
        index, flags = struct.unpack_from("=4xiI", payload)
        values = _attributes(payload[16:])
        if not flags & _IFF_LOOPBACK:
            name = values[_IFNAME].rstrip(b"\0").decode("utf-8", "replace")
            found[index] = {"name": name, "mtu": struct.unpack("=I", values[_IFLA_MTU])[0], "addresses": []}
    for _kind, payload in request(NETLINK_ROUTE, RTM_GETADDR, _DUMP, struct.pack("=BBBBi", 0, 0, 0, 0, 0)):
        prefix, index = struct.unpack_from("=xBxxi", payload)
        values = _attributes(payload[8:])
        raw = values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS, b""))
        if index in found and len(raw) in (4, 16) and not ipaddress.ip_address(raw).is_link_local:
            found[index]["addresses"].append(f"{ipaddress.ip_address(raw)}/{prefix}")
    return list(found.values())


def routes() -> list[dict[str, Any]]:
    """Return the unicast routes of the main table as {network, interface, protocol}; of a route by several ways the first."""
    found = []
    for _kind, payload in request(
        NETLINK_ROUTE, RTM_GETROUTE, _DUMP, struct.pack("=BBBBBBBBI", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ):
        family, prefix, table, protocol, kind = struct.unpack_from("=BBxxBBxB", payload)
        values = _attributes(payload[12:])
        if table != _MAIN_TABLE or kind != _UNICAST or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        nothing = bytes(4 if family == socket.AF_INET else 16)
        network = ipaddress.ip_network((values.get(_RTA_DST, nothing), prefix))
        index = struct.unpack_from("=i", values[_RTA_OIF])[0] if _RTA_OIF in values else 0
        if not index and len(values.get(_RTA_MULTIPATH, b"")) >= 8:
            index = struct.unpack_from("=4xi", values[_RTA_MULTIPATH])[0]
        if not network.is_link_local and not network.is_multicast:
            found.append({"network": str(network), "interface": _name(index), "protocol": protocol})
    return found


def _name(index: int) -> str:
    """The name of an interface, nothing where it is gone by now."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def _neighbours(address: bytes) -> list[tuple[int, int, str]]:
    """What the kernel knows of the machines with this address, as (index of the interface, state, hardware address)."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    found = []
    for _kind, payload in request(NETLINK_ROUTE, RTM_GETNEIGH, _DUMP, struct.pack("=BxxxiHBB", family, 0, 0, 0, 0)):
        index, state = struct.unpack_from("=4xiH", payload)
        values = _attributes(payload[12:])
        if values.get(_NDA_DST) == address:
            found.append((index, state, values.get(_NDA_LLADDR, b"").hex(":")))
    return found


def neighbour(address: str, wait: float = 1.0) -> str:
    """Return the hardware address of the machine that has C(address) on a network of this host, '' where none answers.

    The kernel asks for it (ARP, neighbour discovery) when something is to be sent there: an empty datagram to a port that
    discards. What it knows from before, perhaps of a machine that has the address no more, is forgotten first, as far as this
    process may do that.
    """
    desired = ipaddress.ip_address(address)
    family = socket.AF_INET if desired.version == 4 else socket.AF_INET6
    for index, _state, _hardware in _neighbours(desired.packed):
        body = struct.pack("=BxxxiHBB", family, index, 0, 0, 0) + attribute(_NDA_DST, desired.packed)
        with contextlib.suppress(OSError):
            request(NETLINK_ROUTE, RTM_DELNEIGH, _ACK, body)
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"", (str(desired), 9))
        except OSError:
            return ""
    deadline = time.monotonic() + wait
    while True:
        for _index, state, hardware in _neighbours(desired.packed):
            if state & _NUD_KNOWN and hardware:
                return hardware
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.1)
