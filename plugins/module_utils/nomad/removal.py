# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take members out of a Nomad cluster without losing work or the quorum."""

from __future__ import annotations

from ..cluster.remote import answers, wait_for
from ..cluster.removal import Refused
from .api import Api, ApiError
from .nodes import drain, find_node, list_nodes, purge, running
from .ports import RPC
from .servers import Server, read_health


def node(api: Api, name: str, address: str, deadline: float, timeout: float, check: bool) -> bool:
    """Move all work off a host node that lives, forget one that is dead; returns whether something was to be done.

    A live agent that is forgotten registers again and takes work, so it stays known and drained until it is gone.
    C(deadline) and C(timeout) are in seconds. Raises Refused when work stays on it.
    """
    found = find_node(list_nodes(api), name, address)
    if found is None or (found.status == "ready" and not found.eligible and not running(api, found.node_id)):
        return False
    if check:
        return True
    if found.status != "ready":
        purge(api, found.node_id)
        return True
    reason = drain(api, found.node_id, deadline, deadline + timeout)
    if reason:
        raise Refused(f"The host node {name} is not drained yet: {reason}. Run again later.")
    return True


def manager(api: Api, name: str, address: str, deadline: float, timeout: float, check: bool) -> bool:
    """Remove a dead manager from the raft peers; returns whether it was one.

    C(deadline) is unused, a dead manager has no work. Raises Refused when it lives, or when the other managers have not
    noticed its death in C(timeout) seconds: they would count it as a peer again.
    """

    def found() -> Server | None:
        return next((server for server in read_health(api).servers if server.address == address), None)

    def noticed() -> str | None:
        peer = found()
        return "the other managers still take it for well" if peer is not None and peer.healthy else None

    peer = found()
    if peer is None:
        return False
    if peer.healthy and answers(address, RPC):
        raise Refused(
            f"The manager {name} ({address}) lives, so it was not removed: it would join again. Destroy its server, or "
            "put it back into the stack, then run again."
        )
    if check:
        return True
    reason = wait_for(noticed, timeout)
    if reason:
        raise Refused(f"The manager {name} ({address}) does not answer, but {reason}. Run again in a minute.")
    try:
        api.delete(f"/v1/operator/raft/peer?id={peer.raft_id}")
    except ApiError as error:
        # Autopilot takes dead peers off by itself, and goes on speaking of them for a while.
        if "not found in the Raft configuration" not in error.message:
            raise
    api.put(f"/v1/agent/force-leave?node={peer.name}&prune=true")
    return True
