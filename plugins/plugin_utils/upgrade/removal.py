# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a removal by name takes out of the cluster, and what it refuses before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import WELL
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import no_quorum

from ..contract import MANAGER, NODE
from ..preflight.model import Cluster
from ..preflight.orphans import listed
from ..user_error import UserError


class RemovalError(UserError):
    """The removal is refused; the message is one line, and nothing was changed."""


@dataclass(frozen=True)
class Removal:
    """The C(members) to remove, the C(live) hosts to uninstall first, the manager that does it, and what to tell."""

    members: list[dict[str, Any]]
    live: list[str]
    acting_manager: str
    warnings: list[str]

    @property
    def dead(self) -> list[dict[str, Any]]:
        """Those of the members that are forgotten as they are: only of these it can be foretold whether they may be."""
        return [entry for entry in self.members if entry["name"] not in self.live]

    @property
    def drain(self) -> list[dict[str, Any]]:
        """Those of the members that are host nodes and live."""
        return [entry for entry in self.members if entry["name"] in self.live and entry["part"] == NODE]


def plan(cluster: Cluster, names: Sequence[str]) -> Removal:
    """Plan the removal of members or hosts by their names. Raises RemovalError."""
    source, members = listed(cluster)
    hosts = {host.name: host for host in cluster.hosts}
    known = sorted({*hosts, *(entry["name"] for entry in members)})
    unknown = [name for name in names if name not in known]
    if not names or unknown:
        what = f"there is no {', '.join(unknown)}" if unknown else "it is empty"
        raise RemovalError(f"remove_hosts: {what}; the cluster {cluster.name} has {', '.join(known)}")
    going = [dict(entry) for entry in members if entry["name"] in names]
    managers = {entry["name"]: entry["status"] in WELL for entry in members if entry["part"] == MANAGER}
    if not source:
        raise RemovalError(
            "no manager tells what members the cluster has; start one, take one into --limit, or restore a backup"
        )
    lost = no_quorum({name: well for name, well in managers.items() if name not in names})
    if lost and set(names) & set(managers):
        raise RemovalError(f"{', '.join(sorted(set(names) & set(managers)))} cannot be removed: {lost}")
    acting = next((h.name for h, f in cluster.seen() if f.get("members") is not None and h.name not in names), "")
    if not acting:
        raise RemovalError("no manager that stays is in this run; look at --limit")
    live = [name for name in names if name in hosts and _has_part(cluster.name, hosts[name].facts)]
    return Removal(going, live, acting, [_named(hosts[name].variables, name) for name in names if name in hosts])


def _has_part(cluster: str, facts: Mapping[str, Any] | None) -> bool:
    """Whether the host answers and has something of the cluster on it."""
    return facts is not None and (bool(facts["receipts"]) or any(f["name"] == cluster for f in facts["clusters"]))


def _named(variables: Mapping[str, Any], name: str) -> str:
    stack = variables.get("stack") or {}
    where = f"stack {stack['name']} ({stack.get('resource', '')})" if stack.get("name") else "the inventory"
    return f"{where} still has {name}: take it out, or the next install makes it a member again"
