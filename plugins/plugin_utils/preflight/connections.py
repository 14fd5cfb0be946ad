# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts connect to which, and what the table says of those that cannot.

Of every host the managers' ports are tried, and by managers those of every host. Among host nodes each tries the next one's,
so that their number is that of the hosts and not its square.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.preflight.connections import TAKEN

from ..contract import ANY_PORT, MANAGER, Listener
from .model import WARNING, Cluster, Fault, Host, member

Target = dict[str, Any]


def ports(listeners: Sequence[Listener]) -> list[dict[str, Any]]:
    """The ports that others connect to; of a range the first."""
    found = [entry for entry in listeners if entry.clients and entry.port != ANY_PORT and not entry.optional]
    return [{"port": entry.port, "protocol": entry.protocol} for entry in found]


def targets(cluster: Cluster, opened: Mapping[str, Mapping[str, str]]) -> dict[str, list[Target]]:
    """Return what each host connects to, by its name. `opened` is by host what was said of each port when it was opened.

    UDP is tried only where the port is ours for the moment: whatever else listens there does not answer us.
    """
    there = [host for host in cluster.hosts if host.name in opened]
    members = {part: [host for host in there if host.part == part] for part in cluster.engine.parts}
    plan: dict[str, list[Target]] = {host.name: [] for host in there}
    for host in there:
        for entry in (entry for part in cluster.parts(host) for entry in part.listeners):
            state = opened[host.name].get(f"{entry.port}/{entry.protocol}")
            if entry.optional or state is None or (state == TAKEN and entry.protocol == "udp"):
                continue
            target = {"host": host.name, "address": host.address, "port": entry.port, "protocol": entry.protocol}
            for source in _sources(host, entry, members):
                plan[source.name].append({**target, "purpose": entry.purpose})
    return plan


def _sources(host: Host, entry: Listener, members: Mapping[str, Sequence[Host]]) -> Iterator[Host]:
    for part in entry.clients:
        found = members.get(part, ())
        if part == host.part != MANAGER:
            found = [found[found.index(host) - 1]]
        yield from (source for source in found if source is not host)


def told(cluster: Cluster, register: str) -> list[Fault]:
    """The faults of what hosts tried; `register` is the variable in which each has its answer. Of members they are warnings:
    they live with them, and a run may be what repairs them."""
    answers = {host.name: host.variables.get(register) or {} for host in cluster.hosts} if register else {}
    plan, failed = ({name: a.get(key) or [] for name, a in answers.items()} for key in ("targets", "unreached"))
    members = {host.name for host in cluster.hosts if member(cluster, host)}
    found = faults(plan, failed)
    return [replace(fault, level=WARNING) if fault.host in members else fault for fault in found]


def faults(plan: Mapping[str, Sequence[Target]], failed: Mapping[str, Sequence[Target]]) -> Iterator[Fault]:
    """What could not be reached: a port that nobody reaches is one fault of its host, others one of each pair of hosts."""
    tried = Counter(_key(target) for entries in plan.values() for target in entries)
    wrong = Counter(_key(target) for entries in failed.values() for target in entries)
    closed = {key for key, count in wrong.items() if count == tried[key] > 1}
    told: set[tuple[str, int, str]] = set()
    for source, entries in failed.items():
        pairs: dict[tuple[str, str], list[Target]] = defaultdict(list)
        for target in entries:
            if _key(target) not in closed:
                pairs[target["host"], target["address"]].append(target)
            elif _key(target) not in told:
                told.add(_key(target))
                text = f"no host reaches its {_port(target)}: {target['error']}"
                remedy = f"let its firewall accept {target['port']}/{target['protocol']} from the cluster's hosts"
                yield Fault(target["host"], "connection", text, remedy)
        for (name, address), listed in pairs.items():
            text = f"does not reach {name} ({address}): " + "; ".join(f"{_port(t)}: {t['error']}" for t in listed)
            numbers = ", ".join(f"{t['port']}/{t['protocol']}" for t in listed)
            yield Fault(source, "connection", text, f"let what is between them pass {numbers} to {address}")


def _key(target: Target) -> tuple[str, int, str]:
    return target["host"], target["port"], target["protocol"]


def _port(target: Target) -> str:
    return f"port {target['port']}/{target['protocol']} ({target['purpose']})"
