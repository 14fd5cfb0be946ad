# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where clients reach the API of a cluster: a name or address of its own, and a port."""

from __future__ import annotations

import re

from ..cluster.remote import bracketed

PORT = 6443
#: What to do where a load balancer leads a manager that asks it to that manager itself, and nothing comes back.
HAIRPIN = (
    "let the load balancer lead managers to themselves (hairpin; on many: do not preserve the client's address), "
    "or leave the endpoint out and set cluster_vip to a free address"
)


def endpoint(given: str, vip: str = "") -> tuple[str, int]:
    """Host and port of C(given), which is a URL, host:port or host; of C(vip), an address, where nothing is given.

    ('', 6443) where neither is. Raises ValueError when it is none of these.
    """
    text = re.sub(r"^https://|/.*$", "", given or "") or bracketed(vip)
    if text.count(":") > 1 and not text.startswith("["):
        return text, PORT
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([\w.-]*))(?::(\d{1,5}))?", text)
    if not found:
        raise ValueError(
            f"the endpoint {given!r} is none: a URL, a name or an address is needed, with a port or without"
        )
    return found[1] or found[2], int(found[3] or PORT)


def join(host: str, port: int) -> str:
    """Write host and port as one text."""
    return f"{bracketed(host)}:{port}"
