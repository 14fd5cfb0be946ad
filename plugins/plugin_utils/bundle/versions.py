# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of an artifact a host is to have, by the variables of the host.

A running cluster keeps its versions: only an upgrade, which sets C(cluster_upgrade_versions), chooses others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import components
from ..steps import number

#: The variable by which an upgrade sets versions, by artifact.
UPGRADE = "cluster_upgrade_versions"


def asked(variables: Mapping[str, Any]) -> str:
    """The variable that says which version of the engine a new cluster gets."""
    return f"cluster_{variables.get('cluster_engine', '')}_version"


def held(variables: Mapping[str, Any]) -> Mapping[str, str]:
    """The versions that preflight found on a host, by artifact."""
    return ((variables.get("ansible_facts") or {}).get("keelson") or {}).get("artifacts") or {}


def lowest(hosts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The lowest version of each artifact on hosts."""
    found: dict[str, str] = {}
    for name, version in ((name, version) for answer in hosts for name, version in answer.items()):
        found[name] = min(found.get(name, version), version, key=number)
    return found


def of_managers(variables: Mapping[str, Any]) -> dict[str, str]:
    """The lowest version of each artifact on the cluster's managers, which the task that takes the lease asks too."""
    told = [answer.get("artifacts") or {} for answer in (variables.get("__cluster_leased") or {}).get("results") or ()]
    hostvars, groups = variables.get("hostvars") or {}, variables.get("groups") or {}
    for name in groups.get(f"{variables.get('cluster_name')}_managers") or ():
        told.append(held(hostvars.get(name) or {}))
    return lowest(told)


def kept(name: str, variables: Mapping[str, Any], template: Callable[[Any], Any] = lambda value: value) -> str:
    """The version of an artifact that a host is to have, '' for the one that its manifest has first.

    That of an upgrade, else the host's own, else that of its cluster, else the engine's that the cluster's variables ask for.
    """
    upgrade = template(variables.get(UPGRADE)) or {}
    found = upgrade.get(name) or held(variables).get(name) or of_managers(variables).get(name)
    if found or not variables.get(asked(variables)):
        return str(found or "")
    engine = components.known().get(str(template(variables.get("cluster_engine"))))
    return str(template(variables[asked(variables)])) if name in getattr(engine, "versioned", ()) else ""
