# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boundary between the infrastructure network and the mesh, as data: where their rules leave a gap or contradict each other.

What shows only on a host (a service that listens beside its sidecar) is among the checks of C(verify).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .model import Mesh


class Finding(NamedTuple):
    """One place: C(kind) is gap or contradiction."""

    kind: str
    where: str
    text: str


def compare(mesh: Mesh, networks: Mapping[str, str]) -> Iterator[Finding]:
    """Compare the rules of the mesh with each other, and with the networks (CIDRs by name) that the stacks have."""
    for caller in mesh.callers.values():
        for upstream in caller.upstreams:
            targets = {target.key: target for target, _subset, weight in mesh.shares(upstream.key) if weight}
            for target in targets.values():
                if not any(rule.covers(caller.key) for rule in target.allow):
                    text = f"{caller.key} calls {target.key}, which has no allow rule for it: every call is refused"
                    yield Finding("contradiction", upstream.where, text)
    for callee in mesh.callees.values():
        for rule in callee.allow:
            callers = [key for key in mesh.callers if rule.covers(key)]
            if callers and not any(_reaches(mesh, caller, callee.key) for caller in callers):
                text = f"{callee.key} allows {rule.caller}, which has no upstream that leads to it"
                yield Finding("gap", rule.where, text)
    for service in mesh.services.values():
        if not service.strict:
            text = f"{service.key} is permissive: every host that the network lets through calls it without an identity"
            yield Finding("gap", service.where, text)
    for one in mesh.workloads.values():
        for instance in one.on_hosts:
            address = ipaddress.ip_address(instance.address)
            if networks and not any(address in ipaddress.ip_network(cidr) for cidr in networks.values()):
                text = f"{one.key} on {instance.host} is at {address}, outside the cluster's networks: sidecars may not reach it"
                yield Finding("contradiction", one.where, text)


def _reaches(mesh: Mesh, caller: str, key: str) -> bool:
    leads = (mesh.shares(upstream.key) for upstream in mesh.callers[caller].upstreams)
    return any(target.key == key for shares in leads for target, _subset, _weight in shares)
