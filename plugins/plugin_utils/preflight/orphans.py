# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of the running cluster that the inventory does not have, or has at another address, and who may be removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import WELL, canonical
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import no_quorum

from ..contract import MANAGER, NODE
from ..shares import share
from .model import WARNING, Cluster, Fault, Host

Entry = Mapping[str, Any]


def listed(cluster: Cluster) -> tuple[str, list[Entry]]:
    """The first manager that answered, and the members as it knows them; ('', []) where none did."""
    for host, facts in cluster.seen():
        if facts.get("members") is not None:
            return host.name, list(facts["members"])
    return cluster.told[0], list(cluster.told[1])


def orphans(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the orphans as {name, address, part, id, status}: members of a name that the inventory does not have.

    One that lives at the address of a host of the inventory is that host, under another name. Hosts that joined by
    themselves, with a join token, are none.
    """
    names = {host.name for host in cluster.hosts}
    addresses = {canonical(host.address) for host in cluster.hosts}
    found = (entry for entry in listed(cluster)[1] if entry["name"] not in names and not entry.get("enrolled"))
    return [dict(e) for e in found if e["status"] not in WELL or canonical(e["address"]) not in addresses]


def moved(cluster: Cluster) -> list[tuple[Host, dict[str, Any]]]:
    """Hosts of the inventory that the cluster knows at another address, each with the member it knows there.

    A host that it knows at the inventory's address as well has joined again since: what is left of it only warns nobody.
    """
    hosts = {host.name: host for host in cluster.hosts}
    members = [entry for entry in listed(cluster)[1] if entry["name"] in hosts]
    right = {e["name"] for e in members if canonical(e["address"]) == canonical(hosts[e["name"]].address)}
    return [(hosts[entry["name"]], dict(entry)) for entry in members if entry["name"] not in right]


def first(cluster: Cluster) -> list[dict[str, Any]]:
    """Members to be removed before hosts join: dead managers, and those whose servers were replaced under their names."""
    dead = [entry for entry in orphans(cluster) if entry["part"] == MANAGER and entry["status"] not in WELL]
    return [*dead, *(entry for host, entry in moved(cluster) if _is_new(cluster, host))]


def _is_new(cluster: Cluster, host: Host) -> bool:
    """Tell whether the host is in this run and no member yet."""
    name, clusters = cluster.name, (host.facts or {}).get("clusters") or ()
    return host.facts is not None and all(found["name"] != name for found in clusters)


def removes(cluster: Cluster) -> bool:
    """Tell whether this run was told to remove orphans."""
    return any(boolean(host.variables.get("cluster_remove_orphans", False), strict=False) for host in cluster.hosts)


def orphaned(cluster: Cluster) -> Iterator[Fault]:
    """A member of the running cluster that the inventory does not know. Left alone unless told otherwise."""
    for orphan in orphans(cluster):
        text = f"{orphan['part']} {orphan['address']} ({orphan['status']}) is a member the inventory does not know"
        remedy = "nothing is done to it; add -e cluster_remove_orphans=true to install to remove it, or put it back into the stack"
        yield Fault(orphan["name"], "orphan", text, "install removes it" if removes(cluster) else remedy, WARNING)


def replaced(cluster: Cluster) -> Iterator[Fault]:
    """A member that the inventory has at another address: its server was replaced, or its address was changed."""
    for host, entry in moved(cluster):
        text = f"the member was made at {entry['address']}, the inventory says {host.address}"
        if host.facts is None:  # not in this run
            yield Fault(
                host.name, "address changed", text, "correct the address, or let a run include the host", WARNING
            )
        elif not _is_new(cluster, host):
            remedy = f"set cluster_address back to {entry['address']}, or run uninstall and install for this host"
            yield Fault(host.name, "address changed", text, remedy)
        elif removes(cluster):
            remedy = f"install forgets the member at {entry['address']} when no manager reaches it any more"
            yield Fault(host.name, "address changed", text, remedy, WARNING)
        else:
            remedy = "if its server was replaced, add -e cluster_remove_orphans=true to install; otherwise correct the address"
            yield Fault(host.name, "address changed", text, remedy)


def removal(cluster: Cluster) -> Iterator[Fault]:
    """More members to remove than one run may, or so many managers that the rest has no quorum; else what is left."""
    going = [*first(cluster), *(entry for entry in orphans(cluster) if entry not in first(cluster))]
    if not going or not removes(cluster):
        return
    value = cluster.hosts[0].variables.get("cluster_remove_max", "10%")
    members = listed(cluster)[1]
    for part in (MANAGER, NODE):
        names = [entry["name"] for entry in going if entry["part"] == part]
        try:
            limit = share(value, sum(entry["part"] == part for entry in members))
        except ValueError as error:
            yield Fault(
                "", "removal", f"cluster_remove_max: {error}", "write a number or a percentage of the host nodes"
            )
            return
        if part == MANAGER and "%" in str(value):  # which counts host nodes
            limit = 1
        if len(names) > limit:
            text = f"{len(names)} {part}s are to be removed ({', '.join(names)}), and one run removes {limit} at most"
            remedy = f"see that the inventory is whole; if they are to go, add -e cluster_remove_max={len(names)}"
            yield Fault("", "removal", text, remedy)
    yield from _quorum(members, [entry for entry in going if entry["part"] == MANAGER])


def _quorum(members: Sequence[Entry], going: Sequence[Entry]) -> Iterator[Fault]:
    if not going:
        return
    names = ", ".join(entry["name"] for entry in going)
    managers = (entry for entry in members if entry["part"] == MANAGER and entry not in going)
    others = {f"{entry['name']} {entry['address']}": entry["status"] in WELL for entry in managers}
    lost = no_quorum(others)
    if lost:
        yield Fault("", "removal", f"{names} cannot be removed: {lost}", "bring the other managers back first")
        return
    text = f"after the removal of {names}, {len(others)} managers are left, {sum(others.values())} of them healthy; the quorum is"
    yield Fault("", "removal", f"{text} {len(others) // 2 + 1}", "nothing; this is what install will do", WARNING)
