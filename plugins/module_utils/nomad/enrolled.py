# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host nodes the managers let in by a join token: records in Nomad's variables, whose paths say it all, so one request lists them.

Standard library only.
"""

from __future__ import annotations

from ..cluster.members import canonical
from .api import Api, ApiError

FOLDER = "keelson/enrolled"
KEPT = 86400.0  # seconds for which a host that is no node is remembered: Nomad forgets a dead one after a day
_SIGNS = str.maketrans(".:", "-_")  # a path has neither dots nor colons


def place(name: str, address: str) -> str:
    """Where the record of a host is."""
    return f"{FOLDER}/{name}/{canonical(address).translate(_SIGNS)}"


def record(api: Api, name: str, address: str) -> None:
    """Write down that a host was let in. Raises ApiError."""
    path = place(name, address)
    status, text = api.exchange(
        "PUT", f"/v1/var/{path}", {"Namespace": "default", "Path": path, "Items": {"address": address}}
    )
    if status != 200:
        raise ApiError(status, text.strip())


def places(api: Api) -> dict[str, float]:
    """The records, and when each was written (seconds since 1970). Raises ApiError."""
    found = api.get(f"/v1/vars?prefix={FOLDER}/") or []
    return {entry["Path"]: entry["ModifyTime"] / 1e9 for entry in found}


def forget_absent(api: Api, now: float) -> None:
    """Forget the hosts that are no node, and were let in long ago. Raises ApiError."""
    there = {place(node["Name"], node["Address"]) for node in api.get("/v1/nodes") or []}
    for path, written in places(api).items():
        if path not in there and now > written + KEPT:
            api.delete(f"/v1/var/{path}")
