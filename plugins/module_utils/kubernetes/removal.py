# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take members out of a Kubernetes cluster without losing work or etcd's quorum. Standard library only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..cluster.members import Member
from ..cluster.remote import wait_for
from ..cluster.removal import Changed, Conditions, Refused, no_quorum
from . import etcd, removed, view
from .api import Api, ApiError
from .view import NODES


def node(api: Api, member: Member, how: Conditions) -> bool:
    """Drain a host node that lives, forget one that is dead; returns whether something was to be done.

    A live kubelet would register again, so its node stays known and drained until the host is gone. Dead is one that is not
    ready and that no manager reaches. Raises Refused, Changed.
    """
    found = _find(api, member)
    if found is None:
        return False
    known = view.list_nodes(api)
    heirs = [n for n in known if n.address == found.address != "" and n.name != found.name and not n.trouble]
    lives = not heirs and bool(how.evidence.alive(found.address))
    if lives and not found.trouble and found.cordoned and not view.work(api, found.name, leaving=True):
        return False
    if how.check:
        return True
    if not lives:
        reason = wait_for(lambda: _still_ready(api, member), how.timeout)
        if reason:
            raise Refused(f"The host node {member} does not answer, but {reason}. Run again in a minute.")
        _forget(api, found)
        return True
    with _this_very(found):
        view.cordon(api, found.name, number=found.number)
    left = view.drain(api, found.name, how.deadline + how.timeout, how.deadline)
    if left:
        raise Refused(f"The host node {member} is not drained yet: {left}. Run again later.")
    return True


def _forget(api: Api, found: view.Node) -> None:
    """Delete a node, and have its certificate refused. Raises Changed."""
    with _this_very(found):
        removed.forget(api, found.name, only={"uid": found.number})


@contextlib.contextmanager
def _this_very(found: view.Node) -> Iterator[None]:
    """Raise Changed where the API says that another node has the name since the node was looked up."""
    try:
        yield
    except ApiError as error:
        if error.status not in (409, 422):
            raise
        raise Changed(
            f"The member {found.name} ({found.address}) is another one by now, so it was left alone."
        ) from None


def _still_ready(api: Api, member: Member) -> str | None:
    found = _find(api, member)
    return "the API still calls it ready" if found is not None and not found.trouble else None


def _find(api: Api, member: Member) -> view.Node | None:
    """The node, looked up now. Raises Changed when another host has its name by now."""
    entry = api.find(f"{NODES}/{member.name}")
    if entry is None:
        return None
    found = view.parse_node(entry)
    if not member.is_same(found.name, found.address, found.number):
        known = f"{found.name} ({found.address or 'no address yet'}, UID {found.number})"
        raise Changed(f"The member {member} is {known} by now, so it was left alone.")
    return found


def manager(api: Api, member: Member, how: Conditions) -> bool:
    """Remove a dead manager, its etcd member first; returns whether there was one.

    Raises Refused when it may live or etcd would lose its quorum, Changed.
    """
    known = etcd.members()
    members = [entry for entry in etcd.half_made(known, member.address) if entry.name in ("", member.name)]
    try:
        found = _find(api, member)
    except Changed:
        if not members:
            raise
        found = None  # only what the old server has left in etcd goes
    if not members and found is None:
        return False
    alive = how.evidence.alive(member.address)
    if alive:
        raise Refused(
            f"The manager {member} was not removed, for it may live: {alive}. Uninstall it first (playbook uninstall with "
            f"--limit {member.name}), or put it back into the stack."
        )
    well = etcd.healthy() if members else set()
    lost = no_quorum({entry.name or entry.address: entry.address in well for entry in known if entry not in members})
    if members and lost:
        raise Refused(f"The manager {member} was not removed: {lost}. Bring the others back first, then run again.")
    if not how.check:
        for entry in members:
            etcd.remove(entry)
        if found is not None:
            _forget(api, found)
    return True
