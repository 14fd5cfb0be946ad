# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as preflight sees it: every host of the inventory, with what the run found out about it."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .. import components
from ..contract import Component, Engine, Part

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one host (or, with host '', with the cluster), and what to do about it."""

    host: str
    kind: str
    text: str
    remedy: str
    level: str = ERROR


@dataclass(frozen=True)
class Host:
    """A host of the inventory. `facts` is the answer of host_facts, or nothing; `failure` says why there is none,
    `unreachable` that the connection failed.

    `facts["clock"]` is {before, after}: the controller's time around the module (seconds since 1970).
    A host that this run leaves out (--limit) has neither facts nor failure.
    """

    name: str
    cluster: str
    part: str
    address: str
    connect: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] | None = None
    failure: str = ""
    unreachable: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """One cluster: its hosts, and the hosts of the inventory's other clusters.

    `told` is a manager that the run leaves out, and the members as it knows them, where somebody asked.
    """

    name: str
    engine: Engine
    networks: Mapping[str, str]
    hosts: tuple[Host, ...]
    others: tuple[Host, ...] = ()
    told: tuple[str, Sequence[Mapping[str, Any]]] = ("", ())

    def seen(self) -> Iterable[tuple[Host, Mapping[str, Any]]]:
        """Return the hosts whose facts are known, with them."""
        return [(host, host.facts) for host in self.hosts if host.facts is not None]

    def components(self, host: Host) -> tuple[Component, ...]:
        """Return the engine and what else the variables of a host enable."""
        return (self.engine, *components.enabled(host.variables))

    def parts(self, host: Host) -> list[Part]:
        """Return what the components of a host are on it; nothing where its part is unknown."""
        return components.parts(self.components(host), host.part)

    def makes(self, host: Host, interface: str) -> bool:
        """Whether an interface of this name is one that components of the host make."""
        return any(fnmatchcase(interface, name) for part in self.parts(host) for name in part.owned.interfaces)

    def all_components(self) -> list[Component]:
        """Return every component that any host has, once."""
        found = {component.name: component for host in self.hosts for component in self.components(host)}
        return list({self.engine.name: self.engine, **found}.values())


def member(cluster: Cluster, host: Host) -> bool:
    """Whether the host is a member of this very cluster already."""
    found = host.facts["clusters"] if host.facts else ()
    return any(entry["name"] == cluster.name and entry["component"] == cluster.engine.name for entry in found)


def networks(value: Any) -> dict[str, str]:
    """Return {name: CIDR} of cluster_networks: a mapping or a list of CIDRs, or of mappings with `cidr` (and `name`).

    Raises ValueError naming the entry that is no network.
    """
    if value is None:
        return {}
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, (list, tuple)):
        entries = [(_name(entry), entry) for entry in value]
    else:
        raise ValueError(f"cluster_networks is {value!r}: a list of CIDRs or a mapping of names to CIDRs is needed")
    found = {}
    for name, entry in entries:
        cidr = entry.get("cidr", entry.get("cidr_block")) if isinstance(entry, Mapping) else entry
        try:
            found[str(name)] = str(ipaddress.ip_network(str(cidr), strict=False))
        except ValueError as error:
            raise ValueError(f"cluster_networks, entry {name}: {cidr!r} is no network in CIDR form") from error
    return found


def families(addresses: Iterable[str], value: Any = None) -> list[int]:
    """Return the families of a cluster's addresses, 4 and 6, first that of its hosts' C(addresses), then those of cluster_networks.

    An address that is none is passed over. Raises ValueError as C(networks) does.
    """
    found = []
    for text in (*addresses, *networks(value).values()):
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_interface(text).version)
    return list(dict.fromkeys(found))


def _name(entry: Any) -> str:
    return str(entry.get("name", entry.get("cidr", ""))) if isinstance(entry, Mapping) else str(entry)
