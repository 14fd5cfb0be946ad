# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report: the checks of all hosts of a run, put together from what its tasks registered."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check, broken, failure

from ..contract import Component

SAMPLE, OTHER = "Sample application", "Other"
# What a reader looks at together, in this order, before what the components add; a check of another kind comes last.
GROUPS: dict[str, tuple[str, ...]] = {
    "Hosts": ("reachable", "task", "service", "listeners", "certificate", "authority", "secret_files"),
    "Endpoints locked down": (
        *(
            "unauthorized_sockets",
            "plaintext",
            "no_certificate",
            "foreign_certificate",
            "old_tls",
            "no_token",
            "gossip",
        ),
    ),
    "Security benchmark": ("benchmark",),
    "Cluster": ("access", "members", "node"),
    SAMPLE: ("sample", "app"),
    "Managers stopped in turn": ("turn", "back"),
}


def groups(components: Iterable[Component]) -> dict[str, tuple[str, ...]]:
    """Return the kinds of checks by what a reader looks at together, those of the components included."""
    found = dict(GROUPS)
    for component in components:
        for title, kinds in component.groups.items():
            found[title] = (*found.get(title, ()), *kinds)
    return found


@dataclass(frozen=True)
class HostRow:
    """A host as the report shows it. `part` is manager or node; `network` the name of the network it lies in."""

    name: str
    part: str
    pool: str
    address: str
    network: str
    reachable: bool


@dataclass(frozen=True)
class Report:
    """Everything the report says. `time` is ISO 8601 with zone; instances are {id, host, address, port, moved}.

    `version` is the engine's, `seconds` what the run took until now, `collection` the version of this collection.
    `diagrams` are SVG elements by their headings, `made_of` what the cluster is made of, each part with its identity.
    """

    cluster: str
    engine: str
    environment: str
    endpoint: str
    time: str
    hosts: tuple[HostRow, ...]
    networks: Mapping[str, str]
    checks: tuple[Check, ...]
    instances: tuple[Mapping[str, Any], ...] = field(default=())
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: GROUPS)
    version: str = ""
    seconds: float = 0
    collection: str = ""
    diagrams: Mapping[str, str] = field(default_factory=dict)
    made_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if not check["passed"]]

    @property
    def passed(self) -> bool:
        """Whether anything was checked and nothing failed."""
        return bool(self.checks) and not self.failed

    def troubled(self) -> set[str]:
        """The names of the hosts that failed checks are about: the one asked about, else the one that asked.

        What fails with the sample application is the cluster's fault, not that of the host that asked.
        """
        names = {host.name for host in self.hosts}
        found = set()
        for check in self.failed:
            target = check["target"].split(" ")[0]
            if target in names:
                found.add(target)
            elif self.group_of(check["check"]) != SAMPLE:
                found.add(check["host"])
        return found

    def grouped(self) -> dict[str, list[Check]]:
        """The checks by what a reader looks at together."""
        found: dict[str, list[Check]] = {name: [] for name in self.groups}
        found[OTHER] = []
        for check in self.checks:
            found[self.group_of(check["check"])].append(check)
        return {name: checks for name, checks in found.items() if checks}

    def group_of(self, kind: str) -> str:
        """The group of a kind of check; kinds of the sample application begin with sample_."""
        plain = kind.split("_")[0] if kind.startswith("sample_") else kind
        return next((name for name, kinds in self.groups.items() if plain in kinds), OTHER)

    def as_data(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        return {
            "cluster": self.cluster,
            "engine": self.engine,
            "environment": self.environment,
            "endpoint": self.endpoint,
            "time": self.time,
            "version": self.version,
            "seconds": round(self.seconds, 1),
            "collection": self.collection,
            "made_of": dict(self.made_of),
            "passed": self.passed,
            "counts": {"checks": len(self.checks), "failed": len(self.failed)},
            "networks": dict(self.networks),
            "hosts": [vars(host) for host in self.hosts],
            "instances": [dict(instance) for instance in self.instances],
            "checks": [dict(check) for check in self.checks],
        }


def moved_instances(stays: Iterable[Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return every instance of the `stays`, which follow each other; `moved` are those not there in the last."""
    lists = [list(stay) for stay in stays if stay]
    last = {instance["id"] for instance in lists[-1]} if lists else set()
    known = {instance["id"]: {**instance, "moved": instance["id"] not in last} for stay in lists for instance in stay}
    return list(known.values())


def network_of(address: str, networks: Mapping[str, str]) -> str:
    """Return the name of the network an address lies in, or nothing."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return next((name for name, cidr in networks.items() if ip in ipaddress.ip_network(cidr)), "")


def collect(results: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """Return the checks of one host out of its registered results by their names.

    A host that did not answer is one failed check, and so is a task that failed.
    """
    found: list[Check] = []
    for name, result in results.items():
        if result.get("unreachable"):
            remedy = "start the host, repair its ssh access, run verify again"
            found.append(
                failure(
                    "reachable", "The host answers", str(result.get("msg", "")).removeprefix("Task failed: "), remedy
                )
            )
            break
        if result.get("failed"):
            found.append(broken(name, result))
        found += [_check(entry) for entry in result.get("checks") or []]
    return found


def _check(entry: Mapping[str, Any]) -> Check:
    """Make plain types of what a host sent."""
    return {
        "check": str(entry["check"]),
        "title": str(entry["title"]),
        "host": str(entry["host"]),
        "target": str(entry["target"]),
        "passed": entry["passed"] is True,
        "evidence": str(entry["evidence"]),
        "remedy": str(entry["remedy"]),
        "seconds": float(entry["seconds"]),
    }


def labelled(checks: Iterable[Check], host: str) -> list[Check]:
    """Return the checks with the host that asked."""
    return [{**check, "host": host} for check in checks]
