# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough netlink to list addresses and to try kernel features without any command on the host.

Message layouts: netlink(7), rtnetlink(7), linux/netfilter/nfnetlink.h. Standard library only.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
RTM_NEWLINK, RTM_GETADDR = 16, 22
NFT_GETGEN = 10 << 8 | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
_REQUEST, _ACK, _DUMP, _CREATE, _EXCL = 0x1, 0x4, 0x300, 0x400, 0x200
_ERROR, _DONE = 2, 3
_IFNAME, _LINKINFO, _INFO_KIND, _INFO_DATA, _VXLAN_ID = 3, 18, 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


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


def addresses() -> list[str]:
    """Return every address of this host but loopback and link-local ones, secondary addresses included."""
    found = []
    for _kind, payload in request(NETLINK_ROUTE, RTM_GETADDR, _DUMP, struct.pack("=BBBBi", 0, 0, 0, 0, 0)):
        values, rest = {}, payload[8:]
        while len(rest) >= 4:
            length, kind = struct.unpack_from("=HH", rest)
            values[kind] = rest[4:length]
            rest = rest[(length + 3) & ~3 :]
        raw = values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS, b""))
        if len(raw) in (4, 16):
            found.append(ipaddress.ip_address(raw))
    return sorted({str(ip) for ip in found if not (ip.is_loopback or ip.is_link_local)})
