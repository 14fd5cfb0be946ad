# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nomad's own protocols as an unauthorized client tries them.

RPC: a first byte says what follows (nomad/rpc.go: 1 RPC, 4 TLS), then net/rpc with MessagePack.
Gossip: hashicorp/memberlist; a ping is type 0 and a MessagePack map.
"""

from __future__ import annotations

from ..contract import Probe

_RPC, _TLS, _PING = b"\x01", b"\x04", b"\x00"
_ENCRYPTED, _ERROR = 10, 13  # what a member with a key answers to a ping without: an error, encrypted or not


def _text(value: str) -> bytes:
    return bytes([0xA0 | len(value)]) + value.encode()


# A call of Status.Ping, which needs no token.
_CALL = _RPC + b"\x82" + _text("ServiceMethod") + _text("Status.Ping") + _text("Seq") + b"\x01" + b"\x80"
RPC = Probe("tls", preface=_TLS, request=_CALL)

# An unencrypted ping, which any member answers that accepts such.
_MESSAGE = _PING + b"\x82" + _text("SeqNo") + b"\x01" + _text("Node") + _text("")
GOSSIP = Probe("gossip", request=_MESSAGE, refusals=bytes((_ENCRYPTED, _ERROR)))

HTTPS = Probe("https", guarded=("/v1/nodes", "/v1/jobs", "/v1/agent/members"))
