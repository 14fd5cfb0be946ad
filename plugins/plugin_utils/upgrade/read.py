# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what an upgrade is planned from: the members, the versions on hosts, the desired ones, and the bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import WELL

from ..bundle import manifest
from ..bundle.requests import Request
from ..bundle.versions import asked as variable
from ..components import manifests, parts, tasks
from ..contract import MANAGER, NODE, Component
from ..preflight.model import Cluster
from ..preflight.orphans import listed
from ..steps import behind, older
from .plan import Host, PlanError


def asked(cluster: Cluster) -> str:
    """The version of the engine that the cluster's variables ask for, else its manifest's first."""
    name = cluster.engine.versioned[0]
    found = next((host.variables.get(variable(host.variables)) for host in cluster.hosts), "")
    return str(found or manifest.default_version(*manifest.load(name)))


def upgradable(cluster: Cluster, part: str) -> list[Component]:
    """The components that have tasks for an upgrade of hosts of this part; what others have stays as it is."""
    role = "cluster_manager" if part == MANAGER else "host_node"
    return [c for c in cluster.all_components() if any(Path(f).is_file() for f in tasks([c], role, "upgrade"))]


def targets(cluster: Cluster, version: str) -> dict[str, dict[str, str]]:
    """By part, the version of each artifact that an upgrade brings. Raises BundleError when the engine has no such."""
    found: dict[str, dict[str, str]] = {}
    for part in cluster.engine.parts:
        known = upgradable(cluster, part)
        names = dict.fromkeys(Request.parse(text).name for own in parts(known, part) for text in own.artifacts)
        found[part] = {name: _target(cluster, name, version, manifests(known)) for name in names}
    return found


def _target(cluster: Cluster, name: str, version: str, folders: list[Path]) -> str:
    path, data = manifest.load(name, [*folders, manifest.SHIPPED])
    desired = version if name in cluster.engine.versioned else manifest.default_version(path, data)
    return manifest.resolve(path, data, desired, data["architectures"][0]).version


def requests(
    cluster: Cluster, names: Iterable[str], desired: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, list[str]]]:
    """By host and component, what it must be brought: new versions of what it has."""
    known = {host.name: host for host in cluster.hosts}
    found: dict[str, dict[str, list[str]]] = {}
    for host in map(known.__getitem__, names):
        held, versions = (host.facts or {}).get("artifacts") or {}, desired[host.part]
        for component in (c for c in cluster.components(host) if c in upgradable(cluster, host.part)):
            own = component.parts[host.part].artifacts if host.part in component.parts else ()
            chosen = [Request.parse(text) for text in own]
            new = [
                str(replace(r, version=versions[r.name]))
                for r in chosen
                if held.get(r.name, versions[r.name]) != versions[r.name]
            ]
            found.setdefault(host.name, {}).update({component.name: new} if new else {})
    return found


def hosts(cluster: Cluster) -> list[Host]:
    """The hosts of the inventory, with what the cluster says of each as a member."""
    members = {(entry["name"], entry["part"]): entry for entry in listed(cluster)[1]}
    found = []
    for host in cluster.hosts:
        member: Mapping[str, Any] = members.get((host.name, host.part)) or {}
        known = host.facts or {}
        found.append(
            Host(
                host.name,
                host.part,
                str(host.variables.get("cluster_pool") or ""),
                known.get("artifacts") or {},
                str(member.get("version", "")).lstrip("v"),
                str(member.get("status", "")) if host.facts is not None or not host.failure else "unreachable",
                str(member.get("mark", "")),
                bool(member.get("leader")),
                host.facts is not None or bool(host.failure),
            )
        )
    return found


def acting_manager(cluster: Cluster) -> str:
    """The first manager that answered, also where the run leaves it out; '' where none did."""
    return listed(cluster)[0]


def live_managers(cluster: Cluster) -> list[str]:
    """The addresses of the managers that the cluster calls well."""
    well = {entry["name"] for entry in listed(cluster)[1] if entry["part"] == MANAGER and entry["status"] in WELL}
    return [host.address for host in cluster.hosts if host.part == MANAGER and host.name in well]


def check_others(cluster: Cluster, version: str) -> list[str]:
    """What is to be told of host nodes that no inventory has, since they joined by themselves.

    Raises PlanError where one is so old that managers of the version do not work with it.
    """
    known = {host.name for host in cluster.hosts}
    told = []
    for member in listed(cluster)[1]:
        has = str(member.get("version", "")).lstrip("v")
        if member["part"] != NODE or member["status"] not in WELL or member["name"] in known:
            continue
        if not has or not older(has, version):
            continue
        if behind(has, version) > cluster.engine.node_minors:
            raise PlanError(
                f"{member['name']}, which is not in the inventory, runs {has}: managers of {version} work with host nodes that are "
                f"{cluster.engine.node_minors} minor versions behind at most; take it into the inventory, or remove it first"
            )
        told.append(
            f"{member['name']} is not in the inventory and keeps {has}; take it in, or have a new server made of a new image"
        )
    return told


def check_steps(cluster: Cluster) -> None:
    """Raise PlanError when the engine's part of the roles cannot upgrade."""
    files = [file for role in ("cluster_manager", "host_node") for file in tasks([cluster.engine], role, "upgrade")]
    if not all(Path(file).is_file() for file in files):
        raise PlanError(f"this release upgrades no cluster of engine {cluster.engine.name}")


def check_bundle(
    cluster: Cluster,
    names: Iterable[str],
    desired: Mapping[str, Mapping[str, str]],
    index: Mapping[str, Any],
    where: str,
) -> None:
    """Raise PlanError naming what the bundle lacks for these hosts."""
    known = {host.name: host for host in cluster.hosts}
    missing = set()
    for host in map(known.__getitem__, names):
        facts = host.facts or {}
        architecture = cluster.engine.architectures.get(facts.get("architecture", ""), "")
        for name, version in desired[host.part].items():
            held = (facts.get("artifacts") or {}).get(name)
            if held not in (None, version) and architecture not in index["artifacts"].get(name, {}).get(version, {}):
                missing.add(f"{name}={version}")
    if missing:
        given = ", ".join(f'"{name}"' for name in sorted(missing))
        raise PlanError(
            f"{where} lacks {', '.join(sorted(missing))}: fill it with playbook bundle and -e "
            f"'{{\"bundle_artifacts\": [{given}]}}'"
        )
