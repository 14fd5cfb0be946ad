# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take members out of a Nomad cluster without losing work or the quorum."""

from __future__ import annotations

from ..cluster.members import Member, canonical
from ..cluster.raft import Server, read_health
from ..cluster.remote import wait_for
from ..cluster.removal import Changed, Conditions, Refused, no_quorum
from .api import Api, ApiError
from .nodes import Node, drain, list_nodes, purge, running


def node(api: Api, member: Member, how: Conditions) -> bool:
    """Move all work off a host node that lives, forget one that is dead; returns whether something was to be done.

    A live agent that is forgotten registers again and takes work, so it stays known and drained until it is gone. Dead is
    one that no manager reaches, and that Nomad calls down or has no work on. Raises Refused when work stays on it, Changed.
    """
    nodes = list_nodes(api)
    found = _find(nodes, member)
    if found is None:
        return False
    empty = not found.eligible and not running(api, found.node_id)
    heirs = [n for n in nodes if n.address == found.address and n.status == "ready" and n.node_id != found.node_id]
    dead = heirs or not how.evidence.alive(found.address)
    if empty and not dead and found.status == "ready":
        return False
    if how.check:
        return True
    if dead:
        # After an election Nomad takes minutes to call a node down; one without work is forgotten before.
        reason = None if empty else wait_for(lambda: _not_down(api, member), how.timeout)
        if reason:
            raise Refused(f"The host node {member} does not answer, but {reason}. Run again in a minute.")
        purge(api, found.node_id)
        return True
    reason = drain(api, found.node_id, how.deadline, how.deadline + how.timeout)
    if reason:
        raise Refused(f"The host node {member} is not drained yet: {reason}. Run again later.")
    return True


def _not_down(api: Api, member: Member) -> str | None:
    found = _find(list_nodes(api), member)
    return f"Nomad still calls it {found.status}" if found is not None and found.status != "down" else None


def _find(nodes: list[Node], member: Member) -> Node | None:
    """The node by its id, or, where the list that named the member knew none, by name and address. Raises Changed."""
    for found in nodes:
        if member.is_same(found.name, found.address, found.node_id):
            return found
    changed = next((found for found in nodes if member.number and found.node_id == member.number), None)
    if changed is not None:
        raise Changed(f"The host node {member} is {changed.name} ({changed.address}) by now, so it was left alone.")
    return None


def manager(api: Api, member: Member, how: Conditions) -> bool:
    """Remove a dead manager from the raft peers and the gossip; returns whether it was one.

    Raises Refused when it lives, when the others would have no quorum, or when they have not noticed its death in time:
    they would count it as a peer again. Raises Changed.
    """

    def found() -> Server | None:
        servers = read_health(api).servers
        return next((s for s in servers if member.is_same(s.name.rpartition(".")[0], s.address, s.raft_id)), None)

    def noticed() -> str | None:
        peer = found()
        return "the other managers still take it for healthy" if peer is not None and peer.healthy else None

    health, gossip = read_health(api), _gossip_name(api, member)
    peer = found()
    changed = next((s for s in health.servers if member.number and s.raft_id == member.number), None)
    if peer is None and changed is not None:
        raise Changed(f"The manager {member} is {changed.name} ({changed.address}) by now, so it was left alone.")
    if peer is None and not gossip:
        return False
    alive = how.evidence.alive(member.address)
    if alive:
        raise Refused(
            f"The manager {member} was not removed, for it may live: {alive}. Destroy its server, or put it back into the "
            "stack, then run again."
        )
    lost = no_quorum({s.name: s.healthy for s in health.servers if s.voter and s != peer})
    if lost:
        raise Refused(f"The manager {member} was not removed: {lost}. Bring the others back first, then run again.")
    if how.check:
        return True
    reason = wait_for(noticed, how.timeout)
    if reason:
        raise Refused(f"The manager {member} does not answer, but {reason}. Run again in a minute.")
    try:
        if peer is not None:
            api.delete(f"/v1/operator/raft/peer?id={peer.raft_id}")
    except ApiError as error:
        # Autopilot takes dead peers off by itself, and goes on speaking of them for a while.
        if "not found in the Raft configuration" not in error.message:
            raise
    gossip = _gossip_name(api, member)  # a new server of that name may have come meanwhile
    if gossip:
        api.put(f"/v1/agent/force-leave?node={gossip}&prune=true")
    return True


def _gossip_name(api: Api, member: Member) -> str:
    """The name under which the gossip knows this very member, or '': a new server may have its name."""
    for entry in api.get("/v1/agent/members")["Members"]:
        name = entry["Name"].removesuffix(f".{entry['Tags']['region']}")
        if entry["Status"] != "left" and member.is_same(name, canonical(entry["Addr"]), entry["Tags"].get("id", "")):
            return str(entry["Name"])
    return ""
