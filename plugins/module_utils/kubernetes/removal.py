# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take members out of a Kubernetes cluster without losing work or etcd's quorum. Standard library only."""

from __future__ import annotations

from ..cluster.removal import Refused
from . import etcd, host, view
from .api import Api
from .view import NODES


def node(api: Api, name: str, _address: str, deadline: float, timeout: float, check: bool) -> bool:
    """Drain a host node that lives, forget one that is dead; returns whether something was to be done.

    A live kubelet would register again, so its node stays known and drained until the host is gone. Raises Refused.
    """
    entry = api.find(f"{NODES}/{name}")
    if entry is None:
        return False
    found = view.parse_node(entry)
    if not found.trouble and found.cordoned and not view.work(api, name, leaving=True):
        return False
    if check:
        return True
    if found.trouble:
        api.delete(f"{NODES}/{name}")
        return True
    view.cordon(api, name)
    left = view.drain(api, name, deadline + timeout, deadline)
    if left:
        raise Refused(f"The host node {name} is not drained yet: {left}. Run again later.")
    return True


def manager(api: Api, name: str, address: str, _deadline: float, _timeout: float, check: bool) -> bool:
    """Remove a dead manager, its etcd member first; returns whether there was one. Raises Refused when it lives."""
    members = etcd.half_made(etcd.members(), address)
    found = api.find(f"{NODES}/{name}")
    if not members and found is None:
        return False
    if not host.serves(address):
        raise Refused(
            f"The manager {name} ({address}) lives, so it was not removed. Uninstall it first (playbook uninstall with "
            f"--limit {name}), or put it back into the stack."
        )
    if not check:
        for member in members:
            etcd.remove(member)
        api.delete(f"{NODES}/{name}")
    return True
