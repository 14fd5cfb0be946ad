# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers of Nomad among themselves: what is asked of them around an absence, and how they find each other."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from ..cluster.members import canonical
from ..cluster.raft import read_health, step_down, wait_dispensable, wait_healthy
from ..cluster.remote import bracketed, wait_for
from .api import Api, ApiError
from .ports import SERF

# Seconds after which the gossip has given up the address of a name whose server died (memberlist, wide networks), with some more.
NAME_HELD = 120.0


def gather(api: Api, expected: list[str], timeout: float = NAME_HELD, interval: float = 5.0) -> str | None:
    """Wait until the leader knows all of C(expected); returns who is still missing, or None.

    A server that has the name of a dead one is refused by the gossip for a while, and tries again late: managers call it.
    """

    def probe() -> str | None:
        found = read_health(api).servers
        known = [server.address for server in found if server.healthy]
        missing = sorted(set(map(canonical, expected)) - {server.address for server in found})
        for asked in known if missing else ():
            for address in missing:
                with contextlib.suppress(ApiError):
                    replace(api, host=asked).put(f"/v1/agent/join?address={bracketed(address)}:{SERF}")
        return f"{', '.join(missing)} unknown to the leader" if missing else None

    return wait_for(probe, timeout, interval=interval)


def begin_absence(cluster: str, address: str, _addresses: Sequence[str], timeout: float) -> str | None:
    """Wait until the manager may be away, and hand over the leadership; why it must not, or None. Raises ApiError."""
    api = Api.from_env(cluster)
    reason = wait_dispensable(api, address, timeout)
    if not reason:
        step_down(api, address, timeout)
    return reason


def end_absence(cluster: str, _address: str, addresses: Sequence[str], timeout: float) -> str | None:
    """Wait until all managers are well; what still is not, or None. Raises ApiError."""
    return wait_healthy(Api.from_env(cluster), list(addresses), timeout)
