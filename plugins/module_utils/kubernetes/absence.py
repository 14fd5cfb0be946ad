# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time in which one manager is away from its cluster. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

from ..cluster.remote import wait_for
from . import etcd, kubeadm, network


def unsafe(own: str, managers: Sequence[str]) -> str | None:
    """Why the services of the manager at C(own) must not end now, or None; C(managers) are the addresses of all."""
    faults = (network.serves(address) for address in managers if address != own)
    fault = next((fault for fault in faults if fault), "")
    return fault or etcd.refuse_restart(etcd.members(), etcd.healthy(), own)


def begin(_cluster: str, own: str, managers: Sequence[str], timeout: float) -> str | None:
    """Wait until the manager may be away, and let another one lead etcd; why it must not, or None. Raises ApiError."""
    reason = wait_for(lambda: unsafe(own, managers), timeout)
    if not reason:
        etcd.hand_over(own)
    return reason


def end(_cluster: str, own: str, _managers: Sequence[str], timeout: float) -> str | None:
    """Wait until its services and all members of etcd are well; what still is not, or None."""
    return kubeadm.await_ready(own, timeout) or etcd.await_health(timeout) or None
