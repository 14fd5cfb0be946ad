# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the cluster from hostvars: the only place that knows how variables are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import components
from .model import Cluster, Host, networks

LEFT_OUT = "__preflight_left_out"  # where playbooks/tasks/members.yml registers what managers outside the run answered


def chosen(hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> str:
    """Return the name of the one cluster `hosts` belong to; raise ValueError when it is not one."""
    owners = {name: hostvars[name].get("cluster_name") for name in hosts}
    homeless = sorted(name for name, owner in owners.items() if not owner)
    if homeless:
        raise ValueError(f"hosts without cluster_name: {', '.join(homeless)}; choose a cluster with -e cluster=NAME")
    names = sorted({str(owner) for owner in owners.values()})
    if not names:
        raise ValueError("no host is selected; choose a cluster with -e cluster=NAME, and look at --limit")
    if len(names) > 1:
        raise ValueError(f"the inventory has the clusters {', '.join(names)}; choose one with -e cluster=NAME")
    return names[0]


def choose(request: str, groups: Mapping[str, list[str]], hostvars: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the cluster that -e cluster=`request` (a cluster's group, or `clusters` for the only one) stands for.

    Raises ValueError naming the clusters there are.
    """
    names = sorted({str(v["cluster_name"]) for v in hostvars.values() if v.get("cluster_name")})
    if request not in (*names, "clusters") or not groups.get(request):  # another group may have any of their hosts
        known = ", ".join(names) or "none"
        raise ValueError(
            f"the inventory has no hosts in a cluster {request!r}; it has {known}. Give -i and -e cluster=NAME"
        )
    return chosen(hostvars, groups[request])


def read_host(name: str, variables: Mapping[str, Any], run: bool, register: str) -> Host:
    """Return one host; `run` tells whether this run includes it, `register` where host_facts' result lies."""
    answer = variables.get(register) or {}
    facts = (variables.get("ansible_facts") or {}).get("keelson") if run and answer.get("ansible_facts") else None
    failure = _why(answer) if run and facts is None else ""
    local = variables.get("ansible_connection") == "local"
    return Host(
        name=name,
        cluster=str(variables.get("cluster_name", "")),
        part=str(variables.get("cluster_part", "")),
        address=str(variables.get("cluster_address", "")),
        connect="" if local else f"{variables.get('ansible_host', name)}:{variables.get('ansible_port') or 22}",
        variables=variables,
        facts=facts,
        failure=failure,
        unreachable=bool(run and answer.get("unreachable")),
        groups=tuple(variables.get("group_names", ())),
    )


def _why(answer: Mapping[str, Any]) -> str:
    """Say why host_facts has no facts, with what its process printed, in one line of a few hundred characters."""
    text = f"{answer.get('msg') or 'host_facts did not run'} {answer.get('module_stderr') or ''}"
    return " ".join(text.removeprefix("Task failed: ").split())[:300]


def read_cluster(hostvars: Mapping[str, Mapping[str, Any]], play: Iterable[str], register: str) -> Cluster:
    """Return the cluster that the play's hosts belong to, with all its hosts of the inventory.

    Raises ValueError with one clear message for a wrong choice, an unknown engine or broken networks.
    """
    run = set(play)
    name = chosen(hostvars, sorted(run))
    members = [host for host in hostvars if hostvars[host].get("cluster_name")]
    hosts = [read_host(host, hostvars[host], host in run, register) for host in members]
    own = tuple(host for host in hosts if host.cluster == name)
    engine = own[0].variables.get("cluster_engine")
    if not engine:
        raise ValueError(f"cluster {name} has no cluster_engine; set it on the group {name}")
    return Cluster(
        name=name,
        engine=components.engine(str(engine)),
        networks=networks(own[0].variables.get("cluster_networks")),
        hosts=own,
        others=tuple(host for host in hosts if host.cluster != name),
        told=_told(hostvars, run),
    )


def _told(hostvars: Mapping[str, Mapping[str, Any]], run: Iterable[str]) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the first manager outside the run that told the members, and them."""
    for host in run:
        for answer in (hostvars[host].get(LEFT_OUT) or {}).get("results", ()):
            members = ((answer.get("ansible_facts") or {}).get("keelson") or {}).get("members")
            if members is not None:
                return str(answer["item"]), list(members)
    return "", []
