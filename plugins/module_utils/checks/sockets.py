# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets of this host with the processes that hold them, read from /proc. Standard library only."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import struct
from typing import Any

# States of /proc/net/*: include/net/tcp_states.h of Linux. An unconnected UDP socket shows TCP_CLOSE.
_LISTEN, _UNCONNECTED = "0A", "07"
UNKNOWN = {"pid": 0, "process": "", "executable": ""}
LOOKS = 3


def decode_address(text: str) -> str:
    """Turn the kernel's hexadecimal address (32-bit words in host order) into its usual form."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    packed = b"".join(struct.pack("=I", word) for word in words)
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def parse_table(text: str, protocol: str) -> list[dict[str, Any]]:
    """Return the listening sockets of one /proc/net table as {protocol, address, port, inode}."""
    desired = _LISTEN if protocol == "tcp" else _UNCONNECTED
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == desired:
            address, port = fields[1].split(":")
            where = {"protocol": protocol, "address": decode_address(address), "port": int(port, 16)}
            found.append({**where, "inode": int(fields[9])})
    return found


def owners(proc: str = "/proc") -> dict[int, dict[str, Any]]:
    """Return {inode: {pid, process, executable}} of the sockets whose process we may look at (for root all)."""
    found: dict[int, dict[str, Any]] = {}
    for pid in filter(str.isdigit, os.listdir(proc)):
        base = os.path.join(proc, pid)
        inodes = _sockets(os.path.join(base, "fd"))
        if inodes:
            owner = {"pid": int(pid), "process": read(os.path.join(base, "comm")).strip(), "executable": ""}
            with contextlib.suppress(OSError):  # it ended while we looked
                owner["executable"] = os.readlink(os.path.join(base, "exe"))
            for inode in inodes:
                found.setdefault(inode, owner)
    return found


def _sockets(folder: str) -> list[int]:
    """The inodes of a process's sockets. A busy one closes files while we look, which says nothing of its others."""
    found = []
    try:
        names = os.listdir(folder)
    except OSError:
        return []  # it ended, or is not ours to look at
    for name in names:
        with contextlib.suppress(OSError):
            link = os.readlink(os.path.join(folder, name))
            if link.startswith("socket:["):
                found.append(int(link[8:-1]))
    return found


def read(path: str) -> str:
    """Return a file's text, or nothing when it does not exist or may not be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def listening(proc: str = "/proc") -> list[dict[str, Any]]:
    """Return all listening sockets as {protocol, address, port, pid, process, executable}, sorted by port.

    systemd holds sockets for services it activates: the first holder by process number is named.
    """
    held_by_none: set[int] = set()
    for _look in range(LOOKS):  # a socket that nobody seems to hold may have been opened or closed while we looked
        tables, holders = _tables(proc), owners(proc)
        before, held_by_none = held_by_none, {entry["inode"] for entry in tables} - holders.keys()
        if held_by_none in (set(), before):  # the kernel's own stay without a holder
            break
    found = []
    for entry in tables:
        inode = entry.pop("inode")
        found.append({**entry, **holders.get(inode, UNKNOWN)})
    unique = {(s["port"], s["protocol"], s["address"], s["pid"]): s for s in found}
    return [unique[key] for key in sorted(unique)]


def _tables(proc: str) -> list[dict[str, Any]]:
    """All listening sockets with their inodes."""
    kinds = (("tcp", ""), ("tcp", "6"), ("udp", ""), ("udp", "6"))
    return [
        entry
        for protocol, family in kinds
        for entry in parse_table(read(os.path.join(proc, "net", protocol + family)), protocol)
    ]
