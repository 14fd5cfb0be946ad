# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nomad's own protocols as an unauthorized client tries them: RPC, and the gossip of its servers. Standard library only.

RPC: a first byte says what follows (nomad/rpc.go: 1 RPC, 4 TLS), then net/rpc with MessagePack.
Gossip: hashicorp/memberlist; a ping is type 0 and a MessagePack map.
"""

from __future__ import annotations

import socket

from ..checks.model import Verdict
from ..checks.tls import Endpoint, connection

RPC_TLS = b"\x04"
_RPC, _PING = b"\x01", b"\x00"
_ENCRYPTED, _ERROR = 10, 13  # what a member with a key answers to a ping without: an error, encrypted or not


def _text(value: str) -> bytes:
    return bytes([0xA0 | len(value)]) + value.encode()


def rpc_request() -> bytes:
    """Return a call of Status.Ping, which needs no token."""
    header = b"\x82" + _text("ServiceMethod") + _text("Status.Ping") + _text("Seq") + b"\x01"
    return _RPC + header + b"\x80"


def rpc_endpoint(address: str, port: int) -> Endpoint:
    """Return the RPC port as an endpoint to probe at."""
    return Endpoint(address, port, rpc_request(), RPC_TLS)


def ping() -> bytes:
    """Return an unencrypted gossip ping that any member answers which accepts such."""
    return _PING + b"\x82" + _text("SeqNo") + b"\x01" + _text("Node") + _text("")


def gossip_refused(address: str, port: int, wait: float = 0.7) -> Verdict:
    """Judge that gossip without the cluster's key gets no answer, by TCP and by UDP within `wait` seconds."""
    with connection(Endpoint(address, port, b"")) as link:
        link.sendall(ping())
        try:
            data = link.recv(1024)
        except ConnectionError:
            data = b""
    if data and data[0] not in (_ENCRYPTED, _ERROR):
        return Verdict(False, f"a gossip ping without the key was answered by TCP ({len(data)} bytes)")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(wait)
        link.connect((address, port))
        link.send(ping())
        try:
            data = link.recv(1024)
        except socket.timeout:
            return Verdict(True, "no answer to a ping without the key, by TCP and UDP")
    return Verdict(False, f"a gossip ping without the key was answered by UDP ({len(data)} bytes)")
